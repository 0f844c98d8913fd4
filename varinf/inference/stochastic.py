"""Stochastic fits: Adam on new draws each step, with a step size that halves and a stop that is measured.

The gradient is that of the path alone, with the parameters of q held inside log q: for log weights
log w = log p(z) - log q(z) of K draws and normalised v proportional to w^(1 - alpha),

    sum_k (alpha v_k + (1 - alpha) v_k^2) (d log w_k / dz) dz_k/dtheta

climbs the Renyi bound of order alpha (Daudel, Benton, Shi, Doucet 2023, "Alpha-divergence variational inference meets
importance weighted auto-encoders", eq. 16): the IWELBO at alpha = 0, whose gradient is doubly reparameterised (Tucker,
Lawson, Gu, Maddison 2019), and with v = 1/K the ELBO, whose noise vanishes at q = p (Roeder, Wu, Duvenaud 2017,
"Sticking the landing").

At a fixed step size the iterates wander about the optimum, and their average is closer to it than any of them. A level
ends when two halves of its last iterates agree (R-hat); the next has half the step size; the fit ends when a level
gains no more than the standard error of what it gains, on common draws (Welandawe, Andersen, Vehtari, Huggins 2024).
"""

import math
from typing import NamedTuple

import numpy as np

from varinf._arrays import positive_integer
from varinf._progress import reporter
from varinf.inference.affine_map import AffineMap
from varinf.inference.deterministic import Ending, Iteration, NoStart, finite_start
from varinf.optimisers import Adam

RATE = 0.1  # of Adam at the first level, in recentred coordinates
HALVES = 0.5  # what a level's step size is to that of the level before
CHUNK = 50  # steps whose mean and variance are kept as one
FIRST_LOOK = 8  # chunks of a level before halves of it are compared
AGREED = 1.1  # R-hat of the halves from which on they are one
ALMOST_ALL = 0.99  # ... for this share of the parameters
MOST_CHUNKS = 200  # of one level
FALLEN = 1.0  # nats below the best, beyond the errors: the step size was too long, and steps led away
JUDGED = 1000  # common draws on which levels are compared


class Plan(NamedTuple):
    """What a stochastic fit climbs, and how much it looks at in a step."""

    alpha: float | None
    draws: int
    batch_size: int | None
    max_steps: int

    @classmethod
    def of(cls, target, objective, draws, batch_size, max_steps):
        """From the arguments of `fit`."""
        kind, _, number = str(objective).partition(":")
        draws = None if draws is None else positive_integer(draws, "draws")
        if objective == "elbo":
            alpha, draws = None, draws or 10
        elif kind == "iwelbo":
            k = positive_integer(_number(number, int, objective), "K of objective='iwelbo:K'")
            if draws not in (None, k):
                raise ValueError(f"draws={draws} with objective={objective!r}: the bound has {k} draws; drop draws")
            alpha, draws = 0.0, k
        elif kind == "renyi":
            alpha, draws = _number(number, float, objective), draws or 10
            if not 0 <= alpha < 1:
                raise ValueError(f"objective={objective!r}: alpha must lie in [0, 1); 'elbo' is alpha = 1")
        else:
            raise ValueError(f"objective={objective!r}: use 'elbo', 'iwelbo:10' (draws) or 'renyi:0.5' (alpha)")
        if batch_size is not None:
            batch_size = positive_integer(batch_size, "batch_size")
            if target.data_size is None:
                raise ValueError(f"batch_size={batch_size} needs a target that knows its data: Target.from_data")
            batch_size = min(batch_size, target.data_size)
        return cls(alpha, draws, batch_size, max_steps)


def _number(text, kind, objective):
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"objective={objective!r}: a number belongs behind a colon, as in 'iwelbo:10'") from None


def ascend(target, family, start, plan, rng, progress):
    """The `Ending` where the fit ended, whatever happened on the way."""
    dim = target.free_dim
    run = _Run(target, family, plan, rng)
    theta, to = family.start(dim), AffineMap(start, np.ones(dim))
    rate = RATE * math.sqrt(2 * dim / len(theta))  # a scale made of many entries moves by as much as one that is one
    best = before = None  # the judged level with the highest objective, and the last
    history, converged, failures = [], False, 0
    with reporter(progress, plan.max_steps, "fit") as done:
        try:
            to = finite_start(target, family, run.judge, theta, to)
            origin = theta, to
            lowest = _floor(*_bound(run.judged(theta, to), plan))
            while True:
                theta, full = run.level(theta, to, rate, lowest, done)
                theta, to = family.recentre(theta, to)
                each = run.judged(theta, to)
                value, bounds = _bound(each, plan)
                run.note = f"objective {value:.2f} ± {np.std(bounds) / math.sqrt(len(bounds)):.1g}"
                history.append(Iteration(value, run.gradient_norm))
                if not value >= lowest:
                    failures += 1
                    if failures == 3:
                        reason = "three step sizes, each a tenth of the one before, led below where they began"
                        break
                    rate /= 10
                    theta, to = best[:2] if best else origin
                    if full:
                        reason = f"stopped after max_steps={plan.max_steps} steps, below where it began"
                        break
                    continue
                if best is None or value > best[3]:
                    best = (theta, to, each, value)
                    lowest = _floor(value, bounds)
                if before is not None:
                    gain, error = _gain(each, before[2], plan)
                    if gain <= error:
                        converged, reason = True, f"half the step size gained {gain:.1g} ± {error:.1g} nats: no more"
                        break
                if full:
                    reason = f"stopped after max_steps={plan.max_steps} steps"
                    break
                before, rate = (theta, to, each, value), rate * HALVES
        except KeyboardInterrupt:
            reason = f"interrupted after {run.steps} steps"
        except NoStart as error:
            reason = str(error)
    if best is None:  # the best that there is
        best = (*family.recentre(run.last if run.last is not None else theta, to), None, math.nan)
    theta, to, each, value = best
    return Ending(theta, to, value, each, converged, reason, tuple(history))


