"""Embeds photos in a Python loop: Pillow, centre square, a network, one output file.

    embed.py PHOTOS MODEL.onnx NAME onnxruntime|eager SIDE OUT.npy

MODEL.onnx is the export of NAME by `networks.py`; eager uses PyTorch. Batches of 32, the library's own threads. Prints JSON.
"""

import json
import os
import sys

import numpy as np
from PIL import Image

folder, path, name, runtime, side, out = sys.argv[1:7]
side = int(side)
if runtime == "onnxruntime":
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name

    def embed(batch):
        return session.run(None, {entry: batch})[0]
else:
    import torch

    import networks

    module = networks.network(name)

    def embed(batch):
        with torch.inference_mode():
            return module(torch.from_numpy(batch)).numpy()


rows, batch, photos = [], [], sorted(os.listdir(folder))
for at, photo in enumerate(photos):
    image = Image.open(os.path.join(folder, photo)).convert("RGB")
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    image = image.resize((side, side), Image.BICUBIC, (left, top, left + edge, top + edge))
    batch.append(np.asarray(image, np.float32).transpose(2, 0, 1))
    if len(batch) == 32 or at + 1 == len(photos):
        found = embed(np.stack(batch))
        rows.append(found / np.linalg.norm(found, axis=1, keepdims=True))
        batch = []
np.save(out, np.concatenate(rows))
print(json.dumps({"photos": len(photos)}))
