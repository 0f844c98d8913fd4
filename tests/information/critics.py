"""Bounds from scores written out as they are defined, in long double; and pairs whose information is known."""

import numpy as np

LONG = np.longdouble


def _log_mean(x):
    top = np.max(x)
    return top + np.log(np.mean(np.exp(x - top))) if np.isfinite(top) else top


def _others(s):
    return s[~np.eye(len(s), dtype=bool)]


def infonce(s, contrast="x"):
    if contrast == "both":
        return (infonce(s, "x") + infonce(s, "y")) / 2
    s = s.T if contrast == "y" else s
    return np.mean([s[j, j] - _log_mean(s[:, j]) for j in range(len(s))])


def leave_one_out(s):
    return np.mean([s[j, j] - _log_mean(np.delete(s[:, j], j)) for j in range(len(s))])


def club(s):
    return np.mean(np.diag(s)) - np.mean(_others(s))


def tuba(s, log_baseline):
    s = s - log_baseline
    return 1 + np.mean(np.diag(s)) - np.mean(np.exp(_others(s)))


def nwj(s):
    return tuba(s, 1.0)


def donsker_varadhan(s):
    return np.mean(np.diag(s)) - _log_mean(_others(s))


def smile(s, clip):
    return np.mean(np.diag(s)) - _log_mean(np.clip(_others(s), -clip, clip))


def jensen_shannon(s):
    softplus = lambda x: np.logaddexp(LONG(0), x)  # noqa: E731
    return np.log(LONG(2)) + (np.mean(-softplus(-np.diag(s))) - np.mean(softplus(_others(s)))) / 2


def interpolated(s, log_baseline, alpha):
    n, a = len(s), np.exp(np.broadcast_to(np.asarray(log_baseline, LONG), len(s)))
    total = LONG(0)
    for j in range(n):
        for left in range(n):
            m = np.mean(np.exp(np.delete(s[:, j], left)))
            d = alpha * m + (1 - alpha) * a[j]
            total += (1 - m / d) / n if left == j else (s[j, j] - np.log(d)) / (n * (n - 1))
    return total


def jackknife(f, s, *per_pair):
    """The standard error by leaving each pair out, as defined."""
    n = len(s)
    kept = [np.delete(np.arange(n), i) for i in range(n)]
    values = np.array([f(s[np.ix_(k, k)], *(np.asarray(p)[k] if np.ndim(p) else p for p in per_pair)) for k in kept])
    return np.sqrt((n - 1) / n * np.sum((values - values.mean()) ** 2))


def gaussian_pairs(rng, n, features, correlation):
    """(log p(y_j|x_i), log p(y_j)) of unit normals with this correlation in each feature."""
    x = rng.normal(size=(n, features))
    variance = 1 - correlation**2
    y = correlation * x + np.sqrt(variance) * rng.normal(size=(n, features))
    squares = (y**2).sum(1)[None] - 2 * correlation * x @ y.T + correlation**2 * (x**2).sum(1)[:, None]
    log_conditional = -squares / (2 * variance) - features / 2 * np.log(2 * np.pi * variance)
    return log_conditional, -(y**2).sum(1) / 2 - features / 2 * np.log(2 * np.pi)


def gaussian_information(features, correlation):
    return -features / 2 * np.log(1 - correlation**2)


def batches(function, count, n=64, features=20, correlation=0.4257572629, seed=0):
    """function(log p(y_j|x_i), log p(y_j)) of independent batches: values and their errors, (count,) each."""
    rng = np.random.default_rng(seed)
    found = [function(*gaussian_pairs(rng, n, features, correlation)) for _ in range(count)]
    return np.array([float(b) for b in found]), np.array([float(b.stderr) for b in found])


def standard_score(values, expected, known_to=0.0):
    """z of the mean of independent values; `known_to` is the error of what is expected."""
    return (values.mean() - expected) / np.hypot(values.std(ddof=1) / np.sqrt(len(values)), known_to)


def check_error(values, stderr):
    """The jackknife's squared error against the variance between batches: |z| < 5, and no more than 15% too large.

    The variance of 1,000 near-normal values is known to 4.5%.
    """
    variance = values.var(ddof=1)
    ratio, noise = (stderr**2).mean() / variance, np.sqrt(2 / len(values))
    assert 1 - 5 * noise < ratio < 1.15 + 5 * noise, ratio
