"""Clusters the faces of an embeddings file by other methods, each at every parameter of a grid; prints JSON.

For each method the parameter with the best BCubed F is printed, and the one with the best BCubed F at a pairwise precision of
at least 0.97. `--at` measures given parameters instead: those that are best on another file.

Run: python cluster.py FILE [--part even|odd|test] [--at JSON]

Chinese whispers: Biemann (2006), as in dlib's `chinese_whispers_clustering`, with cosine similarities as weights.
"""

import json
import struct
import sys
import time

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix
from scipy.spatial.distance import squareform
from sklearn.cluster import DBSCAN, HDBSCAN


def load(path, part):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header, start = json.loads(data[8 : 8 + length]), 8 + length
    rows, dim = header["embeddings"]["shape"]
    values = np.frombuffer(data, "<f4", rows * dim, start).reshape(rows, dim).astype(np.float64)
    first, last = header["rows"]["data_offsets"]
    facts = [json.loads(line) for line in data[start + first : start + last].decode().split("\n") if line]
    facts = [row for row in facts if "skipped" not in row]
    number = lambda row: int(row["identity"]) if row.get("identity", "").isdigit() else None
    keep = {
        "even": lambda row: number(row) is not None and number(row) % 2 == 0,
        "odd": lambda row: number(row) is not None and number(row) % 2 == 1,
        "test": lambda row: row.get("split") == "test",
    }.get(part, lambda row: "identity" in row)
    chosen = np.array([keep(row) for row in facts])
    if header["__metadata__"]["distance"] == "cosine":
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    labels = np.array([row.get("identity", "") for row in facts])[chosen]
    return values[chosen], np.unique(labels, return_inverse=True)[1]


def distances(values):
    squares = (values**2).sum(1)
    return np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * values @ values.T, 0)).astype(np.float32)


def alone(clusters):
    """Faces that a method calls noise become clusters of their own."""
    noise = clusters < 0
    return np.where(noise, clusters.max() + 1 + np.arange(len(clusters)), clusters)


def agreement(labels, clusters):
    clusters = np.unique(clusters, return_inverse=True)[1]
    table = coo_matrix((np.ones(len(labels)), (labels, clusters))).tocsr().tocoo()
    both, of_label, of_cluster = table.data, np.bincount(labels), np.bincount(clusters)
    precision = (both**2 / of_cluster[table.col]).sum() / len(labels)
    recall = (both**2 / of_label[table.row]).sum() / len(labels)
    pairs = lambda counts: (counts * (counts - 1)).sum()
    together = max(pairs(of_cluster), 1)
    return {
        "f": 2 * precision * recall / (precision + recall),
        "precision": precision,
        "recall": recall,
        "pair_precision": pairs(both) / together if pairs(of_cluster) else 1.0,
        "pair_recall": pairs(both) / pairs(of_label),
        "clusters": len(of_cluster),
    }


def whispers(near, threshold, rounds=20):
    """Every face takes the label with the greatest weight among its neighbours, in random order."""
    random = np.random.default_rng(1)
    neighbours = [(np.flatnonzero(row < threshold), row) for row in near]
    neighbours = [(at, 1 - row[at] ** 2 / 2) for at, row in neighbours]
    labels = np.arange(len(near))
    for _ in range(rounds):
        for face in random.permutation(len(near)):
            at, weights = neighbours[face]
            if len(at):
                names, inverse = np.unique(labels[at], return_inverse=True)
                labels[face] = names[np.bincount(inverse, weights).argmax()]
    return labels


def methods(near):
    """The methods: name, parameters of the grid, clusters of one of them."""
    far = float(np.median(near))
    steps = np.linspace(0.4, 1.0, 31) * far
    tree = linkage(squareform(near, checks=False), "average")
    without_self = near.copy()
    np.fill_diagonal(without_self, np.inf)
    # HDBSCAN changes the matrix that it is given.
    hdbscan = lambda size, samples: HDBSCAN(
        min_cluster_size=size, min_samples=samples, metric="precomputed", copy=True
    ).fit_predict(near.astype(np.float64))
    dbscan = lambda eps, samples: DBSCAN(eps=eps, min_samples=samples, metric="precomputed").fit_predict(near)
    return {
        "DBSCAN": ([[float(eps), m] for eps in steps[:26] for m in (2, 3, 5)], lambda p: alone(dbscan(*p))),
        "HDBSCAN": ([[size, m] for size in (2, 3, 5, 8) for m in (1, 2, 4)], lambda p: alone(hdbscan(*p))),
        "average linkage": ([[float(t)] for t in steps], lambda p: fcluster(tree, p[0], "distance")),
        "Chinese whispers": ([[float(t)] for t in steps[:26:2]], lambda p: whispers(without_self, p[0])),
    }


def main():
    words = sys.argv[1:]
    after = lambda flag: words[words.index(flag) + 1] if flag in words else None
    values, labels = load(words[0], after("--part"))
    near, at = distances(values), json.loads(after("--at") or "{}")
    answer = {}
    for name, (grid, clusters) in methods(near).items():
        found = []
        for parameters in [at[name]] if name in at else grid:
            start = time.perf_counter()
            result = agreement(labels, clusters(parameters))
            found.append(result | {"parameters": parameters, "seconds": time.perf_counter() - start})
        pure = [result for result in found if result["pair_precision"] >= 0.97]
        best = lambda results: max(results, key=lambda result: result["f"], default=None)
        answer[name] = {"best": best(found), "pure": best(pure)}
    print(json.dumps(answer))


main()
