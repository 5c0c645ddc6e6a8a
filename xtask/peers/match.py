"""Times scikit-learn's exact nearest neighbours on random embeddings; prints {metric: median milliseconds}.

Run: python match.py QUERIES GALLERY DIMENSION K RUNS
"""

import json
import statistics
import sys
import time

import numpy as np
from sklearn.neighbors import NearestNeighbors

n, m, dimension, k, runs = map(int, sys.argv[1:])
random = np.random.default_rng(1)
queries = random.random((n, dimension), dtype=np.float32)
gallery = random.random((m, dimension), dtype=np.float32)


def once(metric):
    start = time.perf_counter()
    index = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric).fit(gallery)
    index.kneighbors(queries)
    return (time.perf_counter() - start) * 1e3


medians = {}
for metric in ["cosine", "euclidean"]:
    once(metric)
    medians[metric] = statistics.median(once(metric) for _ in range(runs))
print(json.dumps(medians))
