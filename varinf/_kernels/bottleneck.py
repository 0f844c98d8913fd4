"""One iteration of the information bottleneck, for many problems over one joint distribution.

The contract. ``iterate(tables, conditional, p_x, beta)``: tables (B, T, Y) of q(t, y) >= 0, conditional (X, Y) of
p(y|x), p_x (X,) > 0, beta (B,) >= 0, to

    encoders (B, T, X)   q(t|x) proportional to q(t) exp(beta sum_y p(y|x) log q(y|t)), summing to 1 over t
    after (B, T, Y)      sum_x q(t|x) p(x) p(y|x)
    objective (B,)       - sum_x p(x) log sum_t q(t) exp(beta sum_y p(y|x) log q(y|t)), nats

with q(t) = sum_y q(t, y) and q(y|t) = q(t, y) / q(t). In logarithms, what is less than 1e-300 stands as 1e-300: a
cluster without mass stays without it, a label that a cluster lacks all but keeps an x with that label out, and nothing
is nan. Exponentials are of differences to the largest over t, at each x.

Source: Tishby, Pereira, Bialek (1999), "The information bottleneck method", eqs. 28-31.
"""

from varinf._kernels._namespace import namespace
from varinf._kernels._precision import float64_inside

_TINY = 1e-300


@float64_inside
def iterate(tables, conditional, p_x, beta):
    xp = namespace(tables)
    log_weight, log_table = _log(xp.sum(tables, axis=2), xp), _log(tables, xp)
    beta = beta[:, None]
    logits = beta[:, :, None] * (log_table @ conditional.T) + ((1 - beta) * log_weight)[:, :, None]
    top = xp.max(logits, axis=1, keepdims=True)
    encoders = xp.exp(logits - top)
    total = xp.sum(encoders, axis=1, keepdims=True)
    encoders = encoders / total
    objective = -xp.sum(p_x * (top + xp.log(total))[:, 0, :], axis=1)
    return encoders, encoders @ (p_x[:, None] * conditional), objective


def _log(x, xp):
    return xp.log(xp.where(x > _TINY, x, _TINY))
