"""The deep bottleneck: its gradient, its bounds against quadrature, collapse, the laws on held-out digits, errors."""

import math
import pickle

import numpy as np
import pytest

import varinf as vi
from varinf.autoencoders.objectives import elbo_and_gradient
from varinf.autoencoders.units import Units

WEIGHT = 0.3


def digits(seed, train=1200):
    """(X, y) to train on and (X, y) held out, split at random."""
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    return (X[order[:train]], y[order[:train]]), (X[order[train:]], y[order[train:]])


@pytest.fixture(scope="module")
def trained():
    fit, held_out = digits(0)
    return vi.VIB().fit(*fit, epochs=60, rng=0), fit, held_out


# The gradient --------------------------------------------------------------------------------------------------------


def small(activation, decoder_hidden, draws=3, n=6):
    rng = np.random.default_rng(0)
    vib = vi.VIB(2, (5,), decoder_hidden=decoder_hidden, activation=activation, dtype="float64")
    model = vib._architecture(Units(np.zeros(4), 1.0, False, "float64"), 3)
    codes, seen = rng.integers(0, 3, n), rng.normal(size=(n, 4))
    return model, 0.6 * rng.normal(size=model.size), codes, seen, rng.normal(size=(draws, n, 2))


def value_and_gradient(model, flat, codes, seen, noise):
    gradient = np.empty_like(flat)
    fit, kl, _ = elbo_and_gradient(model, flat, codes[:, None].astype(float), seen, noise, WEIGHT, 0.0, gradient)
    return fit - WEIGHT * kl, gradient


@pytest.mark.parametrize("decoder_hidden", [(), (4,)])
@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
def test_the_gradient_in_every_parameter_against_differences(activation, decoder_hidden):
    model, flat, *rest = small(activation, decoder_hidden)
    _, gradient = value_and_gradient(model, flat, *rest)
    steps = 1e-5 * np.eye(flat.size)
    central = [
        (value_and_gradient(model, flat + s, *rest)[0] - value_and_gradient(model, flat - s, *rest)[0]) / 2e-5
        for s in steps
    ]
    np.testing.assert_allclose(gradient, central, atol=1e-7)
    assert np.abs(gradient).max() > 0.1


def test_value_and_gradient_are_torchs():
    torch = pytest.importorskip("torch")
    model, flat, codes, seen, noise = small("tanh", (4,))
    value, gradient = value_and_gradient(model, flat, codes, seen, noise)
    parameters = torch.tensor(flat, requires_grad=True)

    def network(net, x, start):
        for level, (a, b) in enumerate(zip(net.widths[:-1], net.widths[1:], strict=True)):
            weights = parameters[start : start + a * b].reshape(a, b)
            x, start = x @ weights + parameters[start + a * b : start + (a + 1) * b], start + (a + 1) * b
            x = torch.tanh(x) if level < len(net.widths) - 2 else x
        return x

    loc, log_scale = network(model.encoder, torch.tensor(seen), 0).chunk(2, dim=-1)
    q = torch.distributions.Normal(loc, log_scale.exp())
    logits = network(model.decoder, loc + log_scale.exp() * torch.tensor(noise), model.encoder.size)
    labels = torch.tensor(codes).expand(len(noise), -1)
    fit = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(-1).mean()
    objective = -fit - WEIGHT * kl
    objective.backward()
    assert value == pytest.approx(float(objective.detach()), rel=1e-12)
    np.testing.assert_allclose(gradient, parameters.grad, rtol=1e-9, atol=1e-12)


# A code with exact values --------------------------------------------------------------------------------------------
#
# y = -1 or 1, evenly; x = y + N(0, 1); z = A x + N(0, S^2). So z given y is N(A y, A^2 + S^2), and the posterior of y
# has log odds 2 A z / (A^2 + S^2).

A, S = 0.8, 0.5
Z = np.linspace(-12, 12, 48_001)
SPREAD = math.sqrt(A * A + S * S)
TIGHT = 2 * A / SPREAD**2


def density(z, loc, scale):
    return np.exp(-(((z - loc) / scale) ** 2) / 2) / (scale * math.sqrt(2 * math.pi))


def integral(values):
    return float(np.sum(values) * (Z[1] - Z[0]))  # smooth and 0 at the ends: exact to rounding


