"""Objectives of variational autoencoders over networks of one's own, in torch.

    q(z | x_n) = N(loc_n, diag exp(log_scale_n)^2),  p(z) = N(0, I),  z_sn = loc_n + exp(log_scale_n) * noise_sn
    ELBO_n = 1/S sum_s log p(x_n | z_sn) - beta KL(q(z | x_n) || p(z))
    IWELBO_n = log 1/S sum_s w_sn,  w_sn = p(x_n | z_sn) p(z_sn) / q(z_sn | x_n)

On CPU tensors of float32 or float64 the compiled kernels answer, value and gradient in one pass; elsewhere (other
devices and dtypes, torch.func, forward-mode differentiation) their references do, which torch differentiates.

A kernel is an operator of torch with two outputs, a value and its slope in the parameters, and with the derivatives of
both. Those of the slope are functions of the slope, so that what is differentiated twice is exact too:

    KL         slope expm1(2 r / p) / p in r = p log scale,   its derivative 2 / p (slope + 1 / p)
    bernoulli  slope x - sigmoid(z),                          -(x - slope) (1 - x + slope) in z, 1 in x
    normal     slope (x - z) / s^2,                           -1 / s^2 in z, 1 / s^2 in x
    poisson    slope x - exp(z),                              slope - x in z, 1 in x
"""

import math

from varinf._arrays import finite_number, positive_integer, same_shape
from varinf._kernels import kernel, level

try:
    import torch
    import torch.autograd.forward_ad as _forward_ad
except ImportError as error:
    raise ImportError('varinf.interop.torch needs torch: pip install "varinf[torch]"') from error

_LIKELIHOODS = ("bernoulli", "normal", "poisson")


# What users call ------------------------------------------------------------------------------------------------------


