"""The worked example of the page: fidelity against compressibility as beta moves, beside what Shannon allows."""

import inspect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from varinf._arrays import positive_integer
from varinf._progress import reporter
from varinf.autoencoders.objectives import latent_kl
from varinf.autoencoders.vae import VAE
from varinf.estimate import Direction, Estimate
from varinf.evidence.evaluate import streams
from varinf.information.rate import rate
from varinf.models.model import numpy_array
from varinf.tradeoffs.water_filling import gaussian_rate_distortion

IMAGES = 8  # whose reconstructions are kept
SILENT = 1e-2  # nats: less than this is no code


@dataclass(frozen=True, eq=False)
class PlanePoint:
    """One autoencoder on the plane.

    Parameters
    ----------
    beta : float
        Weight of the KL.
    rate : Estimate
        Mean KL to the prior: an upper bound on the information that the code keeps.
    distortion : Estimate
        −E log p(x | z), in nats, mean over the data.
    elbo : Estimate
        −distortion − rate: a lower bound on the mean of log p(x).
    squared_error : float or None
        E ‖x − E[x | z]‖², mean over the data; None unless the likelihood is normal.
    active : int
        Latents whose own KL, in the mean over the data, is 0.01 nats or more.
    latents : int
        Latents in all.
    reconstructions : array (n, F)
        Of the first few data, from the means of their codes.
    model : VAE or LinearVAE
        The autoencoder itself.
    """

    beta: float
    rate: Any
    distortion: Any
    elbo: Any
    squared_error: float | None
    active: int
    latents: int
    reconstructions: Any
    model: Any

    @property
    def collapsed(self):
        """Whether the whole code is silent: no latent spends 0.01 nats."""
        return self.active == 0

    @property
    def state(self):
        """What has become of the code, in words."""
        if self.collapsed:
            return "collapsed"
        idle = self.latents - self.active
        return "all latents in use" if idle == 0 else f"{idle} of {self.latents} latents collapsed"


@dataclass(frozen=True, eq=False)
class RateDistortionPlane:
    """A sweep over beta, and the curve that no code of a normal source passes; `varinf.plot` draws it.

    Parameters
    ----------
    points : tuple of PlanePoint
        One a beta, in the order given.
    curve : WaterFilling or None
        Shannon's curve in rate and squared error for a normal source with the covariance of the data that the points
        are placed by; None unless the likelihood is normal. For the data themselves it is an upper bound on their R(D):
        a code may pass below it.
    images : array (n, F)
        The data whose reconstructions the points keep.
    """

    points: tuple
    curve: Any
    images: Any

    slug = "rate_distortion_plane"

    @property
    def data(self):
        """What `varinf.plot` draws, a dict."""
        return {"points": self.points, "curve": self.curve, "images": self.images}

    @property
    def collapsed(self):
        """The betas at which the code fell silent, a tuple."""
        return tuple(point.beta for point in self.points if point.collapsed)

    def __len__(self):
        return len(self.points)

    def __iter__(self):
        return iter(self.points)

    def __getitem__(self, index):
        return self.points[index]

    def __str__(self):
        with_error = self.curve is not None
        head = f"{'beta':>8}{'rate':>9}{'distortion':>12}{'ELBO':>10}" + (f"{'sq. error':>11}" if with_error else "")
        lines = [head + "  code"]
        for p in self.points:
            line = f"{p.beta:8.3g} {p.rate.value:8.3f} {p.distortion.value:11.3f} {p.elbo.value:9.3f}"
            lines.append(line + (f" {p.squared_error:10.4g}" if with_error else "") + f"  {p.state}")
        return "\n".join(lines)


