"""Normal distributions whose features share a few factors."""

from varinf._arrays import check_finite, check_positive, namespace, same_shape
from varinf.families.family import Family, parameters, settle, total, vector, wide
from varinf.families.matrices import as_columns, as_rows, diagonal_matrices, identity, multiply
from varinf.families.normal import Normal


class LowRankNormal(Normal):
    """Normal distributions N(loc, factor factor' + diag(scale^2)): R shared factors beside independent noise.

    A density costs O(D R) a draw beside O(D R^2 + R^3) once, and no D x D matrix (Woodbury's identity, and the
    determinant lemma).

    Parameters
    ----------
    loc : array (*batch, D)
        Means.
    factor : array (*batch, D, R)
        Loadings of the R factors.
    scale : array (*batch, D)
        Standard deviations of the independent part, positive.

    Raises
    ------
    ValueError
        If a shape is wrong, a value is not finite, or a scale is not positive.

    See Also
    --------
    DiagonalNormal : Normals with independent features.
    FullNormal : Normals with any covariance.
    kl : Closed forms between any two normals.

    Examples
    --------
    >>> from varinf.families.low_rank_normal import LowRankNormal
    >>> q = LowRankNormal([0.0, 0.0, 0.0], [[1.0], [1.0], [2.0]], [1.0, 0.5, 1.0])
    >>> q.variance
    array([2.  , 1.25, 5.  ])
    >>> round(float(q.log_prob([1.0, 0.0, 1.0])), 4), q.noise_dim
    (-3.765, 4)
    """

    _parameters = {"loc": 1, "factor": 2, "scale": 1}  # noqa: RUF012

    def __init__(self, loc, factor, scale):
        loc, factor, scale = parameters(loc=loc, factor=factor, scale=scale)
        same_shape(loc=vector(loc, "loc"), scale=scale)
        if tuple(factor.shape[:-1]) != tuple(loc.shape):
            want = ", ".join(map(str, (*loc.shape, "R")))
            raise ValueError(f"factor has shape {tuple(factor.shape)}, but loc {tuple(loc.shape)} needs ({want})")
        check_finite(loc, "loc")
        check_finite(factor, "factor")
        check_positive(scale, "scale")
        self._store(loc=loc, factor=factor, scale=scale)

    @property
    def rank(self):
        """Number of shared factors R."""
        return self.factor.shape[-1]

    @property
    def noise_dim(self):
        """D + R: `transform` takes the noise of the D features, then that of the R factors."""
        return self.dim + self.rank

    @property
    def variance(self):
        """Variances of the features, (*batch, D)."""
        return settle(total(self.factor**2) + self.scale**2, self.loc)

    @property
    def covariance(self):
        return self.factor @ namespace(self.factor).matrix_transpose(self.factor) + diagonal_matrices(self.scale**2)

    @property
    def scale_tril(self):
        """Lower Cholesky factors of the covariances, (*batch, D, D)."""
        return settle(self._wide_tril(), self.loc)

    def _wide_tril(self):
        """The R of a QR factorisation [factor, diag(scale)]' = QR, as R'R is the covariance.

        The covariance itself would square the factors, and lose the scales beside them from 1e8 on (float32: 1e4).
        """
        factor = wide(self.factor)
        xp = namespace(factor)
        root = xp.concat([xp.matrix_transpose(factor), diagonal_matrices(wide(self.scale))], axis=-2)
        upper = xp.linalg.qr(root)[1]
        turned = xp.linalg.diagonal(upper)[..., None] < 0  # a row's sign is free: the diagonal shall be positive
        return xp.matrix_transpose(xp.where(turned, -upper, upper))

    # The density in `_white` would have to be solved for either way: the noise has more coordinates than the draw.
    sample_and_log_prob = Family.sample_and_log_prob

    def _white(self, z):
        """[u - A m, m]: u = (z - loc)/scale, A = factor/scale, and m = (I + A'A)^-1 A'u, the factors' posterior mean.

        |u|^2 - u'A (I + A'A)^-1 A'u, as Woodbury's identity reads, cancels when the factors are large. |u - A m|^2 +
        |m|^2 is the same number as a sum of squares, least at this m, so that the error of the solve enters squared.
        """
        loadings = self._loadings()
        scaled = (z - self.loc) / self.scale
        u = as_columns(wide(scaled), self.scale.ndim - 1)
        xp = namespace(u)
        m = xp.linalg.solve(_capacitance(loadings), xp.matrix_transpose(loadings) @ u)
        return settle(as_rows(xp.concat([u - loadings @ m, m], axis=-2), scaled.shape[:-1]), scaled)

    def _from_noise(self, noise):
        own, shared = noise[..., : self.dim], noise[..., self.dim :]
        return self.loc + self.scale * own + multiply(self.factor, shared)

    def _half_log_det(self):
        xp = namespace(self.loc)
        return total(xp.log(self.scale)) + xp.linalg.slogdet(_capacitance(self._loadings()))[1] / 2

    def _loadings(self):
        """A = factor/scale, (*batch, D, R)."""
        return wide(self.factor / self.scale[..., None])


def _capacitance(loadings):
    """I + A'A, (*batch, R, R)."""
    return identity(loadings.shape[-1], loadings) + namespace(loadings).matrix_transpose(loadings) @ loadings
