"""Writes case.json: embeddings, and error rates by scikit-learn, scipy and numpy. Run: python generate.py"""

import json

import numpy as np
import scipy
import sklearn
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from scipy.stats import binomtest
from sklearn.metrics import det_curve, roc_auc_score, roc_curve
from sklearn.metrics.pairwise import cosine_distances

IDENTITIES, IMAGES, DIMENSION, FOLDS = 14, 84, 8, 10

random = np.random.default_rng(20261130)
centres = random.normal(size=(IDENTITIES, DIMENSION))
labels = np.concatenate([np.arange(IDENTITIES), random.integers(0, IDENTITIES, IMAGES - IDENTITIES)])
# On a grid of 1/1024, so that JSON is exact and short; f32 distances, as Likeness reports them.
embeddings = np.round((centres[labels] + 0.9 * random.normal(size=(IMAGES, DIMENSION))) * 1024) / 1024
distances = cosine_distances(embeddings).astype(np.float32)

a, b = np.triu_indices(IMAGES, 1)
same, apart = labels[a] == labels[b], distances[a, b]
fmr, tar, _ = roc_curve(same, -apart, drop_intermediate=False)
equal = brentq(lambda x: 1 - x - interp1d(fmr, tar)(x), 0, 1)


def rates_at(threshold):
    """det_curve's first point is the loosest threshold; scores are negated distances."""
    fmr, fnmr, scores = det_curve(same, -apart)
    at = np.searchsorted(scores, -threshold)
    return float(fmr[at]), float(fnmr[at])


def variances(threshold):
    """Plug-in variances of arXiv 2306.01198 by the plain sums over identities, with our factors of I."""
    errors = {False: np.zeros((IDENTITIES, IDENTITIES)), True: np.zeros(IDENTITIES)}
    trials = {False: np.zeros((IDENTITIES, IDENTITIES)), True: np.zeros(IDENTITIES)}
    for i, j, mated, distance in zip(labels[a], labels[b], same, apart):
        if mated:
            errors[True][i] += distance > threshold
            trials[True][i] += 1
        else:
            for at in ((i, j), (j, i)):
                errors[False][at] += distance <= threshold
                trials[False][at] += 1
    n = trials[True].sum()
    g = errors[True] - errors[True].sum() / n * trials[True]
    within = (g**2).sum() / n**2 * IDENTITIES / (IDENTITIES - 1)
    n = trials[False].sum() / 2
    g = errors[False] - errors[False].sum() / 2 / n * trials[False]
    total = (g**2).sum() / 2
    for i in range(IDENTITIES):
        for j in range(IDENTITIES):
            for k in range(IDENTITIES):
                if i != j and i != k and j != k:
                    total += g[i, j] * g[i, k]
    return within, total / n**2 * IDENTITIES / (IDENTITIES - 2)


def wilson(errors, trials):
    low, high = binomtest(errors, trials).proportion_ci(method="wilson")
    return {"errors": errors, "trials": trials, "low": low, "high": high}


thresholds = [float(t) for t in np.quantile(apart, [0.02, 0.05, 0.2, 0.5]).astype(np.float32)]
at_thresholds = []
for threshold in thresholds:
    within, between = variances(threshold)
    f, n = rates_at(threshold)
    at_thresholds.append({"threshold": threshold, "fmr": f, "fnmr": n, "within": within, "between": between})

# Pairs of LFW's protocol: folds with as many mated as non-mated pairs.
mated, non_mated = random.permutation(np.flatnonzero(same)), random.permutation(np.flatnonzero(~same))
each = min(len(mated), len(non_mated)) // FOLDS
folds = [np.concatenate([mated[f * each:][:each], non_mated[f * each:][:each]]) for f in range(FOLDS)]


def best_threshold(pairs):
    candidates = np.unique(apart[pairs])
    correct = [int(((apart[pairs] <= t) == same[pairs]).sum()) for t in candidates]
    none = int((~same[pairs]).sum())
    if none >= max(correct):
        return np.nextafter(candidates[0], np.float32(-1))
    at = int(np.argmax(correct))
    after = candidates[min(at + 1, len(candidates) - 1)]
    return np.float32(candidates[at] + (after - candidates[at]) / np.float32(2))


accuracies, chosen = [], []
for f in range(FOLDS):
    threshold = best_threshold(np.concatenate([folds[g] for g in range(FOLDS) if g != f]))
    chosen.append(float(threshold))
    accuracies.append(float(((apart[folds[f]] <= threshold) == same[folds[f]]).mean()))

case = {
    "versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
    "labels": labels.tolist(),
    "embeddings": embeddings.tolist(),
    "auc": roc_auc_score(same, -apart),
    "eer": equal,
    "tar": {str(r): float(tar[fmr <= r].max()) for r in (0.005, 0.01, 0.1, 0.5)},
    "at_thresholds": at_thresholds,
    "wilson": [wilson(e, t) for e, t in ((0, 50), (1, 50), (7, 1000), (50, 50), (499, 1000))],
    "ten_fold": {
        "pairs": [[int(a[p]), int(b[p]), bool(same[p]), f] for f in range(FOLDS) for p in folds[f]],
        "accuracies": accuracies,
        "thresholds": chosen,
        "accuracy": float(np.mean(accuracies)),
        "standard_error": float(np.std(accuracies, ddof=1) / np.sqrt(FOLDS)),
    },
}
with open("case.json", "w") as file:
    json.dump(case, file, separators=(",", ":"))
    file.write("\n")