P_Z = (density(Z, -A, SPREAD) + density(Z, A, SPREAD)) / 2
P_1 = 1 / (1 + np.exp(-TIGHT * Z))
I_YZ = math.log(2) + integral(density(Z, A, SPREAD) * np.log(P_1))
I_XZ = -integral(P_Z * np.log(np.maximum(P_Z, 1e-300))) - math.log(2 * math.pi * math.e * S * S) / 2
RATE = (2 * A * A + S * S - 1 - 2 * math.log(S)) / 2  # E x^2 = 2


def told(slope, bias=0.0):
    """H(Y) + E log q(y|z) with log odds slope z + bias, by quadrature."""
    each = (density(Z, y * A, SPREAD) * -np.logaddexp(0, -y * (slope * Z + bias)) for y in (-1, 1))
    return math.log(2) + sum(map(integral, each)) / 2


def toy(slope=TIGHT, bias=0.0):
    """A VIB with these parameters, set by hand."""
    vib = vi.VIB(1, (), dtype="float64")
    units = Units(np.zeros(1), 1.0, False, "float64")
    vib.classes_, vib.collapsed = np.array([-1, 1]), False
    flat = np.array([A, 0.0, 0.0, math.log(S), 0.0, slope, 0.0, bias])  # encoder W, b; decoder W, b
    vib._adopt(units, vib._architecture(units, 2), flat)
    return vib


