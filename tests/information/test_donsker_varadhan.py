"""Donsker and Varadhan's on a batch, which is no bound, and SMILE."""

import critics
import numpy as np
import pytest

import varinf as vi


def test_above_the_truth_on_a_batch():
    """The optimal critic at I = 10 and N = 64 gives 11.30 ± .02 on average."""
    rho = np.sqrt(1 - np.exp(-1))
    values, _ = critics.batches(
        lambda given, marginal: vi.donsker_varadhan(given - marginal[None]), 1500, correlation=rho, seed=3
    )
    assert abs(values.mean() - 11.30) < 5 * np.hypot(values.std() / np.sqrt(1500), 0.02)
    assert (values.mean() - 10) / (values.std() / np.sqrt(1500)) > 5
    found = vi.donsker_varadhan(np.eye(9))
    assert found.direction == "neither" and not found.is_bound


def test_level_does_not_matter():
    s = np.random.default_rng(0).normal(size=(7, 7))
    assert float(vi.donsker_varadhan(s + 5)) == pytest.approx(float(vi.donsker_varadhan(s)), rel=1e-12)


def test_smile_is_between():
    """Without a clip it is Donsker and Varadhan's; with one near 0, the mean score of pairs."""
    s = np.random.default_rng(1).normal(size=(9, 9))
    assert float(vi.smile(s, np.inf)) == float(vi.donsker_varadhan(s)) == float(vi.smile(s, 100.0))
    assert float(vi.smile(s, 1e-12)) == pytest.approx(np.diag(s).mean(), rel=1e-10)
    assert vi.smile(s, 1.0).direction == "neither"
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="clip="):
            vi.smile(s, wrong)
    with pytest.raises(TypeError, match="clip="):
        vi.smile(s, "5")


def test_error_of_a_mean_that_few_scores_do_not_rule():
    values, stderr = critics.batches(
        lambda given, marginal: vi.donsker_varadhan(given - marginal[None]), 2000, n=40, features=1, correlation=0.3
    )
    critics.check_error(values, stderr)
