"""The draws that a deterministic fit holds fixed: in antithetic pairs, and moved to the moments of the family's noise.

"whitened": covariance I, which takes two draws a coordinate; objectives of normal targets are then exact.
"standardised": variance 1 in each coordinate, which any number of draws can have; exact where the coordinates of the
target are independent.
"plain": as they come.
"""

import numpy as np


def fixed_draws(family, dim, draws, rng, moments):
    """Noise (draws, noise_dim) of mean 0, whose second half mirrors the first."""
    half = family.noise((draws // 2, family.noise_dim(dim)), rng)
    if moments == "standardised":
        half = half / np.sqrt(np.mean(half**2, axis=0))
    elif moments == "whitened":
        left, _, right = np.linalg.svd(half, full_matrices=False)
        half = np.sqrt(len(half)) * (left @ right)  # the nearest with half' half = n I
    return np.concatenate([half, -half])


def moments_for(family, dim, draws, whiten):
    """What draws of a family are moved to: `whiten` is True, False, or None for the most that they allow."""
    if whiten is False or not family.normal:
        return "plain"
    return "whitened" if can_whiten(family, dim, draws) else "standardised"


def can_whiten(family, dim, draws):
    """Whether draws of this family have a covariance that can be made I: normal noise, and two draws a coordinate."""
    return family.normal and draws >= 2 * family.noise_dim(dim)