def toy_data(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.choice([-1, 1], size=n)
    return y[:, None] + rng.normal(size=(n, 1)), y


def test_quadrature_orders_the_quantities_as_theory_does():
    assert told(TIGHT) == pytest.approx(I_YZ, abs=1e-12)  # the posterior itself: the bound is tight
    for slope, bias in ((0.5, 0.0), (3.0, 0.0), (TIGHT, 0.7)):
        assert told(slope, bias) < I_YZ - 1e-3
    assert told(TIGHT) < math.log(2) and I_YZ < I_XZ < RATE
    within_a_class = float(vi.gaussian_mutual_information([[1.0]], [[A]], [[SPREAD**2]]))
    assert pytest.approx(within_a_class + I_YZ, abs=1e-10) == I_XZ  # y is a function of neither: I(X;Z|Y) + I(Y;Z)


@pytest.mark.parametrize(("slope", "bias"), [(TIGHT, 0.0), (3.0, 0.4)])
def test_estimates_are_about_what_quadrature_says(slope, bias):
    vib, z = toy(slope, bias), {"rate": [], "known": [], "plug-in": [], "loo": [], "index": []}
    for seed in range(20):
        X, y = toy_data(2000, seed)
        rate = vib.rate(X)
        known = vib.label_information(X, y, entropy=math.log(2), draws=2, rng=seed)
        plug_in = vib.label_information(X, y, draws=2, rng=seed)
        z["rate"].append((float(rate) - RATE) / float(rate.stderr))
        z["known"].append((float(known) - told(slope, bias)) / float(known.stderr))
        z["plug-in"].append((float(plug_in) - told(slope, bias)) / float(plug_in.stderr))
    assert all(abs(np.mean(each) * np.sqrt(20)) < 5 for each in (z["rate"], z["known"], z["plug-in"]))
    assert all(0.4 < np.std(each) < 1.8 for each in (z["rate"], z["known"], z["plug-in"]))


def test_index_information_and_leave_one_out_hold_the_information_between_them():
    vib, low, high, rate = toy(), [], [], []
    for seed in range(40):
        point = vib.information_plane(*toy_data(60, seed), draws=1, rng=seed)
        low.append(float(point.index_information))
        high.append(float(point.leave_one_out))
        rate.append(float(point.rate))
    for below, above in ((low, I_XZ), (I_XZ, high), (low, high), (low, rate), (I_XZ, rate)):
        difference = np.subtract(above, below)
        assert difference.mean() / (difference.std(ddof=1) / np.sqrt(40)) > -5
    assert np.mean(low) == pytest.approx(I_XZ, abs=0.15) and np.mean(high) == pytest.approx(I_XZ, abs=0.3)


def test_a_data_set_as_it_stands():
    """Five data: E log q of each by quadrature over its own code."""
    vib, (X, y) = toy(3.0, 0.4), toy_data(5, 1)
    log_q = [integral(density(Z, A * x, S) * -np.logaddexp(0, -t * (3.0 * Z + 0.4))) for (x,), t in zip(X, y)]  # noqa: B905
    share = np.mean(y == 1)
    h = float(vi.entropy([share, 1 - share]))
    found = vib.label_information(X, y, over="dataset", draws=20_000, rng=0)
    assert abs(float(found) - (h + np.mean(log_q))) < 5 * float(found.stderr)
    assert float(found.stderr) < 0.01
    exact = vi.index_information(vib.encode(X), draws=20_000, rng=1)
    assert float(found) < float(exact) < float(vib.rate(X, over="dataset"))


def test_predictions_average_over_draws():
    vib = toy(3.0, 0.4)
    X = np.array([[-1.0], [0.2], [2.0]])
    expected = [integral(density(Z, A * x, S) / (1 + np.exp(-3.0 * Z - 0.4))) for (x,) in X]
    p = vib.predict_proba(X, draws=40_000, rng=0)
    assert np.abs(p[:, 1] - expected).max() < 5 * 0.5 / np.sqrt(40_000)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    mean_code = 1 / (1 + np.exp(-3.0 * A * X[:, 0] - 0.4))
    assert np.abs(mean_code - expected).max() > 0.03  # the code's mean alone would say something else
    assert list(vib.predict(X, rng=0)) == [-1, 1, 1]


def test_no_answer_depends_on_how_rows_and_draws_are_divided(monkeypatch):
    from varinf.autoencoders import vib as module

    vib, (X, y) = toy(), toy_data(40, 0)
    noise = np.random.default_rng(0).normal(size=(7, 1))
    whole = vib._answers(vib.encode(X), vib._codes(y, 40), 7, None, noise)
    monkeypatch.setattr(module, "ROWS", 9)
    monkeypatch.setattr(module, "CHUNK", 40)
    for a, b in zip(whole, vib._answers(vib.encode(X), vib._codes(y, 40), 7, None, noise), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    value = float(vib.label_information(X, y, draws=500, rng=1))
    monkeypatch.undo()
    assert value == pytest.approx(float(vib.label_information(X, y, draws=500, rng=2)), abs=0.05)


# Digits --------------------------------------------------------------------------------------------------------------


def test_it_learns_the_digits(trained):
    vib, fit, held_out = trained
    assert vib.converged and not vib.collapsed
    assert vib.score(*held_out, rng=0) > 0.97
    first, last = vib.history[0], vib.history[-1]
    assert last.objective == pytest.approx(last.reconstruction - 0.01 * last.kl)
    assert last.objective > first.objective and last.beta == 0.01
    assert last.kl == pytest.approx(float(vib.rate(fit[0], over="dataset")), rel=0.05)
    assert vib.encode(held_out[0]).loc.dtype == vib.predict_proba(held_out[0], 3).dtype == np.float32


def test_the_laws_on_held_out_digits(trained):
    vib, _, (X, y) = trained
    point = vib.information_plane(X, y, draws=20, rng=1)
    h = point.label_information.ceiling
    assert h == pytest.approx(math.log(10), abs=0.01)
    assert float(point.label_information) < h
    for below, above in (
        (point.label_information, point.rate),
        (point.index_information, point.rate),
        (point.index_information, point.leave_one_out),
    ):
        error = math.hypot(float(below.stderr), float(above.stderr))
        assert (float(above) - float(below)) / error > -5
    again = vib.label_information(X, y, draws=20, rng=2)
    assert abs(float(again) - float(point.label_information)) < 5 * float(again.stderr)
    assert float(point.label_information) > 2.0


def test_a_large_weight_collapses_the_code_and_says_so(trained):
    _, fit, held_out = trained
    vib = vi.VIB(rate_weight=10.0).fit(*fit, epochs=40, rng=0)
    assert vib.collapsed and "collapsed: predicts the class frequencies" in repr(vib)
    share = np.bincount(fit[1]) / len(fit[1])
    assert np.abs(vib.predict_proba(held_out[0], rng=0) - share).max() < 0.03
    point = vib.information_plane(*held_out, rng=0)
    assert point.collapsed and float(point.rate) < 0.01 and float(point.label_information) < 0.02
    assert vib.score(*held_out, rng=0) < 0.2


def test_no_weight_is_a_weight(trained):
    _, fit, held_out = trained
    vib = vi.VIB(rate_weight=0).fit(*fit, epochs=20, rng=0)
    assert vib.score(*held_out, rng=0) > 0.95
    assert float(vib.rate(held_out[0])) > 2 * float(trained[0].rate(held_out[0]))


@pytest.mark.slow  # 40 s: ten fits at each of five weights
def test_the_rate_falls_as_its_weight_grows_and_ends_in_collapse():
    weights, rates, shown = [1e-3, 1e-2, 1e-1, 1.0, 10.0], [], []
    for seed in range(10):
        fit, held_out = digits(seed)
        plane = vi.vib_plane(*fit, weights, held_out=held_out, epochs=40, draws=10, rng=seed)
        rates.append([float(p.rate) for p in plane])
        shown.append(plane)
    for change in np.diff(rates, axis=1).T:
        assert change.mean() / (change.std(ddof=1) / np.sqrt(10)) < -5
    assert all(plane.collapsed == (10.0,) for plane in shown)
    gaps = {"label <= rate": [], "label <= H": [], "index <= rate": [], "index <= leave-one-out": []}
    for p in (p for plane in shown for p in plane):
        gaps["label <= rate"].append(float(p.rate) - float(p.label_information))
        gaps["label <= H"].append(p.label_information.ceiling - float(p.label_information))
        gaps["index <= rate"].append(float(p.rate) - float(p.index_information))
        gaps["index <= leave-one-out"].append(float(p.leave_one_out) - float(p.index_information))
    for each in gaps.values():
        for at_weight in np.reshape(each, (10, 5)).T:
            assert at_weight.mean() / (at_weight.std(ddof=1) / np.sqrt(10)) > -5


# Fits and labels -----------------------------------------------------------------------------------------------------


def blobs(n=200, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, n)
    return 3 * np.eye(classes)[codes] + rng.normal(size=(n, classes)), codes


@pytest.mark.parametrize(
    "names",
    [
        np.array([10, 20, 30]),
        np.array(["one", "three", "two"]),
        np.array(["one", "three", "two"], dtype=object),
        np.array([-1.0, 0.0, 7.0]),
        np.array([3, 4, 50], dtype=object),
        np.array([b"a", b"b", b"cc"]),
        np.array(["one", "three", "two"], dtype=np.dtypes.StringDType()),
    ],
    ids=["integers", "strings", "objects", "whole floats", "integer objects", "bytes", "strings of any length"],
)
def test_labels_of_any_kind(names, tmp_path):
    X, codes = blobs()
    vib = vi.VIB(2, (8,)).fit(X, names[codes], 60, rng=0, learning_rate=1e-2)
    assert list(vib.classes_) == sorted(names)
    assert vib.score(X, names[codes], rng=0) > 0.85
    assert set(vib.predict(X, rng=0)) <= set(names)
    np.testing.assert_array_equal(
        vib.predict_proba(X, rng=0).argmax(axis=1), np.searchsorted(vib.classes_, vib.predict(X, rng=0))
    )
    vib.save(tmp_path / "vib.npz")
    back = vi.VIB.load(tmp_path / "vib.npz")
    np.testing.assert_array_equal(back.predict(X, rng=0), vib.predict(X, rng=0))
    assert back.collapsed == vib.collapsed and repr(back) == repr(vib)
    numbers = vi.VIB(2, (8,)).fit(X, codes, 60, rng=0, learning_rate=1e-2)
    assert (numbers._flat == vib._flat).all()  # names of classes change nothing


@pytest.mark.parametrize(("scale", "offset"), [(1e-4, 0.0), (1e4, 0.0), (1.0, 1e6)])
def test_nothing_depends_on_the_units_or_the_origin_of_the_data(scale, offset):
    X, y = blobs()
    here, there = (vi.VIB(2, (8,), 0.1).fit(Z, y, 20, rng=0) for Z in (X, scale * X + offset))
    assert float(there.rate(scale * X + offset)) == pytest.approx(float(here.rate(X)), abs=1e-3)
    p, q = here.predict_proba(X, rng=1), there.predict_proba(scale * X + offset, rng=1)
    np.testing.assert_allclose(p, q, atol=1e-3)


def test_two_classes_by_booleans():
    X, codes = blobs(classes=2)
    assert vi.VIB(2, (8,)).fit(X, codes == 1, 40, rng=0).predict(X, rng=0).dtype == bool


def test_held_out_data_by_share_or_pair():
    X, y = blobs()
    half = {"learning_rate": 1e-2, "rng": 0}
    shared = vi.VIB(2, (8,)).fit(X, y, 5, validation=0.25, **half)
    paired = vi.VIB(2, (8,)).fit(X[:150], y[:150], 5, validation=(X[150:], y[150:]), **half)
    for vib in (shared, paired):
        assert all(math.isfinite(epoch.held_out) and epoch.held_out_stderr > 0 for epoch in vib.history)
    stopped = vi.VIB(2, (64,), 1e-4).fit(X, y, 2000, validation=0.25, patience=5, **half)
    assert len(stopped.history) < 2000 and "no better on held-out data for 5 epochs" in stopped.reason
    best = max(range(len(stopped.history)), key=lambda i: stopped.history[i].held_out)
    again = vi.VIB(2, (64,), 1e-4).fit(X, y, best + 1, validation=0.25, **half)
    assert (again._flat == stopped._flat).all()


def test_one_seed_one_fit_and_it_travels():
    X, y = blobs()
    a, b, c = (vi.VIB(2, (8,), dtype="float64").fit(X, y, 3, rng=rng) for rng in (0, 0, 1))
    assert (a._flat == b._flat).all() and not (a._flat == c._flat).all()
    back = pickle.loads(pickle.dumps(a))
    assert (back.encode(X).loc == a.encode(X).loc).all() and a.encode(X).loc.dtype == np.float64


def test_a_fit_that_meets_nan_says_so():
    X, y = blobs()
    vib = vi.VIB(2, (8,)).fit(X, y, 30, rng=0, learning_rate=1e30)
    assert not vib.converged and "smaller learning_rate" in vib.reason


def test_a_fit_that_raises_leaves_the_earlier_one():
    X, y = blobs()
    vib = vi.VIB(2, (8,)).fit(X, y, 2, rng=0)
    before = vib.encode(X).loc
    with pytest.raises(ValueError, match="schedule='step'"):
        vib.fit(X, y == 0, 2, schedule="step")
    assert (vib.encode(X).loc == before).all() and len(vib.classes_) == 3


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (np.zeros(6), ValueError, "y holds one class alone"),
        (np.zeros(5), ValueError, r"y has shape \(5,\), but X has 6 rows"),
        (np.zeros((6, 1)), ValueError, r"y has shape \(6, 1\)"),
        ([0, 1, np.nan, 1, 0, 1], ValueError, r"y has 1 values that are no whole numbers .* at index 2 \(nan\)"),
        ([0, 1, 0.5, 1, np.inf, 1], ValueError, r"y has 2 values .* at index 2 \(0.5\); labels are classes"),
        (np.array(["a", 1, 0, 0, 0, 0], dtype=object), TypeError, "objects of type int, str"),
        (np.array([None] * 6), TypeError, "objects of type NoneType"),
        (np.zeros(6, complex), TypeError, "dtype complex128"),
    ],
)
def test_labels_that_are_none_are_refused(y, error, message):
    with pytest.raises(error, match=message):
        vi.VIB(1, ()).fit(np.eye(6), y, 1)


