"""`lens`: the page's five questions about an objective, or about one result with its numbers."""

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from varinf._arrays import to_numpy
from varinf._sandwich import Sandwich
from varinf._text import number_with_error, plain, wrapped
from varinf.diagnostics.psis import k_threshold
from varinf.estimate import Direction, Estimate
from varinf.objectives import OBJECTIVES, QUESTIONS, Answers, Objective


@dataclass(frozen=True, eq=False, repr=False)
class Lens:
    """The five answers; reads as text, and as a table in a notebook.

    Attributes
    ----------
    objective : Objective
        The entry of `varinf.objectives`.
    answers : Answers
        Named tuple of five strings, in the order of the questions; with the run's numbers where there is a result.
    result : Estimate, Sandwich or None
    caveats : tuple of str
        Those of the result.
    """

    objective: Objective
    answers: Answers
    result: Any = None

    @property
    def caveats(self):
        return () if self.result is None else self.result.caveats

    def __iter__(self):
        return iter(zip(QUESTIONS, self.answers, strict=True))

    def __str__(self):
        lines = [self.objective.title, *wrapped(self.objective.formula, "  ")]
        for number, (question, answer) in enumerate(self, start=1):
            lines += ["", f"{number}. {question}", *wrapped(answer, "   ")]
        if self.caveats:
            lines += ["", "Caveats"]
            for caveat in self.caveats:
                lines += wrapped(caveat, "   ", first=" - ")
        return "\n".join([*lines, "", *wrapped(self.objective.source, "", first="Source: ")])

    __repr__ = __str__

    def _repr_html_(self):
        rows = "".join(
            f'<tr><th style="text-align:left">{html.escape(question)}</th>'
            f'<td style="text-align:left">{html.escape(answer).replace(chr(10), "<br>")}</td></tr>'
            for question, answer in (*self, *(("Caveat", caveat) for caveat in self.caveats))
        )
        head = f"{html.escape(self.objective.title)}<br><code>{html.escape(self.objective.formula)}</code>"
        return f"<table><caption>{head}</caption>{rows}</table>"


def lens(objective):
    """Answer the five questions of the page's computation lens, for an objective or for one result.

    Parameters
    ----------
    objective : function, str, Estimate or Sandwich
        An objective of varinf or its name, such as `varinf.iwelbo` or "iwelbo"; or a result, whose numbers are then
        worked into the answers.

    Returns
    -------
    Lens
        `str` of it reads at 80 columns; `.answers` is a named tuple (intractable, family, direction, terms,
        compression).

    Raises
    ------
    ValueError
        For a function, a name or an Estimate that is no objective: which ones there are.
    TypeError
        For anything else.

    See Also
    --------
    Estimate : A result; it knows its direction, bias and caveats.
    summarize : All bounds of the same log weights, beside each other.
    plot : The statements of the page as pictures.

    Examples
    --------
    >>> import varinf as vi
    >>> print(vi.lens(vi.elbo).answers.direction)
    Lower bound on log p(x), for every q. The mean over draws is unbiased, so it is a bound in expectation.
    >>> vi.lens(vi.elbo([-2.0, -1.0, -3.0, -2.0])).answers.intractable.splitlines()[-1]
    'In this run: -2.0 ± 0.4 nats (4 draws).'
    """
    if isinstance(objective, Sandwich):
        return _of_result(objective.objective, objective, _numbers_of_sandwich)
    if isinstance(objective, Estimate):
        if not objective.objective:
            raise ValueError(
                f"this Estimate of {objective.quantity} has no objective of its own: give the result that it came from"
            )
        return _of_result(objective.objective, objective, _numbers_of_estimate)
    name = objective if isinstance(objective, str) else getattr(objective, "__name__", None)
    if name is None:
        parts = _results_in(objective)
        raise TypeError(
            "lens takes an objective such as varinf.elbo, its name, an Estimate or a Sandwich; got a "
            f"{type(objective).__name__}{': give one of its ' if parts else ''}{', '.join(parts)}"
        )
    entry = _entry(name)
    return Lens(entry, entry.answers)


