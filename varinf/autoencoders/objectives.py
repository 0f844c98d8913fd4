"""What a variational autoencoder climbs, with its gradient, from one flat vector of parameters.

    encoder: x -> loc, log scale of q(z | x);  z_s = loc + scale * noise_s
    decoder: z -> outputs of p(x | z);  p(z) = N(0, I)

ELBO with weight beta on its KL (Kingma, Welling 2014, eq. 7; Higgins et al. 2017), means over data and draws,

    log p(x | z_s) - beta KL(q(z | x) || p(z)),     KL in closed form.

With free bits (Kingma et al. 2016, eq. 16) a latent's KL counts as `free_bits` at least, in the mean over the batch.

IWELBO, log 1/S sum_s w_s with w_s = p(x | z_s) p(z_s) / q(z_s | x) and normalised weights v_s. Its gradient in the
decoder is sum_s v_s d log p(x | z_s). In the encoder "plain" is the derivative of the IWELBO in loc and log scale at
fixed noise; "dreg" is sum_s v_s^2 (d log w_s / d z_s) (d z_s / d parameters), with q's own parameters held (Tucker,
Lawson, Gu, Maddison 2019, eq. 8), of the same mean and a variance that does not drown the signal as S grows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from varinf._kernels import kernel
from varinf.autoencoders.layers import Network


@dataclass(frozen=True)
class Architecture:
    """Encoder, decoder and likelihood: all that is fixed while parameters move."""

    encoder: Network
    decoder: Network
    likelihood: Any
    latent_dim: int

    @property
    def size(self):
        """Length of the flat vector: encoder, decoder and, where it is learned, the log of the noise."""
        return self.encoder.size + self.decoder.size + self.likelihood.learns_noise

    def split(self, flat):
        """(encoder's, decoder's, log noise's) parts of a flat vector, as views."""
        middle, end = self.encoder.size, self.encoder.size + self.decoder.size
        return flat[:middle], flat[middle:end], flat[end:]

    def start(self, X, rng):
        """Random parameters: q begins near the prior, the decoder's biases at the means of X, a learned noise at 1."""
        flat = np.zeros(self.size, X.dtype)
        encoder, decoder, _ = self.split(flat)
        self.encoder.initialise(encoder, rng)
        self.encoder.views(encoder)[-1][0][...] *= 0.1
        self.decoder.initialise(decoder, rng)
        self.decoder.views(decoder)[-1][1][...] = self.likelihood.start(X)
        return flat

    def noise_scale(self, flat):
        """Standard deviation of a Normal likelihood; 1 for others, which ignore it."""
        if self.likelihood.learns_noise:
            return float(np.exp(flat[-1]))
        return getattr(self.likelihood, "noise_scale", 1.0)

    def encode(self, flat, x):
        """loc (N, D), log scale (N, D), tape, at x (N, inputs)."""
        y, tape = self.encoder.forward(self.split(flat)[0], x)
        return np.ascontiguousarray(y[:, : self.latent_dim]), np.ascontiguousarray(y[:, self.latent_dim :]), tape

    def decode(self, flat, z):
        """Outputs (S, N, O), tape, at z (S, N, D)."""
        y, tape = self.decoder.forward(self.split(flat)[1], z.reshape(-1, self.latent_dim))
        return y.reshape(*z.shape[:-1], -1), tape

    def back(self, flat, tape, slope, log_p, weights, gradient):
        """d log p / dz (S, N, D); adds the sum of weights (S, N) * d log p / d parameters to `gradient`.

        Weights that are one number go into `slope` and so into d log p / dz too; others leave it of each row alone.
        """
        alike = np.ndim(weights) == 0
        if alike:
            slope *= weights
        _, decoder, _ = self.split(flat)
        _, to_decoder, to_noise = self.split(gradient)
        rows = slope.reshape(-1, slope.shape[-1])
        d_z = self.decoder.backward(decoder, tape, rows, to_decoder, None if alike else weights.ravel())
        if self.likelihood.learns_noise:
            to_noise += np.sum(weights * self.likelihood.d_log_noise(log_p, self.noise_scale(flat), slope.shape[-1]))
        return d_z.reshape(*log_p.shape, self.latent_dim)

    def d_z(self, flat, tape, slope):
        """d log p / dz (S, N, D) alone."""
        d_z = self.decoder.backward(self.split(flat)[1], tape, slope.reshape(-1, slope.shape[-1]))
        return d_z.reshape(*slope.shape[:-1], self.latent_dim)

    def back_to_encoder(self, flat, tape, d_loc, d_log_scale, gradient):
        """Adds what gradients in loc and log scale (N, D) are in the encoder's parameters."""
        error = np.concatenate([d_loc, d_log_scale], axis=1)
        self.encoder.backward(self.split(flat)[0], tape, error, self.split(gradient)[0])


def elbo_and_gradient(model, flat, x, seen, noise, beta, free_bits, gradient):
    """Means over data x (N, F) of reconstruction, KL and the KL that is charged; the gradient goes into `gradient`.

    `seen` (N, inputs) is what the encoder sees of x; noise (S, N, D).
    """
    draws, n = noise.shape[:2]
    loc, log_scale, tape = model.encode(flat, seen)
    scale = np.exp(log_scale)
    out, decoder_tape = model.decode(flat, loc + scale * noise)
    log_p, slope = model.likelihood.score(x, out, model.noise_scale(flat))
    gradient[:] = 0
    d_z = model.back(flat, decoder_tape, slope, log_p, 1 / (draws * n), gradient)
    kl, kl_loc, kl_log_scale = kernel("gaussian_kl", loc).diagonal_standard_gradient(loc, log_scale, 1)
    weight = np.full(model.latent_dim, beta / n, flat.dtype)
    charged = mean_kl = float(np.mean(kl, dtype=np.float64))
    if free_bits:
        each = latent_kl(loc, log_scale)
        weight[each <= free_bits] = 0
        charged = float(np.sum(np.maximum(each, free_bits)))
    d_loc = np.sum(d_z, axis=0) - weight * kl_loc
    d_log_scale = scale * np.sum(d_z * noise, axis=0) - weight * kl_log_scale
    model.back_to_encoder(flat, tape, d_loc, d_log_scale, gradient)
    return float(np.mean(log_p, dtype=np.float64)), mean_kl, charged


def latent_kl(loc, log_scale):
    """Mean KL to N(0, 1) of each latent, (D,)."""
    return np.mean((loc * loc + np.expm1(2 * log_scale)) / 2 - log_scale, axis=0, dtype=np.float64)


def iwelbo_and_gradient(model, flat, x, seen, noise, estimator, gradient):
    """Mean IWELBO of S draws over data x (N, F); its gradient, "plain" or "dreg", goes into `gradient`."""
    n = len(x)
    loc, log_scale, tape = model.encode(flat, seen)
    scale = np.exp(log_scale)
    z = loc + scale * noise
    out, decoder_tape = model.decode(flat, z)
    log_p, slope = model.likelihood.score(x, out, model.noise_scale(flat))
    log_w = log_p + np.sum((noise * noise - z * z) / 2 + log_scale, axis=-1)  # the constants of p(z) and q cancel
    log_mean, weights = _log_mean_and_weights(log_w)
    gradient[:] = 0
    d_z = model.back(flat, decoder_tape, slope, log_p, weights / n, gradient) - z
    weights = weights[..., None]
    if estimator == "dreg":
        d_z = weights * weights * (d_z + noise / scale) / n
        d_loc, d_log_scale = np.sum(d_z, axis=0), scale * np.sum(d_z * noise, axis=0)
    else:  # d log q / d log scale is -1 at fixed noise, and the weights of a datum sum to 1
        d_z = weights * d_z / n
        d_loc, d_log_scale = np.sum(d_z, axis=0), scale * np.sum(d_z * noise, axis=0) + 1 / n
    model.back_to_encoder(flat, tape, d_loc, d_log_scale, gradient)
    return float(np.mean(log_mean, dtype=np.float64))


def elbo_of_data(model, flat, x, seen, noise, beta=1.0):
    """Reconstruction - beta KL of each datum, (N,) in double, with noise (S, N, D) given."""
    loc, log_scale, _ = model.encode(flat, seen)
    out, _ = model.decode(flat, loc + np.exp(log_scale) * noise)
    log_p = model.likelihood.log_prob(x, out, model.noise_scale(flat))
    kl = kernel("gaussian_kl", loc).diagonal_standard(loc, log_scale, 1)
    return np.mean(log_p, axis=0, dtype=np.float64) - beta * kl.astype(np.float64)


def _log_mean_and_weights(log_w):
    """log mean w (N,) and the normalised weights (S, N) over axis 0."""
    top = np.max(log_w, axis=0)
    w = np.exp(log_w - top)
    total = np.sum(w, axis=0)
    return top + np.log(total / len(w)), w / total
