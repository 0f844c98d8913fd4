"""ArviZ: draws of a fitted q for its tables and plots."""

import numpy as np

from varinf.inference.result import log_density

try:
    import arviz

    GROUPS_ARE_ARGUMENTS = int(arviz.__version__.split(".")[0]) < 1
except ImportError:
    GROUPS_ARE_ARGUMENTS = False
if not GROUPS_ARE_ARGUMENTS:  # from 1.0 on ArviZ makes trees of xarray, by a package that may also stand alone
    try:
        import arviz_base
    except ImportError as error:
        raise ImportError('Fit.to_arviz needs ArviZ: pip install "varinf[arviz]"') from error

from varinf import __version__

NOTE = "draws of q, not of the posterior: independent, without weights, in one chain"


def from_fit(fit, draws, rng):
    """Draws of a fit as ArviZ takes them; `Fit.to_arviz` is the public name.

    Parameters
    ----------
    fit : Fit
        Result of `varinf.fit`.
    draws : int
        Number of draws.
    rng : Generator
        Of the draws.

    Returns
    -------
    DataTree or InferenceData
        Groups "posterior", the parameters by name, and "sample_stats", log_p and log_q in free coordinates.
    """
    z, log_q = fit.q.sample_and_log_prob(draws, rng)
    target = fit.target
    # One chain: draws of q are independent, and more chains would only seem to have been run.
    posterior = {name: np.asarray(x)[None] for name, x in target.named(target.constrain(z)).items()}
    stats = {"log_p": log_density(target, z)[None], "log_q": np.asarray(log_q)[None]}
    groups = {"posterior": posterior, "sample_stats": stats}
    data = arviz.from_dict(**groups) if GROUPS_ARE_ARGUMENTS else arviz_base.from_dict(groups)
    for group in groups:
        data[group].attrs |= {"inference_library": "varinf", "inference_library_version": __version__, "note": NOTE}
    return data
