"""The one table of kernels: inputs, a high-precision oracle and a tolerance for each function of each kernel.

Parity, contract and benchmark follow from it (`test_parity.py`, `test_contract.py`, `benchmarks/bench_kernels.py`);
a new kernel function is one row here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np

from varinf._kernels import random_normal


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
    any_shape: bool = False  # takes an array of any number of axes

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
LONG_PI = np.longdouble("3.14159265358979323846264338327950288")

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


def _log_mean_oracle(x, power):
    log_v = power * x.astype(np.longdouble)
    top = log_v.max(axis=1)
    shift = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        return (shift + np.log(np.exp(log_v - shift[:, None]).mean(axis=1)),)


def _moments_oracle(x, power):
    wide = x.astype(np.longdouble)
    log_v = power * wide
    top = log_v.max(axis=1)
    v = np.exp(log_v - np.where(np.isfinite(top), top, 0)[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        log_inefficiency = np.where(np.isfinite(top), np.log((v**2).mean(axis=1) / v.mean(axis=1) ** 2), np.inf)
        mean = wide.mean(axis=1)
        m2 = ((wide - mean[:, None]) ** 2).sum(axis=1)
    return (np.stack([_log_mean_oracle(x, power)[0], log_inefficiency, mean, m2]),)


def _weights_oracle(x, power):
    log_v = power * x.astype(np.longdouble)
    top = log_v.max(axis=1, keepdims=True)
    v = np.exp(log_v - np.where(np.isfinite(top), top, 0))
    total = v.sum(axis=1, keepdims=True)
    return (v / np.where(total > 0, total, 1),)


def _merge_arguments(rng, dtype, size):
    x = _log_weights(rng, dtype, size, 5)
    more = _log_weights(rng, dtype, (size[0], 9), 5)
    parts = [_moments_oracle(y, 1.0)[0].astype(dtype) for y in (x, more)]
    return x.shape[1], parts[0], more.shape[1], parts[1]


def _merge_oracle(n_a, moments_a, n_b, moments_b):
    a, b = moments_a.astype(np.longdouble), moments_b.astype(np.longdouble)
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
        return (np.stack([shift + np.log(mean_v), log_inefficiency, mean, m2]),)


# float64: a few rounding errors of the sums; m2 takes differences of block means, and |log w| here goes to 1e4 with a
# spread of 3, so that eps grows by 1e4/3. log_inefficiency is near 0 for nearly equal weights, where its error is
# absolute, eps. float32: sums are in double, so what counts is the rounding of the output and of exp's argument, which
# is as large as the spread of log w.
for _inner in (1, 3, 130):
    for _power in (1.0, 0.5, 2.0, -1.0):
        CASES += [
            Case(
                f"log_weights.{_name}",
                lambda rng, dtype, size, inner=_inner, power=_power: (_log_weights(rng, dtype, size, inner), power),
                _oracle,
                rtol={"float64": 2e-12, "float32": 3e-5},
                atol={"float64": 1e-14, "float32": 2e-6},
                sizes=((1, 1), (3, 7), (4, 33), (3, 1300)),
            )
            for _name, _oracle in (("moments", _moments_oracle), ("log_mean", _log_mean_oracle))
        ]
    CASES += [
        Case(
            f"log_weights.{_name}",
            lambda rng, dtype, size, inner=_inner: (_log_weights(rng, dtype, size, inner), 1.0),
            _oracle,
            rtol={"float64": 1e-12, "float32": 3e-5},  # exp's condition number is its argument, here up to about 30
            atol={"float64": _atol, "float32": _atol_float},
            sizes=((1, 1), (3, 7), (4, 33), (3, 700)),
        )
        for _name, _oracle, _atol, _atol_float in (
            ("weights", _weights_oracle, 1e-300, 1e-37),  # subnormal weights keep fewer digits
            # As wide as the moments need, above; the weights by themselves are held by the row before.
            ("moments_and_weights", lambda *a: _moments_oracle(*a) + _weights_oracle(*a), 1e-14, 2e-6),
        )
    ]
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

# value_range ---------------------------------------------------------------------------------------------------------

for _low in (0.0, -np.inf):
    for _wrong in (None, _low, np.inf, np.nan):

        def _ranged(rng, dtype, size, low=_low, wrong=_wrong):
            """Values inside, and one that is not, if there is to be one."""
            x = rng.gamma(2, size=size).astype(dtype)
            if wrong is not None:
                x.flat[rng.integers(x.size)] = wrong
            return x, low

        CASES.append(
            Case(
                "value_range.all_inside",
                _ranged,
                lambda x, low: (np.array(all(low < float(v) < np.inf for v in x.flat)),),
                rtol={"float64": 0, "float32": 0},
                atol={"float64": 0, "float32": 0},
                any_shape=True,
            )
        )

# gaussian_kl ---------------------------------------------------------------------------------------------------------


def _diagonal(rng, dtype, rows, columns, log_power):
    """loc and scales (N, D), scales from 1e-3 to 1e3 and some exactly 1."""
    loc = rng.normal(size=(rows, columns)) * 10 ** rng.uniform(-2, 1, size=(rows, 1))
    log_scale = rng.normal(size=(rows, columns)) * 10 ** rng.uniform(-2, 0.3, size=(rows, 1))
    log_scale[rng.random((rows, columns)) < 0.1] = 0
    return loc.astype(dtype), (log_power * log_scale if log_power else np.exp(log_scale)).astype(dtype)


def _diagonal_oracle(loc_q, scale_q, loc_p, scale_p, log_power):
    """The textbook form log(s_p / s_q) + (s_q^2 + (m_q - m_p)^2) / (2 s_p^2) - 1/2, and its derivatives."""
    loc_q, scale_q, loc_p, scale_p = (y.astype(np.longdouble) for y in (loc_q, scale_q, loc_p, scale_p))
    if log_power:
        scale_q, scale_p = np.exp(scale_q / log_power), np.exp(scale_p / log_power)
    precision = 1 / scale_p**2
    kl = np.log(scale_p / scale_q) + (scale_q**2 + (loc_q - loc_p) ** 2) * precision / 2 - np.longdouble(0.5)
    d_scale = scale_q * precision - 1 / scale_q
    return kl.sum(axis=1), (loc_q - loc_p) * precision, d_scale * scale_q / log_power if log_power else d_scale


def _standard_oracle(loc, scale, log_power):
    return _diagonal_oracle(loc, scale, np.zeros_like(loc), np.full_like(scale, 0 if log_power else 1), log_power)


def _full(rng, dtype, size, shared, factors):
    """loc (N, D) and covariances of q and of p, or lower factors, with rubbish above the diagonal: nobody reads it."""
    arguments = []
    for rows in (size[0], 1 if shared else size[0]):
        tril = np.tril(rng.normal(size=(rows, size[1], size[1]))) / size[1]
        tril = tril + np.eye(size[1]) * np.exp(rng.normal(size=(rows, 1, size[1])) / 2)
        matrix = tril if factors else np.tril(tril @ tril.mT)
        above = np.triu(np.full_like(matrix, 7.0), 1) if factors else np.tril(matrix, -1).mT
        arguments += [rng.normal(size=(rows, size[1])), matrix + above]
    return tuple(y.astype(dtype) for y in arguments)


def _longdouble_cholesky(cov):
    """Row by row, one matrix at a time: neither of the two orders that the kernels use."""
    tril = np.zeros(cov.shape, np.longdouble)
    for matrix, factor in zip(cov.astype(np.longdouble), tril, strict=True):
        for i in range(len(matrix)):
            for j in range(i):
                factor[i, j] = (matrix[i, j] - factor[i, :j] @ factor[j, :j]) / factor[j, j]
            factor[i, i] = np.sqrt(matrix[i, i] - factor[i, :i] @ factor[i, :i])
    return tril


def _longdouble_inverse(matrix):
    """Gauss and Jordan, without pivots: for positive definite matrices."""
    size = matrix.shape[-1]
    work = np.concatenate([matrix, np.broadcast_to(np.eye(size, dtype=np.longdouble), matrix.shape)], axis=2)
    for j in range(size):
        work[:, j] /= work[:, j, j, None].copy()
        for i in range(size):
            if i != j:
                work[:, i] -= work[:, i, j, None].copy() * work[:, j]
    return work[:, :, size:]


def _full_oracle(loc_q, tril_q, loc_p, tril_p):
    """tr(Sp^-1 Sq) and the Mahalanobis distance through an explicit inverse of Sp."""
    loc_q, loc_p = loc_q.astype(np.longdouble), loc_p.astype(np.longdouble)
    tril_q, tril_p = np.tril(tril_q).astype(np.longdouble), np.tril(tril_p).astype(np.longdouble)
    precision = _longdouble_inverse(tril_p @ np.swapaxes(tril_p, 1, 2))
    difference = loc_q - loc_p
    diagonal_q, diagonal_p = (np.diagonal(y, axis1=1, axis2=2) for y in (tril_q, tril_p))
    d_loc = (precision * difference[:, None, :]).sum(axis=2)
    squares = (precision * (tril_q @ np.swapaxes(tril_q, 1, 2))).sum(axis=(1, 2)) + (d_loc * difference).sum(axis=1)
    kl = (squares - loc_q.shape[1]) / 2 + np.log(diagonal_p).sum(axis=1) - np.log(diagonal_q).sum(axis=1)
    d_tril = np.tril(precision @ tril_q) - np.eye(loc_q.shape[1]) / diagonal_q[:, None, :]
    return kl, d_loc, d_tril


def _covariances_oracle(loc_q, cov_q, loc_p, cov_p, slack):
    return _full_oracle(loc_q, _longdouble_cholesky(cov_q), loc_p, _longdouble_cholesky(cov_p))[:1]


# A feature's error is absolute, a few eps, since r^2 - 1 - 2 log r cancels near r = 1; over D <= 1300 features that
# stays below 3e-14. Relative: a few eps of the terms, which are positive; forming s_q / s_p adds the rounding of
# its operands.
for _log_power in (0, 1, 2):
    _tolerance = {
        "rtol": {"float64": 3e-15, "float32": 2e-6},
        "atol": {"float64": 3e-14, "float32": 2e-6},
    }
    CASES += [
        Case(
            f"gaussian_kl.{_name}",
            lambda rng, dtype, size, log_power=_log_power: (*_diagonal(rng, dtype, *size, log_power), log_power),
            lambda *arguments, count=_count: _standard_oracle(*arguments)[:count],
            **_tolerance,
            sizes=((1, 1), (3, 7), (50, 50), (3, 1300)),
        )
        for _name, _count in (("diagonal_standard", 1), ("diagonal_standard_gradient", 3))
    ]
    CASES += [
        Case(
            f"gaussian_kl.{_name}",
            lambda rng, dtype, size, log_power=_log_power, shared=_shared: (
                *_diagonal(rng, dtype, *size, log_power),
                # scales of p near 1: narrower ones would only make the terms, and with them the allowed error, large
                *(y / 4 + (not log_power) for y in _diagonal(rng, dtype, 1 if shared else size[0], size[1], log_power)),
                log_power,
            ),
            lambda *arguments, count=_count: _diagonal_oracle(*arguments)[:count],
            **_tolerance,
            sizes=((1, 1), (3, 7), (50, 50), (3, 1300)),
        )
        for _name, _count in (("diagonal_diagonal", 1), ("diagonal_diagonal_gradient", 3))
        for _shared in (False, True)
    ]
# The condition numbers of these matrices, up to about 1e3, multiply eps. float32 is float64 inside: one rounding of the
# output, and nothing else, since the inputs are taken as exact.
for _shared in (False, True):
    _tolerance = {
        "rtol": {"float64": 2e-14, "float32": 2e-7},
        "atol": {"float64": 2e-14, "float32": 2e-7},
        "sizes": ((1, 1), (5, 2), (4, 7), (3, 33)),
    }
    CASES += [
        Case(
            f"gaussian_kl.{_name}",
            lambda rng, dtype, size, shared=_shared: _full(rng, dtype, size, shared, factors=True),
            lambda *arguments, count=_count: _full_oracle(*arguments)[:count],
            **_tolerance,
        )
        for _name, _count in (("full_full", 1), ("full_full_gradient", 3))
    ]
    CASES.append(
        Case(
            "gaussian_kl.full_full_from_covariances",
            lambda rng, dtype, size, shared=_shared: (*_full(rng, dtype, size, shared, factors=False), 0.0),
            _covariances_oracle,
            **_tolerance,
        )
    )


def _doubtful(rng, dtype, size):
    """Covariances, symmetric but for some in which an entry is moved by 0.9, or by 1.1, of what is let pass."""
    cov, slack = _full(rng, np.dtype("float64"), size, True, factors=False)[1], 1e-4
    if size[1] > 1:
        for matrix, part in zip(cov, np.resize([0, 0.9, 1.1, -1.1], size[0]), strict=True):
            i, j = np.sort(rng.choice(size[1], 2, replace=False))
            matrix[i, j] += part * slack * np.sqrt(matrix[i, i] * matrix[j, j])
    return cov.astype(dtype), slack


def _checked_oracle(cov, slack):
    rows = []
    for matrix in cov.astype(np.longdouble):
        scale = np.sqrt(np.diag(matrix))
        far = np.abs(matrix - matrix.T) > slack * np.outer(scale, scale)
        rows.append(np.argmax(far.any(axis=1)) if far.any() else -1)
    return _longdouble_cholesky(cov), np.full(len(cov), -1), np.array(rows)


def _flawed(rng, dtype, size):
    """Lower factors, in some of which an entry has a value that it must not have."""
    tril = np.tril(rng.normal(size=(size[0], size[1], size[1])), -1) + np.eye(size[1])
    for matrix, flaw in zip(tril, np.resize([0, -1.0, np.nan, np.inf], size[0]), strict=True):
        i, j = rng.integers(size[1], size=2)
        if flaw:
            matrix[i, max(i, j) if flaw == -1 else j] = flaw
    return (tril.astype(dtype),)


def _flaws_oracle(tril):
    rows = []
    for matrix in tril:
        upper, diagonal = np.triu(matrix, 1), np.diag(matrix)
        good = np.isfinite(matrix).all(axis=1) & (upper == 0).all(axis=1) & (diagonal > 0)
        rows.append(-1 if good.all() else np.argmin(good))
    return (np.array(rows),)


CASES += [
    Case("gaussian_kl.cholesky", _doubtful, _checked_oracle, **_tolerance),
    Case("gaussian_kl.flawed_rows", _flawed, _flaws_oracle, **_tolerance),
]

# monte_carlo_elbo ----------------------------------------------------------------------------------------------------


def _observed(rng, shape, likelihood):
    """Data of each likelihood, on the boundary too (0 and 1; counts of 0 and in the thousands)."""
    if likelihood == "bernoulli":
        return np.where(rng.random(shape) < 0.3, rng.random(shape), rng.random(shape) < 0.5)
    if likelihood == "poisson":
        return rng.poisson(np.exp(rng.uniform(-2, 3, size=shape))) * np.where(rng.random(shape) < 0.05, 100.0, 1.0)
    return rng.normal(size=shape) * 2


def _elbo_arguments(rng, dtype, size, likelihood):
    """x, loc, log_scale (N, D) and the rest of `elbo`; 6 draws."""
    x = _observed(rng, size, likelihood)
    loc, log_scale = rng.normal(size=size), rng.normal(size=size) / 2 - 1
    noise = rng.normal(size=(6, *size))
    return *(y.astype(dtype) for y in (x, loc, log_scale, noise)), likelihood, 0.7


def _own_draws_arguments(rng, dtype, size, likelihood):
    x, loc, log_scale, _, *rest = _elbo_arguments(rng, dtype, size, likelihood)
    return x, loc, log_scale, 5, 12345678901234567890, 987654321, *rest


def _share_arguments(rng, dtype, size, likelihood):
    """The rows from the third on, of five more than there are here."""
    return *_own_draws_arguments(rng, dtype, size, likelihood), 2, size[0] + 5


def _log_gamma(x):
    """log Gamma(x + 1) of each distinct value once, in 30 digits."""
    values, places = np.unique(x, return_inverse=True)
    with mpmath.workdps(30):
        exact = [np.longdouble(mpmath.nstr(mpmath.loggamma(mpmath.mpf(float(v)) + 1), 25)) for v in values]
    return np.array(exact, dtype=np.longdouble)[places].reshape(x.shape)


def _score_oracle(x, z, likelihood, noise_scale):
    """log p(x | z) with its constants, elementwise, and its derivative in z."""
    x, z, noise_scale = x.astype(np.longdouble), z.astype(np.longdouble), np.longdouble(noise_scale)
    if likelihood == "bernoulli":
        p, q = 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(z))  # long double's exponent holds exp(1e4)
        return -x * np.logaddexp(0, -z) - (1 - x) * np.logaddexp(0, z), x * q - (1 - x) * p
    if likelihood == "normal":
        constant = np.log(noise_scale) + np.log(8 * np.arctan(np.longdouble(1))) / 2
        return -(((x - z) / noise_scale) ** 2) / 2 - constant, (x - z) / noise_scale**2
    return x * z - np.exp(z) - _log_gamma(x), x - np.exp(z)


def _elbo_oracle(x, loc, log_scale, noise, likelihood, noise_scale):
    loc, log_scale, noise = (y.astype(np.longdouble) for y in (loc, log_scale, noise))
    scale = np.exp(log_scale)
    value, slope = _score_oracle(x, loc + scale * noise, likelihood, noise_scale)
    r = value.sum(axis=2)
    kl, kl_loc, kl_log_scale = _standard_oracle(loc, log_scale, True)
    stderr = np.sqrt(((r - r.mean(axis=0)) ** 2).sum(axis=0) / (len(r) - 1) / len(r))
    d_log_scale = (slope * noise).mean(axis=0) * scale - kl_log_scale
    return r.mean(axis=0), stderr, kl, slope.mean(axis=0) - kl_loc, d_log_scale


def _own_draws_oracle(x, loc, log_scale, draws, key0, key1, likelihood, noise_scale, first_row=0, rows=None):
    """The noise is random_normal's reference, which has its own rows below: here it is the layout that is tested."""
    shape = draws, len(x) if rows is None else rows, x.shape[1]
    noise = random_normal.normals(key0, key1, 0, int(np.prod(shape)), x.dtype.char).reshape(shape)
    return _elbo_oracle(x, loc, log_scale, noise[:, first_row : first_row + len(x)], likelihood, noise_scale)


