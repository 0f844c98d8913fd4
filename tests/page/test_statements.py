"""The page's statements hold, their checks can fail, and the tour shows both."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from varinf.cli import tour
from varinf.divergences import kl as kl_module
from varinf.page import definition_1, theorem_1, theorem_2, theorem_3, worked_example
from varinf.page.statement import Check, Statement, Study, residual, violations, z_score
from varinf.plots import plot

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def study():
    return Study()


@pytest.mark.parametrize("compute", tour.ORDER, ids=lambda compute: compute.__name__)
def test_each_statement_holds_for_other_seeds(compute):
    statement = compute(Study(seed=1))
    assert statement.passed, [str(check) for check in statement.checks if not check.passed]
    assert statement.slug == compute.__name__


def test_check_fails_on_a_residual_a_nan_and_a_violation():
    assert residual("", 1.0, 1.0).passed
    assert not residual("", 1.0 + 1e-9, 1.0).passed
    assert not residual("", np.nan, 1.0).passed
    assert not violations("", [False, True]).passed
    assert not Check("", np.nan, 5.0, "z").passed


def test_z_score_fails_on_a_bias_of_twice_what_it_can_see(study):
    q = study.turned_codes.mean_field(study.images[:50])
    z, log_q = q.sample_and_log_prob(100, rng=3)
    from varinf.evidence.elbo import elbo

    x = study.images[:50]
    drawn = elbo(study.turned_codes.log_joint(x, z) - log_q).mean()
    truth = float(np.mean(study.turned_codes.expected_log_joint(x, q) + q.entropy()))
    assert z_score("", drawn, truth).passed
    assert not z_score("", replace(drawn, value=drawn.value + 10 * drawn.stderr), truth).passed


@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [
        (theorem_2, "kl", lambda q, p: -kl_module.kl(q, p)),
        (theorem_3, "aggregate_kl", lambda q, **how: theorem_3.index_information(q, **how)),
        (worked_example, "shannon_point", lambda variances, level: (0.0, 0.0)),
        (theorem_1, "BEST_MEAN_FIELD_GAP", 3.8),
        (definition_1, "DIABETES_LOG_EVIDENCE", 496.599189944),
    ],
    ids=["theorem_2", "theorem_3", "worked_example", "theorem_1", "definition_1"],
)
def test_a_broken_part_fails_its_statement(monkeypatch, study, module, name, wrong):
    """A flipped sign or a wrong function in one term: the identity must notice."""
    monkeypatch.setattr(module, name, wrong)
    statement = getattr(module, module.__name__.rsplit(".", 1)[1])(study)
    assert not statement.passed


def test_tour_prints_80_columns_and_draws(capsys, tmp_path):
    assert tour.run(Namespace(seed=0, figures=str(tmp_path))) == 0
    out = capsys.readouterr().out
    assert "6 of 6 statements hold" in out
    body = [line for line in out.splitlines() if not line.startswith("drew ")]
    assert max(map(len, body)) <= 80
    assert len(list(tmp_path.glob("*.png"))) == 5


def test_every_axis_has_its_unit_and_what_it_cuts_off_is_named(study):
    statement = theorem_1.theorem_1(study)
    left, right = plot(statement).axes
    assert "nats" in left.get_ylabel() and "nats" in right.get_ylabel()
    floor, named = right.get_ylim()[0], " ".join(text.get_text() for text in right.texts)
    below = [elbo for elbo, _ in statement.data["history"] if elbo < floor]
    assert below and all(f"{elbo:.1f}" in named for elbo in below)


def test_tour_exits_with_1_when_a_statement_fails(monkeypatch, capsys):
    def broken(study):
        return Statement("broken", "Broken", "1 = 2", "It is not.", (), (), (residual("1 = 2", 1.0, 2.0),))

    monkeypatch.setattr(tour, "ORDER", (broken,))
    assert tour.run(Namespace(seed=0, figures=None)) == 1
    assert "FAIL" in capsys.readouterr().out


def test_plot_refuses_what_has_no_picture():
    with pytest.raises(TypeError, match=r"^int has no picture: these have one: definition_1, "):
        plot(3)
    with pytest.raises(TypeError, match=r"^broken has no picture"):
        plot(Statement("broken", "", "", "", (), (), ()))


def test_the_lens_shows_the_rate_of_theorem_3(study):
    """These data fitted the codes: the rate is of the data set, and the number is the one of Theorem 3's table."""
    seen = " ".join(row[0] for row in tour.computation_lens(study).rows)
    (upper,) = (row[1] for row in theorem_3.theorem_3(study).rows if row[0].startswith("digits"))
    assert upper == "7.6994"
    assert f"In this run: {upper}" in seen
    assert "upper bound on I(n;Z), in expectation" in seen
