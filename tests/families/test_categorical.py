import numpy as np
import pytest
import scipy.stats

from varinf.families.categorical import Categorical


def test_against_definitions():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(4), size=(2, 3))
    z = rng.integers(4, size=(5, 2, 3))
    for q in (Categorical(probs=probs), Categorical(logits=np.log(probs) + 7)):
        expected = np.log(np.take_along_axis(probs[None], z[..., None], axis=-1))[..., 0]
        np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-12)
        np.testing.assert_allclose(q.entropy(), scipy.stats.entropy(probs, axis=-1), rtol=1e-12)
        np.testing.assert_allclose(q.probs, probs, rtol=1e-13)
        np.testing.assert_allclose(q.logits, np.log(probs), rtol=1e-12)


def test_outside_of_the_support():
    for q in (Categorical(probs=[0.5, 0.5, 0.0]), Categorical(logits=[0.0, 0.0, -np.inf])):
        np.testing.assert_allclose(q.log_prob([0, 2, -1, 3, 0.5, np.nan]), [np.log(0.5)] + 5 * [-np.inf])
        assert q.entropy() == pytest.approx(np.log(2))
        assert set(q.sample(1000, rng=0).tolist()) == {0, 1}
    assert np.issubdtype(q.sample(3, rng=0).dtype, np.integer)


def test_impossible_categories_are_never_drawn():
    q = Categorical(probs=[[0.0, 1.0, 0.0, 0.0], [0.0, 0.3, 0.0, 0.7]])
    z = q.sample(20_000, rng=1)
    assert set(z[:, 0].tolist()) == {1} and set(z[:, 1].tolist()) == {1, 3}


def test_draws_fit():
    probs = np.array([0.1, 0.2, 0.3, 0.4])
    counts = np.bincount(Categorical(probs=probs).sample(50_000, rng=2), minlength=4)
    assert scipy.stats.chisquare(counts, 50_000 * probs).pvalue > 1e-4


def test_what_is_refused():
    cases = [
        ({"probs": [0.5, 0.6]}, "sum of probs over the last axis has 1 values that are not 1"),
        ({"probs": [-0.5, 1.5]}, "probs has 1 values that are negative or nan"),
        ({"probs": [np.nan, 1.0]}, "probs has 1 values"),
        ({"logits": [np.inf, 1.0]}, "logits has 1 values that are nan or"),
        ({"logits": [[0.0, 0.0], [-np.inf, -np.inf]]}, "rows that are all -inf of 2, the first at index 1"),
        ({"probs": 1.0}, "probs is a single number"),
    ]
    for arguments, sentence in cases:
        with pytest.raises(ValueError, match=sentence):
            Categorical(**arguments)
    for both in ({}, {"probs": [1.0], "logits": [0.0]}):
        with pytest.raises(TypeError, match="exactly one"):
            Categorical(**both)
    single = Categorical(probs=np.array([0.5, 0.50001], np.float32))
    assert single.probs.sum() == pytest.approx(1, abs=1e-7)


def test_a_table_without_a_name_is_refused():
    with pytest.raises(TypeError, match="probs= and logits=, by name"):
        Categorical([0.2, 0.8])
