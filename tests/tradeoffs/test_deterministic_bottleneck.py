"""Partitions: moves against recomputation, frontiers against all partitions there are."""

import numpy as np
import pytest
from joints import partitions, random_joint

from varinf.tradeoffs.deterministic_bottleneck import Neighbours, compact, frontier, hard
from varinf.tradeoffs.joint_distribution import informations, reduced, x_log_x


def test_changes_are_those_of_the_partition_that_is_made():
    joint = reduced(random_joint(6, 4, seed=1)).joint
    labels = np.array([0, 1, 0, 2, 1, 0])
    neighbours = Neighbours(joint, labels, 6)
    entropy = neighbours.changes(lambda weight, tables: -x_log_x(weight))
    before = informations(joint, hard(labels))[0]
    for i in range(len(entropy)):
        after = informations(joint, hard(neighbours.partition(i)))[0]
        assert after - before == pytest.approx(entropy[i], abs=1e-12)
    assert len(entropy) == 6 * 4 + 3


def test_no_more_clusters_than_allowed():
    joint = reduced(random_joint(5, 3, seed=2)).joint
    neighbours = Neighbours(joint, np.array([0, 1, 0, 1, 0]), 2)
    change = neighbours.changes(lambda weight, tables: -x_log_x(weight))
    assert max(neighbours.partition(i).max() for i in range(len(change))) == 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("clusters", [3, 8])
def test_frontiers_are_those_of_all_partitions(seed, clusters):
    joint = reduced(random_joint(8, 4, 0.7, seed=seed)).joint
    everything = [p for p in partitions(8) if p.max() < clusters]
    H, I = np.array([informations(joint, hard(p)) for p in everything]).T
    order = np.lexsort((-I, H))
    best = np.concatenate([[-np.inf], np.maximum.accumulate(I[order])[:-1]])
    wanted = order[I[order] > best + 1e-12]
    found, found_H, found_I, ended = frontier(joint, [np.zeros(8, int), np.arange(8) % clusters], clusters, 10_000)
    assert ended
    np.testing.assert_allclose(found_H, H[wanted], atol=1e-12)
    np.testing.assert_allclose(found_I, I[wanted], atol=1e-12)
    assert len(found) == len(wanted)


def test_a_walk_cut_short_says_so():
    joint = reduced(random_joint(12, 6, seed=3)).joint
    assert not frontier(joint, [np.arange(12)], 12, 2)[3]


def test_labels_are_numbered_as_they_come():
    assert compact(np.array([7, 3, 7, 9])).tolist() == [0, 1, 0, 2]
