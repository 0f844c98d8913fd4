"""The deterministic information bottleneck: partitions of X that trade H(T) against I(T;Y).

Where each x goes to one cluster whole, I(T;X) = H(T), and with φ(u) = u log u

    H(T) − beta I(T;Y) = Σ_t c(t) + a constant,    c(t) = (beta − 1) φ(q(t)) − beta Σ_y φ(q(t, y)),

so that what a move changes is seen from the clusters that it touches. A search makes the best of all moves of one x and
all merges of two clusters until none gains: a minimum that neither improves.

Prices beta find only corners of the concave hull of the points (H(T), I(T;Y)). The others that no partition dominates
are found by a walk over the same moves, from all points that stand undominated so far (compare Tan, Tegmark 2022,
"Pareto-optimal clustering with the primal deterministic information bottleneck").
"""

import numpy as np

from varinf.tradeoffs.bottleneck_starts import merged
from varinf.tradeoffs.joint_distribution import informations, x_log_x

GAIN = 1e-12  # nats: a move that gains less is rounding's
EXPANDED = 400  # partitions of a frontier whose neighbours are looked at


def best_partition(joint, beta, clusters, restarts, rng):
    """(labels (X,) of the best partition found, objective at the end of each start)."""
    symbols = len(joint.p_x)
    first = np.arange(symbols) if clusters >= symbols else merged(joint, beta, clusters).argmax(axis=0)
    begin = [first] + [rng.integers(min(clusters, symbols), size=symbols) for _ in range(restarts - 1)]
    ends = [_descend(joint, beta, clusters, compact(labels)) for labels in begin]
    values = np.array([_objective(joint, beta, labels) for labels in ends])
    return ends[int(values.argmin())], values


def _objective(joint, beta, labels):
    I_TX, I_TY = informations(joint, hard(labels))
    return float(I_TX - beta * I_TY)


def hard(labels):
    """The encoder (T, X) of a partition."""
    return np.eye(labels.max() + 1)[labels].T


def compact(labels):
    """The same partition with clusters numbered as they first come."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.reshape(-1)]


def _descend(joint, beta, clusters, labels):
    while True:
        neighbours = Neighbours(joint, labels, clusters)
        change = neighbours.changes(lambda weight, tables: (beta - 1) * x_log_x(weight) - beta * _sum(tables))
        best = int(np.argmin(change))
        if not change[best] < -GAIN:
            return labels
        labels = neighbours.partition(best)


def _sum(tables):
    return x_log_x(tables).sum(axis=-1)


class Neighbours:
    """All partitions that one move of one x, or one merge of two clusters, makes of a partition."""

    def __init__(self, joint, labels, clusters):
        self.joint, self.labels = joint, labels
        encoder = hard(labels)
        spare = len(encoder) < min(clusters, len(labels))
        encoder = np.vstack([encoder, np.zeros((int(spare), len(labels)))])  # one more, to move to
        self.weight, self.tables = encoder @ joint.p_x, encoder @ joint.p_xy
        self.weight[self.weight < 0] = 0.0
        self.pairs = np.triu_indices(len(encoder) - spare, 1)

    def changes(self, cost):
        """By how much each changes the sum over clusters of cost(weight, table): (X · T + pairs,)."""
        weight, tables, labels, joint = self.weight, self.tables, self.labels, self.joint
        now = cost(weight, tables)
        left_tables = np.maximum(tables[labels] - joint.p_xy, 0.0)
        left = cost(np.maximum(weight[labels] - joint.p_x, 0.0), left_tables) - now[labels]
        entered = cost(weight + joint.p_x[:, None], tables + joint.p_xy[:, None]) - now
        moves = left[:, None] + entered
        moves[np.arange(len(labels)), labels] = 0.0
        a, b = self.pairs
        merges = cost(weight[a] + weight[b], tables[a] + tables[b]) - now[a] - now[b]
        return np.concatenate([moves.reshape(-1), merges])

    def partition(self, index):
        """The labels of neighbour number `index`."""
        labels, count = self.labels.copy(), len(self.weight)
        if index < len(labels) * count:
            x, cluster = divmod(index, count)
            labels[x] = cluster
        else:
            a, b = (side[index - len(labels) * count] for side in self.pairs)
            labels[labels == b] = a
        return compact(labels)


def frontier(joint, seeds, clusters, expanded=EXPANDED):
    """(labels (n, X), H (n,), I (n,), whether the walk ended) of the partitions that none of those met dominates.

    H ascends. The walk starts from `seeds` and looks at all neighbours of every undominated partition, of at most
    `expanded` of them.
    """
    distinct = list({labels.tobytes(): labels for labels in (compact(np.asarray(one)) for one in seeds)}.values())
    H, I = np.array([informations(joint, hard(labels)) for labels in distinct]).T
    members, H, I = _chosen(distinct, H, I)
    looked = set()
    while len(looked) < expanded:
        waiting = [i for i, labels in enumerate(members) if labels.tobytes() not in looked]
        if not waiting:
            return members, H, I, True
        makers, new_H, new_I = [], [H], [I]
        best = np.append(-np.inf, I)  # of the members with at most so much entropy
        for i in waiting[: expanded - len(looked)]:
            looked.add(members[i].tobytes())
            neighbours = Neighbours(joint, members[i], clusters)
            there_H = H[i] + neighbours.changes(lambda weight, tables: -x_log_x(weight))
            there_I = I[i] + neighbours.changes(lambda weight, tables: _sum(tables) - x_log_x(weight))
            above = np.nonzero(there_I > best[np.searchsorted(H, there_H + GAIN, side="right")] + GAIN)[0]
            above = above[_rising(there_H[above], there_I[above])]
            makers += [(neighbours, int(place)) for place in above]
            new_H.append(there_H[above])
            new_I.append(there_I[above])
        members, H, I = _chosen(members + makers, np.concatenate(new_H), np.concatenate(new_I))
        members = [one if isinstance(one, np.ndarray) else one[0].partition(one[1]) for one in members]
    return members, H, I, False


def _chosen(things, H, I):
    """(things, H, I) of the points that no other dominates, by H."""
    kept = _rising(H, I)
    return [things[i] for i in kept], H[kept], I[kept]


def _rising(H, I):
    """Indices of points that no other is at most as far right and at least as high as, by H."""
    order = np.lexsort((-I, H))
    highest = np.concatenate([[-np.inf], np.maximum.accumulate(I[order])[:-1]])
    return order[I[order] > highest + GAIN]