def gaussian_kl(loc, log_scale=None, *, log_variance=None):
    """KL(N(loc, scale^2) || N(0, I)) in nats, exact: the rate of a diagonal normal against the standard one.

    Parameters
    ----------
    loc : Tensor (*batch, D)
        Means.
    log_scale : Tensor (*batch, D), optional
        Logarithms of the standard deviations.
    log_variance : Tensor (*batch, D), optional
        Logarithms of the variances, in the place of `log_scale`.

    Returns
    -------
    Tensor (*batch)
        The sum over features, never below 0 by more than rounding; differentiable any number of times.

    Raises
    ------
    TypeError
        If both or neither of `log_scale` and `log_variance` are given.
    ValueError
        If the shapes differ, or there are no features.

    See Also
    --------
    elbo : The bound that it is a part of.
    varinf.kl : Between any two families, on the arrays of any library.

    Notes
    -----
    Values are not checked: nan makes nan.

    References
    ----------
    Kingma, Welling, "Auto-encoding variational Bayes" (2014), arXiv:1312.6114, appendix B.

    Examples
    --------
    >>> import torch
    >>> from varinf.interop.torch import gaussian_kl
    >>> loc = torch.tensor([[1.0, 0.0], [0.0, 0.0]], requires_grad=True)
    >>> rate = gaussian_kl(loc, torch.zeros(2, 2))
    >>> rate.tolist()
    [0.5, 0.0]
    >>> rate.sum().backward()
    >>> loc.grad.tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    if (log_scale is None) == (log_variance is None):
        raise TypeError("give one of log_scale and log_variance")
    name, spread, log_power = ("log_scale", log_scale, 1) if log_variance is None else ("log_variance", log_variance, 2)
    same_shape(**{"loc": loc, name: spread})
    if loc.ndim == 0:
        raise ValueError("loc is a single number: it must be (*batch, D)")
    if _compiled(loc, spread):
        return _gaussian_kl(loc, spread, log_power)[0]
    return kernel("gaussian_kl", loc).diagonal_standard(loc, spread, log_power)


def log_likelihood(x, parameter, likelihood="bernoulli", noise_scale=1.0):
    """Log likelihood log p(x | parameter) of what a decoder puts out, in nats, summed over features.

    Parameters
    ----------
    x : Tensor (N, F)
        Data: 0 and 1 for "bernoulli", counts for "poisson". They follow the dtype of `parameter`.
    parameter : Tensor (S, N, F)
        Logits for "bernoulli", means for "normal", log rates for "poisson".
    likelihood : {"bernoulli", "normal", "poisson"}
        The distribution of a feature.
    noise_scale : float or Tensor
        Standard deviation of "normal", positive: a number, or a tensor () or (F,) that may be learned.

    Returns
    -------
    Tensor (S, N)
        With every constant; differentiable any number of times, in x and a `noise_scale` that is a tensor too.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or `likelihood` or `noise_scale` is none.

    See Also
    --------
    elbo : Its mean over draws of q, less the rate.

    Notes
    -----
    Values are not checked: nan makes nan.

    References
    ----------
    Kingma, Welling, "Auto-encoding variational Bayes" (2014), arXiv:1312.6114, appendix C.

    Examples
    --------
    >>> import torch
    >>> from varinf.interop.torch import log_likelihood
    >>> x = torch.tensor([[1.0, 0.0, 1.0]])
    >>> logits = torch.zeros(2, 1, 3, requires_grad=True)
    >>> log_p = log_likelihood(x, logits)
    >>> log_p.shape, round(float(log_p[0, 0].detach()), 4)  # 3 log 1/2
    (torch.Size([2, 1]), -2.0794)
    >>> log_p[0].sum().backward()
    >>> logits.grad[0].tolist()
    [[0.5, -0.5, 0.5]]
    """
    if likelihood not in _LIKELIHOODS:
        raise ValueError(f"likelihood={likelihood!r}: use 'bernoulli', 'normal' or 'poisson'")
    if x.ndim != 2 or parameter.ndim != 3 or parameter.shape[1:] != x.shape:
        raise ValueError(
            f"x has shape {tuple(x.shape)} and parameter has shape {tuple(parameter.shape)}: "
            "they must be (N, F) and (S, N, F)"
        )
    x = x.to(parameter.dtype)
    if isinstance(noise_scale, torch.Tensor):
        if likelihood != "normal":
            noise_scale = 1.0
        elif tuple(noise_scale.shape) not in ((), (x.shape[1],)):
            raise ValueError(f"noise_scale has shape {tuple(noise_scale.shape)}: it must be () or ({x.shape[1]},)")
        else:  # N(x; z, s) is N(x / s; z / s, 1) / s
            log_scales = torch.sum(torch.log(noise_scale).expand(x.shape[1]))
            return _log_likelihood(x / noise_scale, parameter / noise_scale, likelihood, 1.0) - log_scales
    noise_scale = finite_number(noise_scale, "noise_scale")
    if noise_scale <= 0:
        raise ValueError(f"noise_scale={noise_scale}: use a positive number, a standard deviation")
    return _log_likelihood(x, parameter, likelihood, noise_scale)


def elbo(x, loc, log_scale, decoder, *, likelihood="bernoulli", noise_scale=1.0, draws=1, beta=1.0, generator=None):
    """ELBO of each datum, in nats: a lower bound on log p(x), to be maximised.

    Parameters
    ----------
    x : Tensor (N, F)
        Data.
    loc, log_scale : Tensor (N, D)
        Means and logarithms of standard deviations of q(z | x), from an encoder.
    decoder : callable
        From latents (S, N, D) to parameters (S, N, F) of the likelihood.
    likelihood : {"bernoulli", "normal", "poisson"}
        As for `log_likelihood`.
    noise_scale : float or Tensor
        As for `log_likelihood`.
    draws : int
        Draws S of z for each datum.
    beta : float or Tensor
        Weight on the KL. The result is the ELBO at 1, below it above 1; below 1 it is no bound on log p(x).
    generator : torch.Generator, optional
        Of the draws; torch's own unless given.

    Returns
    -------
    Tensor (N,)
        Unbiased for the ELBO in expectation over draws. A loss is the negative of its mean.

    Raises
    ------
    ValueError
        If shapes do not belong together, those of the decoder's answer among them.

    See Also
    --------
    iwelbo : The tighter bound of several draws.
    varinf.elbo : With its error, from log weights.

    References
    ----------
    Kingma, Welling, "Auto-encoding variational Bayes" (2014), arXiv:1312.6114, eq. 7; for beta Higgins et al.,
    "beta-VAE" (2017), eq. 4.

    Examples
    --------
    >>> import torch
    >>> from varinf.interop.torch import elbo
    >>> encoder, decoder = torch.nn.Linear(6, 2 * 2), torch.nn.Linear(2, 6)
    >>> x = torch.ones(5, 6)
    >>> loc, log_scale = encoder(x).chunk(2, dim=-1)
    >>> loss = -elbo(x, loc, log_scale, decoder).mean()
    >>> loss.backward()
    >>> bool(loss > 0), encoder.weight.grad.shape
    (True, torch.Size([4, 6]))
    """
    noise = _noise(x, loc, log_scale, draws, generator)
    z = loc + torch.exp(log_scale) * noise
    reconstruction = log_likelihood(x, _decoded(decoder, z, x), likelihood, noise_scale)
    return torch.mean(reconstruction, dim=0) - beta * gaussian_kl(loc, log_scale)


def iwelbo(
    x, loc, log_scale, decoder, *, likelihood="bernoulli", noise_scale=1.0, draws, gradient="dreg", generator=None
):
    """Importance-weighted ELBO of each datum, in nats: a lower bound on log p(x), to be maximised.

    Parameters
    ----------
    x : Tensor (N, F)
        Data.
    loc, log_scale : Tensor (N, D)
        Means and logarithms of standard deviations of q(z | x), from an encoder.
    decoder : callable
        From latents (S, N, D) to parameters (S, N, F) of the likelihood.
    likelihood : {"bernoulli", "normal", "poisson"}
        As for `log_likelihood`.
    noise_scale : float or Tensor
        As for `log_likelihood`.
    draws : int
        Draws S of z for each datum, averaged inside the logarithm. One gives the ELBO in expectation.
    gradient : {"dreg", "plain"}
        What goes back to `loc` and `log_scale`: "dreg" the doubly reparameterised gradient, of the same mean as
        "plain", the derivative of what is returned, and of a variance that does not drown it as S grows. Everything
        else (decoder, `noise_scale`, `x`) has the ordinary derivative.
    generator : torch.Generator, optional
        Of the draws; torch's own unless given.

    Returns
    -------
    Tensor (N,)
        Below log p(x) in expectation over draws, closer with more of them. A loss is the negative of its mean.

    Raises
    ------
    ValueError
        If shapes do not belong together, those of the decoder's answer among them, or `gradient` is none.
    RuntimeError
        If what "dreg" gave is differentiated again: it is no derivative of the bound, so that "plain" must do it. And
        if an old torch (2.4) compiles it.

    See Also
    --------
    elbo : The average of the logarithms.
    varinf.iwelbo : With its error and diagnostics, from log weights.

    References
    ----------
    Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders" (2016), arXiv:1509.00519, eq. 8; Tucker, Lawson,
    Gu, Maddison, "Doubly reparameterized gradient estimators for Monte Carlo objectives" (2019), arXiv:1810.04152,
    eq. 8.

    Examples
    --------
    >>> import torch
    >>> from varinf.interop.torch import iwelbo
    >>> encoder, decoder = torch.nn.Linear(6, 2 * 2), torch.nn.Linear(2, 6)
    >>> x = torch.ones(5, 6)
    >>> loc, log_scale = encoder(x).chunk(2, dim=-1)
    >>> loss = -iwelbo(x, loc, log_scale, decoder, draws=8).mean()
    >>> loss.backward()
    >>> bool(loss > 0), encoder.weight.grad.shape
    (True, torch.Size([4, 6]))
    """
    if gradient not in ("dreg", "plain"):
        raise ValueError(f"gradient={gradient!r}: use 'dreg' or 'plain'")
    noise = _noise(x, loc, log_scale, draws, generator)
    z = loc + torch.exp(log_scale) * noise
    log_p = log_likelihood(x, _decoded(decoder, z, x), likelihood, noise_scale)
    if gradient == "dreg":
        held, white = log_scale.detach(), (z - loc.detach()) * torch.exp(-log_scale.detach())
    else:
        held, white = log_scale, noise
    log_w = log_p + torch.sum((white * white - z * z) / 2 + held, dim=-1)  # the constants of p(z) and q cancel
    if gradient == "dreg" and z.requires_grad:
        weights = torch.softmax(log_w.detach(), dim=0).unsqueeze(-1)
        z.register_hook(lambda slope: _weighed(slope, weights))  # w d log w / dz comes, w^2 d log w / dz goes
    return torch.logsumexp(log_w, dim=0) - math.log(draws)


def _noise(x, loc, log_scale, draws, generator):
    """Standard normal noise (S, N, D), after a look at all shapes."""
    same_shape(loc=loc, log_scale=log_scale)
    if x.ndim != 2 or loc.ndim != 2 or x.shape[0] != loc.shape[0]:
        raise ValueError(
            f"x has shape {tuple(x.shape)} and loc has shape {tuple(loc.shape)}: they must be (N, F) and (N, D)"
        )
    shape = (positive_integer(draws, "draws"), *loc.shape)
    return torch.randn(shape, generator=generator, dtype=loc.dtype, device=loc.device)


def _decoded(decoder, z, x):
    parameter = decoder(z)
    expected = (*z.shape[:-1], x.shape[-1])
    if tuple(parameter.shape) != expected:
        raise ValueError(
            f"decoder made shape {tuple(parameter.shape)} of z {tuple(z.shape)}: it must be (S, N, F), here {expected}"
        )
    return parameter


def _weighed(slope, weights):
    """slope * weights, which refuses to be differentiated; what torch.compile makes refuses by itself."""
    if slope is None:
        raise RuntimeError(
            "this version of torch does not compile gradient='dreg': compile the networks and leave iwelbo outside"
        )
    slope = slope * weights
    if slope.requires_grad and not torch.compiler.is_compiling():
        slope.register_hook(_refuse)
    return slope


def _refuse(_):
    raise RuntimeError(
        "gradient='dreg' estimates first derivatives only: use iwelbo(..., gradient='plain') to differentiate twice"
    )


# Where kernels serve --------------------------------------------------------------------------------------------------


def _compiled(*tensors):
    """Whether these are plain CPU tensors of one dtype that kernels know, outside of transforms that they do not."""
    dtype = tensors[0].dtype
    if level == "reference" or dtype not in (torch.float32, torch.float64):
        return False
    if _transformed() or _forward_ad._current_level >= 0:
        return False
    return all(
        type(x) in (torch.Tensor, torch.nn.Parameter) and x.device.type == "cpu" and x.dtype == dtype for x in tensors
    )


@torch.compiler.assume_constant_result  # torch.compile asks while it traces, inside of the same transforms
def _transformed():
    """Whether torch.func is at work, for which torch has no public question."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def _log_likelihood(x, parameter, likelihood, noise_scale):
    if _compiled(x, parameter):
        slope = torch.is_grad_enabled() and (x.requires_grad or parameter.requires_grad)
        return _score(x, parameter, likelihood, noise_scale, slope)[0]
    return kernel("monte_carlo_elbo", x).log_likelihood(x, parameter, likelihood, noise_scale)


