"""What networks with an encoder share: the options of their layers, the encoder itself, their files, their checks."""

import inspect

import numpy as np

from varinf._arrays import positive_integer
from varinf.autoencoders.codes import Codes
from varinf.autoencoders.files import read_arrays, write_arrays
from varinf.autoencoders.layers import ACTIVATIONS
from varinf.autoencoders.training import Epoch
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.models.model import numpy_array


def widths(hidden, name):
    """A tuple of widths of hidden layers, from a number or a sequence of them."""
    return tuple(positive_integer(width, name) for width in np.atleast_1d(hidden).tolist())


class Coder:
    """An encoder q(z | x) and what is trained with it.

    A subclass keeps its constructor's arguments under their names. For its file it has `_about()`, a dict of words and
    numbers beside those, perhaps `_arrays()`, a dict of arrays beside the parameters, and `_restore(about, arrays)`,
    which adopts what they hold.
    """

    def _set_networks(self, latent_dim, hidden, activation, dtype):
        self.latent_dim, self.hidden = positive_integer(latent_dim, "latent_dim"), widths(hidden, "hidden")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation={activation!r}: use {', '.join(map(repr, ACTIVATIONS))}")
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype={dtype!r}: use 'float32' or 'float64'")
        self.activation, self.dtype, self._flat = activation, dtype, None

    def _adopt(self, units, model, flat):
        self.features, self._units, self._model, self._flat = len(units.centre), units, model, flat

    def _keep_training(self, trained):
        self.history, self.converged, self.reason = trained.history, trained.converged, trained.reason

    def encode(self, X):
        """Approximate posteriors q(z | x).

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.

        Returns
        -------
        DiagonalNormal
            Batch shape (N,), `latent_dim` features.
        """
        X = self._fitted_data(X)
        with np.errstate(over="ignore", invalid="ignore"):
            loc, log_scale, _ = self._model.encode(self._flat, self._units.seen(X))
        far = ~(np.isfinite(loc) & np.isfinite(log_scale)).all(axis=1)
        if far.any():
            raise ValueError(
                f"X has {np.count_nonzero(far):,} rows so far from the data of the fit that their encoding leaves "
                f"{self.dtype} (the first is row {np.argmax(far)})"
            )
        return DiagonalNormal.from_log_scale(loc, log_scale)

    def codes(self, X, y=None):
        """Encode data and keep their labels beside: `varinf.plot` draws ellipses of one standard deviation.

        Parameters
        ----------
        X : array (N, F)
            Data, one row per datum.
        y : array (N,), optional
            Labels by which to colour them.

        Returns
        -------
        Codes
            With `q`, as `encode` gives it, and `labels`; of more than two latents, `plane` finds two directions.
        """
        return Codes(self.encode(X), y)

    # Files -----------------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write everything to a file, from which `load` makes the same again.

        Parameters
        ----------
        path : str or path
            An .npz file; it is replaced only once the new one is complete.
        """
        self._require_fit()
        arrays = {
            "parameters": self._flat,
            "centre": self._units.centre,
            "unit": np.asarray(self._units.unit),
            "history": np.array(self.history, dtype=np.float64).reshape(-1, len(Epoch._fields)),
            **self._arrays(),
        }
        about = {"options": self._options(), "converged": self.converged, "reason": self.reason, **self._about()}
        write_arrays(path, type(self).__name__, about, arrays)

    @classmethod
    def load(cls, path):
        """Read what `save` wrote.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        VAE or VIB
            The class that this is called on, as it was when it was saved.

        Raises
        ------
        ValueError
            If `save` of this class did not write the file, or it is damaged.
        """
        return read_arrays(path, cls.__name__, cls._from_arrays)

    def _options(self):
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def _arrays(self):
        return {}

    @classmethod
    def _from_arrays(cls, about, arrays):
        coder = cls(**about["options"])
        coder._restore(about, arrays)
        if coder._flat.shape != (coder._model.size,) or coder._flat.dtype != coder.dtype:
            raise ValueError(f"it holds {coder._flat.size} parameters where {coder._model.size} are needed")
        coder.history = tuple(Epoch(*map(float, row)) for row in arrays["history"])
        coder.converged, coder.reason = bool(about["converged"]), str(about["reason"])
        return coder

    # Checks ----------------------------------------------------------------------------------------------------------

    def _require_fit(self):
        if self._flat is None:
            name = type(self).__name__
            raise RuntimeError(f"this {name} is not fitted: call its fit, or {name}.load(path)")

    def _data(self, X, name="X"):
        X = numpy_array(X, name)
        if X.ndim != 2 or X.size == 0:
            raise ValueError(f"{name} has shape {X.shape}: give (N, F), one row per datum, with at least one of both")
        return np.ascontiguousarray(X)

    def _fitted_data(self, X, name="X"):
        self._require_fit()
        X = self._data(X, name)
        if X.shape[1] != self.features:
            kind = type(self).__name__
            raise ValueError(f"{name} has shape {X.shape}, but this {kind} was fitted to {self.features} features")
        return X
