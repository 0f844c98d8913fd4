"""The weights q of outputs that minimise F(q) = −Σ_x p_x log (A q)_x over the simplex, with a certified gap.

This is the inner problem of Blahut and Arimoto (A_xy = exp(−slope · d_xy), q the output distribution), and that of
maximum likelihood for the proportions of a mixture. With u = A q and c = Aᵀ(p / u), Σ q c = 1:

* A plain step is q ← q c; it lowers F by at least KL(q c ‖ q).
* The dual: for π >= 0 with load = Aᵀ π, every q' on the simplex has Σ_x π_x (A q')_x <= max load, so by concavity of
  the logarithm F(q') >= Σ p log(π / p) − log max load. The dual problem is: maximise Σ p log(π/p) where Aᵀ π <= 1.
  At π = p / u the bound reads F(q) − log max c.
* The value reached is F(q) − KL(q c ‖ q), that of the channel q A / u with its own output q c, so that
  gap = log max load − Σ p log(u π / p) − KL(q c ‖ q). It is added up as such: the large F cancels first.

Plain steps crawl where outputs die out (the gap falls as 1/n). Then an interior-point method takes over, on

    log π + log A q = log p,    Aᵀ π + z = 1,    q_y z_y = τ → 0;    q, z, π > 0.

Only the first is curved; as a logarithm it lets π of a rare x grow by many times in a step, where p / π would let it
double. Newton's step, with u = A q, S = q / z and everything but dπ eliminated, has the matrix diag(u/π) + A S Aᵀ,
which is I + G Gᵀ for G = diag(√(π/u)) A √S after scaling: no eigenvalue is below 1, however many outputs look alike.
Where fewer columns count than there are rows, (I + G Gᵀ)⁻¹ = I − G (I + Gᵀ G)⁻¹ Gᵀ is cheaper; dead columns are left
out of G (of the matrix, not of the equations). τ follows Mehrotra's predictor and corrector.

Sources: Arimoto (1972), Blahut (1972); the dual and its interior point: Koenker, Mizera (2014), "Convex optimization,
shape constraints, compound decisions, and empirical Bayes rules"; that the two problems are one: Kim, Carbonetto,
Stephens, Anitescu (2020), "A fast algorithm for maximum likelihood estimation of mixture proportions".
"""

import math
from typing import Any, NamedTuple

import numpy as np

LEFT_OUT = 0.1  # of the trace of G Gᵀ beside an identity: columns that together weigh less do not turn a step
CENTRED = 0.1  # share of uniform weights where the interior point starts: none may be 0
ABREAST = 0.2  # of the gap: Σ q z may not fall below it, lest the curved equation stays behind
INSIDE = 0.995  # of the way to the boundary


class Weights(NamedTuple):
    """What was found: weights on the simplex, how far their value may lie above the least, and the steps taken."""

    q: Any
    gap: float
    iterations: int