def _likelihood_arguments(rng, dtype, size, likelihood):
    """Parameters of moderate size, and where the likelihood allows it logits and means of +-1e4."""
    parameter = rng.normal(size=(4, *size)) * 2
    if likelihood != "poisson":
        parameter[0, 0] = 1e4 * rng.choice([-1, 1], size=size[1])
    return _observed(rng, size, likelihood).astype(dtype), parameter.astype(dtype), likelihood, 0.7


# Terms of one sign add up without cancelling; those of the Poisson (x z, exp z, log x!) reach 1e5 here and cancel, and
# so may what the gradients average. The standard error is a difference of such sums, 1e-12 of them. float32: each term
# is rounded, 6e-8 of it, and so is z, whose error the slope passes on.
for _likelihood in ("bernoulli", "normal", "poisson"):
    _large = 50 if _likelihood == "poisson" else 1
    CASES += [
        Case(
            f"monte_carlo_elbo.{_name}",
            lambda rng, dtype, size, make=_make, likelihood=_likelihood: make(rng, dtype, size, likelihood),
            _oracle,
            rtol={"float64": 1e-13, "float32": 2e-6},
            atol={"float64": 2e-14 * _large, "float32": 1e-5 * _large},
            sizes=((1, 1), (3, 7), (40, 50), (3, 1300), (300, 41)),
        )
        for _name, _make, _oracle in (
            ("elbo", _elbo_arguments, _elbo_oracle),
            ("elbo_own_draws", _own_draws_arguments, _own_draws_oracle),
            ("elbo_own_draws", _share_arguments, _own_draws_oracle),
        )
    ]
    CASES += [
        Case(
            f"monte_carlo_elbo.{_name}",
            lambda rng, dtype, size, likelihood=_likelihood: _likelihood_arguments(rng, dtype, size, likelihood),
            lambda *arguments, gradient=_gradient: tuple(
                y.sum(axis=2) if i == 0 else y for i, y in enumerate(_score_oracle(*arguments)[: 1 + gradient])
            ),
            rtol={"float64": 1e-13, "float32": 2e-6},
            atol={"float64": 2e-14 * _large, "float32": 1e-5 * _large},
            sizes=((1, 1), (3, 7), (40, 50), (3, 1300)),
        )
        for _name, _gradient in (("log_likelihood", False), ("log_likelihood_gradient", True))
    ]

