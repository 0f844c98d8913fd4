"""The alternating minimisation: its steps against the formulas, its limit against plain steps, its tidying."""

import numpy as np
import pytest
from joints import random_joint

from varinf.tradeoffs.bottleneck_iterations import advance, begun, encode, finish, js_divergence, tidied
from varinf.tradeoffs.bottleneck_starts import merged
from varinf.tradeoffs.joint_distribution import informations, reduced


def test_an_iteration_is_that_of_the_paper():
    joint = reduced(random_joint(5, 3, seed=2)).joint
    table = np.random.default_rng(1).dirichlet(np.ones(12)).reshape(4, 3)
    beta = 3.7
    weight, decoder = table.sum(axis=1), table / table.sum(axis=1, keepdims=True)
    kl = np.sum(joint.conditional[:, None] * np.log(joint.conditional[:, None] / decoder), axis=2)
    encoder = weight * np.exp(-beta * kl)
    encoder /= encoder.sum(axis=1, keepdims=True)
    found, value = encode(joint, np.array([beta]), table[None])
    np.testing.assert_allclose(found[0], encoder.T, rtol=1e-12)
    cross = -np.sum(joint.p_x[:, None] * encoder * (joint.conditional @ np.log(decoder).T))
    rate = np.sum(joint.p_x[:, None] * encoder * np.log(encoder / weight))
    assert value[0] == pytest.approx(rate + beta * cross, rel=1e-12)


@pytest.mark.parametrize("accelerated", [True, False])
def test_the_objective_never_rises(accelerated):
    joint = reduced(random_joint(8, 5, seed=4)).joint
    betas = np.array([1.5, 3.0, 10.0])
    problems = [begun(joint.p_xy)] * 3
    values = []
    for _ in range(30):
        problems = advance(joint, betas, problems, 3, accelerated)
        values.append([problem.value for problem in problems])
    assert (np.diff(values, axis=0) <= 1e-14).all()


def test_acceleration_ends_where_plain_steps_do_and_says_how_near():
    joint = reduced(random_joint(8, 5, seed=5)).joint
    betas = np.array([2.5, 4.0, 12.0])
    fast = finish(joint, betas, [begun(joint.p_xy)] * 3, 1e-10, 5000)
    slow = [begun(joint.p_xy)] * 3
    for _ in range(100):
        slow = advance(joint, betas, slow, 200, accelerated=False)
    for beta, one, other in zip(betas, fast, slow, strict=True):
        assert one.residual <= 1e-10
        assert one.iterations < 1000
        found, wanted = (encode(joint, np.array([beta]), end.table[None])[0][0] for end in (one, other))
        np.testing.assert_allclose(informations(joint, found), informations(joint, wanted), atol=1e-7)


def test_the_residual_is_no_smaller_than_the_distance_that_is_left():
    joint = reduced(random_joint(8, 5, seed=6)).joint
    beta = np.array([4.0])
    (end,) = finish(joint, beta, [begun(joint.p_xy)], 1e-13, 5000)
    start = [begun(end.table * np.exp(0.05 * np.random.default_rng(0).normal(size=end.table.shape)))]
    for steps in (4, 6, 8, 10):
        (near,) = advance(joint, beta, start, steps)
        encoder = encode(joint, beta, near.table[None])[0][0]
        left = np.abs(encoder @ joint.p_xy - end.table).sum()
        assert left <= 3 * near.residual + 1e-12


SADDLES = [(31, 5.0), (92, 8.0), (140, 5.0)]  # where three clusters by merging lead to one, of 16 x and 2 y


@pytest.mark.parametrize(("seed", "beta"), SADDLES)
def test_saddles_are_left(seed, beta):
    """Towards which Anderson's steps lead back, and where plain ones take more than 20,000."""
    joint = reduced(random_joint(16, 2, seed=seed)).joint
    (end,) = finish(joint, np.array([beta]), [begun(merged(joint, beta, 3) @ joint.p_xy)], 1e-9, 3000)
    assert end.residual <= 1e-9


@pytest.mark.parametrize(("seed", "beta"), SADDLES)
def test_the_residual_knows_the_rate_after_every_number_of_steps(seed, beta):
    """Also where the last step was refused, and the differences that tell the rate forgotten."""
    joint = reduced(random_joint(16, 2, seed=seed)).joint
    table, betas = begun(merged(joint, beta, 3) @ joint.p_xy), np.array([beta])
    (table,) = advance(joint, betas, [table], 300, accelerated=False)
    residuals = [advance(joint, betas, [table], steps)[0].residual for steps in range(2, 10)]
    assert min(residuals) > max(residuals) / 300


def test_problems_do_not_touch_each_other():
    joint = reduced(random_joint(6, 4, seed=7)).joint
    rng = np.random.default_rng(2)
    tables = [rng.dirichlet(np.ones(k * 4)).reshape(k, 4) for k in (2, 6, 3, 5)]
    betas = np.array([2.0, 8.0, 5.0, 3.0])
    together = finish(joint, betas, [begun(t) for t in tables], 1e-9, 3000)
    for beta, table, end in zip(betas, tables, together, strict=True):
        (alone,) = finish(joint, np.array([beta]), [begun(table)], 1e-9, 3000)
        assert alone.value == pytest.approx(end.value, abs=1e-10)


def test_clusters_that_say_the_same_become_one_and_the_dead_are_left_out():
    joint = reduced(random_joint(4, 3, seed=8)).joint
    encoder = np.array([[0.3, 0.3, 0.6, 0.2], [0.1, 0.1, 0.2, 0.2 / 3], [0.6, 0.6, 0.2, 0.8 - 0.2 / 3], [0, 0, 0, 0]])
    (table,) = tidied(joint, np.array([1e4]), encoder[None])
    assert len(table) == 2
    np.testing.assert_allclose(table.sum(axis=0), joint.p_y)


def test_a_merge_that_costs_is_not_made():
    joint = reduced(random_joint(4, 3, 0.2, seed=9)).joint
    (table,) = tidied(joint, np.array([100.0]), np.eye(4)[None])
    assert len(table) == 4
    (table,) = tidied(joint, np.array([0.9]), np.eye(4)[None])  # a price below 1 never pays
    assert len(table) == 1


def test_jensen_shannon_divergence():
    a, b = np.random.default_rng(3).random((2, 5))
    share = a.sum() / (a.sum() + b.sum())
    p, q = a / a.sum(), b / b.sum()
    middle = share * p + (1 - share) * q
    wanted = share * np.sum(p * np.log(p / middle)) + (1 - share) * np.sum(q * np.log(q / middle))
    assert js_divergence(a, b) == pytest.approx((a.sum() + b.sum()) * wanted, rel=1e-12)
