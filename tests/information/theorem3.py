"""What the tests of Theorem 3 share: the channel Z = X + N(0, 1), X = ±1, whose values are known to ten digits."""

import numpy as np

from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal

INFORMATION = 0.3368308203
RATE, GAP = 0.3465735903, 0.0097427699  # against r = N(0, 2)
RATE_STANDARD = 0.5  # against r = N(0, 1)


def channel():
    """(q, the reference N(0, 2))."""
    return DiagonalNormal([[-1.0], [1.0]], [[1.0], [1.0]]), DiagonalNormal([0.0], [np.sqrt(2.0)])


def posteriors(n, d, kind="diagonal", seed=0, dtype=np.float64):
    """One Gaussian per datum, overlapping with its neighbours."""
    rng = np.random.default_rng(seed)
    loc = (1.5 * rng.normal(size=(n, d))).astype(dtype)
    if kind == "diagonal":
        return DiagonalNormal(loc, rng.uniform(0.3, 1.2, size=(n, d)).astype(dtype))
    tril = 0.4 * np.tril(rng.normal(size=(n, d, d)), -1) + np.eye(d) * rng.uniform(0.3, 1.2, size=(n, 1, d))
    if kind == "shared":
        tril = np.broadcast_to(tril[0], tril.shape)
    return FullNormal(loc, scale_tril=tril.astype(dtype))


def densities_by_hand(q, z):
    """log q(z_m | n), (M, N), one posterior at a time, from means and covariances alone."""
    columns = []
    for loc, covariance in zip(q.loc, q.covariance.astype(np.float64), strict=True):
        difference = (z - loc).astype(np.float64)
        distance = np.sum(difference @ np.linalg.inv(covariance) * difference, axis=1)
        columns.append(-0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1]))
    return np.stack(columns, axis=1)