# mixture_density -----------------------------------------------------------------------------------------------------


def _make_mixture(rng, dtype, size):
    """The first of several rows far out: its density must be the nearest component's, not log 0."""
    rows, features = size
    n = 2 * rows + features
    z, loc = 2 * rng.normal(size=(rows, features)), rng.normal(size=(n, features))
    if rows > 1:
        z[0] = -1e6
    return z.astype(dtype), loc.astype(dtype), np.exp(0.5 * rng.normal(size=(n, features))).astype(dtype)


def _mixture_oracle(z, loc, scale):
    z, loc, scale = (x.astype(np.longdouble) for x in (z, loc, scale))
    logs = [-0.5 * np.sum(((row - loc) / scale) ** 2, axis=1) - np.log(scale).sum(axis=1) for row in z]
    tops = np.array([x.max() for x in logs])
    sums = np.array([np.exp(x - top).sum() for x, top in zip(logs, tops, strict=True)])
    return (tops + np.log(sums / len(loc)) - z.shape[1] / 2 * np.log(2 * LONG_PI),)


CASES.append(
    Case(
        "mixture_density.log_density",
        _make_mixture,
        _mixture_oracle,
        rtol={"float64": 2e-15, "float32": 4e-7},  # each square carries three roundings
        atol={"float64": 1e-13, "float32": 1e-4},  # the squares, up to 1000 here, cancel against the log scales
    )
)

