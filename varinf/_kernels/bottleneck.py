"""Iterations of the information bottleneck, for many problems over one joint distribution.

The contract. ``iterate(tables, conditional, p_x, beta)``: tables (B, T, Y) of q(t, y) >= 0, conditional (X, Y) of
p(y|x), p_x (X,) > 0, beta (B,) >= 0, to

    encoders (B, T, X)   q(t|x) proportional to q(t) exp(beta sum_y p(y|x) log q(y|t)), summing to 1 over t
    after (B, T, Y)      sum_x q(t|x) p(x) p(y|x)
    objective (B,)       - sum_x p(x) log sum_t q(t) exp(beta sum_y p(y|x) log q(y|t)), nats

with q(t) = sum_y q(t, y) and q(y|t) = q(t, y) / q(t). Entries of a table below 1e-300 stand as 1e-300, in q(t) too, so
that q(y|t) sums to 1: a cluster without mass is one of next to none, a label that a cluster lacks all but keeps an x
with that label out, and nothing is nan. Exponentials are of differences to the largest over t, at each x.

``accelerate(tables, conditional, p_x, beta, steps)``: steps >= 1 iterations, each from where Anderson's method expects
the limit, to the encoders and objective of the last, and

    residual (B,)        sum of |after - table| there, times how much longer the differences of tables are than those of
                         their moves, which is 1 / (1 - the rate of convergence); times 1 at least, and after one step

It works in log q(t, y), with entries weighted by q(t, y), on the last MEMORY differences. A step counts if the
objective is no higher than before and it does not go against the last move, as it would towards a saddle near by, where
the objective is flat. Else the plain one is made, and the differences so far are forgotten; the next step then goes on
along the last move, by 1, 3, 7, ... of its lengths, the more often in turn steps have led back.

Sources: Tishby, Pereira, Bialek (1999), "The information bottleneck method", eqs. 28-31; Walker, Ni (2011), "Anderson
acceleration for fixed-point iterations".
"""

import math

from varinf._kernels._namespace import namespace
from varinf._kernels._precision import float64_inside

MEMORY = 5  # differences of iterates that a step is made from
RIDGE = 1e-9  # of the trace, added to their products: differences of late iterates are all but parallel
_TINY = 1e-300
_LEAST, _MOST = 1e-100, 1e100  # of the sum of a table, before it is normalised, for a step to be tried
_ROUNDING = 1e-30  # of a squared length in logarithms
_LOG_TINY = math.log(_TINY)


@float64_inside
def iterate(tables, conditional, p_x, beta):
    xp = namespace(tables)
    tables = xp.where(tables > _TINY, tables, _TINY)
    log_weight, log_table = xp.log(xp.sum(tables, axis=2)), xp.log(tables)
    beta = beta[:, None]
    logits = beta[:, :, None] * (log_table @ conditional.T) + ((1 - beta) * log_weight)[:, :, None]
    top = xp.max(logits, axis=1, keepdims=True)
    encoders = xp.exp(logits - top)
    total = xp.sum(encoders, axis=1, keepdims=True)
    encoders = encoders / total
    objective = -xp.sum(p_x * (top + xp.log(total))[:, 0, :], axis=1)
    return encoders, encoders @ (p_x[:, None] * conditional), objective


@float64_inside
def accelerate(tables, conditional, p_x, beta, steps):
    xp, shape = namespace(tables), tables.shape
    encoders, after, objective = iterate(tables, conditional, p_x, beta)
    tables, after = (xp.reshape(each, (shape[0], -1)) for each in (tables, after))
    end = _log(after, xp)
    move = end - _log(tables, xp)
    ends, moves = [], []  # differences of where successive iterates lead, and of the moves that lead there
    relax, longest = xp.zeros_like(objective)[:, None], xp.ones_like(objective)
    empty = relax == 0  # whether there are no differences
    for _ in range(steps - 1):
        here = xp.where(empty, end + relax * move, _expected(end, move, ends, moves, after, xp))
        along = xp.sum(after * (here - end + move) * move, axis=1, keepdims=True)
        tables = xp.exp(here)
        total = xp.sum(tables, axis=1, keepdims=True)
        tables, here = tables / total, here - xp.log(total)
        here = xp.where(here > _LOG_TINY, here, _LOG_TINY)
        encoders, new, reached = iterate(xp.reshape(tables, shape), conditional, p_x, beta)
        worse = ~((reached <= objective)[:, None] & (along >= 0) & (total >= _LEAST) & (total <= _MOST))
        if xp.any(worse):
            tables, here = xp.where(worse, after, tables), xp.where(worse, end, here)
            encoders, new, reached = iterate(xp.reshape(tables, shape), conditional, p_x, beta)
        objective, after = reached, xp.reshape(new, tables.shape)
        new_end = _log(after, xp)
        ends, moves = [*ends, new_end - end][-MEMORY:], [*moves, new_end - here - move][-MEMORY:]
        longest = _ratio(ends[-1], moves[-1], after, xp)  # of the newest, which may be forgotten now
        ends, moves = ([xp.where(worse, 0.0, each) for each in part] for part in (ends, moves))
        relax = xp.where(worse, xp.where(empty, 0.0, 2 * relax + 1), xp.where(empty, relax, 0.0))
        empty, end, move = worse, new_end, new_end - here
    for ended, moved in zip(ends, moves, strict=True):
        longest = xp.maximum(longest, _ratio(ended, moved, after, xp))
    residual = xp.sum(xp.abs(after - tables), axis=1)
    return encoders, objective, residual * xp.sqrt(xp.where(longest > 1, longest, 1.0))


def _expected(end, move, ends, moves, weight, xp):
    """Where a linear map that made these differences has its fixed point."""
    if not ends:
        return end
    moves = xp.stack(moves, axis=1)
    heavy = moves * weight[:, None, :]
    products = heavy @ xp.matrix_transpose(moves)
    identity = xp.eye(products.shape[1], dtype=products.dtype)
    trace = xp.sum(products * identity, axis=(1, 2), keepdims=True)
    share = xp.linalg.solve(products + (RIDGE * trace + _TINY) * identity, heavy @ move[:, :, None])
    return end - xp.sum(share * xp.stack(ends, axis=1), axis=1)


def _ratio(ended, moved, weight, xp):
    """Of squared lengths of differences of tables, ends less moves, to those of their moves; of rounding's, about 1."""
    gone, length = (xp.sum(weight * part**2, axis=1) for part in (ended - moved, moved))
    return gone / xp.where(length > _ROUNDING, length, _ROUNDING)


def _log(x, xp):
    return xp.log(xp.where(x > _TINY, x, _TINY))
