"""Mean and sum of a batch of estimates, with the error that fits how the batch came about."""

import math
from dataclasses import replace

import numpy as np

from varinf._arrays import namespace, to_numpy


def aggregate(estimate, over, total):
    """One Estimate of the mean (or the sum, if `total`) over the whole batch. See `Estimate.mean`."""
    if over not in ("dataset", "population"):
        raise ValueError(
            f"over={over!r}: use 'dataset' (the draws' noise only) or 'population' (the data are a sample)"
        )
    if not estimate.shape:
        raise TypeError("this Estimate is a single number: mean() and sum() are over a batch")
    n = math.prod(estimate.shape)
    if n == 0:
        raise ValueError("this Estimate holds an empty batch: there is nothing to average")
    xp = namespace(estimate.value)
    scale = 1.0 if total else 1.0 / n
    if over == "population":
        stderr, degrees = _sd(estimate.value, n, xp) / math.sqrt(n), n - 1
        if estimate.shared_draws:  # the noise that the values have in common does not show in their spread
            error, own_degrees = _error_of_sum(estimate, xp)
            squares = xp.stack([stderr**2, (error / n) ** 2], axis=0)
            stderr, degrees = xp.sqrt(xp.sum(squares)), pooled_degrees(squares, (degrees, own_degrees))
    else:
        stderr, degrees = _error_of_sum(estimate, xp)
        stderr = scale * stderr
    word = "sum" if total else "mean"
    return replace(
        estimate,
        value=scale * xp.sum(estimate.value),
        stderr=stderr,
        degrees=degrees,
        bias_estimate=None if estimate.bias_estimate is None else scale * xp.sum(estimate.bias_estimate),
        shared_draws=False,
        quantity=f"the {word} of {estimate.quantity}",
        estimand=f"{word} over {n:,} data of {estimate.estimand}",
        tail=None if estimate.tail is None else lambda: _worst(estimate.k_hat),
        influence=None,
        markov=None,
        ceiling=None if estimate.ceiling is None else scale * n * estimate.ceiling,
    )


def _error_of_sum(estimate, xp):
    """(error of the sum over the batch due to the draws, its degrees of freedom)."""
    if not estimate.shared_draws:  # independent errors add in squares
        squares = xp.reshape(estimate.stderr, (-1,)) ** 2
        return xp.sqrt(xp.sum(squares)), pooled_degrees(squares, estimate.degrees)
    if estimate.influence is None:
        raise ValueError(
            "these values share draws, so their errors are dependent, and the draws were not kept: "
            "take the mean from an estimate made of the log weights themselves, or use independent draws per datum"
        )
    joint = estimate.influence()
    draws = joint.shape[0]
    return _sd(xp.sum(xp.reshape(joint, (draws, -1)), axis=1), draws, xp) / math.sqrt(draws), estimate.degrees


def pooled_degrees(squares, degrees):
    """Welch and Satterthwaite's degrees of freedom of a sum of independent terms, float.

    `squares` are the terms' squared errors, on the first axis; `degrees` theirs, or one number for all. Of a batch of
    sums the fewest; and the fewest of any term where the errors say nothing.
    """
    fewest = float(np.min(degrees))
    squares = to_numpy(squares)
    if fewest < 1 or squares is None:
        return fewest
    degrees = np.reshape(degrees, (-1, *[1] * (squares.ndim - 1)))
    with np.errstate(all="ignore"):
        shares = squares / np.sum(squares, axis=0, dtype=np.float64)
        pooled = 1 / np.sum(shares**2 / degrees, axis=0)
    return float(np.min(pooled)) if np.all(pooled >= fewest) else fewest


def influence_of_both(one, other):
    """Each draw's influence on the difference of two estimates from draws of their own, as for one sample of all."""
    xp = namespace(one)
    both = one.shape[0] + other.shape[0]
    return xp.concat([both / one.shape[0] * one, -both / other.shape[0] * other], axis=0)


def _sd(x, n, xp):
    """Standard deviation with n - 1 in the denominator; nan for one value."""
    if n == 1:
        return xp.sum(x) * math.nan
    return xp.sqrt(xp.sum((x - xp.sum(x) / n) ** 2) / (n - 1))


def _worst(k_hat):
    return None if k_hat is None else float(np.max(to_numpy(k_hat)))
