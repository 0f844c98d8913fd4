"""How numbers and estimates read in a terminal: at most 80 columns wide where possible, safe on a cp1252 console."""

import math
import textwrap

import numpy as np

from varinf._arrays import to_numpy

WIDTH = 80
ROUNDING = 1e-15  # relative: a standard error below this is that of the arithmetic


def number_with_error(value, stderr, digits=4, room=math.inf):
    """ "-31.34 ± 0.02": the error to one significant digit (two when it begins with 1), the value to the same place.

    In `room` characters where need be: the error then with an exponent, and the value as far as it fits.
    """
    if not math.isfinite(value) or not math.isfinite(stderr):
        return f"{plain(value, digits)} ± {stderr:.2g}"
    if stderr <= ROUNDING * abs(value):  # nothing but rounding
        return f"{value:.4f} ± 0" if 1e-2 <= abs(value) < 1e7 else f"{plain(value, digits)} ± 0"
    exponent = math.floor(math.log10(stderr))
    leading = round(stderr / 10**exponent, 1)
    places = -exponent + (leading < 1.95)
    if places <= 12 and abs(value) < 1e15:  # as far as a double has digits before its point
        if places < 0:
            text = f"{round(value, places):.0f} ± {round(stderr, places):.0f}"
        else:
            text = f"{value:.{places}f} ± {stderr:.{places}f}"
        if len(text) <= room:
            return text
    first = math.floor(math.log10(abs(value))) if value else exponent
    for kept in range(max(first - exponent, 0) + 1, 0, -1):
        text = f"{value:.{kept}g} ± {stderr:.1g}"
        if len(text) <= room:
            break
    return text


def plain(value, digits=4):
    """A number in about `digits` significant digits, without an exponent in the common range."""
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-4 <= abs(value) < 1e7:
        places = max(0, digits - 1 - (math.floor(math.log10(abs(value))) if value else 0))
        return f"{value:.{places}f}"
    return f"{value:.{digits - 1}e}"


def _what(estimate):
    """The noun phrase: what the number is, honest about direction and bias."""
    if estimate.is_bound:
        return f"{estimate.direction} bound on {estimate.quantity}"
    if estimate.direction in ("lower", "upper"):
        leaning = {"unknown": "with unknown bias"}.get(estimate.bias, f"biased {estimate.bias}")
        side = {"lower": "a lower", "upper": "an upper"}[str(estimate.direction)]
        return f"estimate, {leaning}, of {estimate.estimand}, itself {side} bound on {estimate.quantity}"
    if estimate.direction == "exact":
        return f"estimate of {estimate.quantity}"
    return f"estimate of {estimate.quantity}, not a bound"


UNBROKEN = "\N{NO-BREAK SPACE}"  # lines are not broken here; in what is printed it is a plain space


def _footing(estimate, each=""):
    """ "(10,000 draws, k_hat 0.31)", or nothing when nothing is known."""
    parts = []
    if estimate.draws is not None:
        parts.append(f"{estimate.draws:,} draw{'s' * (estimate.draws != 1)}{each}")
    k_hat = estimate.k_hat
    if k_hat is not None and not np.all(np.isnan(to_numpy(k_hat))):
        worst = float(np.nanmax(to_numpy(k_hat)))
        parts.append(f"k_hat {'up to ' if estimate.shape else ''}{worst:.2f}")
    return f" ({', '.join(parts).replace(' ', UNBROKEN)})" if parts else ""


def describe(estimate, first="", last=""):
    """One line for a number, a few for a batch, and each caveat, between the words `first` and `last`."""
    value, stderr = to_numpy(estimate.value), to_numpy(estimate.stderr)
    values = ""
    if value is None:
        text = f"{_what(estimate)}, traced"
    elif value.ndim == 0:
        text = (
            f"{number_with_error(float(value), float(stderr))} {estimate.units}, {_what(estimate)}{_footing(estimate)}"
        )
    else:
        shape = f"{value.size:,} value{'s' * (value.size != 1)}" if value.ndim == 1 else f"shape {value.shape}"
        what = _what(estimate)
        article = "an" if what[0] in "aeiou" else "a"
        text = f"{shape}, each {article} {what} in {estimate.units}{_footing(estimate, ' each')}:"
        values = _first_values(value.reshape(-1), np.broadcast_to(stderr, value.shape).reshape(-1))
    parts = [(first + text, ""), *([(values, "  ")] if values else [])]
    parts += [(f"caveat: {caveat}", "  ") for caveat in estimate.caveats]
    parts[-1] = (parts[-1][0] + last, parts[-1][1])
    lines = (line for text, indent in parts for line in wrapped(text, indent + "  ", indent))
    return "\n".join(lines).replace(UNBROKEN, " ")


def _first_values(values, errors):
    """Three of them, which fit a line in 22 characters each."""
    shown = [number_with_error(float(v), float(e), room=22) for v, e in zip(values[:3], errors[:3], strict=True)]
    return f"{', '.join(shown)}{', ...' if values.size > 3 else ''}"


def describe_sandwich(sandwich, first="", last=""):
    """The two sides, the gap and the assumptions."""
    lines = [describe(sandwich.lower, f"{first}lower: "), describe(sandwich.upper, "upper: ")]
    gap = sandwich.gap
    values = to_numpy(gap.value)
    if not gap.shape:
        lines.append(f"gap:   {number_with_error(float(gap.value), float(gap.stderr))} {gap.units}")
    elif values is not None and values.size:
        low, mean, high = (plain(float(x)) for x in (np.min(values), np.mean(values), np.max(values)))
        lines.append(f"gap:   {mean} {gap.units} on average, from {low} to {high}")
    lines += [line for text in sandwich.assumptions for line in wrapped(f"assumes: {text}", "  ", "")]
    return "\n".join(lines) + last


def wrapped(text, indent="", first=None):
    """Lines of at most WIDTH columns, unless a single word is longer; a line break in the text stays one."""
    lines, start = [], indent if first is None else first
    for paragraph in text.splitlines():
        lines += textwrap.wrap(
            paragraph,
            WIDTH,
            initial_indent=start,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        start = indent
    return lines
