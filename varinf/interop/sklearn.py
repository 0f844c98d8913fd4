"""scikit-learn: a variational autoencoder as a transformer, an information bottleneck as a classifier."""

import inspect
import warnings

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_array, check_is_fitted
except ImportError as error:
    raise ImportError('varinf.interop.sklearn needs scikit-learn: pip install "varinf[examples]"') from error
try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before scikit-learn 1.6 it was a method

    def validate_data(estimator, X, *y, **how):
        return estimator._validate_data(X, *y, **how)


from varinf._arrays import positive_integer, standard_normal
from varinf.autoencoders.vae import VAE
from varinf.autoencoders.vib import VIB

_FLOATS = ["float64", "float32"]  # the first for data that are neither


def _parameters(function):
    """Names of the options, without data and rng."""
    return tuple(name for name in inspect.signature(function).parameters if name not in ("self", "X", "y", "rng"))


_OPTIONS, _FIT_OPTIONS = _parameters(VAE), _parameters(VAE.fit)
_VIB_OPTIONS, _VIB_FIT_OPTIONS = _parameters(VIB), _parameters(VIB.fit)


class VAETransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A variational autoencoder as a scikit-learn transformer: data to the means of their codes.

    It fits a `varinf.VAE`, which `vae_` holds, and goes where scikit-learn's transformers go: into pipelines, searches
    over parameters, `clone` and pickles. `fit_transform`, `get_params`, `set_params` and `set_output` come from there.

    Parameters
    ----------
    latent_dim : int
        Number of latents.
    hidden : tuple of int
        Widths of the encoder's hidden layers; the decoder has them in reverse.
    likelihood : {"normal", "bernoulli", "categorical"}
        Distribution of a feature given z. The default takes real numbers, where that of `varinf.VAE` takes 0 to 1.
    activation : {"relu", "tanh", "softplus"}
        Of the hidden layers.
    beta : float
        Weight of the KL.
    target_rate : float, optional
        Nats of KL per datum that the code is to spend; `beta` is then where its multiplier starts.
    free_bits : float
        Nats that each latent may spend for nothing.
    objective : {"elbo", "iwelbo"}
        What training climbs.
    draws : int
        Draws of z per datum and step.
    noise_scale : float, optional
        For "normal": standard deviation of every feature; None learns it.
    categories : int, optional
        For "categorical": number of values of a feature.
    dtype : {None, "float32", "float64"}
        Precision of parameters and training; None for that of the data. What comes out has that of what goes in.
    epochs : int
        Passes over the data.
    batch_size : int
        Data per step.
    learning_rate : float
        Adam's step size, times what the `schedule` says.
    schedule : {"constant", "linear", "cosine"} or callable
        Factor of the step size as a function of the share of steps done.
    kl_warmup : int
        Epochs over which the weight of the KL rises to `beta`.
    validation : float or array (M, F), optional
        Held-out data, or the share of X to hold out at random; the parameters that do best on them are kept.
    patience : int, optional
        Epochs without a better held-out objective after which to stop; needs `validation`.
    binarize : {None, "dynamic"}
        "dynamic": draw 0 and 1 anew each epoch, for "bernoulli".
    progress : bool or callable (done, total)
        A bar over epochs, where stderr is a terminal; or a function of yours.
    score_draws : int
        Draws of z per datum that `score` takes.
    random_state : None, int or RandomState
        Of the fit, as its `rng`, and of the draws of `score`; an int makes both the same each time.

    Attributes
    ----------
    vae_ : VAE
        The fitted autoencoder, for its bounds, draws and files.
    history_ : tuple of Epoch
        One a training epoch: objective, reconstruction, kl, beta, held_out, held_out_stderr, nats per datum.
    n_iter_ : int
        Number of epochs run.
    n_features_in_ : int
        Number of features F.
    feature_names_in_ : array (F,)
        Their names, where X has names.

    See Also
    --------
    varinf.VAE : The autoencoder, with every option explained.
    varinf.models.LinearGaussian : The linear one, with its exact evidence.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> import varinf as vi
    >>> from varinf.interop.sklearn import VAETransformer
    >>> X, y = vi.datasets.diabetes()
    >>> vae = VAETransformer(latent_dim=2, hidden=(16,), epochs=5, random_state=0)
    >>> model = make_pipeline(MinMaxScaler(), vae, LogisticRegression()).fit(X, y > 0)
    >>> model[:-1].transform(X).shape
    (442, 2)
    >>> model[:-1].get_feature_names_out()
    array(['vae0', 'vae1'], dtype=object)
    """

    def __init__(
        self,
        latent_dim=2,
        *,
        hidden=(128,),
        likelihood="normal",
        activation="relu",
        beta=1.0,
        target_rate=None,
        free_bits=0.0,
        objective="elbo",
        draws=1,
        noise_scale=None,
        categories=None,
        dtype=None,
        epochs=60,
        batch_size=100,
        learning_rate=1e-3,
        schedule="constant",
        kl_warmup=0,
        validation=None,
        patience=None,
        binarize=None,
        progress=False,
        score_draws=100,
        random_state=None,
    ):
        self.latent_dim = latent_dim
        self.hidden = hidden
        self.likelihood = likelihood
        self.activation = activation
        self.beta = beta
        self.target_rate = target_rate
        self.free_bits = free_bits
        self.objective = objective
        self.draws = draws
        self.noise_scale = noise_scale
        self.categories = categories
        self.dtype = dtype
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.kl_warmup = kl_warmup
        self.validation = validation
        self.patience = patience
        self.binarize = binarize
        self.progress = progress
        self.score_draws = score_draws
        self.random_state = random_state

    def fit(self, X, y=None):
        """Train a `varinf.VAE` with these parameters.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        y : None
            Not read.

        Returns
        -------
        VAETransformer
            This one. A fit that ended early, by nan or Ctrl-C, gives a ConvergenceWarning with its reason.

        Raises
        ------
        ValueError
            For data that the likelihood cannot have, or parameters out of range.
        """
        X = validate_data(self, X, dtype=_FLOATS)
        options = {name: getattr(self, name) for name in _OPTIONS}
        options["dtype"] = X.dtype.name if self.dtype is None else self.dtype
        seeds = np.random.SeedSequence(_seed(self.random_state))
        vae = VAE(**options).fit(X, rng=seeds, **{name: getattr(self, name) for name in _FIT_OPTIONS})
        self.vae_, self.history_, self.n_iter_ = vae, vae.history, len(vae.history)
        self._score_seed = np.random.SeedSequence(seeds.entropy, spawn_key=(0,))
        if not vae.converged:
            warnings.warn(vae.reason, ConvergenceWarning, stacklevel=2)
        return self

    def transform(self, X):
        """Encode data to the means of q(z | x).

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.

        Returns
        -------
        array (N, latent_dim)
            The means, in the precision of X.
        """
        X = self._data(X)
        return np.array(self.vae_.encode(X).loc, dtype=X.dtype)  # a family's parameters are read-only

    def inverse_transform(self, X):
        """Decode latents to the means E[x | z].

        Parameters
        ----------
        X : array (N, latent_dim)
            Latent vectors.

        Returns
        -------
        array (N, F)
            Means, in the precision of X; for "categorical" the probabilities (N, F, C) of its categories.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=_FLOATS)
        return self.vae_.decode(X).astype(X.dtype, copy=False)

    def score(self, X, y=None):
        """Average the ELBO over data: higher is better.

        It is that of beta = 1, a lower bound on log p(x), whatever the fit maximised: searches may compare values of
        beta by it. Its draws are fixed by the fit, so that the same data have the same score. Densities depend on
        units: models of data that were scaled differently have no comparable scores.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        y : None
            Not read.

        Returns
        -------
        float
            Nats per datum.
        """
        X = self._data(X)
        bound = self.vae_.decompose(X, self.score_draws, np.random.default_rng(self._score_seed)).elbo
        return float(np.mean(bound.value))

    def sample(self, n_samples=1, random_state=None):
        """Draw data from the model.

        Parameters
        ----------
        n_samples : int
            Number of draws.
        random_state : None, int or RandomState
            Of the draws; None draws anew each time.

        Returns
        -------
        array (n_samples, F)
            Data from p(x | z), z from the prior; `vae_.sample` gives the latents too.
        """
        check_is_fitted(self)
        return self.vae_.sample(n_samples, _seed(random_state))[0]

    def get_feature_names_out(self, input_features=None):
        """Name the latents.

        Parameters
        ----------
        input_features : array of str, optional
            Compared with the names of the features that the fit saw; otherwise not read.

        Returns
        -------
        array (latent_dim,)
            The names "vae0", "vae1" and so on.
        """
        count = len(super().get_feature_names_out(input_features))  # which checks
        return np.asarray([f"vae{i}" for i in range(count)], dtype=object)

    @property
    def _n_features_out(self):
        return self.vae_.latent_dim

    def _data(self, X):
        check_is_fitted(self)
        return validate_data(self, X, dtype=_FLOATS, reset=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = _FLOATS
        return tags

    def _more_tags(self):  # before scikit-learn 1.6
        return {"preserves_dtype": _FLOATS}


class VIBClassifier(ClassifierMixin, BaseEstimator):
    """A deep variational information bottleneck as a scikit-learn classifier.

    It fits a `varinf.VIB`, which `vib_` holds, and goes where scikit-learn's classifiers go: into pipelines, searches
    over parameters, `clone` and pickles. `score`, `get_params` and `set_params` come from there.

    Parameters
    ----------
    latent_dim : int
        Number of latents.
    hidden : tuple of int
        Widths of the encoder's hidden layers.
    rate_weight : float
        Weight of the rate, 1/beta.
    decoder_hidden : tuple of int
        Widths of the hidden layers of q(y | z).
    activation : {"relu", "tanh", "softplus"}
        Of the hidden layers.
    draws : int
        Draws of z per datum and step.
    dtype : {None, "float32", "float64"}
        Precision of parameters and training; None for that of the data. Probabilities have that of what goes in.
    epochs : int
        Passes over the data.
    batch_size : int
        Data per step.
    learning_rate : float
        Adam's step size, times what the `schedule` says.
    schedule : {"constant", "linear", "cosine"} or callable
        Factor of the step size as a function of the share of steps done.
    kl_warmup : int
        Epochs over which the weight of the rate rises to `rate_weight`.
    validation : float or (X, y), optional
        Held-out data with labels, or the share to hold out at random; the parameters that do best on them are kept.
    patience : int, optional
        Epochs without a better held-out objective after which to stop; needs `validation`.
    progress : bool or callable (done, total)
        A bar over epochs, where stderr is a terminal; or a function of yours.
    predict_draws : int
        Draws of z over which predictions are averaged. Their noise is drawn once, by the fit, and serves all data: a
        prediction depends on its own datum alone and is the same each time.
    random_state : None, int or RandomState
        Of the fit, as its `rng`, and of the noise of predictions.

    Attributes
    ----------
    vib_ : VIB
        The fitted bottleneck, for its bounds, calibration and files.
    classes_ : array (C,)
        The labels, sorted.
    history_ : tuple of Epoch
        One a training epoch: objective, reconstruction, kl, beta, held_out, held_out_stderr, nats per datum.
    n_iter_ : int
        Number of epochs run.
    n_features_in_ : int
        Number of features F.
    feature_names_in_ : array (F,)
        Their names, where X has names.

    See Also
    --------
    varinf.VIB : The bottleneck, with every option explained.
    VAETransformer : The variational autoencoder, without labels.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import varinf as vi
    >>> from varinf.interop.sklearn import VIBClassifier
    >>> X, y = vi.datasets.diabetes()
    >>> vib = VIBClassifier(latent_dim=2, hidden=(16,), rate_weight=0.1, random_state=0)
    >>> model = make_pipeline(StandardScaler(), vib).fit(X[:300], y[:300] > 0)
    >>> model.predict_proba(X).shape, bool(model.score(X[300:], y[300:] > 0) > 0.6)
    ((442, 2), True)
    """

    def __init__(
        self,
        latent_dim=16,
        *,
        hidden=(128,),
        rate_weight=1e-2,
        decoder_hidden=(),
        activation="relu",
        draws=1,
        dtype=None,
        epochs=60,
        batch_size=100,
        learning_rate=1e-3,
        schedule="constant",
        kl_warmup=0,
        validation=None,
        patience=None,
        progress=False,
        predict_draws=100,
        random_state=None,
    ):
        self.latent_dim = latent_dim
        self.hidden = hidden
        self.rate_weight = rate_weight
        self.decoder_hidden = decoder_hidden
        self.activation = activation
        self.draws = draws
        self.dtype = dtype
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.kl_warmup = kl_warmup
        self.validation = validation
        self.patience = patience
        self.progress = progress
        self.predict_draws = predict_draws
        self.random_state = random_state

    def fit(self, X, y):
        """Train a `varinf.VIB` with these parameters.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        y : array (N,)
            Their labels, of two classes at least.

        Returns
        -------
        VIBClassifier
            This one. A fit that ended early, by nan or Ctrl-C, gives a ConvergenceWarning with its reason.

        Raises
        ------
        ValueError
            For labels of one class, or parameters out of range.
        """
        X, y = validate_data(self, X, y, dtype=_FLOATS)
        check_classification_targets(y)
        draws = positive_integer(self.predict_draws, "predict_draws")
        options = {name: getattr(self, name) for name in _VIB_OPTIONS}
        options["dtype"] = X.dtype.name if self.dtype is None else self.dtype
        seeds = np.random.SeedSequence(_seed(self.random_state))
        vib = VIB(**options).fit(X, y, rng=seeds, **{name: getattr(self, name) for name in _VIB_FIT_OPTIONS})
        self.vib_, self.history_, self.n_iter_, self.classes_ = vib, vib.history, len(vib.history), np.unique(y)
        noise = np.random.SeedSequence(seeds.entropy, spawn_key=(0,))
        self._noise = standard_normal((draws, vib.latent_dim), noise, vib.dtype)
        if not vib.converged:
            warnings.warn(vib.reason, ConvergenceWarning, stacklevel=2)
        return self

    def predict_proba(self, X):
        """Predict the probabilities of the classes, averaged over draws of z.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.

        Returns
        -------
        array (N, C)
            In the order of `classes_`, in the precision of X.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=_FLOATS, reset=False)
        p, _ = self.vib_._answers(self.vib_.encode(X), None, len(self._noise), None, self._noise)
        return p.astype(X.dtype, copy=False)

    def predict(self, X):
        """Predict labels: the class of largest averaged probability.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.

        Returns
        -------
        array (N,)
            Labels.
        """
        most = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most]


def _seed(random_state):
    """What `rng=` takes; a RandomState gives the seed that it draws next."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return random_state
