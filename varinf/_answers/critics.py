"""Bounds on information from scores of pairs."""

from varinf._answers.objective import Answers, Objective
from varinf.estimate import Direction

_INFORMATION = (
    "I(X;Y), the mean of log p(y|x)/p(y) over pairs: samples show pairs, not these densities, and p(y) is an integral."
)
_CRITIC = "No family of densities: a critic f(x, y), any function, stands in for "
_UNSEEN = " It holds for a critic that was not fitted on the pairs that it scores."
_PROXY = (
    "Information itself, with no KL to a prior in it: a proxy for compression only in so far as it is minimised, which "
    "a lower bound cannot vouch for."
)
_READING = "Information itself, read off and bounded from no side: nothing that a compression could be charged by."
_CHARGE = (
    "A charge on information itself, with no KL to a prior in it: an upper bound is what one may minimise to compress."
)


def _given(exact=True):
    return Direction.UPPER if exact else Direction.NEITHER


def _by_entropy(entropy_x=0.0):
    """From below if the entropy is exact or too low."""
    direction = getattr(entropy_x, "direction", Direction.EXACT)
    return Direction.LOWER if direction in (Direction.EXACT, Direction.LOWER) else Direction.NEITHER


ENTRIES = (
    Objective(
        "infonce",
        "InfoNCE, picking the partner out of a batch",
        "mean_j [f(x_j, y_j) - log (1/N) sum_i exp f(x_i, y_j)]",
        Direction.LOWER,
        Answers(
            _INFORMATION,
            _CRITIC + "log p(y|x), up to a function of y; the batch's average stands in for p(y).",
            "Lower bound on I(X;Y) in expectation, at most log N." + _UNSEEN,
            "The score of a pair is to be large, those of the same y with other x small: only their differences count, "
            "and near log N nothing is left to gain.",
            _PROXY,
        ),
        "van den Oord, Li, Vinyals (2018)",
    ),
    Objective(
        "nwj",
        "NWJ, the tangent bound",
        "E_pairs[f] - E_others[exp(f - 1)]",
        Direction.LOWER,
        Answers(
            _INFORMATION,
            _CRITIC + "1 + log p(y|x)/p(y); its level counts.",
            "Lower bound on I(X;Y), unbiased, without a ceiling. Its variance grows as the exponential of the "
            "information." + _UNSEEN,
            "Scores of pairs are to be large; exp(f - 1) charges for large scores of others, which are rare and rule "
            "the mean.",
            _PROXY,
        ),
        "Nguyen, Wainwright, Jordan (2010)",
    ),
    Objective(
        "tuba",
        "TUBA, the tangent bound with a baseline",
        "1 + E_pairs[f - log a(y)] - E_others[exp(f)/a(y)]",
        Direction.LOWER,
        Answers(
            _INFORMATION,
            _CRITIC + "log p(y|x), and a baseline a(y) for p(y).",
            "Lower bound on I(X;Y), unbiased, without a ceiling, for every critic and baseline." + _UNSEEN,
            "As NWJ's; a baseline near the mean of exp f over x takes the level out of the critic's hands.",
            _PROXY,
        ),
        "Barber, Agakov (2003); Poole et al. (2019)",
    ),
    Objective(
        "interpolated",
        "Interpolated bound, from TUBA to InfoNCE",
        "1 + E_pairs[f - log D] - E_others[m/D], D = alpha m + (1 - alpha) a(y)",
        Direction.LOWER,
        Answers(
            _INFORMATION,
            _CRITIC + "log p(y|x); for p(y) stands alpha times the batch's average m and 1 - alpha times a baseline.",
            "Lower bound on I(X;Y) in expectation, at most 1 + log((N - 1)/alpha)." + _UNSEEN,
            "alpha trades: towards 1 the variance of InfoNCE and its ceiling, towards 0 neither.",
            _PROXY,
        ),
        "Poole, Ozair, van den Oord, Alemi, Tucker (2019)",
    ),
    Objective(
        "donsker_varadhan",
        "Donsker and Varadhan's, on a batch",
        "E_pairs[f] - log E_others[exp f]",
        Direction.NEITHER,
        Answers(
            _INFORMATION,
            _CRITIC + "log p(y|x)/p(y), up to a constant.",
            "Neither on a batch: the logarithm of an average is too low, so that the value lies above its limit in "
            "expectation, with a good critic above I(X;Y). The limit at infinitely many pairs is a lower bound.",
            "Scores of pairs against the largest scores of others; a common level cancels.",
            _READING,
        ),
        "Donsker, Varadhan (1983); Belghazi et al. (2018)",
    ),
    Objective(
        "smile",
        "SMILE, Donsker and Varadhan's with clipped ratios",
        "E_pairs[f] - log E_others[clip(exp f, exp -c, exp c)]",
        Direction.NEITHER,
        Answers(
            _INFORMATION,
            _CRITIC + "log p(y|x)/p(y), its level included; beyond c it is cut.",
            "Neither: clipping biases the mean over others, in the limit too.",
            "As Donsker and Varadhan's, but scores of others beyond the clip count as the clip, and move nothing.",
            _READING,
        ),
        "Song, Ermon (2020)",
    ),
    Objective(
        "jensen_shannon",
        "Jensen-Shannon bound, telling pairs from others",
        "log 2 + (E_pairs[-softplus(-f)] - E_others[softplus(f)])/2",
        Direction.LOWER,
        Answers(
            "JSD(p(x,y), p(x)p(y)), the Jensen-Shannon divergence of pairs from others, at most log 2. It is another "
            "number than I(X;Y), which the same critic, plus 1, bounds by NWJ.",
            _CRITIC + "log p(y|x)/p(y).",
            "Lower bound on that divergence, not on I(X;Y), unbiased." + _UNSEEN,
            "A logistic loss: pairs are to score above 0, others below. Large scores gain little: it is steady.",
            "Neither: it tells pairs from others, and counts no nats that are kept.",
        ),
        "Nowozin, Cseke, Tomioka (2016)",
    ),
    Objective(
        "barber_agakov",
        "Barber and Agakov's bound, a decoder and an entropy",
        "H(X) + E log q(x|z) = I(X;Z) - E KL(p(x|z) || q(x|z))",
        _by_entropy,
        Answers(
            "I(X;Z), which needs p(x|z).",
            "A decoder q(x|z) stands in for p(x|z); the gap is E KL(p(x|z) || q(x|z)).",
            "Lower bound on I(X;Z) where H(X) is exact, or too low. It holds for a decoder that was not fitted on the "
            "data that it scores.",
            "E log q(x|z) is a VAE's reconstruction: codes are to say what they were made of. H(X) does not move.",
            "The distortion's side of the trade: raised, it asks for information; the rate is what charges for it.",
        ),
        "Barber, Agakov (2003)",
    ),
    Objective(
        "leave_one_out",
        "Leave-one-out bound, from above",
        "mean_j [log p(y_j|x_j) - log (1/(N - 1)) sum_(i != j) p(y_j|x_i)]",
        _given,
        Answers(
            _INFORMATION,
            "None: the conditional density is known, as an encoder's is; the other x of the batch stand in for p(y).",
            "Upper bound on I(X;Y) in expectation, if the conditional densities are exact; else neither.",
            "Densities of pairs against those of the same y with other x, its own left out: nothing limits it above.",
            _CHARGE,
        ),
        "Poole, Ozair, van den Oord, Alemi, Tucker (2019)",
    ),
    Objective(
        "club",
        "CLUB, the contrast of log densities",
        "E_pairs[log p(y|x)] - E_others[log p(y|x)]",
        _given,
        Answers(
            _INFORMATION,
            "None: the conditional density is known, as an encoder's is. With a fitted one it is no bound.",
            "Upper bound on I(X;Y), unbiased, if the conditional densities are exact; else neither. For every matrix "
            "it is at least the leave-one-out bound.",
            "Log densities of pairs against those of all others alike, far ones most: it overshoots where codes are "
            "well apart.",
            _CHARGE,
        ),
        "Cheng, Hao, Dai, Liu, Gan, Carin (2020)",
    ),
)
