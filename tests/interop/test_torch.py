"""Objectives over torch networks: values and gradients of the reference and of VAE, and what compilers make of them."""

import importlib.util
import math
import sys

import numpy as np
import pytest

from varinf import DiagonalNormal, kl
from varinf._kernels import gaussian_kl as kl_reference
from varinf._kernels import level
from varinf._kernels import monte_carlo_elbo as likelihood_reference
from varinf.autoencoders.layers import Network
from varinf.autoencoders.likelihoods import likelihood as likelihood_of_a_vae
from varinf.autoencoders.objectives import Architecture, elbo_and_gradient, iwelbo_and_gradient

torch = pytest.importorskip("torch")

from varinf.interop import torch as vit  # noqa: E402

S, N, F, D = 3, 5, 7, 4
LIKELIHOODS = ("bernoulli", "normal", "poisson")
compiled = pytest.mark.skipif(level == "reference", reason="no compiled kernels run here")
of_torch = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # its own use of it, for jvp


hooks = pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 13), reason="2.4 refuses to compile it, in words"
)
DREG = pytest.param({"draws": 3, "gradient": "dreg"}, marks=hooks)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def leaf(x, dtype=torch.float64):
    return torch.tensor(x, dtype=dtype, requires_grad=True)


def data(likelihood):
    rng = np.random.default_rng(1)
    kinds = {"bernoulli": rng.integers(0, 2, (N, F)), "poisson": rng.poisson(2, (N, F))}
    return kinds.get(likelihood, rng.normal(size=(N, F))).astype(float)


# KL and log likelihoods against their references ----------------------------------------------------------------------