# bottleneck ----------------------------------------------------------------------------------------------------------


def _make_bottleneck(rng, dtype, size):
    """Some problems over x and y; a cluster without mass, a label that a cluster lacks, and beta from 0 on."""
    x, y = size
    conditional = rng.dirichlet(np.full(y, 0.5), size=x)
    tables = rng.dirichlet(np.ones(4 * y), size=3).reshape(3, 4, y)
    tables[0, 1] = 0
    tables[1, 2, 0] = 0
    arguments = tables, conditional, rng.dirichlet(np.ones(x)), np.array([0.0, 1.5, 20.0])
    return tuple(part.astype(dtype) for part in arguments)


def _bottleneck_oracle(tables, conditional, p_x, beta):
    tables, conditional, p_x, beta = (part.astype(np.longdouble) for part in (tables, conditional, p_x, beta))
    tables = np.maximum(tables, np.longdouble(1e-300))
    log_table, log_weight = np.log(tables), np.log(tables.sum(axis=2))
    exponent = log_table @ conditional.T  # where p(y|x) does not sum to 1 in its dtype, its own sum counts
    logits = beta[:, None, None] * exponent + ((1 - beta)[:, None] * log_weight)[:, :, None]
    top = logits.max(axis=1, keepdims=True)
    encoders = np.exp(logits - top)
    total = encoders.sum(axis=1, keepdims=True)
    encoders = encoders / total
    return encoders, encoders @ (p_x[:, None] * conditional), -((top + np.log(total))[:, 0] @ p_x)


