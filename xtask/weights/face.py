"""The built-in face model: dlib's network with int8 weights.

    python face.py dlib_face_recognition_resnet_model_v1.dat model.onnx

The grids of the activations are in face/grids.json; its README says how they were measured.
"""

import pathlib
import sys

import dlib_resnet
import quantize


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    network = dlib_resnet.Network(source.read_bytes())
    original = dlib_resnet.write(network)
    # The f32 network, for the tests that compare it with dlib.
    target.with_name("dlib.onnx").write_bytes(original)
    grids = quantize.read_grids(pathlib.Path(__file__).parent / "face" / "grids.json")
    target.write_bytes(quantize.quantized(original, grids))


if __name__ == "__main__":
    main()
