"""Definition 1 to rounding, and proof that the residual sees a wrong sign in any one term."""

import sys

import numpy as np
import pytest

from varinf.datasets import diabetes, digits
from varinf.divergences.kl import kl
from varinf.evidence.identity import Identity, identity
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal
from varinf.families.student_t import StudentT
from varinf.models import EightSchools, LinearGaussian, LinearRegression, NormalNormal

RNG = np.random.default_rng(0)
X = digits(raw=True)[:300]
MODELS = {
    "normal_normal": (NormalNormal(RNG.normal(size=3), [0.5, 1.0, 4.0], [1.0, 0.1, 2.0]), RNG.normal(size=(50, 3))),
    "linear_gaussian": (LinearGaussian(5).fit(X), X),
    "linear_regression": (LinearRegression(*diabetes(), noise_variance=0.5), None),
}


def guide(name, kind):
    """A q that is not the posterior, though near enough for every part to count."""
    model, x = MODELS[name]
    batch, dim = (() if x is None else (len(x),)), model.latent_dim
    rng = np.random.default_rng(1)
    loc = model.posterior(x).loc + rng.normal(size=(*batch, dim))
    scale = np.exp(0.3 * rng.normal(size=(*batch, dim)))
    root = 0.4 * rng.normal(size=(*batch, dim, dim))
    return {
        "diagonal": lambda: DiagonalNormal(loc, scale),
        "full": lambda: FullNormal(loc, covariance=root @ np.swapaxes(root, -1, -2) + 0.3 * np.eye(dim)),
        "low_rank": lambda: LowRankNormal(loc, root[..., :2], scale),
        "mean_field": lambda: model.mean_field(x),
        "posterior": lambda: model.posterior(x),
    }[kind]()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", ["diagonal", "full", "low_rank", "mean_field", "posterior"])
def test_definition_1_holds_to_rounding(name, kind):
    parts = identity(*MODELS[name], guide(name, kind))
    assert parts.relative_residual < 1e-10
    assert np.all(parts.kl > -1e-10)
    if kind == "posterior":  # Theorem 1: tight
        np.testing.assert_allclose(parts.elbo, parts.log_evidence, rtol=1e-10)


class WithOneSignWrong:
    """A model whose named term enters with the wrong sign; everything else is the model's own."""

    def __init__(self, model, term):
        self._model, self._term = model, term

    def __getattr__(self, name):
        return getattr(self._model, name)

    def log_evidence(self, x):
        return self._model.log_evidence(x) * (-1 if self._term == "log evidence" else 1)

    def expected_log_joint(self, x, q):
        joint, likelihood = self._model.expected_log_joint(x, q), self._model.expected_log_likelihood(x, q)
        wrong = {"likelihood": likelihood, "prior": joint - likelihood, "entropy": q.entropy()}
        return joint - 2 * wrong.get(self._term, 0.0)

    def posterior(self, x):
        return self._model.posterior(x)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("term", ["log evidence", "likelihood", "prior", "entropy", "kl", "none"])
def test_a_flipped_sign_in_any_term_is_seen(name, term, monkeypatch):
    model, x = MODELS[name]
    if term == "kl":
        monkeypatch.setattr(sys.modules["varinf.evidence.identity"], "kl", lambda q, p: -kl(q, p))
    parts = identity(WithOneSignWrong(model, term), x, guide(name, "diagonal"))
    assert (parts.relative_residual < 1e-10) == (term == "none")
    assert term == "none" or np.min(np.abs(parts.residual)) > 1e-3


def test_the_identity_indexes_and_prints():
    parts = identity(*MODELS["linear_gaussian"], guide("linear_gaussian", "diagonal"))
    assert len(parts) == 300
    assert parts[3].residual == parts.residual[3]
    assert len(parts[:10]) == 10
    text = str(parts)
    assert "mean of 300" in text
    assert f"{np.mean(parts.elbo):.10f}" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "residual" in str(parts[0])
    assert "largest" not in str(parts[0])
    with pytest.raises(TypeError, match="single datum"):
        len(parts[0])


def test_diabetes_reference_values():
    model, _ = MODELS["linear_regression"]
    parts = identity(model, None, model.mean_field())
    assert parts.elbo == pytest.approx(-500.404720458, abs=1e-8)
    assert parts.kl == pytest.approx(3.805530514, abs=1e-8)


def test_what_has_no_closed_form_says_what_to_do():
    schools = EightSchools()
    q = DiagonalNormal.standard(10)
    with pytest.raises(TypeError, match=r"EightSchools has no expected_log_joint.*sandwich"):
        identity(schools, None, q)
    model, x = MODELS["linear_gaussian"]
    with pytest.raises(NotImplementedError, match="StudentT"):
        identity(model, x, StudentT(5.0, np.zeros((300, 5)), np.ones((300, 5))))
    with pytest.raises(TypeError, match="q=3: use a family"):
        identity(model, x, 3)
    with pytest.raises(ValueError, match=r"q has batch shape \(\), but log p\(x\) has shape \(300,\)"):
        identity(model, x, DiagonalNormal.standard(5))


def test_residual_keeps_its_sign():
    assert Identity(1.0, 0.5, 0.25).residual == 0.25
