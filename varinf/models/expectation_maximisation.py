"""Expectation maximisation for probabilistic PCA, half step by half step: Theorem 1 as an algorithm."""

from typing import NamedTuple

import numpy as np

from varinf.families.family import LOG_TWO_PI


class HalfStep(NamedTuple):
    """What holds after a half step: averages over the data, in nats per datum.

    `half` is "start" (q is the prior), "E" (q has become the posterior: the ELBO has risen to log p(x)) or "M" (the
    parameters have moved: the ELBO has risen again, and log p(x) at least as much).
    """

    step: int
    half: str
    elbo: float
    log_evidence: float


def expectation_maximisation(covariance, weights, noise_variance, max_steps, tolerance):
    """Weights, noise variance, history and whether they have settled.

    The mean of the data is at its maximum from the start, so the data enter by their covariance S alone, which makes
    a step cost O(F² D) whatever their number. q(z | x) = N(A (x − mean), V), with A and V common to all data.

    Source: Tipping, Bishop (1999), appendix B.
    """
    s = covariance
    dim = weights.shape[1]
    a, v = np.zeros(weights.T.shape), np.eye(dim)  # q = prior
    history = []

    def record(step, half):
        elbo = _average_elbo(s, a, v, weights, noise_variance)
        history.append(HalfStep(step, half, elbo, _average_log_evidence(s, weights, noise_variance)))

    record(0, "start")
    for step in range(1, max_steps + 1):
        m_inverse = np.linalg.inv(weights.T @ weights + noise_variance * np.eye(dim))
        a, v = m_inverse @ weights.T, noise_variance * m_inverse
        record(step, "E")
        before = weights, noise_variance
        cross = s @ a.T
        weights = np.linalg.solve(v + a @ cross, cross.T).T
        noise_variance = (np.trace(s) - np.sum(weights * cross)) / len(s)
        record(step, "M")
        moved = max(np.max(np.abs(weights - before[0])) / np.max(np.abs(weights)), abs(noise_variance / before[1] - 1))
        if moved < tolerance:
            return weights, noise_variance, tuple(history), True
    return weights, noise_variance, tuple(history), False


def _average_elbo(s, a, v, weights, noise_variance):
    """Average of E_q log p(x, z) + H(q) over data of covariance s."""
    features, dim = weights.shape
    moment = v + a @ s @ a.T  # average E z z'
    squares = np.trace(s) - 2 * np.sum(weights * (s @ a.T)) + np.sum((weights.T @ weights) * moment)
    reconstruction = -(squares / noise_variance + features * (LOG_TWO_PI + np.log(noise_variance))) / 2
    log_prior = -(np.trace(moment) + dim * LOG_TWO_PI) / 2
    entropy = (np.linalg.slogdet(v)[1] + dim * (1 + LOG_TWO_PI)) / 2
    return float(reconstruction + log_prior + entropy)


def _average_log_evidence(s, weights, noise_variance):
    """Average of log N(x; mean, C) over data of covariance s."""
    c = weights @ weights.T + noise_variance * np.eye(len(s))
    return float(-(len(s) * LOG_TWO_PI + np.linalg.slogdet(c)[1] + np.trace(np.linalg.solve(c, s))) / 2)