CASES.append(
    Case(
        "bottleneck.iterate",
        _make_bottleneck,
        _bottleneck_oracle,
        rtol={"float64": 1e-12, "float32": 1e-6},  # exponents of thousands carry their rounding into exp
        atol={"float64": 1e-12, "float32": 1e-6},
    )
)


def _make_acceleration(rng, dtype, size):
    """Three steps: of many more, rounding in the differences of late iterates has its say."""
    return *_make_bottleneck(rng, dtype, size), 3


def _acceleration_oracle(tables, conditional, p_x, beta, steps):
    """Where three steps lead: plain, plain, and that by the one difference of two moves there is by then."""
    assert steps == 3
    tiny, found = np.longdouble(1e-300), []
    for table, price in zip(tables[:, None], beta[:, None], strict=True):
        ask = lambda at: _bottleneck_oracle(at, conditional, p_x, price)  # noqa: E731, B023
        first, second = ask(table), ask(ask(table)[1])
        logs = [np.log(np.maximum(at, tiny)) for at in (table.astype(np.longdouble), first[1], second[1])]
        turn, weight = logs[2] - 2 * logs[1] + logs[0], second[1]
        size = np.sum(weight * turn**2)
        share = np.sum(weight * turn * (logs[2] - logs[1])) / (size * (1 + np.longdouble(1e-9)) + tiny)
        step = (1 - share) * (logs[2] - logs[1])  # from where the second began
        at = np.exp(logs[1] + step)
        at = at / at.sum()
        third, turns = ask(at), [(logs[2] - logs[1], turn)]
        if not third[2] <= second[2] or np.sum(weight * step * (logs[2] - logs[1])) < 0:
            at = second[1]
            third, turns = ask(at), []
        log_at, end = (np.log(np.maximum(part, tiny)) for part in (at, third[1]))
        turns.append((end - logs[2], end - log_at - logs[2] + logs[1]))
        ratios = [
            np.sum(third[1] * (e - m) ** 2) / max(np.sum(third[1] * m**2), np.longdouble(1e-30)) for e, m in turns
        ]
        residual = np.abs(third[1] - at).sum() * np.sqrt(max(1, *ratios))
        found.append((third[0][0], third[2][0], residual))
    return tuple(np.array(part) for part in zip(*found, strict=True))


