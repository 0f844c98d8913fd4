"""The covariance of two sets of features from data, in blocks, with shrinkage for small samples.

Features are standardised, the correlation matrix is moved towards the identity, (1 − δ) C + δ I, and the scales are put
back: variances stay as they are, correlations shrink by 1 − δ, and no unit of measurement matters. Ledoit's and Wolf's
δ minimises the expected squared error of the standardised matrix, estimated from the same data.

Source: Ledoit, Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices"; to correlations,
as in Schäfer, Strimmer (2005), "A shrinkage approach to large-scale covariance matrix estimation".
"""

import numpy as np

from varinf._arrays import as_array, check_finite, finite_number, is_numpy


def joint_covariance(X, Y, shrinkage=None):
    """Estimate blocks of the joint covariance of X and Y from data, in blocks.

    Parameters
    ----------
    X : array (N, P)
        Data, one row a sample.
    Y : array (N, Q)
        Of the same samples.
    shrinkage : None, "ledoit-wolf" or float
        How far correlations move to 0: not at all, by Ledoit's and Wolf's rule (with scikit-learn), or by a share from
        0 to 1.

    Returns
    -------
    Sigma_x : array (P, P)
        Covariance of X, with divisor N.
    Sigma_xy : array (P, Q)
        Covariance between X and Y.
    Sigma_y : array (Q, Q)
        Covariance of Y.

    Raises
    ------
    ValueError
        If X and Y are not two tables of as many rows, 2 or more, of finite numbers, or shrinkage is none of these.

    See Also
    --------
    gaussian_bottleneck : Takes the three blocks.
    gaussian_mutual_information : Takes them too; without shrinkage it is biased high from small samples.

    References
    ----------
    Ledoit, Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices", section 3; Schäfer,
    Strimmer (2005), "A shrinkage approach to large-scale covariance matrix estimation", for standardised features.

    Examples
    --------
    >>> import varinf as vi
    >>> X, Y = [[0.0], [1.0], [2.0], [3.0]], [[0.0], [2.0], [1.0], [3.0]]
    >>> vi.joint_covariance(X, Y)
    (array([[1.25]]), array([[1.]]), array([[1.25]]))
    >>> vi.joint_covariance(X, Y, shrinkage=0.5)[1]
    array([[0.5]])
    """
    X, Y = (_table(x, name) for x, name in ((X, "X"), (Y, "Y")))
    if len(X) != len(Y) or len(X) < 2:
        raise ValueError(f"X has {len(X)} rows and Y {len(Y)}: give the same samples, 2 or more")
    both = np.concatenate([X, Y], axis=1)
    rounding = 8 * np.finfo(np.float64).eps * np.max(np.abs(both), axis=0)
    both = both - both.mean(axis=0)
    scale = np.sqrt(np.mean(both**2, axis=0))
    scale = np.where(scale > rounding, scale, 0.0)  # the mean of a constant is that constant to rounding only
    Z = both / np.where(scale > 0, scale, 1.0)
    correlation = Z.T @ Z / len(Z)
    kept = np.full(correlation.shape, 1 - _share(shrinkage, Z))
    np.fill_diagonal(kept, 1.0)
    covariance = kept * correlation * scale * scale[:, None]  # 0 for constants, whatever is in their Z
    p = X.shape[1]
    return covariance[:p, :p], covariance[:p, p:], covariance[p:, p:]


def _share(shrinkage, Z):
    if shrinkage is None:
        return 0.0
    if isinstance(shrinkage, str):
        if shrinkage != "ledoit-wolf":
            raise ValueError(f"shrinkage={shrinkage!r}: use None, 'ledoit-wolf' or a number from 0 to 1")
        try:
            from sklearn.covariance import ledoit_wolf_shrinkage
        except ImportError as error:
            raise ImportError("shrinkage='ledoit-wolf' needs scikit-learn: pip install scikit-learn") from error
        return float(ledoit_wolf_shrinkage(Z, assume_centered=True))
    share = finite_number(shrinkage, "shrinkage")
    if not 0 <= share <= 1:
        raise ValueError(f"shrinkage={share}: use None, 'ledoit-wolf' or a number from 0 to 1")
    return share


def _table(x, name):
    x = as_array(x, name)
    if not is_numpy(x):
        raise TypeError(f"{name} is a {type(x).__module__}.{type(x).__name__}; give a NumPy array")
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(f"{name} has shape {x.shape}: give a table (N, features), one row a sample")
    check_finite(x, name)
    return x.astype(np.float64)
