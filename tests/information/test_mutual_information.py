"""Mutual information: the channel of one bit, identities with entropies, and the edges."""

import math

import array_api_strict
import numpy as np
import pytest

from varinf.information.entropy import entropy
from varinf.information.mutual_information import mutual_information


@pytest.mark.parametrize("flip", [0.0, 0.1, 0.3, 0.5])
def test_binary_symmetric_channel(flip):
    """log 2 - h(flip)."""
    joint = np.array([[1 - flip, flip], [flip, 1 - flip]]) / 2
    h = entropy([flip, 1 - flip])
    assert mutual_information(joint) == pytest.approx(math.log(2) - h, abs=1e-15)


def test_is_the_sum_of_entropies_less_the_joint():
    p = np.random.default_rng(0).dirichlet(np.full(15, 0.2), size=6).reshape(6, 3, 5)
    p[0] = np.diag(np.ones(5) / 3)[:3]
    expected = entropy(p.sum(axis=2)) + entropy(p.sum(axis=1)) - entropy(p.reshape(6, 15))
    np.testing.assert_allclose(mutual_information(p), expected, atol=1e-14)


def test_never_below_zero_when_independent():
    rng = np.random.default_rng(1)
    for _ in range(50):
        value = mutual_information(np.outer(rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(6))))
        assert 0 <= value < 1e-15


def test_tiny_marginals_do_not_underflow():
    tiny = 1e-200
    joint = [[1 - tiny, 0.0], [0.0, tiny]]
    assert mutual_information(joint) == pytest.approx(-tiny * math.log(tiny), rel=1e-2, abs=0)


def test_symmetric_and_unchanged_by_an_empty_row():
    p = np.random.default_rng(2).dirichlet(np.ones(6)).reshape(2, 3)
    assert mutual_information(p.T) == pytest.approx(mutual_information(p), rel=1e-12)
    assert mutual_information(np.vstack([p, np.zeros(3)])) == pytest.approx(mutual_information(p), rel=1e-12)


def test_float32_and_array_api_strict():
    joint = np.array([[0.4, 0.1], [0.1, 0.4]])
    single = mutual_information(joint.astype(np.float32))
    assert single.dtype == np.float32 and single == pytest.approx(mutual_information(joint), rel=1e-6)
    strict = mutual_information(array_api_strict.asarray(joint))
    assert float(strict) == pytest.approx(mutual_information(joint), rel=1e-14)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, 0.5], r"p_xy has shape \(2,\); give probabilities \(\*batch, X, Y\)"),
        ([[3.0, 1.0], [1.0, 3.0]], "p_xy sums to 8 over its last two axes"),
        ([[-0.5, 0.5], [0.5, 0.5]], "p_xy has 1 values that are negative"),
    ],
)
def test_refusals(p, message):
    with pytest.raises(ValueError, match=message):
        mutual_information(p)


def test_independence_is_a_plain_zero():
    assert str(float(mutual_information([[0.06, 0.14], [0.24, 0.56]]))) == "0.0"
