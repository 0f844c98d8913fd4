"""Bounds on log p(x)."""

from varinf._answers.objective import Answers, Objective
from varinf.estimate import Direction

_LOG_EVIDENCE = (
    "log p(x), the log evidence: the logarithm of the integral of p(x, z) over z. With it the posterior p(z|x)"
)

ENTRIES = (
    Objective(
        "elbo",
        "ELBO, the evidence lower bound",
        "E_q[log p(x, z) - log q(z|x)] = log p(x) - KL(q(z|x) || p(z|x))",
        Direction.LOWER,
        Answers(
            _LOG_EVIDENCE + " is out of reach.",
            "q(z|x), with a density and a sampler, such as a normal with independent features. The gap is "
            "KL(q(z|x) || p(z|x)): zero exactly when the family holds the posterior and q is it (Theorem 1).",
            "Lower bound on log p(x), for every q. The mean over draws is unbiased, so it is a bound in expectation.",
            "The reconstruction E_q log p(x|z) moves q to codes that explain x; KL(q(z|x) || p(z)), subtracted, moves "
            "it back to the prior (Theorem 2). Leaving the posterior's mass out costs little, covering what is not "
            "there costs much: q settles inside the posterior.",
            "Both. For one datum it regularises. Averaged over data it is the rate, I(X;Z) + KL(q(z) || p(z)), an "
            "upper bound on the information that z keeps about x (Theorem 3), and so a price on nats stored.",
        ),
        "Jordan, Ghahramani, Jaakkola, Saul (1999)",
    ),
    Objective(
        "iwelbo",
        "IWELBO, the importance-weighted bound",
        "E[log (1/K) sum_k w_k], w = p(x, z)/q(z|x), z_1 .. z_K from q",
        Direction.LOWER,
        Answers(
            _LOG_EVIDENCE + " is out of reach.",
            "q(z|x) as a proposal: K draws of it with their weights stand for the posterior, which is a wider family "
            "than q alone.",
            "Lower bound on log p(x) for every K, in expectation, and never looser with more draws. It lies below by "
            "about Var(w)/(2K) for weights of mean 1.",
            "Inside the one logarithm, p(x|z) rewards codes that explain x and p(z)/q(z|x) charges for leaving the "
            "prior. The largest weights rule the average, so q covers the posterior more than under the ELBO.",
            "A regulariser only, and weaker with every draw: no KL to the prior splits off, and in the limit of many "
            "draws the value no longer depends on q.",
        ),
        "Burda, Grosse, Salakhutdinov (2016)",
    ),
    Objective(
        "renyi_bound",
        "Variational Rényi bound of order alpha",
        "1/(1 - alpha) log E_q[w^(1 - alpha)], w = p(x, z)/q(z|x)",
        lambda alpha: Direction.LOWER if alpha >= 0 else Direction.UPPER,
        Answers(
            _LOG_EVIDENCE + " is out of reach.",
            "q(z|x), held to the posterior by the Rényi divergence of order alpha, which is the gap.",
            "Decided by alpha. Lower for alpha > 0, from any number of draws in expectation; 1 is the ELBO, 0 the "
            "IWELBO of all draws. Upper for alpha < 0 at infinite draws only: from finite draws it is biased low and "
            "no bound.",
            "Likelihood and p(z)/q(z|x) enter as w^(1 - alpha). A large alpha punishes q most where the posterior has "
            "little mass, and q settles inside one mode; a small or negative alpha punishes missed mass, and q covers.",
            "A regulariser. At alpha = 1 alone a KL to the prior splits off, whose mean over data is a rate.",
        ),
        "Li, Turner (2016)",
    ),
    Objective(
        "cubo",
        "CUBO, the chi upper bound of order n",
        "(1/n) log E_q[w^n], n > 1, w = p(x, z)/q(z|x)",
        Direction.UPPER,
        Answers(
            _LOG_EVIDENCE + " is out of reach.",
            "q(z|x), held to the posterior by the chi divergence of order n: its tails must be the heavier ones.",
            "Upper bound on log p(x) at infinite draws. From finite draws it is biased low, under heavy tails below "
            "log p(x) itself: the number is no bound.",
            "w^n is ruled by the places where p(x|z) p(z) exceeds q(z|x) most. Minimised, it spreads q over all of "
            "the posterior; likelihood and prior only say where that is.",
            "A regulariser only: it charges q for mass that it misses, not for information about x.",
        ),
        "Dieng, Tran, Ranganath, Paisley, Blei (2017)",
    ),
    Objective(
        "eubo",
        "EUBO, the evidence upper bound",
        "E_p(z|x)[log p(x, z) - log q(z|x)] = log p(x) + KL(p(z|x) || q(z|x))",
        Direction.UPPER,
        Answers(
            _LOG_EVIDENCE + " is out of reach as a number, though draws from the posterior are at hand.",
            "q(z|x), judged at those draws. The gap is KL(p(z|x) || q(z|x)), the KL in the other order.",
            "Upper bound on log p(x), unbiased from exact independent draws. From Markov chains it holds only as far "
            "as they have converged, and is no bound.",
            "Minimised over q only -E log q(z|x) counts: q is fitted to posterior draws by maximum likelihood and "
            "must cover them all. E log p(x, z) does not depend on q.",
            "A regulariser only: its KL charges q for posterior mass that it misses, and compares with no prior.",
        ),
        "Grosse, Ghahramani, Adams (2015)",
    ),
    Objective(
        "jackknife_evidence",
        "Jackknife log evidence",
        "S L_S - (S - 1) mean_i L_(without i), L the IWELBO; order 1",
        lambda order=1: Direction.NEITHER if order else Direction.LOWER,
        Answers(
            _LOG_EVIDENCE + " is out of reach.",
            "q(z|x) as a proposal, as for the IWELBO.",
            "Neither: the leading powers of 1/S are taken out of the IWELBO's bias, and what is left has no known "
            "sign. At order 0 it is the IWELBO, a lower bound.",
            "Nothing: it is made for reading log p(x) closely, not for fitting. Maximised, it would be drawn to its "
            "own error.",
            "Neither: no KL stands in it. Its subject is the bias of a logarithm of a mean.",
        ),
        "Nowozin (2018)",
    ),
    Objective(
        "thermodynamic",
        "Thermodynamic integral",
        "integral of E_beta[log w] over beta in [0, 1], draws from q w^beta",
        Direction.EXACT,
        Answers(
            _LOG_EVIDENCE + " is out of reach as a number, though draws from the posterior are at hand.",
            "q(z|x) at beta = 0, joined to the posterior at beta = 1 by the path q(z|x) w^beta.",
            "Exact at infinite draws of both kinds, between the ELBO at beta = 0 and the EUBO at beta = 1. From "
            "finite draws its bias has no known sign: no bound.",
            "Nothing is fitted. The curve rises from the ELBO, by KL(q(z|x) || p(z|x)), to log p(x), and by "
            "KL(p(z|x) || q(z|x)) on to the EUBO: a flat curve is a q that fits.",
            "Neither: the two KLs are areas beside the curve, measured and not charged for.",
        ),
        "Gelman, Meng (1998); Masrani, Le, Wood (2019)",
    ),
    Objective(
        "sandwich",
        "Sandwich on the log evidence",
        "IWELBO at draws from q <= log p(x) <= EUBO at draws from p(z|x)",
        (Direction.LOWER, Direction.UPPER),
        Answers(
            _LOG_EVIDENCE + " is out of reach as a number, though draws from the posterior are at hand.",
            "q(z|x): as a proposal below, judged at draws from the posterior above.",
            "Both: a lower and an upper bound on log p(x), each in expectation and from draws of its own. The upper "
            "side is a bound as far as its draws are from the posterior.",
            "Below, a q that misses part of the posterior may never notice; above, every posterior draw that q misses "
            "is charged. The gap shows what k_hat cannot see.",
            "Neither: the gap measures how badly q fits, not how much z tells about x.",
        ),
        "Grosse, Ghahramani, Adams (2015)",
    ),
    Objective(
        "annealed_evidence",
        "Annealed bound on the log evidence",
        "E[log (1/K) sum_k w_k], log w = sum_t (b_t - b_(t-1)) log p(x, z_(t-1))/q(z_(t-1)|x)",
        Direction.LOWER,
        Answers(
            _LOG_EVIDENCE + " is out of reach.",
            "q(z|x) only as a start: chains lead from it to the posterior over the path q(z|x) w^b, and each has one "
            "weight. The more temperatures and the better the moves, the less q matters.",
            "Lower bound on log p(x) for any number of chains, in expectation, however badly they mix, as their "
            "kernels were frozen before.",
            "Nothing is fitted. Each temperature adds its share of log p(x, z) - log q(z|x), where the chain is by "
            "then: near q at first, near the posterior at last.",
            "Neither: no KL to the prior splits off. The bound lies below log p(x) by about Var(w)/(2K) for weights of "
            "mean 1.",
        ),
        "Neal (2001)",
    ),
    Objective(
        "annealed_sandwich",
        "Annealed sandwich on simulated data",
        "log mean w of chains from q <= log p(x) <= -log mean 1/w of chains from the simulated z",
        (Direction.LOWER, Direction.UPPER),
        Answers(
            _LOG_EVIDENCE + " is out of reach, though simulated data come with one exact draw from it.",
            "q(z|x) only as the one end of chains that are run both ways.",
            "Both: a lower and an upper bound on log p(x) of simulated data, each in expectation. For real data the "
            "lower side alone is a bound, and the gap is evidence by analogy.",
            "Nothing is fitted. The gap, averaged over simulated data sets, says how far the lower bound can be from "
            "log p(x), on average, with these temperatures and moves.",
            "Neither: the gap measures how badly chains mix, not how much z tells about x.",
        ),
        "Grosse, Ghahramani, Adams (2015)",
    ),
)