CASES.append(
    Case(
        "bottleneck.accelerate",
        _make_acceleration,
        _acceleration_oracle,
        rtol={"float64": 1e-10, "float32": 1e-6},  # each step passes the rounding of the last on
        atol={"float64": 1e-10, "float32": 1e-6},
    )
)

# random_normal -------------------------------------------------------------------------------------------------------


class Xoshiro:
    """xoshiro256++ in Python integers, after Blackman and Vigna (2021)."""

    def __init__(self, state):
        self.s = list(state)

    def __call__(self):
        s, mask = self.s, 2**64 - 1
        total = (s[0] + s[3]) & mask
        result = ((total << 23 | total >> 41) + s[0]) & mask
        shifted = s[1] << 17 & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = (s[3] << 45 | s[3] >> 19) & mask
        return result


GOLDEN = 0x9E3779B97F4A7C15


def splitmix_finaliser(z):
    mask = 2**64 - 1
    z &= mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return z ^ z >> 31


def _raw_bits_oracle(key0, key1, block):
    mix = splitmix_finaliser
    origin, whiten = mix(key0 ^ mix(key1 + GOLDEN)), mix(key1 ^ mix(key0 + 2 * GOLDEN))
    word = [mix(mix(origin + GOLDEN * (32 * block + i)) + whiten) for i in range(32)]
    lanes = [Xoshiro(word[i::8]) for i in range(8)]
    return (np.array([lane() for _ in range(128) for lane in lanes], dtype=np.uint64),)


def _normal_block(key0, key1, block, char):
    bits = [int(w) for w in _raw_bits_oracle(key0, key1, block)[0]]
    if char == "d":
        width, first, second = 52, bits[:512], bits[512:]
        uniform = np.array([(w >> 12) + np.longdouble(0.5) for w in first]) / 2**52
    else:
        bits = [half for w in bits[:512] for half in (w % 2**32, w >> 32)]
        width, first, second = 23, bits[:512], bits[512:]
        uniform = np.array([np.float32(h >> 1) * np.float32(2.0**-31) + np.float32(2.0**-32) for h in first])
    radius = np.sqrt(-2 * np.log(uniform.astype(np.longdouble)))
    angle = np.array([np.longdouble(w % 2**width) / 2**width - 0.5 for w in second]) * LONG_PI / 2
    top = 63 if char == "d" else 31
    sign = np.array([-1 if w >> top & 1 else 1 for w in second])
    swap = np.array([w >> top - 1 & 1 for w in second], dtype=bool)
    sine, cosine = np.sin(angle), sign * np.cos(angle)
    return np.concatenate([radius * np.where(swap, sine, cosine), radius * np.where(swap, cosine, sine)])


