"""The ELBO by reparameterised draws, in nats: reconstruction, its standard error, the rate, and gradients.

    q(z | x_n) = N(loc_n, diag scale_n^2),  p(z) = N(0, I),  z_sn = loc_n + scale_n * noise_sn,  noise ~ N(0, I)
    reconstruction_n = 1/S sum_s r_sn,      r_sn = sum_d log p(x_nd | z_snd)
    ELBO_n = reconstruction_n - KL(q(z | x_n) || p)

The decoder is the identity: each latent feature is the parameter of one observed feature under `likelihood`

    "bernoulli"  x z - log(1 + exp z),                      z the logit, x in [0, 1]
    "normal"     -((x - z) / s)^2 / 2 - log(s sqrt(2 pi)),  z the mean, s = noise_scale the fixed standard deviation
    "poisson"    x z - exp z - log Gamma(x + 1),            z the log rate, x >= 0

with every constant kept. A decoder of one's own uses `log_likelihood` and `log_likelihood_gradient`.

Outputs of `elbo` and `elbo_own_draws`: reconstruction (N,); its standard error over draws (N,), with S - 1 in the
variance, nan at S = 1; KL in closed form (N,); d ELBO / d loc (N, D); d ELBO / d log_scale (N, D). The gradients are
exact for the average over these draws: the reparameterisation gradient of Kingma and Welling (2014, arXiv:1312.6114),
eq. 7, where the KL is analytic.

What does not depend on z (the Normal's and the Poisson's constant) is added once per datum, after the reduction over
draws, so that the variance is taken of what varies. Error of log Gamma(x + 1): a few 1e-15, and a few eps of it.
"""

import math

import numpy as np

from varinf._kernels import random_normal
from varinf._kernels._namespace import namespace
from varinf._kernels._precision import float64_inside
from varinf._kernels.gaussian_kl import diagonal_standard_gradient

HALF_LOG_TWO_PI = math.log(2 * math.pi) / 2


@float64_inside
def elbo(x, loc, log_scale, noise, likelihood, noise_scale):
    """ELBO with draws given: x, loc, log_scale (N, D), noise (S, N, D); S >= 1."""
    xp = namespace(x)
    scale = xp.exp(log_scale)
    value, slope = _score(x, loc + scale * noise, likelihood, noise_scale, xp)
    draws = xp.sum(value, axis=-1)
    kl, kl_loc, kl_log_scale = diagonal_standard_gradient(loc, log_scale, 1)
    return (
        xp.mean(draws, axis=0) + _constant(x, likelihood, noise_scale, xp),
        _standard_error(draws, xp),
        kl,
        xp.mean(slope, axis=0) - kl_loc,
        scale * xp.mean(slope * noise, axis=0) - kl_log_scale,
    )


def elbo_own_draws(x, loc, log_scale, draws, key0, key1, likelihood, noise_scale, first_row=0, rows=None):
    """`elbo` where the noise is the stream (key0, key1) of `random_normal`, laid out as (draws, rows, D). NumPy only.

    x, loc and log_scale are `rows` rows (None: as many as there are) from `first_row` on, so that workers may share
    them: the outputs of a row do not depend on the share that it comes in.
    """
    rows = x.shape[0] if rows is None else rows
    if not 0 <= first_row <= rows - x.shape[0]:
        raise ValueError(f"x has {x.shape[0]} rows: from row {first_row} on they are not among {rows}")
    starts = ((s * rows + first_row) * x.shape[1] for s in range(draws))
    noise = np.stack([random_normal.normals(key0, key1, start, x.size, x.dtype.char) for start in starts])
    return elbo(x, loc, log_scale, noise.reshape(draws, *x.shape), likelihood, noise_scale)


@float64_inside
def log_likelihood(x, parameter, likelihood, noise_scale):
    """log p(x_n | parameter_sn) summed over features: x (N, F), parameter (S, N, F) -> (S, N)."""
    xp = namespace(x)
    value, _ = _score(x, parameter, likelihood, noise_scale, xp)
    return xp.sum(value, axis=-1) + _constant(x, likelihood, noise_scale, xp)


@float64_inside
def log_likelihood_gradient(x, parameter, likelihood, noise_scale):
    """`log_likelihood` and its gradient -> (S, N), d parameter (S, N, F)."""
    xp = namespace(x)
    value, slope = _score(x, parameter, likelihood, noise_scale, xp)
    return xp.sum(value, axis=-1) + _constant(x, likelihood, noise_scale, xp), slope


def _score(x, z, likelihood, noise_scale, xp):
    """log p(x | z) without the part that does not depend on z, and its derivative in z, elementwise."""
    if likelihood == "bernoulli":
        # max(z, 0) as (z + |z|) / 2: exact, and its derivative at 0 is right for those who differentiate the value
        tail = xp.exp(-xp.abs(z))
        sigmoid = xp.where(z >= 0, xp.ones_like(tail), tail) / (1 + tail)
        return x * z - (z + xp.abs(z)) / 2 - xp.log1p(tail), x - sigmoid
    if likelihood == "normal":
        residual = (x - z) / noise_scale
        return -residual * residual / 2, residual / noise_scale
    if likelihood == "poisson":
        rate = xp.exp(z)
        return x * z - rate, x - rate
    raise ValueError(f"likelihood is {likelihood!r}: use 'bernoulli', 'normal' or 'poisson'")


def _constant(x, likelihood, noise_scale, xp):
    """What `_score` leaves out, summed over features: (N, F) -> (N,), or a number."""
    if likelihood == "normal":
        return -x.shape[-1] * (math.log(noise_scale) + HALF_LOG_TWO_PI)
    if likelihood == "poisson":
        return -xp.sum(_log_factorial(x, xp), axis=-1)
    return 0.0


def _log_factorial(x, xp):
    """log Gamma(x + 1), x >= 0, which the array API lacks: Stirling's series (Abramowitz and Stegun 6.1.41) from 9 on.

    Below, Gamma(y) = Gamma(y + 8) / (y (y + 1) ... (y + 7)) moves the argument up.
    """
    y = x + 1
    small = y < 9
    near = xp.where(small, y, xp.ones_like(y))  # keeps the product finite, and its gradient, where it is not used
    product = near
    for k in range(1, 8):
        product = product * (near + k)
    far = xp.where(small, near + 8, y)
    inverse = 1 / far
    square = inverse * inverse
    series = xp.zeros_like(far)
    for coefficient in STIRLING:
        series = series * square + coefficient
    log_gamma = (far - 0.5) * xp.log(far) - far + HALF_LOG_TWO_PI + series * inverse
    return log_gamma - xp.where(small, xp.log(product), xp.zeros_like(product))


# B_2k / (2k (2k - 1)), k = 8, ..., 1; the next term is below 2e-17 at 9
STIRLING = (-3617 / 122400, 1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)


def _standard_error(draws, xp):
    """Standard error of the mean over axis 0, by two passes: exact where |mean| is far above the spread."""
    count = draws.shape[0]
    if count == 1:
        return xp.nan * xp.ones_like(draws[0, :])
    return xp.std(draws, axis=0, correction=1) / math.sqrt(count)
