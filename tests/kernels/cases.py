"""The one table of kernels: inputs, a high-precision oracle and a tolerance for each function of each kernel.

Parity, contract and benchmark follow from it (`test_parity.py`, `test_contract.py`, `benchmarks/bench_kernels.py`);
a new kernel function is one row here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    """One kernel function with the data to hold it against.

    make(rng, dtype, size) gives the positional arguments, `size` being (rows, columns) in the sense of the kernel;
    oracle(*arguments) gives the outputs in more precision than float64 (a tuple, even of one); rtol and atol, keyed by
    dtype name, bound |output - oracle| <= atol + rtol |oracle|, with the reason beside the number.
    """

    name: str  # "kernel.function"
    make: Callable
    oracle: Callable
    rtol: dict
    atol: dict
    sizes: tuple = ((1, 1), (3, 7), (17, 33), (40, 130))

    @property
    def kernel(self):
        return self.name.split(".")[0]

    @property
    def function(self):
        return self.name.split(".")[1]


def as_tuple(outputs):
    """Kernels that return one array, as the tuple that the table speaks of."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


CASES = []

# log_weights ---------------------------------------------------------------------------------------------------------


def _log_weights(rng, dtype, size, inner):
    """(outer, draws, inner) log weights: unremarkable ones, huge ones, a column of -inf, and a single -inf."""
    rows, draws = size
    x = rng.normal(-30, 3, size=(rows, draws, inner))
    x[0] -= 1e4
    x[-1] *= 1e-3
    if draws > 1:
        x[rows // 2, draws // 2] = -np.inf
    if rows > 2:
        x[1] = -np.inf
    return np.ascontiguousarray(x, dtype=dtype)


def _moments_oracle(x, power):
    wide = x.astype(np.longdouble)
    log_v = power * wide
    top = log_v.max(axis=1)
    shift = np.where(np.isfinite(top), top, 0)
    v = np.exp(log_v - shift[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        log_mean = shift + np.log(v.mean(axis=1))
        log_inefficiency = np.where(np.isfinite(top), np.log((v**2).mean(axis=1) / v.mean(axis=1) ** 2), np.inf)
        mean = wide.mean(axis=1)
        m2 = ((wide - mean[:, None]) ** 2).sum(axis=1)
    return top, np.where(top == np.inf, np.inf, log_mean), log_inefficiency, mean, m2


def _weights_oracle(x, power):
    log_v = power * x.astype(np.longdouble)
    top = log_v.max(axis=1, keepdims=True)
    v = np.exp(log_v - np.where(np.isfinite(top), top, 0))
    total = v.sum(axis=1, keepdims=True)
    return (v / np.where(total > 0, total, 1),)


def _merge_arguments(rng, dtype, size):
    x = _log_weights(rng, dtype, size, 5)
    more = _log_weights(rng, dtype, (size[0], 9), 5)
    parts = [[np.ravel(part).astype(dtype) for part in _moments_oracle(y, 1.0)] for y in (x, more)]
    return (x.shape[1], *parts[0], more.shape[1], *parts[1])


def _merge_oracle(n_a, top_a, mean_v_a, excess_a, mean_a, m2_a, n_b, top_b, mean_v_b, excess_b, mean_b, m2_b):
    a = [y.astype(np.longdouble) for y in (mean_v_a, excess_a, mean_a, m2_a)]
    b = [y.astype(np.longdouble) for y in (mean_v_b, excess_b, mean_b, m2_b)]
    n = np.longdouble(n_a + n_b)
    shift = np.maximum(a[0], b[0])
    shift = np.where(np.isfinite(shift), shift, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [np.exp(y[0] - shift) for y in (a, b)]
        squares = [np.where(m > 0, np.exp(y[1]) * m**2, 0) for m, y in zip(means, (a, b), strict=True)]
        mean_v = (n_a * means[0] + n_b * means[1]) / n
        mean_square = (n_a * squares[0] + n_b * squares[1]) / n
        log_inefficiency = np.where(mean_v > 0, np.log(mean_square / mean_v**2), np.inf)
        mean = (n_a * a[2] + n_b * b[2]) / n
        m2 = a[3] + b[3] + (a[2] - b[2]) ** 2 * n_a * n_b / n
        return np.maximum(top_a, top_b), shift + np.log(mean_v), log_inefficiency, mean, m2


# float64: a few rounding errors of the sums; m2 takes differences of block means, and |log w| here goes to 1e4 with a
# spread of 3, so that eps grows by 1e4/3. log_inefficiency is near 0 for nearly equal weights, where its error is
# absolute, eps. float32: sums are in double, so what counts is the rounding of the output and of exp's argument, which
# is as large as the spread of log w.
for _inner in (1, 3, 130):
    for _power in (1.0, 0.5, 2.0, -1.0):
        CASES.append(
            Case(
                "log_weights.moments",
                lambda rng, dtype, size, inner=_inner, power=_power: (_log_weights(rng, dtype, size, inner), power),
                _moments_oracle,
                rtol={"float64": 2e-12, "float32": 3e-5},
                atol={"float64": 1e-14, "float32": 2e-6},
                sizes=((1, 1), (3, 7), (4, 33), (3, 1300)),
            )
        )
    CASES.append(
        Case(
            "log_weights.weights",
            lambda rng, dtype, size, inner=_inner: (_log_weights(rng, dtype, size, inner), 1.0),
            _weights_oracle,
            rtol={"float64": 1e-12, "float32": 3e-5},  # exp's condition number is its argument, here up to about 30
            atol={"float64": 1e-300, "float32": 1e-37},  # subnormal weights keep fewer digits
            sizes=((1, 1), (3, 7), (4, 33), (3, 700)),
        )
    )
CASES.append(
    Case(
        "log_weights.merge",
        _merge_arguments,
        _merge_oracle,
        rtol={"float64": 1e-12, "float32": 1e-5},
        atol={"float64": 1e-11, "float32": 5e-3},  # log means of 1e4 come in rounded: 1e4 eps
        sizes=((1, 1), (3, 7), (4, 33)),
    )
)

# gaussian_kl ---------------------------------------------------------------------------------------------------------

# monte_carlo_elbo ----------------------------------------------------------------------------------------------------

# mixture_density -----------------------------------------------------------------------------------------------------

# random_normal -------------------------------------------------------------------------------------------------------
