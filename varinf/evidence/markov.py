"""Limits on log p(x) that assume nothing about the tail of the weights: Markov's inequality over independent groups.

A mean of weights is unbiased for p(x) and non-negative, so P(mean > p(x)/d) <= d. Over G independent groups, the
smallest group mean exceeds p(x) e^c with probability at most e^(-cG). At posterior draws 1/w is unbiased for 1/p(x),
which gives the upper limit. More groups cost less slack, log(1/d)/G, but each mean holds fewer draws.

Source: Grosse, Ghahramani, Adams (2015), "Sandwiching the marginal likelihood using bidirectional Monte Carlo", 4.1.
"""

import math

import numpy as np

from varinf._arrays import positive_integer, to_numpy
from varinf.diagnostics.draws import Draws


def lower_limit(draws):
    """Closure for Estimate.markov: (low, inf), P(low > log p(x)) <= 1 − level."""

    def limits(level, groups):
        means = _group_log_means(draws, groups, 1.0)
        low = np.min(means, axis=0) + math.log1p(-level) / len(means)
        return low, np.full_like(low, np.inf)[()]

    return limits


def upper_limit(draws):
    """Closure for Estimate.markov from independent exact posterior draws: (-inf, high)."""

    def limits(level, groups):
        means = -_group_log_means(draws, groups, -1.0)
        high = np.max(means, axis=0) - math.log1p(-level) / len(means)
        return np.full_like(high, -np.inf)[()], high

    return limits


def _group_log_means(draws, groups, power):
    groups = min(positive_integer(groups, "groups"), draws.count)
    x = np.asarray(to_numpy(draws.first()))
    # Uneven groups are as good: each mean is unbiased by itself.
    return np.stack([Draws(part, 0, posterior=True).moments(power).log_mean for part in np.array_split(x, groups)])
