"""The information bottleneck of jointly normal X and Y: minimise I(T;X) − β I(T;Y), in closed form.

Some T = A X + N(0, I) is optimal. With whitened features and the singular values ρ_i of the whitened Sigma_xy (the
canonical correlations), the problem falls apart into one for each pair u_i of X, v_i of Y, u_i of variance 1. For
T_i = a u_i + N(0, 1),

    I(T;u) = ½ log(1 + a²),    I(T;v) = ½ log(1 + a²) − ½ log(1 + a² (1 − ρ²)),

whose Lagrangian is least at a² = (β ρ² − 1) / (1 − ρ²) where that is positive, else at 0: direction i comes in at its
critical β = 1 / ρ_i². There 1 + a² = (β − 1) ρ² / (1 − ρ²) and 1 + a² (1 − ρ²) = β ρ².

In the paper, λ_i = 1 − ρ_i² are the eigenvalues of Sigma_{x|y} Sigma_x⁻¹, and its rows α_i v_i are the rows of A here.
Source: Chechik, Globerson, Tishby, Weiss (2005), "Information bottleneck for Gaussian variables", theorem 3.1 and
eq. 16; that no T that is not normal does better: Globerson, Tishby (2004), "On the optimality of the Gaussian
information bottleneck curve".
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from varinf._arrays import as_array, check_finite, finite_number, is_numpy, refuse_where
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.matrices import check_symmetric, symmetry_slack
from varinf.tradeoffs.units import converted

SHARE_LEFT = 1e-3  # of I(X;Y), where a curve without given betas ends


@dataclass(frozen=True, eq=False, repr=False)
class GaussianBottleneck:
    """The best compression of X about Y at a β.

    Parameters
    ----------
    beta : float
        The weight of I(T;Y); free of units.
    I_TX, I_TY : float
        What T keeps of X, and what it says about Y, in `units`; exact.
    projection : array (K, P)
        The A of T = A X + N(0, I); K, the number of directions that are kept, may be 0.
    correlations : array (R,)
        Canonical correlations ρ, falling.
    critical_betas : array (R,)
        1 / ρ²: where each direction comes in; inf for ρ = 0.
    units : {"nats", "bits"}
        Of I_TX and I_TY; `to` converts.

    See Also
    --------
    varinf.gaussian_bottleneck : What makes it.
    varinf.gaussian_bottleneck_curve : Many β at once.

    Examples
    --------
    >>> import varinf as vi
    >>> result = vi.gaussian_bottleneck([[1.0]], [[0.9]], [[1.0]], beta=3.0)
    >>> result
    GaussianBottleneck(beta=3, I_TX=1.072, I_TY=0.6276, 1 of 1 directions, units='nats')
    >>> result.encode([[0.0], [1.0]]).loc.round(4)
    array([[0.    ],
           [2.7434]])
    """

    beta: float
    I_TX: float
    I_TY: float
    projection: Any
    correlations: Any
    critical_betas: Any
    units: str = "nats"

    def to(self, units):
        """The same result in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show it in; a bit is log 2 nats.

        Returns
        -------
        GaussianBottleneck
            With I_TX and I_TY converted; beta stays.
        """
        return converted(self, units, ("I_TX", "I_TY"))

    def encode(self, X):
        """The distribution of T given each x.

        Parameters
        ----------
        X : array (N, P)
            Data, less their means.

        Returns
        -------
        DiagonalNormal
            N(A x, I), batch (N,), K dimensions.

        Raises
        ------
        ValueError
            If X is not (N, P), or nothing is kept: then T says nothing, and there is no distribution to give.
        """
        X = _matrix(X, "X")
        if X.shape[1] != self.projection.shape[1]:
            raise ValueError(f"X has shape {X.shape}: give data (N, {self.projection.shape[1]}), less their means")
        if len(self.projection) == 0:
            raise ValueError(
                f"beta={self.beta:g} keeps no direction: the first comes in above {self.critical_betas[0]:g}"
            )
        loc = X @ self.projection.T
        return DiagonalNormal(loc, np.ones_like(loc))

    def __repr__(self):
        return (
            f"GaussianBottleneck(beta={self.beta:.4g}, I_TX={self.I_TX:.4g}, I_TY={self.I_TY:.4g}, "
            f"{len(self.projection)} of {len(self.correlations)} directions, units={self.units!r})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class GaussianBottleneckCurve:
    """The information curve of jointly normal X and Y, at many β.

    Parameters
    ----------
    beta : array (B,)
        In the order given, else rising; free of units. The slope of the curve, dI_TY / dI_TX, is 1 / beta.
    I_TX, I_TY : array (B,)
        In `units`; exact.
    directions : array (B,) of int
        How many directions each keeps.
    correlations : array (R,)
        Canonical correlations ρ, falling.
    critical_betas : array (R,)
        1 / ρ²: where each direction comes in; inf for ρ = 0.
    limit : float
        I(X;Y), which I_TY approaches as beta grows, in `units`.
    units : {"nats", "bits"}
        Of I_TX, I_TY and limit; `to` converts.

    See Also
    --------
    varinf.gaussian_bottleneck_curve : What makes it.
    varinf.gaussian_bottleneck : A single β, with its projection.

    Examples
    --------
    >>> import varinf as vi
    >>> curve = vi.gaussian_bottleneck_curve([[1.0]], [[0.9]], [[1.0]], betas=[1.0, 3.0]).to("bits")
    >>> curve.I_TY.round(4), round(curve.limit, 4)
    (array([0.    , 0.9055]), 1.198)
    """

    beta: Any
    I_TX: Any
    I_TY: Any
    directions: Any
    correlations: Any
    critical_betas: Any
    limit: float
    units: str = "nats"

    def to(self, units):
        """The same curve in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show it in; a bit is log 2 nats.

        Returns
        -------
        GaussianBottleneckCurve
            With I_TX, I_TY and limit converted; beta stays.
        """
        return converted(self, units, ("I_TX", "I_TY", "limit"))

    def __repr__(self):
        return (
            f"GaussianBottleneckCurve({len(self.beta)} points, beta {np.min(self.beta):.4g} to {np.max(self.beta):.4g},"
            f" I_TY up to {np.max(self.I_TY):.4g} of {self.limit:.4g} {self.units})"
        )


def gaussian_bottleneck(Sigma_x, Sigma_xy, Sigma_y, beta):
    """The T that minimises I(T;X) − beta·I(T;Y), for jointly normal X and Y: a noisy projection, in closed form.

    Parameters
    ----------
    Sigma_x : array (P, P)
        Covariance of X, positive semidefinite.
    Sigma_xy : array (P, Q)
        Covariance between X (rows) and Y (columns).
    Sigma_y : array (Q, Q)
        Covariance of Y, positive semidefinite.
    beta : float
        The weight of I(T;Y), 0 or more and free of units. At 1 and below, T is nothing, as it is up to the first
        critical beta.

    Returns
    -------
    GaussianBottleneck
        With `I_TX`, `I_TY`, in nats, and the `projection` A of T = A X + N(0, I).

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, a covariance is not symmetric or has an eigenvalue below 0 by more
        than rounding, the three are not blocks of one covariance, or a canonical correlation is 1 to rounding: the
        best T has infinite information there at every beta above 1.

    See Also
    --------
    gaussian_bottleneck_curve : Many β at once.
    joint_covariance : The three blocks from data, with shrinkage.
    gaussian_mutual_information : The most that I(T;Y) can be.

    Notes
    -----
    Directions in which X or Y does not vary are left out. T is one of many: any invertible map of it does as well.

    References
    ----------
    Chechik, Globerson, Tishby, Weiss (2005), "Information bottleneck for Gaussian variables", theorem 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> import varinf as vi
    >>> result = vi.gaussian_bottleneck(np.eye(3), np.diag([0.9, 0.6, 0.3]), np.eye(3), beta=3.0)
    >>> result.critical_betas.round(4)
    array([ 1.2346,  2.7778, 11.1111])
    >>> round(result.I_TX, 6), round(result.I_TY, 6), result.projection.shape
    (1.13047, 0.648044, (2, 3))
    """
    beta = _beta(finite_number(beta, "beta"))
    rho, directions = _canonical(Sigma_x, Sigma_xy, Sigma_y)
    I_TX, I_TY, kept = _information(rho, np.array([beta]))
    gain = np.sqrt((beta * rho[kept[0]] ** 2 - 1) / (1 - rho[kept[0]] ** 2))
    return GaussianBottleneck(
        beta, float(I_TX[0]), float(I_TY[0]), gain[:, None] * directions[kept[0]], rho, _critical(rho)
    )


def gaussian_bottleneck_curve(Sigma_x, Sigma_xy, Sigma_y, betas=None):
    """The information curve of jointly normal X and Y: I(T;X) and I(T;Y) of the best T at each beta.

    Parameters
    ----------
    Sigma_x : array (P, P)
        Covariance of X, positive semidefinite.
    Sigma_xy : array (P, Q)
        Covariance between X (rows) and Y (columns).
    Sigma_y : array (Q, Q)
        Covariance of Y, positive semidefinite.
    betas : array (B,), optional
        Where, 0 or more. By default 100 values, evenly spaced in log(beta − 1), and the critical ones, from the first
        of these to where I(T;Y) is within a thousandth of I(X;Y).

    Returns
    -------
    GaussianBottleneckCurve
        With `beta`, `I_TX`, `I_TY`, in nats, `directions` and the `limit` I(X;Y).

    Raises
    ------
    ValueError
        As `gaussian_bottleneck`.

    See Also
    --------
    gaussian_bottleneck : A single β, with its projection.
    joint_covariance : The three blocks from data, with shrinkage.
    plot : The curve with the places where directions join, as a picture.

    References
    ----------
    Chechik, Globerson, Tishby, Weiss (2005), "Information bottleneck for Gaussian variables", eq. 29.

    Examples
    --------
    >>> import numpy as np
    >>> import varinf as vi
    >>> curve = vi.gaussian_bottleneck_curve(np.eye(3), np.diag([0.9, 0.6, 0.3]), np.eye(3), betas=[1.0, 3.0, 12.0])
    >>> curve.I_TX.round(4), curve.I_TY.round(4), curve.directions
    (array([0.    , 1.1305, 2.8773]), array([0.    , 0.648 , 0.9701]), array([0, 2, 3]))
    """
    rho, _ = _canonical(Sigma_x, Sigma_xy, Sigma_y)
    limit = float(-np.sum(np.log1p(-(rho**2))) / 2)
    if betas is None:
        betas = _betas(rho, limit)
    else:
        betas = as_array(betas, "betas")
        if betas.ndim != 1 or betas.size == 0:
            raise ValueError(f"betas has shape {tuple(betas.shape)}: give a list (B,), at least one")
        check_finite(betas, "betas")
        refuse_where(betas < 0, betas, "betas", "values below 0", "use 0 or more")
        betas = betas.astype(np.float64)
    I_TX, I_TY, kept = _information(rho, betas)
    return GaussianBottleneckCurve(betas, I_TX, I_TY, kept.sum(axis=1), rho, _critical(rho), limit)


def _information(rho, betas):
    """(I_TX, I_TY, which directions are kept): (B,), (B,), (B, R)."""
    relevance = betas[:, None] * rho**2  # β ρ² = 1 + a² (1 − ρ²)
    kept = relevance > 1
    relevance = np.where(kept, relevance, 1.0)
    signal = np.where(kept, (relevance - 1) / (1 - rho**2), 0.0)  # a²; log1p of it keeps its digits where it sets in
    I_TX = np.sum(np.log1p(signal), axis=1) / 2
    return I_TX, I_TX - np.sum(np.log(relevance), axis=1) / 2, kept


def _critical(rho):
    return np.where(rho > 0, 1 / np.where(rho > 0, rho, 1.0) ** 2, math.inf)


def _betas(rho, limit):
    critical = _critical(rho)
    if not np.any(rho > 0):
        return np.array([1.0])
    # With k directions I_TY = I(X;Y) + k/2 log(1 − 1/β), once all of them are in.
    last = max(np.count_nonzero(rho) / (2 * SHARE_LEFT * limit), 2 * critical[0])
    spaced = 1 + np.geomspace(critical[0] - 1, last - 1, 100)
    return np.union1d(spaced, critical[critical <= last])


def _canonical(Sigma_x, Sigma_xy, Sigma_y):
    """(ρ, rows of the canonical directions of X): (R,), (R, P); falling."""
    given = [_matrix(x, name) for x, name in ((Sigma_x, "Sigma_x"), (Sigma_xy, "Sigma_xy"), (Sigma_y, "Sigma_y"))]
    covariance_x, cross, covariance_y = given
    for name, x, size in (("Sigma_x", covariance_x, cross.shape[0]), ("Sigma_y", covariance_y, cross.shape[1])):
        if x.shape != (size, size):
            raise ValueError(f"{name} has shape {x.shape}, but Sigma_xy {cross.shape} needs {(size, size)}")
    (whiten_x, colour_x), (whiten_y, colour_y) = _roots(covariance_x, "Sigma_x"), _roots(covariance_y, "Sigma_y")
    core = whiten_x @ cross @ whiten_y.T
    scale = np.sqrt(np.diagonal(covariance_x))[:, None] * np.sqrt(np.diagonal(covariance_y))
    if np.any(np.abs(colour_x @ core @ colour_y.T - cross) > 1e-6 * scale):
        raise ValueError(
            "Sigma_xy has covariance in directions in which Sigma_x or Sigma_y has no variance; the three must be "
            "blocks of one covariance"
        )
    left, rho, _ = np.linalg.svd(core, full_matrices=False)
    eps = np.finfo(np.float64).eps
    if np.any(rho > 1 + 1e-8):
        raise ValueError(
            f"Sigma_xy is too large beside Sigma_x and Sigma_y: a canonical correlation would be {rho[0]:.6g}, "
            "above 1; the three must be blocks of one covariance"
        )
    if np.any(1 - rho**2 <= 4 * max(cross.shape) * eps):
        raise ValueError(
            "a canonical correlation is 1 to rounding: a combination of the features of X determines one of Y, about "
            "which the best T has infinite information; leave it out, or use joint_covariance with shrinkage"
        )
    rho = np.where(rho > max(cross.shape) * eps, rho, 0.0)
    return rho, left.T @ whiten_x


def _roots(covariance, name):
    """(K, C) with K S Kᵀ = I, C K = 1 on the range of S: from eigenvectors of the correlations, so units are free."""
    check_symmetric(covariance, name, symmetry_slack(covariance))
    diagonal = np.diagonal(covariance)
    refuse_where(diagonal < 0, diagonal, f"the diagonal of {name}", "values below 0", "variances are 0 or more")
    scale = np.sqrt(diagonal)
    safe = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(covariance / safe / safe[:, None])
    slack = len(values) * np.finfo(np.float64).eps * max(float(np.max(np.abs(values))), 1e-300) * 10
    refuse_where(
        values < -max(slack, 1e-10), values, f"the spectrum of {name}", "values below 0", "a covariance has none"
    )
    kept = values > slack
    root, vectors = np.sqrt(values[kept]), vectors[:, kept]
    return (vectors / root).T * (scale > 0) / safe, scale[:, None] * vectors * root


def _matrix(x, name):
    x = as_array(x, name)
    if not is_numpy(x):
        raise TypeError(f"{name} is a {type(x).__module__}.{type(x).__name__}; give a NumPy array")
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"{name} has shape {x.shape}: give a matrix")
    check_finite(x, name)
    return x.astype(np.float64)


def _beta(beta):
    if beta < 0:
        raise ValueError(f"beta={beta:g}: use 0 or more")
    return beta
