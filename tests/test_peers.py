"""What other packages compute, computed here: the full run installs those that the quick one does not need.

Slow by its imports alone: torch, arviz-stats and scikit-learn take longer to load than varinf to compute.
"""

import numpy as np
import pytest
from scipy.special import logsumexp

import varinf as vi

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("draws", [2_500, 10_000])  # 3 sqrt(draws) is whole: arviz-stats rounds it down, the paper up
@pytest.mark.parametrize("sd", [0.5, 2.0])
def test_psis_is_that_of_arviz_stats(draws, sd):
    base = pytest.importorskip("arviz_stats.base")
    x = RNG.normal(0, sd, size=draws)
    log_weights, k_hat = base.array_stats.psislw(-x)  # it takes log likelihoods, whose negatives are log weights
    ours = vi.psis(x)
    assert ours.k_hat == pytest.approx(float(k_hat), abs=1e-12)
    np.testing.assert_allclose(ours.log_weights - logsumexp(ours.log_weights), log_weights, atol=1e-11)


def test_iwelbo_is_scipys_logsumexp():
    x = RNG.normal(-1000, 30, size=(500, 7))
    np.testing.assert_allclose(vi.iwelbo(x).value, logsumexp(x, axis=0) - np.log(500), rtol=1e-14)


def test_kl_is_that_of_torch():
    torch = pytest.importorskip("torch")
    d = torch.distributions
    loc, scale, other, width = (
        RNG.normal(size=(5, 4)),
        RNG.gamma(2, size=(5, 4)),
        RNG.normal(size=4),
        RNG.gamma(2, size=4),
    )
    t = torch.tensor
    diagonal = d.kl_divergence(d.Normal(t(loc), t(scale)), d.Normal(t(other), t(width))).sum(-1).numpy()
    ours = vi.kl(vi.DiagonalNormal(loc, scale), vi.DiagonalNormal(other, width))
    np.testing.assert_allclose(ours, diagonal, rtol=1e-12)
    a, b = RNG.normal(size=(5, 4, 9)), RNG.normal(size=(4, 9))
    covariances = a @ np.swapaxes(a, 1, 2), b @ b.T
    q = d.MultivariateNormal(t(loc), t(covariances[0]))
    p = d.MultivariateNormal(t(other), t(covariances[1]))
    ours = vi.kl(vi.FullNormal(loc, covariance=covariances[0]), vi.FullNormal(other, covariance=covariances[1]))
    np.testing.assert_allclose(ours, d.kl_divergence(q, p).numpy(), rtol=1e-11)


def test_probabilistic_pca_is_scikit_learns():
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = vi.datasets.digits(raw=True)
    ours = vi.models.LinearGaussian(6).fit(x).log_evidence(x)
    theirs = decomposition.PCA(6).fit(x).score_samples(x)
    np.testing.assert_allclose(ours.mean(), theirs.mean(), rtol=1e-5)  # it divides by N - 1, which is no maximum
