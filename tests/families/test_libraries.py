"""The families and divergences on the arrays of other libraries: values as on NumPy, gradients as by differences."""

import array_api_strict
import numpy as np
import pytest

from varinf.divergences.kl import kl, kl_and_gradient
from varinf.divergences.renyi import renyi_divergence
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal
from varinf.families.mixture import Mixture
from varinf.families.student_t import StudentT

RNG = np.random.default_rng(0)
LOC, SCALE, FACTOR = RNG.normal(size=(2, 3)), RNG.uniform(0.5, 2, (2, 3)), RNG.normal(size=(2, 3, 2))
TRIL = np.tril(RNG.normal(size=(2, 3, 3)), k=-1) + np.eye(3) * SCALE[..., None]
Z = RNG.normal(size=(4, 2, 3))

# Each builds a family from arrays that `a` has brought into a library.
NORMALS = {
    "diagonal": lambda a: DiagonalNormal(a(LOC), a(SCALE)),
    "log_variance": lambda a: DiagonalNormal.from_log_variance(a(LOC), a(np.log(SCALE))),
    "full": lambda a: FullNormal(a(LOC), a(TRIL)),
    "covariance": lambda a: FullNormal(a(LOC), covariance=a(TRIL @ np.swapaxes(TRIL, 1, 2))),
    "low_rank": lambda a: LowRankNormal(a(LOC), a(FACTOR), a(SCALE)),
}
OTHERS = {
    "categorical": lambda a: Categorical(logits=a(LOC)),
    "mixture": lambda a: Mixture(a([[0.25, 0.75]]), DiagonalNormal(a(LOC[None]), a(SCALE[None]))),
}


def strict(x):
    return array_api_strict.asarray(np.asarray(x))


def same(x):
    return np.asarray(x, dtype=np.float64)


@pytest.fixture(params=["strict", "torch", "jax"])
def library(request):
    """(arrays into the library, out of it)."""
    if request.param == "strict":
        yield strict, np.asarray
    elif request.param == "torch":
        torch = pytest.importorskip("torch")
        yield lambda x: torch.as_tensor(same(x)), lambda x: x.detach().numpy()
    else:
        jax = pytest.importorskip("jax")
        with jax.enable_x64(True):
            yield lambda x: jax.numpy.asarray(same(x)), np.asarray