# KL as an operator ----------------------------------------------------------------------------------------------------


@torch.library.custom_op("varinf::gaussian_kl", mutates_args=(), device_types="cpu")
def _gaussian_kl(loc: torch.Tensor, spread: torch.Tensor, log_power: int) -> tuple[torch.Tensor, torch.Tensor]:
    """KL (*batch) and its slope in `spread` (*batch, D); that in loc is loc."""
    rows = math.prod(loc.shape[:-1]), loc.shape[-1]
    u, r = (x.numpy(force=True).reshape(rows) for x in (loc, spread))
    kl, _, slope = kernel("gaussian_kl", u).diagonal_standard_gradient(u, r, log_power)
    return torch.from_numpy(kl).reshape(loc.shape[:-1]), torch.from_numpy(slope).reshape(loc.shape)


@_gaussian_kl.register_fake
def _(loc, spread, log_power):
    return loc.new_empty(loc.shape[:-1]), loc.new_empty(loc.shape)


def _keep_gaussian_kl(ctx, inputs, output):
    loc, _, ctx.log_power = inputs
    ctx.set_materialize_grads(False)  # slopes are rarely differentiated: no zeros of their size
    ctx.save_for_backward(loc, output[1])


def _gaussian_kl_backward(ctx, d_value, d_slope):
    loc, slope = ctx.saved_tensors
    d_loc = d_spread = None
    if d_value is not None:
        d_value = d_value.unsqueeze(-1)
        d_loc, d_spread = d_value * loc, d_value * slope
    if d_slope is not None:
        d_spread = _added(d_spread, d_slope * (2 / ctx.log_power) * (slope + 1 / ctx.log_power))
    return d_loc, d_spread, None


