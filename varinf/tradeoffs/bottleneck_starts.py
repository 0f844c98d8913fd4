"""Where the search for an encoder begins, and how it leaves an encoder that only looks like an end.

The best start known is the encoder that says all, t = x: at the beta asked for its clusters merge as far as pays. With
fewer clusters than x, pairs are merged one at a time, the cheapest first (Slonim, Tishby 2000, "Agglomerative
information bottleneck"). Other starts spread each x over clusters at random, over few of them and over many.

The encoder that says nothing is a fixed point at every beta, and so is every encoder with two equal clusters where one
would do. Such a cluster of mass w with distribution p(x|t) is a minimum if beta σ₂² ≤ 1, for the second singular value
σ₂ of its own p(x|t) p(y|x), normalised; else J falls when it is split along the singular vector.

That test is local. A cluster far from all others may pay as well: one that is added with next to no mass and labels
r(y) is taken up by each x in proportion to exp(beta Σ_y p(y|x) log r(y)) / Z(x), where Z(x) = Σ_t q(t) exp(...) of the
clusters that there are, and its mass grows if

    Σ_x p(x) exp(beta Σ_y p(y|x) log r(y)) / Z(x) > 1.

Labels that maximise this are sought from those of every x.
"""

import numpy as np

from varinf.tradeoffs.bottleneck_iterations import DEAD, encode, js_divergence, log_partition
from varinf.tradeoffs.joint_distribution import TINY, exp, log, x_log_x

UNEVEN = 4  # times that uniform numbers are squared by which an x is spread over clusters: most of it on a few
UNSTABLE = 1e-6  # beta σ₂² above 1 by so much is not rounding
SOME = 1e-3  # keeps every cluster within reach of every x
TILT = 0.5  # of a split's two halves, at the x that tells them apart best
SMALL = 1e-6  # of the mass: smaller clusters are not split
SEEKING = 20  # steps that the labels of a new cluster are given to settle in
LARGE = 600.0  # exponents above are as good as that
STILL = 1e-8  # of a step: labels whose growth grows by less have settled
LOWER = 1e-10  # nats: what lowers J by less is rounding's
MASSES = (0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4)  # that a new cluster is tried with


def starts(joint, beta, clusters, number, rng):
    """`number` tables (T, Y) of q(t, y): from all that can be said, then at random."""
    symbols = len(joint.p_x)
    clusters = min(clusters, symbols)
    fullest = np.eye(symbols) if clusters == symbols else merged(joint, beta, clusters)
    tables = [fullest @ joint.p_xy]
    each = (rng.permutation(number - 1) + rng.random(number - 1)) / max(1, number - 1)  # evenly from few to many
    for size in np.minimum(2 * ((clusters + 1) / 2) ** each, clusters).astype(int):
        spread = rng.random((size, symbols)) + SOME
        for _ in range(UNEVEN):
            spread *= spread
        tables.append((spread / spread.sum(axis=0)) @ joint.p_xy)
    return tables


def merged(joint, beta, clusters):
    """The hard encoder (clusters, X) that is left when the pairs that cost J least have been merged, one by one."""
    encoder, tables = np.eye(len(joint.p_x)), joint.p_xy.copy()
    weight = joint.p_x.copy()
    cost = np.array([_cost_of_merging(beta, weight, tables, i) for i in range(len(weight))])
    while len(encoder) > clusters:
        a, b = sorted(divmod(int(np.argmin(cost)), len(cost)))
        encoder[a] += encoder[b]
        tables[a] += tables[b]
        weight[a] += weight[b]
        kept = np.arange(len(encoder)) != b
        encoder, tables, weight, cost = encoder[kept], tables[kept], weight[kept], cost[kept][:, kept]
        cost[a] = cost[:, a] = _cost_of_merging(beta, weight, tables, a)
    return encoder


def _cost_of_merging(beta, weight, tables, i):
    """What it adds to I(T;X) − beta I(T;Y) to merge hard cluster i with each other one; inf with itself."""
    saved = x_log_x(weight[i] + weight) - x_log_x(weight[i]) - x_log_x(weight)
    cost = beta * js_divergence(np.broadcast_to(tables[i], tables.shape), tables) - saved
    cost[i] = np.inf
    return cost