@pytest.mark.parametrize("name", NORMALS)
def test_normals(library, name):
    to, back = library
    q, expected = NORMALS[name](to), NORMALS[name](same)
    for x in (q.entropy(), q.log_prob(to(Z)), q.variance, q.covariance, q.scale_tril):
        assert type(x) is type(to(Z))
    np.testing.assert_allclose(back(q.log_prob(to(Z))), expected.log_prob(Z), rtol=1e-11)
    np.testing.assert_allclose(back(expected.log_prob(to(Z))), expected.log_prob(Z), rtol=1e-11)  # NumPy follows z
    np.testing.assert_allclose(back(q.log_prob(Z)), expected.log_prob(Z), rtol=1e-11)  # and z the parameters
    np.testing.assert_allclose(back(q.entropy()), expected.entropy(), rtol=1e-12)
    np.testing.assert_allclose(back(q.covariance), expected.covariance, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(back(q[1].log_prob(to(Z[:, 1]))), expected.log_prob(Z)[:, 1], rtol=1e-11)
    noise = np.ones((5, 2, q.noise_dim))
    np.testing.assert_allclose(back(q.transform(to(noise))), expected.transform(noise), rtol=1e-12)
    with pytest.raises(IndexError):
        q[2]  # JAX would clamp it
    with pytest.raises(TypeError, match=r"bring your own draws, q\.transform\(noise\).*\(n, 2, "):
        q.sample(3, rng=0)
    with pytest.raises(TypeError, match="bring your own draws"):
        q.sample_and_log_prob(3, rng=0)


@pytest.mark.parametrize("name", NORMALS)
def test_divergences_of_normals(library, name):
    to, back = library
    q, expected = NORMALS[name](to), NORMALS[name](same)
    others = [(NORMALS[other](to), NORMALS[other](same)) for other in ("diagonal", "log_variance", "full")]
    for p, p_expected in [*others, (others[2][0][0], others[2][1][0])]:
        np.testing.assert_allclose(back(kl(q, p)), kl(expected, p_expected), rtol=1e-10, atol=1e-12)
        value = renyi_divergence(q, p, 0.5)
        np.testing.assert_allclose(back(value), renyi_divergence(expected, p_expected, 0.5), rtol=1e-9, atol=1e-12)
    p = DiagonalNormal.standard(3)
    np.testing.assert_allclose(back(kl(q, p)), kl(expected, p), rtol=1e-11)
    if name != "low_rank":
        value, gradient = kl_and_gradient(q, p)
        _, wanted = kl_and_gradient(expected, p)
        np.testing.assert_allclose(back(value), kl(expected, p), rtol=1e-11)
        for got, want in zip(gradient, wanted, strict=True):
            np.testing.assert_allclose(back(got), want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", OTHERS)
def test_other_families(library, name):
    to, back = library
    q, expected = OTHERS[name](to), OTHERS[name](same)
    z = {"categorical": np.array([[0, 2], [1, 3]]), "mixture": Z[:, :1]}.get(name, Z)
    np.testing.assert_allclose(back(q.log_prob(to(z))), expected.log_prob(z), rtol=1e-11)
    np.testing.assert_allclose(back(q.variance), expected.variance, rtol=1e-12)
    if name != "mixture":
        np.testing.assert_allclose(back(q.entropy()), expected.entropy(), rtol=1e-11)
    if name == "categorical":
        np.testing.assert_allclose(back(kl(q, q[0])), kl(expected, expected[0]), rtol=1e-11, atol=1e-15)
    with pytest.raises(TypeError, match="bring your own draws"):
        q.sample(3)


@pytest.mark.parametrize("library", ["torch", "jax"], indirect=True)  # the standard has no gammaln
def test_student(library):
    to, back = library
    q, expected = StudentT(3.0, to(LOC), to(SCALE)), StudentT(3.0, LOC, SCALE)
    np.testing.assert_allclose(back(q.log_prob(to(Z))), expected.log_prob(Z), rtol=1e-11)
    np.testing.assert_allclose(back(q.entropy()), expected.entropy(), rtol=1e-11)
    np.testing.assert_allclose(back(q.variance), expected.variance, rtol=1e-12)
    with pytest.raises(TypeError, match="bring your own draws"):
        q.sample(3)


def _sum_of_everything(build, to):
    """A scalar that uses density, entropy, KL and Rényi; differentiable where the library differentiates."""
    q = build(to)
    value = q.log_prob(to(Z)).sum() + q.entropy().sum()
    if isinstance(q, DiagonalNormal | FullNormal | LowRankNormal):
        value = value + kl(q, DiagonalNormal.standard(3)).sum() + renyi_divergence(q, q[0], 0.5).sum()
        value = value + q.transform(to(np.ones((2, q.noise_dim)))).sum()
    return value


CASES = {
    "diagonal": (lambda loc, scale: DiagonalNormal(loc, scale), LOC, SCALE),
    "log_variance": (lambda loc, scale: DiagonalNormal.from_log_variance(loc, scale), LOC, SCALE),
    "full": (lambda loc, tril: FullNormal(loc, tril), LOC, TRIL),
    "covariance": (lambda loc, tril: FullNormal(loc, covariance=tril @ tril.swapaxes(1, 2)), LOC, TRIL),
    "low_rank": (lambda loc, factor: LowRankNormal(loc, factor, SCALE), LOC, FACTOR),
    "low_rank_beside_small_scales": (lambda loc, factor: LowRankNormal(loc, factor, 1e-3 * SCALE), LOC, FACTOR),
    "student": (lambda loc, scale: StudentT(3.0, loc, scale), LOC, SCALE),
}


@pytest.mark.parametrize("library_name", ["torch", "jax"])
@pytest.mark.parametrize("name", CASES)
def test_gradients(library_name, name):
    """Reverse mode against differences of NumPy's values along a random direction."""
    make, *at = CASES[name]
    rng = np.random.default_rng(1)
    directions = [rng.normal(size=x.shape) for x in at]
    if at[1] is TRIL:
        directions[1] = np.tril(directions[1])

    def numeric(h):
        moved = [[x + s * d for x, d in zip(at, directions, strict=True)] for s in (h, -h)]
        return np.subtract(*[_sum_of_everything(lambda to, m=m: make(*m), same) for m in moved]) / (2 * h)

    expected = (4 * numeric(5e-4) - numeric(1e-3)) / 3
    if library_name == "torch":
        torch = pytest.importorskip("torch")
        leaves = [torch.tensor(x, requires_grad=True) for x in at]
        _sum_of_everything(lambda to: make(*leaves), torch.as_tensor).backward()
        gradients = [x.grad.numpy() for x in leaves]
    else:
        jax = pytest.importorskip("jax")
        with jax.enable_x64(True):
            gradient = jax.grad(lambda *x: _sum_of_everything(lambda to: make(*x), jax.numpy.asarray), (0, 1))
            gradients = jax.jit(gradient)(*map(jax.numpy.asarray, at))
    total = sum(float((np.asarray(g) * d).sum()) for g, d in zip(gradients, directions, strict=True))
    assert total == pytest.approx(expected, rel=1e-7)


def test_gradient_of_a_degenerate_pair():
    """q = p: every eigenvalue repeats, where gradients through eigenvectors would be nan."""
    torch = pytest.importorskip("torch")
    tril = torch.eye(3, dtype=torch.float64, requires_grad=True)
    renyi_divergence(FullNormal(torch.zeros(3), tril), FullNormal(torch.zeros(3), torch.eye(3)), 0.5).backward()
    assert torch.all(torch.isfinite(tril.grad)) and torch.all(torch.abs(tril.grad) < 1e-12)


def test_under_jit():
    jax = pytest.importorskip("jax")
    p = DiagonalNormal.standard(3)

    def divergences(loc, log_variance, tril, logits, other):
        q, full = DiagonalNormal.from_log_variance(loc, log_variance), FullNormal(loc, tril)
        choice = kl(Categorical(logits=logits), Categorical(logits=other)).sum()
        return kl(q, p), kl(full, p), kl(full, q), q.log_prob(loc), renyi_divergence(full, q, 0.5), choice

    with jax.enable_x64(True):
        arguments = [jax.numpy.asarray(x) for x in (LOC, 2 * np.log(SCALE), TRIL, LOC, SCALE)]
        for traced, plain in zip(jax.jit(divergences)(*arguments), divergences(*arguments), strict=True):
            np.testing.assert_allclose(traced, plain, rtol=1e-11, atol=1e-13)
        each = jax.vmap(lambda loc, v: kl(DiagonalNormal.from_log_variance(loc, v), p))(*arguments[:2])
        np.testing.assert_allclose(each, divergences(*arguments)[0], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Dynamo detected")  # array_namespace of the reference kernels is cached
def test_under_torch_compile():
    torch = pytest.importorskip("torch")
    p = DiagonalNormal.standard(3)

    def divergence(loc, log_variance):
        return kl(DiagonalNormal.from_log_variance(loc, log_variance), p).sum()

    arguments = [torch.tensor(x, requires_grad=True) for x in (LOC, 2 * np.log(SCALE))]
    # The eager backend traces as the others do and needs no C++ compiler at run time.
    traced = torch.compile(divergence, backend="eager", fullgraph=True)(*arguments)
    traced.backward()
    expected = kl_and_gradient(DiagonalNormal.from_log_variance(LOC, 2 * np.log(SCALE)), p)
    assert float(traced.detach()) == pytest.approx(expected.value.sum(), rel=1e-12)
    for argument, gradient in zip(arguments, expected.gradient, strict=True):
        np.testing.assert_allclose(argument.grad.numpy(), gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.filterwarnings("ignore")  # at a graph break torch warns of its own doings
def test_a_prior_made_inside_torch_compile():
    """NumPy's own parameters break the graph there, but the answer and the gradient are right."""
    torch = pytest.importorskip("torch")

    def divergence(loc):
        return kl(DiagonalNormal(loc, torch.ones_like(loc)), DiagonalNormal.standard(3)).sum()

    loc = torch.tensor(LOC, requires_grad=True)
    torch.compile(divergence, backend="eager")(loc).backward()
    np.testing.assert_allclose(loc.grad.numpy(), LOC, rtol=1e-12)


def test_values_are_checked_in_every_library(library):
    to, _ = library
    with pytest.raises(ValueError, match="scale has 6 values that are not positive"):
        DiagonalNormal(to(LOC), to(-SCALE))
    indefinite = np.stack([np.eye(3), np.diag([1.0, 1.0, -2.0])])
    with pytest.raises(ValueError, match=r"covariance\[1\] is not positive definite: pivot 2 of 3"):
        FullNormal(to(LOC), covariance=to(indefinite))
    with pytest.raises(ValueError, match="above the diagonal"):
        FullNormal(to(LOC), to(np.ones((2, 3, 3))))
    with pytest.raises(ValueError, match="sum of probs"):
        Categorical(probs=to(SCALE))


def test_float32_follows(library):
    """A list, a number or the standard normal beside float32 of another library stays float32."""
    to, _ = library
    if to is strict:
        low = array_api_strict.asarray(LOC.astype(np.float32))
    elif "torch" in type(to(LOC)).__module__:
        low = to(LOC).float()
    else:
        low = to(LOC).astype("float32")
    q = DiagonalNormal.from_log_variance(low, low)
    full = FullNormal(low, np.stack([np.eye(3)] * 2))  # NumPy follows
    assert full.scale_tril.dtype == low.dtype
    for mixed in (q, full):
        assert mixed.log_prob(to(Z)).dtype == to(Z).dtype  # the wider of two
    assert DiagonalNormal.standard(3).log_prob(low).dtype == low.dtype
    assert q.log_prob(LOC).dtype == q.entropy().dtype == low.dtype
    assert kl(q, DiagonalNormal.standard(3)).dtype == low.dtype
    low_rank = LowRankNormal(low, FACTOR, np.abs(LOC))
    assert kl(q, low_rank).dtype == kl(low_rank, full).dtype == renyi_divergence(low_rank, q, 0.5).dtype == low.dtype
