"""Annealed chains between q and a target: the path, the Hamiltonian moves that keep each of its densities, the weights.

On the path log f_b(z) = (1 - b) log q(z) + b log p(z) a chain that starts from q and is moved, at each temperature b_t,
by a kernel that leaves f_(b_t) invariant has the weight

    log w = sum_t (b_t - b_(t-1)) (log p(z_(t-1)) - log q(z_(t-1))),

whose mean is the normaliser of p exactly, however badly the chains mix (Neal 2001). The same kernels in reverse order,
from an exact draw of the normalised p, have a mean of 1/w that is exactly one over the normaliser (Grosse, Ghahramani,
Adams 2015). Both need kernels that were fixed before: step sizes are tuned by chains of their own, and then frozen.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from varinf._arrays import as_array, positive_integer, standard_normal
from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal
from varinf.families.normal import Normal
from varinf.inference.result import BLOCK, Fit
from varinf.inference.target import Target

ACCEPTANCE = 0.8  # that step sizes are tuned towards
LONGEST = 2.0  # length of a trajectory, in standard deviations of q: pi/2 would carry a normal to an independent draw
JITTER = (0.7, 1.3)  # times the step size, anew for each move, so that no trajectory closes on itself
FIRST, EACH = 12, 2  # pilot moves at the first temperature, where the step size is not known at all, and at the others
STEEPNESS = 4.0  # of the sigmoid on which temperatures lie, closest to each other at both ends


class State(NamedTuple):
    """Chains at u, in coordinates where q has scale 1, with both log densities and their gradients there."""

    u: Any
    log_p: Any
    slope_p: Any
    log_q: Any
    slope_q: Any

    def log_ratio(self):
        """log p - log q of each chain."""
        return self.log_p - self.log_q

    def log_f(self, beta):
        """log f_beta of each chain; what is -inf under p is so at every beta above 0."""
        return self.log_q + beta * self.log_ratio() if beta else self.log_q

    def slope(self, beta):
        """Gradient of log f_beta."""
        return (1 - beta) * self.slope_q + beta * self.slope_p


class Kernels(NamedTuple):
    """Frozen moves: temperatures (T + 1,) from 0 to 1, step sizes for each, and how each is used."""

    temperatures: Any
    step_sizes: Any
    moves: int
    leapfrog: int


class Path:
    """The densities between q and a target, in coordinates u with z = loc + scale u."""

    def __init__(self, target, q):
        q = q.q if isinstance(q, Fit) else q
        if not isinstance(target, Target):
            raise TypeError(f"target={target!r}: give a Target, such as vi.Target(log_prob, dim)")
        if not all(hasattr(q, name) for name in ("sample", "log_prob", "mean", "variance", "batch_shape")):
            raise TypeError(f"q={q!r}: give a family, such as a DiagonalNormal, or a fit")
        if tuple(q.batch_shape) != () or q.dim != target.free_dim:
            raise ValueError(
                f"q is {q!r}, but the target has {target.free_dim} free coordinates: give one distribution over them"
            )
        self.target, self.q, self.dim = target, q, q.dim
        self.loc = np.asarray(q.mean, dtype=np.float64)
        self.tril = np.asarray(q.scale_tril, dtype=np.float64) if isinstance(q, FullNormal) else None
        self.scale = np.sqrt(np.asarray(q.variance, dtype=np.float64))
        self._log_q_at_mean = float(q.log_prob(self.loc))
        if not isinstance(q, Normal):
            self._by_differences = Target(q.log_prob, q.dim).gradient_by_differences

    def of(self, u):
        """Free coordinates z of u."""
        return self.loc + (u * self.scale if self.tril is None else u @ self.tril.T)

    def inverse(self, z):
        """The u of free coordinates z."""
        if self.tril is None:
            return (z - self.loc) / self.scale
        from scipy.linalg import solve_triangular

        return solve_triangular(self.tril, (z - self.loc).T, lower=True).T

    def start(self, n, rng):
        """The state of n draws of q."""
        return self.state(self.inverse(np.asarray(self.q.sample(n, rng), dtype=np.float64)))

    def state(self, u):
        """Chains at u, asked about block by block; nan of p counts as -inf, a slope that is not finite as 0.

        Any slope whatever keeps a leapfrog step reversible and its volume 1: what is wrong with a slope costs
        acceptance and never the invariance.
        """
        size = max(1, BLOCK // self.dim)
        parts = [self._block(u[i : i + size]) for i in range(0, len(u), size)]
        return State(*(part[0] if len(parts) == 1 else np.concatenate(part) for part in zip(*parts, strict=True)))

    def _block(self, u):
        z = self.of(u)
        with np.errstate(all="ignore"):
            log_p, slope = self.target.value_and_gradient(z)
            log_q, slope_q = self._log_q(u, z)
        if np.any(log_p == math.inf):
            raise ValueError(f"log_prob is +inf at {z[np.argmax(log_p)]} (free coordinates): it must be below")
        log_p = np.where(np.isnan(log_p), -math.inf, log_p)
        return u, log_p, _finite(self._pull(slope)), log_q, _finite(slope_q)

    def _pull(self, slope):
        return slope * self.scale if self.tril is None else slope @ self.tril

    def _log_q(self, u, z):
        """log q and its gradient in u: by hand for normals, by differences for other families."""
        q = self.q
        if isinstance(q, LowRankNormal):
            white = q._white(z)  # the first D of these, over the scale, are the precision matrix times z - loc
            return q._log_density_at(white), -white[:, : self.dim] / q.scale * self.scale
        if isinstance(q, Normal):
            return self._log_q_at_mean - np.einsum("ij,ij->i", u, u) / 2, -u
        log_q, slope = self._by_differences(z)
        return log_q, self._pull(slope)


def _finite(slope):
    return np.where(np.isfinite(slope).all(axis=-1, keepdims=True), slope, 0.0)


# Moves ---------------------------------------------------------------------------------------------------------------


def leapfrog(path, state, momentum, beta, step, count):
    """`count` leapfrog steps of size `step` (n, 1) on -log f_beta; also the chains that ran off to infinity."""
    lost = np.zeros(len(state.u), bool)
    momentum = momentum + step / 2 * state.slope(beta)
    for i in range(count):
        u = state.u + step * momentum
        off = ~np.isfinite(u).all(axis=1)
        lost |= off
        state = path.state(np.where(off[:, None], state.u, u))
        momentum = momentum + (step if i < count - 1 else step / 2) * state.slope(beta)
    return state, momentum, lost


def move(path, state, beta, step_size, count, rng):
    """One Hamiltonian Monte Carlo move of each chain, which leaves f_beta invariant, and its mean acceptance."""
    momentum = standard_normal(state.u.shape, rng)
    step = step_size * rng.uniform(*JITTER, size=(len(momentum), 1))
    with np.errstate(all="ignore"):
        proposed, ended, lost = leapfrog(path, state, momentum, beta, step, count)
        energy = np.sum(momentum**2, axis=1) / 2 - np.sum(ended**2, axis=1) / 2
        log_accept = proposed.log_f(beta) - state.log_f(beta) + energy
    log_accept = np.where(np.isnan(log_accept) | lost, -math.inf, log_accept)
    accepted = -rng.exponential(size=len(log_accept)) < log_accept
    kept = (
        np.where(accepted[:, None] if new.ndim == 2 else accepted, new, old)
        for new, old in zip(proposed, state, strict=True)
    )
    return State(*kept), float(np.mean(np.exp(np.minimum(log_accept, 0))))


def ladder(temperatures):
    """Temperatures (T + 1,) from 0 to 1, of their number T or as given."""
    if np.ndim(temperatures) == 0:
        t = np.linspace(-STEEPNESS, STEEPNESS, positive_integer(temperatures, "temperatures") + 1)
        s = 1 / (1 + np.exp(-t))
        return (s - s[0]) / (s[-1] - s[0])
    betas = np.asarray(as_array(temperatures, "temperatures"), dtype=np.float64)
    if betas.ndim != 1 or len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not np.all(np.diff(betas) > 0):
        raise ValueError(f"temperatures={temperatures!r}: give their number, or increasing values from 0 to 1")
    return betas


def tune(path, temperatures, chains, moves, count, rng, done=lambda t: None):
    """Kernels whose step sizes were tuned, temperature by temperature, by chains that serve for nothing else."""
    state, size = path.start(chains, rng), min(1.0, LONGEST / count)
    sizes = np.empty(len(temperatures))
    for t, beta in enumerate(temperatures):
        rounds = []
        for i in range(FIRST if t == 0 else EACH):
            state, accepted = move(path, state, beta, size, count, rng)
            size = min(size * math.exp((accepted - ACCEPTANCE) * (2 if i + t < FIRST / 2 else 1)), LONGEST / count)
            rounds.append(size)
        sizes[t] = size = float(np.exp(np.mean(np.log(rounds[-EACH:]))))
        done(t)
    return Kernels(temperatures, sizes, moves, count)


def forward(path, kernels, chains, rng, seen=lambda *look: None):
    """Log weights (chains,) of annealed chains from q, and where they end, weighted draws of the target.

    seen(t, log_ratio, log_w, acceptance) looks at the chains after the moves at each temperature.
    """
    state, log_w = path.start(chains, rng), np.zeros(chains)
    betas = kernels.temperatures
    seen(0, state.log_ratio(), log_w, math.nan)
    for t in range(1, len(betas)):
        log_w = log_w + (betas[t] - betas[t - 1]) * state.log_ratio()
        state, accepted = _moves(path, state, t, kernels, rng)
        seen(t, state.log_ratio(), log_w, accepted)
    return log_w, path.of(state.u)


def reverse(path, kernels, z, rng, done=lambda t: None):
    """Log weights (n,) of chains that go back from exact draws z (n, D) of the normalised target to q."""
    state, log_w = path.state(path.inverse(z)), np.zeros(len(z))
    betas = kernels.temperatures
    for t in range(len(betas) - 1, 0, -1):
        state, _ = _moves(path, state, t, kernels, rng)
        log_w = log_w + (betas[t] - betas[t - 1]) * state.log_ratio()
        done(len(betas) - t)
    return log_w


def _moves(path, state, t, kernels, rng):
    total = 0.0
    for _ in range(kernels.moves):
        state, accepted = move(path, state, kernels.temperatures[t], kernels.step_sizes[t], kernels.leapfrog, rng)
        total += accepted
    return state, total / kernels.moves