def _entry(name):
    if name not in OBJECTIVES:
        raise ValueError(f"{name!r} is not an objective that the lens knows: those are {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]


def _results_in(whole):
    """How to reach the estimates that a larger result holds."""
    held = {f".{name}": part for name, part in getattr(whole, "__dict__", {}).items()}
    if isinstance(whole, Mapping):
        held |= {f"[{name!r}]": part for name, part in whole.items()}
    return [where for where, part in held.items() if isinstance(part, Estimate | Sandwich)]


def _of_result(name, result, numbers):
    entry = _entry(name)
    added = Answers(*numbers(result))
    answers = (
        f"{answer}\nIn this run: {text}." if text else answer for answer, text in zip(entry.answers, added, strict=True)
    )
    return Lens(entry, Answers(*answers), result)


# What a run adds to each answer; "" where it adds nothing -------------------------------------------------------------


def _numbers_of_estimate(estimate):
    return Answers(
        intractable=_size(estimate) + _draws(estimate),
        family=_fit(estimate),
        direction=_standing(estimate),
        terms=_bias(estimate),
        compression=_stored(estimate),
    )


def _numbers_of_sandwich(sandwich):
    lower, upper = sandwich.lower, sandwich.upper
    sides = [_size(side) + _draws(side) for side in (lower, upper)]
    within = "from {} to {}".format(*sides) if _is_one(lower) else "below, {}; above, {}".format(*sides)
    low, high, level = sandwich.interval(0.95)
    if _is_one(lower):
        within += f"; between {plain(np.asarray(low).item())} and {plain(np.asarray(high).item())} at {level:.0%}"
    standing = f"below, {_standing(lower)}; above, {_standing(upper)}"
    if sandwich.assumptions:
        standing += f"; provided that {' and '.join(sandwich.assumptions)}"
    return Answers(
        intractable=within,
        family="; ".join(f"{side}, {fit}" for side, fit in (("below", _fit(lower)), ("above", _fit(upper))) if fit),
        direction=standing,
        terms=f"the gap is {_size(sandwich.gap)}",
        compression="",
    )


def _is_one(estimate):
    return math.prod(estimate.shape) == 1


def _size(estimate):
    """ "-31.34 ± 0.02 nats", or where the values of a batch lie."""
    value, stderr = to_numpy(estimate.value), to_numpy(estimate.stderr)
    if value.size == 1:
        return f"{number_with_error(value.item(), stderr.item())} {estimate.units}"
    return _spread(value, estimate.units) if value.size else "an empty batch"


def _spread(values, units):
    low, mean, high = (plain(float(f(values))) for f in (np.min, np.mean, np.max))
    return f"{mean} {units} on average over {values.size:,} values, from {low} to {high}"


def _draws(estimate):
    if estimate.draws is None:
        return ""
    return f" ({estimate.draws:,} draw{'s' * (estimate.draws != 1)}{'' if _is_one(estimate) else ' each'})"


def _fit(estimate):
    """The weights' tail index, which is all that an estimate knows of its family."""
    k_hat = np.asarray(np.nan if estimate.k_hat is None else to_numpy(estimate.k_hat))
    if not np.any(np.isfinite(k_hat)):
        return ""
    worst = np.nanmax(k_hat)
    seen = f"k_hat {'up to ' if k_hat.size > 1 else ''}{worst:.2f}"
    if estimate.k_hat_of != "w":
        judged = "; q is judged by that of w" if "score" not in estimate.k_hat_of else ""
        return f"{seen} of {estimate.k_hat_of}{judged}"
    if worst > k_threshold(estimate.draws):
        return f"{seen}: q fits badly"
    return f"{seen}: q {'fits moderately' if worst > 0.5 else 'fits, as far as it reaches'}"


def _standing(estimate):
    if estimate.is_bound:
        return f"{estimate.direction} bound on {estimate.quantity}, in expectation"
    if estimate.direction in (Direction.LOWER, Direction.UPPER):
        bias = "of unknown bias" if estimate.bias == "unknown" else f"biased {estimate.bias}"
        return f"{estimate.direction} at infinite draws, but the estimate is {bias}: no bound"
    if estimate.direction == Direction.EXACT:
        bias = {"none": "without bias", "unknown": "of unknown bias"}.get(estimate.bias, f"biased {estimate.bias}")
        return f"an estimate of {estimate.quantity} itself, {bias}"
    return f"no bound on {estimate.quantity} in either direction"


def _bias(estimate):
    bias = to_numpy(estimate.bias_estimate) if estimate.bias_estimate is not None else np.empty(0)
    if not np.any(np.isfinite(bias)):
        return ""
    size = f"{plain(bias.item(), 2)} {estimate.units}" if bias.size == 1 else _spread(bias, estimate.units)
    return f"by theory the estimate lies off {estimate.quantity} by about {size}"


def _stored(estimate):
    """For information, in the units of storage."""
    value = to_numpy(estimate.value)
    if "I(" not in estimate.quantity or value.size != 1:
        return ""
    side = {Direction.UPPER: "at most ", Direction.LOWER: "at least ", Direction.NEITHER: "about "}
    at_most = side.get(estimate.direction, "")
    bits = estimate.to("bits")
    return (
        f"{at_most}{number_with_error(to_numpy(bits.value).item(), to_numpy(bits.stderr).item())} bits kept per datum"
    )
