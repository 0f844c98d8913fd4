"""Estimates and sandwiches: what they say, how they index, add up, convert and print."""

import copy
import math
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import varinf as vi
from varinf._text import number_with_error, plain


def log_weights(*shape, seed=0):
    return np.random.default_rng(seed).normal(-31, 1, size=shape)


def bare(value, stderr, **how):
    about = {"quantity": "log p(x)", "estimand": "ELBO", "direction": "lower"}
    return vi.Estimate(value, stderr, **(about | how))


# Direction and bias --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["lower", "upper", "exact", "neither"])
@pytest.mark.parametrize("bias", ["none", "low", "high", "unknown"])
def test_is_bound_only_where_direction_and_bias_agree(direction, bias):
    agree = {("lower", "none"), ("lower", "low"), ("upper", "none"), ("upper", "high")}
    estimate = bare(1.0, 0.1, direction=direction, bias=bias)
    assert estimate.is_bound == ((direction, bias) in agree)
    assert isinstance(estimate.direction, vi.Direction)
    assert ("bound on" in str(estimate)) == estimate.is_bound or direction in ("lower", "upper")


@pytest.mark.parametrize(("field", "value"), [("direction", "above"), ("bias", "up")])
def test_unknown_words_are_refused(field, value):
    with pytest.raises(ValueError, match=value):
        bare(1.0, 0.1, **{field: value})


def test_an_estimate_does_not_change_and_is_never_negated():
    estimate = bare(1.0, 0.1)
    with pytest.raises(AttributeError):
        estimate.value = 2.0
    for operation in (lambda: -estimate, lambda: estimate + 1, lambda: estimate * 2):
        with pytest.raises(TypeError):
            operation()


# Intervals -----------------------------------------------------------------------------------------------------------


def test_t_interval():
    low, high, level = bare(2.0, 0.5, degrees=7).interval(0.9)
    assert (low, high) == pytest.approx((2 - 0.5 * 1.894578605, 2 + 0.5 * 1.894578605), rel=1e-9)  # Student's table
    assert level == 0.9
    assert bare(2.0, 0.5).interval()[:2] == pytest.approx((2 - 0.5 * 1.959963985, 2 + 0.5 * 1.959963985), rel=1e-9)
    assert np.isnan(bare(2.0, math.nan, degrees=0).interval().low)


def test_interval_of_a_batch_and_of_fractional_degrees():
    interval = bare(np.zeros(3), np.array([1.0, 2.0, 3.0]), degrees=2.5).interval(0.5)
    assert interval.low.shape == (3,) and np.all(interval.low == -interval.high)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(), (2,)])
def test_an_infinite_error_leaves_both_sides_open(shape):
    estimate = vi.iwelbo(np.full((5, *shape), -np.inf))  # no draw has any weight: nothing is known
    assert np.all(estimate.value == -np.inf) and np.all(estimate.stderr == np.inf)
    low, high, _ = estimate.interval()
    assert np.all(low == -np.inf) and np.all(high == np.inf) and np.shape(low) == np.shape(high) == shape
    low, high, _ = bare(np.float32(1), np.float32(2)).interval()
    assert low.dtype == high.dtype == np.float32


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, math.nan])
def test_levels_outside_0_1(level):
    with pytest.raises(ValueError, match=r"level=.*between 0 and 1"):
        bare(1.0, 0.1).interval(level)


def test_unknown_kind():
    with pytest.raises(ValueError, match="kind='bootstrap': use 't' or 'markov'"):
        bare(1.0, 0.1).interval(kind="bootstrap")


# Units ---------------------------------------------------------------------------------------------------------------


def test_bits():
    nats = vi.iwelbo(log_weights(100, 4), shared_draws=True)
    bits = nats.to("bits")
    assert bits.units == "bits" and bits.to("bits").value is not None
    for name in ("value", "stderr", "bias_estimate"):
        np.testing.assert_allclose(getattr(bits, name), getattr(nats, name) / math.log(2), rtol=1e-14)
        np.testing.assert_allclose(getattr(bits.to("nats"), name), getattr(nats, name), rtol=1e-14)
    np.testing.assert_array_equal(bits.k_hat, nats.k_hat)
    assert bits.mean().stderr == pytest.approx(nats.mean().stderr / math.log(2), rel=1e-13)
    assert "bits" in str(bits)
    with pytest.raises(ValueError, match="units='dB': use 'nats' or 'bits'"):
        nats.to("dB")