def _normals_oracle(key0, key1, start, count, char):
    blocks = range(start // 1024, -(-(start + count) // 1024))
    values = np.concatenate([_normal_block(key0, key1, block, char) for block in blocks])
    return (values[start % 1024 :][:count],)


def _make_key(rng):
    return int(rng.integers(2**64, dtype=np.uint64)), int(rng.integers(2**64, dtype=np.uint64))


CASES += [
    Case(
        "random_normal.raw_bits",
        lambda rng, dtype, size: (*_make_key(rng), int(rng.integers(2**50))),
        _raw_bits_oracle,
        rtol={"float64": 0, "float32": 0},  # integers, the same everywhere
        atol={"float64": 0, "float32": 0},
        sizes=((1, 1), (2, 1)),
    ),
    Case(
        "random_normal.normals",
        lambda rng, dtype, size: (*_make_key(rng), int(rng.integers(2**50)), size[0] * size[1], dtype.char),
        _normals_oracle,
        rtol={"float64": 0, "float32": 0},  # sines near 0 have no relative accuracy that matters
        atol={"float64": 4e-15, "float32": 2e-6},  # 4 ulp of the largest values, in [4, 8)
        sizes=((1, 1), (3, 7), (17, 200)),
    ),
]

# pareto_tail ---------------------------------------------------------------------------------------------------------


def _tail_length(draws):
    return max(1, min(draws - 1, int(np.ceil(min(0.2 * draws, 3 * np.sqrt(draws))))))


def _tail_draws(rng, dtype, size, inner):
    """(outer, draws, inner) log weights of light and heavy tails, with ties, with -inf, and all the same."""
    x = rng.normal(size=(*size, inner)) * np.resize([1.0, 0.1, 4.0], (size[0], 1, 1)) - 30
    x[1::4] = np.round(x[1::4] * 4) / 4
    x[2::4, ::3] = -np.inf
    x[3::4] = -7.0
    return x.astype(dtype)


def _largest_arguments(rng, dtype, size, inner, power):
    return _tail_draws(rng, dtype, size, inner), power, min(size[1], _tail_length(size[1]) + 1)


def _largest_oracle(x, power, keep):
    return (np.moveaxis(np.sort(x.dtype.type(power) * x, axis=1)[:, x.shape[1] - keep :], 1, -1),)


def _tails(rng, dtype, size):
    """Rows of a tail and its cutoff: Pareto excesses of tail index -0.5 to 20, and some with nothing to fit."""
    rows, m = size
    u = np.sort(rng.uniform(size=(rows, m)), axis=1)
    k = np.resize([0.5, -0.5, 1.0, 20.0, 0.1, 2.0], (rows, 1))
    top = np.concatenate([np.zeros((rows, 1)), np.log1p(np.expm1(-k * np.log1p(-u)) / k)], axis=1) - 30
    top[4::7, : m // 2] = top[4::7, m // 2, None]  # half of it ties
    top[5::7] = -np.inf
    top[5::14, -1] = 0
    top[6::7, -1] = np.inf
    return (np.sort(top, axis=1).astype(dtype),)


def _fit_oracle(top):
    """Row by row and theta by theta, w the weights relative to the largest."""
    m = top.shape[1] - 1
    k_hat, sigma = np.full(len(top), np.nan, np.longdouble), np.full(len(top), np.nan, np.longdouble)
    for i, row in enumerate(top.astype(np.longdouble)):
        if not row[-1] < np.inf:
            continue
        w = np.exp(row - (row[-1] if np.isfinite(row[-1]) else 0))
        x = w[1:] - w[0]
        quartile = x[max(0, int(np.floor(m / 4 + 0.5)) - 1)]
        if quartile <= 1e-280:
            few = np.sum(w[1:]) ** 2 < np.sqrt(np.longdouble(m)) * np.sum(w[1:] ** 2)
            k_hat[i], sigma[i] = np.inf if few else -np.inf, 0
            continue
        points = 30 + int(np.sqrt(m))
        grid = [1 - np.sqrt(points / (j - np.longdouble(0.5))) for j in range(1, points + 1)]
        thetas = [1 / x[-1] + one / (3 * quartile) for one in grid]
        ks = np.array([np.sum(np.log1p(-theta * x)) / m for theta in thetas])
        likelihood = m * (np.log(-np.array(thetas) / ks) - ks - 1)
        theta = np.sum([t / np.sum(np.exp(likelihood - one)) for t, one in zip(thetas, likelihood, strict=True)])
        k = np.sum(np.log1p(-theta * x)) / m
        k_hat[i], sigma[i] = (m * k + 5) / (m + 10), -k / theta
    return k_hat, sigma


def _smooth_arguments(rng, dtype, size, inner):
    x = _tail_draws(rng, dtype, size, inner)
    tail = _tail_length(size[1])
    top = _largest_oracle(x, 1.0, tail + 1)[0]
    shape = (size[0], inner)
    k_hat, sigma = rng.normal(size=shape), np.exp(rng.normal(size=shape) - 1)
    k_hat[0, 0] = 1e-9  # nearly exponential
    k_hat[:, 1:2], k_hat[1:, 2:3] = 0, np.inf
    return x, top, tail, k_hat.astype(dtype), sigma.astype(dtype)


def _smooth_oracle(x, top, tail, k_hat, sigma):
    """Column by column, through a stable sort of all draws."""
    out = x.astype(np.longdouble)
    p = (np.arange(tail, dtype=np.longdouble) + 0.5) / tail
    for o, i in np.ndindex(*k_hat.shape):
        k, scale = np.longdouble(k_hat[o, i]), np.longdouble(sigma[o, i])
        if not np.isfinite(k):
            continue
        order = np.argsort(x[o, :, i], kind="stable")
        peak, cutoff = out[o, order[-1], i], out[o, order[-tail - 1], i]
        excess = scale * (-np.log1p(-p) if k == 0 else np.expm1(-k * np.log1p(-p)) / k)
        out[o, order[-tail:], i] = np.minimum(np.log(excess + np.exp(cutoff - peak)), 0) + peak
    return (out,)


for _inner in (3, 1, 40):
    CASES += [
        Case(
            "pareto_tail.largest",
            lambda rng, dtype, size, inner=_inner, power=_power: _largest_arguments(rng, dtype, size, inner, power),
            _largest_oracle,
            rtol={"float64": 0, "float32": 0},  # a selection
            atol={"float64": 0, "float32": 0},
            sizes=((1, 1), (3, 7), (5, 600), (4, 5000)),
        )
        for _power in (1.0, -0.5)
    ]
    CASES.append(
        Case(
            "pareto_tail.smooth",
            lambda rng, dtype, size, inner=_inner: _smooth_arguments(rng, dtype, size, inner),
            _smooth_oracle,
            rtol={"float64": 1e-15, "float32": 1e-7},  # of the output, near -30
            atol={"float64": 1e-14, "float32": 1e-7},  # of the logarithms, before the largest, -30, is added
            sizes=((1, 2), (3, 7), (5, 600), (4, 5000)),
        )
    )
CASES.append(
    Case(
        "pareto_tail.fit",
        _tails,
        _fit_oracle,
        # The log likelihood, m times numbers near 1, is rounded, and theta and k follow it with their posterior spread:
        # eps m / sqrt(m) of them. Beside k = 0 the error is absolute.
        rtol={"float64": 1e-13, "float32": 1e-7},
        atol={"float64": 1e-13, "float32": 1e-7},
        sizes=((1, 5), (7, 20), (30, 95), (14, 301), (7, 3000)),
    )
)

# vector_math ---------------------------------------------------------------------------------------------------------


def _elementwise(name, make, exact):
    """rtol: 4 ulp, which NumPy's own float32 functions, the reference, need; test_vector_math.py is finer and wider."""
    return Case(
        f"vector_math.{name}",
        lambda rng, dtype, size: (make(rng, size[0] * size[1]).astype(dtype),),
        lambda x: as_tuple(exact(x.astype(np.longdouble))),
        rtol={"float64": 9e-16, "float32": 4.8e-7},
        atol={"float64": 0, "float32": 0},
    )


def sincos2pi_exact(u):
    quarter = np.round(4 * u)
    angle = (4 * u - quarter) * (LONG_PI / 2)
    quadrants = [np.sin(angle), np.cos(angle), -np.sin(angle), -np.cos(angle)]
    turn = quarter.astype(int) % 4
    return np.choose(turn, quadrants), np.choose((turn + 1) % 4, quadrants)


CASES += [
    _elementwise("exp", lambda rng, n: 20 * rng.normal(size=n), np.exp),
    _elementwise("exp_nonpositive", lambda rng, n: rng.uniform(-86, 0, size=n), np.exp),
    _elementwise("log", lambda rng, n: np.exp(10 * rng.normal(size=n)), np.log),
    _elementwise("log1p", lambda rng, n: np.expm1(3 * rng.normal(size=n)), np.log1p),
    _elementwise("sincos2pi", lambda rng, n: rng.uniform(size=n), sincos2pi_exact),
]
