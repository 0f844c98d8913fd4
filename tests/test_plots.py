"""Pictures of trade-offs: their artists hold the numbers of the results, in its units; odd ones have one too."""

import numpy as np
import pytest

import varinf as vi
from varinf.autoencoders.codes import Codes

style = pytest.importorskip("matplotlib.style")

TWO_BITS = np.kron([[0.9, 0.1], [0.1, 0.9]], [[0.7, 0.3], [0.3, 0.7]]) / 4  # the first bit splits off before the second


def labels(figure):
    """What the legends say, by what they stand beside."""
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def line(axes, label):
    """The line whose label begins so."""
    (found,) = (one for one in axes.get_lines() if one.get_label().startswith(label))
    return np.array(found.get_data(), dtype=float)


def drawn(result):
    """The figure, laid out: neither layout nor text may warn."""
    figure = vi.plot(result)
    figure.draw_without_rendering()
    return figure


# Rate and distortion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", ["nats", "bits"])
def test_a_rate_distortion_curve_lies_between_chords_and_tangents(units):
    curve = vi.rate_distortion_curve([0.5, 0.3, 0.2], 1 - np.eye(3), slopes=[1.0, 3.0]).to(units)
    figure = drawn(curve)
    (axes,) = figure.axes
    at, high = line(axes, "chords")
    low = line(axes, "tangents")[1]
    assert set(curve.distortion) <= set(at)
    assert np.array_equal([low, high], curve.rate_at(at))
    assert np.array_equal(line(axes, "ends"), [curve.distortion[[0, -1]], curve.rate[[0, -1]]])
    (D, R), slope = line(axes, "tangent of"), 3.0 / (1 if units == "nats" else np.log(2))
    assert -np.diff(R) / np.diff(D) == pytest.approx(slope)
    assert np.interp(curve.distortion[1], D, R) == pytest.approx(curve.rate[1], abs=1e-9)
    assert "tangent of slope −3 nats per unit of distortion" in labels(figure)
    assert "ends: least distortion 0, and rate 0 from 0.5 on" in labels(figure)
    assert axes.get_ylabel() == f"rate ({units})"
    assert axes.get_title() == f"4 points, tangents and chords at most {curve.sandwich:.1g} {units} apart"


def test_a_source_of_one_symbol_has_a_picture_without_a_tangent():
    figure = drawn(vi.rate_distortion_curve([1.0], [[0.0, 1.0]]))
    assert not any("tangent of" in label for label in labels(figure))


def test_a_channel_is_an_image():
    found = vi.blahut_arimoto([0.5, 0.3, 0.2], 1 - np.eye(3), 2.0)
    figure = drawn(found.to("bits"))
    assert np.array_equal(figure.axes[0].images[0].get_array(), found.channel)
    assert figure.axes[0].get_title().startswith("channel p(y|x) at slope 2: rate 0.5253 bits, distortion 0.213")
    hasty = vi.blahut_arimoto([0.5, 0.3, 0.2], 1 - np.eye(3), 2.0, iterations=1, tolerance=0.0)
    assert "NOT converged" in drawn(hasty).axes[0].get_title()


# Bottlenecks ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curve():
    return vi.information_bottleneck_curve(TWO_BITS)


def test_a_bottleneck_curve_has_a_tangent_and_what_it_cannot_pass(curve):
    figure = drawn(curve.to("bits"))
    left = figure.axes[0]
    bits = curve.to("bits")
    assert np.array_equal(line(left, "one point"), [bits.I_TX, bits.I_TY])
    assert line(left, "I(X;Y)")[1] == pytest.approx(np.full(2, bits.limit))
    assert bits.limit == pytest.approx(bits.I_TY[-1], abs=1e-2)
    x, y = line(left, "I(T;Y) = I(T;X)")
    assert np.array_equal(x, y)
    x, y = line(left, "tangent at β")
    slope = (y[1] - y[0]) / (x[1] - x[0])
    (i,) = np.flatnonzero(np.isclose(curve.beta, 1 / slope))
    assert np.interp(bits.I_TX[i], x, y) == pytest.approx(bits.I_TY[i], abs=1e-9)
    assert (bits.I_TY <= bits.I_TY[i] + slope * (bits.I_TX - bits.I_TX[i]) + 1e-9).all()  # no point lies above it
    assert left.get_xlabel() == "I(T;X) (bits)"


