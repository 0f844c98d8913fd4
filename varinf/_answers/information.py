"""Information that a code keeps, and bounds on it from known densities."""

from varinf._answers.objective import Answers, Objective
from varinf.estimate import Direction

ENTRIES = (
    Objective(
        "rate",
        "Rate, the mean KL to a reference",
        "E_p(x) KL(q(z|x) || r(z)) = I(X;Z) + KL(q(z) || r(z))",
        Direction.UPPER,
        Answers(
            "I(X;Z), the information that the code z keeps about x: it needs the aggregate q(z), an integral of "
            "q(z|x) over all data.",
            "r(z), a reference with a density, stands in for q(z); the gap is KL(q(z) || r(z)). The encoder q(z|x) is "
            "given and approximates nothing here.",
            "Upper bound on I(X;Z) over a population that the encoder never saw; on I(n;Z), which log N limits, over a "
            "data set as it stands.",
            "It has no likelihood term: in a VAE's objective it stands against the reconstruction. It falls when "
            "q(z|x) moves toward r(z), forgetting x, and when r(z) moves toward q(z), which only tightens the bound.",
            "Both, and here it is plain (Theorem 3): I(X;Z) is compression, KL(q(z) || r(z)) is regularisation, and "
            "their sum is what is charged.",
        ),
        "Alemi, Poole, Fischer, Dillon, Saurous, Murphy (2018)",
    ),
    Objective(
        "aggregate_kl",
        "Aggregate KL, the gap of the rate",
        "KL(q(z) || r(z)), q(z) = (1/N) sum_n q(z|x_n)",
        Direction.EXACT,
        Answers(
            "KL(q(z) || r(z)) for the aggregate of the population. For a data set log q(z) is a sum over all N "
            "posteriors, which is work, N^2 pairs, but no obstacle.",
            "The mixture of the data's posteriors stands in for the population's q(z); r(z) is the reference.",
            "Exact for the data set, by draws without bias. It is by this much that the rate lies above the "
            "information. Over fresh data sets its mean lies above the population's KL.",
            "It falls when the codes together fill the reference, or the reference is fitted to them; it asks no "
            "single datum to forget.",
            "A regulariser only: this is the part of the rate that holds no information about x.",
        ),
        "Hoffman, Johnson (2016)",
    ),
    Objective(
        "index_information",
        "Index information of a data set",
        "I(n;Z) = (1/N) sum_n E_q(z|x_n)[log q(z|x_n) - log q(z)]",
        Direction.EXACT,
        Answers(
            "I(X;Z) of the population. I(n;Z), between a datum's index and its code, is its counterpart on a data set, "
            "where log q(z) is a sum over all N posteriors.",
            "None for the data set, whose posteriors are known. For the population the N data stand in for p(x).",
            "Exact for the data set, by draws without bias, between 0 and log N. Over fresh data its mean is a lower "
            "bound on I(X;Z): InfoNCE with the known encoder as critic.",
            "E log q(z|n) is large when posteriors are narrow, -E log q(z) when they lie apart: together, when a code "
            "tells which datum it came from.",
            "This is the compression itself: the part of the mean KL that is information. The rest is aggregate_kl.",
        ),
        "Hoffman, Johnson (2016)",
    ),
    Objective(
        "information_sandwich",
        "Sandwich on the information of a code",
        "InfoNCE with the encoder <= I(X;Z) <= the rate, or leave-one-out",
        (Direction.LOWER, Direction.UPPER),
        Answers(
            "I(X;Z), which needs the aggregate q(z) of the population.",
            "The batch stands in for it: with a code's own datum below, without it above; or a reference r(z) above.",
            "Both: bounds on I(X;Z) in expectation, for data that the encoder never saw. The lower side cannot pass "
            "log N; the upper side is chosen on one half of the data and reported on the other.",
            "Nothing is fitted. A wide gap under log N asks for a better reference, one at log N for more data.",
            "It measures compression itself; how far the rate stands above it is what only regularises.",
        ),
        "Poole, Ozair, van den Oord, Alemi, Tucker (2019)",
    ),
    Objective(
        "mixture_information_bounds",
        "Mixture bounds on the index information",
        "-(1/N) sum_i log (1/N) sum_j exp(-D(q_i, q_j))",
        (Direction.LOWER, Direction.UPPER),
        Answers(
            "I(n;Z) of the data set, an integral over a mixture of N posteriors.",
            "Divergences of its pairs, which have closed forms, stand in for the mixture's density.",
            "Both: lower with Bhattacharyya distances, upper with Kullback-Leibler divergences; 0 to log N each.",
            "Posteriors far apart raise both sides; where all are far apart or all the same, the sides meet.",
            "Compression itself, of the data set as it stands; no reference enters.",
        ),
        "Kolchinsky, Tracey (2017)",
    ),
)
