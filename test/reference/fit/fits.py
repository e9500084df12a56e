"""The robust fit, the physical fit on it and the service curve as their documentation defines them, with scipy's nnls and numpy's quantiles.

    python3 test/reference/fit/fits.py > test/reference/fit/fits.json   (scipy 1.17.1, numpy 2.4.6)
"""

import json

import numpy as np
from scipy.optimize import nnls

SMALLEST_MS = 1e-3
SMALLEST_SPREAD = 1e-4


def weighted_nnls(rows, targets, weights):
    root = np.sqrt(weights)
    return nnls(rows * root[:, None], targets * root)[0]


def robust_fit(rows, targets, weights, groups, ridge):
    """Iteratively reweighted: Huber's function of relative errors over each group's spread, five spreads trimmed."""
    n, k = rows.shape
    prediction = np.maximum(targets, SMALLEST_MS)
    huber = np.ones(n)
    before = None
    for _ in range(20):
        w = weights * huber / prediction**2
        if ridge:
            pull = np.diag(np.sqrt(ridge * (w[:, None] * rows**2).sum(axis=0)))
            x = weighted_nnls(
                np.vstack([rows, pull]), np.append(targets, np.zeros(k)), np.append(w, np.ones(k))
            )
        else:
            x = weighted_nnls(rows, targets, w)
        prediction = np.maximum(SMALLEST_MS, rows @ x)
        ratio = targets / prediction
        kept = np.ones(n, dtype=bool)
        for g in np.unique(groups):
            inside = groups == g
            center = np.median(ratio[inside])
            scale = max(1.4826 * np.median(np.abs(ratio[inside] - center)), SMALLEST_SPREAD)
            stray = np.abs(ratio - center) / scale > 5
            kept[inside & stray] = False
            distance = np.maximum(np.abs(ratio - 1) / scale, 1e-12)
            huber[inside] = np.where(stray, 0, np.minimum(1, 1.345 / distance))[inside]
        if before is not None and np.all(np.abs(x - before) <= 1e-5 * x):
            break
        before = x
    return x, ratio, kept


