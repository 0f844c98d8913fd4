"""The deep variational information bottleneck: a code that keeps of x what tells about y.

    minimise  E[-log q(y|z)] + rate_weight * KL(q(z|x) || N(0, I)),     z = loc(x) + scale(x) * noise

is what an autoencoder climbs, with the label in the place of the data that are decoded: a categorical likelihood of one
feature. Objective, gradient and training are the autoencoder's own (`objectives`, `training`).
"""

import numpy as np

from varinf._arrays import generator, positive_integer, refuse_where
from varinf.autoencoders.calibration import calibration
from varinf.autoencoders.coder import Coder, widths
from varinf.autoencoders.information_point import BINS, COLLAPSED, SILENT, information_point
from varinf.autoencoders.label_information import label_information
from varinf.autoencoders.layers import Network
from varinf.autoencoders.likelihoods import likelihood
from varinf.autoencoders.objectives import Architecture, latent_kl
from varinf.autoencoders.training import Plan, Scored, split_rows, steps_of, train
from varinf.autoencoders.units import Units
from varinf.evidence.evaluate import CHUNK
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.information.rate import rate
from varinf.models.model import not_negative

ROWS = 1024  # of data whose codes are decoded at a time


class VIB(Coder):
    """Variational information bottleneck: a classifier whose code z keeps few nats of x, and those that tell about y.

    Training minimises E[−log q(y | z)] + rate_weight KL(q(z | x) || N(0, I)), z drawn from a dense encoder q(z | x),
    normal with independent latents, with gradients derived by hand. Up to the constant H(Y) this is an upper bound on
    rate_weight I(X;Z) − I(Y;Z), the information bottleneck with beta = 1 / rate_weight.

    Parameters
    ----------
    latent_dim : int
        Number of latents D.
    hidden : tuple of int
        Widths of the encoder's hidden layers; () for a linear map.
    rate_weight : float
        Weight of the rate, 1/beta, free of units; 0 for a classifier with noise in it and no charge on its code.
    decoder_hidden : tuple of int
        Widths of the hidden layers of q(y | z); () for a logistic regression on z.
    activation : {"relu", "tanh", "softplus"}
        Of the hidden layers.
    draws : int
        Draws of z per datum and step.
    dtype : {"float32", "float64"}
        Precision of parameters and training.

    Attributes
    ----------
    classes_ : array (C,)
        The labels, sorted.
    collapsed : bool
        Whether the rate over the training data is below 0.01 nats: what the code tells about labels is then less than
        that, and predictions are the class frequencies.
    history : tuple of Epoch
        One a training epoch: objective, reconstruction (the mean of log q(y | z)), kl, beta (the rate's weight),
        held_out, held_out_stderr, nats per datum.
    converged : bool
        False where the fit was interrupted or met nan; `reason` says so.
    reason : str
        Why the fit ended.

    Raises
    ------
    ValueError
        For values out of range.

    See Also
    --------
    vib_plane : A sweep over the weight.
    VAE : With the data themselves in the place of the labels.
    rate : The upper bound on I(X;Z).
    barber_agakov : The lower bound on I(Y;Z).
    varinf.interop.sklearn.VIBClassifier : The same, for scikit-learn.

    References
    ----------
    Alemi, Fischer, Dillon, Murphy (2017), "Deep variational information bottleneck", eq. 17.
    Tishby, Pereira, Bialek (1999), "The information bottleneck method".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> X, y = np.random.default_rng(0).normal(size=(400, 2)), np.arange(400) % 2
    >>> X[y == 1] += 3.0
    >>> vib = vi.VIB(2, (16,), rate_weight=0.1).fit(X[:300], y[:300], rng=0)
    >>> bool(vib.score(X[300:], y[300:], rng=1) > 0.9), vib.collapsed
    (True, False)
    >>> kept, told = vib.rate(X[300:]), vib.label_information(X[300:], y[300:], entropy=np.log(2), rng=1)
    >>> kept.direction.value, told.direction.value, bool(float(told) < np.log(2))
    ('upper', 'lower', True)
    """

    def __init__(
        self,
        latent_dim=16,
        hidden=(128,),
        rate_weight=1e-2,
        *,
        decoder_hidden=(),
        activation="relu",
        draws=1,
        dtype="float32",
    ):
        self._set_networks(latent_dim, hidden, activation, dtype)
        self.rate_weight = not_negative(rate_weight, "rate_weight")
        self.decoder_hidden = widths(decoder_hidden, "decoder_hidden")
        self.draws = positive_integer(draws, "draws")
        self.prior = DiagonalNormal.standard(self.latent_dim)

    def __repr__(self):
        layers = "-".join(map(str, (*self.hidden, self.latent_dim, *self.decoder_hidden)))
        state = "not fitted"
        if self._flat is not None:
            state = f"features={self.features}, classes={len(self.classes_)}" + f", {COLLAPSED}" * self.collapsed
        return f"<VIB: {layers}, rate_weight={self.rate_weight:.4g}, {state}>"

    # Training --------------------------------------------------------------------------------------------------------

    def fit(
        self,
        X,
        y,
        epochs=60,
        *,
        rng=None,
        batch_size=100,
        learning_rate=1e-3,
        schedule="constant",
        kl_warmup=0,
        validation=None,
        patience=None,
        progress=False,
    ):
        """Train from random weights by minibatch Adam.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        y : array (N,)
            Their labels: integers, strings or booleans, two different ones at least.
        epochs : int
            Passes over the data.
        rng : None, int, SeedSequence or Generator
            Of weights, order and draws; the same gives the same fit.
        batch_size : int
            Data per step.
        learning_rate : float
            Adam's step size, times what the `schedule` says.
        schedule : {"constant", "linear", "cosine"} or callable
            Factor of the step size as a function of the share of steps done.
        kl_warmup : int
            Epochs over which the weight of the rate rises from near 0 to `rate_weight`.
        validation : float or (X, y), optional
            Held-out data with their labels, or the share to hold out at random. The parameters with the best objective
            on them are kept; without held-out data those of the last epoch.
        patience : int, optional
            Stop after so many epochs in which the held-out objective has not risen by more than the standard error of
            its rise; needs `validation` of two data or more.
        progress : bool or callable (done, total)
            A bar over epochs, where stderr is a terminal; or a function of yours.

        Returns
        -------
        VIB
            This one. Ctrl-C and nan end the fit with the best parameters so far, `converged` False and a `reason`.

        Raises
        ------
        ValueError
            For labels of one class only, lengths that differ, nan, or options out of range.
        """
        rng = generator(rng)
        X = self._data(X)
        classes, codes = np.unique(as_labels(y, len(X)), return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y holds one class alone, {classes[0]!r}: give data of two or more classes")
        (X, codes), held_out = self._hold_out(X, codes, classes, validation, rng)
        count = 0 if held_out is None else len(held_out[1])
        steps = steps_of(epochs, batch_size, learning_rate, schedule, kl_warmup, patience, count)
        plan = Plan(draws=self.draws, beta=self.rate_weight, **steps)
        units = Units.of(X, False, self.dtype)

        def scored(X, codes):
            seen = units.seen(X)
            return Scored(codes[:, None].astype(self.dtype), lambda _, rows: seen[rows])

        model, data = self._architecture(units, len(classes)), scored(X, codes)
        held_out = None if held_out is None else scored(*held_out)
        trained = train(model, model.start(data.x, rng), data, held_out, plan, rng, progress)
        self._adopt(units, model, trained.flat)  # only now: a fit that raises leaves an earlier one as it was
        self._keep_training(trained)
        self.classes_ = classes
        with np.errstate(over="ignore", invalid="ignore"):
            loc, log_scale, _ = model.encode(trained.flat, data.see(data.x, slice(None)))
            self.collapsed = bool(latent_kl(loc, log_scale).sum() < SILENT)
        return self

    def _hold_out(self, X, codes, classes, validation, rng):
        """(data and codes to train on), (those held out) or None."""
        if validation is None:
            return (X, codes), None
        if isinstance(validation, tuple | list):
            if len(validation) != 2:
                raise ValueError(f"validation has {len(validation)} parts: give a share, or the pair (X, y)")
            other = self._data(validation[0], "validation[0]")
            if other.shape[1] != X.shape[1]:
                raise ValueError(f"validation[0] has shape {other.shape} and X {X.shape}: features must agree")
            return (X, codes), (other, codes_of(validation[1], len(other), classes, "validation[1]"))
        kept, held = split_rows(len(X), validation, rng, "the pair (X, y) of held-out data")
        return (X[kept], codes[kept]), (X[held], codes[held])

    def _architecture(self, units, classes):
        return Architecture(
            Network((len(units.centre), *self.hidden, 2 * self.latent_dim), self.activation),
            Network((self.latent_dim, *self.decoder_hidden, classes), self.activation),
            likelihood("categorical", None, classes),
            self.latent_dim,
        )

    # Predictions -----------------------------------------------------------------------------------------------------

    def predict_proba(self, X, draws=100, rng=None):
        """Predict the probabilities of the classes, E q(y | z), averaged over draws of z.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        draws : int
            Draws of z per datum; each probability is unbiased for any number.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        array (N, C)
            Rows that sum to 1, in the order of `classes_`.
        """
        draws, rng = positive_integer(draws, "draws"), generator(rng)
        return self._answers(self.encode(X), None, draws, rng)[0].astype(self.dtype)

    def predict(self, X, draws=100, rng=None):
        """Predict labels: the class of largest averaged probability.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        draws : int
            Draws of z per datum.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        array (N,)
            Of the kind of the labels that the fit saw.
        """
        most = self.predict_proba(X, draws, rng).argmax(axis=1)
        return self.classes_[most]

    def score(self, X, y, draws=100, rng=None):
        """Share of the data whose label is predicted.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        y : array (N,)
            Their labels.
        draws : int
            Draws of z per datum.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        float
            Accuracy, from 0 to 1.
        """
        draws, rng, q = positive_integer(draws, "draws"), generator(rng), self.encode(X)
        codes = self._codes(y, len(q))
        return float(np.mean(self._answers(q, None, draws, rng)[0].argmax(axis=1) == codes))

    def calibration(self, X, y, bins=BINS, draws=100, rng=None):
        """Compare predictions with labels: error, log loss, confidence against accuracy.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        y : array (N,)
            Their labels.
        bins : int
            Bins of equal width into which confidence is divided.
        draws : int
            Draws of z per datum.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        Calibration
            With `error`, `log_loss`, `ece` and the bins. The expected calibration error of finite data is biased
            upward: `ece_if_calibrated` is what a calibrated classifier would have on as many data.

        References
        ----------
        Guo, Pleiss, Sun, Weinberger (2017), "On calibration of modern neural networks", eq. 3.
        Bröcker, Smith (2007), "Increasing the reliability of reliability diagrams", for labels drawn from predictions.
        """
        draws, rng, bins = positive_integer(draws, "draws"), generator(rng), positive_integer(bins, "bins")
        q = self.encode(X)
        codes = self._codes(y, len(q))
        return calibration(self._answers(q, None, draws, rng)[0], codes, bins, rng)

    # Information -----------------------------------------------------------------------------------------------------

    def rate(self, X, over="population"):
        """Rate of the code: the mean of KL(q(z | x) || N(0, I)), an upper bound on I(X;Z).

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        over : {"population", "dataset"}
            As `varinf.rate` has it: "population" needs data that the fit never saw; "dataset" bounds I(n;Z) of these.

        Returns
        -------
        Estimate
            Direction upper, unbiased, in nats; nothing is drawn.
        """
        return rate(self.encode(X), over=over)

    def label_information(self, X, y, entropy=None, over="population", draws=100, rng=None):
        """Information that the code keeps about the labels, from below: H(Y) + E log q(y | z) ≤ I(Y;Z).

        The gap is E KL(p(y | z) || q(y | z)). The bound is at most H(Y) and, on data that the fit never saw, at most
        I(X;Z) in expectation, hence below the rate.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        y : array (N,)
            Their labels.
        entropy : float or Estimate, optional
            H(Y) in nats. A float is taken to be exact; an Estimate brings its error and its direction along. None
            takes the entropy of the shares that these labels have: low in the mean by about (C − 1) / 2N, so that the
            bound stays one.
        over : {"population", "dataset"}
            "population": the data are a sample, the quantity is I(Y;Z), the error that over the data; a bound for data
            that the fit never saw. "dataset": these N data are all there is, the quantity is I(y_n;Z), of the label of
            one of them, the error that of the draws; a bound for any data, those of the fit too.
        draws : int
            Draws of z per datum, averaged outside of the logarithm.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        Estimate
            Direction lower, in nats, of bias "low" where the entropy is estimated; `ceiling` is the entropy.

        Raises
        ------
        ValueError
            For labels that the fit never saw, lengths that differ, or an entropy that so many classes cannot have.

        References
        ----------
        Barber, Agakov (2003), "The IM algorithm: a variational approach to information maximization".
        Miller (1955), "Note on the bias of information estimates".
        """
        draws, rng, q = positive_integer(draws, "draws"), generator(rng), self.encode(X)
        codes = self._codes(y, len(q))
        log_q = self._answers(q, codes, draws, rng)[1]
        return label_information(log_q, codes, len(self.classes_), entropy, over)

    def information_plane(self, X, y, entropy=None, over="population", draws=100, rng=None):
        """Place the code on the information plane: both bounds, what brackets I(X;Z) besides, and the predictions.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        y : array (N,)
            Their labels.
        entropy : float or Estimate, optional
            H(Y), as for `label_information`.
        over : {"population", "dataset"}
            Whether the data are a sample that the fit never saw, or all there is.
        draws : int
            Draws of z per datum for the labels; the index information and the leave-one-out bound have one.
        rng : None, int, SeedSequence or Generator
            Seed or generator of the draws; None draws anew each time.

        Returns
        -------
        InformationPoint
            With `rate`, `label_information`, `index_information`, `leave_one_out` and `calibration`.

        See Also
        --------
        vib_plane : A sweep over the weight of the rate.
        """
        draws, rng = positive_integer(draws, "draws"), generator(rng)
        return information_point(self, X, y, entropy, over, draws, rng)

    def _answers(self, q, codes, draws, rng, noise=None):
        """E q(y | z) (N, C) over the draws, and log q(y_n | z) (draws, N) of the labels' numbers where they are given.

        In double, whatever the networks compute in. `noise` (draws, D) serves all data alike, which makes the answer a
        function of each datum alone.
        """
        p, log_q = np.zeros((len(q), len(self.classes_))), None if codes is None else np.empty((draws, len(q)))
        widest = max(self._model.decoder.widths)
        for first in range(0, len(q), ROWS):
            part = q[first : first + ROWS]
            rows, size = slice(first, first + len(part)), max(1, CHUNK // (widest * len(part)))
            for start in range(0, draws, size):
                if noise is None:
                    z = part.sample(min(size, draws - start), rng)
                else:
                    z = part.loc + part.scale * noise[start : start + size, None]
                out, _ = self._model.decode(self._flat, z)
                logs = self._model.likelihood.log_probs(out.astype(np.float64))[..., 0, :]
                p[rows] += np.exp(logs).sum(axis=0)
                if codes is not None:
                    log_q[start : start + len(z), rows] = logs[:, np.arange(len(part)), codes[rows]]
        return p / draws, log_q

    def _codes(self, y, count):
        return codes_of(y, count, self.classes_, "y")

    # Files -----------------------------------------------------------------------------------------------------------

    def _arrays(self):
        return {"classes": self.classes_}

    def _about(self):
        return {"collapsed": self.collapsed}

    def _restore(self, about, arrays):
        self.classes_, self.collapsed = arrays["classes"], bool(about["collapsed"])
        units = Units(arrays["centre"], float(arrays["unit"]), False, self.dtype)
        self._adopt(units, self._architecture(units, len(self.classes_)), arrays["parameters"])


# Labels --------------------------------------------------------------------------------------------------------------


def as_labels(y, count, name="y"):
    """Labels of `count` data as an array (N,) of integers, booleans or strings; whole floats are labels too."""
    y = np.asarray(y)
    if y.ndim != 1 or len(y) != count:
        raise ValueError(f"{name} has shape {y.shape}, but X has {count:,} rows: give one label per datum, ({count},)")
    if y.dtype.kind in "TO":
        y = _of_one_kind(y, name)
    if y.dtype.kind == "f":
        whole = np.isfinite(y) & (y == np.floor(y))
        refuse_where(~whole, y, name, "values that are no whole numbers", "labels are classes")
    if y.dtype.kind not in "biufUS":
        raise TypeError(f"{name} has dtype {y.dtype}: give labels that are integers, strings or booleans")
    return y


def _of_one_kind(y, name):
    """An array of objects, or of strings of any length, as one of fixed width or of numbers, which a file can hold."""
    labels = y.tolist()
    if any(all(isinstance(label, kind) for label in labels) for kind in (str, bool | int | float | np.number)):
        return np.array(labels)
    kinds = ", ".join(sorted({type(label).__name__ for label in labels}))
    raise TypeError(f"{name} holds objects of type {kinds}: give labels that are all integers, or all strings")


def codes_of(y, count, classes, name):
    """Numbers of the labels among the sorted classes, (N,)."""
    y = as_labels(y, count, name)
    if y.dtype.kind != classes.dtype.kind and not {y.dtype.kind, classes.dtype.kind} <= set("biuf"):
        raise TypeError(f"{name} has dtype {y.dtype}, but the labels of the fit {classes.dtype}: give those")
    codes = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    unknown = classes[codes] != y
    if unknown.any():
        raise ValueError(
            f"{name} has {np.count_nonzero(unknown):,} labels that the fit never saw, the first {y[unknown][0]!r}: its "
            f"classes are {', '.join(repr(label) for label in classes[:10].tolist())}{', ...' * (len(classes) > 10)}"
        )
    return codes
