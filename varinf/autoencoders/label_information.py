"""What a code tells about labels: a lower bound on I(Y;Z) from a decoder's log probabilities.

    I(Y;Z) = H(Y) - H(Y|Z) >= H(Y) + E log q(y|z),     the gap being E KL(p(y|z) || q(y|z))   (Barber, Agakov 2003)

Its mean over draws stands outside of the logarithm: E log q(y|z) of one datum is over z ~ q(z|x). The probabilities of
the averaged prediction, E q(y|z), have a larger mean logarithm by Jensen and bound no information of Z.

H(Y) is the plug-in -sum_k p_k log p_k of the labels' own shares p_k unless it is given. Entropy is concave, so that
over data sets its mean is below H(Y), by about (classes - 1) / 2N (Miller 1955): the bound stays one, biased low. Since
the plug-in is the mean of -log p(y_n) over the same data, the sum is the mean of log q(y_n|z_n) - log p(y_n), and its
error, to first order, that of these terms: a label's two logarithms move together.

On a data set as it stands, Y is a function of its index n, whose distribution is known: H(Y) is the plug-in exactly,
and H(Y) + mean log q(y_n|z) <= I(y_n;Z) <= I(n;Z) holds for any decoder, one that was fitted to these data too.
"""

import math
from dataclasses import replace
from functools import partial

import numpy as np

from varinf._arrays import finite_number
from varinf.diagnostics import caveats
from varinf.estimate import Direction, Estimate
from varinf.information.aggregate import by_draws
from varinf.information.barber_agakov import barber_agakov


def label_information(log_q, codes, classes, entropy, over):
    """`VIB.label_information` from log q(y_n | z_n) (S, N) at S draws of each datum's code, its label `codes` (N,).

    `classes` is the number of classes that q knows.
    """
    if over not in ("population", "dataset"):
        raise ValueError(
            f"over={over!r}: use 'population' (the data are a sample) or 'dataset' (they are all there is)"
        )
    if over == "dataset" and entropy is not None:
        raise ValueError("entropy is that of these labels with over='dataset': drop it, or use over='population'")
    if entropy is not None and not isinstance(entropy, Estimate):
        _check_entropy(entropy, classes)
    share = np.bincount(codes, minlength=classes) / len(codes)
    log_share = np.log(share[codes])
    plug_in = 0.0 - float(np.mean(log_share))
    if over == "dataset":
        return Estimate(
            **by_draws(log_q - log_share),
            quantity="I(y_n;Z)",
            estimand=f"H(y_n) + mean log q(y_n|z) of {len(codes):,} data",
            direction=Direction.LOWER,
            objective="barber_agakov",
            ceiling=plug_in,
            rules=(caveats.one_draw,),
        )
    each = np.mean(log_q, axis=0)
    if entropy is not None:
        found = barber_agakov(each, entropy)
        ceiling, bias, said = None if isinstance(entropy, Estimate) else float(entropy), found.bias, found.rules
    else:
        found = barber_agakov(each - log_share, 0.0)
        ceiling, bias, said = plug_in, "low", (caveats.one_draw, _fitted_data, partial(_plug_in, classes))
    return replace(
        found,
        quantity="I(Y;Z)",
        estimand=f"H(Y) + E log q(y|z) over {len(codes):,} data",
        draws=log_q.size,
        bias=bias,
        ceiling=ceiling,
        rules=said,
    )


def _check_entropy(entropy, classes):
    most = math.log(classes)
    if not 0 <= finite_number(entropy, "entropy") <= most * (1 + 1e-9):
        raise ValueError(
            f"entropy={entropy} is not between 0 and log({classes}) = {most:.4f}, the most that {classes} classes "
            "have: give H(Y) in nats"
        )


def _fitted_data(estimate):
    return "a bound on I(Y;Z) if the decoder was not fitted to these data; for data that did, over='dataset' holds"


def _plug_in(classes, estimate):
    low = (classes - 1) / (2 * (estimate.degrees + 1)) / (1.0 if estimate.units == "nats" else math.log(2))
    return (
        f"H(Y) is estimated from the labels themselves, low by about {low:.2g} {estimate.units} in the mean: give "
        "entropy= where it is known"
    )
