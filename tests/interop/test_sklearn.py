"""Transformer and classifier: scikit-learn's own checks, and what they must share with the VAE or VIB inside."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

import varinf as vi
from varinf.interop.sklearn import (
    _FIT_OPTIONS,
    _OPTIONS,
    _VIB_FIT_OPTIONS,
    _VIB_OPTIONS,
    VAETransformer,
    VIBClassifier,
)

SMALL = {"latent_dim": 2, "hidden": (8,), "epochs": 3}


@pytest.fixture(scope="module")
def data():
    return vi.datasets.diabetes()


@pytest.fixture(scope="module")
def fitted(data):
    return VAETransformer(**SMALL, random_state=0).fit(data[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # what scikit-learn itself skips
@pytest.mark.parametrize(
    "estimator",
    [
        VAETransformer(),
        VAETransformer(**SMALL, objective="iwelbo", draws=3),
        VAETransformer(**SMALL, target_rate=1.0),
        VIBClassifier(),
        VIBClassifier(latent_dim=4, hidden=(16, 8), decoder_hidden=(8,), rate_weight=0, learning_rate=5e-3),
    ],
)
def test_check_estimator(estimator, monkeypatch):
    with monkeypatch.context() as m:  # scikit-learn 1.6 does not import its checks without, beside array-api-compat
        m.setenv("SCIPY_ARRAY_API", "1")
        from sklearn.utils.estimator_checks import check_estimator
    check_estimator(estimator)


def test_it_has_every_option_of_the_vae_with_its_default():
    vae = vi.VAE(2)
    parameters = VAETransformer().get_params()
    assert set(parameters) == {*_OPTIONS, *_FIT_OPTIONS, "score_draws", "random_state"}
    for name in _OPTIONS:
        assert name in ("likelihood", "dtype") or parameters[name] == getattr(vae, name), name
    defaults = vi.VAE.fit.__kwdefaults__ | {"epochs": vi.VAE.fit.__defaults__[0]}
    assert {name: parameters[name] for name in _FIT_OPTIONS} == {name: defaults[name] for name in _FIT_OPTIONS}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fit_is_the_vaes_own(data, dtype):
    X = data[0].astype(dtype)
    how = {"epochs": 4, "batch_size": 64, "learning_rate": 3e-3, "schedule": "cosine", "kl_warmup": 2}
    how |= {"validation": 0.2, "patience": 3}
    options = {"latent_dim": 3, "hidden": (8, 4), "activation": "tanh", "beta": 2.0, "free_bits": 0.1}
    ours = VAETransformer(**options, **how, random_state=5).fit(X)
    vae = vi.VAE(**options, likelihood="normal", dtype=dtype).fit(X, **how, rng=5)
    assert ours.history_ == vae.history == ours.vae_.history
    assert ours.n_iter_ == len(vae.history) and ours.n_features_in_ == 10
    Z = ours.transform(X)
    np.testing.assert_array_equal(Z, vae.encode(X).loc)
    np.testing.assert_array_equal(ours.inverse_transform(Z), vae.decode(Z))
    np.testing.assert_array_equal(ours.sample(7, random_state=1), vae.sample(7, rng=1)[0])


def test_the_score_is_the_mean_elbo_and_the_same_each_time(data, fitted):
    X = data[0]
    assert fitted.score(X) == fitted.score(X) == clone(fitted).fit(X).score(X)
    elbo = fitted.vae_.decompose(X, 1000, rng=3).mean().elbo
    error = elbo.stderr * np.sqrt(1 + 1000 / fitted.score_draws)  # of a score, from the error of ten times its draws
    assert abs(fitted.score(X) - elbo.value) < 5 * error
    longer = VAETransformer(**SMALL | {"epochs": 30}, random_state=0).fit(X)
    assert longer.score(X) > fitted.score(X)
    one, many = (clone(fitted).set_params(score_draws=n).fit(X) for n in (1, 100))
    assert one.score(X) != many.score(X) == fitted.score(X)


def test_a_random_state_may_be_a_stream(data):
    X = data[0]
    a, b = (VAETransformer(**SMALL, random_state=np.random.RandomState(3)).fit(X) for _ in range(2))
    np.testing.assert_array_equal(a.transform(X), b.transform(X))
    np.testing.assert_array_equal(a.sample(4, np.random.RandomState(1)), b.sample(4, np.random.RandomState(1)))
    assert not np.array_equal(a.transform(X), a.fit(X).transform(X))
    anew = VAETransformer(**SMALL).fit(X)
    assert anew.score(X) == anew.score(X)
    assert not np.array_equal(anew.sample(4), anew.sample(4))


@pytest.mark.parametrize("inside", [None, "float32", "float64"])
def test_precision_is_that_of_what_goes_in(data, inside):
    vae = VAETransformer(**SMALL, dtype=inside).fit(data[0])
    for dtype in (np.float32, np.float64):
        Z = vae.transform(data[0].astype(dtype))
        assert Z.dtype == vae.inverse_transform(Z).dtype == dtype
        assert Z.flags.writeable and vae.inverse_transform(Z).flags.writeable
    assert vae.vae_.dtype == (inside or "float64")


def test_a_pipeline_and_a_search_over_it(data):
    X, y = data[0], data[1] > 0
    vae = VAETransformer(**SMALL, likelihood="bernoulli", random_state=0)
    steps = Pipeline([("scale", MinMaxScaler(clip=True)), ("vae", vae), ("clf", LogisticRegression())])
    grid = {"vae__beta": [0.1, 1.0], "vae__latent_dim": np.array([1, 3])}
    search = GridSearchCV(steps, grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.predict(X).shape == y.shape
    assert search.best_score_ > max(np.mean(y), 1 - np.mean(y)) + 0.05  # three latents know more than nothing
    names = search.best_estimator_[:-1].get_feature_names_out()
    assert list(names) == [f"vae{i}" for i in range(search.best_params_["vae__latent_dim"])]


def test_a_search_by_the_score(data):
    """Without a judge behind it, the bound judges: a beta of 50 codes nothing, and the bound says so."""
    vae = VAETransformer(latent_dim=2, hidden=(), epochs=40, learning_rate=1e-2, random_state=0)
    grid = {"beta": [1.0, 50.0], "latent_dim": [1, 3]}
    search = GridSearchCV(vae, grid, cv=3, error_score="raise").fit(data[0])
    assert search.best_params_ == {"beta": 1.0, "latent_dim": 3}
    again = GridSearchCV(vae, grid, cv=3, error_score="raise").fit(data[0])
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], again.cv_results_["mean_test_score"])


def test_no_argument_is_taken_for_metadata():
    """scikit-learn makes a set_..._request of every argument that it does not know."""
    known = {VAETransformer: set(), VIBClassifier: {"set_score_request"}}  # sample_weight, of scikit-learn's own score
    for estimator, own in known.items():
        assert {name for name in dir(estimator) if name.startswith("set_") and name.endswith("_request")} == own


def test_clone_and_pickle(data, fitted):
    X = data[0]
    back = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(back.transform(X), fitted.transform(X))
    assert back.score(X) == fitted.score(X)
    np.testing.assert_array_equal(back.history_, fitted.history_)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(X)


def test_names_go_in_and_come_out(data):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(data[0], columns=[f"measurement {i}" for i in range(10)])
    vae = VAETransformer(**SMALL).set_output(transform="pandas").fit(X)
    Z = vae.transform(X)
    assert list(Z.columns) == ["vae0", "vae1"]
    assert list(vae.feature_names_in_) == list(X.columns)
    assert vae.inverse_transform(Z).shape == X.shape


def test_categories_come_back_as_probabilities():
    X = np.random.default_rng(0).integers(0, 3, (60, 4))
    vae = VAETransformer(**SMALL, likelihood="categorical", categories=3).fit(X)
    p = vae.inverse_transform(vae.transform(X))
    assert p.shape == (60, 4, 3)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-12)


def test_a_fit_that_fails_warns(data):
    with pytest.warns(ConvergenceWarning, match="smaller learning_rate"):
        vae = VAETransformer(**SMALL, learning_rate=1e200, random_state=0).fit(data[0])
    assert vae.n_iter_ == len(vae.history_) < SMALL["epochs"]
    assert np.isfinite(vae.score(data[0]))


def test_wrong_parameters_are_refused_by_the_fit(data):
    with pytest.raises(ValueError, match="activation='cubic'"):
        VAETransformer(activation="cubic").fit(data[0])
    with pytest.raises(ValueError, match="outside of 0 to 1"):
        VAETransformer(likelihood="bernoulli").fit(data[0])
    with pytest.raises(ValueError, match="z has shape"):
        VAETransformer(**SMALL).fit(data[0]).inverse_transform(np.zeros((3, 5)))


# The classifier ------------------------------------------------------------------------------------------------------


def test_the_classifier_has_every_option_of_the_vib_with_its_default():
    parameters = VIBClassifier().get_params()
    assert set(parameters) == {*_VIB_OPTIONS, *_VIB_FIT_OPTIONS, "predict_draws", "random_state"}
    vib, defaults = vi.VIB(), vi.VIB.fit.__kwdefaults__ | {"epochs": vi.VIB.fit.__defaults__[0]}
    for name in _VIB_OPTIONS:
        assert name == "dtype" or parameters[name] == getattr(vib, name), name
    assert {name: parameters[name] for name in _VIB_FIT_OPTIONS} == {name: defaults[name] for name in _VIB_FIT_OPTIONS}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_classifiers_fit_is_the_vibs_own(data, dtype):
    X, y = data[0].astype(dtype), np.where(data[1] > 0, "worse", "better")
    options = {"latent_dim": 3, "hidden": (8, 4), "rate_weight": 0.05, "decoder_hidden": (4,), "activation": "tanh"}
    how = {"epochs": 4, "batch_size": 64, "schedule": "cosine", "kl_warmup": 2, "validation": 0.2, "patience": 3}
    ours = VIBClassifier(**options, **how, random_state=5, predict_draws=2000).fit(X, y)
    vib = vi.VIB(**options, dtype=dtype).fit(X, y, **how, rng=5)
    assert ours.history_ == vib.history and ours.n_iter_ == len(vib.history)
    assert list(ours.classes_) == ["better", "worse"] == list(vib.classes_)
    p = ours.predict_proba(X)
    assert p.dtype == dtype and np.abs(p - vib.predict_proba(X, 2000, rng=1)).max() < 5 * np.sqrt(0.5 / 2000)
    np.testing.assert_array_equal(ours.predict(X), ours.classes_[p.argmax(axis=1)])
    assert ours.score(X, y) == np.mean(ours.predict(X) == y)


def test_a_prediction_depends_on_its_own_datum_alone(data):
    X, y = data[0], data[1] > 0
    vib = VIBClassifier(**SMALL, random_state=0).fit(X, y)
    np.testing.assert_allclose(vib.predict_proba(X)[::-7], vib.predict_proba(X[::-7]), rtol=1e-12)
    np.testing.assert_array_equal(vib.predict_proba(X), pickle.loads(pickle.dumps(vib)).predict_proba(X))
    np.testing.assert_array_equal(vib.predict_proba(X), clone(vib).fit(X, y).predict_proba(X))
    with pytest.raises(NotFittedError):
        clone(vib).predict(X)


def test_a_search_over_the_weight_of_the_rate(data):
    X, y = data[0], data[1] > 0
    vib = VIBClassifier(latent_dim=2, hidden=(), epochs=40, learning_rate=1e-2, random_state=0)
    search = GridSearchCV(vib, {"rate_weight": [0.05, 50.0]}, cv=3, scoring="neg_log_loss").fit(X, y)
    assert search.best_params_ == {"rate_weight": 0.05}
    assert search.best_estimator_.vib_.label_information(X, y, over="dataset", rng=0).direction == "lower"


def test_a_classifier_that_fails_warns_and_refuses(data):
    X, y = data[0], data[1] > 0
    with pytest.warns(ConvergenceWarning, match="smaller learning_rate"):
        VIBClassifier(**SMALL, learning_rate=1e200, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="Unknown label type"):
        VIBClassifier(**SMALL).fit(X, data[1])
    with pytest.raises(ValueError, match="one class alone"):
        VIBClassifier(**SMALL).fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="predict_draws=0"):
        VIBClassifier(**SMALL, predict_draws=0).fit(X, y)


def test_varinf_imports_no_scikit_learn():
    code = "import sys, varinf, varinf.interop; print([m for m in sys.modules if m.split('.')[0] == 'sklearn'])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "varinf.interop.sklearn")
    with pytest.raises(ImportError, match=r'pip install "varinf\[examples\]"'):
        import varinf.interop.sklearn  # noqa: F401
