"""Normals with a few shared factors, as a fit moves them; `variational_families` says what each method answers."""

import numpy as np

from varinf._arrays import standard_normal
from varinf.families.family import LOG_TWO_PI
from varinf.families.low_rank_normal import LowRankNormal
from varinf.inference.affine_map import AffineMap


class LowRank:
    """theta = (loc, log scale, factor row by row); noise holds that of the features, then that of the factors."""

    name, normal, push = "low_rank", True, None
    damping = 1e-2  # rotations of the factors are flat, and scales beside large factors nearly so

    def __init__(self, rank):
        self.rank, self.label = rank, f"low_rank:{rank}"

    def noise_dim(self, dim):
        return dim + self.rank

    def size(self, dim):
        return (2 + self.rank) * dim

    def start(self, dim):
        theta = np.zeros(self.size(dim))  # a factor of zeros is a saddle, where the gradient never leaves it
        theta[2 * dim :] = 0.1 * np.random.default_rng(0).standard_normal(self.rank * dim)  # any directions do
        return theta

    def noise(self, shape, rng):
        return standard_normal(shape, rng)

    def draw(self, theta, noise):
        loc, scale, factor = self._split(theta)
        return loc + scale * noise[:, : len(loc)] + noise[:, len(loc) :] @ factor.T

    def pull(self, theta, noise, g):
        dim = g.shape[1]
        scale = np.exp(theta[dim : 2 * dim])
        to_scale = scale * np.einsum("sd,sd->d", g, noise[:, :dim])
        return np.concatenate([g.sum(axis=0), to_scale, (g.T @ noise[:, dim:]).ravel()])

    def entropy(self, theta):
        _, scale, factor = self._split(theta)
        dim = len(scale)
        white = factor / scale[:, None]
        inner = np.eye(self.rank) + white.T @ white
        pulled = np.linalg.solve(inner, white.T).T  # white inner^-1: what Woodbury's identity leaves of the inverse
        value = np.sum(np.log(scale)) + np.linalg.slogdet(inner)[1] / 2 + dim * (1 + LOG_TWO_PI) / 2
        to_scale = 1 - np.einsum("dr,dr->d", pulled, white)
        return float(value), np.concatenate([np.zeros(dim), to_scale, (pulled / scale[:, None]).ravel()])

    def log_density(self, theta, noise):
        loc, scale, factor = self._split(theta)
        dim, white = len(loc), factor / scale[:, None]
        inner = np.eye(self.rank) + white.T @ white
        away = noise[:, :dim] + noise[:, dim:] @ white.T  # (z - loc) / scale
        solved = away - np.linalg.solve(inner, white.T @ away.T).T @ white.T
        half_log_det = np.sum(np.log(scale)) + np.linalg.slogdet(inner)[1] / 2
        log_q = -np.sum(away * solved, axis=1) / 2 - half_log_det - dim * LOG_TWO_PI / 2
        return log_q, -solved / scale

    def member(self, theta, to):
        loc, scale, factor = self._split(theta)
        return LowRankNormal(to.of(loc[None])[0], to.scale[:, None] * factor, to.scale * scale)

    def recentre(self, theta, to):
        loc, scale, factor = self._split(theta)
        spread = np.sqrt(scale**2 + np.sum(factor**2, axis=1))  # of a feature: its own noise alone may vanish
        theta = np.concatenate([np.zeros(len(loc)), np.log(scale / spread), (factor / spread[:, None]).ravel()])
        return theta, AffineMap(to.of(loc[None])[0], to.scale * spread)

    def spread_change(self, theta, moves):
        loc, scale, factor = self._split(theta)
        dim = len(loc)
        own = scale**2 * moves[:, dim : 2 * dim]
        shared = np.einsum("dr,mdr->md", factor, moves[:, 2 * dim :].reshape(len(moves), dim, self.rank))
        return (own + shared) / (scale**2 + np.sum(factor**2, axis=1))

    def _split(self, theta):
        dim = len(theta) // (2 + self.rank)
        return theta[:dim], np.exp(theta[dim : 2 * dim]), theta[2 * dim :].reshape(dim, self.rank)
