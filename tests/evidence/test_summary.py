"""The table says what its estimates say, fits 80 columns, and turns into JSON and HTML."""

import html.parser
import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import varinf as vi


def weights(draws, batch=(), sd=0.5, seed=0):
    return np.random.default_rng(seed).normal(-31 - sd**2 / 2, sd, size=(draws, *batch))


def same(a, b):
    for name in ("value", "stderr", "k_hat"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-13)


@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_the_estimates_are_those_of_the_functions(batch):
    x = weights(1000, batch)
    summary = vi.summarize(np.moveaxis(x, 0, -1), axis=-1)
    same(summary["elbo"], vi.elbo(x))
    same(summary["iwelbo"], vi.iwelbo(x))
    same(summary["renyi_0.5"], vi.renyi_bound(x, 0.5))
    same(summary["jackknife"], vi.jackknife_evidence(x))
    same(summary["cubo_2"], vi.cubo(x))
    np.testing.assert_array_equal(summary.k_hat, vi.psis(x).k_hat)
    np.testing.assert_allclose(summary.effective_sample_size, vi.effective_sample_size(x))
    assert (summary.draws, summary.shape, summary.threshold) == (1000, batch, vi.psis(x).threshold)


def test_it_is_a_mapping_of_its_estimates():
    summary = vi.summarize(weights(1000, sd=3))
    assert list(summary) == list(summary.estimates) == ["elbo", "renyi_0.5", "iwelbo", "jackknife"]
    assert "elbo" in summary and "cubo_2" not in summary and 0 not in summary and len(summary) == 4
    assert dict(summary) == dict(summary.items()) == summary.estimates
    assert summary.get("cubo_2") is None
    with pytest.raises(KeyError, match="cubo_2"):
        summary["cubo_2"]


def test_heavy_weights_are_refused_a_cubo():
    summary = vi.summarize(weights(1000, sd=3))
    assert "cubo_2" not in summary.estimates
    assert "k_hat of w^2" in summary.refused["cubo_2"]
    assert "CUBO 2     refused, see below" in str(summary)


def test_weights_of_zero_have_no_tail_to_be_good():
    nothing = np.full(100, -np.inf)
    for state in (nothing, vi.LogWeights().update(nothing)):
        assert "  k_hat                  unknown: no draw has any weight" in str(vi.summarize(state)).splitlines()
    some = np.stack([nothing, weights(100), nothing], axis=1)
    text = " ".join(str(vi.summarize(some)).split())
    assert "at datum 1; 0 of 3 above 0.50; 2 without any weight" in text
    assert "k_hat                  unknown: no draw" in str(vi.summarize(some[:, ::2]))
    assert "k_hat                  -inf, threshold 0.50 (good" in str(vi.summarize(np.zeros(100)))


def test_one_draw_has_no_jackknife():
    assert "at least two" in vi.summarize([0.0]).refused["jackknife"]


def test_caveats_stand_once_with_those_they_concern():
    caveats = vi.summarize(vi.LogWeights(k=10, tail=20).update(weights(1005))).caveats
    cut = next(text for text in caveats if "raise tail=" in text)
    assert caveats[cut] == ("elbo", "iwelbo_10", "iwelbo")
    assert [names for text, names in caveats.items() if "left over" in text] == [("iwelbo_10",)]


def test_a_state_gives_what_it_can():
    x = weights(1000, (3,))
    summary = vi.summarize(vi.LogWeights(k=10).update(x))
    assert list(summary.estimates) == ["elbo", "iwelbo_10", "iwelbo"]
    np.testing.assert_allclose(summary["iwelbo_10"].value, vi.iwelbo(x, 10).value, rtol=1e-13)
    few = vi.summarize(vi.LogWeights(k=2000).update(x))
    assert "fill one group" in few.refused["iwelbo_2000"]


