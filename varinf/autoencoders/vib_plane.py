"""The information plane of a deep bottleneck: what is kept of the data against what is kept of the labels."""

from dataclasses import dataclass, replace

import numpy as np

from varinf._arrays import positive_integer
from varinf._progress import reporter
from varinf.autoencoders.information_point import COLLAPSED
from varinf.autoencoders.vib import VIB
from varinf.evidence.evaluate import streams
from varinf.models.model import not_negative, numpy_array


@dataclass(frozen=True, eq=False)
class VIBPlane:
    """A sweep over the weight of the rate.

    Parameters
    ----------
    points : tuple of InformationPoint
        One a weight, in the order given.
    units : {"nats", "bits"}
        Of the points' estimates.

    See Also
    --------
    varinf.vib_plane : What makes it.
    varinf.plot : Draws it.
    """

    points: tuple
    units: str = "nats"

    slug = "vib_plane"

    @property
    def data(self):
        """What `varinf.plot` draws, a dict."""
        return {"points": self.points}

    @property
    def collapsed(self):
        """The weights at which the code fell silent, a tuple."""
        return tuple(point.rate_weight for point in self.points if point.collapsed)

    def to(self, units):
        """The same plane in other units; the weights have none.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show it in.

        Returns
        -------
        VIBPlane
            With its estimates converted.
        """
        return replace(self, points=tuple(point.to(units) for point in self.points), units=units)

    def __len__(self):
        return len(self.points)

    def __iter__(self):
        return iter(self.points)

    def __getitem__(self, index):
        return self.points[index]

    def __str__(self):
        lines = [f"{'weight':>8}{'rate':>9}{'label information':>19}{'error, %':>10}{'ECE':>8}  code ({self.units})"]
        for p in self.points:
            line = f"{p.rate_weight:8.3g} {p.rate.value:8.3f} {p.label_information.value:18.4f}"
            lines.append(
                f"{line} {100 * p.calibration.error:9.2f} {p.calibration.ece:7.4f}  {p.state.partition(':')[0]}"
            )
        if self.collapsed:
            lines.append(COLLAPSED)
        return "\n".join(lines)


def vib_plane(
    X, y, rate_weights, vib=None, *, held_out=None, entropy=None, epochs=60, draws=100, rng=None, progress=False, **fit
):
    """Train a bottleneck at each weight of the rate and place it by what it keeps of the data and of the labels.

    At weight w the fit looks for the point where the label information falls by w for one nat of rate less. Whether
    error rises where little is charged depends on the data: the plane reports it.

    Parameters
    ----------
    X : array (N, F)
        Data to train on.
    y : array (N,)
        Their labels.
    rate_weights : sequence of float
        Weights of the rate, 0 or positive.
    vib : VIB, optional
        Whose options each one takes, but for `rate_weight`; its own fit is left alone. Unless given, ``VIB()``.
    held_out : (X, y), optional
        Data and labels to place it by, instead of those of the fit. The bounds are then on I(X;Z) and I(Y;Z) of the
        population, else on I(n;Z) and I(y_n;Z) of the data set.
    entropy : float or Estimate, optional
        H(Y) of the population, as for `VIB.label_information`; with `held_out`.
    epochs : int
        For each fit.
    draws : int
        Draws of z per datum for the labels.
    rng : None, int, SeedSequence or Generator
        Each weight has a stream of its own.
    progress : bool or callable (done, total)
        A bar over weights, where stderr is a terminal; or a function of yours.
    **fit : dict
        More for `VIB.fit`.

    Returns
    -------
    VIBPlane
        With one point a weight; ``print`` shows a table.

    Raises
    ------
    ValueError
        For no weights, one that is negative, or data and labels that `VIB.fit` refuses.

    See Also
    --------
    VIB : The bottleneck.
    rate_distortion_plane : The same for autoencoders.
    plot : The plane with its errors, as a picture.

    References
    ----------
    Alemi, Fischer, Dillon, Murphy (2017), "Deep variational information bottleneck", figure 1.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> X, y = np.random.default_rng(0).normal(size=(400, 2)), np.arange(400) % 2
    >>> X[y == 1] += 3.0
    >>> plane = vi.vib_plane(X, y, [0.01, 10.0], vi.VIB(2, (8,)), rng=0)
    >>> bool(plane[0].rate.value > plane[1].rate.value), plane.collapsed
    (True, (10.0,))
    """
    weights = [not_negative(float(w), "rate_weights") for w in np.atleast_1d(numpy_array(rate_weights, "rate_weights"))]
    if not weights:
        raise ValueError("rate_weights is empty: give at least one weight, 0 or positive")
    if held_out is not None and not (isinstance(held_out, tuple | list) and len(held_out) == 2):
        raise ValueError("held_out must be the pair (X, y) of data and labels")
    positive_integer(draws, "draws")
    shown, over = ((X, y), "dataset") if held_out is None else (held_out, "population")
    options, points = (VIB() if vib is None else vib)._options(), []
    with reporter(progress, len(weights), "plane") as done:
        for weight, stream in zip(weights, streams(rng, len(weights)), strict=True):
            first, second = stream.spawn(2)
            model = VIB(**options | {"rate_weight": weight})
            model.fit(X, y, epochs, rng=np.random.default_rng(first), **fit)
            placed = model.information_plane(*shown, entropy, over, draws, np.random.default_rng(second))
            points.append(placed)
            done(len(points))
    return VIBPlane(tuple(points))
