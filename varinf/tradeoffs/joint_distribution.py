"""A joint distribution as an encoder sees it: symbols that occur, and one for all x that say the same of Y.

An x of probability 0 has no effect. Two x with the same p(y|x) may share their rows of an encoder: I(T;Y) sees their
sum alone, and I(T;X) is least where they agree, as p(t|x) carries no more about x than about its class.
"""

from typing import NamedTuple

import numpy as np

from varinf._arrays import is_numpy
from varinf._kernels import kernel
from varinf.information.entropy import probabilities

TINY = 1e-300  # stands for 0 in logarithms: an x may enter a cluster that lacks one of its labels, where that pays
SAME = 12  # decimals to which the conditionals of two x agree that are merged


class Joint(NamedTuple):
    """p(x), p(y), p(x, y), p(y|x), and entropies in nats, of symbols that occur and conditionals that differ."""

    p_x: np.ndarray
    p_y: np.ndarray
    p_xy: np.ndarray
    conditional: np.ndarray
    H_X: float
    H_Y: float


class Reduction(NamedTuple):
    """A table (X, Y) of probabilities, what an encoder can use of it, and the row that each x became, -1 for none."""

    table: np.ndarray
    joint: Joint
    row: np.ndarray

    def expand(self, encoder, weight):
        """An encoder (X, T) of the symbols as they were given; of an x that never occurs, q(t)."""
        return np.where((self.row >= 0)[:, None], encoder[self.row], weight)


def reduced(p_xy):
    """The `Reduction` of a table (X, Y) of probabilities, which is checked."""
    p_xy = probabilities(p_xy, "p_xy", axes=2)
    if not is_numpy(p_xy):
        raise TypeError(f"p_xy is a {type(p_xy).__module__}.{type(p_xy).__name__}; give a NumPy array")
    if p_xy.ndim != 2:
        raise ValueError(f"p_xy has shape {p_xy.shape}; give one table (X, Y)")
    p_xy = p_xy.astype(np.float64)
    p_xy /= p_xy.sum()
    occurs = p_xy.sum(axis=1) > 0
    used = p_xy[occurs][:, p_xy.sum(axis=0) > 0]
    conditional = used / used.sum(axis=1, keepdims=True)
    _, first, group = np.unique(conditional.round(SAME), axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    order = np.argsort(np.argsort(first))[group]  # rows stay in the order in which they first came
    merged = np.zeros((len(first), used.shape[1]))
    np.add.at(merged, order, used)
    row = np.full(len(p_xy), -1)
    row[occurs] = order
    p_x, p_y = merged.sum(axis=1), merged.sum(axis=0)
    entropies = (-x_log_x(p).sum() for p in (p_x, p_y))
    return Reduction(p_xy, Joint(p_x, p_y, merged, merged / p_x[:, None], *entropies), row)


def informations(joint, encoders):
    """(I(T;X), I(T;Y)) in nats of encoders (..., T, X), exactly."""
    mass, tables = encoders * joint.p_x, encoders @ joint.p_xy
    spread = x_log_x(mass.sum(axis=-1)).sum(axis=-1)
    I_TX = x_log_x(mass).sum(axis=(-2, -1)) + joint.H_X - spread
    I_TY = x_log_x(tables).sum(axis=(-2, -1)) + joint.H_Y - spread
    return np.maximum(I_TX, 0.0), np.maximum(I_TY, 0.0)  # rounding alone puts either below 0


def x_log_x(x):
    """With 0 log 0 = 0."""
    return x * log(x)


def log(x):
    """With log 0 far down."""
    return kernel("vector_math", x).log(np.maximum(x, TINY).reshape(-1)).reshape(np.shape(x))


def exp(x):
    """Of an array, by a kernel."""
    return kernel("vector_math", x).exp(x.reshape(-1)).reshape(x.shape)
