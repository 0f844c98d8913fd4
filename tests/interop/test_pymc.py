"""PyMC models as targets: closed forms, Jacobians and names of PyMC's own transforms, eight schools."""

import math
import sys

import numpy as np
import pytest
from scipy import stats

import varinf as vi
from varinf.models.eight_schools import EFFECTS, STANDARD_ERRORS

pymc = pytest.importorskip("pymc")

import pytensor  # noqa: E402
import pytensor.tensor as pt  # noqa: E402

from varinf.interop.pymc import target_from_pymc  # noqa: E402

PRECISION = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 3.0]])
CENTRE = np.array([1.0, -2.0, 0.5])
QUICK = "FAST_COMPILE"  # to be compiled, not to be run


def test_a_normal_density_has_the_derivatives_of_its_closed_form():
    with pymc.Model() as model:
        pymc.MvNormal("x", CENTRE, tau=PRECISION)
    target = target_from_pymc(model, hessian=True, mode=QUICK).check(rng=0)
    x, v = np.random.default_rng(0).normal(size=(2, 7, 3))
    value, gradient = target.value_and_gradient(x)
    exact = stats.multivariate_normal(CENTRE, np.linalg.inv(PRECISION)).logpdf(x)
    np.testing.assert_allclose(value, exact, rtol=0, atol=1e-10)
    np.testing.assert_allclose(target.log_prob(x), exact, rtol=0, atol=1e-10)
    np.testing.assert_allclose(gradient, (CENTRE - x) @ PRECISION, rtol=0, atol=1e-10)
    np.testing.assert_allclose(target.hessian_product(x, v), -v @ PRECISION, rtol=0, atol=1e-10)
    assert target.names == ("x[0]", "x[1]", "x[2]")


def test_free_coordinates_are_value_variables_and_draws_are_the_models_variables():
    """Density, Jacobian and the way back, each by hand."""
    with pymc.Model() as model:
        scale = pymc.HalfNormal("scale", 1.0, shape=2)
        share = pymc.Dirichlet("share", np.array([1.0, 2.0, 3.0]))
        pymc.Deterministic("ratio", scale[0] / scale[1])
        pymc.Deterministic("fixed", pt.as_tensor([1.0, 2.0]))
        pymc.Deterministic("last", share[-1])
    target = target_from_pymc(model, mode=QUICK).check(rng=0)
    assert target.names == ("scale_log__[0]", "scale_log__[1]", "share_simplex__[0]", "share_simplex__[1]")
    z = np.random.default_rng(1).normal(size=(5, 4))
    found = target.named(target.constrain(z))
    assert {name: x.shape for name, x in found.items()} == {
        "scale": (5, 2),
        "share": (5, 3),
        "ratio": (5,),
        "fixed": (5, 2),
        "last": (5,),
    }
    np.testing.assert_allclose(found["scale"], np.exp(z[:, :2]), rtol=1e-12)
    np.testing.assert_allclose(found["ratio"], np.exp(z[:, 0] - z[:, 1]), rtol=1e-12)
    np.testing.assert_allclose(found["share"].sum(1), 1, rtol=1e-12)
    assert found["fixed"].tolist() == [[1.0, 2.0]] * 5
    np.testing.assert_array_equal(found["last"], found["share"][:, 2])
    # PyMC's simplex is a softmax of numbers that sum to zero: the Jacobian is the product of the shares, times 3.
    half_normal = stats.halfnorm.logpdf(found["scale"]).sum(1) + z[:, :2].sum(1)
    dirichlet = math.log(60) + np.log(found["share"]) @ [0, 1, 2]  # Gamma(6) / (Gamma(1) Gamma(2) Gamma(3)) = 60
    exact = half_normal + dirichlet + np.log(found["share"]).sum(1) + math.log(3)
    np.testing.assert_allclose(target.log_prob(z), exact, rtol=0, atol=1e-10)


