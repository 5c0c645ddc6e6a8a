"""Faces that ONNX Runtime and OpenCV find in photos of LIKENESS_SHARED: python photos.py FOLDER

Writes photos.json: numbers only, photos by name.
"""
import json
import sys
from pathlib import Path

import cv2
import onnxruntime
from PIL import Image

from reference import NMS_IOU, detect, overlap

shared = Path(sys.argv[1])
photos = sorted(p for p in (shared / "data/celeba/images").iterdir())[5::157][:40]
photos += sorted((shared / "data/london/neutral_front").glob("*.jpg"))[::11]
photos += sorted((shared / "data/london/smiling_front").glob("*.jpg"))[5::20]
models = {
    "yunet_n_dynamic.onnx": "yunet",
    "face-detection-yunet-2026may.onnx": "yunet",
    "scrfd_500m_kps.onnx": "scrfd",
    "yolov8-face-lite-t.onnx": "yolov8-face",
    "ultra-light-rfb-320.onnx": "ultra-light",
}
rows = []
for model, family in models.items():
    path = str(shared / "weights/detectors" / model)
    session = onnxruntime.InferenceSession(path)
    for photo in photos:
        name = str(photo.relative_to(shared / "data"))
        faces = detect(session, family, Image.open(photo).convert("RGB"))
        rows.append({"by": "onnxruntime", "model": model, "photo": name, "faces": faces})
    print(model, sum(len(r["faces"]) for r in rows if r["model"] == model), "faces in", len(photos))
    if family != "yunet":
        continue
    try:
        opencv = cv2.FaceDetectorYN.create(path, "", (320, 320), 0.6, NMS_IOU, 5000)
        for photo in photos:
            pixels = cv2.imread(str(photo))
            opencv.setInputSize((pixels.shape[1], pixels.shape[0]))
            _, found = opencv.detect(pixels)
            faces = [[float(f[14]), *map(float, f[:14])] for f in (found if found is not None else [])]
            faces = [[[round(f[0], 4)] + [round(v, 2) for v in f[1:]]] for f in sorted(faces, reverse=True)]
            name = str(photo.relative_to(shared / "data"))
            # OpenCV does not tell its near ties; they are those of ONNX Runtime.
            others = [f for r in rows if (r["model"], r["photo"]) == (model, name) for f in r["faces"] if len(f) > 1]
            for face in faces:
                face += [c for f in others if overlap(f[0], face[0]) > NMS_IOU for c in f]
            rows.append({"by": "opencv", "model": model, "photo": name, "faces": faces})
    except cv2.error as error:
        print("OpenCV:", model, str(error)[:200])
with open("photos.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
