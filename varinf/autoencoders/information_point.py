"""One encoder on the information plane: what it keeps of the data, and what of the labels."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from varinf.autoencoders.calibration import calibration
from varinf.autoencoders.label_information import label_information
from varinf.information.index_information import index_information
from varinf.information.leave_one_out import leave_one_out
from varinf.information.rate import rate

SILENT = 1e-2  # nats: less than this is no code
AFFORDABLE = 2_000  # data: each code against each datum is a matrix of so many squared
COLLAPSED = "collapsed: predicts the class frequencies"
_AT_ONCE = 2**20  # numbers of a block of codes against all data
BINS = 15  # of a calibration


@dataclass(frozen=True, eq=False)
class InformationPoint:
    """One information bottleneck on the plane of I(X;Z) and I(Y;Z).

    In expectation, on data that the fit never saw, label information ≤ I(Y;Z) ≤ H(Y) and I(Y;Z) ≤ I(X;Z) ≤ rate; and
    index information ≤ I(X;Z) ≤ the smaller of rate and leave-one-out.

    Parameters
    ----------
    rate_weight : float
        Weight of the rate, 1/beta.
    rate : Estimate
        Mean KL to the prior: an upper bound on I(X;Z).
    label_information : Estimate
        A lower bound on I(Y;Z).
    index_information : Estimate
        Of I(n;Z) of the data set, ≤ log N.
    leave_one_out : Estimate or None
        Another upper bound on I(X;Z); None beyond 2,000 data.
    calibration : Calibration
        Error, log loss and calibration of the predictions.
    model : VIB
        The bottleneck itself.

    See Also
    --------
    varinf.VIB.information_plane : What makes one.
    varinf.vib_plane : A sweep over weights.
    """

    rate_weight: float
    rate: Any
    label_information: Any
    index_information: Any
    leave_one_out: Any
    calibration: Any
    model: Any

    @property
    def collapsed(self):
        """Whether the code is silent: the rate is below 0.01 nats, and so is all that it tells about labels."""
        return bool(self.rate.to("nats").value < SILENT)

    @property
    def state(self):
        """What has become of the code, in words."""
        return COLLAPSED if self.collapsed else "in use"

    def to(self, units):
        """The same point in other units; `rate_weight` has none.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show it in.

        Returns
        -------
        InformationPoint
            With its estimates converted.
        """
        names = ("rate", "label_information", "index_information", "leave_one_out")
        found = {name: getattr(self, name) for name in names}
        log_loss = self.calibration.log_loss.to(units)
        return replace(
            self,
            **{name: None if x is None else x.to(units) for name, x in found.items()},
            calibration=replace(self.calibration, log_loss=log_loss),
        )

    def __str__(self):
        found = (self.rate, self.label_information, self.index_information, self.leave_one_out)
        lines = [f"rate weight {self.rate_weight:.3g}, {self.state}", *(str(x) for x in found if x is not None)]
        return "\n".join([*lines, str(self.calibration).splitlines()[0]])


def information_point(vib, X, y, entropy, over, draws, rng):
    """`VIB.information_plane`, whose docstring says what it does; its arguments are checked."""
    q, codes = vib.encode(X), vib._codes(y, len(X))
    p, log_q = vib._answers(q, codes, draws, rng)
    return InformationPoint(
        vib.rate_weight,
        rate(q, over=over),
        label_information(log_q, codes, len(vib.classes_), entropy, over),
        index_information(q, rng=rng),
        _leave_one_out(q, rng, over) if 3 <= len(q) <= AFFORDABLE else None,
        calibration(p, codes, BINS, rng),
        vib,
    )


def _leave_one_out(q, rng, over):
    """The bound from one code of each datum.

    On the data set as it stands it bounds I(n;Z) too: KL(q_n || q(z)) <= (1 - 1/N) KL(q_n || mean of the others), since
    KL is convex in its second argument.
    """
    z, n = q.sample(1, rng)[0], len(q)
    log_conditional = np.empty((n, n))
    for start in range(0, n, size := max(1, _AT_ONCE // z.size)):
        codes = z[start : start + size, None]
        log_conditional[:, start : start + size] = q.log_prob(np.broadcast_to(codes, (len(codes), *z.shape))).T
    found = leave_one_out(log_conditional)
    return replace(found, quantity="I(X;Z)" if over == "population" else "I(n;Z)")
