"""Minibatch ascent of an autoencoder's objective: the loop, its history, when it stops, and what it returns then."""

import math
from typing import Any, NamedTuple

import numpy as np

from varinf._arrays import positive_integer, standard_normal
from varinf._progress import reporter
from varinf.autoencoders.objectives import elbo_and_gradient, elbo_of_data, iwelbo_and_gradient
from varinf.models.model import positive_number
from varinf.optimisers import Adam
from varinf.optimisers import schedule as schedule_named

HELD_OUT_DRAWS = 8  # per datum, the same at every epoch, so that epochs are compared on common draws
MULTIPLIER_RATE = 0.02  # of log beta per step and relative distance from the target rate
MULTIPLIER_LIMITS = (1e-4, 1e4)
MISSED = 0.2  # by so much, relatively, a target rate is not reached


class Epoch(NamedTuple):
    """Means over one epoch's batches, in nats per datum, and the objective on held-out data after it, at full beta."""

    objective: float
    reconstruction: float
    kl: float
    beta: float
    held_out: float = math.nan
    held_out_stderr: float = math.nan


class Plan(NamedTuple):
    """How to train: how long and how fast, which `steps_of` checks, and what to climb."""

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Any
    kl_warmup: int
    patience: int | None
    draws: int
    beta: float
    objective: str = "elbo"
    target_rate: float | None = None
    free_bits: float = 0.0
    binarize: str | None = None


class Scored(NamedTuple):
    """Data as the likelihood scores them, and how the encoder sees them.

    `x` (N, F); `see(rows of x, their numbers)` is what the encoder sees of these rows; `offset` is added to log p of a
    row of x, which is in units of its own.
    """

    x: Any
    see: Any
    offset: float = 0.0


class Trained(NamedTuple):
    """What training leaves: the best parameters that it saw, and why it ended."""

    flat: Any
    beta: float
    history: tuple
    converged: bool
    reason: str


def train(model, flat, data, held_out, plan, rng, progress):
    """Trains from `flat` on, which it changes; `data` and `held_out`, or None, are `Scored`."""
    adam, X = Adam(flat, plan.learning_rate), data.x
    stop = _Stopping(model, held_out, plan, rng)
    gradient, history, multiplier = np.empty_like(flat), [], plan.beta
    steps, step = plan.epochs * math.ceil(len(X) / plan.batch_size), 0
    best, converged, reason = flat.copy(), True, f"all {plan.epochs} epochs"
    try:
        with reporter(progress, plan.epochs, "fit") as done, np.errstate(over="ignore", invalid="ignore"):
            for epoch in range(plan.epochs):
                scored = _binary(X, rng) if plan.binarize == "dynamic" else X
                sums = np.zeros(3)
                for rows in np.array_split(rng.permutation(len(X)), math.ceil(len(X) / plan.batch_size)):
                    x = scored[rows]
                    beta = multiplier * (min(1.0, (epoch + 1) / plan.kl_warmup) if plan.kl_warmup else 1.0)
                    values = _gradient(model, flat, x, data.see(x, rows), plan, beta, rng, gradient)
                    sums += len(rows) * np.asarray(values)
                    if plan.target_rate is not None:
                        multiplier = _moved(multiplier, values[2], plan.target_rate)
                    adam.step(gradient, plan.schedule(step / steps))
                    step += 1
                means = sums / len(X) + (data.offset, data.offset, 0.0)
                if not (math.isfinite(means[0]) and np.isfinite(flat).all()):
                    converged = False
                    reason = f"the objective or a parameter became nan or infinite in epoch {epoch + 1}: "
                    reason += "use a smaller learning_rate"
                    break
                history.append(Epoch(*map(float, means), beta, *stop.look(flat, warm=epoch + 1 >= plan.kl_warmup)))
                if stop.keeps:
                    best[:] = flat
                if not math.isfinite(history[-1].held_out) and held_out is not None:
                    converged = False
                    reason = f"the objective on held-out data became nan or infinite in epoch {epoch + 1}"
                    break
                done(epoch + 1)
                if stop.over:
                    reason = f"no better on held-out data for {plan.patience} epochs"
                    break
    except KeyboardInterrupt:
        converged, reason = False, f"interrupted after {len(history)} of {plan.epochs} epochs"
    if converged and plan.target_rate is not None and abs(history[-1].kl / plan.target_rate - 1) > MISSED:
        reason += f"; the rate ended at {history[-1].kl:.3g} nats where {plan.target_rate:.3g} were asked for"
    return Trained(best, multiplier, tuple(history), converged, reason)


