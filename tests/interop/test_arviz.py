"""Draws of a fit in ArviZ's groups: names, shapes, log densities; its tables and plots take them."""

import sys

import numpy as np
import pytest

import varinf as vi

arviz = pytest.importorskip("arviz")
OLD = int(arviz.__version__.split(".")[0]) < 1


@pytest.fixture(scope="module")
def fit():
    def log_prob(x):  # a normal, and a gamma of shape 3
        return -np.sum(x[:, :4] ** 2, axis=1) / 2 + 2 * np.log(x[:, 4]) - x[:, 4]

    target = vi.Target(log_prob, 5, names={"w": (2, 2), "scale": ()}, transforms={"scale": "positive"})
    return vi.fit(target, rng=0)


def test_groups_hold_the_draws_of_the_fit_by_name(fit):
    data = fit.to_arviz(draws=300, rng=1)
    posterior, stats = data["posterior"], data["sample_stats"]
    draws, (z, log_w) = fit.sample(300, rng=1), fit.weighted_draws(300, rng=1)
    assert posterior["w"].shape == (1, 300, 2, 2) and posterior["scale"].shape == (1, 300)
    for name in "w", "scale":
        np.testing.assert_allclose(posterior[name].values[0], draws[name], rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(stats["log_p"].values[0], fit.target.log_prob(z), rtol=1e-12)
    np.testing.assert_allclose((stats["log_p"] - stats["log_q"]).values[0], log_w, rtol=0, atol=1e-12)
    assert fit.to_arviz(rng=1)["posterior"].sizes["draw"] == 4000


def test_attributes_say_whose_draws_they_are(fit):
    attributes = fit.to_arviz(draws=10, rng=1)["posterior"].attrs
    assert attributes["inference_library"] == "varinf"
    assert attributes["inference_library_version"] == vi.__version__
    assert attributes["note"].startswith("draws of q, not of the posterior")


def test_variables_of_a_target_are_what_arviz_sees():
    target = vi.Target(
        lambda z: -np.sum(z**2, axis=1) / 2, 2, variables=lambda z: {"radius": np.hypot(*z.T), "point": z}
    )
    posterior = vi.fit(target, rng=0).to_arviz(draws=20, rng=1)["posterior"]
    assert set(posterior.data_vars) == {"radius", "point"}
    assert (posterior["radius"].values >= 0).all() and posterior["point"].shape == (1, 20, 2)


def test_summary_takes_them(fit):
    table = arviz.summary(fit.to_arviz(draws=2000, rng=1), round_to=4 if OLD else "none")
    assert list(table.index) == ["w[0, 0]", "w[0, 1]", "w[1, 0]", "w[1, 1]", "scale"]
    # Independent draws: an effective size of about their number.
    assert (np.asarray(table["ess_bulk"], dtype=float) > 1000).all()


@pytest.mark.filterwarnings("ignore::matplotlib.MatplotlibDeprecationWarning")  # of ArviZ's own use of matplotlib
def test_plots_take_them(fit):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    draws = fit.to_arviz(draws=200, rng=1)
    plots = (arviz.plot_trace, arviz.plot_posterior) if OLD else (arviz.plot_trace, arviz.plot_dist)
    for plot in plots:
        assert plot(draws) is not None
    plt.close("all")


def test_without_the_library_it_says_how_to_install_it(monkeypatch, fit):
    monkeypatch.setitem(sys.modules, "arviz", None)
    monkeypatch.setitem(sys.modules, "arviz_base", None)
    monkeypatch.delitem(sys.modules, "varinf.interop.arviz", raising=False)
    with pytest.raises(ImportError, match=r'pip install "varinf\[arviz\]"'):
        fit.to_arviz(rng=0)
