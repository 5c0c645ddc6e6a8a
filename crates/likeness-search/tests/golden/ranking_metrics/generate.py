"""Writes case.json: seeded embeddings, and the ranking metrics that four libraries compute of them. Run: python generate.py"""

import importlib.metadata
import json

import numpy as np
import torch
from oml.functional.metrics import calc_retrieval_metrics
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from sklearn.metrics import average_precision_score
from torchmetrics.functional.retrieval import (
    retrieval_average_precision,
    retrieval_hit_rate,
    retrieval_precision,
    retrieval_r_precision,
    retrieval_recall,
    retrieval_reciprocal_rank,
)

IDENTITIES, QUERIES, GALLERY, DIMENSION = 9, 36, 80, 8
KS = (1, 5, 10)
EXACT = torch.float64

random = np.random.default_rng(20261130)
centres = random.random((IDENTITIES, DIMENSION))


def images(labels):
    """On a grid of 1/1024, so that JSON is exact and short, and squared distances are exact in f32."""
    noise = random.random((len(labels), DIMENSION)) * 1.5
    return np.round((centres[labels] + noise) * 1024) / 1024


query_labels = np.arange(QUERIES) % IDENTITIES
# Identity 0 has one image in the gallery and identity 1 has two; some queries have more relevant images than 10.
gallery_labels = np.concatenate([[0, 1, 1], random.integers(2, IDENTITIES, GALLERY - 3)])
queries, gallery = images(query_labels), images(gallery_labels)

distances = ((queries[:, None] - gallery[None]) ** 2).sum(2)
assert all(len(np.unique(row)) == GALLERY for row in distances), "no distances tie"
relevant = query_labels[:, None] == gallery_labels[None]
assert relevant.any(1).all()


def with_torchmetrics():
    """One value for each query. Scores must be positive: several functions count images with other scores as not retrieved."""
    each = lambda metric, **options: [
        float(metric(torch.tensor(1 / (1 + d), dtype=EXACT), torch.tensor(r), **options))
        for d, r in zip(distances, relevant)
    ]
    return {
        "average_precision": each(retrieval_average_precision),
        "r_precision": each(retrieval_r_precision),
        "reciprocal_rank": each(retrieval_reciprocal_rank),
        "precision": {k: each(retrieval_precision, top_k=k) for k in KS},
        "recall": {k: each(retrieval_recall, top_k=k) for k in KS},
        "hit_rate": {k: each(retrieval_hit_rate, top_k=k) for k in KS},
    }


def with_pytorch_metric_learning():
    """Means over queries; k is the size of the gallery, so that every relevant image is found."""
    names = ["precision_at_1", "r_precision", "mean_average_precision"]
    names += ["mean_average_precision_at_r", "mean_reciprocal_rank"]
    tensor = lambda array: torch.tensor(array, dtype=torch.float32)
    labels = lambda array: torch.tensor(array, dtype=torch.long)
    measure = lambda k: AccuracyCalculator(include=names, k=k).get_accuracy(
        tensor(queries), labels(query_labels), tensor(gallery), labels(gallery_labels)
    )
    largest = int(relevant.sum(1).max())
    return {"all": measure(GALLERY), "largest_r": largest, "at_largest_r": measure(largest)}


def with_open_metric_learning():
    """One value for each query; the whole gallery is retrieved."""
    order = [torch.tensor(np.argsort(row)) for row in distances]
    truth = [torch.tensor(np.flatnonzero(row)) for row in relevant]
    found = calc_retrieval_metrics(
        order,
        truth,
        cmc_top_k=KS,
        precision_top_k=KS,
        map_top_k=(*KS, GALLERY),
        reduce=False,
        verbose=False,
    )
    return {name: {k: values.tolist() for k, values in by_k.items()} for name, by_k in found.items()}


names = ["torch", "torchmetrics", "pytorch-metric-learning", "open-metric-learning", "faiss-cpu", "scikit-learn", "numpy"]
case = {
    "versions": {name: importlib.metadata.version(name) for name in names},
    "queries": {"labels": query_labels.tolist(), "embeddings": queries.tolist()},
    "gallery": {"labels": gallery_labels.tolist(), "embeddings": gallery.tolist()},
    "sklearn": [average_precision_score(r, -d) for r, d in zip(relevant, distances)],
    "torchmetrics": with_torchmetrics(),
    "pytorch_metric_learning": with_pytorch_metric_learning(),
    "open_metric_learning": with_open_metric_learning(),
}
with open("case.json", "w") as file:
    json.dump(case, file, separators=(",", ":"))
    file.write("\n")
print(case["versions"])
