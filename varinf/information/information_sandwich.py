"""Information of a population between two bounds, from an encoder's posteriors on data that it never saw."""

import math

import numpy as np

from varinf._arrays import generator
from varinf._pool import run_all, worker_count
from varinf._sandwich import Sandwich
from varinf.diagnostics import caveats
from varinf.estimate import Direction, Estimate
from varinf.families.family import log_sum_exp, settle, wide
from varinf.information.aggregate import check_posteriors, independent_features, reference_for
from varinf.information.rate import rate
from varinf.information.scores import jackknife_error, log_sums_without_each

_AT_ONCE = 2**20  # log densities of a block of codes; what is made of them takes six times the memory


def information_sandwich(q, reference=None, rng=None, workers=None):
    """I(X;Z) of the population between the index information and the better of two upper bounds.

    Below stands InfoNCE with the encoder as its critic, the index information of these data. Above stands the rate or
    the leave-one-out bound: one half of the data chooses which, the other half reports it, since the smaller of two
    noisy bounds would be too small.

    Parameters
    ----------
    q : Family, batch shape (N,)
        The encoder's posteriors on N ≥ 6 independent data that it was not fitted to, such as DiagonalNormal with loc
        (N, D); NumPy arrays. Work grows as N² D, memory as N.
    reference : Family, batch shape (), optional
        The rate's r(z), not fitted to these data either; the standard normal N(0, I) unless given; categories need one
        of their own.
    rng : None, int, SeedSequence or Generator
        Seed or generator of the codes, one for each datum, and of the halves; None draws anew each time.
    workers : int, optional
        Threads over blocks of codes: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Sandwich
        Of "I(X;Z)", in nats, each side a bound in expectation. The lower one's `ceiling` is log N. Errors of InfoNCE
        and leave-one-out are the jackknife's, which leaves out each datum with its code; that of the rate is the spread
        over data. The two sides share data: their `interval` holds all the same, each side failing by itself, and the
        error of their `gap`, for which they count as independent, is too large where they move together.

    Raises
    ------
    ValueError
        For a q without one batch axis, or of fewer than six data.
    TypeError
        For parameters of torch or JAX: the draws are NumPy's.

    See Also
    --------
    index_information : The lower side, for the data set as it stands.
    rate : One upper side.
    leave_one_out : The other, from a matrix of log densities.
    mixture_information_bounds : Closed forms about the data set as it stands.

    References
    ----------
    Poole, Ozair, van den Oord, Alemi, Tucker (2019), "On variational bounds of mutual information".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> q = vi.DiagonalNormal(x, np.ones((1000, 1)))  # z = x + N(0, 1): I(X;Z) = log(2)/2 = 0.3466
    >>> b = vi.information_sandwich(q, rng=0)
    >>> low, high, _ = b.interval(0.99)
    >>> bool(low < 0.3466 < high)
    True
    """
    check_posteriors(q)
    n = len(q)
    if n < 6:
        raise ValueError(f"q holds {n} data: halves of them must hold three each, give at least six")
    reference_for(q, reference)
    rng = generator(rng)
    z = q.sample(1, rng)[0]
    order = rng.permutation(n)
    choosing, reporting = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
    contrast, _ = _contrasts(q, z, workers)
    rates, others = rate(q[choosing], reference, rng=rng), _contrasts(q[choosing], z[choosing], workers)[1]
    if float(others[0]) < float(rates):
        upper = _estimate(
            _contrasts(q[reporting], z[reporting], workers)[1], reporting, q.mean, "leave-one-out bound", None
        )
    else:
        upper = rate(q[reporting], reference, rng=rng)
    return Sandwich(
        _estimate(contrast, order, q.mean, "InfoNCE with the known encoder", math.log(n)),
        upper,
        (
            "the data are independent, and neither the encoder nor the reference was fitted to any of them",
            f"the upper side was chosen on {len(choosing):,} data and is reported on the other {len(reporting):,}",
        ),
        objective="information_sandwich",
    )


def _estimate(found, data, like, words, ceiling):
    value, without = found
    return Estimate(
        settle(np.float64(value), like),
        settle(jackknife_error(without, len(data)), like),
        quantity="I(X;Z)",
        estimand=f"{words} of {len(data):,} data",
        direction=Direction.UPPER if ceiling is None else Direction.LOWER,
        draws=len(data),
        degrees=len(data) - 1,
        objective="leave_one_out" if ceiling is None else "infonce",
        ceiling=ceiling,
        rules=() if ceiling is None else (caveats.saturated,),
    )


def _contrasts(q, z, workers):
    """(value, values without each datum) of InfoNCE, and of leave-one-out, for one code z (N, D) of each datum.

    `infonce` and `leave_one_out` of the matrix log q(z_j | x_i), in blocks of codes, whose matrix is never there whole.
    """
    q, whiten = independent_features(q)
    z = wide(whiten(z))
    n = len(q)
    size = max(1, _AT_ONCE // n)

    def block(start):
        own = np.arange(start, min(start + size, n))
        codes = np.broadcast_to(z[own][:, None], (len(own), n, *z.shape[1:]))
        rows = wide(q.log_prob(codes))  # a code on each, log q(z_j | x_i) for all i
        place = (np.arange(len(own)), own)
        pairs = rows[place]
        alone = rows.copy()
        alone[place] = -math.inf
        parts = []
        for each in (rows, alone):
            without = pairs[:, None] - log_sums_without_each(each)
            without[place] = 0.0  # without datum j there is no code of it
            parts.append((np.sum(pairs - log_sum_exp(each)), without.sum(axis=0)))
        return parts

    blocks = run_all(block, range(0, n, size), worker_count(workers))
    found = []
    for k, others in ((0, n), (1, n - 1)):
        total, without = sum(b[k][0] for b in blocks), sum(b[k][1] for b in blocks)
        found.append((total / n + math.log(others), without / (n - 1) + math.log(others - 1)))
    return found
