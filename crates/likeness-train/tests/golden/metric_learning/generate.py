"""Losses with gradients, and miners' triplets, by pytorch-metric-learning and PyTorch; see README.md."""

import json
from pathlib import Path

import numpy as np
import torch
from pytorch_metric_learning import losses, miners
from pytorch_metric_learning.distances import CosineSimilarity, LpDistance
from pytorch_metric_learning.reducers import AvgNonZeroReducer, MeanReducer
from pytorch_metric_learning.utils import loss_and_miner_utils as lmu

torch.set_num_threads(1)


def numbers(tensor):
    """Rounded to f32, so that both sides begin with the same numbers."""
    return [float(np.float32(v)) for v in tensor.detach().double().flatten()]


def leaf(values, shape):
    return torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()


def distance_of(name):
    """Ours: squared and plain Euclidean of the embeddings as they are; cosine normalises."""
    return {
        "squared-euclidean": lambda: LpDistance(normalize_embeddings=False, power=2),
        "euclidean": lambda: LpDistance(normalize_embeddings=False),
        "cosine": lambda: CosineSimilarity(),
    }[name]()


def triplet_cases(values, shape, labels):
    triplets = lmu.get_all_triplets_indices(labels)
    for name in ["squared-euclidean", "euclidean", "cosine"]:
        for margin in [0.05, 0.2, None]:
            for reduction in ["mean-active", "mean-all"]:
                loss_function = losses.TripletMarginLoss(
                    margin=0.0 if margin is None else margin,
                    smooth_loss=margin is None,
                    distance=distance_of(name),
                    reducer=AvgNonZeroReducer() if reduction == "mean-active" else MeanReducer(),
                )
                embeddings = leaf(values, shape)
                loss = loss_function(embeddings, labels, triplets)
                loss.backward()
                yield {
                    "distance": name,
                    "margin": margin,
                    "reduction": reduction,
                    "loss": loss.item(),
                    "gradient": numbers(embeddings.grad),
                }


def miner_cases(values, shape, labels):
    by_name = {
        "all": lambda d: lambda e, l: lmu.get_all_triplets_indices(l),
        "batch-hard": lambda d: miners.BatchHardMiner(distance=d),
        "semi-hard": lambda d: miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard", distance=d),
        "easy-positive-hard": lambda d: miners.BatchEasyHardMiner("easy", "hard", distance=d),
        "easy-positive-semi-hard": lambda d: miners.BatchEasyHardMiner("easy", "semihard", distance=d),
    }
    for distance in ["squared-euclidean", "euclidean", "cosine"]:
        for name, make in by_name.items():
            if name == "all" and distance != "cosine":
                continue
            found = make(distance_of(distance))(torch.tensor(values).double().reshape(shape), labels)
            # Pairs of one anchor come as (anchor, positive, anchor, negative).
            a, p, n = found if len(found) == 3 else (found[0], found[1], found[3])
            triplets = sorted(zip(a.tolist(), p.tolist(), n.tolist()))
            yield {"distance": distance, "miner": name, "triplets": triplets}


def margin_cases(values, shape, labels, generator):
    classes = int(labels.max()) + 1
    weight = numbers(torch.randn(classes * shape[1], generator=generator))
    for name, scale, margin in [
        ("arcface", 64.0, 0.5),
        ("arcface", 8.0, 0.3),
        ("arcface", 4.0, 1.4),
        ("cosface", 64.0, 0.35),
        ("cosface", 24.0, 0.25),
    ]:
        if name == "arcface":
            function = losses.ArcFaceLoss(classes, shape[1], margin=np.degrees(margin), scale=scale)
        else:
            function = losses.CosFaceLoss(classes, shape[1], margin=margin, scale=scale)
        # Ours is [classes, dim], theirs its transpose.
        weights = leaf(weight, (classes, shape[1]))
        function.W = torch.nn.Parameter(weights.detach().t().clone())
        embeddings = leaf(values, shape)
        loss = function(embeddings, labels)
        loss.backward()
        yield {
            "loss_function": name,
            "scale": scale,
            "margin": margin,
            "weight": weight,
            "loss": loss.item(),
            "gradient": numbers(embeddings.grad),
            "weight_gradient": numbers(function.W.grad.t()),
        }


def classification_cases(values, shape, labels):
    for smoothing in [0.0, 0.1]:
        logits = leaf(values, shape)
        loss = torch.nn.functional.cross_entropy(3 * logits, labels % shape[1], label_smoothing=smoothing)
        loss.backward()
        yield {"smoothing": smoothing, "loss": loss.item(), "gradient": numbers(logits.grad)}


def batch(seed, labels, dim, unit):
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(len(labels), dim, generator=generator)
    if unit:
        embeddings = torch.nn.functional.normalize(embeddings)
    values, shape = numbers(embeddings), (len(labels), dim)
    labels = torch.tensor(labels)
    return {
        "dim": dim,
        "labels": labels.tolist(),
        "embeddings": values,
        "triplet": list(triplet_cases(values, shape, labels)),
        "miners": list(miner_cases(values, shape, labels)),
        "margin": list(margin_cases(values, shape, labels, generator)),
        "classification": list(classification_cases(values, shape, labels)),
    }


def main():
    batches = [
        batch(1, [0, 0, 1, 1, 2, 2], 4, True),
        batch(2, [0, 1, 2, 0, 1, 2, 0, 3, 1], 8, True),
        batch(3, [i % 4 for i in range(16)], 6, False),
    ]
    path = Path(__file__).parent / "expected.json"
    path.write_text(json.dumps(batches, separators=(",", ":")) + "\n")
    past = sum(len(b["embeddings"]) for b in batches)
    print(f"{path.name}: {path.stat().st_size} bytes, {past} embedding values")


main()
