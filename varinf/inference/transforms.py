"""Smooth maps from free coordinates, in which a fit works, to parameters with a constraint.

Each takes free coordinates y (S, k) to parameters x (S, K) and answers

    free(K)          k, how many free coordinates K parameters have
    forward(y)       x
    log_det(y)       log |det dx/dy|, (S,): the density of y is that of x times this Jacobian
    pull(y, x, g)    gradient in y of f(x(y)) + log_det(y), where g is the gradient of f in x
    inverse(x)       y

The maps are those of Stan's reference manual, chapter "Constraint transforms".
"""

import math
from dataclasses import dataclass

import numpy as np

_HELP = "use 'positive', 'unit_interval', ('interval', low, high), 'ordered' or 'simplex'"


@dataclass(frozen=True)
class Interval:
    """Each parameter by itself between `low` and `high`, of which one may be infinite."""

    low: float
    high: float

    def free(self, size):
        return size

    def forward(self, y):
        if math.isinf(self.high):
            return self.low + np.exp(y)
        if math.isinf(self.low):
            return self.high - np.exp(y)
        return self.low + (self.high - self.low) * _sigmoid(y)

    def log_det(self, y):
        if math.isinf(self.high) or math.isinf(self.low):
            return np.sum(y, axis=-1)
        each = math.log(self.high - self.low) - np.logaddexp(0, y) - np.logaddexp(0, -y)
        return np.sum(each, axis=-1)

    def pull(self, y, x, g):
        if math.isinf(self.high):
            return g * np.exp(y) + 1
        if math.isinf(self.low):
            return 1 - g * np.exp(y)
        share = _sigmoid(y)
        return g * (self.high - self.low) * share * _sigmoid(-y) + 1 - 2 * share

    def inverse(self, x):
        if math.isinf(self.high):
            return np.log(x - self.low)
        if math.isinf(self.low):
            return np.log(self.high - x)
        return np.log(x - self.low) - np.log(self.high - x)

    def inside(self, x):
        return bool(np.all((x > self.low) & (x < self.high)))

    def __str__(self):
        return f"between {self.low:g} and {self.high:g}"


class Ordered:
    """Increasing parameters: the first is free, each next one lies exp(y) above the one before."""

    def free(self, size):
        return size

    def forward(self, y):
        return np.cumsum(np.concatenate([y[..., :1], np.exp(y[..., 1:])], axis=-1), axis=-1)

    def log_det(self, y):
        return np.sum(y[..., 1:], axis=-1)

    def pull(self, y, x, g):
        above = np.cumsum(g[..., ::-1], axis=-1)[..., ::-1]
        return np.concatenate([above[..., :1], above[..., 1:] * np.exp(y[..., 1:]) + 1], axis=-1)

    def inverse(self, x):
        return np.concatenate([x[..., :1], np.log(np.diff(x, axis=-1))], axis=-1)

    def inside(self, x):
        return bool(np.all(np.diff(x, axis=-1) > 0))

    def __str__(self):
        return "increasing"


class Simplex:
    """Positive parameters that sum to 1, by breaking a stick from its centre at y = 0; the density omits the last."""

    def free(self, size):
        return size - 1

    def _log_shares(self, y):
        """log z_k and log(1 - z_k) of the share z_k that the k-th piece takes of what is left."""
        moved = y - np.log(np.arange(y.shape[-1], 0, -1))
        return -np.logaddexp(0, -moved), -np.logaddexp(0, moved)

    def forward(self, y):
        log_share, log_rest = self._log_shares(y)
        left = np.cumsum(log_rest, axis=-1)
        before = np.concatenate([np.zeros_like(y[..., :1]), left[..., :-1]], axis=-1)
        return np.exp(np.concatenate([log_share + before, left[..., -1:]], axis=-1))

    def log_det(self, y):
        log_share, log_rest = self._log_shares(y)
        return np.sum(log_share + np.arange(y.shape[-1], 0, -1) * log_rest, axis=-1)

    def pull(self, y, x, g):
        share, rest = map(np.exp, self._log_shares(y))
        h = g * x
        after = np.cumsum(h[..., ::-1], axis=-1)[..., ::-1][..., 1:]  # of the pieces behind each
        return h[..., :-1] * rest - share * after + rest - np.arange(y.shape[-1], 0, -1) * share

    def inverse(self, x):
        left = 1 - np.cumsum(x[..., :-1], axis=-1) + x[..., :-1]  # before each piece
        return np.log(x[..., :-1]) - np.log(left - x[..., :-1]) + np.log(np.arange(x.shape[-1] - 1, 0, -1))

    def inside(self, x):
        return bool(np.all(x > 0) and np.allclose(np.sum(x, axis=-1), 1))

    def __str__(self):
        return "positive, with sum 1"


def transform(given, name):
    """A transform by its name."""
    if given == "positive":
        return Interval(0.0, math.inf)
    if given == "unit_interval":
        return Interval(0.0, 1.0)
    if given == "ordered":
        return Ordered()
    if given == "simplex":
        return Simplex()
    if isinstance(given, tuple) and len(given) == 3 and given[0] == "interval":
        low, high = map(float, given[1:])
        if not low < high or (math.isinf(low) and math.isinf(high)):
            raise ValueError(f"transforms[{name!r}]={given!r}: low must lie below high, and one of them be finite")
        return Interval(low, high)
    raise ValueError(f"transforms[{name!r}]={given!r}: {_HELP}")


def _sigmoid(y):
    return np.exp(-np.logaddexp(0, -y))