def test_shared_draws_are_taken_jointly():
    x = weights(1000)[:, None] + np.zeros(50)
    apart, jointly = vi.summarize(x), vi.summarize(x, shared_draws=True)
    for name in apart.estimates:
        # Fifty copies know no more than one.
        np.testing.assert_allclose(jointly.means[name].stderr, apart.means[name].stderr * np.sqrt(50))


def test_other_libraries():
    array_api_strict = pytest.importorskip("array_api_strict")
    x = weights(100, (2,))
    assert str(vi.summarize(array_api_strict.asarray(x))) == str(vi.summarize(x))


@pytest.mark.parametrize("batch", [(), (5,)])
def test_values_keep_their_digits_down_to_the_error(batch):
    x = np.random.default_rng(0).normal(-123456.4, 1e-3, size=(1000, *batch))
    summary = vi.summarize(x)
    shown = str(summary.means["elbo"]).split(" nats")[0]
    assert "± 0.0000" in shown and f"ELBO       {shown} " in str(summary)


@settings(max_examples=60, deadline=None)
@example(draws=1, batch=(2,), centre=0.0, sd=0.0, zeros=1.0)
@example(draws=1000, batch=(3, 4), centre=-31.123456789, sd=1e-9, zeros=0.0)
@example(draws=1000, batch=(), centre=-1e12, sd=1e6, zeros=0.0)
@given(
    draws=st.integers(1, 300),
    batch=st.sampled_from([(), (1,), (7,), (3, 4)]),
    centre=st.floats(-1e12, 1e12),
    sd=st.floats(0, 1e6),
    zeros=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_the_table_fits_80_columns(draws, batch, centre, sd, zeros):
    rng = np.random.default_rng(0)
    x = rng.normal(centre, sd, size=(draws, *batch))
    x[rng.random(x.shape) < zeros] = -np.inf
    for summary in (vi.summarize(x), vi.summarize(vi.LogWeights(k=100_000, tail=10).update(x))):
        text = str(summary)
        assert max(map(len, text.splitlines())) <= 80, text
        assert text.encode("cp1252").decode("cp1252") == text
        json.loads(json.dumps(summary.to_dict(), allow_nan=False))


def test_the_dictionary_holds_every_number():
    x = weights(1000, (2,))
    found = json.loads(json.dumps(vi.summarize(x).to_dict()))
    assert found["estimates"]["elbo"]["value"] == vi.elbo(x).value.tolist()
    assert found["estimates"]["elbo"]["mean"]["value"] == vi.elbo(x).mean().value
    assert found["estimates"]["elbo"]["direction"] == "lower"
    assert found["estimates"]["cubo_2"]["is_bound"] is False
    assert (found["draws"], found["shape"], found["units"]) == (1000, [2], "nats")
    empty = vi.summarize([-np.inf]).to_dict()
    assert empty["estimates"]["elbo"]["value"] == "-inf"
    assert empty["estimates"]["elbo"]["stderr"] is None


def test_html_is_well_formed():
    opened, closed = [], []

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            opened.append(tag)

        def handle_endtag(self, tag):
            closed.append(tag)

    Parser().feed(vi.summarize(weights(1000, (3,), sd=3))._repr_html_())
    assert sorted(opened) == sorted(closed)
    assert opened[0] == "table"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: vi.summarize([]), ValueError, "no draws"),
        (lambda: vi.summarize(3.0), ValueError, "single number"),
        (lambda: vi.summarize([0.0, np.nan]), ValueError, "nan"),
        (lambda: vi.summarize(np.zeros((3, 0))), ValueError, "no data"),
        (lambda: vi.summarize(np.zeros(3), axis=1), ValueError, "axis=1"),
        (lambda: vi.summarize(np.zeros(3), k=1), TypeError, "k"),
        (lambda: vi.summarize(vi.LogWeights()), ValueError, "no draws yet"),
    ],
)
def test_bad_input(make, error, text):
    with pytest.raises(error, match=text):
        make()