def test_clusters_are_stacked_by_their_shares_and_split(curve):
    right = drawn(curve).axes[1]
    paths, widths = right.collections[0].get_segments(), right.collections[0].get_linewidths()
    ends = {beta: sorted(end[1] for start, end in paths if end[0] == beta) for beta in curve.beta}
    for point in curve[1:]:
        places = ends[point.beta]
        assert len(places) == point.clusters  # each has a line of its own, from a parent
        middles = np.cumsum(np.full(point.clusters, 1 / point.clusters)) - 0.5 / point.clusters  # they weigh the same
        assert places == pytest.approx(middles, abs=1e-6)
    assert {point.clusters for point in curve} == {1, 2, 4}
    starts = [start[1] for start, end in paths if start[0] == curve.splits[1].above]
    assert sorted(starts) == pytest.approx([0.25, 0.25, 0.75, 0.75])  # two of each half
    assert widths[0] == pytest.approx(8.8) and widths[-1] == pytest.approx(0.8 + 8 / 4)
    assert right.get_xlabel() == f"β; dashed: the critical one, {vi.critical_beta(TWO_BITS):.3g}"
    assert right.get_xscale() == "log"


def test_clusters_that_end_are_joined_to_what_took_them_over():
    from varinf._pictures.bottlenecks import _branches, _shared

    before = vi.information_bottleneck_curve(TWO_BITS, [50.0])[0]
    after = vi.information_bottleneck_curve(TWO_BITS, [2.0])[0]  # fewer: what was apart comes together
    shared = [_shared(before, after, np.full(4, 0.25))]
    assert shared[0].sum() == pytest.approx(1)
    lines, weights = _branches([before, after], [np.arange(4.0), np.arange(2.0)], shared, [1.0, 2.0])
    assert sorted(start[1] for start, _ in lines) == [0, 1, 2, 3]  # none is left without
    assert weights == pytest.approx([0.5, 0.5, 0.25, 0.25])


def test_straight_pieces_are_marked():
    copy = vi.information_bottleneck_curve(np.diag([0.5, 0.3, 0.2]))
    figure = drawn(copy)
    assert "straight, at β = 1" in labels(figure)
    entropy = float(vi.entropy([0.5, 0.3, 0.2]))
    assert line(figure.axes[0], "straight") == pytest.approx(np.array([[0, entropy], [0, entropy]]), abs=1e-6)


def test_partitions_below_the_hull_stand_apart():
    p_xy = np.random.default_rng(0).dirichlet(np.full(3, 0.5), size=7) / 7
    curve = vi.information_bottleneck_curve(p_xy, deterministic=True)
    left, right = drawn(curve).axes
    below = np.isnan(curve.beta)
    assert below.any()
    assert np.array_equal(line(left, "undominated"), [curve.I_TX[below], curve.I_TY[below]])
    assert np.array_equal(line(left, "partitions"), [curve.I_TX[~below], curve.I_TY[~below]])
    flat = [start for start, end in right.collections[0].get_segments() if start[1] == end[1] and start[0] < end[0]]
    assert len(flat) == curve.clusters[~below].sum()  # each cluster of each partition that a beta prefers
    changes = {beta: sum(start[0] == beta for start in flat) for beta in curve.beta[~below][1:]}
    assert list(changes.values()) == curve.clusters[~below][1:].tolist()


@pytest.mark.parametrize(
    ("p_xy", "betas"),
    [(TWO_BITS, [3.0]), (TWO_BITS, [0.0]), (np.full((3, 2), 1 / 6), None), ([[1.0]], None), ([[0.4], [0.6]], None)],
)
@pytest.mark.parametrize("deterministic", [False, True])
def test_odd_curves_have_pictures_too(p_xy, betas, deterministic):
    curve = vi.information_bottleneck_curve(p_xy, betas, deterministic=deterministic)
    assert len(drawn(curve).axes) == 2