# Batches -------------------------------------------------------------------------------------------------------------


def test_a_number_is_a_number():
    estimate = vi.elbo(log_weights(50))
    assert float(estimate) == estimate.value and estimate.shape == ()
    assert np.asarray(estimate).shape == ()
    for operation in (lambda: len(estimate), lambda: estimate[0], lambda: estimate.mean(), lambda: estimate.sum()):
        with pytest.raises(TypeError, match="single number"):
            operation()


def test_truth_is_that_of_a_single_number():
    assert bool(vi.elbo([-1.0])) and not bool(vi.elbo([0.0]))
    for shape in [(50, 1), (50, 3), (50, 0)]:
        with pytest.raises(ValueError, match=r"batch of shape \(.,\) is ambiguous: compare \.value"):
            bool(vi.elbo(log_weights(*shape)))
    for sandwich in (bracket(), vi.Sandwich(vi.elbo(log_weights(50, 3)), vi.eubo(log_weights(50, 3)))):
        with pytest.raises(ValueError, match=r"ambiguous: take that of \.lower, \.upper or \.gap"):
            bool(sandwich)


def test_a_batch_is_an_array():
    x = log_weights(50, 4, 3)
    estimate = vi.iwelbo(x)
    assert estimate.shape == (4, 3) and len(estimate) == 4
    assert np.asarray(estimate).dtype == np.float64 and np.asarray(estimate, dtype=np.float32).dtype == np.float32
    with pytest.raises(TypeError, match=r"batch of shape \(4, 3\): index it"):
        float(estimate)
    assert [each.shape for each in estimate] == [(3,)] * 4


@pytest.mark.filterwarnings("error")
def test_a_number_leaves_torchs_graph_in_peace():
    torch = pytest.importorskip("torch")
    estimate = vi.elbo(torch.ones(5, dtype=torch.float64, requires_grad=True))
    assert float(estimate) == 1.0 and bool(estimate) and estimate.value.requires_grad


@pytest.mark.parametrize(
    "make",
    [
        lambda x: vi.elbo(x[:, 0]),
        lambda x: vi.iwelbo(5 * x, k=10, shared_draws=True).to("bits"),
        lambda x: vi.iwelbo(5 * x)[1:].mean(),
        lambda x: vi.renyi_bound(x, -0.5),
        lambda x: vi.eubo(x, chain_axis=1),
        lambda x: vi.thermodynamic(x, x).curve[2],
        lambda x: vi.LogWeights(k=7).update(5 * x).iwelbo(7),
        lambda x: vi.index_information(vi.DiagonalNormal(x, np.ones_like(x)), rng=0),
        lambda x: vi.rate(vi.DiagonalNormal(x, np.ones_like(x))),
    ],
)
def test_an_estimate_leaves_its_process_with_all_that_it_says(make):
    estimate = make(log_weights(100, 3))
    again = pickle.loads(pickle.dumps(estimate))
    assert str(again) == str(estimate) and again.caveats == estimate.caveats and again.interval().level == 0.95
    for name in ("value", "stderr", "k_hat", "degrees", "bias_estimate", "shared_draws", "is_bound", "objective"):
        np.testing.assert_equal(getattr(again, name), getattr(estimate, name))
    if estimate.shape:
        np.testing.assert_equal(again[0].k_hat, estimate[0].k_hat)
    assert str(pickle.loads(pickle.dumps(again))) == str(estimate)
    for kept in (copy.copy(estimate), estimate):
        assert kept.influence is estimate.influence and kept.markov is estimate.markov


def test_what_a_pickled_estimate_cannot_do_it_says():
    again = pickle.loads(pickle.dumps(vi.iwelbo(log_weights(50, 2), shared_draws=True)))
    with pytest.raises(ValueError, match="draws were not kept"):
        again.mean()
    with pytest.raises(ValueError, match="kind='markov' needs independent draws"):
        again.interval(kind="markov")


