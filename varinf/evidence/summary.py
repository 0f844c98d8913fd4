"""Every bound that log weights give, and whether to trust them, as one table."""

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from varinf._arrays import to_numpy
from varinf._text import WIDTH, number_with_error, plain, wrapped
from varinf.diagnostics.draws import Draws, effective_size
from varinf.diagnostics.psis import k_threshold
from varinf.estimate import Estimate
from varinf.evidence.cubo import HeavyTailError, cubo
from varinf.evidence.elbo import elbo_of
from varinf.evidence.iwelbo import iwelbo_of
from varinf.evidence.jackknife_evidence import jackknife_evidence
from varinf.evidence.reading import Reading
from varinf.evidence.renyi_bound import renyi_bound
from varinf.evidence.streaming import LogWeights

LABELS = {"renyi_0.5": "Rényi 0.5", "jackknife": "jackknife", "cubo_2": "CUBO 2"}


@dataclass(frozen=True, eq=False, repr=False)
class Summary(Mapping):
    """Result of `summarize`; prints as a table, and is a mapping of the estimates by their names.

    Attributes
    ----------
    estimates : dict of str to Estimate
        "elbo", "renyi_0.5", "iwelbo", … from low to high in expectation; ``summary["elbo"]`` for short.
    refused : dict of str to str
        The bounds that these weights do not support, and why.
    effective_sample_size, k_hat : float or array (*batch)
    threshold : float
        The k̂ above which averages over these weights are not reliable.
    draws : int
    """

    estimates: Mapping[str, Estimate]
    refused: Mapping[str, str]
    effective_sample_size: Any
    k_hat: Any
    threshold: float
    draws: int

    def __getitem__(self, name):
        return self.estimates[name]

    def __iter__(self):
        return iter(self.estimates)

    def __len__(self):
        return len(self.estimates)

    @property
    def shape(self):
        """Shape of the batch of data, () for one datum."""
        return np.shape(self.k_hat)

    @cached_property
    def means(self):
        """The estimates, averaged over the data where there is a batch."""
        if not self.shape:
            return dict(self.estimates)
        with np.errstate(invalid="ignore"):  # errors of 0 or nan
            return {name: estimate.mean() for name, estimate in self.estimates.items()}

    @property
    def caveats(self):
        """Each caveat once, with the names of the estimates (of a batch: of the means) that it concerns."""
        found = {}
        for name, estimate in self.means.items():
            for text in estimate.caveats:
                found.setdefault(text, []).append(name)
        return {text: tuple(names) for text, names in found.items()}

    def to_dict(self):
        """Plain numbers, lists and strings, fit for JSON: nan becomes None, and infinities "inf" and "-inf"."""
        return {
            "draws": self.draws,
            "shape": list(self.shape),
            "units": "nats",
            "estimates": {name: self._about(name) for name in self.estimates},
            "refused": dict(self.refused),
            "effective_sample_size": _plain(self.effective_sample_size),
            "k_hat": _plain(self.k_hat),
            "k_threshold": _plain(self.threshold),
            "caveats": [{"concerns": list(names), "text": text} for text, names in self.caveats.items()],
        }

    def _about(self, name):
        estimate, mean = self.estimates[name], self.means[name]
        about = {
            "value": _plain(estimate.value),
            "stderr": _plain(estimate.stderr),
            "direction": str(estimate.direction),
            "bias": estimate.bias,
            "is_bound": estimate.is_bound,
            "quantity": estimate.quantity,
            "estimand": estimate.estimand,
        }
        if self.shape:
            about["mean"] = {"value": _plain(mean.value), "stderr": _plain(mean.stderr)}
        return about

    # How it reads ----------------------------------------------------------------------------------------------------

    @property
    def _draws(self):
        return f"{self.draws:,} draw{'s' * (self.draws != 1)}"

    def _title(self):
        draws = self._draws
        if not self.shape:
            return f"log p(x) in nats, from {draws}"
        return f"log p(x) in nats: {math.prod(self.shape):,} data, {draws} each; errors are those of the draws"

    def _rows(self):
        """The header, and a row of cells for each bound."""
        header = (
            ("", "mean over the data", "min", "median", "max", "bound") if self.shape else ("", "estimate ± error", "")
        )
        others = [self._beside_the_value(estimate) for estimate in self.estimates.values()]
        names = max(len(_label(name)) for name in (*self.estimates, *self.refused))
        room = WIDTH - 4 - names - sum(2 + max(map(len, column)) for column in zip(header[2:], *others, strict=True))
        yield header
        for (name, mean), cells in zip(self.means.items(), others, strict=True):
            value, stderr = (float(to_numpy(x)) for x in (mean.value, mean.stderr))
            yield (_label(name), number_with_error(value, stderr, room=room), *cells)
        for name in self.refused:
            yield (_label(name), "refused, see below")

    def _beside_the_value(self, estimate):
        """The cells after the value and its error."""
        if not self.shape:
            return (_standing(estimate),)
        values = np.asarray(to_numpy(estimate.value), dtype=float)
        side = str(estimate.direction) if estimate.is_bound else "no"
        return (*(_short(x) for x in (np.min(values), _median(values), np.max(values))), side)

    def _notes(self):
        """(name, words) pairs: whether the weights can be trusted."""
        yield "effective sample size", self._about_size()
        yield "k_hat", self._about_k_hat()

    def _about_size(self):
        size = np.asarray(to_numpy(self.effective_sample_size), dtype=float)
        if not self.shape:
            return f"{_count(size)} of {self._draws}"
        return f"min {_count(np.min(size))}, median {_count(np.median(size))} of {self._draws}"

    def _about_k_hat(self):
        empty = np.asarray(to_numpy(self.effective_sample_size)) == 0
        k_hat = np.where(empty, np.nan, to_numpy(self.k_hat))  # no weights have no tail, light as it may be
        known = k_hat[~np.isnan(k_hat)]
        if not known.size:
            return "unknown: no draw has any weight" if np.all(empty) else "unknown: it needs 25 draws"
        worst = float(np.max(known))
        if not self.shape:
            verdict = "above: unreliable" if worst > self.threshold else "good as far as q reaches"
            return f"{worst:.2f}, threshold {self.threshold:.2f} ({verdict})"
        where = tuple(map(int, np.unravel_index(int(np.nanargmax(k_hat)), k_hat.shape)))
        above = np.count_nonzero(known > self.threshold)
        return (
            f"worst {worst:.2f} at datum {where[0] if len(where) == 1 else where}; "
            f"{above:,} of {k_hat.size:,} above {self.threshold:.2f}"
            f"{f'; {np.count_nonzero(empty):,} without any weight' if np.any(empty) else ''}"
        )

    def _remarks(self):
        for name, text in self.refused.items():
            yield f"{_label(name)}: {text}"
        for text, names in self.caveats.items():
            yield f"{', '.join(map(_label, names))}: {text}"

    def __str__(self):
        rows = [list(row) for row in self._rows()]
        widths = [max(len(row[i]) for row in rows if len(row) > i) for i in range(max(map(len, rows)))]
        table = [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
            for row in rows
        ]
        notes = [line for name, words in self._notes() for line in wrapped(words, " " * 25, first=f"  {name:<21}  ")]
        remarks = [line for text in self._remarks() for line in wrapped(text, "    ", first="  ")]
        return "\n".join([*wrapped(self._title()), "", *table, "", *notes, *([""] if remarks else []), *remarks])

    __repr__ = __str__

    def _repr_html_(self):
        header, *rows = (tuple(map(html.escape, row)) for row in self._rows())
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        notes = "".join(f"<li>{html.escape(f'{name}: {words}')}</li>" for name, words in self._notes())
        remarks = "".join(f"<li>{html.escape(text)}</li>" for text in self._remarks())
        return (
            f"<table><caption>{html.escape(self._title())}</caption>"
            f"<thead><tr>{''.join(f'<th>{cell}</th>' for cell in header)}</tr></thead><tbody>{body}</tbody></table>"
            f"<ul>{notes}{remarks}</ul>"
        )


