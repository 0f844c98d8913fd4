"""Real data to try things on, from scikit-learn: images of digits, and a regression on patients with diabetes."""

import numpy as np

from varinf._arrays import generator

# "fixed" binary images are the same for everybody: they come from this seed whatever the caller's.
_FIXED_SEED = 1797


def digits(binarize=None, *, raw=False, rng=None):
    """The 1,797 test images of handwritten digits of UCI's optical recognition set: 8 x 8 pixels each.

    Parameters
    ----------
    binarize : {None, "fixed", "dynamic"}
        None: intensities. "fixed" and "dynamic": each pixel is 1 with probability its intensity, independently;
        "fixed" images were drawn once and are always the same, "dynamic" ones are drawn anew by each call, as is done
        for each epoch of training. Log likelihoods of the three are not comparable.
    raw : bool
        Intensities as they stand in the file, 0 to 16, instead of 0 to 1.
    rng : None, int, SeedSequence or Generator
        For "dynamic": seed or generator of the draws; None draws anew each time.

    Returns
    -------
    array (1797, 64)
        Images row by row, in float64: 0 to 1, raw 0 to 16, binary 0 or 1.

    Raises
    ------
    ImportError
        Without scikit-learn.
    ValueError
        For an unknown `binarize`, or options that exclude each other.

    See Also
    --------
    diabetes : Data for regressions.
    varinf.models.LinearGaussian : A model of them with exact evidence.
    varinf.evaluate : Log weights of many data.

    References
    ----------
    Alpaydin, Kaynak (1998), "Cascading classifiers", Kybernetika 34(4).
    Salakhutdinov, Murray (2008), "On the quantitative analysis of deep belief networks", for binary images drawn once.

    Examples
    --------
    >>> from varinf.datasets import digits
    >>> X = digits()
    >>> X.shape, X.min(), X.max()
    ((1797, 64), np.float64(0.0), np.float64(1.0))
    """
    if binarize not in (None, "fixed", "dynamic"):
        raise ValueError(f"binarize={binarize!r}: use None, 'fixed' or 'dynamic'")
    if raw and binarize is not None:
        raise ValueError(f"raw=True with binarize={binarize!r}: binary images have no raw intensities; drop one")
    if rng is not None and binarize != "dynamic":
        raise ValueError("rng is for binarize='dynamic': nothing else is drawn anew")
    pixels = _scikit_learn().load_digits().data
    if raw:
        return pixels
    intensity = pixels / 16
    if binarize is None:
        return intensity
    uniform = generator(_FIXED_SEED if binarize == "fixed" else rng).random(intensity.shape)
    return (uniform < intensity).astype(np.float64)


def diabetes():
    """Ten measurements of 442 diabetes patients, and the progression of the disease after a year.

    Returns
    -------
    X : array (442, 10)
        Age, sex, body mass index, blood pressure and six blood values; each column with mean 0 and variance 1 (dividing
        by N).
    y : array (442,)
        Progression, with mean 0 and variance 1 too.

    Raises
    ------
    ImportError
        Without scikit-learn.

    See Also
    --------
    digits : Images.
    varinf.models.LinearRegression : The model that they serve here.

    References
    ----------
    Efron, Hastie, Johnstone, Tibshirani (2004), "Least angle regression", Annals of Statistics 32(2).

    Examples
    --------
    >>> from varinf.datasets import diabetes
    >>> X, y = diabetes()
    >>> X.shape, y.shape
    ((442, 10), (442,))
    """
    X, y = _scikit_learn().load_diabetes(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()


def _scikit_learn():
    try:
        import sklearn.datasets
    except ImportError as error:
        raise ImportError('these data come with scikit-learn: pip install "varinf[examples]"') from error
    return sklearn.datasets