def test_what_holds_estimates_is_pickled_with_them():
    s = bracket()
    again = pickle.loads(pickle.dumps(s))
    assert str(again) == str(s) and again.gap.caveats == s.gap.caveats and again.gap.degrees == s.gap.degrees
    for whole in (vi.summarize(log_weights(200, 3)), vi.thermodynamic(log_weights(50), log_weights(50))):
        assert str(pickle.loads(pickle.dumps(whole))) == str(whole)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert str(pool.submit(vi.elbo, log_weights(50)).result()) == str(vi.elbo(log_weights(50)))


@pytest.mark.parametrize(
    "index", [0, -1, (1, 2), slice(1, 3), (slice(None), 1), [0, 2], np.array([True, False, True, True]), ...], ids=str
)
def test_indexing_picks_everything_alike(index):
    x = log_weights(50, 4, 3)
    whole, picked = vi.iwelbo(x, shared_draws=True), vi.iwelbo(x, shared_draws=True)[index]
    for name in ("value", "stderr", "bias_estimate", "k_hat"):
        np.testing.assert_array_equal(getattr(picked, name), getattr(whole, name)[index])
    np.testing.assert_array_equal(picked.interval(kind="markov").low, whole.interval(kind="markov").low[index])
    keys = index if isinstance(index, tuple) else (index,)
    again = vi.iwelbo(x[(slice(None), *keys)], shared_draws=True)
    np.testing.assert_allclose(picked.value, again.value, rtol=1e-13)
    np.testing.assert_allclose(picked.influence(), again.influence(), rtol=1e-10, atol=1e-12)
    if picked.shape:
        assert picked.mean().stderr == pytest.approx(again.mean().stderr, rel=1e-10)


def test_k_hat_and_caveats_are_computed_on_first_access(monkeypatch):
    from varinf.diagnostics import draws

    calls = []
    honest = draws.fit_tail
    monkeypatch.setattr(draws, "fit_tail", lambda top: calls.append(1) or honest(top))
    estimate = vi.elbo(log_weights(100))
    assert not calls
    assert estimate.k_hat == estimate.k_hat and estimate.caveats == estimate.caveats
    assert len(calls) == 1


# Mean and sum --------------------------------------------------------------------------------------------------------


def test_dataset_error_adds_in_squares():
    x = log_weights(60, 5)
    estimate = vi.elbo(x)
    total, mean = estimate.sum(), estimate.mean()
    assert total.value == pytest.approx(estimate.value.sum()) and mean.value == pytest.approx(estimate.value.mean())
    assert total.stderr == pytest.approx(np.linalg.norm(estimate.stderr))
    assert mean.stderr == pytest.approx(np.linalg.norm(estimate.stderr) / 5)
    assert mean.quantity == "the mean of log p(x)" and mean.estimand == "mean over 5 data of ELBO"
    assert total.quantity == "the sum of log p(x)" and mean.is_bound
    squares = estimate.stderr**2
    assert total.degrees == pytest.approx(59 * squares.sum() ** 2 / np.sum(squares**2))  # Welch and Satterthwaite
    assert mean.k_hat == np.max(estimate.k_hat)


def test_bias_does_not_average_out():
    estimate = vi.iwelbo(np.random.default_rng(1).normal(size=(50, 400)))
    assert estimate.mean().bias_estimate == pytest.approx(estimate.bias_estimate.mean())
    assert estimate.sum().bias_estimate == pytest.approx(estimate.bias_estimate.sum())


def replicate(make, replications=500):
    """Spread of a mean over the batch across replications, and its mean reported error."""
    rng = np.random.default_rng(2)
    means = [make(rng) for _ in range(replications)]
    spread = np.std([mean.value for mean in means], ddof=1)
    return spread, np.mean([mean.stderr for mean in means]), 5 / math.sqrt(2 * replications)


