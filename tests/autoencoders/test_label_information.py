"""The lower bound on I(Y;Z): its entropy by enumeration, its error by simulation, its direction and words."""

import math
from itertools import product

import numpy as np
import pytest

import varinf as vi
from varinf.autoencoders.label_information import label_information

P_Y = np.array([0.5, 0.3, 0.2])


def entropy_of_counts(n):
    """E of the plug-in entropy of n labels, by enumeration of their counts."""
    mean = 0.0
    for a, b in product(range(n + 1), repeat=2):
        counts = np.array([a, b, n - a - b])
        if counts[2] >= 0:
            ways = math.factorial(n) // math.prod(math.factorial(int(c)) for c in counts)
            mean += ways * np.prod(P_Y**counts) * vi.entropy(counts / n)
    return mean


def sample(n, rng, draws=3):
    """Labels, and log q that lie higher for frequent labels: what moves with H(Y)'s own terms."""
    codes = rng.choice(3, size=n, p=P_Y)
    return codes, -rng.gamma(2.0, 0.1 * (codes + 1), size=(draws, n))


MEAN_LOG_Q = -2.0 * 0.1 * (P_Y @ [1, 2, 3])


def test_an_entropy_from_the_labels_is_low_by_what_enumeration_says():
    n, rng = 9, np.random.default_rng(0)
    found = [label_information(*reversed(sample(n, rng)), 3, None, "population") for _ in range(4000)]
    values = np.array([float(f) for f in found])
    error = values.std(ddof=1) / np.sqrt(len(values))
    expected, whole = entropy_of_counts(n) + MEAN_LOG_Q, vi.entropy(P_Y) + MEAN_LOG_Q
    assert abs(values.mean() - expected) < 5 * error
    assert whole - expected == pytest.approx(2 / (2 * n), rel=0.25)  # Miller's first order
    assert 5 * error < whole - expected  # so that an unbiased entropy would have been seen
    assert found[0].bias == "low" and found[0].is_bound and found[0].direction == "lower"


@pytest.mark.parametrize("known", [True, False])
def test_the_error_is_that_of_both_terms_together(known):
    rng, h = np.random.default_rng(1), float(vi.entropy(P_Y))
    found = [label_information(*reversed(sample(300, rng)), 3, h if known else None, "population") for _ in range(1500)]
    values, errors = np.array([float(f) for f in found]), np.array([float(f.stderr) for f in found])
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=5 / np.sqrt(2 * 1500))
    codes, log_q = sample(100_000, rng, draws=1)
    apart = np.sqrt(np.var(log_q) + np.var(np.log(P_Y[codes])))  # had the two been independent
    together = np.std(log_q[0] - np.log(P_Y[codes]))
    assert abs(apart / together - 1) > 0.2  # they are not: the test above would see it


def test_a_known_entropy_is_barber_and_agakovs():
    codes, log_q = sample(50, np.random.default_rng(2))
    for entropy in (1.0, vi.Estimate(1.0, 0.2, "H(Y)", "H(Y)", "lower", bias="low", degrees=20)):
        ours, theirs = (
            label_information(log_q, codes, 3, entropy, "population"),
            vi.barber_agakov(log_q.mean(axis=0), entropy),
        )
        assert (ours.value, ours.stderr, ours.bias, ours.degrees) == (
            theirs.value,
            theirs.stderr,
            theirs.bias,
            theirs.degrees,
        )
        assert ours.quantity == "I(Y;Z)" and ours.direction == "lower" and ours.draws == 150
    upper = vi.Estimate(1.0, 0.2, "H(Y)", "H(Y)", "upper")
    assert not label_information(log_q, codes, 3, upper, "population").is_bound


def test_a_data_set_has_the_error_of_the_draws_alone():
    codes, rng = np.arange(30) % 3, np.random.default_rng(3)
    centre = -rng.gamma(2.0, 1.0, size=30)
    values, errors = [], []
    for _ in range(800):
        log_q = centre + 0.1 * rng.normal(size=(4, 30))
        found = label_information(log_q, codes, 3, None, "dataset")
        values.append(float(found))
        errors.append(float(found.stderr))
    expected = math.log(3) + centre.mean()
    assert abs(np.mean(values) - expected) < 5 * np.std(values) / np.sqrt(800)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=5 / np.sqrt(2 * 800))
    assert found.quantity == "I(y_n;Z)" and found.is_bound and found.bias == "none"
    assert found.ceiling == pytest.approx(math.log(3)) and found.caveats == ()


def test_no_value_passes_the_entropy():
    codes = np.arange(60) % 3
    for over in ("population", "dataset"):
        found = label_information(np.zeros((2, 60)), codes, 3, None, over)
        assert float(found) == pytest.approx(found.ceiling) == pytest.approx(math.log(3))
        assert found.to("bits").ceiling == pytest.approx(math.log2(3))


def test_words():
    codes, log_q = sample(100, np.random.default_rng(4))
    found = label_information(log_q, codes, 3, None, "population")
    assert "not fitted to these data" in found.caveats[0]
    assert "low by about 0.01 nats" in found.caveats[1] and "low by about 0.014 bits" in found.to("bits").caveats[1]
    assert "lower bound on I(Y;Z)" in str(found)
    assert vi.lens(found).result is found
    one = label_information(log_q[:, :1], codes[:1], 3, None, "population")
    assert "leaves no standard error" in one.caveats[0]


@pytest.mark.parametrize(
    ("entropy", "over", "message"),
    [
        (3.3, "population", r"entropy=3.3 is not between 0 and log\(3\) = 1.0986.*in nats"),
        (-0.1, "population", "entropy=-0.1 is not between"),
        (1.0, "dataset", "entropy is that of these labels with over='dataset'"),
        (None, "all", "over='all': use 'population'"),
    ],
)
def test_refusals(entropy, over, message):
    codes, log_q = sample(10, np.random.default_rng(5))
    with pytest.raises(ValueError, match=message):
        label_information(log_q, codes, 3, entropy, over)
