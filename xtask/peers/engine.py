"""Times a network on a Python library, from faces to embeddings; prints a line of JSON for each BATCHxTHREADS.

    engine.py MODEL.onnx NAME onnxruntime|eager|compiled SIDE SECONDS BATCHxTHREADS...

MODEL.onnx is the export of NAME by `networks.py`; eager and compiled use PyTorch. The time includes the conversion of 8-bit
faces to tensors, as in the example `engine_speed`. One call at a time, with THREADS threads.
"""

import json
import math
import resource
import statistics
import sys
import time

import numpy as np

path, name, runtime, side, seconds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])


def tensor(faces):
    return np.ascontiguousarray(faces.transpose(0, 3, 1, 2)).astype(np.float32)


def caller(batch, threads):
    if runtime == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0].name
        return lambda faces: session.run(None, {entry: tensor(faces)})[0]
    import torch

    import networks

    torch.set_num_threads(threads)
    module = networks.network(name)
    run = torch.compile(module) if runtime == "compiled" else module

    def call(faces):
        with torch.inference_mode():
            return run(torch.from_numpy(tensor(faces))).numpy()

    return call


for mode in sys.argv[6:]:
    batch, threads = map(int, mode.split("x"))
    faces = (np.arange(batch * side * side * 3) * 7919 % 1021 // 4).astype(np.uint8).reshape(batch, side, side, 3)
    begun = time.perf_counter()
    call = caller(batch, threads)
    load = time.perf_counter() - begun
    for _ in range(2):
        call(faces)
    times, cpu, start = [], time.process_time(), time.perf_counter()
    while time.perf_counter() - start < seconds:
        before = time.perf_counter()
        rows = call(faces)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        times.append(time.perf_counter() - before)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    times.sort()
    print(json.dumps({
        "engine": runtime,
        "mode": mode,
        "images_per_s": len(times) * batch / wall,
        "p50_ms": 1e3 * statistics.median(times),
        "p99_ms": 1e3 * times[math.ceil((len(times) - 1) * 0.99)],
        "cpu_ms": 1e3 * cpu / (len(times) * batch),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "load_ms": 1e3 * load,
    }))
