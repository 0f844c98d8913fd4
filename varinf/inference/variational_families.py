"""The families that a fit chooses from, as smooth maps of one flat vector theta and standard noise.

Each writes a draw as z = z(theta, noise) and answers, for noise (S, noise_dim(D)) and g (S, D), the gradient of some
function of each draw,

    size(D)                      length of theta
    start(D)                     theta of the standard member, loc 0 and scales 1
    draw(theta, noise)           z (S, D)
    pull(theta, noise, g)        sum over draws of g . dz/dtheta, (size,)
    entropy(theta)               of the member without the scale of the map below, in nats, and its gradient
    log_density(theta, noise)    log q at the draws (S,), and its gradient in z (S, D)
    push(theta, noise, v)        dz/dtheta v, (S, D), where products with a Hessian can be exact: else None
    bend(theta, noise, g, v)     sum over draws of g . d2z/dtheta2 v, (size,)
    member(theta, to)            the family member behind an affine map z -> to.shift + to.scale z
    recentre(theta, to)          (theta, map) of the same member, with the map where the member is
    spread_change(theta, moves)  relative changes (M, D) of the scales where theta moves by each of (M, size)

`damping` is what must be added to the curvature, near 1 elsewhere, where a family has directions that change no member.

Fits work behind such a map, so that the member sought is near the standard one and the Hessian of the objective near
the identity, whatever the units of the target.
"""

import math
from functools import lru_cache

import numpy as np

from varinf._arrays import positive_integer, special, standard_normal
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.family import LOG_TWO_PI
from varinf.families.full_normal import FullNormal
from varinf.families.student_t import StudentT
from varinf.inference.affine_map import AffineMap
from varinf.inference.low_rank import LowRank
from varinf.models.model import positive_number


class Diagonal:
    """theta = (loc, log scale)."""

    name = label = "diagonal"
    normal, damping = True, 0.0

    def noise_dim(self, dim):
        return dim

    def size(self, dim):
        return 2 * dim

    def start(self, dim):
        return np.zeros(2 * dim)

    def noise(self, shape, rng):
        return standard_normal(shape, rng)

    def draw(self, theta, noise):
        loc, log_scale = np.split(theta, 2)
        return loc + np.exp(log_scale) * noise

    def pull(self, theta, noise, g):
        scale = np.exp(np.split(theta, 2)[1])
        return np.concatenate([g.sum(axis=0), scale * np.einsum("sd,sd->d", g, noise)])

    def entropy(self, theta):
        dim = len(theta) // 2
        gradient = np.zeros_like(theta)
        gradient[dim:] = 1
        return float(theta[dim:].sum()) + dim * self._entropy_of_one(), gradient

    def _entropy_of_one(self):
        return (1 + LOG_TWO_PI) / 2

    def log_density(self, theta, noise):
        log_scale = np.split(theta, 2)[1]
        log_q = -np.sum(noise * noise, axis=1) / 2 - np.sum(log_scale) - noise.shape[1] * LOG_TWO_PI / 2
        return log_q, -noise * np.exp(-log_scale)

    def push(self, theta, noise, v):
        v_loc, v_scale = np.split(v, 2)
        return v_loc + np.exp(np.split(theta, 2)[1]) * v_scale * noise

    def bend(self, theta, noise, g, v):
        dim = len(theta) // 2
        bent = np.zeros_like(theta)
        bent[dim:] = np.exp(theta[dim:]) * v[dim:] * np.einsum("sd,sd->d", g, noise)
        return bent

    def member(self, theta, to):
        loc, scale = self._placed(theta, to)
        return DiagonalNormal(loc, scale)

    def recentre(self, theta, to):
        return np.zeros_like(theta), AffineMap(*self._placed(theta, to))

    def spread_change(self, theta, moves):
        dim = len(theta) // 2
        return moves[:, dim:]

    @staticmethod
    def _placed(theta, to):
        loc, log_scale = np.split(theta, 2)
        return to.of(loc[None])[0], to.scale * np.exp(log_scale)


class StudentTs(Diagonal):
    """theta = (loc, log scale) of independent Student t features with the same, given, degrees of freedom."""

    name, normal = "student_t", False

    def __init__(self, degrees):
        self.degrees, self.label = degrees, f"student_t:{degrees:g}"

    def noise(self, shape, rng):
        return standard_normal(shape, rng) / np.sqrt(rng.chisquare(self.degrees, shape) / self.degrees)

    def _entropy_of_one(self):
        half, df = (self.degrees + 1) / 2, self.degrees
        gammaln, digamma = special(np.zeros(1)).gammaln, special(np.zeros(1)).digamma
        log_beta = gammaln(df / 2) + gammaln(0.5) - gammaln(half)
        return float(half * (digamma(half) - digamma(df / 2)) + math.log(df) / 2 + log_beta)

    def log_density(self, theta, noise):
        log_scale, df = np.split(theta, 2)[1], self.degrees
        gammaln = special(np.zeros(1)).gammaln
        constant = gammaln((df + 1) / 2) - gammaln(df / 2) - math.log(math.pi * df) / 2
        log_q = np.sum(constant - log_scale - (df + 1) / 2 * np.log1p(noise * noise / df), axis=1)
        return log_q, -(df + 1) * noise / (df + noise * noise) * np.exp(-log_scale)

    def member(self, theta, to):
        loc, scale = self._placed(theta, to)
        return StudentT(np.full_like(loc, self.degrees), loc, scale)


