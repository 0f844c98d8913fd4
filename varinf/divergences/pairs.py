"""Two families side by side: do they live on one space, and their parameters as rows of one library."""

import math

from array_api_compat import device

from varinf._arrays import namespace
from varinf.families.categorical import Categorical
from varinf.families.family import Family, in_one_library, scalar, settle
from varinf.families.matrices import identity

_LOG_POWER = {"scale": 0, "log_scale": 1, "log_variance": 2}


def check_pair(q, p):
    """Refuses what has no divergence: no families, different spaces, dimensions, or batches (p's may be ())."""
    if not (isinstance(q, Family) and isinstance(p, Family)):
        name, wrong = ("p", p) if isinstance(q, Family) else ("q", q)
        raise TypeError(f"{name} is {type(wrong).__name__}; give a family, such as DiagonalNormal(loc, scale)")
    if isinstance(q, Categorical) != isinstance(p, Categorical):
        raise TypeError(f"q is {q!r} but p is {p!r}: one is over categories, the other over vectors")
    if q.dim != p.dim:
        raise ValueError(f"q has dim {q.dim} but p has dim {p.dim}; they must agree")
    if p.batch_shape and p.batch_shape != q.batch_shape:
        raise ValueError(f"q has batch shape {q.batch_shape} but p has {p.batch_shape}; give p the same, or ()")


def as_batch(rows, q, like=None):
    """What was computed for each row, (N, ...), in the batch shape of q, and in the dtype of `like` if it is given."""
    return rows_in_batch(rows if like is None else settle(rows, like), q.batch_shape)


def rows_in_batch(rows, batch):
    """(N, ...) as (*batch, ...); a single number as such."""
    if len(batch) == 1:
        return rows
    if not batch:
        return scalar(rows[0, ...])
    return scalar(namespace(rows).reshape(rows, (*batch, *rows.shape[1:])))


def diagonal_rows(q, p):
    """(loc_q, scale_q, loc_p, scale_p) (N, D), p's of one row if it has no batch, absent if it is standard; log_power.

    The scales come as q was given them: as themselves (0), as logarithms (1), or as log variances (2).
    """
    width = q._given
    loc, spread = q.loc, q._spread
    if p.is_standard:
        return (_rows(loc, 1), _rows(spread, 1)), _LOG_POWER[width]
    loc_p, spread_p = p.loc, getattr(p, width)
    if type(loc_p) is not type(loc) or loc_p.dtype != loc.dtype:
        loc, spread, loc_p, spread_p = in_one_library(
            **{"q.loc": loc, f"q.{width}": spread, "p.loc": loc_p, f"p.{width}": spread_p}
        )
    return (_rows(loc, 1), _rows(spread, 1), _rows(loc_p, 1), _rows(spread_p, 1)), _LOG_POWER[width]


def full_rows(q, p):
    """[loc_q, tril_q, loc_p, tril_p] (N, D), (N, D, D), p's of one row if it has no batch; an array like the answer.

    `as_batch` settles there what is computed of the rows: the factor of a low-rank normal comes in double.
    """
    loc_q, tril_q = q.loc, q._wide_tril()
    if p.is_standard:
        xp = namespace(loc_q)
        loc_p, tril_p = xp.zeros(q.dim, dtype=loc_q.dtype, device=device(loc_q)), identity(q.dim, loc_q)
    else:
        loc_p, tril_p = p.loc, p._wide_tril()
    like, _ = in_one_library(**{"q.loc": loc_q, "p.loc": loc_p})
    arrays = in_one_library(**{"q.loc": loc_q, "q.scale_tril": tril_q, "p.loc": loc_p, "p.scale_tril": tril_p})
    return matrix_rows(*arrays), like


def matrix_rows(loc_q, matrix_q, loc_p, matrix_p):
    """Vectors (*batch, D) and matrices (*batch, D, D) as (N, D) and (N, D, D); without a batch as one row."""
    return [_rows(x, own_axes) for x, own_axes in zip((loc_q, matrix_q, loc_p, matrix_p), (1, 2, 1, 2), strict=True)]


def _rows(x, own_axes):
    if x.ndim == own_axes + 1:
        return x
    if x.ndim == own_axes:
        return x[None, ...]
    own = x.shape[x.ndim - own_axes :]
    return namespace(x).reshape(x, (math.prod(x.shape[: x.ndim - own_axes]), *own))
