"""Makes case.json: clusterings and their agreement with labels, by scikit-learn."""

import json

import numpy as np
import sklearn
from sklearn.metrics.cluster import contingency_matrix, pair_confusion_matrix

random = np.random.default_rng(3)
cases = []
for items, people, clusters in [(1, 1, 1), (12, 3, 4), (60, 10, 8), (400, 50, 70), (400, 1, 5), (30, 30, 30)]:
    labels, found = random.integers(people, size=items), random.integers(clusters, size=items)
    # Most items follow their label, so that the agreement is not that of chance.
    found = np.where(random.random(items) < 0.7, labels % clusters, found)
    (_, false_positive), (false_negative, true_positive) = pair_confusion_matrix(labels, found)
    table = contingency_matrix(labels, found).astype(float)
    cases.append(
        {
            "labels": labels.tolist(),
            "clusters": found.tolist(),
            # Both count ordered pairs.
            "pairs": [int(true_positive), int(false_positive), int(false_negative)],
            "bcubed": [
                float((table**2 / table.sum(0)).sum() / items),
                float((table**2 / table.sum(1, keepdims=True)).sum() / items),
            ],
        }
    )
with open("case.json", "w") as file:
    json.dump({"versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__}, "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
