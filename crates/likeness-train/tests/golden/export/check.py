"""Checks exported graphs with ONNX's own checker and ONNX Runtime: python check.py FOLDER (see README.md)."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

# The tolerances of the test: networks with drawn numbers, and with fitted statistics.
TOLERANCE = {"drawn": 1e-5, "fitted": 1e-4}
graphs = sorted(Path(sys.argv[1]).glob("*.onnx"))
assert graphs, "no graphs; write them first"
print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__, "numpy", np.__version__)
for path in graphs:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    operators = sorted({node.op_type for node in model.graph.node})
    assert "BatchNormalization" not in operators
    for node in model.graph.node:
        if node.op_type == "Conv":
            names = {attribute.name for attribute in node.attribute}
            assert names == {"dilations", "kernel_shape", "pads", "strides", "group"}, names
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    assert shape[0] == "batch" and session.get_outputs()[0].shape[0] == "batch"
    for batch in (1, 3):
        read = lambda what: np.fromfile(path.with_suffix(f".{batch}.{what}.f32"), np.float32)
        expected = read("embedding").reshape(batch, -1)
        (found,) = session.run(["embedding"], {"input": read("input").reshape(batch, *shape[1:])})
        assert found.shape == expected.shape
        share = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
        print(f"{path.stem:24} batch {batch}: {share.max():.1e}  {' '.join(operators)}")
        assert share.max() < TOLERANCE[path.stem.rsplit("-", 1)[1]], path
