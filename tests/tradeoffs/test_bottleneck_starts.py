"""Starts: merging by the cheapest pair, splitting what gains by it and nothing else."""

import numpy as np
import pytest
from joints import random_joint

import varinf as vi
from varinf.tradeoffs.bottleneck_iterations import encode
from varinf.tradeoffs.bottleneck_starts import grown, merged, split, starts
from varinf.tradeoffs.joint_distribution import informations, reduced


def value(joint, beta, encoder):
    I_TX, I_TY = informations(joint, encoder)
    return I_TX - beta * I_TY


@pytest.mark.parametrize("beta", [1.5, 6.0])
def test_each_merge_is_the_cheapest(beta):
    joint = reduced(random_joint(7, 4, seed=1)).joint
    encoder = np.eye(7)
    for clusters in range(6, 0, -1):
        pairs = [(a, b) for b in range(len(encoder)) for a in range(b)]
        tried = [np.vstack([np.delete(encoder, [a, b], axis=0), encoder[a] + encoder[b]]) for a, b in pairs]
        encoder = tried[int(np.argmin([value(joint, beta, one) for one in tried]))]
        assert value(joint, beta, merged(joint, beta, clusters)) == pytest.approx(
            value(joint, beta, encoder), abs=1e-12
        )


def test_starts_are_tables_of_encoders():
    joint = reduced(random_joint(6, 3, seed=2)).joint
    for clusters in (2, 4, 6, 9):
        tables = starts(joint, 3.0, clusters, 5, np.random.default_rng(0))
        assert len(tables) == 5
        assert len(tables[0]) == min(clusters, 6)
        for table in tables:
            assert 2 <= len(table) <= min(clusters, 6)
            assert (table > 0).all()
            np.testing.assert_allclose(table.sum(axis=0), joint.p_y)


@pytest.mark.parametrize("clusters", [3, 20])
def test_starts_have_few_clusters_and_many_whatever_the_seed(clusters):
    joint = reduced(random_joint(20, 3, seed=2)).joint
    for seed in range(20):
        sizes = [len(table) for table in starts(joint, 3.0, clusters, 8, np.random.default_rng(seed))[1:]]
        assert min(sizes) <= 3 and max(sizes) >= 0.6 * clusters
        assert sizes.count(3) > 1 if clusters == 3 else len(set(sizes)) > 4


def test_rare_x_at_large_prices_are_no_warning():
    for seed in range(13, 31):
        rng = np.random.default_rng(seed)
        p_xy = rng.dirichlet(np.full(6, 0.5), size=9) * (10.0 ** rng.uniform(-14, 0, size=9))[:, None]
        joint = reduced(p_xy / p_xy.sum()).joint
        table = grown(joint, 1e6, joint.p_y[None], 9)
        assert np.isfinite(table).all()


@pytest.mark.parametrize("shape", [(6, 4), (3, 7)])
def test_saying_nothing_is_split_above_the_critical_beta_alone(shape):
    p_xy = random_joint(*shape, seed=3)
    joint, critical = reduced(p_xy).joint, vi.critical_beta(p_xy)
    nothing = np.ones((1, shape[0]))
    assert split(joint, 0.99 * critical, nothing, 6) is None
    table = split(joint, 1.01 * critical, nothing, 6)
    assert table.shape == (2, shape[1])
    assert split(joint, 1.01 * critical, nothing, 1) is None  # there is no room for a second


def test_only_clusters_that_gain_are_split():
    joint = reduced(random_joint(6, 4, seed=4)).joint
    two = np.array([[1, 1, 1, 1, 1, 0.0], [0, 0, 0, 0, 0, 1]])  # the last x stands alone already
    assert split(joint, 1e3, two, 6).shape == (3, 4)


def test_a_cluster_far_away_is_found_where_no_split_pays():
    """A rare x that tells its y all but surely pays from beta 17 on, small steps from saying nothing from 196 on."""
    p_xy = np.array([[0.02, 0.0], [0.78, 0.2]])
    joint = reduced(p_xy).joint
    nothing = joint.p_y[None]
    assert split(joint, 30.0, np.ones((1, 2)), 2) is None
    assert grown(joint, 16.0, nothing, 2) is None
    table = grown(joint, 30.0, nothing, 2)
    assert encode(joint, np.array([30.0]), table[None])[1] < encode(joint, np.array([30.0]), nothing[None])[1]
    assert grown(joint, 30.0, nothing, 1) is None  # there is no room
