"""The sentences that an estimate carries: each rule looks at one estimate and returns a caveat or None."""

import numpy as np

from varinf._arrays import to_numpy
from varinf.diagnostics.psis import k_threshold
from varinf.estimate import NATS_PER_BIT


def _share(bad):
    """The words " in 3 of 8 values", or nothing for a single number."""
    return f" in {np.count_nonzero(bad):,} of {bad.size:,} values" if bad.size > 1 else ""


def _above(estimate, limit):
    """The words "k_hat 0.83 is above 0.70 in 3 of 8 values", or None where no k̂ is known to be."""
    if estimate.k_hat is None:
        return None
    k_hat = np.atleast_1d(np.asarray(to_numpy(estimate.k_hat), dtype=float))
    high = k_hat > limit  # nan, which is not known, is not
    if not np.any(high):
        return None
    of = "" if estimate.k_hat_of == "w" else f" of {estimate.k_hat_of}"
    return f"k_hat {np.max(k_hat[high]):.2f}{of} is above {limit:.2f}{_share(high)}"


def heavy_weights(estimate, usually="too low"):
    """An average of heavy-tailed weights: its interval is too narrow, or means nothing."""
    if above := _above(estimate, k_threshold(estimate.draws)):
        return (
            f"{above}: the weights are so heavy-tailed that the value is usually {usually} and the interval "
            "unreliable; improve q"
        )
    if above := _above(estimate, 0.5):
        return (
            f"{above}: the weights' variance may be infinite, and a nominal 95% interval covers less (measured at "
            "exact indices from 0.5 to 0.7: 91% down to 45%)"
        )
    return None


def heavy_inverse_weights(estimate):
    """The same for a negative power: a mean that misses its largest terms is too low, and its power's root too high."""
    return heavy_weights(estimate, usually="above its limit at infinitely many draws")


def loose(estimate):
    """Heavy weights make the ELBO loose; its interval, which is about the mean of log w, stays right."""
    if above := _above(estimate, k_threshold(estimate.draws)):
        return f"{above}: q is far from the posterior, so this bound is loose; its interval holds"
    return None


def tail_cut(estimate):
    """A streamed state that kept fewer of the largest weights than k̂ asks for."""
    return "k_hat rests on fewer of the largest weights than 3 sqrt(draws): raise tail= for the exact one"


def zero_weights(estimate):
    """The mean of log w is -inf as soon as one draw has probability zero."""
    lost = np.atleast_1d(np.asarray(to_numpy(estimate.value)) == -np.inf)
    if np.any(lost):
        return f"-inf{_share(lost)}: q draws where log p(x, z) is -inf, so the bound is empty there"
    return None


def no_weight_left(estimate):
    """A jackknife over draws of which so few have weight that leaving some out leaves none."""
    value = to_numpy(estimate.value)
    lost = np.atleast_1d(np.isnan(value)) if value is not None else np.zeros(1, bool)
    if np.any(lost):
        return f"nan{_share(lost)}: too few draws have any weight for some to be left out; the iwelbo is still defined"
    return None


def missed_mass(estimate):
    """+inf at posterior draws: q gives probability zero where the posterior lives."""
    lost = np.atleast_1d(np.asarray(to_numpy(estimate.value)) == np.inf)
    if np.any(lost):
        return f"+inf{_share(lost)}: q has density zero at posterior draws, so the bound is empty there"
    return None


def apart(estimate):
    """Both halves of a bridge are empty: no draw of either kind lies where the other distribution has mass."""
    value = to_numpy(estimate.value)
    lost = np.atleast_1d(np.isnan(value)) if value is not None else np.zeros(1, bool)
    if np.any(lost):
        return f"nan{_share(lost)}: q and the posterior have no draw in common support, so there is nothing to compare"
    return None


def heavy_halves(estimate):
    """A bridge between distributions that hardly overlap."""
    limit = min(k_threshold(estimate.degrees + 1), 0.5)
    if above := _above(estimate, limit):
        return f"{above}: q and the posterior hardly overlap, and the interval is unreliable"
    return None


def bias_against_error(estimate, remedy="use more draws per datum"):
    """A known bias that is not small against the error, as happens when many data are averaged."""
    if estimate.bias_estimate is None:
        return None
    bias = np.atleast_1d(np.asarray(to_numpy(estimate.bias_estimate), dtype=float))
    stderr = np.atleast_1d(np.asarray(to_numpy(estimate.stderr), dtype=float))
    large = np.abs(bias) > 0.5 * stderr
    if not np.any(large & np.isfinite(bias)):
        return None
    worst = np.max(np.abs(np.where(np.isfinite(bias) & large, bias, 0.0)))
    return (
        f"as an estimate of {estimate.quantity} it is low by about {worst:.2g} {estimate.units}{_share(large)}, more "
        f"than half its error, which the interval does not cover: {remedy}"
    )


def bias_of_groups(estimate):
    """The same where the bias is that of groups of k draws: more groups leave it as it is."""
    return bias_against_error(estimate, remedy="raise k, or take the iwelbo of all draws")


def one_draw(estimate):
    if estimate.degrees < 1:
        return "one draw (one group, or one datum) leaves no standard error: give at least two"
    return None


def markov_chain(estimate):
    return "the draws are from Markov chains: an upper bound only as far as the chains have converged"


NEAR_CEILING = 0.1  # nats


def saturated(estimate):
    """A value that cannot rise much further, whatever the information is."""
    ceiling = estimate.ceiling
    if not ceiling:  # none, or one datum: nothing to tell apart, and nothing that more draws would tell
        return None
    near = NEAR_CEILING / (NATS_PER_BIT if estimate.units == "bits" else 1.0)
    value = to_numpy(estimate.value)
    if value is not None and value > ceiling - near:
        return (
            f"within {near:.2g} {estimate.units} of its ceiling, {ceiling:.3f}: nearly every datum is told from the "
            "others, and the information may be far larger; more data would tell"
        )
    return None


def heavy_scores(estimate):
    """A mean of exp(scores) ruled by scores that are too rare for the batch to hold its share of them."""
    # k_hat rests on N (N - 1) scores, while the threshold for a few draws, 1 - 1/log10(N), would flag any of them
    if above := _above(estimate, max(0.5, k_threshold(estimate.draws))):
        return (
            f"{above}: rare large scores rule the mean over others, which is usually too low, so that the value is too "
            "high and its error too small; take infonce"
        )
    return None


def plug_in(estimate):
    return "from finite draws this is biased low, so it may lie below log p(x): it is no bound"
