"""Writes lifelines.json: what lifelines and an independent quadrature say of datasets.json.

Run: python test/reference/survival/reference.py   (lifelines 0.30.0, scipy, numpy)
"""

import json
import pathlib
import warnings

import lifelines
import numpy as np
from lifelines import KaplanMeierFitter, LogNormalFitter, NelsonAalenFitter, WeibullFitter
from lifelines.statistics import multivariate_logrank_test
from lifelines.utils import restricted_mean_survival_time
from scipy.linalg import eigh_tridiagonal
from scipy.stats import ks_2samp, norm, wasserstein_distance

warnings.filterwarnings("ignore")
folder = pathlib.Path(__file__).parent
sets = json.loads((folder / "datasets.json").read_text())


def numbers(values):
    return [None if not np.isfinite(v) else float(v) for v in np.asarray(values, dtype=float).ravel()]


def curve_of(sample):
    times = np.array(sample["times"])
    seen = np.array(sample["observed"])
    weights = np.array(sample.get("weights", np.ones(len(times))))
    keep = weights > 0
    entry = np.array(sample["entry"])[keep] if "entry" in sample else None
    times, seen, weights = times[keep], seen[keep], weights[keep]
    km = KaplanMeierFitter().fit(times, seen, entry=entry, weights=weights)
    out = {}
    grid = np.unique(times)
    out["times"] = numbers(grid)
    out["survival"] = numbers(km.survival_function_at_times(grid))
    band = km.confidence_interval_survival_function_
    rows = band.loc[grid]
    out["logLogBand"] = {"lower": numbers(rows.iloc[:, 0]), "upper": numbers(rows.iloc[:, 1])}
    out["quantiles"] = numbers([km.percentile(1 - p) for p in (0.1, 0.25, 0.5, 0.75, 0.9)])
    if entry is None:
        na = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(times, seen, weights=weights)
        out["hazard"] = numbers(na.cumulative_hazard_.loc[grid].iloc[:, 0])
        horizon = float(np.quantile(times, 0.8))
        out["restricted"] = {"horizon": horizon, "mean": float(restricted_mean_survival_time(km, t=horizon))}
    if entry is None and "weights" not in sample and len(np.unique(times[seen])) > 1 and (times > 0).all():
        weibull = WeibullFitter().fit(times, seen)
        lognormal = LogNormalFitter().fit(times, seen)
        out["fits"] = {
            "weibull": {"mu": float(np.log(weibull.lambda_)), "sigma": float(1 / weibull.rho_), "logLikelihood": float(weibull.log_likelihood_)},
            "lognormal": {"mu": float(lognormal.mu_), "sigma": float(lognormal.sigma_), "logLikelihood": float(lognormal.log_likelihood_)},
        }
    return out


def tests_of(samples):
    times = np.concatenate([s["times"] for s in samples])
    seen = np.concatenate([s["observed"] for s in samples])
    group = np.concatenate([np.full(len(s["times"]), i) for i, s in enumerate(samples)])
    out = {}
    for name, options in {
        "logRank": {},
        "petoPeto": {"weightings": "peto"},
        "flemingHarrington10": {"weightings": "fleming-harrington", "p": 1, "q": 0},
        "flemingHarrington01": {"weightings": "fleming-harrington", "p": 0, "q": 1},
        "flemingHarrington11": {"weightings": "fleming-harrington", "p": 1, "q": 1},
    }.items():
        if options.get("weightings") == "fleming-harrington" and (times == 0).any():
            continue  # lifelines 0.30 raises ValueError when a time is 0
        test = multivariate_logrank_test(times, group, seen, **options)
        out[name] = {"chiSquare": float(test.test_statistic), "pValue": float(test.p_value)}
    return out


def distances_of(samples):
    """Of the event times alone, as complete data."""
    a, b = ([t for t, seen in zip(s["times"], s["observed"]) if seen] for s in samples[:2])
    return {"ks": float(ks_2samp(a, b).statistic), "wasserstein": float(wasserstein_distance(a, b))}


def bridge_stays(c, start, end):
    """P(|B| <= c on [start, end]) of a Brownian bridge: images instead of the sine series, on a plain grid."""
    x = np.linspace(-c, c, 2001)
    span = end - start
    kernel = np.zeros((len(x), len(x)))
    for shift in range(-12, 13):
        kernel += norm.pdf(x[None, :] - x[:, None] + 4 * c * shift, scale=np.sqrt(span))
        kernel -= norm.pdf(2 * c - x[None, :] - x[:, None] + 4 * c * shift, scale=np.sqrt(span))
    step = np.full(len(x), x[1] - x[0]) / 3
    step[1:-1:2] *= 4
    step[2:-1:2] *= 2
    left = norm.pdf(x, scale=np.sqrt(start)) * step
    right = norm.pdf(x, scale=np.sqrt(1 - end)) * step
    return float(np.sqrt(2 * np.pi) * left @ kernel @ right)


def ornstein_uhlenbeck_stays(c, length):
    """P(|X| <= c on [0, length]) by second-order finite differences of the killed generator, extrapolated in h."""

    def at(points):
        x = np.linspace(-c, c, points + 2)[1:-1]
        h = x[1] - x[0]
        # -g'' + (x^2 / 4 - 1/2) g is the generator made symmetric by sqrt(phi).
        values, vectors = eigh_tridiagonal(2 / h**2 + x**2 / 4 - 0.5, np.full(points - 1, -1 / h**2))
        start = np.sqrt(norm.pdf(x)) * np.sqrt(h)
        return float(((vectors.T @ start) ** 2 * np.exp(-values * length)).sum())

    coarse, fine, finest = at(399), at(799), at(1599)
    first, second = (4 * fine - coarse) / 3, (4 * finest - fine) / 3
    return (16 * second - first) / 15


result = {name: {"curves": [curve_of(s) for s in entry["samples"]]} for name, entry in sets.items()}
for name, entry in sets.items():
    samples = entry["samples"]
    if len(samples) > 1 and any(any(s["observed"]) for s in samples):
        result[name]["tests"] = tests_of(samples)
        if all(any(s["observed"]) for s in samples[:2]):
            result[name]["distances"] = distances_of(samples)
result["staying"] = {
    "bridge": [[c, a, b, bridge_stays(c, a, b)] for c, a, b in [(1.3, 0.1, 0.9), (1.0, 0.02, 0.6), (0.8, 0.3, 0.7), (1.2, 0.05, 0.99)]],
    "ornsteinUhlenbeck": [[c, s, ornstein_uhlenbeck_stays(c, s)] for c, s in [(3.0, 4.0), (2.5, 1.0), (2.0, 2.0), (3.4, 0.3)]],
}
result["version"] = f"lifelines {lifelines.__version__}"
(folder / "lifelines.json").write_text(json.dumps(result))