def test_labels_that_the_fit_never_saw_are_refused():
    X, y = blobs()
    vib = vi.VIB(2, ()).fit(X, y, 1, rng=0)
    with pytest.raises(
        ValueError, match=r"y has 200 labels that the fit never saw, the first .*7.*classes are 0, 1, 2"
    ):
        vib.label_information(X, np.full(200, 7))
    with pytest.raises(TypeError, match="y has dtype <U1"):
        vib.score(X, np.full(200, "a"))
    with pytest.raises(TypeError, match=r"y has dtype \|S1"):
        vi.VIB(2, ()).fit(X, y.astype(str), 1, rng=0).score(X, np.full(200, b"a"))
    with pytest.raises(ValueError, match="but X has 200 rows"):
        vib.calibration(X, y[:3])
    with pytest.raises(ValueError, match=r"entropy=2.0 is not between"):
        vib.label_information(X, y, entropy=2.0)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"validation": 1.5}, "validation=1.5 of 200 data"),
        ({"validation": 2}, "use a share of X such as 0.1, or the pair"),
        ({"validation": (1, 2, 3)}, "validation has 3 parts"),
        ({"validation": (np.zeros((2, 5)), [0, 1])}, "features must agree"),
        ({"validation": (np.zeros((2, 3)), [0, 9])}, r"validation\[1\] has 1 labels that the fit never saw"),
        ({"patience": 3}, "patience=3 needs two held-out data"),
        ({"epochs": 0}, "epochs=0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
    ],
)
def test_ways_to_fit_that_make_no_sense_are_refused(how, message):
    with pytest.raises(ValueError, match=message):
        vi.VIB(2).fit(*blobs(), rng=0, **how)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent_dim": 0}, "latent_dim=0"),
        ({"rate_weight": -1.0}, "rate_weight=-1.0: use 0 or a positive number"),
        ({"decoder_hidden": (0,)}, "decoder_hidden=0"),
        ({"activation": "gelu"}, "activation='gelu'"),
        ({"dtype": "float16"}, "dtype='float16'"),
        ({"draws": 0}, "draws=0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        vi.VIB(**options)
