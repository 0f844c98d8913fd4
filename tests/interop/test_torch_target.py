"""Log densities in torch as targets: closed forms, functions that cannot be mapped, fits."""

import sys

import numpy as np
import pytest

import varinf as vi

torch = pytest.importorskip("torch")

from varinf.interop.torch_target import BLOCK  # noqa: E402

# torch's own use of it, for forward-mode derivatives.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

PRECISION = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 3.0]])
CENTRE = np.array([1.0, -2.0, 0.5])


def normal(x):
    moved = x - torch.tensor(CENTRE)
    return -moved @ torch.tensor(PRECISION) @ moved / 2


def normals(x):
    moved = x - torch.tensor(CENTRE)
    return -((moved @ torch.tensor(PRECISION)) * moved).sum(-1) / 2


@pytest.mark.parametrize(("f", "batched"), [(normal, False), (normals, True)])
@pytest.mark.parametrize("rows", [1, 7, BLOCK + 3])
def test_a_normal_density_has_the_derivatives_of_its_closed_form(f, batched, rows):
    """In blocks or not: each row its own, in the precision of float64."""
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, rows, 3))
    target = vi.Target.from_torch(f, 3, batched=batched)
    value, gradient = target.value_and_gradient(x)
    moved = x - CENTRE
    np.testing.assert_allclose(value, -np.sum(moved @ PRECISION * moved, axis=1) / 2, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(target.log_prob(x), value, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(gradient, -moved @ PRECISION, rtol=0, atol=1e-10)
    np.testing.assert_allclose(target.hessian_product(x, v), -v @ PRECISION, rtol=0, atol=1e-10)
    assert target.has_gradient and target.has_hessian_product


def test_derivatives_of_a_function_with_curvature():
    """Hessian products against differences of the gradient, through torch's own distributions."""

    def f(x):
        loc, log_scale, rate = x
        data = torch.tensor([1.0, 2.0, 4.0], dtype=x.dtype)
        log_p = torch.distributions.Normal(loc, log_scale.exp(), validate_args=False).log_prob(data).sum()
        return log_p - torch.nn.functional.softplus(rate) - rate**2 / 2 + torch.lgamma(1 + rate**2)

    target = vi.Target.from_torch(f, 3, names=["loc", "log_scale", "rate"]).check(rng=0)
    z, v = np.random.default_rng(1).normal(size=(2, 4, 3))
    above, below = (target.value_and_gradient(z + sign * 1e-5 * v)[1] for sign in (1, -1))
    np.testing.assert_allclose(target.hessian_product(z, v), (above - below) / 2e-5, rtol=1e-6, atol=1e-6)


def test_parameters_of_the_function_get_no_gradients():
    weight = torch.ones(2, dtype=torch.float64, requires_grad=True)
    target = vi.Target.from_torch(lambda x: -(weight * x**2).sum(), 2).check(rng=0)
    assert target.value_and_gradient(np.ones((1, 2)))[1].tolist() == [[-2.0, -2.0]]
    assert weight.grad is None


def test_a_function_that_cannot_be_mapped_says_what_to_do():
    def f(x):
        return -(x @ x) if x[0] > 0 else -2 * (x @ x)

    with pytest.raises(ValueError, match=r"give batched=True; or take out of it what looks at values"):
        vi.Target.from_torch(f, 2).log_prob(np.ones((3, 2)))


def test_errors_of_the_function_stay_its_own():
    def f(x):
        return x @ torch.ones(5, dtype=x.dtype)

    with pytest.raises(RuntimeError, match="size"):
        vi.Target.from_torch(f, 2).log_prob(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("f", "batched", "said"),
    [
        (lambda x: x, False, r"returned \(2,\); it must be a number"),
        (lambda x: x.sum(), True, r"returned \(\); it must be \(S,\)"),
        (lambda x: 0.0, True, "float"),
    ],
)
def test_what_is_no_number_for_each_vector_is_refused(f, batched, said):
    with pytest.raises(ValueError, match=said):
        vi.Target.from_torch(f, 2, batched=batched).log_prob(np.ones((3, 2)))


@pytest.mark.parametrize("batched", [False, True])
def test_logistic_regression(batched):
    """The same fit as from a gradient by hand, by the same draws."""
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(150), rng.normal(size=(150, 3))])
    y = (rng.random(150) < 1 / (1 + np.exp(-X @ [0.5, 1.0, -1.0, 0.0]))).astype(float)
    X_, y_ = torch.tensor(X), torch.tensor(y)

    def f(b):  # of one vector or of many
        logits = b @ X_.T
        return (y_ * logits - torch.nn.functional.softplus(logits)).sum(-1) - (b**2).sum(-1) / 2

    def log_prob(b):
        logits = b @ X.T
        return np.sum(y * logits - np.logaddexp(0, logits), axis=1) - np.sum(b**2, axis=1) / 2

    def gradient(b):
        return (y - 1 / (1 + np.exp(-b @ X.T))) @ X - b

    target = vi.Target.from_torch(f, X.shape[1], batched=batched)
    target.check(rng=0)
    fit = vi.fit(target, family="full", rng=0)
    by_hand = vi.fit(vi.Target(log_prob, X.shape[1], gradient=gradient), family="full", rng=0)
    assert fit.converged and by_hand.converged
    # Both end where the gradient is below 1e-6 in standard deviations.
    np.testing.assert_allclose(fit.q.loc, by_hand.q.loc, rtol=0, atol=1e-5)
    np.testing.assert_allclose(fit.q.covariance, by_hand.q.covariance, rtol=0, atol=1e-5)


def test_without_the_library_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "varinf.interop.torch_target", raising=False)
    with pytest.raises(ImportError, match=r'pip install "varinf\[torch\]"'):
        vi.Target.from_torch(normal, 3)
