"""Targets whose answers are known."""

import numpy as np

from varinf.datasets import diabetes
from varinf.inference.target import Target
from varinf.models.linear_regression import LinearRegression


def normal(dim, seed=0, condition=30.0):
    """(target, mean, covariance, log normaliser) of a correlated normal with constants of its own."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    precision = basis * np.geomspace(1, condition, dim) @ basis.T
    mean, constant = rng.normal(size=dim), 3.0
    target = Target(
        lambda z: constant - np.einsum("si,ij,sj->s", z - mean, precision, z - mean) / 2,
        dim,
        gradient=lambda z: -(z - mean) @ precision,
        hessian_product=lambda z, v: -v @ precision,
    )
    log_normaliser = constant + dim * np.log(2 * np.pi) / 2 - np.linalg.slogdet(precision)[1] / 2
    return target, mean, np.linalg.inv(precision), log_normaliser


def diabetes_regression():
    """(target, model): the posterior of a Bayesian linear regression, in log p(y, z)."""
    X, y = diabetes()
    model = LinearRegression(X, y, noise_variance=0.5)
    precision, pull = 2 * X.T @ X + np.eye(X.shape[1]), 2 * X.T @ y
    return Target(lambda z: model.log_joint(None, z), X.shape[1], gradient=lambda z: pull - z @ precision), model


def banana(dim=2, bend=0.5):
    """A normal bent along a parabola: known moments, normaliser sqrt(2 pi)^dim, gradients that are not linear."""

    def log_prob(z):
        return -(z[:, 0] ** 2 + np.sum((z[:, 1:] - bend * z[:, :1] ** 2) ** 2, axis=1)) / 2

    def gradient(z):
        away = z[:, 1:] - bend * z[:, :1] ** 2
        return np.column_stack([-z[:, 0] + 2 * bend * z[:, 0] * away.sum(axis=1), -away])

    return Target(log_prob, dim, gradient=gradient)
