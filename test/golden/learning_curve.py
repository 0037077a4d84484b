"""Makes learning-curve.json beside this file; needed only to make it again.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install scipy==1.17.1
    /tmp/venv/bin/python test/golden/learning_curve.py
"""

import json
import pathlib

import numpy as np
from scipy.optimize import curve_fit

rng = np.random.RandomState(7)


def law(n, a, b, c):
    return a + b * n**-c


def case(name, truth, sizes, repeats, noise):
    rows = np.repeat(np.array(sizes, dtype=float), repeats)
    errors = law(rows, *truth) + noise * rng.randn(len(rows))
    # b is kept of the order of one, as in any careful fit; it is turned back below.
    best = None
    for start in (0.1, 0.3, 1.0, 2.0):
        (a, b, c), _ = curve_fit(
            law, rows / rows.min(), errors, p0=(0.01, errors.max(), start),
            bounds=([0, 0, 0], [errors.max(), np.inf, 10]), xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=20000,
        )
        loss = float(((law(rows / rows.min(), a, b, c) - errors) ** 2).sum())
        if best is None or loss < best[0]:
            best = (loss, a, b * rows.min() ** c, c)
    loss, a, b, c = best
    return {
        "name": name, "truth": truth, "rows": rows.tolist(), "errors": errors.tolist(), "loss": loss,
        "a": float(a), "b": float(b), "c": float(c),
    }


cases = [
    case("without noise", [0.02, 1.5, 0.5], [50, 100, 200, 400, 800, 1600], 1, 0.0),
    case("with noise", [0.03, 2.0, 0.6], [50, 100, 200, 400, 800, 1600], 3, 0.004),
    case("no asymptote", [0.0, 0.9, 0.25], [100, 200, 400, 800, 1600, 3200], 3, 0.002),
    case("a steep one", [0.05, 400.0, 1.6], [64, 128, 256, 512, 1024], 5, 0.003),
    case("four sizes", [0.01, 0.7, 0.4], [1000, 3000, 9000, 27000], 2, 0.001),
]
path = pathlib.Path(__file__).parent / "learning-curve.json"
path.write_text(json.dumps(cases, indent=1) + "\n")
