"""Pictures of results that have one; matplotlib is imported on use."""

from varinf._pictures import bottlenecks, fits, planes, rates, statements
from varinf.inference.diagnose import Diagnosis
from varinf.inference.fit import Fit
from varinf.tradeoffs.blahut_arimoto import RateDistortion
from varinf.tradeoffs.gaussian_bottleneck import GaussianBottleneckCurve
from varinf.tradeoffs.information_bottleneck import Bottleneck
from varinf.tradeoffs.information_bottleneck_curve import BottleneckCurve
from varinf.tradeoffs.rate_distortion_curve import RateDistortionCurve


def plot(result):
    """Draw the picture of a result.

    Parameters
    ----------
    result : Fit, Diagnosis, Statement, or what a function below returned
        `fit` and `diagnose`; a statement of the page; `blahut_arimoto`, `rate_distortion_curve`,
        `information_bottleneck`, `information_bottleneck_curve`, `gaussian_bottleneck_curve`; the sweeps
        `rate_distortion_plane` and `vib_plane`; and the `codes` of a `VIB` or `VAE`.

    Returns
    -------
    matplotlib.figure.Figure
        Drawn without a window; ``figure.savefig(path)`` writes it.

    Raises
    ------
    TypeError
        For a result that has no picture.
    ValueError
        For codes of one latent, or with labels of more than 20 classes.
    ImportError
        Without matplotlib: ``pip install "varinf[examples]"``.

    See Also
    --------
    lens : The page's questions, answered in words.
    summarize : Bounds as a table.

    Notes
    -----
    Information is drawn in the units of the result: ``plot(curve.to("bits"))``.

    Clusters of a bottleneck are stacked by their shares q(t), each drawn at the middle of its own, as wide as its
    weight, and joined to the cluster that most of it was in at the beta before. Siblings are in order of E[f(Y)|t],
    where f is the score of Y that correlates most with functions of x.

    Codes of more than two latents are shown in the two directions in which their means vary most.

    Examples
    --------
    >>> from varinf.page.statement import Study
    >>> from varinf.page.worked_example import worked_example
    >>> figure = plot(worked_example(Study()))  # the digits come with scikit-learn
    >>> [axes.get_title() for axes in figure.axes]
    ['fidelity against compressibility']
    """
    draw, given = _picture(result)
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "varinf[examples]"') from error
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    draw(figure, **given)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _picture(result):
    """(what draws it, the arguments to draw it with)."""
    slug = getattr(result, "slug", None)
    if slug in _BY_SLUG:
        return _BY_SLUG[slug], result.data
    for kind, draw in _BY_CLASS.values():
        if isinstance(result, kind):
            return draw, {"result": result}
    what = type(result).__name__ if slug is None else slug
    raise TypeError(f"{what} has no picture: these have one: {', '.join([*_BY_SLUG, *_BY_CLASS])}")


_BY_SLUG = {
    "definition_1": statements.definition_1,
    "theorem_1": statements.theorem_1,
    "theorem_2": statements.theorem_2,
    "theorem_3": statements.theorem_3,
    "worked_example": statements.worked_example,
    "rate_distortion_plane": planes.rate_distortion_plane,
    "vib_plane": planes.vib_plane,
    "codes": planes.codes,
}
_BY_CLASS = {  # under the name of what returns it
    "fit": (Fit, fits.fit),
    "diagnose": (Diagnosis, fits.diagnosis),
    "blahut_arimoto": (RateDistortion, rates.channel),
    "rate_distortion_curve": (RateDistortionCurve, rates.curve),
    "information_bottleneck": (Bottleneck, bottlenecks.encoder),
    "information_bottleneck_curve": (BottleneckCurve, bottlenecks.curve),
    "gaussian_bottleneck_curve": (GaussianBottleneckCurve, bottlenecks.gaussian),
}
