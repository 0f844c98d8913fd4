"""The affine map behind which a fit works."""

from typing import Any, NamedTuple

import numpy as np


class AffineMap(NamedTuple):
    """z -> shift + scale z, with scale a vector (D,) or a lower triangle (D, D)."""

    shift: Any
    scale: Any

    def of(self, z):
        return self.shift + (z * self.scale if self.scale.ndim == 1 else z @ self.scale.T)

    def turn(self, v):
        """Directions v (S, D), which the shift leaves alone."""
        return v * self.scale if self.scale.ndim == 1 else v @ self.scale.T

    def pull(self, g):
        """Gradients in z from those in its image."""
        return g * self.scale if self.scale.ndim == 1 else g @ self.scale

    @property
    def log_det(self):
        return float(np.sum(np.log(self.scale if self.scale.ndim == 1 else np.diagonal(self.scale))))
