"""Output weights: against convex programming, their certificate against its definition, and degenerate problems."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from varinf.tradeoffs import output_weights as module
from varinf.tradeoffs.output_weights import output_weights


def problem(rng, rows, columns):
    distortion = rng.random((rows, columns))
    return rng.dirichlet(np.ones(rows)), np.exp(-5 * (distortion - distortion.min(axis=1, keepdims=True)))


def value(p, A, q):
    return -float(p @ np.log(A @ q))


def solve(p, A, tolerance=1e-10, iterations=10_000):
    return output_weights(p, A, tolerance, iterations, np.full(A.shape[1], 1 / A.shape[1]))


def test_against_sequential_programming():
    rng = np.random.default_rng(0)
    for rows, columns in ((1, 4), (4, 1), (3, 6), (6, 3), (8, 8)):
        p, A = problem(rng, rows, columns)
        best = minimize(
            lambda q, p=p, A=A: value(p, A, q),
            np.full(columns, 1 / columns),
            jac=lambda q, p=p, A=A: -A.T @ (p / (A @ q)),
            bounds=[(0, 1)] * columns,
            constraints={"type": "eq", "fun": lambda q: q.sum() - 1, "jac": np.ones_like},
            method="SLSQP",
            options={"ftol": 1e-15, "maxiter": 1000},
        )
        found = solve(p, A)
        assert found.gap <= 1e-10 and found.q.min() >= 0 and found.q.sum() == pytest.approx(1, abs=1e-12)
        # The channel's value lies KL(q c ‖ q) below F(q); both are within the gap of the least, SLSQP is by its ftol.
        assert value(p, A, found.q) == pytest.approx(best.fun, abs=1e-8)


def test_the_conditions_of_kuhn_and_tucker():
    rng = np.random.default_rng(1)
    p, A = problem(rng, 30, 40)
    found = solve(p, A, tolerance=1e-13)
    c = A.T @ (p / (A @ found.q))
    assert c.max() <= 1 + 1e-6
    # Weights times slackness add up to the gap or so.
    assert np.sum(found.q * np.abs(1 - c)) <= 1e-9


def test_the_interior_point_agrees_with_plain_steps():
    rng = np.random.default_rng(2)
    for shape in ((5, 9), (9, 5), (12, 12)):
        p, A = problem(rng, *shape)
        start = np.full(shape[1], 1 / shape[1])
        plain = module._plain_steps(p, A, 1e-8, 1_000_000, start, patience=math.inf)
        inner = module._interior_point(p, A, 1e-12, 100, start)
        assert plain.gap <= 1e-8 and inner.gap <= 1e-12 and inner.iterations < 40
        assert value(p, A, plain.q) == pytest.approx(value(p, A, inner.q), abs=2e-8)


@pytest.mark.parametrize("seed", range(4))
def test_degenerate_problems_converge(seed):
    """Tied costs, copies of columns, and symbols as rare as 1e-100: each to its tolerance."""
    rng = np.random.default_rng(seed)
    for _ in range(60):
        rows, columns = rng.integers(1, 25, 2)
        p = np.maximum(rng.dirichlet(np.full(rows, 10 ** rng.uniform(-2, 1))), 1e-100)
        distortion = rng.integers(0, 3, (rows, columns))[:, rng.integers(0, columns, columns)].astype(float)
        excess = distortion - distortion.min(axis=1, keepdims=True)
        found = solve(p / p.sum(), np.exp(-(10 ** rng.uniform(-3, 4)) * excess))
        assert found.gap <= 1e-10


def test_columns_that_serve_nobody_get_nothing():
    A = np.array([[1.0, 0.0, 0.2], [0.3, 0.0, 1.0]])
    found = solve(np.array([0.5, 0.5]), A)
    assert found.gap <= 1e-10 and found.q[1] <= 1e-9


def test_few_iterations_say_how_far_they_came():
    p, A = problem(np.random.default_rng(3), 20, 20)
    best = value(p, A, solve(p, A, 1e-13).q)
    gaps = []
    for iterations in (1, 5, 25, 45):
        found = solve(p, A, 0.0, iterations)
        c = A.T @ (p / (A @ found.q))
        reached = value(p, A, found.q) - module.reached(found.q, c)
        assert found.iterations <= iterations and found.gap >= 0
        assert reached - found.gap <= best + 1e-13 and reached >= best - 1e-13  # the certificate, honest at every step
        gaps.append(found.gap)
    assert gaps == sorted(gaps, reverse=True) and gaps[1] > 1e-10 > gaps[3]
