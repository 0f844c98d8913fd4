"""Every public objective has its five answers, and claims the direction of the Estimate that it returns."""

import inspect
import re

import numpy as np
import pytest

import varinf as vi
from varinf.estimate import Direction
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.objectives import OBJECTIVES, QUESTIONS

LOG_W = np.random.default_rng(0).normal(-1, 0.5, size=100)
AT_POSTERIOR = np.random.default_rng(1).normal(-0.5, 0.5, size=100)
Q = DiagonalNormal([[-1.0], [1.0]], [[1.0], [1.0]])
EIGHT = DiagonalNormal(np.arange(8.0)[:, None], np.ones((8, 1)))
SCORES = np.random.default_rng(2).normal(size=(20, 20))


def bracket():
    from varinf.models.normal_normal import NormalNormal

    return vi.sandwich(NormalNormal(0.0, 1.0, 1.0), np.ones((1, 1)), DiagonalNormal([[0.2]], [[0.8]]), draws=100, rng=0)


NORMAL = vi.Target(lambda z: -np.sum(z * z, axis=1), 1, gradient=lambda z: -2 * z)
SMALL = {"temperatures": 3, "chains": 5, "rng": 0}


def simulated():
    start = DiagonalNormal([0.0], [1.0])
    return vi.annealed_sandwich(lambda rng: (0, rng.normal(size=1)), lambda x: NORMAL, lambda x: start, **SMALL)


# name: (the arguments that decide the direction, a small call) once for each claim
CALLS = {
    "elbo": [({}, lambda: vi.elbo(LOG_W))],
    "iwelbo": [({}, lambda: vi.iwelbo(LOG_W)), ({}, lambda: vi.iwelbo(LOG_W, k=10))],
    "renyi_bound": [
        ({"alpha": alpha}, lambda alpha=alpha: vi.renyi_bound(LOG_W, alpha)) for alpha in (-1.0, -0.3, 0, 0.5, 1, 3.0)
    ],
    "cubo": [({}, lambda: vi.cubo(LOG_W, on_heavy_tail="ignore"))],
    "eubo": [({}, lambda: vi.eubo(AT_POSTERIOR)), ({}, lambda: vi.eubo(AT_POSTERIOR[:, None], chain_axis=1))],
    "jackknife_evidence": [
        ({"order": order}, lambda order=order: vi.jackknife_evidence(LOG_W, order)) for order in (0, 1, 2)
    ],
    "thermodynamic": [({}, lambda: vi.thermodynamic(LOG_W, AT_POSTERIOR).log_evidence)],
    "sandwich": [({}, bracket)],
    "annealed_evidence": [({}, lambda: vi.annealed_evidence(NORMAL, DiagonalNormal([0.0], [1.0]), **SMALL).lower)],
    "annealed_sandwich": [({}, simulated)],
    "rate": [({}, lambda: vi.rate(Q)), ({}, lambda: vi.rate(Q, over="dataset")), ({}, lambda: vi.rate(Q, draws=5))],
    "aggregate_kl": [({}, lambda: vi.aggregate_kl(Q, rng=0))],
    "index_information": [({}, lambda: vi.index_information(Q, rng=0))],
    "infonce": [({}, lambda contrast=c: vi.infonce(SCORES, contrast)) for c in ("x", "y", "both")],
    "information_sandwich": [({}, lambda: vi.information_sandwich(EIGHT, rng=0))],
    "mixture_information_bounds": [({}, lambda: vi.mixture_information_bounds(Q))],
    "nwj": [({}, lambda: vi.nwj(SCORES))],
    "tuba": [({}, lambda: vi.tuba(SCORES, 0.5))],
    "interpolated": [({}, lambda alpha=a: vi.interpolated(SCORES, 0.5, alpha)) for a in (0.0, 0.3, 1.0)],
    "donsker_varadhan": [({}, lambda: vi.donsker_varadhan(SCORES))],
    "smile": [({}, lambda: vi.smile(SCORES, 2.0))],
    "jensen_shannon": [({}, lambda: vi.jensen_shannon(SCORES))],
    "barber_agakov": [({}, lambda: vi.barber_agakov(SCORES[0], 1.0))],
    "leave_one_out": [({"exact": e}, lambda e=e: vi.leave_one_out(SCORES, exact=e)) for e in (True, False)],
    "club": [({"exact": e}, lambda e=e: vi.club(SCORES, exact=e)) for e in (True, False)],
}

# A docstring whose Returns section opens with one of these makes its function an objective.
RESULT = re.compile(r"Returns\n\s*-{3,}\n\s*(Estimate|Sandwich|Thermodynamic|Annealed|AnnealedSandwich)\s*\n")


def public_objectives():
    functions = ((name, getattr(vi, name)) for name in vi.__all__)
    return [name for name, f in functions if inspect.isfunction(f) and RESULT.search(inspect.getdoc(f) or "")]


def test_the_walk_finds_objectives():
    assert {"elbo", "cubo", "rate", "index_information"} <= set(public_objectives())


def test_no_entry_without_its_function():
    assert set(OBJECTIVES) == set(public_objectives())


@pytest.mark.parametrize("name", public_objectives())
def test_entry_claims_the_direction_of_the_result(name):
    assert name in OBJECTIVES, f"{name} returns an estimate: give it an entry in varinf/objectives.py"
    assert name in CALLS, f"{name} has an entry: give it a small call here"
    for arguments, call in CALLS[name]:
        result, claim = call(), OBJECTIVES[name].claimed(**arguments)
        if isinstance(result, vi.Sandwich):
            assert (result.lower.direction, result.upper.direction) == claim
        else:
            assert result.direction == claim, f"{name}({arguments})"
            assert result.objective in OBJECTIVES


@pytest.mark.parametrize(
    "entry", [e for e in OBJECTIVES.values() if isinstance(e.direction, Direction)], ids=lambda e: e.name
)
def test_the_words_open_with_the_claim(entry):
    assert entry.answers.direction.lower().startswith(str(entry.direction))


def test_every_entry_is_whole():
    for name, entry in OBJECTIVES.items():
        assert name == entry.name and entry.title and entry.formula and entry.source
        assert len(entry.answers) == len(QUESTIONS) == 5
        for answer in entry.answers:
            assert answer.endswith(".") and "\n" not in answer
            answer.encode("cp1252")
        (entry.title + entry.formula).encode("cp1252")
        claims = entry.direction if isinstance(entry.direction, tuple) else (entry.direction,)
        assert all(isinstance(claim, Direction) or callable(claim) for claim in claims)
