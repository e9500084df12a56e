"""Non-negative least squares by scipy.optimize.nnls, and symmetric systems by numpy, of drawn problems.

    python3 test/reference/base/least_squares.py > test/reference/base/least-squares.json   (scipy 1.17.1, numpy 2.4.6)
"""

import json

import numpy as np
from scipy.optimize import nnls

random = np.random.default_rng(7)
problems = []


def add(name, a, b, weights=None):
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    root = np.sqrt(np.ones(len(b)) if weights is None else np.asarray(weights, dtype=float))
    x, norm = nnls(a * root[:, None], b * root)
    problem = {"name": name, "rows": a.tolist(), "targets": b.tolist(), "x": x.tolist(), "squares": norm**2}
    if weights is not None:
        problem["weights"] = list(weights)
    problems.append(problem)


for n, k in [(3, 3), (8, 2), (20, 4), (40, 6), (60, 8)]:
    a = random.normal(size=(n, k)).round(3)
    add(f"{n} x {k}, any signs", a, random.normal(size=n).round(3))
    positive = random.uniform(size=(n, k)).round(3)
    truth = np.where(random.uniform(size=k) < 0.5, 0, random.uniform(1, 3, size=k))
    add(f"{n} x {k}, half of the truth zero", positive, (positive @ truth + 0.3 * random.normal(size=n)).round(3))
    weights = random.uniform(0, 5, size=n).round(3).tolist()
    add(f"{n} x {k}, weighted", positive, random.uniform(-1, 2, size=n).round(3), weights)
lengths = np.array([1, 1e3, 1e-4])
columns = random.uniform(size=(30, 3)).round(3)
add("columns of very different length", columns * lengths, columns @ [2, 3, 1] + 0.1 * random.normal(size=30))
add("all of it against the sign", np.abs(columns), -np.abs(columns).sum(axis=1))
add("one column", columns[:, :1], columns[:, 1])

systems = []
for n in [1, 2, 3, 5, 8]:
    half = random.normal(size=(n + 2, n)).round(3)
    matrix = half.T @ half
    right = random.normal(size=n).round(3)
    systems.append({"matrix": matrix.tolist(), "right": right.tolist(), "x": np.linalg.solve(matrix, right).tolist()})

print(json.dumps({"problems": problems, "systems": systems}))