@pytest.mark.parametrize("bound", [vi.elbo, vi.iwelbo, lambda x, **how: vi.renyi_bound(x, 0.5, **how)])
def test_shared_draws_take_the_error_jointly(bound):
    """The same noise in each column with its own weight: independent errors would be wrong by a factor of 1.6."""
    tilt = np.array([0.5, 0.4, 0.3])
    spread, error, rel = replicate(lambda rng: bound(rng.standard_normal((200, 1)) * tilt, shared_draws=True).mean())
    assert error == pytest.approx(spread, rel=rel)
    _, naive, _ = replicate(lambda rng: bound(rng.standard_normal((200, 1)) * tilt).mean(), 20)
    assert naive < 0.7 * spread


def test_shared_draws_that_cancel():
    x = np.random.default_rng(3).standard_normal((200, 1)) * np.array([1.0, -1.0])
    assert vi.elbo(x, shared_draws=True).mean().stderr == pytest.approx(0, abs=1e-15)


def test_shared_draws_of_groups():
    tilt = np.array([0.5, 0.4])
    spread, error, rel = replicate(
        lambda rng: vi.iwelbo(rng.standard_normal((200, 1)) * tilt, k=5, shared_draws=True).mean()
    )
    assert error == pytest.approx(spread, rel=rel)


def test_population_error_is_that_of_data_and_draws():
    def one(rng):
        centers = rng.normal(0, 0.3, size=100)  # the data are a sample
        return vi.elbo(centers + rng.normal(0, 1, size=(20, 100))).mean(over="population")

    spread, error, rel = replicate(one)
    assert error == pytest.approx(spread, rel=rel)
    estimate = vi.elbo(log_weights(20, 100)).mean(over="population")
    values = vi.elbo(log_weights(20, 100)).value
    assert estimate.stderr == pytest.approx(np.std(values, ddof=1) / 10) and estimate.degrees == 99
    assert np.isnan(vi.elbo(log_weights(20, 1)).mean(over="population").stderr)  # one datum is no sample


@pytest.mark.parametrize(("common", "own", "too_large"), [(1.0, 0.01, 1.0), (0.5, 1.0, 1.0), (0.0, 20.0, math.sqrt(2))])
def test_population_error_holds_the_noise_that_shared_draws_have_in_common(common, own, too_large):
    """With values centre + b(z) + c(z, x), c's noise counts twice: it rules in the last case."""

    def one(rng):
        noise = common * rng.normal(size=(40, 1)) + own * rng.normal(size=(40, 50))
        return vi.elbo(rng.normal(0, 0.3, size=50) + noise, shared_draws=True).mean(over="population")

    spread, error, rel = replicate(one)
    assert error == pytest.approx(too_large * spread, rel=rel + 0.04)  # 2.9% for the second case
    with pytest.raises(ValueError, match="share draws"):
        bare(np.zeros(2), np.ones(2), shared_draws=True).mean(over="population")


def test_degrees_of_a_population_error_of_shared_draws():
    x = np.random.default_rng(7).normal(size=(5, 1)) + 0.2 * np.random.default_rng(8).normal(size=(5, 40))
    b = vi.elbo(x, shared_draws=True)
    joint, sd = b.mean().stderr, np.std(x.mean(0), ddof=1) / math.sqrt(40)
    found = b.mean(over="population")
    assert found.stderr == pytest.approx(math.hypot(joint, sd), rel=1e-12)
    assert found.degrees == pytest.approx((joint**2 + sd**2) ** 2 / (joint**4 / 4 + sd**4 / 39), rel=1e-10)


def test_dataset_mean_covers():
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(1000):
        interval = vi.elbo(rng.normal(0, 1, size=(5, 8))).mean().interval()
        inside += interval.low <= 0 <= interval.high
    assert abs(inside / 1000 - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 1000)


def test_aggregation_errors():
    with pytest.raises(ValueError, match=r"over='data': use 'dataset'.*'population'"):
        vi.elbo(log_weights(5, 2)).mean(over="data")
    with pytest.raises(ValueError, match="empty batch"):
        vi.elbo(np.zeros((5, 0))).mean()
    with pytest.raises(ValueError, match=r"share draws.*not kept"):
        bare(np.zeros(2), np.ones(2), shared_draws=True).mean()