@pytest.mark.parametrize(("name", "log_power"), [("log_scale", 1), ("log_variance", 2)])
@pytest.mark.parametrize(("dtype", "eps"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_kl_is_the_reference(name, log_power, dtype, eps):
    loc, spread = leaf(noise(2, N, D), dtype), leaf(noise(2, N, D, seed=1), dtype)
    value = vit.gaussian_kl(loc, **{name: spread})
    weights = torch.tensor(noise(2, N), dtype=dtype)
    (value * weights).sum().backward()
    arrays = (x.detach().numpy().astype(float).reshape(-1, D) for x in (loc, spread))
    expected, d_loc, d_spread = kl_reference.diagonal_standard_gradient(*arrays, log_power)
    assert value.dtype == loc.grad.dtype == spread.grad.dtype == dtype
    np.testing.assert_allclose(value.detach().numpy(), expected.reshape(2, N), rtol=eps, atol=eps)
    for found, slope in ((loc.grad, d_loc), (spread.grad, d_spread)):
        slope = slope.reshape(2, N, D) * weights.numpy()[..., None]
        np.testing.assert_allclose(found.numpy(), slope, rtol=eps, atol=eps)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize(("dtype", "eps"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_log_likelihood_is_the_reference(likelihood, dtype, eps):
    x, parameter = torch.tensor(data(likelihood), dtype=dtype), leaf(noise(S, N, F), dtype)
    value = vit.log_likelihood(x, parameter, likelihood, 0.7)
    weights = torch.tensor(noise(S, N), dtype=dtype)
    (value * weights).sum().backward()
    arrays = (x.numpy().astype(float), parameter.detach().numpy().astype(float))
    expected, slope = likelihood_reference.log_likelihood_gradient(*arrays, likelihood, 0.7)
    assert value.dtype == parameter.grad.dtype == dtype
    np.testing.assert_allclose(value.detach().numpy(), expected, rtol=eps, atol=eps)
    slope = slope * weights.numpy()[..., None]
    np.testing.assert_allclose(parameter.grad.numpy(), slope, rtol=eps, atol=eps)
    with torch.no_grad():
        quiet = vit.log_likelihood(x, parameter, likelihood, 0.7)
    assert not quiet.requires_grad and torch.allclose(quiet, value.detach(), rtol=eps)


def test_log_likelihood_is_torchs_own():
    own = torch.distributions
    makers = {
        "bernoulli": lambda z: own.Bernoulli(logits=z),
        "normal": lambda z: own.Normal(z, 0.7),
        "poisson": lambda z: own.Poisson(torch.exp(z)),
    }
    parameter = torch.tensor(noise(S, N, F))
    for likelihood, maker in makers.items():
        x = torch.tensor(data(likelihood))
        expected = maker(parameter).log_prob(x.expand_as(parameter)).sum(-1)
        torch.testing.assert_close(vit.log_likelihood(x, parameter, likelihood, 0.7), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["log_scale", "log_variance"])
def test_derivatives_of_kl(name):
    arguments = leaf(noise(2, 2, D)), leaf(noise(2, 2, D, seed=1))

    def function(loc, spread):
        return vit.gaussian_kl(loc, **{name: spread})

    assert torch.autograd.gradcheck(function, arguments)
    assert torch.autograd.gradgradcheck(function, arguments)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_derivatives_of_log_likelihood(likelihood):
    """In the parameters alone, as in training, and in x too."""
    x, parameter = leaf(np.random.default_rng(2).uniform(0.1, 0.9, (2, 3))), leaf(noise(2, 2, 3))

    def function(x, parameter):
        return vit.log_likelihood(x, parameter, likelihood, 0.7)

    for arguments in ((x.detach(), parameter), (x, parameter.detach()), (x, parameter)):
        assert torch.autograd.gradcheck(function, arguments)
        assert torch.autograd.gradgradcheck(function, arguments)


@pytest.mark.parametrize("shape", [(), (F,)])
def test_a_noise_scale_is_learned(shape):
    x, parameter, scale = torch.tensor(data("normal")), leaf(noise(S, N, F)), leaf(0.5 + noise(*shape) ** 2)

    def function(parameter, scale):
        return vit.log_likelihood(x, parameter, "normal", scale)

    expected = torch.distributions.Normal(parameter, scale).log_prob(x.expand_as(parameter)).sum(-1)
    torch.testing.assert_close(function(parameter, scale), expected, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(function, (parameter, scale))
    assert torch.autograd.gradgradcheck(function, (parameter, scale))


def test_arrays_in_any_order_and_data_of_any_kind():
    loc, spread = (torch.tensor(noise(D, 2 * N, seed=seed)).T[::2] for seed in (0, 1))
    assert not loc.is_contiguous()
    torch.testing.assert_close(vit.gaussian_kl(loc, spread), vit.gaussian_kl(loc.contiguous(), spread.contiguous()))
    wide = leaf(noise(N, F, S))
    parameter = wide.permute(2, 0, 1)
    for x in (torch.tensor(data("bernoulli")).T.contiguous().T, torch.tensor(data("bernoulli"), dtype=torch.bool)):
        value = vit.log_likelihood(x, parameter)
        same = vit.log_likelihood(x.double().contiguous(), parameter.contiguous())
        torch.testing.assert_close(value, same, rtol=1e-15, atol=0)
        (gradient,) = torch.autograd.grad(value.sum(), wide)
        torch.testing.assert_close(gradient.permute(2, 0, 1), (x.double() - torch.sigmoid(parameter)).detach())


@pytest.mark.parametrize("shape", [(0, D), (N, 0), (0, 0), (2, 0, D), (D,)])
def test_kl_of_empty_batches_and_of_one(shape):
    loc, spread = leaf(noise(*shape)), leaf(noise(*shape, seed=1))
    value = vit.gaussian_kl(loc, spread)
    value.sum().backward()
    assert value.shape == shape[:-1] and loc.grad.shape == spread.grad.shape == shape
    if 0 in shape:
        assert torch.all(value == 0)


@pytest.mark.parametrize("shape", [(0, N, F), (S, 0, F), (S, N, 0)])
def test_log_likelihood_of_empty_batches(shape):
    parameter = leaf(noise(*shape))
    value = vit.log_likelihood(torch.zeros(shape[1:]), parameter)
    value.sum().backward()
    assert value.shape == shape[:2] and parameter.grad.shape == shape


def test_what_kernels_do_not_serve_goes_to_the_reference():
    """Other dtypes, mixed ones, subclasses; and devices, of which `meta` stands for all."""

    class Mine(torch.Tensor):
        pass

    loc, spread = torch.tensor(noise(N, D)), torch.tensor(noise(N, D, seed=1))
    expected = vit.gaussian_kl(loc, spread)
    torch.testing.assert_close(vit.gaussian_kl(loc.bfloat16(), spread.bfloat16()).double(), expected, rtol=0.1, atol=0)
    torch.testing.assert_close(vit.gaussian_kl(loc.float(), spread), expected, rtol=1e-6, atol=1e-6)
    mine = vit.gaussian_kl(loc.as_subclass(Mine), spread)
    assert type(mine) is Mine
    torch.testing.assert_close(mine.as_subclass(torch.Tensor), expected, rtol=1e-13, atol=1e-13)
    assert vit.gaussian_kl(loc.to("meta"), spread.to("meta")).shape == (N,)
    x, parameter = torch.tensor(data("bernoulli")).to("meta"), torch.zeros(S, N, F, device="meta")
    assert vit.log_likelihood(x, parameter).shape == (S, N)


@of_torch
def test_functions_of_functions():
    loc, spread = torch.tensor(noise(N, D)), torch.tensor(noise(N, D, seed=1))
    value = vit.gaussian_kl(loc, spread)
    torch.testing.assert_close(torch.func.vmap(vit.gaussian_kl)(loc, spread), value, rtol=1e-12, atol=1e-12)
    each = torch.func.vmap(torch.func.grad(vit.gaussian_kl, argnums=1))(loc, spread)
    torch.testing.assert_close(each, torch.expm1(2 * spread), rtol=1e-12, atol=1e-12)
    _, tangent = torch.func.jvp(vit.gaussian_kl, (loc, spread), (loc, torch.zeros_like(spread)))
    torch.testing.assert_close(tangent, (loc * loc).sum(-1))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(loc, loc)
        tangent = torch.autograd.forward_ad.unpack_dual(vit.gaussian_kl(dual, spread)).tangent
    torch.testing.assert_close(tangent, (loc * loc).sum(-1))
    x, parameter = torch.tensor(data("bernoulli")), torch.tensor(noise(S, N, F))
    each = torch.func.vmap(lambda z: vit.log_likelihood(x, z[None])[0])(parameter)
    torch.testing.assert_close(each, vit.log_likelihood(x, parameter), rtol=1e-12, atol=1e-12)


# ELBO and IWELBO against the VAE's own, derived by hand ---------------------------------------------------------------


def small_vae(likelihood, draws):
    """Networks of a VAE with random parameters (flat), data, noise; and the same networks in torch."""
    head = likelihood_of_a_vae(likelihood, 0.7 if likelihood == "normal" else None, None)
    model = Architecture(Network((F, 6, 2 * D), "tanh"), Network((D, 6, F), "tanh"), head, D)
    flat, x = 0.6 * noise(model.size), data(likelihood)
    parameters = leaf(flat)

    def network(net, start):
        views, layers = [], list(zip(net.widths[:-1], net.widths[1:], strict=True))
        for a, b in layers:
            views.append((parameters[start : start + a * b].reshape(a, b), parameters[start + a * b :][:b]))
            start += (a + 1) * b
        (w, b), (v, c) = views
        return lambda y: torch.tanh(y @ w + b) @ v + c

    return model, flat, x, noise(draws, N, D, seed=3), parameters, network(model.encoder, 0), network


def fixed_noise(monkeypatch, values):
    monkeypatch.setattr(torch, "randn", lambda shape, **_: torch.tensor(values).reshape(shape))


@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
def test_the_elbo_of_a_vae(likelihood, monkeypatch):
    model, flat, x, values, parameters, encoder, network = small_vae(likelihood, draws=4)
    gradient = np.empty_like(flat)
    reconstruction, rate, _ = elbo_and_gradient(model, flat, x, x, values, 0.6, 0.0, gradient)
    fixed_noise(monkeypatch, values)
    loc, log_scale = encoder(torch.tensor(x)).chunk(2, dim=-1)
    decoder = network(model.decoder, model.encoder.size)
    found = vit.elbo(
        torch.tensor(x), loc, log_scale, decoder, likelihood=likelihood, noise_scale=0.7, draws=4, beta=0.6
    )
    assert found.shape == (N,)
    assert float(found.mean().detach()) == pytest.approx(reconstruction - 0.6 * rate, rel=1e-12)
    found.mean().backward()
    np.testing.assert_allclose(parameters.grad.numpy(), gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("estimator", ["dreg", "plain"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
def test_the_iwelbo_of_a_vae_with_both_gradients(likelihood, estimator, monkeypatch):
    model, flat, x, values, parameters, encoder, network = small_vae(likelihood, draws=6)
    gradient, other = np.empty_like(flat), np.empty_like(flat)
    value = iwelbo_and_gradient(model, flat, x, x, values, estimator, gradient)
    iwelbo_and_gradient(model, flat, x, x, values, {"dreg": "plain", "plain": "dreg"}[estimator], other)
    fixed_noise(monkeypatch, values)
    loc, log_scale = encoder(torch.tensor(x)).chunk(2, dim=-1)
    decoder = network(model.decoder, model.encoder.size)
    found = vit.iwelbo(
        torch.tensor(x), loc, log_scale, decoder, likelihood=likelihood, noise_scale=0.7, draws=6, gradient=estimator
    )
    assert found.shape == (N,)
    assert float(found.mean().detach()) == pytest.approx(value, rel=1e-12)
    found.mean().backward()
    np.testing.assert_allclose(parameters.grad.numpy(), gradient, rtol=1e-10, atol=1e-12)
    assert np.abs(gradient - other)[: model.encoder.size].max() > 1e-2  # the two are told apart


def linear_case(seed=0):
    """Data, an encoder's answer and a decoder; fresh leaves each time."""
    loc, log_scale = leaf(noise(N, D, seed=seed)), leaf(0.3 * noise(N, D, seed=seed + 1))
    matrix = torch.tensor(noise(D, F, seed=seed + 2))
    return torch.tensor(data("poisson")), loc, log_scale, lambda z: torch.tanh(z @ matrix)


def test_one_draw_of_the_iwelbo_is_the_elbo_on_average():
    x, loc, log_scale, decoder = linear_case()
    how = {"likelihood": "poisson", "generator": torch.Generator().manual_seed(0)}
    with torch.no_grad():
        elbo = vit.elbo(x, loc, log_scale, decoder, draws=20_000, **how)
        ones = torch.stack([vit.iwelbo(x, loc, log_scale, decoder, draws=1, **how) for _ in range(4000)])
    error = ones.std(dim=0) / math.sqrt(len(ones))
    assert torch.all(torch.abs(ones.mean(0) - elbo) < 5 * error * math.sqrt(1.2))  # a fifth of it: elbo's own
    assert 5 * float(error.max()) < 1


def test_generators_decide_the_draws():
    arguments, before = linear_case(), torch.get_rng_state()

    def bound(seed, function=vit.elbo):
        generator = torch.Generator().manual_seed(seed)
        return function(*arguments, likelihood="poisson", draws=2, generator=generator).detach()

    for function in (vit.elbo, vit.iwelbo):
        assert torch.equal(bound(1, function), bound(1, function))
        assert not torch.equal(bound(1, function), bound(2, function))
    assert torch.equal(before, torch.get_rng_state())


def test_no_graph_without_gradients():
    x, loc, log_scale, decoder = linear_case()
    for how in ({"gradient": "dreg"}, {"gradient": "plain"}):
        bound = vit.iwelbo(x, loc.detach(), log_scale.detach(), decoder, likelihood="poisson", draws=3, **how)
        assert bound.shape == (N,) and not bound.requires_grad
    with torch.no_grad():
        assert not vit.iwelbo(x, loc, log_scale, decoder, likelihood="poisson", draws=3).requires_grad


def test_second_derivatives_of_the_bounds():
    x, loc, log_scale, decoder = linear_case()

    def seeded(function, loc, **how):
        generator = torch.Generator().manual_seed(3)
        return function(x, loc, log_scale, decoder, likelihood="poisson", draws=3, generator=generator, **how)

    assert torch.autograd.gradgradcheck(lambda loc: seeded(vit.elbo, loc), loc)
    assert torch.autograd.gradgradcheck(lambda loc: seeded(vit.iwelbo, loc, gradient="plain"), loc)
    (slope,) = torch.autograd.grad(seeded(vit.iwelbo, loc).sum(), loc, create_graph=True)
    with pytest.raises(RuntimeError, match="gradient='dreg' estimates first derivatives only"):
        slope.sum().backward()


def test_dreg_through_torch_func():
    x, loc, log_scale, decoder = linear_case()

    def bound(loc):
        generator = torch.Generator().manual_seed(3)
        return vit.iwelbo(x, loc, log_scale, decoder, likelihood="poisson", draws=5, generator=generator).sum()

    (expected,) = torch.autograd.grad(bound(loc), loc)
    torch.testing.assert_close(torch.func.grad(bound)(loc), expected, rtol=1e-12, atol=1e-12)


# What torch asks of an operator, and its compiler ---------------------------------------------------------------------


@pytest.mark.parametrize("log_power", [1, 2])
def test_kl_is_an_operator_by_the_rules(log_power):
    torch.library.opcheck(vit._gaussian_kl, (leaf(noise(2, N, D)), leaf(noise(2, N, D)), log_power))
    torch.library.opcheck(vit._gaussian_kl, (torch.zeros(0, D), torch.zeros(0, D), log_power))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_log_likelihood_is_an_operator_by_the_rules(likelihood):
    x, parameter = torch.tensor(data(likelihood)), leaf(noise(S, N, F))
    torch.library.opcheck(vit._score, (x, parameter, likelihood, 0.7, True))
    torch.library.opcheck(vit._score, (leaf(data(likelihood)), parameter, likelihood, 0.7, True))
    torch.library.opcheck(vit._score, (x, parameter.detach(), likelihood, 0.7, False))


@compiled
@pytest.mark.parametrize("how", [{"draws": 2}, {"draws": 3, "gradient": "plain"}, DREG])
def test_under_torch_compile(how):
    """One graph, with the operators in it, and what it gives is what the functions give."""
    x, loc, log_scale, decoder = linear_case()
    function, graphs = vit.iwelbo if "gradient" in how else vit.elbo, []

    def bound(loc, log_scale):
        return function(x, loc, log_scale, decoder, likelihood="poisson", **how).sum()

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    def run(f):
        torch.manual_seed(4)
        value = f(loc, log_scale)
        return value.detach(), *torch.autograd.grad(value, (loc, log_scale))

    torch._dynamo.reset()
    # Backends of this kind trace as the others do and need no C++ compiler at run time.
    for found in (run(torch.compile(bound, backend=b, fullgraph=True)) for b in (backend, "aot_eager")):
        for a, b in zip(found, run(bound), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    assert len(graphs) == 1
    assert "varinf.log_likelihood" in graphs[0].code and ("varinf.gaussian_kl" in graphs[0].code) == (
        "gradient" not in how
    )


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's own, where a graph breaks
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_decoder_that_breaks_the_graph(backend):
    x, loc, log_scale, decoder = linear_case()

    def broken(z):
        torch._dynamo.graph_break()
        return decoder(z)

    def run(compiled, decoder):
        torch.manual_seed(4)
        bound = compiled(x, loc, log_scale, decoder, likelihood="poisson", draws=3)
        return torch.autograd.grad(bound.sum(), (loc, log_scale))

    torch._dynamo.reset()
    found = run(torch.compile(vit.iwelbo, backend=backend), broken)
    for a, b in zip(found, run(vit.iwelbo, decoder), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@of_torch
def test_functions_of_functions_under_torch_compile():
    loc, spread = torch.tensor(noise(N, D)), torch.tensor(noise(N, D, seed=1))

    def along(loc):
        return torch.func.jvp(lambda loc: vit.gaussian_kl(loc, spread), (loc,), (loc,))[1]

    def slopes(loc):
        return torch.func.vmap(torch.func.grad(vit.gaussian_kl))(loc, spread)

    torch._dynamo.reset()
    for function, expected in ((along, (loc * loc).sum(-1)), (slopes, loc)):
        torch.testing.assert_close(torch.compile(function, backend="eager")(loc), expected)


# What is refused ------------------------------------------------------------------------------------------------------


def test_wrong_shapes_are_named():
    x, loc, log_scale, decoder = linear_case()
    with pytest.raises(ValueError, match=r"loc has shape \(5, 4\) but log_scale has shape \(4,\)"):
        vit.gaussian_kl(loc, log_scale[0])
    with pytest.raises(ValueError, match=r"loc has shape \(5, 4\) but log_variance has shape \(4, 4\)"):
        vit.gaussian_kl(loc, log_variance=log_scale[1:])
    with pytest.raises(ValueError, match="loc is a single number"):
        vit.gaussian_kl(torch.tensor(0.0), torch.tensor(0.0))
    with pytest.raises(ValueError, match=r"x has shape \(5, 7\) and parameter has shape \(5, 7\): .* \(S, N, F\)"):
        vit.log_likelihood(x, x)
    with pytest.raises(ValueError, match=r"noise_scale has shape \(3,\): it must be \(\) or \(7,\)"):
        vit.log_likelihood(x, x[None], "normal", torch.ones(3))
    for function in (vit.elbo, vit.iwelbo):
        with pytest.raises(ValueError, match=r"x has shape \(4, 7\) and loc has shape \(5, 4\)"):
            function(x[1:], loc, log_scale, decoder, draws=2)
        with pytest.raises(ValueError, match=r"decoder made shape \(2, 5, 4\) of z \(2, 5, 4\).* here \(2, 5, 7\)"):
            function(x, loc, log_scale, lambda z: z, draws=2)


def test_wrong_words_and_numbers():
    x, loc, log_scale, decoder = linear_case()
    with pytest.raises(TypeError, match="give one of log_scale and log_variance"):
        vit.gaussian_kl(loc)
    with pytest.raises(TypeError, match="give one of log_scale and log_variance"):
        vit.gaussian_kl(loc, log_scale, log_variance=log_scale)
    with pytest.raises(ValueError, match="likelihood='categorical': use 'bernoulli'"):
        vit.log_likelihood(x, x[None], "categorical")
    for bad in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match="noise_scale="):
            vit.log_likelihood(x, x[None], "normal", bad)
    with pytest.raises(ValueError, match="gradient='stl': use 'dreg' or 'plain'"):
        vit.iwelbo(x, loc, log_scale, decoder, draws=2, gradient="stl")
    with pytest.raises(ValueError, match="draws=0"):
        vit.elbo(x, loc, log_scale, decoder, draws=0)


def test_without_torch_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    spec = importlib.util.spec_from_file_location("copy_without_torch", vit.__file__)
    with pytest.raises(ImportError, match=r'pip install "varinf\[torch\]"'):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


# JAX ------------------------------------------------------------------------------------------------------------------


def test_jax_users_have_the_same_kl():
    """Under jit and grad `varinf.kl` is to JAX what this module is to torch."""
    jax = pytest.importorskip("jax")
    loc, log_scale = noise(N, D), noise(N, D, seed=1)

    def total(loc, log_scale):
        return kl(DiagonalNormal.from_log_scale(loc, log_scale), DiagonalNormal.standard(D)).sum()

    leaves = leaf(loc), leaf(log_scale)
    value = vit.gaussian_kl(*leaves).sum()
    value.backward()
    with jax.enable_x64(True):
        arrays = map(jax.numpy.asarray, (loc, log_scale))
        found, slopes = jax.jit(jax.value_and_grad(total, (0, 1)))(*arrays)
    assert float(found) == pytest.approx(float(value.detach()), rel=1e-12)
    for slope, one in zip(slopes, leaves, strict=True):
        np.testing.assert_allclose(slope, one.grad.numpy(), rtol=1e-12, atol=1e-12)
