"""Times one ONNX graph on ONNX Runtime, on one thread; prints milliseconds of CPU time a picture.

    engine.py MODEL.onnx BATCH WIDTH [HEIGHT]
"""

import statistics
import sys
import time

import numpy as np
import onnxruntime

path, batch, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
height = int(sys.argv[4]) if len(sys.argv) > 4 else width
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
count = batch * 3 * height * width
values = np.floor(np.arange(count) * 7919 % 1021 / 4).astype(np.float32).reshape(batch, 3, height, width)
feed = {session.get_inputs()[0].name: values}
session.run(None, feed)
times, start = [], time.perf_counter()
while len(times) < 10 or (time.perf_counter() - start < 2 and len(times) < 500):
    before = time.process_time()
    session.run(None, feed)
    times.append(time.process_time() - before)
print(f"onnxruntime {statistics.median(times) * 1e3 / batch:8.3f} ms")
