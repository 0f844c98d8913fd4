"""Entropy: closed values, the edges 0 and 1, and what is refused."""

import math

import array_api_strict
import numpy as np
import pytest

from varinf.information.entropy import entropy


def test_uniform_and_certain():
    assert entropy(np.full(8, 1 / 8)) == pytest.approx(math.log(8), rel=1e-15)
    assert entropy([0, 1, 0]) == 0 and math.copysign(1, entropy([0, 1, 0])) == 1  # not -0.0


def test_batch_matches_scipy():
    from scipy.stats import entropy as oracle

    p = np.random.default_rng(0).dirichlet(np.full(5, 0.3), size=(3, 4))
    p[0, 0] = [0.5, 0.5, 0, 0, 0]
    np.testing.assert_allclose(entropy(p), oracle(p, axis=-1), rtol=1e-13)


def test_chain_rule():
    """H(X, Y) = H(X) + E H(Y | x)."""
    p = np.random.default_rng(1).dirichlet(np.ones(12)).reshape(3, 4)
    p_x = p.sum(axis=1)
    assert entropy(p.ravel()) == pytest.approx(entropy(p_x) + p_x @ entropy(p / p_x[:, None]), rel=1e-13)


def test_float32_stays_float32():
    p = np.full((2, 1000), 1e-3, dtype=np.float32)
    assert entropy(p).dtype == np.float32
    np.testing.assert_allclose(entropy(p), math.log(1000), rtol=1e-6)


def test_array_api_strict():
    p = array_api_strict.asarray([[0.5, 0.5], [1.0, 0.0]])
    np.testing.assert_allclose(np.asarray(entropy(p)), [math.log(2), 0])


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, 0.6], "p sums to 1.1 over its last axis, not to 1 within 1e-08: divide counts or weights by their sum"),
        ([[0.5, 0.5], [0.2, 0.2]], "p sums to 0.4"),
        ([-0.1, 1.1], r"p has 1 values that are negative, nan or infinite of 2, the first at index 0 \(-0.1\)"),
        ([math.nan, 1.0], "negative, nan or infinite"),
        ([], r"p has shape \(0,\); give probabilities"),
        (1.0, r"p has shape \(\); give probabilities \(\*batch, K\)"),
    ],
)
def test_refusals(p, message):
    with pytest.raises(ValueError, match=message):
        entropy(p)