def test_one_encoder_is_shown_with_its_decoder():
    found = vi.information_bottleneck(TWO_BITS, 8.0)
    figure = drawn(found)
    left, right = figure.axes[:2]
    assert np.array_equal(left.images[0].get_array(), found.encoder)
    assert np.array_equal(right.images[0].get_array(), found.decoder)
    assert figure.get_suptitle() == f"β = 8: I(T;X) {found.I_TX:.4g}, I(T;Y) {found.I_TY:.4g} nats"


def test_directions_of_the_gaussian_bottleneck_join_at_their_critical_betas():
    curve = vi.gaussian_bottleneck_curve(np.eye(3), np.diag([0.9, 0.6, 0.3]), np.eye(3), betas=[12.0, 1.0, 3.0])
    figure = drawn(curve.to("bits"))
    left, right = figure.axes
    joined = line(left, "a direction joins")
    exact = [
        vi.gaussian_bottleneck(np.eye(3), np.diag([0.9, 0.6, 0.3]), np.eye(3), b).to("bits")
        for b in curve.critical_betas
    ]
    assert joined == pytest.approx(np.array([[e.I_TX for e in exact], [e.I_TY for e in exact]]), abs=1e-12)
    assert [text.get_text() for text in left.texts] == ["β = 1.23", "β = 2.78", "β = 11.1"]
    rays = [np.array(one.get_data()) for one in right.get_lines() if len(one.get_xdata()) > 1]
    assert [ray[0, 0] for ray in rays] == pytest.approx(curve.critical_betas)
    assert sum(ray[1, -1] for ray in rays) == pytest.approx(curve.to("bits").I_TX[0])  # at beta 12, all of them
    assert sum(np.interp(3.0, *ray, left=0.0) for ray in rays) == pytest.approx(curve.to("bits").I_TX[2])


@pytest.mark.parametrize(("rho", "betas"), [([0.0, 0.0], None), ([0.9], [2.0]), ([0.9], [1.0]), ([0.9] * 9, None)])
def test_odd_gaussian_curves_have_pictures_too(rho, betas):
    one = np.eye(len(rho))
    assert len(drawn(vi.gaussian_bottleneck_curve(one, np.diag(rho), one, betas)).axes) == 2


# Deep bottlenecks -----------------------------------------------------------------------------------------------------