def test_many_leading_axes_keep_their_shape():
    with pymc.Model() as model:
        pymc.Normal("x", shape=(2, 2))
    target = target_from_pymc(model, mode=QUICK)
    assert target.named(np.zeros((3, 5, 4)))["x"].shape == (3, 5, 2, 2)


def test_discrete_free_variables_are_refused():
    with pymc.Model() as model:
        pymc.Normal("x")
        pymc.Poisson("count", 3.0)
    with pytest.raises(ValueError, match=r"discrete free variables, \['count'\].*Sum them out"):
        vi.Target.from_pymc(model)


def test_a_model_of_nothing_is_refused():
    with pymc.Model() as model:
        pymc.Normal("x", observed=1.0)
    with pytest.raises(ValueError, match="no free variables"):
        vi.Target.from_pymc(model)


def test_a_model_without_second_derivatives_is_fitted_by_differences():
    class Slope(pytensor.scalar.UnaryScalarOp):
        """-x, of which no derivative is known."""

        def impl(self, x):
            return -x

    class Half(pytensor.scalar.UnaryScalarOp):
        """-x²/2."""

        def impl(self, x):
            return -x * x / 2

        def L_op(self, inputs, outputs, gradients):
            return [gradients[0] * Slope(pytensor.scalar.upgrade_to_float, name="slope")(inputs[0])]

    half = pt.elemwise.Elemwise(Half(pytensor.scalar.upgrade_to_float, name="half"))
    with pymc.Model() as model:
        x = pymc.Flat("x")
        pymc.Potential("half", half(x))
    target = target_from_pymc(model, hessian=True, mode=QUICK).check(rng=0)
    assert target.has_gradient and not target.has_hessian_product
    fit = vi.fit(target, rng=0)
    assert fit.converged
    np.testing.assert_allclose(fit.elbo.value, math.log(2 * math.pi) / 2, rtol=0, atol=1e-6)


def test_eight_schools():
    """Moments and evidence by quadrature, from a fit and its weights; draws are in the model's own variables."""
    schools = vi.models.EightSchools()
    with pymc.Model() as model:
        mu, tau = pymc.Normal("mu", 0, 5), pymc.HalfCauchy("tau", 5)
        theta_tilde = pymc.Normal("theta_tilde", shape=8)
        theta = pymc.Deterministic("theta", mu + tau * theta_tilde)
        pymc.Normal("y", theta, STANDARD_ERRORS, observed=EFFECTS)
    target = vi.Target.from_pymc(model)
    target.check(rng=0)
    fit = vi.fit(target, family="full", rng=0)
    assert fit.converged
    draws = fit.sample(4000, rng=1)
    assert set(draws) == {"mu", "tau", "theta_tilde", "theta"}
    np.testing.assert_allclose(
        draws["theta"], draws["mu"][:, None] + draws["tau"][:, None] * draws["theta_tilde"], rtol=1e-12, atol=1e-12
    )
    assert draws["tau"].min() > 0
    d = vi.diagnose(fit, rng=3)  # in the model's own variables, too
    tau_at = d.names.index("tau")
    assert d.trusted and abs(d.mean[tau_at] - 3.5977) < 5 * d.stderr[tau_at]
    assert abs(draws["mu"].mean() - 4.3968) < 0.3 * draws["mu"].std()
    assert fit.elbo.value < schools.log_evidence()
    z, log_w = fit.weighted_draws(50_000, rng=2)
    weights = vi.importance_weights(log_w)
    weighted = target.named(target.constrain(z))
    assert abs(weights @ weighted["mu"] - 4.3968) < 0.15
    assert abs(weights @ weighted["tau"] - 3.5977) < 0.25  # where q's own mean is too low by 0.5
    assert abs(vi.iwelbo(log_w).value - schools.log_evidence()) < 0.05


def test_without_the_library_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymc", None)
    monkeypatch.delitem(sys.modules, "varinf.interop.pymc", raising=False)
    with pytest.raises(ImportError, match=r'pip install "varinf\[pymc\]"'):
        vi.Target.from_pymc(None)
