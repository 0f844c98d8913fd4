"""varinf: variational objectives and information bounds as estimates that know their direction."""

from varinf._config import show_config
from varinf.diagnostics.effective_sample_size import effective_sample_size, importance_weights
from varinf.diagnostics.psis import psis
from varinf.estimate import Direction, Estimate, Interval, Sandwich
from varinf.evidence.cubo import HeavyTailError, cubo
from varinf.evidence.elbo import elbo
from varinf.evidence.eubo import eubo
from varinf.evidence.iwelbo import iwelbo
from varinf.evidence.renyi_bound import renyi_bound
from varinf.evidence.streaming import LogWeights
from varinf.evidence.summary import Summary, summarize

__all__ = [
    "Direction",
    "Estimate",
    "HeavyTailError",
    "Interval",
    "LogWeights",
    "Sandwich",
    "Summary",
    "cubo",
    "effective_sample_size",
    "elbo",
    "eubo",
    "importance_weights",
    "iwelbo",
    "psis",
    "renyi_bound",
    "show_config",
    "summarize",
]
