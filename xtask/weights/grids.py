"""Reads the grids of the activations from a model that `likeness models quantize` has written.

    python grids.py original.onnx quantized.onnx "DESCRIPTION" grids.json

`original.onnx` names the activations; its operators must be those of the quantised file, in the same order.
"""

import json
import sys

import onnx
from onnx import numpy_helper

PAIR = ("QuantizeLinear", "DequantizeLinear")


def grids(original, quantized):
    """Name, scale and zero point of each quantised activation."""
    constants = {c.name: numpy_helper.to_array(c) for c in quantized.graph.initializer}
    layers = [n for n in quantized.graph.node if n.op_type not in PAIR]
    if [n.op_type for n in layers] != [n.op_type for n in original.graph.node]:
        raise ValueError("the two files have other operators")
    names = {b.output[0]: a.output[0] for a, b in zip(original.graph.node, layers)}
    for node in quantized.graph.node:
        if node.op_type == "QuantizeLinear":
            scale, zero = (constants[name] for name in node.input[1:])
            # The shortest decimal number that is this f32.
            yield names[node.input[0]], {"scale": float(str(scale)), "zero_point": int(zero)}


def main():
    original, quantized, description, target = sys.argv[1:]
    found = dict(grids(onnx.load(original), onnx.load(quantized)))
    with open(target, "w", encoding="utf-8") as file:
        json.dump({"description": description, "activations": found}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
