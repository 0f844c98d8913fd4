"""The lens reads at 80 columns, takes functions, names and results, and works a run's numbers into the answers."""

import math
import re

import numpy as np
import pytest

import varinf as vi
from varinf.estimate import Direction
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.objectives import OBJECTIVES, QUESTIONS

LOG_W = np.random.default_rng(0).normal(-31, 1, size=1000)
FAR = DiagonalNormal(np.arange(8.0)[:, None] * 30, np.ones((8, 1)))
BRACKET = vi.Sandwich(vi.iwelbo(LOG_W), vi.eubo(LOG_W + 1), ("the posterior draws are exact",))
RESULTS = {
    "elbo": vi.elbo(LOG_W),
    "batch": vi.iwelbo(LOG_W.reshape(100, 10)),
    "empty batch": vi.elbo(np.empty((5, 0))),
    "mean": vi.elbo(LOG_W.reshape(100, 10)).mean(),
    "bits": vi.elbo(LOG_W).to("bits"),
    "cubo": vi.cubo(LOG_W, on_heavy_tail="ignore"),
    "one draw": vi.elbo([1.0]),
    "nothing": vi.elbo([-math.inf, 0.0]),
    "rate": vi.rate(FAR),
    "exact rate": vi.rate(FAR, over="dataset"),
    "index": vi.index_information(FAR, draws=2, rng=0),
    "gap": vi.aggregate_kl(FAR, rng=0),
    "sandwich": BRACKET,
    "sandwich of a batch": vi.Sandwich(vi.iwelbo(LOG_W.reshape(100, 10)), vi.eubo(LOG_W.reshape(100, 10) + 1)),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_reads_at_80_columns(name):
    text = str(vi.lens(name))
    assert max(map(len, text.splitlines())) <= 80
    assert all(question in text for question in QUESTIONS) and OBJECTIVES[name].title in text
    text.encode("cp1252")


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_results_read_too(result):
    read = vi.lens(result)
    text = str(read)
    text.encode("cp1252")
    assert max(map(len, text.splitlines())) <= 80 and "In this run: " in read.answers.direction
    assert read.result is result and repr(read) == text
    assert all(caveat.split()[0] in text for caveat in read.caveats) and len(read.caveats) == len(result.caveats)


def test_function_and_name_and_result_meet_in_one_entry():
    assert vi.lens(vi.elbo).objective is vi.lens("elbo").objective is vi.lens(vi.elbo(LOG_W)).objective
    assert vi.lens(vi.elbo).answers == OBJECTIVES["elbo"].answers and vi.lens(vi.elbo).caveats == ()
    assert dict(vi.lens(vi.elbo))[QUESTIONS[0]] == OBJECTIVES["elbo"].answers.intractable
    assert vi.lens(vi.renyi_bound(LOG_W, alpha=1)).objective.name == "elbo"


def test_numbers_of_a_run():
    read = vi.lens(vi.iwelbo(LOG_W))
    assert "In this run: -30.58 ± 0.04 nats (1,000 draws)." in read.answers.intractable
    assert "k_hat 0." in read.answers.family
    assert read.answers.direction.endswith("In this run: lower bound on log p(x), in expectation.")
    assert "by theory the estimate lies off log p(x) by about -0.000" in read.answers.terms
    assert "no bound" in vi.lens(vi.cubo(LOG_W, on_heavy_tail="ignore")).answers.direction
    rate = vi.lens(vi.rate(DiagonalNormal([[-1.0], [1.0]], [[1.0], [1.0]]), over="dataset"))
    assert "In this run: 0.5000 ± 0 nats." in rate.answers.intractable
    assert "at most 0.7213 ± 0 bits kept per datum" in rate.answers.compression


def test_its_verdict_is_that_of_the_caveats():
    few = vi.elbo(np.random.default_rng(2).normal(-3, 1.3, 50))
    assert few.k_hat < 0.5 and "above 0.41" in few.caveats[0]
    assert vi.lens(few).answers.family.endswith("k_hat 0.49: q fits badly.")
    exact = np.random.default_rng(0).exponential(size=1000)
    for k, verdict in [(0.3, "fits, as far as it reaches"), (0.5, "fits moderately"), (0.9, "fits badly")]:
        read = vi.lens(vi.iwelbo(k * exact))
        assert read.answers.family.endswith(f"q {verdict}.")
        assert any("k_hat" in caveat for caveat in read.caveats) == (k >= 0.5)


@pytest.mark.parametrize(
    ("result", "of"),
    [
        (vi.renyi_bound(LOG_W, alpha=0.25), "w^0.75"),
        (vi.cubo(LOG_W / 2, order=1.5), "w^1.5"),
        (vi.eubo(LOG_W), "1/w"),
        (vi.thermodynamic(LOG_W, LOG_W).log_evidence, "the square root of the weights"),
    ],
    ids=lambda result: getattr(result, "objective", ""),
)
def test_a_k_hat_that_is_not_of_the_weights_does_not_judge_q(result, of):
    assert vi.lens(result).answers.family.endswith(f"{result.k_hat:.2f} of {of}; q is judged by that of w.")


def test_a_caveat_says_what_its_k_hat_is_of():
    heavy = np.random.default_rng(0).exponential(size=1000)
    assert vi.renyi_bound(heavy, alpha=-0.5).caveats[0].startswith("k_hat 1.42 of w^1.5 is above 0.67")


def test_numbers_of_a_sandwich():
    answers = vi.lens(BRACKET).answers
    low, high, _ = BRACKET.interval(0.95)
    assert f"between {low:.2f} and {high:.2f} at 95%" in answers.intractable
    assert "the posterior draws are exact" in answers.direction and "the gap is 0." in answers.terms


def test_numbers_of_a_batch():
    x = LOG_W.reshape(250, 4)
    answers = vi.lens(vi.iwelbo(x)).answers
    number = r"-?\d+\.\d+"
    spread = rf"{number} nats on average over 4 values, from {number} to {number}"
    assert re.search(rf"In this run: {spread} \(250 draws each\)\.$", answers.intractable)
    assert re.search(rf"by theory the estimate lies off log p\(x\) by about {spread}\.$", answers.terms)
    answers = vi.lens(vi.Sandwich(vi.iwelbo(x), vi.eubo(x + 1))).answers
    each = rf"{spread} \(250 draws each\)"
    assert re.search(rf"In this run: below, {each}; above, {each}\.$", answers.intractable)
    assert re.search(rf"the gap is {spread}\.$", answers.terms)


def test_a_batch_of_one_reads_as_its_number():
    one, alone = vi.lens(vi.iwelbo(LOG_W[:, None])).answers, vi.lens(vi.iwelbo(LOG_W)).answers
    assert one == alone


def test_directions_in_words():
    def standing(direction, bias):
        result = vi.Estimate(1.0, 0.1, "log p(x)", "test", direction, bias, objective="elbo")
        return vi.lens(result).answers.direction.split("In this run: ")[1]

    assert standing(Direction.UPPER, "low") == "upper at infinite draws, but the estimate is biased low: no bound."
    assert (
        standing(Direction.UPPER, "unknown")
        == "upper at infinite draws, but the estimate is of unknown bias: no bound."
    )
    assert standing(Direction.EXACT, "none") == "an estimate of log p(x) itself, without bias."
    assert standing(Direction.NEITHER, "unknown") == "no bound on log p(x) in either direction."


def test_html_is_escaped():
    table = vi.lens(vi.Estimate(1.0, 0.1, "<b>", "test", "exact", objective="elbo"))._repr_html_()
    assert "&lt;b&gt;" in table and "<b>" not in table and table.count("<tr>") == 5 and "<br>" in table


def test_prints_nothing(capsys):
    vi.lens(vi.elbo)
    assert capsys.readouterr().out == ""


def test_refusals():
    with pytest.raises(ValueError, match="'psis' is not an objective that the lens knows: those are elbo, iwelbo"):
        vi.lens(vi.psis)
    with pytest.raises(ValueError, match=r"this Estimate of the width of the bracket on .*: give the result"):
        vi.lens(BRACKET.gap)
    with pytest.raises(TypeError, match=r"lens takes an objective such as varinf\.elbo, its name.*; got a float$"):
        vi.lens(3.5)
    with pytest.raises(TypeError, match=r"got a Thermodynamic: give one of its \.curve, \.log_evidence, \.lower"):
        vi.lens(vi.thermodynamic(LOG_W, LOG_W))
    with pytest.raises(TypeError, match=r"got a Summary: give one of its \['elbo'\], \['renyi_0.5'\]"):
        vi.lens(vi.summarize(LOG_W))


def test_information_is_read_on_its_side():
    """Sandwiches on information have entries of their own; bounds from scores say on which side they are."""
    rng = np.random.default_rng(0)
    q = DiagonalNormal(rng.normal(size=(20, 2)), np.ones((20, 2)))
    assert "Sandwich on the information" in str(vi.lens(vi.information_sandwich(q, rng=0)))
    assert "Kolchinsky" in str(vi.lens(vi.mixture_information_bounds(q)))
    scores = rng.normal(size=(20, 20))
    for bound, words in (
        (vi.infonce(scores), "at least"),
        (vi.club(scores), "at most"),
        (vi.smile(scores, 1.0), "about"),
    ):
        assert f"{words} " in vi.lens(bound).answers.compression
    assert "q is judged" not in str(vi.lens(vi.nwj(scores)))
