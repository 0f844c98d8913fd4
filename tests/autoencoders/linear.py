"""A VAE whose model is linear, so that its evidence, its posterior and its best q are known exactly."""

import numpy as np

import varinf as vi


def linear_vae(noise=0.5, epochs=200):
    """A VAE without hidden layers, the LinearGaussian model that its decoder is, and data."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5)) @ rng.normal(size=(5, 5))
    vae = vi.VAE(2, (), "normal", noise_scale=noise, dtype="float64").fit(X, epochs, rng=0, learning_rate=1e-2)
    ((weights, mean),) = vae._model.decoder.views(vae._model.split(vae._flat)[1])
    mix = np.array([[1.0, 0.0], [0.6, 0.8]])  # latents that depend on each other, given x; the encoder's means follow
    weights[...] = mix @ weights
    for part in vae._model.encoder.views(vae._model.split(vae._flat)[0])[0]:
        part[..., :2] = part[..., :2] @ np.linalg.inv(mix)
    unit = vae._units.unit
    model = vi.models.LinearGaussian.from_parameters(weights.T / unit, vae._units.centre + mean / unit, noise**2)
    return vae, model, X  # the network works in units of the data's spread
