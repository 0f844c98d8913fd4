"""The draws that a deterministic fit holds fixed: in antithetic pairs and, where there are enough, whitened."""

import numpy as np


def fixed_draws(family, dim, draws, rng, whiten):
    """Noise (draws, noise_dim): the second half mirrors the first; whitened, its mean is 0 and its covariance I."""
    half = family.noise((draws // 2, family.noise_dim(dim)), rng)
    if whiten:
        left, _, right = np.linalg.svd(half, full_matrices=False)
        half = np.sqrt(len(half)) * (left @ right)  # the nearest with half' half = n I
    return np.concatenate([half, -half])


def can_whiten(family, dim, draws):
    """Whether draws of this family have a covariance that can be made I: normal noise, and two draws a coordinate."""
    return family.normal and draws >= 2 * family.noise_dim(dim)