def _gradient(model, flat, x, seen, plan, beta, rng, gradient):
    """(objective, reconstruction, KL) of a batch; nan for the parts of an IWELBO, which it does not split into."""
    noise = standard_normal((plan.draws, len(x), model.latent_dim), rng, flat.dtype)
    if plan.objective == "elbo":
        reconstruction, kl, charged = elbo_and_gradient(model, flat, x, seen, noise, beta, plan.free_bits, gradient)
        return reconstruction - beta * charged, reconstruction, kl
    return iwelbo_and_gradient(model, flat, x, seen, noise, "dreg", gradient), math.nan, math.nan


def _moved(multiplier, kl, target):
    """Dual ascent: the price of a nat rises while more are used than the target allows."""
    low, high = MULTIPLIER_LIMITS
    return min(high, max(low, multiplier * math.exp(MULTIPLIER_RATE * max(-1.0, min(1.0, kl / target - 1)))))


def _binary(X, rng):
    return (rng.random(X.shape, dtype=X.dtype) < X).astype(X.dtype)


def hold_out(X, validation, checked, rng):
    """(data to train on, held-out data or None): `validation` is None, a share of X, or an array for `checked`."""
    if validation is None:
        return X, None
    if np.ndim(validation):
        held_out = checked(validation)
        if held_out.shape[1] != X.shape[1]:
            raise ValueError(f"validation has shape {held_out.shape} and X {X.shape}: features must agree")
        return X, held_out
    kept, held = split_rows(len(X), validation, rng, "an array of held-out data")
    return X[kept], X[held]


def split_rows(count, share, rng, otherwise):
    """(rows to train on, rows to hold out) of `count`, at random; `otherwise` is what else a user may give."""
    if not isinstance(share, float | np.floating):
        raise ValueError(f"validation={share!r}: use a share of X such as 0.1, or {otherwise}")
    held = round(float(share) * count) if math.isfinite(share) else 0
    if not 0 < held < count:
        raise ValueError(
            f"validation={share} of {count} data leaves {held} to hold out: use a share between 0 and 1 "
            "that leaves some on both sides"
        )
    order = rng.permutation(count)
    return np.sort(order[held:]), np.sort(order[:held])


def steps_of(epochs, batch_size, learning_rate, schedule, kl_warmup, patience, held_out):
    """The first fields of a `Plan`, checked; `held_out` is the number of data that are held out."""
    if patience is not None and held_out < 2:
        raise ValueError(f"patience={patience} needs two held-out data or more: give validation=0.1, or held-out data")
    return {
        "epochs": positive_integer(epochs, "epochs"),
        "batch_size": positive_integer(batch_size, "batch_size"),
        "learning_rate": positive_number(learning_rate, "learning_rate"),
        "schedule": schedule_named(schedule),
        "kl_warmup": 0 if kl_warmup == 0 else positive_integer(kl_warmup, "kl_warmup"),
        "patience": None if patience is None else positive_integer(patience, "patience"),
    }


class _Stopping:
    """Follows the objective on held-out data, and says which parameters to keep and when to stop.

    Over when it has not risen by more than its error for `patience` epochs. Epochs of the warm-up, which climb another
    objective, do not count; nor does any where a target rate moves beta: there the last parameters are what was asked
    for.
    """

    def __init__(self, model, data, plan, rng):
        self._model, self._data, self._plan = model, data, plan
        self.over, self.keeps = False, True
        self._best, self._mark, self._waited = -math.inf, None, 0
        if data is not None:
            self._seen = data.see(data.x, slice(None))
            self._noise = standard_normal((HELD_OUT_DRAWS, len(data.x), model.latent_dim), rng, data.x.dtype)

    def look(self, flat, warm):
        """(mean, standard error) of the objective over held-out data; nothing without them."""
        if self._data is None:
            return ()
        each = elbo_of_data(self._model, flat, self._data.x, self._seen, self._noise, self._plan.beta)
        mean, error = float(np.mean(each)) + self._data.offset, float(_error(each))
        if not warm or self._plan.target_rate is not None:
            return mean, error
        self.keeps = mean > self._best
        self._best = max(mean, self._best)
        if self._mark is None or _rises(each - self._mark):
            self._mark, self._waited = each, 0
        else:
            self._waited += 1
        self.over = self._plan.patience is not None and self._waited >= self._plan.patience
        return mean, error


def _rises(change):
    return np.mean(change) > _error(change)


def _error(each):
    return np.std(each, ddof=1) / math.sqrt(len(each)) if len(each) > 1 else math.nan