# How it reads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "stderr", "text"),
    [
        (-31.3412, 0.0234, "-31.34 ± 0.02"),
        (-31.3412, 0.0151, "-31.341 ± 0.015"),  # an error that begins with 1 keeps two digits
        (-31.3412, 0.0951, "-31.34 ± 0.10"),
        (-31.3412, 0.096, "-31.34 ± 0.10"),
        (0.5, 0.2, "0.5 ± 0.2"),
        (0.5, 0.0999, "0.50 ± 0.10"),
        (12.0, 3.0, "12 ± 3"),
        (12.0, 1.5, "12.0 ± 1.5"),
        (-318859.4, 43.0, "-318860 ± 40"),
        (1e12, 1.0, "1000000000000.0 ± 1.0"),
        (-2234567890.12345, 2e-3, "-2234567890.123 ± 0.002"),
        (-123456.4000123, 3e-5, "-123456.40001 ± 0.00003"),
        (1.23456789e100, 1e95, "1.23457e+100 ± 1e+95"),
        (0.123456789012345, 3e-14, "0.12345678901234 ± 3e-14"),
        (1.0, 0.0, "1.0000 ± 0"),
        (-166.64380954, 3e-15, "-166.6438 ± 0"),
        (1.0, math.nan, "1.000 ± nan"),
        (-math.inf, math.nan, "-inf ± nan"),
        (1.0, math.inf, "1.000 ± inf"),
        (1e-9, 3e-10, "0.0000000010 ± 0.0000000003"),
        (1.0, 1e-14, "1 ± 1e-14"),
    ],
)
def test_number_with_error(value, stderr, text):
    assert number_with_error(value, stderr) == text


@pytest.mark.parametrize(
    ("room", "text"),
    [
        (23, "-123456.40001 ± 0.00003"),
        (22, "-123456.40001 ± 3e-05"),
        (20, "-123456.4 ± 3e-05"),  # with one more digit it ends in 0, which says nothing
        (16, "-123456 ± 3e-05"),
        (1, "-1e+05 ± 3e-05"),
    ],
)
def test_little_room_shortens_the_error_first(room, text):
    assert number_with_error(-123456.4000123, 3e-5, room=room) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (1234567.0, "1234567"),
        (0.00012345, "0.0001234"),
        (1e-5, "1.000e-05"),
        (1e9, "1.000e+09"),
        (math.inf, "inf"),
    ],
)
def test_plain(value, text):
    assert plain(value) == text


def test_printing_names_direction_units_and_footing():
    text = str(vi.elbo(log_weights(10_000)))
    assert text.startswith("-30.99") and " nats, lower bound on log p(x) (10,000 draws, k_hat 0." in text
    assert repr(vi.elbo(log_weights(10))).startswith("<Estimate: ")


@pytest.mark.parametrize(
    "estimate",
    [
        vi.elbo(log_weights(100)),
        vi.elbo(log_weights(100, 5)),
        vi.elbo(log_weights(100, 2, 2)),
        vi.elbo([0.0]),
        vi.iwelbo(5 * log_weights(1000)),
        vi.cubo(log_weights(100), on_heavy_tail="ignore"),
        vi.eubo([0.0, np.inf]),
        vi.eubo(log_weights(100, 2), chain_axis=1),
        vi.jackknife_evidence(log_weights(100)),
        vi.elbo(np.zeros((5, 0))),
        vi.elbo(log_weights(10, 3)).mean(),
        vi.elbo(log_weights(100, 5) * 1e-4 - 123456.4),
        vi.renyi_bound(5 * log_weights(1000, 3), -0.5),
    ],
    ids=lambda estimate: estimate.estimand,
)
def test_every_print_is_safe_on_an_old_console(estimate):
    text = str(estimate)
    text.encode("cp1252")
    assert all(f"caveat: {caveat}" in " ".join(text.split()) for caveat in estimate.caveats)
    assert max(map(len, (text + "\n" + repr(estimate)).splitlines())) <= 80
    assert " ".join(repr(estimate).split()) == f"<Estimate: {' '.join(text.split())}>"


