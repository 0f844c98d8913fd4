"""Alternating minimisation for the discrete information bottleneck, many problems over one joint distribution at once.

At a given beta the encoders q(t|x) that minimise I(T;X) − beta I(T;Y) are fixed points of

    q(t|x) ∝ q(t) exp(beta Σ_y p(y|x) log q(y|t)),    q(t, y) = Σ_x q(t|x) p(x, y)

(Tishby, Pereira, Bialek 1999, eqs. 28-31; a factor that does not depend on t is left out). Both are minimisations of

    J = KL(p(x) q(t|x) || p(x) q(t)) − beta Σ p(x, y) q(t|x) log q(y|t),

in turn over q(t|x) and over (q(t), q(y|t)), so that J never rises; at its minimum over the latter it is
I(T;X) − beta I(T;Y) + beta H(Y). The state is the table q(t, y), clusters × labels, and an iteration a kernel's:
`varinf/_kernels/bottleneck.py`.

Plain iterations crawl where a cluster is about to split or to merge. Anderson's method, a kernel's as well, goes from
the last few iterates to where a linear map would have its fixed point.
"""

from typing import NamedTuple

import numpy as np

from varinf._kernels import kernel
from varinf.tradeoffs.joint_distribution import TINY, exp, log, x_log_x

ELEMENTS = 1 << 15  # of clusters × x that are worked on at once: they stay in the cache
FIRST_ROUND, ROUND = 6, 24  # steps between looks at who is there, and at which clusters have died or become one
DEAD = 1e-13  # of the mass: a cluster that small is left out
SILENT = 1e-9  # nats, of beta I(T;Y) / 4: clusters that say no more are one
EVEN = 1e-15  # nats: merging two clusters may cost so much, times 1 + beta, which is rounding


class Reached(NamedTuple):
    """Where the iterations of one problem stand: its table (T, Y), J, and its L1 distance from the limit, estimated."""

    table: np.ndarray
    value: float
    residual: float
    iterations: int
    tidy: bool  # whether clusters that can be left out have been


def begun(table):
    """A start, a table (T, Y) of q(t, y), as `advance` takes it."""
    return Reached(np.asarray(table), np.inf, np.inf, 0, False)


def advance(joint, betas, problems, steps, accelerated=True):
    """The problems (a list of `Reached`), each at its beta, so many iterations further on.

    Those of a like number of clusters are worked on together. After ROUND iterations or more, clusters that have died
    are left out, and pairs that are better as one are merged: sooner, a merge may be one too many.
    """
    found = [None] * len(problems)
    walk = _accelerated if accelerated else _plain
    for chunk, tables in chunks(problems, len(joint.p_x)):
        encoders, value, residual = walk(joint, betas[chunk], tables, steps)
        tidy = tidied(joint, betas[chunk], encoders) if steps >= ROUND else encoders @ joint.p_xy
        for i, table, v, r in zip(chunk, tidy, value, residual, strict=True):
            other = len(table) < len(problems[i].table)  # a table with fewer clusters has its own limit
            used = problems[i].iterations + steps
            found[i] = Reached(table, float(v), np.inf if other else float(r), used, steps >= ROUND)
    return found


def finish(joint, betas, problems, tolerance, iterations):
    """The problems with a residual of at most `tolerance`, or after so many iterations."""
    found = list(problems)
    steps = 0
    while True:
        done = [i for i, problem in enumerate(found) if problem.residual <= tolerance and not problem.tidy]
        for i, problem in zip(done, _merged(joint, betas[done], [found[i] for i in done]), strict=True):
            found[i] = problem
        active = [i for i, each in enumerate(found) if each.residual > tolerance and each.iterations < iterations]
        if not active:
            return found
        steps = ROUND if steps else FIRST_ROUND
        for i, moved in zip(active, advance(joint, betas[active], [found[i] for i in active], steps), strict=True):
            found[i] = moved


def _merged(joint, betas, problems):
    """Problems that have converged, without what may be left out: if that is something, they go on from there."""
    found = list(problems)
    for chunk, tables in chunks(problems, len(joint.p_x)):
        tidy = tidied(joint, betas[chunk], encode(joint, betas[chunk], tables)[0])
        for i, table in zip(chunk, tidy, strict=True):
            if len(table) < len(problems[i].table):
                found[i] = problems[i]._replace(table=table, residual=np.inf)
            else:
                found[i] = problems[i]._replace(tidy=True)
    return found


def chunks(problems, symbols):
    """(indices, tables as one array (B, T, Y)) of problems with a like number of clusters, empty where one has fewer.

    Each has about ELEMENTS clusters × x, or a single problem.
    """
    order = sorted(range(len(problems)), key=lambda i: len(problems[i].table))
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end + 1 - start) * len(problems[order[end]].table) * symbols > ELEMENTS:
            chunk = order[start:end]
            yield chunk, _padded([problems[i].table for i in chunk])
            start = end


