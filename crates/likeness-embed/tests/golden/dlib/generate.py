"""Writes expected.json: what dlib computes for the faces in this folder.

Needs the packages dlib and face_recognition_models, which are not in xtask/python/requirements.txt, because dlib is compiled for
minutes. Without them nothing is changed.
"""

import json
import pathlib
import sys

import numpy
from PIL import Image

try:
    import dlib
    import face_recognition_models
except ImportError as error:
    print(f"{error}: expected.json is left as it is")
    sys.exit(0)

here = pathlib.Path(__file__).parent
network = dlib.face_recognition_model_v1(face_recognition_models.face_recognition_model_location())
expected = {}
for path in sorted(here.glob("*.png")):
    pixels = numpy.asarray(Image.open(path).convert("RGB"))
    # No jitter: one pass over the pixels as they are.
    expected[path.name] = [float(numpy.float32(v)) for v in network.compute_face_descriptor(pixels, 0)]
(here / "expected.json").write_text(json.dumps(expected, indent=0) + "\n")
