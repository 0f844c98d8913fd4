"""What an encoder cannot use is left out, and nothing that it can."""

import numpy as np
import pytest
from joints import random_joint

import varinf as vi
from varinf.tradeoffs.joint_distribution import informations, reduced


def test_what_never_occurs_and_what_says_the_same_are_left_out():
    p_xy = np.array([[0.1, 0.0, 0.2], [0.0, 0.0, 0.0], [0.05, 0.0, 0.1], [0.5, 0.0, 0.05]])
    table, joint, row = reduced(p_xy)
    np.testing.assert_allclose(table, p_xy, rtol=1e-12)
    assert row.tolist() == [0, -1, 0, 1]
    np.testing.assert_allclose(joint.p_xy, [[0.15, 0.3], [0.5, 0.05]], rtol=1e-15)
    np.testing.assert_allclose(joint.conditional.sum(axis=1), 1)


def test_expanding_gives_each_x_its_row_and_those_that_never_occur_the_marginal():
    reduction = reduced([[0.1, 0.2], [0.0, 0.0], [0.4, 0.3]])
    encoder = np.array([[0.9, 0.1], [0.2, 0.8]])
    np.testing.assert_array_equal(reduction.expand(encoder, [0.3, 0.7]), [[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]])


def test_informations_are_those_of_the_tables():
    p_xy = random_joint(5, 4, seed=1)
    joint = reduced(p_xy).joint
    encoders = np.random.default_rng(0).dirichlet(np.ones(3), size=(6, 5)).transpose(0, 2, 1)
    I_TX, I_TY = informations(joint, encoders)
    np.testing.assert_allclose(I_TX, vi.mutual_information(encoders * joint.p_x), atol=1e-14)
    np.testing.assert_allclose(I_TY, vi.mutual_information(encoders @ joint.p_xy), atol=1e-14)


@pytest.mark.parametrize(
    ("p_xy", "says"),
    [
        ([[0.5, -0.1], [0.3, 0.3]], "negative"),
        ([[0.5, 0.1], [0.3, 0.3]], "sums to 1.2"),
        ([[np.nan, 0.1], [0.3, 0.3]], "nan"),
        ([0.5, 0.5], "shape"),
        (np.full((2, 2, 2), 0.25), "one table"),
    ],
)
def test_other_tables_are_refused(p_xy, says):
    with pytest.raises(ValueError, match=says):
        reduced(p_xy)