def test_a_batch_prints_a_few_values():
    text = str(vi.elbo(log_weights(100, 5)))
    lines = text.splitlines()
    assert " ".join(text.split()).startswith(
        "5 values, each a lower bound on log p(x) in nats (100 draws each, k_hat up to 0.56):"
    )
    assert lines[2].count("±") == 3 and lines[2].endswith("...")


# Sandwiches ----------------------------------------------------------------------------------------------------------


def bracket(**how):
    lower = vi.iwelbo(np.random.default_rng(5).normal(-0.5, 1, size=2000))
    upper = vi.eubo(np.random.default_rng(6).normal(0.5, 1, size=1000))
    return vi.Sandwich(lower, upper, ("independent draws", "exact posterior draws"), **how)


def test_gap():
    s = bracket()
    assert s.gap.value == pytest.approx(s.upper.value - s.lower.value)
    assert s.gap.stderr == pytest.approx(math.hypot(s.upper.stderr, s.lower.stderr))
    assert s.gap.direction == "exact" and s.gap.draws == 1000 and s.to("bits").gap.units == "bits"


@pytest.mark.parametrize(
    ("lower", "upper", "gap"),
    [
        ("none", "none", "none"),
        ("low", "none", "high"),
        ("none", "high", "high"),
        ("low", "high", "high"),
        ("high", "none", "low"),
        ("none", "low", "low"),
        ("high", "low", "low"),
        ("low", "low", "unknown"),
        ("unknown", "none", "unknown"),
        ("low", "unknown", "unknown"),
    ],
)
def test_the_gap_leans_as_its_sides_do(lower, upper, gap):
    s = vi.Sandwich(bare(0.0, 0.1, bias=lower, draws=5), bare(1.0, 0.1, bias=upper, direction="upper", draws=5))
    assert s.gap.bias == gap


def test_the_gap_has_the_degrees_of_its_sides():
    """Few groups on either side: with a normal's 1.96 errors the interval would cover 84%."""
    rng, inside = np.random.default_rng(9), 0
    for _ in range(2000):
        s = vi.Sandwich(vi.iwelbo(rng.normal(size=3), k=1), vi.eubo(rng.normal(1, 2, size=4)))
        interval = s.gap.interval()
        inside += interval.low <= 1 <= interval.high
    assert abs(inside / 2000 - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 2000)
    a, b = s.upper.stderr**2, s.lower.stderr**2
    assert s.gap.degrees == pytest.approx((a + b) ** 2 / (a**2 / 3 + b**2 / 2), rel=1e-12)
    batch = vi.Sandwich(vi.iwelbo(log_weights(3, 5)), vi.eubo(log_weights(4, 5))).gap
    assert batch.degrees == pytest.approx(min(each.degrees for each in batch)) and 2 <= batch.degrees < 5
    one = vi.Sandwich(vi.iwelbo(log_weights(1)), vi.eubo(log_weights(4))).gap
    assert one.degrees == 0 and math.isnan(one.interval().low)


def test_the_gap_has_the_caveats_of_its_sides():
    s = vi.Sandwich(vi.iwelbo(5 * log_weights(500)), vi.eubo(log_weights(500, 1), chain_axis=1))
    assert s.lower.caveats and s.upper.caveats
    of_sides = [f"{name} side: {text}" for name in ("lower", "upper") for text in getattr(s, name).caveats]
    assert list(s.gap.caveats) == of_sides


def test_the_gap_of_shared_draws_takes_its_error_jointly():
    def one(rng):
        e, f = rng.standard_normal((200, 1)), rng.standard_normal((100, 1))
        sides = vi.iwelbo(e * [0.5, 0.4], shared_draws=True), vi.eubo(f * [0.3, 0.6], shared_draws=True)
        return vi.Sandwich(*sides).gap.mean()

    spread, error, rel = replicate(one)
    assert error == pytest.approx(spread, rel=rel)


