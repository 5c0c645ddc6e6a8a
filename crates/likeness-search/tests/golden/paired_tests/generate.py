"""Writes case.json: McNemar's test by statsmodels and scipy, Holm's adjustment by statsmodels. Run: python generate.py"""

import importlib.metadata
import json

import numpy as np
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

random = np.random.default_rng(7)

# Queries that only the first and only the second model answers.
PAIRS = [(0, 0), (0, 1), (5, 5), (1, 9), (12, 3), (0, 60), (37, 61), (400, 430), (3000, 3300), (2500, 2500), (10000, 10900)]


def exact(first, second):
    found = mcnemar([[50, first], [second, 20]], exact=True).pvalue
    # statsmodels doubles the tail; scipy sums all outcomes that are at most as likely, which is the same for p = 1/2.
    if first + second:
        assert np.isclose(found, binomtest(first, first + second).pvalue, rtol=1e-9)
    return float(found)


def lists():
    yield [0.01, 0.04, 0.03, 0.005]
    yield [0.05]
    yield [0.2, 0.2, 0.2]
    yield [0.001998, 0.001998, 0.6, 0.9, 1.0, 0.02]
    yield random.random(40).tolist()
    yield (random.random(25) ** 5).tolist()


case = {
    "versions": {name: importlib.metadata.version(name) for name in ["statsmodels", "scipy", "numpy"]},
    "mcnemar": [{"only_first": a, "only_second": b, "p": exact(a, b)} for a, b in PAIRS],
    "holm": [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in lists()],
}
with open("case.json", "w") as file:
    json.dump(case, file, separators=(",", ":"))
    file.write("\n")
print(case["versions"])
