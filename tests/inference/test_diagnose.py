"""Verdicts on a hard set, where q is known to be right or wrong; moments against exact ones; other modes found."""

import numpy as np
import pytest
from hard import autoregressive, bent, cauchy, funnel, schools, two_modes
from targets import normal

import varinf as vi
from varinf.inference.target import Target
from varinf.models.eight_schools import EightSchools


def diagnosed(target, family="full", restarts=0, **options):
    fit = vi.fit(target, family, rng=0, **options)
    return fit, vi.diagnose(fit, restarts=restarts, rng=1)


@pytest.mark.parametrize(
    ("target", "family", "trusted"),
    [
        (funnel(), "diagonal", False),
        (funnel(), "full", False),
        (bent(), "full", False),
        (cauchy(), "diagonal", False),
        (cauchy(), "student_t:1.5", True),
        (two_modes(3), "full", True),
        (autoregressive(40)[0], "diagonal", False),
        (autoregressive(40)[0], "full", True),
        (schools(centred=True), "diagonal", False),
        (schools(centred=False), "full", True),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_verdicts(target, family, trusted):
    target.check(rng=0)
    fit, d = diagnosed(target, family)
    assert fit.converged and np.isfinite(fit.elbo.value), fit.reason
    assert d.trusted is trusted, str(d)
    assert (d.k_hat <= d.threshold) is trusted
    assert ("Do not trust" in d.advice) is not trusted and ("as far as q reaches" in d.advice) is trusted


def test_reweighting_mends_what_q_has_wrong():
    """Eight schools: corrected means and standard deviations against exact draws, whose errors are added."""
    fit, d = diagnosed(schools(centred=False), draws=None)
    model = EightSchools()
    exact = model.posterior().sample(200_000, rng=3)
    z, log_w = fit.weighted_draws(200_000, rng=2)
    tau = np.exp(z[:, 1])
    w = np.exp(vi.psis(log_w).log_weights - np.max(log_w))
    w /= w.sum()
    for values, truth in ((z[:, 0], model.posterior().mean[0]), (tau, model.posterior().mean_tau)):
        error = np.sqrt(w**2 @ (values - w @ values) ** 2)
        assert abs(w @ values - truth) < 5 * error and 5 * error < 0.35  # a tenth of a standard deviation, or so
    assert abs(d.sd[0] / exact[:, 0].std() - 1) < 0.1
    assert abs(d.log_evidence.value - model.log_evidence()) < 5 * d.log_evidence.stderr + 0.01


def test_modes_that_weights_cannot_see_are_found_by_restarts():
    target = two_modes(20)
    fit, blind = diagnosed(target)
    assert blind.trusted and "Other modes were not looked for" in blind.advice
    assert fit.elbo.value == pytest.approx(np.log(0.5), abs=1e-6)  # half of the mass, and no weight tells
    _, seeing = diagnosed(target, restarts=8)
    assert not seeing.trusted and len(seeing.optima) == 2 and "other optima" in seeing.advice
    assert sum(optimum.count for optimum in seeing.optima) == 9
    centres = sorted(float(optimum.q.loc[0]) for optimum in seeing.optima)
    np.testing.assert_allclose(centres, [-10, 10], atol=1e-3)


def test_a_better_optimum_elsewhere_is_told():
    """Modes with masses 1 and e^8: the fit starts in the lesser."""

    def log_prob(z):
        return np.logaddexp(-((z[:, 0] - 8) ** 2) / 2, 8 - ((z[:, 0] + 8) ** 2) / 2)

    fit = vi.fit(Target(log_prob, 1), start=[8.0], rng=0)
    d = vi.diagnose(fit, restarts=6, rng=1)
    assert fit.q.loc[0] == pytest.approx(8, abs=1e-3) and not d.trusted
    assert d.optima[0].q.loc[0] == pytest.approx(-8, abs=1e-3) and "higher ELBO" in d.advice


def test_one_optimum_however_far_the_starts():
    _, d = diagnosed(normal(4)[0], restarts=6)
    assert d.trusted and len(d.optima) == 1 and d.optima[0].count == 7 and "found no other optimum" in d.advice


def test_constrained_moments_by_name():
    target = Target(
        lambda x: 2 * np.log(x[:, 0]) - x[:, 0] - x[:, 1] ** 2 / 2,
        2,
        names=["rate", "shift"],
        transforms={"rate": "positive"},
    )
    _, d = diagnosed(target)
    assert d.names == ("rate", "shift") and "rate" in str(d)
    assert np.all(np.abs(d.mean - [3, 0]) < 5 * d.stderr) and d.sd[0] == pytest.approx(3**0.5, rel=0.1)


def test_what_has_not_converged_is_said_first():
    fit = vi.fit(normal(3)[0], method="stochastic", max_steps=50, rng=0)
    d = vi.diagnose(fit, rng=1)
    assert not d.trusted and "has not converged" in d.advice


def test_nothing_finite():
    fit = vi.fit(Target(lambda z: np.full(len(z), np.nan), 2), rng=0)
    d = vi.diagnose(fit, rng=1)
    assert not d.trusted and d.effective_draws == 0 and np.isnan(d.mean).all() and "nan" in str(d)


def test_text_fits_a_terminal():
    target = normal(15)[0]
    text = str(diagnosed(target, restarts=2)[1])
    assert "... and 3 more" in text and max(map(len, text.splitlines())) <= 80


def test_errors():
    with pytest.raises(TypeError, match=r"give the result of vi\.fit"):
        vi.diagnose(3)
    with pytest.raises(ValueError, match="draws=0"):
        vi.diagnose(vi.fit(normal(2)[0], rng=0), draws=0)


@pytest.mark.slow  # a minute: 1,000 coordinates with correlations, and 10,000 without
def test_many_coordinates():
    target, precision = autoregressive(1000)
    fit, d = diagnosed(target, "diagonal", draws=64)
    best = np.linalg.slogdet(precision)[1] / 2 - np.sum(np.log(np.diagonal(precision))) / 2  # ELBO less log normaliser
    log_normaliser = 500 * np.log(2 * np.pi) - np.linalg.slogdet(precision)[1] / 2
    assert fit.converged and not d.trusted and fit.elbo.value < log_normaliser + best + 5 * fit.elbo.stderr
    scales = np.geomspace(1e-3, 1e3, 10_000)
    target = Target(lambda z: -np.sum((z / scales) ** 2, axis=1) / 2, 10_000, gradient=lambda z: -z / scales**2)
    fit, d = diagnosed(target, "diagonal")
    np.testing.assert_allclose(fit.q.scale, scales, rtol=1e-6)
    assert d.trusted
