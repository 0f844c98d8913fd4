"""Fixed draws: mirrored, whitened where there are enough of them."""

import numpy as np
import pytest

from varinf.inference.fixed_draws import can_whiten, fixed_draws, moments_for
from varinf.inference.variational_families import family_named


@pytest.mark.parametrize("draws", [10, 12, 40])
def test_whitened_draws_have_mean_zero_and_covariance_one(draws):
    noise = fixed_draws(family_named("full"), 5, draws, np.random.default_rng(0), "whitened")
    np.testing.assert_array_equal(noise[: draws // 2], -noise[draws // 2 :])
    np.testing.assert_allclose(noise.T @ noise / draws, np.eye(5), atol=1e-12)


def test_plain_draws_are_mirrored_and_not_whitened():
    noise = fixed_draws(family_named("diagonal"), 5, 40, np.random.default_rng(0), "plain")
    np.testing.assert_array_equal(noise[:20], -noise[20:])
    assert np.abs(noise.T @ noise / 40 - np.eye(5)).max() > 0.05


def test_whitening_turns_no_draw_more_than_it_must():
    """Against other square roots: with many draws next to nothing changes."""
    plain, white = (
        fixed_draws(family_named("full"), 3, 4000, np.random.default_rng(0), w) for w in ("plain", "whitened")
    )
    assert np.abs(white - plain).max() < 0.2


def test_what_can_be_whitened():
    assert can_whiten(family_named("full"), 5, 10) and not can_whiten(family_named("full"), 5, 8)
    assert not can_whiten(family_named("low_rank:2"), 5, 12) and can_whiten(family_named("low_rank:2"), 5, 14)
    assert not can_whiten(family_named("student_t"), 5, 1000)


def test_standardised_draws_have_variance_one():
    noise = fixed_draws(family_named("diagonal"), 50, 8, np.random.default_rng(0), "standardised")
    np.testing.assert_allclose(np.mean(noise**2, axis=0), 1)
    np.testing.assert_array_equal(noise[:4], -noise[4:])


def test_the_most_that_draws_allow():
    diagonal = family_named("diagonal")
    assert [moments_for(diagonal, 5, draws, None) for draws in (8, 10)] == ["standardised", "whitened"]
    assert moments_for(diagonal, 5, 10, False) == moments_for(family_named("student_t"), 5, 99, None) == "plain"