def service_curve(points, step_ms, window_points=None, low_share=0.25):
    """The fast end of sliding windows over the uncached tokens, each one row of a relative fit."""
    p = np.array(sorted(points, key=lambda point: point[0]), dtype=float)
    n = len(p)
    size = min(n, window_points or max(4, int(np.floor(n / 10 + 0.5))))
    rows, targets, fastest = [], [], []
    start = 0
    while start + size <= n:
        window = p[start : start + size]
        fast = window[np.argsort(window[:, 3], kind="stable")][: max(1, int(np.floor(low_share * size + 0.5)))].mean(axis=0)
        rows.append([1, fast[0], fast[1]])
        targets.append(fast[3] - step_ms * fast[2])
        fastest.append(fast[3])
        start += max(1, size // 4)
    while len(rows) < 3:
        rows.append(rows[0])
        targets.append(targets[0])
    rows, targets = np.array(rows), np.array(targets)
    x = weighted_nnls(rows, targets, 1 / np.maximum(targets, 1e-3) ** 2)
    curve = {"floorMs": min(fastest)}
    if len(fastest) >= 3:
        # Fewer windows than unknowns: many curves go through them.
        curve |= {"requestMs": x[0], "tokenMs": x[1], "tokenDepthMs": x[2]}
    windows = [{"uncachedTokens": u, "tokenDepth": d, "ms": ms} for (_, u, d), ms in zip(rows.tolist(), rows @ x)]
    return curve, windows


def seqs_class(seqs):
    return 0 if seqs < 1 else min(12, int(np.floor(np.log2(np.floor(seqs)))) + 1)


def prefill_class(tokens):
    return int(np.searchsorted([0, 32, 128, 512, 2048], tokens))


def physical_fit(observations, ridge):
    """Prices of a step's work and of a request's overhead; a kind of step weighs with the root of its number."""
    prices_chunks = sum(o["kind"] in ("chunk", "span") for o in observations) >= 20
    rows, groups = [], []
    for o in observations:
        alone = o["kind"] == "isolated"
        seqs, context, tokens, depth, chunks = (o[name] for name in ("seqs", "context", "tokens", "depth", "chunks"))
        rows.append(
            [o["steps"], tokens, depth, chunks if prices_chunks else 0, seqs, context, alone, alone * o["prompt"]]
        )
        of_decodes = o["kind"] in ("decode", "span")
        groups.append((o["kind"], seqs_class(seqs / o["steps"]) if of_decodes else prefill_class(tokens)))
    labels = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    groups = np.array([labels[group] for group in groups])
    share = np.array([o["share"] for o in observations])
    total = np.bincount(groups, weights=share)
    weights = share / np.sqrt(total[groups])
    x, _, kept = robust_fit(
        np.array(rows, dtype=float), np.array([o["ms"] for o in observations]), weights, groups, ridge
    )
    return {"coefficients": x.tolist(), "trimmed": int((~kept).sum())}


random = np.random.default_rng(11)
robust, service, physical = [], [], []

for name, n, noise, strays, ridge, uneven in [
    ("noise of 5 %", 60, 0.05, 0, 0, False),
    ("noise of 30 %", 80, 0.3, 0, 0, False),
    ("strays in one group", 90, 0.04, 9, 0, False),
    ("uneven weights", 60, 0.1, 3, 0, True),
    ("a ridge", 60, 0.1, 0, 0.01, False),
    ("a ridge, uneven weights and strays", 70, 0.1, 4, 0.05, True),
]:
    rows = np.column_stack(
        [np.ones(n), random.integers(0, 100, n), random.integers(0, 3000, n), random.integers(0, 9, n)]
    ).astype(float)
    groups = np.arange(n) % 3
    targets = (rows @ [5, 0.3, 0.02, 0]) * (1 + noise * (1 + groups) * random.normal(size=n))
    at = random.permutation(np.flatnonzero(groups == 1))[:strays]
    targets[at] *= random.uniform(2, 4, size=len(at))
    targets = np.maximum(0.01, targets.round(3))
    weights = random.uniform(0.1, 2, n).round(3) if uneven else np.ones(n)
    x, ratio, kept = robust_fit(rows, targets, weights, groups, ridge)
    robust.append(
        {
            "name": name,
            "rows": rows.astype(int).tolist(),
            "targets": targets.tolist(),
            "weights": weights.tolist(),
            "groups": groups.tolist(),
            "ridge": ridge,
            "coefficients": x.tolist(),
            "ratios": ratio.tolist(),
            "kept": kept.tolist(),
        }
    )

for name, n, step_ms, options in [
    ("4 points, one window", 4, 3, {}),
    ("5 points", 5, 3, {}),
    ("39 points", 39, 3, {}),
    ("66 points", 66, 0.5, {}),
    ("95 points", 95, 6, {}),
    ("windows of 9", 50, 6, {"windowPoints": 9}),
    ("windows larger than the points", 12, 6, {"windowPoints": 30}),
    ("windows of 2", 20, 6, {"windowPoints": 2}),
    ("half of each window", 50, 6, {"lowShare": 0.5}),
    ("hardly any of each window", 50, 6, {"windowPoints": 7, "lowShare": 0.01}),
    ("steps that take all the time there is", 40, 1000, {}),
]:
    uncached = random.integers(10, 3000, n)
    depth = (uncached * random.uniform(0.5, 2, n) * uncached / 2).round(0)
    steps = 1 + uncached // 1024
    waits = np.where(random.uniform(size=n) < 0.4, random.exponential(300, n), 0)
    ttft = (9 + step_ms * steps + 0.1 * uncached + 3e-5 * depth + waits).round(3)
    if step_ms == 1000:
        ttft = (5 + 0.01 * uncached).round(3)
    points = np.column_stack([uncached, depth, steps, ttft])
    curve, windows = service_curve(points, step_ms, options.get("windowPoints"), options.get("lowShare", 0.25))
    case = {"name": name, "points": points.tolist(), "stepMs": step_ms, "options": options}
    service.append(case | {"curve": curve, "windows": windows[:3]})

for name, counts, ridge in [
    ("decodes, chunks and isolated TTFTs", {"decode": 60, "chunk": 30, "isolated": 25}, 0),
    ("too few chunks to price one", {"decode": 60, "chunk": 19, "isolated": 25}, 0),
    ("spans and services, with a ridge", {"span": 50, "service": 30}, 1e-4),
]:
    observations = []
    for kind, n in counts.items():
        for _ in range(n):
            steps = {"span": int(random.integers(5, 60)), "isolated": int(random.integers(1, 4))}.get(kind, 1)
            each = 0 if kind == "isolated" else int(random.integers(1, 12))
            chunks = 0 if kind == "decode" else max(1, steps if kind == "isolated" else int(random.integers(0, 3)))
            tokens = chunks * int(random.integers(10, 400))
            o = {
                "kind": kind,
                "steps": steps,
                "tokens": tokens,
                "depth": tokens * int(random.integers(1, 900)),
                "chunks": chunks,
                "seqs": each * steps,
                "context": each * steps * int(random.integers(50, 2000)),
                "prompt": tokens + int(random.integers(0, 600)),
                "share": round(1 / max(1, each), 3),
            }
            price = 6 * steps + 0.12 * tokens + 2e-5 * o["depth"] + 0.8 * chunks + 0.4 * o["seqs"] + 3e-4 * o["context"]
            if kind == "isolated":
                price += 4 + 0.002 * o["prompt"]
            stray = 3 if random.uniform() < 0.04 else 1
            o["ms"] = round(price * stray * (1 + 0.08 * random.normal()), 3)
            observations.append(o)
    physical.append({"name": name, "observations": observations, "ridge": ridge} | physical_fit(observations, ridge))

print(json.dumps({"physical": physical, "robust": robust, "service": service}))