def _padded(tables):
    """One array (B, T, Y), with empty clusters where a table has fewer than others."""
    out = np.zeros((len(tables), max(map(len, tables)), tables[0].shape[1]))
    for row, table in zip(out, tables, strict=True):
        row[: len(table)] = table
    return out


def encode(joint, beta, tables):
    """The encoders (B, T, X) that tables (B, T, Y) of q(t, y) ask for, and J (B,) of both."""
    encoders, _, value = _iterate(joint, beta, tables)
    return encoders, value


def _iterate(joint, beta, tables):
    """(encoders, the tables that they make, J)."""
    return kernel("bottleneck", tables).iterate(tables, joint.conditional, joint.p_x, beta)


def log_partition(joint, beta, table):
    """log Σ_t q(t) exp(beta Σ_y p(y|x) log q(y|t)) for each x (X,)."""
    table = np.maximum(table, TINY)
    logits = beta * (log(table) @ joint.conditional.T) + (1 - beta) * log(table.sum(axis=1))[:, None]
    top = logits.max(axis=0)
    return np.log(exp(logits - top).sum(axis=0)) + top


def _plain(joint, beta, tables, steps):
    """(encoders, J, residual, which is not known) after plain iterations."""
    for _ in range(steps):
        encoders, tables, value = _iterate(joint, beta, tables)
    return encoders, value, np.full(len(tables), np.inf)


def _accelerated(joint, beta, tables, steps):
    """(encoders, J, residual) after so many of Anderson's steps."""
    return kernel("bottleneck", tables).accelerate(tables, joint.conditional, joint.p_x, beta, steps)


def tidied(joint, beta, encoders):
    """Tables (T, Y) of each problem without clusters that have died, and with pairs made one where that lowers J.

    Merging clusters of masses a, b costs beta (a + b) times the Jensen-Shannon divergence of their labels and saves
    (a + b) times that of their x. Only pairs of which each is the other's nearest are tried.
    """
    mass, tables = encoders * joint.p_x, encoders @ joint.p_xy
    alive = tables.sum(axis=2) > DEAD
    silent = beta * _told(tables) < SILENT
    tables[silent, 0] = joint.p_y
    alive[silent] = np.arange(tables.shape[1]) == 0
    waiting = np.arange(len(tables))  # problems in which something was merged just now
    while len(waiting) and tables.shape[1] > 1:
        problem, a, b = _pairs(tables[waiting], alive[waiting])
        problem = waiting[problem]
        one, other = tables[problem, a], tables[problem, b]
        lost = beta[problem] * js_divergence(one, other) - EVEN * (1 + beta[problem])
        near = lost <= np.log(2) * (one + other).sum(axis=1)  # more is never saved
        problem, a, b, lost = problem[near], a[near], b[near], lost[near]
        gains = lost <= js_divergence(mass[problem, a], mass[problem, b])
        problem, a, b = problem[gains], a[gains], b[gains]
        for masses in (tables, mass):
            masses[problem, a] += masses[problem, b]
        alive[problem, b] = False
        waiting = np.unique(problem)
    return [table[keep] for table, keep in zip(tables, alive, strict=True)]


def _told(tables):
    """How far (B,) clusters' labels are from those of all, 1 less the mean affinity: I(T;Y) / 4 where it is small."""
    every = tables.sum(axis=1, keepdims=True)
    return 1 - np.sqrt(tables * tables.sum(axis=2, keepdims=True) * every).sum(axis=(1, 2))


def _pairs(tables, alive):
    """(problem, a, b) of living clusters a < b that are each other's nearest, by the Hellinger distance of labels."""
    root = np.sqrt(tables / np.maximum(tables.sum(axis=2, keepdims=True), TINY)) * alive[:, :, None]
    near = root @ root.transpose(0, 2, 1)  # 1 less half the squared distance; 0 of what is dead
    problem, index = np.ogrid[: near.shape[0], : near.shape[1]]
    near[:, index, index] = 0.0
    partner = near.argmax(axis=2)
    problem, a = np.nonzero((partner[problem, partner] == index) & (index < partner))
    b = partner[problem, a]
    real = near[problem, a, b] > 0
    return problem[real], a[real], b[real]


def js_divergence(a, b):
    """(Σa + Σb) × the Jensen-Shannon divergence of masses a and b (..., n), weighted as they are: nats."""
    masses = np.stack([a, b, a + b])
    first, second, both = x_log_x(masses).sum(axis=-1) - x_log_x(masses.sum(axis=-1))
    return first + second - both
