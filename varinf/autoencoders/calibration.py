"""Calibration of a classifier: whether what it is sure of comes true as often as it says."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from varinf.estimate import Direction, Estimate

REPLICATIONS = 200  # label sets drawn from the predictions themselves


@dataclass(frozen=True, eq=False)
class Calibration:
    """Predictions against labels: errors, log loss, and confidence against accuracy by bins of confidence.

    Parameters
    ----------
    error : float
        Share of the data whose most probable class is not their label.
    error_stderr : float
        Its standard error over the data.
    log_loss : Estimate
        Of the mean of −log p(y), p the predicted probabilities, in nats; the error is over the data.
    ece : float
        Expected calibration error: the mean over the data of |accuracy − confidence| of their bin, confidence being
        the probability of the predicted class. A finite data set puts it above 0 for a perfectly calibrated
        classifier too: it is biased upward, the more so the more bins.
    ece_if_calibrated : float
        What `ece` is in the mean, on as many data, where labels are drawn from the predictions themselves: only what
        lies clearly above it is miscalibration.
    confidence : array (B,)
        Mean confidence of each bin; nan for an empty one.
    accuracy : array (B,)
        Share of a bin that is predicted right; nan for an empty one.
    count : array (B,)
        Data in each bin; bins divide confidence from 0 to 1 evenly.
    """

    error: float
    error_stderr: float
    log_loss: Any
    ece: float
    ece_if_calibrated: float
    confidence: Any
    accuracy: Any
    count: Any

    def __str__(self):
        lines = [
            f"error {100 * self.error:.2f} ± {100 * self.error_stderr:.2f} %, log loss {float(self.log_loss):.4f} ± "
            f"{float(self.log_loss.stderr):.4f} {self.log_loss.units}",
            f"expected calibration error {self.ece:.4f}; {self.ece_if_calibrated:.4f} of a calibrated classifier",
            f"{'confidence':>10}{'accuracy':>10}{'data':>8}",
        ]
        for confidence, accuracy, count in zip(self.confidence, self.accuracy, self.count, strict=True):
            if count:
                lines.append(f"{confidence:10.3f}{accuracy:10.3f}{count:8,}")
        return "\n".join(lines)


def calibration(p, codes, bins, rng):
    """`VIB.calibration` from predicted probabilities p (N, C) and the labels' numbers `codes` (N,)."""
    n = len(p)
    sure, right = p.max(axis=1), p.argmax(axis=1) == codes
    with np.errstate(divide="ignore"):
        losses = -np.log(p[np.arange(n), codes])
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    replicas = [_ece(place, sure, rng.random(n) < sure, bins) for _ in range(REPLICATIONS)]
    error = 1.0 - float(np.mean(right))
    with np.errstate(invalid="ignore"):
        confidence, accuracy = (np.bincount(place, x, bins) / count for x in (sure, right))
    return Calibration(
        error,
        _error_of_mean(right),
        Estimate(
            float(np.mean(losses)),
            _error_of_mean(losses),
            "E[-log p(y|x)]",
            f"mean of -log p(y|x) over {n:,} data",
            Direction.EXACT,
            draws=n,
            degrees=n - 1,
        ),
        _ece(place, sure, right, bins),
        float(np.mean(replicas)),
        confidence,
        accuracy,
        count,
    )


def _ece(place, sure, right, bins):
    """Guo, Pleiss, Sun, Weinberger (2017), eq. 3: a bin's weight times its gap is |sum of gaps| / N."""
    return float(np.abs(np.bincount(place, right - sure, bins)).sum() / len(place))


def _error_of_mean(x):
    return float(np.std(x, ddof=1) / math.sqrt(len(x))) if len(x) > 1 and np.isfinite(x).all() else math.nan