def split(joint, beta, encoder, clusters):
    """A table in which clusters of an encoder (T, X) that are no minimum are two, heaviest first; None if all are."""
    mass = encoder * joint.p_x
    weight = mass.sum(axis=1)
    whole = mass.max(axis=1) < (1 - SMALL) * weight  # a cluster of one x has nothing to split
    tried = np.nonzero(whole & (weight > SMALL))[0]
    within = mass[tried] / weight[tried, None]
    unstable = tried[_correlated(joint, within, (1 + UNSTABLE) / beta)]
    unstable = unstable[np.argsort(-weight[unstable])][: max(0, clusters - len(encoder))]
    if not len(unstable):
        return None
    tilt = np.array([_tilt(joint, mass[t] / weight[t]) for t in unstable])
    halves = encoder.copy()
    halves[unstable] *= (1 + tilt) / 2
    return np.vstack([halves, encoder[unstable] * (1 - tilt) / 2]) @ joint.p_xy


def grown(joint, beta, table, clusters):
    """A table with one cluster more, far from those of a table (T, Y), that lowers J; None if none was found."""
    if len(table) >= clusters:
        return None
    growth, labels = _sought(joint, beta, table)
    if not growth > 1 + UNSTABLE:
        return None
    value = encode(joint, np.array([beta]), table[None])[1]
    tried = np.array([np.vstack([(1 - mass) * table, mass * labels]) for mass in MASSES])
    reached = encode(joint, np.full(len(tried), beta), tried)[1]
    lowest = int(np.argmin(reached))
    return tried[lowest] if reached[lowest] < value[0] - LOWER else None


def _sought(joint, beta, table):
    """(growth, labels (Y,)) of the new cluster that would grow most, from the labels of every x; growth never falls."""
    log_z, labels = log_partition(joint, beta, table), joint.conditional
    best, before = (0.0, None), np.zeros(len(labels))
    for _ in range(SEEKING):
        exponent = beta * (log(labels) @ joint.conditional.T) - log_z  # not below 0 at the x whose labels they were
        drawn = joint.p_x * exp(np.minimum(exponent, LARGE))
        growth = drawn.sum(axis=1)
        labels = (drawn / growth[:, None]) @ joint.conditional
        top = int(np.argmax(growth))
        best = max(best, (growth[top], labels[top]), key=lambda pair: pair[0])
        moving = growth - before > STILL
        labels, before = labels[moving], growth[moving]
        if not len(labels):
            break
    return best


def _correlated(joint, within, limit):
    """Where (T,) the squared maximal correlation of x and y in clusters with p(x|t) (T, X) exceeds the limit.

    The squared singular values sum to Σ p(x|t) p(y|x)² / p(y|t), and the first is 1: the second is not looked for where
    all others together are below the limit.
    """
    p_y = np.maximum(within @ joint.conditional, TINY)
    found = ((within @ joint.conditional**2) / p_y).sum(axis=1) - 1 > limit
    if min(joint.p_xy.shape) < 2 or not found.any():
        return np.zeros(len(within), dtype=bool)
    table = np.sqrt(within[found])[:, :, None] * joint.conditional / np.sqrt(p_y[found])[:, None, :]
    square = table @ table.transpose(0, 2, 1) if table.shape[1] < table.shape[2] else table.transpose(0, 2, 1) @ table
    found[found] = np.linalg.eigvalsh(square)[:, -2] > limit
    return found


def _tilt(joint, within):
    """u (X,), at most TILT, along which a cluster with this p(x|t) is split: the singular vector, over √p(x|t)."""
    p_y = np.maximum(within @ joint.conditional, TINY)
    root = np.sqrt(within)
    left = np.linalg.svd(root[:, None] * joint.conditional / np.sqrt(p_y), full_matrices=False)[0][:, 1]
    tilt = np.where(within > DEAD, left / np.maximum(root, TINY), 0.0)
    return TILT * tilt / np.abs(tilt).max()