def summarize(log_weights, *, axis=0, shared_draws=False, workers=None):
    """Every bound of log weights, with errors, directions and diagnostics.

    Parameters
    ----------
    log_weights : array (draws, *batch), `draws` of one, or LogWeights
        Values of log p(x, z) − log q(z | x) in nats, z drawn from q; NumPy, torch or JAX. Of a `LogWeights` state, what
        it can say without its draws: ELBO, IWELBO, and IWELBO_k of the declared k.
    axis : int
        The axis of the draws.
    shared_draws : bool
        The columns of a batch were computed from common draws; errors of their means are then taken jointly.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Summary
        The ELBO, the Rényi bound of order 1/2 and the IWELBO of all draws (lower bounds), the jackknife log evidence of
        order 1 (no bound), the CUBO of order 2 or why the weights do not support it, effective sample size and k̂. A
        batch is shown by its mean, minimum, median and maximum over the data.

    Raises
    ------
    ValueError
        For no draws, nan or +inf.

    See Also
    --------
    elbo : One of the bounds by itself.
    sandwich : Bounds from both sides, where the posterior can be drawn from.
    LogWeights : Log weights that do not fit into memory.
    lens : What a bound is about, in words.

    References
    ----------
    See `elbo`, `renyi_bound`, `iwelbo`, `jackknife_evidence`, `cubo`, `effective_sample_size`, `psis`.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> log_w = np.random.default_rng(0).normal(-31.125, 0.5, size=10_000)  # log p(x) = -31
    >>> print(vi.summarize(log_w))
    log p(x) in nats, from 10,000 draws
    <BLANKLINE>
                 estimate ± error
      ELBO       -31.122 ± 0.005   lower bound
      Rényi 0.5  -31.060 ± 0.005   lower bound
      IWELBO     -30.998 ± 0.005   lower bound
      jackknife  -30.998 ± 0.005   no bound
      CUBO 2     -30.877 ± 0.006   no bound: upper, but biased low
    <BLANKLINE>
      effective sample size  7,846 of 10,000 draws
      k_hat                  -0.02, threshold 0.70 (good as far as q reaches)
    <BLANKLINE>
      CUBO 2: from finite draws this is biased low, so it may lie below log p(x): it
        is no bound
    """
    if isinstance(log_weights, LogWeights):
        return summary_of_reading(log_weights.read())
    draws = Draws.of(log_weights, axis, workers)
    if 0 in draws.batch_shape:
        raise ValueError(f"log_weights has batch shape {draws.batch_shape}: there are no data to summarise")
    tail = cache(draws.k_hat)  # the ELBO and the IWELBO ask for the same one
    estimates = {
        "elbo": replace(elbo_of(draws, shared_draws), tail=tail),
        "renyi_0.5": renyi_bound(draws, 0.5, shared_draws=shared_draws),
        "iwelbo": replace(iwelbo_of(draws, shared_draws), tail=tail),
    }
    refused = {}
    if draws.count > 1:
        estimates["jackknife"] = replace(jackknife_evidence(draws, shared_draws=shared_draws), tail=tail)
    else:
        refused["jackknife"] = "it leaves one draw out in turn: give at least two"
    try:
        estimates["cubo_2"] = cubo(draws, 2, shared_draws=shared_draws)
    except HeavyTailError as error:
        refused["cubo_2"] = str(error)
    size = effective_size(draws.moments(), draws.xp)
    return Summary(estimates, refused, size, tail(), k_threshold(draws.count), draws.count)


