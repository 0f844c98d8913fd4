import numpy as np
import pytest

from varinf.divergences.pairs import check_pair, diagonal_rows, full_rows
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal

Q = DiagonalNormal(np.zeros((3, 2)), np.full((3, 2), 2.0))


def test_check_pair():
    check_pair(Q, Q)
    check_pair(Q, Q[0])
    cases = [
        (Q, DiagonalNormal.standard(3), ValueError, "q has dim 2 but p has dim 3"),
        (Q, Q[:2], ValueError, r"q has batch shape \(3,\) but p has \(2,\)"),
        (Q, Q[:1], ValueError, r"q has batch shape \(3,\) but p has \(1,\)"),  # it would broadcast
        (Q[0], Q, ValueError, r"q has batch shape \(\) but p has \(3,\)"),
        (Q, Categorical(probs=[0.5, 0.5]), TypeError, "over categories"),
        (np.zeros(2), Q, TypeError, "q is ndarray; give a family"),
    ]
    for q, p, kind, sentence in cases:
        with pytest.raises(kind, match=sentence):
            check_pair(q, p)


def test_rows():
    arrays, log_power = diagonal_rows(Q, Q[0])
    assert [x.shape for x in arrays] == [(3, 2), (3, 2), (1, 2), (1, 2)] and not log_power
    # p's scales come as q's do.
    arrays, log_power = diagonal_rows(DiagonalNormal.from_log_variance([0.0], [2.0]), DiagonalNormal([0.0], [np.e]))
    assert log_power == 2 and arrays[1] == 2.0 and arrays[3] == pytest.approx(2.0)
    arrays, _ = diagonal_rows(Q, DiagonalNormal.standard(2))
    assert len(arrays) == 2
    arrays, like = full_rows(Q, FullNormal(np.zeros(2), np.eye(2)))
    assert [x.shape for x in arrays] == [(3, 2), (3, 2, 2), (1, 2), (1, 2, 2)]
    np.testing.assert_array_equal(arrays[1], 2 * np.broadcast_to(np.eye(2), (3, 2, 2)))
    np.testing.assert_array_equal(full_rows(Q[0], DiagonalNormal.standard(2))[0][3], [np.eye(2)])
    assert like.dtype == np.float64
