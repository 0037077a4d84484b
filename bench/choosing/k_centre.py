"""Greedy k-centre with scikit-learn or NumPy, for bench/choosing/k-centre.js.

    python k_centre.py VECTORS.f32 WIDTH CENTRES sklearn|numpy
"""

import json
import platform
import resource
import sys
import time

import numpy as np
import sklearn
from sklearn.metrics import pairwise_distances

file, width, centres, how = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
x = np.fromfile(file, dtype=np.float32).reshape(-1, width)

start, before = time.perf_counter(), time.process_time()
norms = np.einsum("ij,ij->i", x, x)


def to(row):
    # As github.com/google/active-learning's kcenter_greedy.py and others after Sener & Savarese.
    if how == "sklearn":
        return pairwise_distances(x, x[row : row + 1], metric="euclidean").ravel()
    return np.maximum(norms + norms[row] - 2 * (x @ x[row]), 0)


order = [int(((x - x.mean(0, dtype=np.float64).astype(np.float32)) ** 2).sum(1).argmin())]
nearest = to(order[0])
while len(order) < centres:
    order.append(int(nearest.argmax()))
    np.minimum(nearest, to(order[-1]), out=nearest)
seconds = time.perf_counter() - start
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpu": time.process_time() - before,
            "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "order": order,
            "versions": f"Python {platform.python_version()}, scikit-learn {sklearn.__version__}, NumPy {np.__version__}",
        }
    )
)
