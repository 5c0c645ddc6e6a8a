"""Writes case.json: embeddings from a seed, and what scikit-learn makes of them. Run: python generate.py"""

import json

import numpy as np
import sklearn
from sklearn.metrics import average_precision_score, pairwise_distances, top_k_accuracy_score
from sklearn.neighbors import NearestNeighbors

IDENTITIES, QUERIES, GALLERY, DIMENSION, K = 12, 24, 60, 16, 10

random = np.random.default_rng(20240517)
centres = random.random((IDENTITIES, DIMENSION))


def images(labels):
    """Non-negative, so that the Jaccard distance is defined; on a grid of 1/1024, so that JSON is exact and short."""
    noise = random.random((len(labels), DIMENSION)) * 1.6
    return np.round((centres[labels] + noise) * 1024) / 1024


query_labels = np.arange(QUERIES) % IDENTITIES
gallery_labels = np.concatenate([np.arange(IDENTITIES), random.integers(0, IDENTITIES, GALLERY - IDENTITIES)])
queries, gallery = images(query_labels), images(gallery_labels)


def distances(name, a, b):
    if name == "jaccard":
        # scikit-learn has no Jaccard distance of histograms, but Bray and Curtis's B, and J = 2B / (1 + B).
        bray_curtis = pairwise_distances(a, b, metric="braycurtis")
        return 2 * bray_curtis / (1 + bray_curtis)
    return pairwise_distances(a, b, metric={"squared-euclidean": "sqeuclidean"}.get(name, name))


def neighbors(name, table):
    if name == "jaccard":
        return np.argsort(table, axis=1, kind="stable")[:, :K]
    metric = {"squared-euclidean": "sqeuclidean"}.get(name, name)
    index = NearestNeighbors(n_neighbors=K, algorithm="brute", metric=metric).fit(gallery)
    return index.kneighbors(queries, return_distance=False)


expected = {}
for name in ["cosine", "euclidean", "squared-euclidean", "jaccard"]:
    table = distances(name, queries, gallery)
    relevant = query_labels[:, None] == gallery_labels[None, :]
    # The first images of the gallery are one of each identity: there, classes are images and top-k accuracy is CMC.
    closed = table[:, :IDENTITIES]
    expected[name] = {
        "distances": np.round(table, 12).tolist(),
        "neighbors": neighbors(name, table).tolist(),
        "average_precision": [average_precision_score(r, -d) for r, d in zip(relevant, table)],
        "top_k": {str(k): top_k_accuracy_score(query_labels, -closed, k=k) for k in (1, 2, 5, 10)},
    }

case = {
    "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
    "identities": IDENTITIES,
    "queries": {"labels": query_labels.tolist(), "embeddings": queries.tolist()},
    "gallery": {"labels": gallery_labels.tolist(), "embeddings": gallery.tolist()},
    "expected": expected,
}
with open("case.json", "w") as file:
    json.dump(case, file, separators=(",", ":"))
    file.write("\n")