def summary_of_reading(reading: Reading):
    """The summary of a stream; IWELBO_k too, where k was declared and one group is full."""
    estimates, refused = {"elbo": reading.elbo()}, {}
    if reading.k is not None:
        try:
            estimates[f"iwelbo_{reading.k}"] = reading.iwelbo(reading.k)
        except ValueError as error:
            refused[f"iwelbo_{reading.k}"] = str(error)
    estimates["iwelbo"] = reading.iwelbo()
    draws = reading.moments().draws
    size, k_hat = reading.effective_sample_size(), reading.k_hat()
    summary = Summary(estimates, refused, size, k_hat, k_threshold(draws), draws)
    if reading.shared_draws:
        _ = summary.means  # of data that share draws they are refused, which is better said now than in print
    return summary


def _label(name):
    return LABELS.get(name, name.upper())


def _standing(estimate):
    if estimate.is_bound:
        return f"{estimate.direction} bound"
    if estimate.direction in ("lower", "upper"):
        return f"no bound: {estimate.direction}, but biased {estimate.bias}"
    return "no bound"


def _short(x):
    """A number in at most 9 characters."""
    text = plain(float(x))
    return text if len(text) <= 9 else f"{float(x):.1e}"


def _median(x):
    with np.errstate(invalid="ignore"):  # between -inf and -inf
        middle = float(np.median(x))
    return -math.inf if math.isnan(middle) else middle


def _count(x):
    """A number of draws, whole where it is large."""
    return f"{float(x):,.0f}" if x >= 100 else f"{float(x):.1f}"


def _plain(x):
    """Numbers and arrays as JSON can hold them."""
    x = np.asarray(to_numpy(x), dtype=float)
    if x.ndim:
        return [_plain(part) for part in x]
    return None if math.isnan(x) else float(x) if math.isfinite(x) else str(float(x))