def rate_distortion_plane(X, betas, vae=None, *, held_out=None, epochs=60, draws=100, rng=None, progress=False, **fit):
    """Train an autoencoder at each beta and place it by its rate and its distortion.

    −ELBO is distortion + rate, so that lines of equal ELBO fall by one nat for each nat of rate. Training at beta looks
    for the point where distortion falls by beta for one more nat of rate. Where the likelihood is normal the plane has
    a second scale, squared error, and on it the curve of a normal source of the data's covariance, by reverse
    water-filling: the linear autoencoder lies on it where beta · noise variance is at or above the next eigenvalue,
    else above it.

    Parameters
    ----------
    X : array (N, F)
        Data to train on.
    betas : sequence of float
        Weights of the KL, positive.
    vae : VAE or LinearVAE, optional
        Whose options each one takes, but for beta; its own fit is left alone. Unless given, a VAE of 8 latents with a
        normal likelihood whose fixed noise has the mean variance of a feature.
    held_out : array (M, F), optional
        Data to place it by, instead of X: the rate is then a bound on I(X;Z) of the population, else on I(n;Z) of the
        data set.
    epochs : int
        For a VAE.
    draws : int
        Draws of z per datum for the distortion of a VAE; a LinearVAE has it in closed form.
    rng : None, int, SeedSequence or Generator
        Each beta has a stream of its own.
    progress : bool or callable (done, total)
        A bar over betas, where stderr is a terminal; or a function of yours.
    **fit : dict
        More for `VAE.fit`.

    Returns
    -------
    RateDistortionPlane
        With one point a beta; ``print`` shows a table, ``varinf.plot`` the plane.

    Raises
    ------
    ValueError
        For no betas, one that is not positive, or data that the likelihood cannot have.

    See Also
    --------
    VAE : The autoencoder.
    LinearVAE : The linear one, whose optimum is known.
    rate : The horizontal axis, as a bound on information.
    gaussian_mutual_information : Information of linear codes.

    References
    ----------
    Alemi, Poole, Fischer, Dillon, Saurous, Murphy (2018), "Fixing a broken ELBO", figure 1.
    Cover, Thomas (2006), "Elements of information theory", theorem 10.3.3, for the curve.

    Examples
    --------
    >>> import varinf as vi
    >>> X = vi.datasets.digits(raw=True)
    >>> vae = vi.VAE(4, (16,), "normal", noise_scale=4.0)
    >>> plane = vi.rate_distortion_plane(X, [1.0, 100.0], vae, epochs=15, rng=0)
    >>> bool(plane[0].rate.value > plane[1].rate.value), plane.collapsed
    (True, (100.0,))
    """
    X = numpy_array(X, "X")
    betas = [float(beta) for beta in np.atleast_1d(numpy_array(betas, "betas"))]
    if not betas or min(betas) <= 0:
        raise ValueError(f"betas={betas}: give at least one, all positive")
    positive_integer(draws, "draws")
    vae = _default(X) if vae is None else vae
    if getattr(vae, "target_rate", None) is not None or getattr(vae, "objective", "elbo") != "elbo":
        raise ValueError("vae has a target_rate or objective='iwelbo': a sweep over beta needs objective='elbo' alone")
    shown = X if held_out is None else numpy_array(held_out, "held_out")
    points = []
    with reporter(progress, len(betas), "plane") as done:
        for beta, stream in zip(betas, streams(rng, len(betas)), strict=True):
            first, second = stream.spawn(2)
            model = _with_beta(vae, beta)
            how = {"epochs": epochs, **fit} if isinstance(vae, VAE) else fit
            model.fit(X, rng=np.random.default_rng(first), **how)
            points.append(_place(model, beta, shown, held_out is not None, draws, np.random.default_rng(second)))
            done(len(points))
    curve = None if points[0].squared_error is None else _curve(shown, points)
    return RateDistortionPlane(tuple(points), curve, shown[:IMAGES])


def _default(X):
    return VAE(8, (128,), "normal", noise_scale=math.sqrt(np.mean(np.var(X, axis=0))) or 1.0)


def _with_beta(vae, beta):
    """A new one of its options, but for beta."""
    options = {name: getattr(vae, name) for name in inspect.signature(type(vae)).parameters}
    return type(vae)(**options | {"beta": beta})


def _place(model, beta, X, population, draws, rng):
    q = model.encode(X)
    parts = model.decompose(X, draws, rng) if isinstance(model, VAE) else model.decompose(X)
    over = "population" if population else "dataset"
    means = parts.mean(over)
    return PlanePoint(
        beta,
        rate(q, over=over),
        _distortion(means),
        means.elbo,
        _squared_error(model, X, q, means.reconstruction.value, draws, rng),
        int(np.sum(latent_kl(q.loc, q.log_scale) >= SILENT)),
        q.dim,
        model.decode(np.asarray(q.loc[:IMAGES])),
        model,
    )


def _distortion(means):
    """−E log p(x | z), a quantity of its own, with the error of the reconstruction."""
    fit = means.reconstruction
    name = "the mean of -E_q log p(x|z)"
    return Estimate(
        -fit.value, fit.stderr, name, name, Direction.EXACT, draws=fit.draws, degrees=fit.degrees, rules=fit.rules
    )


def _squared_error(model, X, q, reconstruction, draws, rng):
    """E ‖x − E[x | z]‖², the mean over the data; None where there is no such scale."""
    if not isinstance(model, VAE):  # in closed form, from E log p of a normal likelihood of known noise
        variance = model.decoder.noise_variance
        return float(-2 * variance * (reconstruction + X.shape[1] * math.log(2 * math.pi * variance) / 2))
    if model.likelihood != "normal":
        return None
    return model.squared_error(X, q, draws, rng)


def _curve(X, points):
    """Shannon's curve from rate 0 to beyond the largest rate of the points."""
    covariance = np.cov(X, rowvar=False, bias=True).reshape(X.shape[1], X.shape[1])
    top = max(1.0, 1.2 * max(float(point.rate.value) for point in points))
    return gaussian_rate_distortion(covariance, rate=np.linspace(0.0, top, 200))
