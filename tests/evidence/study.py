"""The calibration study: how often intervals cover and caveats speak, over replications of exact cases."""

import numpy as np
from exact_cases import Gaussian, Pareto

import varinf as vi
from varinf.diagnostics.caveats import heavy_halves, heavy_weights

BLOCK = 2**22  # numbers in one block of replications: 32 MiB
LEVEL = 0.95
NEED_EVIDENCE = ("iwelbo", "jackknife", "thermodynamic", "bridge_caveat", "markov_low", "markov_high")
# What the documentation's table shows: exact cases by family, and the draws of one replication.
TABLE_CASES = (
    *(Gaussian(1 - k) for k in (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)),
    *(Gaussian(1 - k, dim=10) for k in (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)),
    *(Pareto(k) for k in (0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, 1.5, 2.0)),
)
TABLE_DRAWS = {1000: 4000, 10_000: 1000}  # draws: replications


def study(case, draws, replications, seed=0):
    """Shares, over replications, of what follows; each on its own row of a block (replications, draws).

    elbo            the ELBO's interval covers the exact ELBO
    iwelbo, jackknife, thermodynamic      the interval covers log p(x)
    caveat, bridge_caveat         the caveat about heavy tails speaks: of the IWELBO, of the thermodynamic integral
    silent_iwelbo   the IWELBO's interval covers log p(x), among the runs without the caveat
    markov_low, markov_high   the Markov limit fails: IWELBO's above log p(x), EUBO's below it

    Where log p(x) is infinite (tail index 1 and above) NEED_EVIDENCE is nan.
    """
    rng = np.random.default_rng([seed, draws, round(1000 * case.tail_index), getattr(case, "dim", 0)])
    blocks = [_block(case, draws, n, rng) for n in _block_sizes(draws, replications)]
    runs = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    silent = ~runs["caveat"]
    shares = {name: float(np.mean(values)) for name, values in runs.items()}
    shares["silent_iwelbo"] = float(np.mean(runs["iwelbo"][silent])) if np.any(silent) else np.nan
    return shares


def share_error(share, replications):
    """Standard error of a share of independent replications."""
    return np.sqrt(share * (1 - share) / replications)


def _block_sizes(draws, replications):
    most = max(1, BLOCK // draws)
    return [min(most, replications - start) for start in range(0, replications, most)]


def _block(case, draws, replications, rng):
    x = case.from_q(rng, (replications, draws))
    evidence = case.log_evidence
    iwelbo = vi.iwelbo(x, axis=1)
    runs = {"elbo": _covers(vi.elbo(x, axis=1), case.curve(0)), "caveat": _speaks(heavy_weights, iwelbo)}
    if not np.isfinite(evidence):
        nothing = np.full(replications, np.nan)
        return runs | dict.fromkeys(NEED_EVIDENCE, nothing)
    y = case.from_posterior(rng, (replications, draws))
    bridge = vi.thermodynamic(x, y, betas=[0], axis=1).log_evidence
    return runs | {
        "iwelbo": _covers(iwelbo, evidence),
        "jackknife": _covers(vi.jackknife_evidence(x, axis=1), evidence),
        "thermodynamic": _covers(bridge, evidence),
        "bridge_caveat": _speaks(heavy_halves, bridge),
        "markov_low": iwelbo.interval(LEVEL, kind="markov").low > evidence,
        "markov_high": vi.eubo(y, axis=1).interval(LEVEL, kind="markov").high < evidence,
    }


def _covers(estimate, truth):
    interval = estimate.interval(LEVEL)
    return (interval.low <= truth) & (truth <= interval.high)


def _speaks(rule, estimate):
    return np.array([rule(each) is not None for each in estimate])
