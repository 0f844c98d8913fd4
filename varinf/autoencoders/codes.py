"""Codes of data with their labels, and the plane in which to look at them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from varinf.families.diagonal_normal import DiagonalNormal


class Plane(NamedTuple):
    """Codes in two directions: means (N, 2), covariances (N, 2, 2), directions (2, D), their share of the variance."""

    loc: np.ndarray
    covariance: np.ndarray
    directions: np.ndarray
    share: float


@dataclass(frozen=True, eq=False, repr=False)
class Codes:
    """The codes q(z|x) of data, and their labels where there are some; `varinf.plot` draws them.

    Parameters
    ----------
    q : DiagonalNormal
        Batch shape (N,), D features: one code a datum.
    labels : array (N,), optional
        By which a picture colours them: integers, strings, or anything that sorts.

    Raises
    ------
    TypeError
        If q is no DiagonalNormal.
    ValueError
        If q is no batch (N,), or the labels are not one a datum.

    See Also
    --------
    varinf.VIB.codes : What makes it.
    varinf.plot : Draws it: ellipses of one standard deviation.

    Examples
    --------
    >>> import varinf as vi
    >>> from varinf.autoencoders.codes import Codes
    >>> q = vi.DiagonalNormal([[0.0, 0.0], [3.0, 0.0]], [[0.5, 1.0], [0.5, 1.0]])
    >>> codes = Codes(q, ["a", "b"])
    >>> codes
    Codes(2 data, 2 latents, labels a, b)
    >>> codes.plane().covariance[0]
    array([[0.25, 0.  ],
           [0.  , 1.  ]])
    """

    q: Any
    labels: Any = None

    slug = "codes"

    def __post_init__(self):
        if not isinstance(self.q, DiagonalNormal):
            raise TypeError(f"q is a {type(self.q).__name__}: give a DiagonalNormal, as an encoder does")
        if len(self.q.batch_shape) != 1 or len(self.q) == 0:
            raise ValueError(f"q has batch shape {self.q.batch_shape}: give one code per datum, (N,)")
        if self.labels is None:
            return
        labels = np.asarray(self.labels)
        if labels.shape != (len(self.q),):
            raise ValueError(f"labels have shape {labels.shape}: give one a datum, ({len(self.q)},)")
        object.__setattr__(self, "labels", labels)

    @property
    def data(self):
        """What `varinf.plot` draws, a dict."""
        return {"codes": self}

    @property
    def classes(self):
        """The labels that occur, sorted (C,); one, None, without labels."""
        return (None,) if self.labels is None else tuple(np.unique(self.labels).tolist())

    def plane(self):
        """Codes in two directions: the latents themselves where there are two.

        Of more latents, the two orthogonal directions in which their means vary most. The variance of the codes
        themselves would not do: a latent that is not in use varies as the prior does, and its means not at all.

        Returns
        -------
        Plane
            With loc (N, 2) and covariance (N, 2, 2), exact for these normals; the directions (2, D); and the share of
            the variance of the means that lies in them.

        Raises
        ------
        ValueError
            For one latent: it has no plane.
        """
        loc, scale = np.asarray(self.q.loc, dtype=np.float64), np.asarray(self.q.scale, dtype=np.float64)
        latents = loc.shape[1]
        if latents < 2:
            raise ValueError("these codes have 1 latent, and a plane has 2 directions: use latent_dim=2 or more")
        directions, share = np.eye(2), 1.0
        if latents > 2:
            _, singular, right = np.linalg.svd(loc - loc.mean(axis=0), full_matrices=True)
            signs = np.sign(right[np.arange(2), np.argmax(np.abs(right[:2]), axis=1)])
            directions, total = signs[:, None] * right[:2], float(np.sum(singular**2))
            share = float(np.sum(singular[:2] ** 2)) / total if total > 0 else 1.0
        covariance = np.einsum("ki,ni,li->nkl", directions, scale**2, directions)
        return Plane(loc @ directions.T, covariance, directions, share)

    def __repr__(self):
        data, latents = self.q.loc.shape
        names = "" if self.labels is None else f", labels {', '.join(str(label) for label in self.classes[:10])}"
        more = ", …" * (len(self.classes) > 10)
        return f"Codes({data:,} data, {latents} latents{names}{more})"
