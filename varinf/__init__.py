"""varinf: variational objectives and information bounds as estimates that know their direction."""

from varinf._lens import lens
from varinf.diagnostics.effective_sample_size import effective_sample_size, importance_weights
from varinf.diagnostics.psis import psis
from varinf.estimate import Direction, Estimate, Interval, Sandwich
from varinf.evidence.cubo import HeavyTailError, cubo
from varinf.evidence.elbo import elbo
from varinf.evidence.eubo import eubo
from varinf.evidence.iwelbo import iwelbo
from varinf.evidence.renyi_bound import renyi_bound
from varinf.information.aggregate_kl import aggregate_kl
from varinf.information.entropy import entropy
from varinf.information.gaussian_mutual_information import gaussian_mutual_information
from varinf.information.index_information import index_information
from varinf.information.mutual_information import mutual_information
from varinf.information.rate import rate

__all__ = [
    "Direction",
    "Estimate",
    "HeavyTailError",
    "Interval",
    "Sandwich",
    "aggregate_kl",
    "cubo",
    "effective_sample_size",
    "elbo",
    "entropy",
    "eubo",
    "gaussian_mutual_information",
    "importance_weights",
    "index_information",
    "iwelbo",
    "lens",
    "mutual_information",
    "psis",
    "rate",
    "renyi_bound",
]
