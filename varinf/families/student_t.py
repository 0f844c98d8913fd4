"""Independent Student t distributions: heavier tails than the normal's."""

import math
import numbers

from varinf._arrays import as_array, check_finite, check_positive, namespace, refuse_where, special
from varinf.families.family import Family, parameters, settle, total, vector, wide


class StudentT(Family):
    """Products of independent Student t distributions, one per feature.

    Each feature is loc + scale * t with its own t of `df` degrees of freedom. This is not the multivariate t, whose
    features share one radius; here they are independent, and the log density is a sum over features.

    Parameters
    ----------
    df : float or array (*batch, D)
        Degrees of freedom, positive; one number serves all.
    loc : array (*batch, D)
        Centres.
    scale : array (*batch, D)
        Scales, positive; the standard deviation is scale * sqrt(df / (df - 2)) where df > 2.

    Raises
    ------
    ValueError
        If the shapes differ, a value is not finite, or df or scale is not positive.

    See Also
    --------
    DiagonalNormal : The limit of many degrees of freedom.
    kl : By draws, ``method="monte_carlo"``, as no closed form exists.
    psis : The tail of the weights that a proposal leaves.

    Examples
    --------
    >>> from varinf.families.student_t import StudentT
    >>> q = StudentT(3.0, [0.0, 1.0], [1.0, 2.0])
    >>> round(float(q.log_prob([0.0, 1.0])), 4), round(float(q.entropy()), 4)
    (-2.6949, 4.2401)
    >>> q.mean, q.variance
    (array([0., 1.]), array([ 3., 12.]))
    """

    _parameters = {"loc": 1, "df": 1, "scale": 1}  # noqa: RUF012

    def __init__(self, df, loc, scale):
        loc = as_array(loc, "loc")
        if "bool" in str(getattr(df, "dtype", type(df))):
            raise TypeError(f"df={df}: use a number or an array of numbers, the degrees of freedom")
        if isinstance(df, numbers.Real):
            df = namespace(loc).full_like(loc, float(df))
        elif getattr(df, "shape", None) == ():  # an array's one number, of any library, and its gradient
            df = namespace(df).broadcast_to(as_array(df, "df"), loc.shape)
        loc, df, scale = parameters(loc=loc, df=df, scale=scale)
        vector(loc, "loc")
        if not tuple(df.shape) == tuple(loc.shape) == tuple(scale.shape):
            shapes = ", ".join(f"{name} {tuple(x.shape)}" for name, x in (("df", df), ("loc", loc), ("scale", scale)))
            raise ValueError(
                f"the shapes differ: {shapes}; the order is StudentT(df, loc, scale), and df may be a number"
            )
        check_finite(loc, "loc")
        df_is_right = (df > 0) & namespace(df).isfinite(df)
        refuse_where(
            ~df_is_right,
            df,
            "df",
            "values that are not positive and finite",
            "the order is StudentT(df, loc, scale); for df = inf use DiagonalNormal",
        )
        check_positive(scale, "scale")
        self._store(loc=loc, df=df, scale=scale)

    @property
    def mean(self):
        """Means, (*batch, D): loc, and nan where df <= 1."""
        return namespace(self.df).where(self.df > 1, self.loc, math.nan)

    @property
    def variance(self):
        """Variances of the features, (*batch, D): +inf where 1 < df <= 2, nan where df <= 1."""
        xp = namespace(self.df)
        finite = self.scale**2 * self.df / xp.where(self.df > 2, self.df - 2, 1.0)
        return xp.where(self.df > 2, finite, xp.where(self.df > 1, xp.full_like(self.df, math.inf), math.nan))

    def entropy(self):
        """Differential entropy, summed over the features.

        Returns
        -------
        array (*batch)
            Exact, in nats; below 0 for a narrow distribution.
        """
        df, scale = wide(self.df), wide(self.scale)
        xp = namespace(df)
        log_normaliser = _log_gamma_step(df / 2) - xp.log(math.pi * df) / 2 - xp.log(scale)
        return settle(total((df + 1) / 2 * _digamma_step(df / 2) - log_normaliser), self.loc)

    def _log_density(self, z):
        t = (z - self.loc) / self.scale
        like, t, df, scale = t, wide(t), wide(self.df), wide(self.scale)
        xp = namespace(t)
        log_normaliser = _log_gamma_step(df / 2) - xp.log(math.pi * df) / 2 - xp.log(scale)
        far = xp.abs(t) > 1e10 * xp.sqrt(df)  # 1 is lost beside t^2/df, which from 1e154 on overflows
        near = xp.where(far, 0.0, t)
        beyond = 2 * xp.log(xp.where(far, xp.abs(t), 1.0)) - xp.log(df)
        log_width = xp.where(far, beyond, xp.log1p(near * near / df))
        return settle(total(log_normaliser - (df + 1) / 2 * log_width), like)

    def _draw(self, n, rng):
        t = rng.standard_t(self.df, size=(n, *self.loc.shape)).astype(self.loc.dtype)
        return self.loc + self.scale * t


# Where x is large, differences of gammaln and of digamma cancel; Stirling's series does not, and from 100 on its next
# term is below 1e-16.


def _log_gamma_step(x):
    """log Gamma(x + 1/2) - log Gamma(x)."""
    xp = namespace(x)
    gammaln, small = special(x).gammaln, xp.where(x < 100, x, 1.0)
    r = 1 / xp.where(x < 100, 1.0, x)
    series = -xp.log(r) / 2 - r / 8 + r**3 / 192 - r**5 / 640
    return xp.where(x < 100, gammaln(small + 0.5) - gammaln(small), series)


def _digamma_step(x):
    """Its derivative, digamma(x + 1/2) - digamma(x)."""
    xp = namespace(x)
    digamma, small = special(x).digamma, xp.where(x < 100, x, 1.0)
    r = 1 / xp.where(x < 100, 1.0, x)
    series = r / 2 + r**2 / 8 - r**4 / 64 + r**6 / 128
    return xp.where(x < 100, digamma(small + 0.5) - digamma(small), series)
