"""Each rule speaks where it should, stays silent where it should, and counts the values that it concerns."""

import math

import numpy as np
import pytest

import varinf as vi
from varinf.diagnostics import caveats


def estimate(value=0.0, stderr=1.0, k_hat=None, **how):
    about = {"quantity": "log p(x)", "estimand": "IWELBO", "direction": "lower", "draws": 10_000, "degrees": 99}
    tail = None if k_hat is None else lambda: k_hat
    return vi.Estimate(value, stderr, tail=tail, **(about | how))


TAILS = pytest.mark.parametrize(
    ("k_hat", "words"),
    [
        (None, None),
        (math.nan, None),
        (-math.inf, None),
        (0.3, None),
        (0.5, None),
        (0.6, "k_hat 0.60 is above 0.50: the weights' variance may be infinite"),
        (0.8, "k_hat 0.80 is above 0.70: the weights are so heavy-tailed"),
        (np.array([0.1, 0.6, math.nan]), "k_hat 0.60 is above 0.50 in 1 of 3 values"),
        (np.array([0.1, 0.6, 0.9]), "k_hat 0.90 is above 0.70 in 1 of 3 values"),
    ],
    ids=str,
)


@TAILS
def test_heavy_weights(k_hat, words):
    text = caveats.heavy_weights(estimate(k_hat=k_hat))
    assert text is None if words is None else text.startswith(words)


def test_threshold_follows_the_draws():
    assert caveats.heavy_weights(estimate(k_hat=0.6, draws=100)).startswith(
        "k_hat 0.60 is above 0.50: the weights are so"
    )


@pytest.mark.parametrize(("k_hat", "speaks"), [(None, False), (0.6, False), (0.8, True), (math.nan, False)])
def test_loose(k_hat, speaks):
    text = caveats.loose(estimate(k_hat=k_hat))
    assert (text is not None) == speaks
    assert text is None or text.endswith("its interval holds")


@pytest.mark.parametrize(("k_hat", "speaks"), [(None, False), (0.45, False), (0.55, True), (math.nan, False)])
def test_heavy_halves(k_hat, speaks):
    assert (caveats.heavy_halves(estimate(k_hat=k_hat)) is not None) == speaks


def test_infinite_values_are_counted():
    values = np.array([0.0, -np.inf, -np.inf])
    assert "in 2 of 3 values" in caveats.zero_weights(estimate(values, np.ones(3)))
    assert caveats.missed_mass(estimate(values, np.ones(3))) is None
    assert "in 2 of 3 values" in caveats.missed_mass(estimate(-values, np.ones(3)))
    assert caveats.zero_weights(estimate(-values, np.ones(3))) is None


@pytest.mark.parametrize("rule", [caveats.no_weight_left, caveats.apart])
def test_undefined_values_are_counted(rule):
    assert "nan in 1 of 2 values" in rule(estimate(np.array([0.0, np.nan]), np.ones(2)))
    assert rule(estimate(math.nan)).startswith("nan:")
    assert rule(estimate(0.0)) is None and rule(estimate(-math.inf)) is None


@pytest.mark.parametrize(
    ("bias", "speaks"), [(None, False), (-0.4, False), (-0.6, True), (-math.inf, False), (math.nan, False)]
)
def test_bias_against_error(bias, speaks):
    text = caveats.bias_against_error(estimate(bias_estimate=bias))
    assert (text is not None) == speaks
    assert text is None or "low by about 0.6 nats" in text


def test_bias_against_error_names_the_worst_in_the_units_shown():
    batch = estimate(np.zeros(3), np.ones(3), bias_estimate=np.array([-0.1, -0.7, -2.0]))
    assert "2 nats in 2 of 3 values" in caveats.bias_against_error(batch)
    assert "2.9 bits in 2 of 3 values" in caveats.bias_against_error(batch.to("bits"))


def test_one_draw():
    assert caveats.one_draw(estimate(degrees=0)) is not None and caveats.one_draw(estimate(degrees=1)) is None