def blobs(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return 3 * np.eye(3)[y] + rng.normal(size=(n, 3)), y


@pytest.mark.parametrize("units", ["nats", "bits"])
def test_the_plane_has_errors_a_ceiling_and_names_what_collapsed(units):
    options = {"held_out": blobs(200, 1), "rng": 0, "epochs": 20, "learning_rate": 1e-2}
    plane = vi.vib_plane(*blobs(200, 0), [0.01, 0.3, 30.0], vi.VIB(2, (16,)), **options).to(units)
    figure = drawn(plane)
    (axes,) = figure.axes
    (bars,) = axes.containers
    kept, told = ([float(getattr(p, name)) for p in plane] for name in ("rate", "label_information"))
    assert np.array_equal(bars.lines[0].get_data(), [kept, told])
    for collection, name, axis in zip(bars.lines[2], ("rate", "label_information"), (0, 1), strict=True):
        lengths = [np.ptp(segment[:, axis]) for segment in collection.get_segments()]
        assert lengths == pytest.approx([2 * 1.96 * getattr(p, name).stderr for p in plane])
    assert line(axes, "H(Y)")[1] == pytest.approx(np.full(2, plane[0].label_information.ceiling))
    assert np.array_equal(line(axes, "index information I(n;Z)")[0], [float(p.index_information) for p in plane])
    assert plane.collapsed == (30.0,)
    assert line(axes, "collapsed").tolist() == [[kept[2]], [told[2]]]
    assert [text.get_text() for text in axes.texts] == ["w = 0.01", "w = 0.3", "w = 30"]
    assert axes.get_xlabel() == f"rate, above I(X;Z) ({units})"
    assert axes.get_ylabel() == f"label information, below I(Y;Z) ({units})"


def test_codes_are_ellipses_of_one_standard_deviation():
    rng = np.random.default_rng(0)
    q = vi.DiagonalNormal(rng.normal(size=(6, 2)), rng.uniform(0.1, 1.0, size=(6, 2)))
    figure = drawn(Codes(q, list("abbaab")))
    (axes,) = figure.axes
    first = axes.collections[0]
    own = [0, 3, 4]
    assert np.array_equal(first.get_offsets(), q.loc[own])
    reach = np.sort(np.column_stack([first.get_widths(), first.get_heights()]))
    assert reach == pytest.approx(np.sort(2 * q.scale[own]))  # from one side to the other
    upright = q.scale[own, 1] > q.scale[own, 0]
    assert np.isclose(np.abs(first.get_angles()), 90.0).tolist() == upright.tolist()
    assert labels(figure) == ["prior N(0, I)", "a", "b"]
    assert axes.get_title() == "6 codes, ± 1 sd"
    assert axes.get_aspect() == 1


def test_turned_ellipses_are_those_of_their_covariances():
    rng = np.random.default_rng(1)
    codes = Codes(vi.DiagonalNormal(rng.normal(size=(30, 5)), rng.uniform(0.1, 2.0, size=(30, 5))))
    figure = drawn(codes)
    (axes,) = figure.axes
    (ellipses,) = axes.collections
    angle = np.radians(ellipses.get_angles())
    turn = np.moveaxis(np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]), 2, 0)
    half = np.column_stack([ellipses.get_widths(), ellipses.get_heights()]) / 2
    found = turn * half[:, None] ** 2 @ np.swapaxes(turn, 1, 2)
    assert found == pytest.approx(codes.plane().covariance)
    share = 100 * codes.plane().share
    assert axes.get_title() == f"30 codes, ± 1 sd, directions with {share:.0f}% of the variance of the means"
    assert labels(figure) == ["prior N(0, I)"]


def test_of_many_codes_the_first_thousand_are_shown_and_the_others_counted():
    y = np.repeat([0, 1], [1000, 500])
    figure = drawn(Codes(vi.DiagonalNormal(np.ones((1500, 2)), np.ones((1500, 2))), y))
    assert figure.axes[0].get_title() == "the first 1,000 of 1,500 codes, ± 1 sd"


def test_codes_without_a_picture():
    q = vi.DiagonalNormal(np.zeros((21, 1)), np.ones((21, 1)))
    with pytest.raises(ValueError, match="these codes have 1 latent"):
        vi.plot(Codes(q))
    q = vi.DiagonalNormal(np.zeros((21, 2)), np.ones((21, 2)))
    with pytest.raises(ValueError, match=r"labels hold 21 classes: colours tell 20 apart"):
        vi.plot(Codes(q, np.arange(21)))


def test_lines_of_reference_show_on_dark_ground_too():
    curve = vi.gaussian_bottleneck_curve([[1.0]], [[0.9]], [[1.0]])
    for ground, ink in (("dark_background", "white"), ("default", "black")):
        with style.context(ground):
            left = drawn(curve).axes[0]
        (limit,) = (one for one in left.get_lines() if one.get_label().startswith("I(X;Y)"))
        assert limit.get_color() == ink


def test_names_that_would_meet_are_one():
    from matplotlib.figure import Figure

    from varinf._pictures.style import name_points

    axes = Figure().add_subplot()
    name_points(axes, "β", [1.0, 2.0, 3.0, 4.0], [0.0, 10.0, 0.5, 10.0], [0.0, 1.0, 0.01, 0.9])
    assert [text.get_text() for text in axes.texts] == ["β = 1, 3", "β = 2", "β = 4"]


def test_what_has_no_picture_is_told_what_has():
    with pytest.raises(TypeError, match=r"^WaterFilling has no picture: .*codes, fit, .*rate_distortion_curve, "):
        vi.plot(vi.reverse_water_filling([1.0], 0.5))
