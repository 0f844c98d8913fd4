"""Pictures of fits and of their diagnoses: what they show, and that they say what they leave out."""

import numpy as np
import pytest
from targets import banana, diabetes_regression

import varinf as vi

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def fit():
    return vi.fit(diabetes_regression()[0], rng=0)


def test_a_fit_shows_its_way_and_the_elbo_with_its_error(fit):
    (axes,) = vi.plot(fit).axes
    way, elbo = axes.get_lines()
    assert list(way.get_ydata()) == [step.objective for step in fit.history]
    assert elbo.get_ydata()[0] == fit.elbo.value
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert band.y1 - band.y0 == pytest.approx(2 * 1.96 * fit.elbo.stderr)
    assert axes.get_title() == "diagonal fit, deterministic: converged"
    assert axes.get_ylim()[0] > fit.history[0].objective  # cut off, and named
    assert [text.get_text() for text in axes.texts] == [f"objective from {fit.history[0].objective:.4g}"]


def test_stochastic_and_failed_fits_have_pictures_too():
    stochastic = vi.fit(banana(2), "full", "stochastic", max_steps=2000, rng=0)
    assert vi.plot(stochastic).axes[0].get_xlabel() == "level, each of half the step size"
    nowhere = vi.fit(vi.Target(lambda z: np.full(len(z), -np.inf), 2, gradient=lambda z: 0 * z), rng=0)
    assert vi.plot(nowhere).axes[0].get_title().endswith("NOT converged")


def test_a_diagnosis_shows_q_beside_what_it_is_corrected_to(fit):
    d = vi.diagnose(fit, rng=1)
    (axes,) = vi.plot(d).axes
    q, corrected = axes.containers
    np.testing.assert_array_equal(q.lines[0].get_ydata(), d.q_mean)
    np.testing.assert_array_equal(corrected.lines[0].get_ydata(), d.mean)
    low, high = corrected.lines[2][0].get_segments()[3][:, 1]
    assert (low + high) / 2 == pytest.approx(d.mean[3]) and (high - low) / 2 == pytest.approx(d.sd[3])
    assert [label.get_text() for label in axes.get_xticklabels()] == list(d.names)
    assert axes.get_title() == f"k_hat {d.k_hat:.2f} > 0.70: not to be trusted"


def test_of_many_parameters_the_first_twelve_are_shown_and_the_others_counted():
    target = vi.Target(lambda z: -np.sum(z * z, axis=1) / 2, 14, gradient=lambda z: -z)
    (axes,) = vi.plot(vi.diagnose(vi.fit(target, rng=0), rng=1)).axes
    assert len(axes.get_xticklabels()) == 12 and axes.get_title().endswith("to be trusted, the first 12 of 14")
