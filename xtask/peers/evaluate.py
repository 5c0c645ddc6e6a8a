"""Computes ranking metrics by other libraries on the arrays that likeness-search's bench_evaluate writes; prints JSON.

Run: python evaluate.py LIBRARY FOLDER THREADS
LIBRARY is pytorch-metric-learning or open-metric-learning, each also with `-all` appended. Without, pytorch-metric-learning
searches as many neighbours with faiss as the most frequent identity has images, and open-metric-learning retrieves 100 images:
their defaults, with which mAP and MRR ignore everything beyond. With `-all` they search the whole gallery.
"""

import json
import os
import sys
import time

library, folder, threads = sys.argv[1], sys.argv[2], sys.argv[3]
os.environ |= {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(int(threads))


def load(name):
    values = np.load(os.path.join(folder, f"{name}.npy"))
    labels = np.load(os.path.join(folder, f"{name}_labels.npy"))
    return values / np.linalg.norm(values, axis=1, keepdims=True), labels


def peak_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def with_pytorch_metric_learning(queries, query_labels, gallery, gallery_labels, everything):
    import faiss
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    faiss.omp_set_num_threads(int(threads))
    names = ["precision_at_1", "r_precision", "mean_average_precision"]
    names += ["mean_average_precision_at_r", "mean_reciprocal_rank"]
    k = len(gallery) if everything else "max_bin_count"
    calculator = AccuracyCalculator(include=names, k=k, device=torch.device("cpu"))
    arrays = [torch.from_numpy(array) for array in (queries, query_labels, gallery, gallery_labels)]
    start = time.perf_counter()
    found = calculator.get_accuracy(*arrays)
    return found, time.perf_counter() - start


def with_open_metric_learning(queries, query_labels, gallery, gallery_labels, everything):
    from oml.functional.knn import batched_knn_qg
    from oml.functional.metrics import calc_retrieval_metrics

    count = len(gallery) if everything else 100
    arrays = [torch.from_numpy(array) for array in (queries, gallery, query_labels, gallery_labels)]
    start = time.perf_counter()
    _, retrieved, truth = batched_knn_qg(*arrays[:2], count, *arrays[2:])
    found = calc_retrieval_metrics(
        retrieved, truth, cmc_top_k=(1, 5, 10), precision_top_k=(1, 5, 10), map_top_k=(5, 10, count), verbose=False
    )
    return {name: {k: float(v) for k, v in by_k.items()} for name, by_k in found.items()}, time.perf_counter() - start


queries, query_labels = load("queries")
gallery, gallery_labels = load("gallery")
before = peak_mib()
compute = with_open_metric_learning if library.startswith("open") else with_pytorch_metric_learning
found, seconds = compute(queries, query_labels, gallery, gallery_labels, library.endswith("-all"))
print(
    json.dumps(
        {
            "library": library,
            "queries": len(queries),
            "gallery": len(gallery),
            "dimension": queries.shape[1],
            "seconds": seconds,
            "data_mib": before,
            "peak_mib": peak_mib(),
            "metrics": found,
        }
    )
)