def test_sandwich_interval_is_two_one_sided_limits():
    s = bracket()
    interval = s.interval(0.9)
    assert interval.low == s.lower.interval(0.9).low and interval.high == s.upper.interval(0.9).high
    markov = s.interval(0.9, kind="markov")
    assert markov.low == s.lower.interval(0.95, kind="markov").low
    assert markov.high == s.upper.interval(0.95, kind="markov").high
    assert markov.low < 0 < markov.high


def test_sandwich_reads_and_converts():
    s = bracket()
    text = str(s)
    assert "lower: " in text and "upper: " in text and "gap:   " in text and text.count("assumes: ") == 2
    text.encode("cp1252")
    assert s.to("bits").lower.value == pytest.approx(s.lower.value / math.log(2))
    assert repr(s).startswith("<Sandwich: ")
    assert s.caveats == tuple(dict.fromkeys(s.lower.caveats + s.upper.caveats))


@pytest.mark.parametrize("shape", [(), (3,), (5, 2)])
def test_a_sandwich_reads_at_80_columns(shape):
    assumption = "the 4 Markov chains behind the upper side have converged to the posterior, which no one knows"
    s = vi.Sandwich(vi.iwelbo(5 * log_weights(500, *shape)), vi.eubo(log_weights(500, *shape)), (assumption,))
    assert max(map(len, (str(s) + "\n" + repr(s)).splitlines())) <= 80
    assert assumption in " ".join(str(s).split())


def test_sandwich_of_a_batch():
    s = vi.Sandwich(vi.iwelbo(log_weights(100, 3)), vi.eubo(log_weights(100, 3, seed=1)))
    assert s.gap.shape == (3,) and s.interval().low.shape == (3,) and str(s)
    assert f"gap:   {plain(float(np.mean(s.gap.value)))} nats on average" in str(s)


def test_a_sandwich_indexes_iterates_and_averages_like_a_batch():
    s = vi.Sandwich(vi.iwelbo(log_weights(100, 3)), vi.eubo(log_weights(100, 3, seed=1)), ("exact draws",))
    assert s.shape == (3,) and len(s) == 3 and len(s[:2]) == 2 and len(list(s)) == 3
    assert s[1].lower.value == s.lower.value[1] and s[1].gap.value == s.gap.value[1]
    assert s[1].assumptions == s.assumptions and "average" not in str(s[1])
    for over in ("dataset", "population"):
        mean = s.mean(over=over)
        assert mean.upper.value == s.upper.mean(over).value and mean.lower.stderr == s.lower.mean(over).stderr
        assert mean.gap.value == pytest.approx(np.mean(s.gap.value)) and mean.assumptions == s.assumptions
    with pytest.raises(TypeError, match="single number"):
        len(s[0])
    with pytest.raises(TypeError, match="single number"):
        s[0][0]


@pytest.mark.parametrize("stderr", [-0.1, -math.inf, np.float64(-1)])
def test_a_negative_standard_error_is_refused(stderr):
    with pytest.raises(ValueError, match="stderr="):
        bare(stderr * 0, stderr)
    assert math.isnan(bare(1.0, math.nan).stderr)


def test_a_level_that_is_no_number_is_named():
    for interval in (bare(1.0, 0.1).interval, bracket().interval):
        for kind in ("t", "markov"):
            with pytest.raises(ValueError, match="level='a'"):
                interval("a", kind=kind)


def test_gap_of_a_side_that_draws_nothing():
    """A rate in closed form above the index information: Theorem 3's two sides."""
    q = vi.DiagonalNormal([[-1.0], [1.0]], [[1.0], [1.0]])
    lower, upper = vi.index_information(q, draws=50, rng=0), vi.rate(q, over="dataset")
    gap = vi.Sandwich(lower, upper).gap
    assert gap.draws == lower.draws and gap.stderr == pytest.approx(lower.stderr)
    assert vi.Sandwich(upper, upper).gap.draws is None


def test_what_stands_in_parentheses_stays_on_one_line():
    x = np.random.default_rng(0).normal(-161.7, 1e-3, (2_000, 2))
    first, second = str(vi.elbo(x).mean()).splitlines()[:2]
    assert first.endswith("lower bound on the mean of log p(x)") and second.startswith("  (2,000 draws, k_hat ")
