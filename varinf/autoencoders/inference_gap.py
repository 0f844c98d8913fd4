"""What inference costs an autoencoder: log p(x) − ELBO, split into the family's part and the encoder's."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from varinf._arrays import generator, positive_integer, standard_normal
from varinf._kernels import kernel
from varinf.autoencoders.decomposition import mean_and_error
from varinf.estimate import Direction, Estimate
from varinf.evidence.evaluate import chunk_sizes, evaluate
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.optimisers import SCHEDULES, Adam

STEP_DRAWS = 8  # of z per datum and step
RATE = 0.05  # in units of the prior's scale, which is 1; it falls to 0


@dataclass(frozen=True)
class InferenceGap:
    """log p(x) − ELBO of each datum, and its two parts.

    Parameters
    ----------
    total : Estimate
        IWELBO under the refined q, less the encoder's ELBO: a lower bound on log p(x) − ELBO.
    approximation : Estimate
        IWELBO less the refined ELBO: what no q of the family can mend. Neither bound: IWELBO is below log p(x), and the
        refined q may be below the best.
    amortisation : Estimate
        Refined ELBO less the encoder's: what a q of the datum's own gains; a lower bound on the gain of the best one.
    iwelbo : Estimate
        The IWELBO, a lower bound on log p(x).
    elbo : Estimate
        The encoder's ELBO.
    q : DiagonalNormal
        The refined posteriors, batch shape (N,).

    See Also
    --------
    varinf.VAE.decompose : The encoder's ELBO and its terms.
    """

    total: Any
    approximation: Any
    amortisation: Any
    iwelbo: Any
    elbo: Any
    q: Any

    def __str__(self):
        parts = {
            "total": self.total,
            "approximation": self.approximation,
            "amortisation": self.amortisation,
        }
        lines = (f"{name:<14}{part.mean('population').value:8.3f}" for name, part in parts.items())
        errors = (part.mean("population").stderr for part in parts.values())
        head = f"log p(x) - ELBO of {len(self.total):,} data, mean in nats"
        return "\n".join([head, *(f"{line} ± {error:.3f}" for line, error in zip(lines, errors, strict=True))])


def inference_gap(vae, X, draws, steps, rng):
    """`VAE.inference_gap`, whose docstring says what it does; X is checked."""
    draws, steps, rng = positive_integer(draws, "draws"), positive_integer(steps, "steps"), generator(rng)
    encoded = vae.encode(X)
    refined = _better(vae, X, encoded, refine(vae, X, encoded, steps, rng), rng)
    start, end = _elbo_draws(vae, X, (encoded, refined), draws, rng)
    iwelbo = evaluate(vae.log_joint, X, refined, draws=draws, rng=rng).iwelbo()
    rules = vae._likelihood.rules(X)
    iwelbo = replace(iwelbo, rules=iwelbo.rules + rules)
    value, stderr = np.asarray(iwelbo.value), np.asarray(iwelbo.stderr)
    (elbo, elbo_error), (best, best_error), (gain, gain_error) = map(mean_and_error, (start, end, end - start))

    def part(value, stderr, quantity, direction, **more):
        more |= {"draws": draws, "degrees": draws - 1, "rules": rules}
        return Estimate(value, stderr, quantity, quantity, direction, **more)

    return InferenceGap(
        part(value - elbo, np.hypot(stderr, elbo_error), "log p(x) - ELBO", Direction.LOWER),
        part(value - best, np.hypot(stderr, best_error), "the approximation gap", Direction.NEITHER),
        part(gain, gain_error, "the amortisation gap", Direction.LOWER),
        iwelbo,
        part(elbo, elbo_error, "log p(x)", Direction.LOWER, objective="elbo"),
        refined,
    )


def refine(vae, X, q, steps, rng):
    """q climbing each datum's own ELBO from where the encoder puts it: Adam on loc and log scale, the decoder fixed."""
    flat = np.concatenate([np.ravel(q.loc), np.ravel(q.log_scale)])
    loc, log_scale = flat.reshape(2, *q.loc.shape)
    adam, gradient = Adam(flat, RATE), np.empty_like(flat)
    d_loc, d_log_scale = gradient.reshape(2, *loc.shape)
    for step in range(steps):
        noise = standard_normal((STEP_DRAWS, *loc.shape), rng, loc.dtype)
        d_z = vae._d_log_likelihood(X, loc + np.exp(log_scale) * noise)
        _, kl_loc, kl_log_scale = kernel("gaussian_kl", loc).diagonal_standard_gradient(loc, log_scale, 1)
        np.subtract(np.mean(d_z, axis=0), kl_loc, out=d_loc)
        np.subtract(np.exp(log_scale) * np.mean(d_z * noise, axis=0), kl_log_scale, out=d_log_scale)
        adam.step(gradient, SCHEDULES["cosine"](step / steps))
    return DiagonalNormal.from_log_scale(loc.copy(), log_scale.copy())


def _better(vae, X, encoded, refined, rng):
    """The one of two with the higher ELBO, datum by datum, chosen on draws that are used for nothing else."""
    start, end = (part.mean(axis=0) for part in _elbo_draws(vae, X, (encoded, refined), 64, rng))
    keep = (end >= start)[:, None]
    loc, log_scale = (np.where(keep, getattr(refined, name), getattr(encoded, name)) for name in ("loc", "log_scale"))
    return DiagonalNormal.from_log_scale(loc, log_scale)


def _elbo_draws(vae, X, posteriors, draws, rng):
    """Draws (S, N) of each q's ELBO, from common noise, in double: differences have small errors."""
    found = [[] for _ in posteriors]
    for size in chunk_sizes(draws, X, posteriors[0]):
        noise = standard_normal((size, *posteriors[0].loc.shape), rng, posteriors[0].loc.dtype)
        for q, parts in zip(posteriors, found, strict=True):
            parts.append(vae.log_likelihood(X, q.loc + q.scale * noise).astype(np.float64))
    kernels = kernel("gaussian_kl", posteriors[0].loc)
    return [
        np.concatenate(parts) - kernels.diagonal_standard(q.loc, q.log_scale, 1)
        for q, parts in zip(posteriors, found, strict=True)
    ]
