"""Joint distributions, and slow solutions of their bottlenecks by other roads."""

import itertools

import numpy as np
from scipy.optimize import linprog


def random_joint(x, y, concentration=1.0, seed=0):
    """p(x) uniform over the simplex, each p(y|x) from a Dirichlet distribution."""
    rng = np.random.default_rng(seed)
    p_x = rng.dirichlet(np.ones(x))
    return p_x[:, None] * rng.dirichlet(np.full(y, concentration), size=x)


def flipped(epsilon):
    """A fair bit and its copy through a channel that flips it with probability epsilon."""
    return np.array([[1 - epsilon, epsilon], [epsilon, 1 - epsilon]]) / 2


def entropy(p, axis=-1):
    return -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=axis)


def by_linear_programme(p_xy, beta, steps):
    """Least I(T;X) − beta I(T;Y) with p(x|t) on a grid of `steps` per side: the lower convex envelope, from above.

    I(T;X) − beta I(T;Y) = H(X) − beta H(Y) + Σ_t q(t) [beta H(Y|t) − H(X|t)], linear in q(t) once the p(x|t) are given.
    """
    p_x = p_xy.sum(axis=1)
    counts = [c for c in itertools.product(range(steps + 1), repeat=len(p_x) - 1) if sum(c) <= steps]
    grid = np.array([(*c, steps - sum(c)) for c in counts]) / steps
    grid = np.vstack([grid, p_x])
    cost = beta * entropy(grid @ (p_xy / p_x[:, None])) - entropy(grid)
    found = linprog(cost, A_eq=grid.T, b_eq=p_x, bounds=(0, None))
    return found.fun + entropy(p_x) - beta * entropy(p_xy.sum(axis=0))


def partitions(n):
    """Every partition of n things, as labels: Bell's number of them."""
    grown = [[0]]
    for _ in range(n - 1):
        grown = [[*labels, k] for labels in grown for k in range(max(labels) + 2)]
    return np.array(grown)