class Full:
    """theta = (loc, log scale, mixing N row by row below the diagonal): z = loc + scale (noise + N noise).

    Scales multiply whole rows of the Cholesky factor, so that a narrow posterior is reached by the scales alone.
    """

    name = label = "full"
    normal, damping = True, 0.0

    def noise_dim(self, dim):
        return dim

    def size(self, dim):
        return 2 * dim + dim * (dim - 1) // 2

    def start(self, dim):
        return np.zeros(self.size(dim))

    def noise(self, shape, rng):
        return standard_normal(shape, rng)

    def draw(self, theta, noise):
        loc, scale, unit = self._split(theta)
        return loc + scale * (noise @ unit.T)

    def pull(self, theta, noise, g):
        _, scale, unit = self._split(theta)
        slope = (g.T @ noise) * scale[:, None]
        to_scale = np.einsum("ij,ij->i", slope, unit)
        return np.concatenate([g.sum(axis=0), to_scale, slope[_below(len(scale))]])

    def entropy(self, theta):
        dim = _dim_of_full(len(theta))
        gradient = np.zeros_like(theta)
        gradient[dim : 2 * dim] = 1
        return float(theta[dim : 2 * dim].sum()) + dim * (1 + LOG_TWO_PI) / 2, gradient

    def log_density(self, theta, noise):
        _, scale, unit = self._split(theta)
        log_q = -np.sum(noise * noise, axis=1) / 2 - np.sum(np.log(scale)) - len(scale) * LOG_TWO_PI / 2
        return log_q, -_solve_transposed(unit, noise) / scale

    def push(self, theta, noise, v):
        _, scale, unit = self._split(theta)
        v_loc, v_scale, v_unit = self._parts(v)
        return v_loc + scale * (v_scale * (noise @ unit.T) + noise @ v_unit.T)

    def bend(self, theta, noise, g, v):
        _, scale, unit = self._split(theta)
        _, v_scale, v_unit = self._parts(v)
        slope = (g.T @ noise) * scale[:, None]
        to_scale = np.einsum("ij,ij->i", slope, v_scale[:, None] * unit + v_unit)
        return np.concatenate([np.zeros(len(scale)), to_scale, (slope * v_scale[:, None])[_below(len(scale))]])

    def member(self, theta, to):
        _, to = self.recentre(theta, to)
        return FullNormal(to.shift, to.scale)

    def recentre(self, theta, to):
        loc, scale, unit = self._split(theta)
        tril = scale[:, None] * unit
        scale = to.scale[:, None] * tril if to.scale.ndim == 1 else to.scale @ tril
        return np.zeros_like(theta), AffineMap(to.of(loc[None])[0], scale)

    def spread_change(self, theta, moves):
        dim = _dim_of_full(len(theta))
        return moves[:, dim : 2 * dim]

    def _split(self, theta):
        loc, log_scale, unit = self._parts(theta)
        unit[np.diag_indices(len(loc))] = 1
        return loc, np.exp(log_scale), unit

    @staticmethod
    def _parts(v):
        dim = _dim_of_full(len(v))
        below = np.zeros((dim, dim))
        below[_below(dim)] = v[2 * dim :]
        return v[:dim], v[dim : 2 * dim], below


def family_named(name):
    """A family by its name; "low_rank:5" and "student_t:4" say the rank and the degrees of freedom."""
    kind, _, number = str(name).partition(":")
    if kind == "diagonal" and not number:
        return Diagonal()
    if kind == "full" and not number:
        return Full()
    if kind == "low_rank":
        return LowRank(positive_integer(_number(number, int, name), "rank") if number else 5)
    if kind == "student_t":
        return StudentTs(positive_number(_number(number, float, name), "degrees of freedom") if number else 5.0)
    raise ValueError(f"family={name!r}: use 'diagonal', 'full', 'low_rank:5' (rank) or 'student_t:5' (degrees)")


def _number(text, kind, name):
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"family={name!r}: a number belongs behind a colon, as in 'low_rank:5'") from None


@lru_cache(4)
def _below(dim):
    return np.tril_indices(dim, -1)


def _solve_transposed(tril, rows):
    """tril^-T of each row."""
    from scipy.linalg import solve_triangular

    return solve_triangular(tril, rows.T, lower=True, trans="T").T


def _dim_of_full(size):
    return (math.isqrt(9 + 8 * size) - 3) // 2
