import numpy as np
import pytest
from scipy.stats import halfcauchy, norm

from varinf.models import eight_schools
from varinf.models.eight_schools import EFFECTS, STANDARD_ERRORS, EightSchools


@pytest.fixture(scope="module")
def posterior():
    return EightSchools().posterior()


def test_reference_values(posterior):
    assert EightSchools().log_evidence() == pytest.approx(-31.3113473523, abs=1e-10)
    assert posterior.mean[0] == pytest.approx(4.396821, abs=1e-6)
    assert posterior.mean_tau == pytest.approx(3.597705, abs=1e-6)


def test_the_rule_has_converged():
    values = [eight_schools._Marginal(2.0**-h).log_evidence for h in (1, 2, 3, 6)]
    assert abs(values[1] - values[-1]) < 1e-13 * 31
    assert abs(values[2] - values[-1]) < 1e-13 * 31


def test_evidence_by_a_double_integral():
    """Only theta is integrated by hand; mu and tau, on their own scales, by Gauss-Legendre panels."""
    nodes, weights = np.polynomial.legendre.leggauss(120)
    total = 0.0
    for low, high in [(0, 5), (5, 20), (20, 100), (100, 1000)]:
        tau, tau_weights = (low + high) / 2 + nodes * (high - low) / 2, weights * (high - low) / 2
        mu, mu_weights = 40 * nodes[:, None], 40 * weights
        likelihood = np.prod(
            [norm.pdf(y, mu, np.hypot(s, tau)) for y, s in zip(EFFECTS, STANDARD_ERRORS, strict=True)], 0
        )
        joint = norm.pdf(mu, 0, 5) * halfcauchy.pdf(tau, scale=5) * likelihood
        total += mu_weights @ joint @ tau_weights
    assert np.log(total) == pytest.approx(EightSchools().log_evidence(), abs=1e-9)


def test_the_joint_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(5, 10))
    mu, tau, theta = z[:, 0], np.exp(z[:, 1]), z[:, 2:]
    expected = norm.logpdf(mu, 0, 5) + halfcauchy.logpdf(tau, scale=5) + z[:, 1]  # log tau: the Jacobian
    expected += norm.logpdf(theta, mu[:, None], tau[:, None]).sum(1)
    expected += norm.logpdf(EFFECTS, theta, STANDARD_ERRORS).sum(1)
    np.testing.assert_allclose(EightSchools().log_joint(None, z), expected, rtol=1e-13)


def test_prior_draws_follow_the_prior():
    z = EightSchools().prior.sample(20_000, rng=1)
    uniform = np.column_stack(
        [
            norm.cdf(z[:, 0], 0, 5),
            halfcauchy.cdf(np.exp(z[:, 1]), scale=5),
            norm.cdf((z[:, 2:] - z[:, :1]) / np.exp(z[:, 1:2])),
        ]
    )
    assert np.all(np.abs(uniform.mean(0) - 0.5) * np.sqrt(12 * len(z)) < 5)
    assert np.all(np.abs(((uniform - 0.5) ** 2).mean(0) - 1 / 12) * np.sqrt(180 * len(z)) < 5)


def test_posterior_draws_have_the_posterior_means(posterior):
    z = posterior.sample(100_000, rng=2)
    errors = z.std(0) / np.sqrt(len(z))
    assert np.all(np.abs(z.mean(0) - posterior.mean) / errors < 5)
    tau = np.exp(z[:, 1])
    assert abs(tau.mean() - posterior.mean_tau) / tau.std() * np.sqrt(len(z)) < 5


def test_posterior_draws_of_tau_have_its_distribution(posterior):
    """Largest distance of the empirical CDF from the exact one: 1.95 / sqrt(n) is its 99.9% point."""
    marginal, n = posterior._marginal, 100_000
    log_tau = np.sort(posterior.sample(n, rng=3)[:, 1])
    exact = np.interp(log_tau, marginal.log_tau, np.cumsum(marginal.weights) - marginal.weights / 2)
    assert np.max(np.abs(exact - (np.arange(n) + 0.5) / n)) < 1.95 / np.sqrt(n)


def test_draws_and_density_belong_together(posterior):
    """E[g(z) / p(z | y)] = 1 over posterior draws, for any normalised g that is narrower than the posterior."""
    z = posterior.sample(50_000, rng=4)
    mu, log_tau, theta = z[:, :1], z[:, 1:2], z[:, 2:]
    precision = 1 / STANDARD_ERRORS**2 + np.exp(-2 * log_tau)
    centre = (EFFECTS / STANDARD_ERRORS**2 + mu * np.exp(-2 * log_tau)) / precision
    log_g = norm.logpdf(mu, 4.4, 2.0)[:, 0] + norm.logpdf(log_tau, 0.8, 0.7)[:, 0]
    log_g += norm.logpdf(theta, centre, 0.9 / np.sqrt(precision)).sum(1)
    ratio = np.exp(log_g - posterior.log_prob(z))
    error = ratio.std() / np.sqrt(len(z))
    assert abs(ratio.mean() - 1) / error < 5
    assert error < 0.02  # the test can see


def test_within_a_cell_the_density_is_linear():
    marginal = eight_schools._Marginal(0.5)
    draws = marginal.draw(np.linspace(0, 1, 200_001)[1:-1])
    assert np.all(np.diff(draws) >= 0)
    cell = np.argmax(marginal.weights)
    inside = draws[(draws >= marginal.log_tau[cell]) & (draws < marginal.log_tau[cell + 1])]
    a, b = marginal.weights[cell : cell + 2]
    fraction = (inside - marginal.log_tau[cell]) / 0.5
    assert fraction.mean() == pytest.approx((a / 6 + b / 3) / ((a + b) / 2), abs=1e-4)
