"""Measures a vector index on synthetic identities; prints one JSON object.

Run: python index.py ENGINE ROWS DIMENSION THREADS QUERIES
ENGINE is faiss-flat, faiss-hnsw, usearch or sqlite-vec. The data are of the kind of likeness-search's bench_index:
random directions with twenty vectors each, at an angle of about 45 degrees; half of the queries are of nobody.
"""

import json
import os
import sys
import tempfile
import time

import numpy as np

engine = sys.argv[1]
rows, dimension, threads, count = map(int, sys.argv[2:])
K, PER_IDENTITY, BATCH = 10, 20, 256
random = np.random.default_rng(1)


def unit(values):
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def directions(n):
    return unit(random.standard_normal((n, dimension), dtype=np.float32))


def memory_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


identities = (rows + PER_IDENTITY - 1) // PER_IDENTITY
centres = directions(identities)
data = np.empty((rows, dimension), dtype=np.float32)
for start in range(0, rows, 100_000):
    stop = min(start + 100_000, rows)
    data[start:stop] = unit(centres[np.arange(start, stop) // PER_IDENTITY] + directions(stop - start))
queries = directions(count)
queries[::2] = unit(centres[np.arange(0, count, 2) * 7919 % identities] + directions(len(queries[::2])))
folder = tempfile.TemporaryDirectory()
path = os.path.join(folder.name, "index")
before = memory_mib()
start = time.perf_counter()

if engine.startswith("faiss"):
    import faiss

    faiss.omp_set_num_threads(max(threads, 2) if engine == "faiss-hnsw" else threads)
    if engine == "faiss-flat":
        index = faiss.IndexFlatIP(dimension)
    else:
        index = faiss.IndexHNSWFlat(dimension, 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = 64
    index.add(data)
    built = time.perf_counter() - start
    faiss.omp_set_num_threads(threads)
    faiss.write_index(index, path)
    search = lambda many: index.search(many, K)[1]
elif engine == "usearch":
    from usearch.index import Index

    index = Index(ndim=dimension, metric="ip", dtype="f32")
    index.add(np.arange(rows), data, threads=2)
    built = time.perf_counter() - start
    index.save(path)
    search = lambda many: index.search(many, K, threads=threads).keys.reshape(len(many), K)
else:
    # apsw brings its own SQLite, which can load extensions.
    import apsw
    import sqlite_vec

    connection = apsw.Connection(path)
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.execute(f"create virtual table v using vec0(e float[{dimension}] distance_metric=cosine)")
    with connection:
        rows_of = ((i, data[i].tobytes()) for i in range(rows))
        connection.executemany("insert into v(rowid, e) values (?, ?)", rows_of)
    built = time.perf_counter() - start
    sql = "select rowid from v where e match ? and k = ? order by distance"
    search = lambda many: np.array([[r[0] for r in connection.execute(sql, (q.tobytes(), K))] for q in many])

memory = memory_mib() - before
found = search(queries[:1])
times, cpu, found = [], time.process_time(), []
for i in range(count):
    start = time.perf_counter()
    found.append(search(queries[i : i + 1])[0])
    times.append((time.perf_counter() - start) * 1e3)
cpu = (time.process_time() - cpu) / count * 1e3
start = time.perf_counter()
search(queries[:BATCH])
batch = min(BATCH, count) / (time.perf_counter() - start)
# An odd step, for queries of both kinds.
picked = range(0, count, max(1, count // 40) | 1)
exact = [np.argpartition(-(data @ queries[i]), K)[:K] for i in picked]
hits = sum(len(set(exact[n]) & set(map(int, found[i]))) for n, i in enumerate(picked))
times.sort()
print(
    json.dumps(
        {
            "build_ms": built * 1e3,
            "p50_ms": times[count // 2],
            "p99_ms": times[count * 99 // 100],
            "cpu_per_query_ms": cpu,
            "queries_per_s": 1e3 * count / sum(times),
            "batch_queries_per_s": batch,
            "memory_mib": memory,
            "file_mib": os.path.getsize(path) / 2**20,
            "recall_at_10": hits / (K * len(picked)),
        }
    )
)
