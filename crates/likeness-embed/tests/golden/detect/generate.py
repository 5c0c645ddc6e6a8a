"""Small graphs with made-up answers and the faces they mean: python generate.py

Each graph takes one picture of 64×32 pixels and answers the same numbers to any.
"""
import json

import numpy as np
import onnx
from onnx import TensorProto, helper

from reference import FAMILIES, decode, finish, layout

random = np.random.default_rng(11)
WIDTH, HEIGHT = 64, 32


def graph(path, outputs, shape=(1, 3, HEIGHT, WIDTH), inputs=("picture",), plus=0.0, cast=None, op="Add"):
    """Writes a graph whose outputs are constants plus `plus` times the picture's mean."""
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in inputs]
    nodes = [
        helper.make_node("ReduceMean", [inputs[0]], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "factor"], ["change"]),
    ]
    constants = [onnx.numpy_helper.from_array(np.array(plus, np.float32), "factor")]
    results = []
    for name, value in outputs.items():
        constants.append(onnx.numpy_helper.from_array(value.astype(np.float32), f"{name}_value"))
        nodes.append(helper.make_node(op, [f"{name}_value", "change"], [name if cast is None else f"{name}_float"]))
        if cast is not None:
            nodes.append(helper.make_node("Cast", [f"{name}_float"], [name], to=cast))
        results.append(helper.make_tensor_value_info(name, cast or TensorProto.FLOAT, value.shape))
    model = helper.make_model(
        helper.make_graph(nodes, "made-up", values, results, constants), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)


def cells(stride, width=WIDTH, height=HEIGHT):
    return (width // stride) * (height // stride)


def yunet(width=WIDTH, height=HEIGHT):
    outputs = {}
    for name, columns in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride in (8, 16, 32):
            shape = (1, cells(stride, width, height), columns)
            value = random.uniform(0.2, 1, shape) if columns == 1 else random.normal(0.3, 0.6, shape)
            outputs[f"{name}_{stride}"] = value
    return outputs


def scrfd():
    outputs, number = {}, 440
    for columns in (1, 4, 10):
        for stride in (8, 16, 32):
            shape = (1, 2 * cells(stride), columns)
            outputs[str(number)] = random.uniform(0, 1.2 if columns == 1 else 3, shape)
            number += 9
    return outputs


def yolov8_face():
    return {
        f"map{stride}": random.normal(0, 2, (1, 80, HEIGHT // stride, WIDTH // stride)) for stride in (8, 16, 32)
    }


def ultra_light():
    low, extent = random.uniform(0, 0.8, (1, 60, 2)), random.uniform(0.02, 0.4, (1, 60, 2))
    face = random.uniform(0.4, 1, (1, 60, 1))
    return {"scores": np.concatenate([1 - face, face], 2), "boxes": np.concatenate([low, low + extent], 2)}


expected = []
for family, outputs in {
    "yunet": yunet(),
    "scrfd": scrfd(),
    "yolov8-face": yolov8_face(),
    "ultra-light": ultra_light(),
}.items():
    graph(f"{family}.onnx", outputs)
    outputs = [v.astype(np.float32) for v in outputs.values()]
    for size in ((64, 32), (100, 80), (37, 64)):
        plan = layout(*size, (WIDTH, HEIGHT), FAMILIES[family][3])
        faces = finish(decode(family, outputs, WIDTH, HEIGHT), FAMILIES[family][5], size, plan)
        expected.append({"family": family, "size": size, "faces": faces})
        print(family, size, len(faces))

graph("bad/not-a-number.onnx", yunet(), plus=np.nan, op="Mul")
graph("bad/no-detector.onnx", {"embedding": random.normal(0, 1, (1, 128))})
graph("bad/one-stride-short.onnx", {k: v for k, v in yunet().items() if not k.endswith("_32")})
graph("bad/two-inputs.onnx", yunet(), inputs=("left", "right"))
graph("bad/vector-input.onnx", yunet(), shape=(1, 10))
graph("bad/grey-input.onnx", yunet(), shape=(1, 1, HEIGHT, WIDTH))
graph("bad/batch-of-four.onnx", yunet(), shape=(4, 3, HEIGHT, WIDTH))
graph("bad/whole-numbers.onnx", yunet(), cast=TensorProto.INT32)
graph("bad/frozen.onnx", yunet(160, 128), shape=("n", 3, "height", "width"))
infinite = {k: v * 0 + (1 if v.shape[2] == 1 else 200) for k, v in yunet().items()}
graph("bad/infinite-boxes.onnx", infinite)
low = np.stack(np.meshgrid(np.arange(45), np.arange(45)), -1).reshape(1, -1, 2) / 45
crowd = {"scores": np.full((1, 2025, 2), 0.9), "boxes": np.concatenate([low, low + 0.01], 2)}
graph("bad/crowd.onnx", crowd)

with open("expected.json", "w") as file:
    json.dump(expected, file, separators=(",", ":"))
