"""Targets that approximations fail on, each with what is known of it."""

import numpy as np
from scipy import stats

from varinf.inference.target import Target

LOG_TWO_PI = np.log(2 * np.pi)


def funnel(dim=10):
    """Neal's funnel: log scale v ~ N(0, 3^2), x | v ~ N(0, e^v). Log normaliser 0."""

    def log_prob(z):
        v, x = z[:, 0], z[:, 1:]
        return stats.norm(0, 3).logpdf(v) - np.sum(x**2 * np.exp(-v)[:, None] + v[:, None] + LOG_TWO_PI, axis=1) / 2

    def gradient(z):
        v, x = z[:, 0], z[:, 1:]
        narrow = np.exp(-v)[:, None]
        return np.column_stack([-v / 9 + np.sum(x**2 * narrow - 1, axis=1) / 2, -x * narrow])

    return Target(log_prob, dim, gradient=gradient)


def bent():
    """A banana that no ellipse covers: x ~ N(0, 10^2), y | x ~ N(3 - 0.03 x^2, 1)."""

    def away(z):
        return z[:, 1] + 0.03 * z[:, 0] ** 2 - 3

    return Target(
        lambda z: -(z[:, 0] ** 2) / 200 - away(z) ** 2 / 2,
        2,
        gradient=lambda z: np.column_stack([-z[:, 0] / 100 - away(z) * 0.06 * z[:, 0], -away(z)]),
    )


def cauchy(dim=3):
    """Independent Cauchy coordinates: no mean, and tails that no normal has."""
    return Target(lambda z: -np.sum(np.log1p(z**2), axis=1), dim, gradient=lambda z: -2 * z / (1 + z**2))


def two_modes(gap):
    """Two standard normals in the plane, `gap` apart in each coordinate. Log normaliser 0."""

    def parts(z):
        return [-np.sum((z - side * gap / 2) ** 2, axis=1) / 2 for side in (1, -1)]

    def gradient(z):
        right, left = parts(z)
        share = np.exp(right - np.logaddexp(right, left))[:, None]
        return -share * (z - gap / 2) - (1 - share) * (z + gap / 2)

    return Target(lambda z: np.logaddexp(*parts(z)) - np.log(2) - LOG_TWO_PI, 2, gradient=gradient)


def autoregressive(dim, correlation=0.9):
    """(target, precision) of a stationary normal process with variance 1; log normaliser known from its determinant."""
    precision = np.diag(np.full(dim, 1 + correlation**2)) - correlation * (np.eye(dim, k=1) + np.eye(dim, k=-1))
    precision[0, 0] = precision[-1, -1] = 1
    precision /= 1 - correlation**2
    target = Target(
        lambda z: -np.einsum("sd,sd->s", z @ precision, z) / 2,
        dim,
        gradient=lambda z: -z @ precision,
        hessian_product=lambda z, v: -v @ precision,
    )
    return target, precision


def schools(centred):
    """Eight schools over (mu, log tau, theta or its noise), as log p(y, z)."""
    effects = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    errors = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])

    def split(z):
        mu, tau, free = z[:, :1], np.exp(z[:, 1:2]), z[:, 2:]
        return (mu, tau, free, (free - mu) / tau) if centred else (mu, tau, mu + tau * free, free)

    def log_prob(z):
        mu, tau, theta, noise = split(z)
        prior = stats.norm(0, 5).logpdf(mu[:, 0]) + stats.halfcauchy(0, 5).logpdf(tau[:, 0]) + z[:, 1]
        prior += np.sum(stats.norm.logpdf(noise) - (z[:, 1:2] if centred else 0), axis=1)
        return prior + np.sum(stats.norm(theta, errors).logpdf(effects), axis=1)

    def gradient(z):
        mu, tau, theta, noise = split(z)
        fit = (effects - theta) / errors**2
        of_log_tau = 1 - 2 * tau**2 / (25 + tau**2)
        if centred:
            pull = noise / tau
            more = np.sum(noise**2 - 1, axis=1, keepdims=True)
            return np.hstack([-mu / 25 + pull.sum(axis=1, keepdims=True), of_log_tau + more, fit - pull])
        more = np.sum(fit * tau * noise, axis=1, keepdims=True)
        return np.hstack([-mu / 25 + fit.sum(axis=1, keepdims=True), of_log_tau + more, fit * tau - noise])

    names = {"mu": (), "log_tau": (), "theta" if centred else "noise": (8,)}
    return Target(log_prob, 10, gradient=gradient, names=names)