_gaussian_kl.register_autograd(_gaussian_kl_backward, setup_context=_keep_gaussian_kl)


# Log likelihoods as an operator ---------------------------------------------------------------------------------------


@torch.library.custom_op("varinf::log_likelihood", mutates_args=(), device_types="cpu")
def _score(
    x: torch.Tensor, parameter: torch.Tensor, likelihood: str, noise_scale: float, slope: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log p (S, N) and, where it is asked for, its slope in the parameters (S, N, F)."""
    x, parameter = x.numpy(force=True), parameter.numpy(force=True)
    functions = kernel("monte_carlo_elbo", x)
    if slope:
        value, d_parameter = functions.log_likelihood_gradient(x, parameter, likelihood, noise_scale)
        return torch.from_numpy(value), torch.from_numpy(d_parameter)
    value = torch.from_numpy(functions.log_likelihood(x, parameter, likelihood, noise_scale))
    return value, value.new_empty(0)


@_score.register_fake
def _(x, parameter, likelihood, noise_scale, slope):
    return parameter.new_empty(parameter.shape[:-1]), parameter.new_empty(parameter.shape if slope else (0,))


def _keep_score(ctx, inputs, output):
    x, parameter, ctx.likelihood, noise_scale, _ = inputs
    ctx.precision = noise_scale**-2 if ctx.likelihood == "normal" else 1.0
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(x, parameter if ctx.needs_input_grad[0] else None, output[1])


def _score_backward(ctx, d_value, d_slope):
    x, parameter, slope = ctx.saved_tensors
    d_x = d_parameter = None
    if d_value is not None:
        d_value = d_value.unsqueeze(-1)
        d_parameter = d_value * slope
        if ctx.needs_input_grad[0]:
            d_x = torch.sum(d_value * _slope_in_x(x, parameter, slope, ctx.likelihood), dim=0)
    if d_slope is not None:
        d_parameter = _added(d_parameter, d_slope * _curvature(x, slope, ctx.likelihood, ctx.precision))
        if ctx.needs_input_grad[0]:
            d_x = _added(d_x, torch.sum(ctx.precision * d_slope, dim=0))
    return d_x, d_parameter, None, None, None


_score.register_autograd(_score_backward, setup_context=_keep_score)


def _slope_in_x(x, parameter, slope, likelihood):
    """Derivative of log p in x, (S, N, F)."""
    if likelihood == "normal":
        return -slope
    return parameter - torch.digamma(x + 1) if likelihood == "poisson" else parameter


def _curvature(x, slope, likelihood, precision):
    """Derivative of the slope in the parameter, (S, N, F) or a number."""
    if likelihood == "normal":
        return -precision
    return slope - x if likelihood == "poisson" else -(x - slope) * (1 - x + slope)


def _added(a, b):
    return b if a is None else a + b
