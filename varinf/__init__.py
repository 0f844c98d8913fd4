"""Variational objectives and information bounds, as numbers that say what they bound.

Bounds on log p(x) from log weights, the estimates that carry them, families and divergences, models with exact
evidence, and information: `varinf.lens(varinf.elbo)` answers the page's five questions about each objective.
"""

from varinf import datasets, models
from varinf._config import show_config
from varinf._lens import lens
from varinf._sandwich import Sandwich
from varinf.autoencoders.linear_vae import LinearVAE
from varinf.autoencoders.rate_distortion_plane import rate_distortion_plane
from varinf.autoencoders.vae import VAE
from varinf.autoencoders.vib import VIB
from varinf.autoencoders.vib_plane import vib_plane
from varinf.diagnostics.draws import draws
from varinf.diagnostics.effective_sample_size import effective_sample_size, importance_weights
from varinf.diagnostics.psis import psis
from varinf.divergences.gaussian_kl import gaussian_kl
from varinf.divergences.kl import kl, kl_and_gradient
from varinf.divergences.renyi import renyi_divergence
from varinf.estimate import Direction, Estimate, Interval
from varinf.evidence.cubo import HeavyTailError, cubo
from varinf.evidence.elbo import elbo
from varinf.evidence.eubo import eubo
from varinf.evidence.evaluate import evaluate
from varinf.evidence.identity import identity
from varinf.evidence.iwelbo import iwelbo
from varinf.evidence.jackknife_evidence import jackknife_evidence
from varinf.evidence.log_mean_exp import log_mean_exp
from varinf.evidence.renyi_bound import renyi_bound
from varinf.evidence.sandwich import sandwich
from varinf.evidence.streaming import LogWeights
from varinf.evidence.summary import summarize
from varinf.evidence.thermodynamic import thermodynamic
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal
from varinf.families.mixture import Mixture
from varinf.families.student_t import StudentT
from varinf.inference.annealed_evidence import annealed_evidence
from varinf.inference.annealed_sandwich import annealed_sandwich
from varinf.inference.diagnose import diagnose
from varinf.inference.fit import fit
from varinf.inference.target import Target
from varinf.information.active_units import active_units
from varinf.information.aggregate_kl import aggregate_kl
from varinf.information.barber_agakov import barber_agakov
from varinf.information.club import club, club_and_gradient
from varinf.information.decompose_rate import decompose_rate
from varinf.information.donsker_varadhan import (
    donsker_varadhan,
    donsker_varadhan_and_gradient,
    smile,
    smile_and_gradient,
)
from varinf.information.entropy import entropy
from varinf.information.gaussian_mutual_information import gaussian_mutual_information
from varinf.information.index_information import index_information
from varinf.information.infonce import infonce, infonce_and_gradient
from varinf.information.information_sandwich import information_sandwich
from varinf.information.interpolated import interpolated, interpolated_and_gradient
from varinf.information.jensen_shannon import jensen_shannon, jensen_shannon_and_gradient
from varinf.information.leave_one_out import leave_one_out, leave_one_out_and_gradient
from varinf.information.mixture_information_bounds import mixture_information_bounds
from varinf.information.mutual_information import mutual_information
from varinf.information.rate import rate
from varinf.information.tuba import nwj, nwj_and_gradient, tuba, tuba_and_gradient
from varinf.plots import plot
from varinf.tradeoffs.blahut_arimoto import blahut_arimoto
from varinf.tradeoffs.closed_forms import binary_rate_distortion, laplace_rate_distortion, uniform_rate_distortion
from varinf.tradeoffs.critical_beta import critical_beta
from varinf.tradeoffs.gaussian_bottleneck import gaussian_bottleneck, gaussian_bottleneck_curve
from varinf.tradeoffs.information_bottleneck import information_bottleneck
from varinf.tradeoffs.information_bottleneck_curve import information_bottleneck_curve
from varinf.tradeoffs.joint_covariance import joint_covariance
from varinf.tradeoffs.rate_distortion_curve import rate_distortion_curve
from varinf.tradeoffs.water_filling import gaussian_rate_distortion, reverse_water_filling

__version__ = "0.1.0"

__all__ = [
    # estimates
    "Direction",
    "Estimate",
    "HeavyTailError",
    "Interval",
    "Sandwich",
    # bounds on log p(x) from log weights
    "elbo",
    "iwelbo",
    "renyi_bound",
    "cubo",
    "eubo",
    "jackknife_evidence",
    "thermodynamic",
    "log_mean_exp",
    "importance_weights",
    "effective_sample_size",
    "psis",
    "summarize",
    "draws",
    "LogWeights",
    # families and divergences
    "DiagonalNormal",
    "FullNormal",
    "LowRankNormal",
    "StudentT",
    "Categorical",
    "Mixture",
    "kl",
    "kl_and_gradient",
    "gaussian_kl",
    "renyi_divergence",
    # models, and what holds of them exactly
    "models",
    "datasets",
    "identity",
    "sandwich",
    "evaluate",
    # inference: from a log density to a posterior
    "Target",
    "fit",
    "diagnose",
    "annealed_evidence",
    "annealed_sandwich",
    # information
    "rate",
    "aggregate_kl",
    "index_information",
    "information_sandwich",
    "mixture_information_bounds",
    "decompose_rate",
    "active_units",
    "entropy",
    "mutual_information",
    "gaussian_mutual_information",
    # information from scores
    "infonce",
    "infonce_and_gradient",
    "nwj",
    "nwj_and_gradient",
    "tuba",
    "tuba_and_gradient",
    "interpolated",
    "interpolated_and_gradient",
    "donsker_varadhan",
    "donsker_varadhan_and_gradient",
    "smile",
    "smile_and_gradient",
    "jensen_shannon",
    "jensen_shannon_and_gradient",
    "barber_agakov",
    "leave_one_out",
    "leave_one_out_and_gradient",
    "club",
    "club_and_gradient",
    # trade-offs
    "information_bottleneck",
    "information_bottleneck_curve",
    "critical_beta",
    "blahut_arimoto",
    "rate_distortion_curve",
    "gaussian_rate_distortion",
    "reverse_water_filling",
    "binary_rate_distortion",
    "uniform_rate_distortion",
    "laplace_rate_distortion",
    "gaussian_bottleneck",
    "gaussian_bottleneck_curve",
    "joint_covariance",
    # autoencoders
    "VAE",
    "LinearVAE",
    "rate_distortion_plane",
    "VIB",
    "vib_plane",
    # reading
    "lens",
    "plot",
    "show_config",
]