def output_weights(p, A, tolerance, iterations, start):
    """The weights, by plain steps while they promise to be quicker, else by the interior point.

    Parameters
    ----------
    p : array (X,)
        Probabilities, positive.
    A : array (X, Y)
        0 or more, the largest of each row 1.
    tolerance : float
        Of the gap, in nats.
    iterations : int
        At most so many steps, of both kinds.
    start : array (Y,)
        Weights on the simplex, with A start > 0.

    Returns
    -------
    Weights
        The best that was seen, by its gap.

    Examples
    --------
    >>> import numpy as np
    >>> from varinf.tradeoffs.output_weights import output_weights
    >>> q, gap, _ = output_weights(np.array([0.4, 0.6]), np.eye(2), 1e-12, 100, np.array([0.5, 0.5]))
    >>> q, gap <= 1e-12
    (array([0.4, 0.6]), True)
    """
    q, gap, done = _plain_steps(p, A, tolerance, iterations, start, patience=150 + A.shape[1] // 4)
    if gap > tolerance and done < iterations:
        inner = _interior_point(p, A, tolerance, iterations - done, q)
        q, gap, done = (*min((inner[:2], (q, gap)), key=lambda pair: pair[1]), done + inner.iterations)
    if gap > tolerance and done < iterations:
        last = _plain_steps(p, A, tolerance, iterations - done, q, patience=math.inf)
        q, gap, done = (*min((last[:2], (q, gap)), key=lambda pair: pair[1]), done + last.iterations)
    return Weights(q, max(gap, 0.0), done)


def reached(q, c):
    """KL(q c ‖ q) = Σ q c log c: how far F(q) lies above the value of its channel."""
    return float(np.sum(q * c * np.log(np.where(c > 0, c, 1.0))))


def _plain_steps(p, A, tolerance, iterations, q, patience):
    """Until the gap closes, or until the last ten steps foretell more than `patience` further ones."""
    before = math.inf
    for done in range(1, iterations + 1):
        c = A.T @ (p / (A @ q))
        gap = math.log(c.max()) - reached(q, c)
        if gap <= tolerance or done == iterations:
            break
        if done % 10 == 0:
            pace = math.log(before / gap) / 10 if gap < before else 0.0
            if done > 10 and math.log(gap / max(tolerance, 1e-300)) > patience * pace:
                break
            before = gap
        q = q * c
        q /= q.sum()  # rounding alone
    return Weights(q, gap, done)


def _interior_point(p, A, tolerance, iterations, q):
    q = (1 - CENTRED) * q + CENTRED / len(q)
    u = A @ q
    c = A.T @ (p / u)
    scale = 1.1 * c.max()  # with q so much larger, π = p / u leaves slack everywhere
    q, pi, z = scale * q, p / (scale * u), 1 - c / scale
    best, stalled = Weights(q / q.sum(), math.inf, 0), 0
    for done in range(1, iterations + 1):
        best = best._replace(iterations=done)
        load = A.T @ pi
        gap = _gap(p, A, q / q.sum(), pi, load)
        stalled = 0 if gap < best.gap else stalled + 1
        if gap < best.gap:
            best = best._replace(q=q / q.sum(), gap=gap)
        if gap <= tolerance or stalled == 10:
            break
        step = _newton(p, A, q, pi, z, load, ABREAST * gap)
        if step is None:
            break
        q, pi, z = (x + step[0] * dx for x, dx in zip((q, pi, z), step[1:], strict=True))
    return best


def _gap(p, A, q, pi, load):
    u = A @ q
    c = A.T @ (p / u)
    by_q, by_pi = math.log(c.max()), math.log(load.max()) - float(p @ np.log(u * (pi / p)))
    return min(by_q, by_pi) - reached(q, c)


def _newton(p, A, q, pi, z, load, least):
    """(length, dq, dπ, dz) of a predictor-corrector step to Σ q z of `least` or more; None where it has no factor."""
    u = A @ q
    S, row, slack = q / z, np.sqrt(pi / u), 1 - load - z
    behind = u * (1 - np.log(u * (pi / p)))
    solve = _solver(A, S, row)
    if solve is None:
        return None

    def direction(target):
        """For q z → target: q + dq = base + S Aᵀ dπ, and dπ from its own equation."""
        base = (target - q * slack) / z
        d, S_A_d = solve(row * (behind - A @ base))
        dq = base + S_A_d - q
        return dq, row * d, (target - z * dq) / q - z

    dq, dpi, dz = direction(0.0)
    length = min(1.0, _room(q, dq), _room(pi, dpi), _room(z, dz))
    before = float(q @ z)
    centring = min(max(float((q + length * dq) @ (z + length * dz)) / before, 0.0), 1.0) ** 3
    dq, dpi, dz = direction(max(centring * before, least) / len(q) - dq * dz)
    if not (np.all(np.isfinite(dq)) and np.all(np.isfinite(dz)) and np.all(np.isfinite(dpi))):
        return None
    return min(1.0, INSIDE * min(_room(q, dq), _room(pi, dpi), _room(z, dz))), dq, dpi, dz


def _solver(A, S, row):
    """r ↦ (d, S Aᵀ (row d)) with (I + G Gᵀ) d = r, over the columns of G that count."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    root = np.sqrt(S)
    G = A * row[:, None]
    G *= root
    weight = np.einsum("xy,xy->y", G, G)
    order = np.argsort(weight)
    kept = np.sort(order[np.searchsorted(np.cumsum(weight[order]), LEFT_OUT) :])
    G = G[:, kept] if len(kept) < len(S) else G
    narrow = G.shape[1] < G.shape[0]
    M = G.T @ G if narrow else G @ G.T
    M.flat[:: len(M) + 1] += 1.0
    try:
        factor = cho_factor(M, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return None

    def solve(r):
        y = cho_solve(factor, G.T @ r if narrow else r, check_finite=False)
        d = r - G @ y if narrow else y
        others = S * (A.T @ (row * d))
        if narrow:  # Gᵀ d = y without the cancellation that there is in d
            others[kept] = root[kept] * y
        return d, others

    return solve


def _room(x, dx):
    """How far along dx the positive x stays positive."""
    falling = dx < 0
    return float(np.min(x[falling] / -dx[falling])) if np.any(falling) else math.inf