class _Run:
    """The steps of a fit, and what they leave for the next level."""

    def __init__(self, target, family, plan, rng):
        self.target, self.family, self.plan, self.rng = target, family, plan, rng
        self.dim = family.noise_dim(target.free_dim)
        self.judge = family.noise((plan.draws * max(1, JUDGED // plan.draws), self.dim), rng)
        self.steps, self.last, self.gradient_norm, self.note = 0, None, math.nan, ""
        self._rows = _batches(target.data_size, plan.batch_size, rng)

    def level(self, theta, to, rate, lowest, done):
        """(average of the last iterates at one step size, whether max_steps are done); cut short if it falls."""
        theta, chunks = theta.copy(), []
        adam = Adam(theta, rate)
        self.last = theta
        while len(chunks) < MOST_CHUNKS:
            mean, square = np.zeros_like(theta), np.zeros_like(theta)
            for step in range(1, CHUNK + 1):
                gradient = self._gradient(theta, to)
                if np.isfinite(gradient).all():  # a draw where log p is not finite says nothing of where to go
                    adam.step(gradient)
                away = theta - mean
                mean += away / step
                square += away * (theta - mean)
                self.steps += 1
                if self.steps >= self.plan.max_steps:
                    break
            done(self.steps, self.note)
            chunks.append((mean, square / step, step))
            self.gradient_norm = float(np.linalg.norm(gradient))
            if self.steps >= self.plan.max_steps:
                return _average(chunks[len(chunks) // 2 :])[0], True
            if len(chunks) >= FIRST_LOOK and len(chunks) % 4 == 0:
                late = chunks[len(chunks) // 2 :]
                if len(chunks) % FIRST_LOOK == 0 and not self._height(late, to) >= lowest:
                    return _average(late)[0], False
                half = len(late) // 2
                if _agree(_average(late[:half]), _average(late[half:])):
                    return _average(late)[0], False
        return _average(chunks[len(chunks) // 2 :])[0], False

    def _height(self, chunks, to):
        """The objective at the average of some chunks."""
        return _bound(self.judged(_average(chunks)[0], to), self.plan)[0]

    def judged(self, theta, to):
        """Log weights (draws, groups) of the common draws, under the whole target."""
        with np.errstate(all="ignore"):
            log_p = self.target.log_prob(to.of(self.family.draw(theta, self.judge)))
        log_q, _ = self.family.log_density(theta, self.judge)
        log_w = np.where(np.isnan(log_p), -math.inf, log_p) - log_q + to.log_det
        return log_w.reshape(self.plan.draws, -1)

    def _gradient(self, theta, to):
        noise = self.family.noise((self.plan.draws, self.dim), self.rng)
        target = self.target if self._rows is None else self.target.minibatch(next(self._rows))
        with np.errstate(all="ignore"):
            log_p, slope = target.value_and_gradient(to.of(self.family.draw(theta, noise)))
            log_q, d_log_q = self.family.log_density(theta, noise)
            weights = _weights(log_p - log_q, self.plan.alpha)
            return self.family.pull(theta, noise, weights[:, None] * (to.pull(slope) - d_log_q))


def _weights(log_w, alpha):
    """What each draw's path counts."""
    if alpha is None:
        return np.full(len(log_w), 1 / len(log_w))
    v = np.exp((1 - alpha) * (log_w - np.max(log_w)))
    v /= np.sum(v)
    return alpha * v + (1 - alpha) * v * v


def _bound(log_w, plan):
    """(mean over groups of the bound of each, the bounds)."""
    if plan.alpha is None:
        each = np.mean(log_w, axis=0)
    else:
        a = 1 - plan.alpha
        top = np.max(log_w, axis=0)
        with np.errstate(invalid="ignore"):
            each = top + np.log(np.mean(np.exp(a * (log_w - top)), axis=0)) / a
    return float(np.mean(each)), each


def _floor(value, bounds):
    """What a later level may not fall below, whatever its noise."""
    return value - FALLEN - 5 * float(np.std(bounds)) / math.sqrt(len(bounds))


def _gain(after, before, plan):
    """(mean, standard error) of what one level gained over another, over common draws."""
    change = _bound(after, plan)[1] - _bound(before, plan)[1]
    return float(np.mean(change)), float(np.std(change, ddof=1) / math.sqrt(len(change)))


def _average(chunks):
    """(mean, variance) of the iterates of several chunks."""
    counts = np.array([count for _, _, count in chunks], dtype=float)
    counts /= counts.sum()
    mean = sum(share * m for share, (m, _, _) in zip(counts, chunks, strict=True))
    variance = sum(share * (v + (m - mean) ** 2) for share, (m, v, _) in zip(counts, chunks, strict=True))
    return mean, variance


def _agree(one, other):
    """Whether R-hat of two stretches of iterates is small: the variance between them against that within."""
    between = (one[0] - other[0]) ** 2 / 2
    within = (one[1] + other[1]) / 2
    return float(np.mean(between <= (AGREED**2 - 1) * within)) >= ALMOST_ALL


def _batches(size, batch_size, rng):
    """Rows of the data, batch by batch, in a new order each pass; None for all of them at once."""
    if batch_size is None or batch_size == size:
        return None

    def rows():
        while True:
            order = rng.permutation(size)
            for first in range(0, size - batch_size + 1, batch_size):
                yield order[first : first + batch_size]

    return rows()
