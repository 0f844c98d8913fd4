"""The stream of normals: known answers, any split the same, and the statistics of what comes out.

The statistics are z values, standard normal for a faultless generator, held below 5 at fixed keys; beside them
stand the faults that they must see.
"""

from itertools import pairwise

import numpy as np
import pytest
from cases import GOLDEN, Xoshiro, splitmix_finaliser
from test_parity import twins

from varinf import _kernels

MODULES = [pytest.param(module, id=level) for level, module in twins("random_normal")]
modules = pytest.mark.parametrize("module", MODULES)
chars = pytest.mark.parametrize("char", ["d", "f"])
BLOCK = 1024


def draw(key, count, char="d", start=0):
    """From the fastest twin here, as float64."""
    module = _kernels.kernel("random_normal", np.empty(0, char))
    return module.normals(*key, start, count, char).astype(np.float64)


# What is published ---------------------------------------------------------------------------------------------------


def test_oracle_is_xoshiro_and_splitmix():
    """The yardstick of the case table against the published test vectors of both generators."""
    step = Xoshiro([1, 2, 3, 4])
    assert [step() for _ in range(4)] == [41943041, 58720359, 3588806011781223, 3591011842654386]
    words = [splitmix_finaliser(1234567 + GOLDEN * (i + 1)) for i in range(3)]
    assert words == [6457827717110365317, 3203168211198807973, 9817491932198370423]


KNOWN_BITS = [4915791629152204464, 10717634957827034748, 7985657451425636407, 1515131935427099382]
KNOWN_NORMALS = {
    "d": [0.5748934933844498, 0.9332071925422132, 1.2854897437842259, -0.1483160623199414],
    "f": [1.1417033, -1.5973111, 0.2170263, 0.9262617],
}


@modules
def test_known_answers(module):
    """Streams do not change between releases."""
    bits = module.raw_bits(1, 2, 3)
    assert bits.dtype == np.uint64 and bits.shape == (BLOCK,)
    assert [int(w) for w in bits[[0, 1, 511, 1023]]] == KNOWN_BITS
    for char, known in KNOWN_NORMALS.items():
        values = module.normals(1, 2, 3 * BLOCK, BLOCK, char)
        np.testing.assert_allclose(values[[0, 1, 511, 1023]], known, rtol=0, atol=1e-6 if char == "f" else 1e-14)


@modules
@chars
def test_any_split_is_the_whole(module, char):
    rng = np.random.default_rng(0)
    key, offset, count = (2**64 - 1, 2**63), 5 * BLOCK - 100, 7 * BLOCK + 300
    whole = module.normals(*key, offset, count, char)
    assert whole.dtype == np.dtype(char) and whole.shape == (count,)
    for pieces in (1, 2, 5, 40):
        cuts = [0, *np.sort(rng.integers(0, count, pieces)), count]
        parts = [module.normals(*key, offset + int(a), int(b - a), char) for a, b in pairwise(cuts)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(module.normals(*key, offset + BLOCK, 0, char), whole[:0])


@modules
@chars
@pytest.mark.parametrize("period", [1, 7, BLOCK, BLOCK + 1, 3000])
def test_location_and_scale(module, char, period):
    """Value v of the stream is multiplied and shifted by entry v mod period, wherever a share of it begins."""
    loc, scale = np.random.default_rng(period).normal(size=(2, period)).astype(char)
    start, count = 2 * BLOCK - 77, 5 * BLOCK + 300
    place = np.arange(start, start + count) % period
    expected = loc[place] + scale[place] * module.normals(8, 9, start, count, char).astype(np.float64)
    whole = np.empty(count, char)
    assert module.normals(8, 9, start, count, char, loc, scale, whole) is whole
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-6 if char == "f" else 4e-15)
    out = np.full(count, np.nan, char)
    for a, b in pairwise([0, 1, 2 * BLOCK + 5, 2 * BLOCK + 5, 4 * BLOCK + 77, count]):
        module.normals(8, 9, start + a, b - a, char, loc, scale, out[a:b])
    np.testing.assert_array_equal(out, whole)


def test_compiled_refuses_what_does_not_fit():
    for module in (module for level, module in twins("random_normal") if level != "reference"):
        for loc, scale, out in ((None, None, np.empty(3)), (np.ones(2), np.ones(3), None), (np.ones(2), None, None)):
            with pytest.raises(ValueError, match="out has shape"):
                module.normals(1, 2, 0, 4, "d", loc, scale, out)


def test_reference_in_pieces(monkeypatch):
    from varinf._kernels import random_normal

    whole = random_normal.normals(3, 4, 1000, 9 * BLOCK, "d")
    monkeypatch.setattr(random_normal, "_AT_ONCE", 2)
    np.testing.assert_array_equal(random_normal.normals(3, 4, 1000, 9 * BLOCK, "d"), whole)


# Integers ------------------------------------------------------------------------------------------------------------

KEYS = [(0, 0), (1, 0), (0, 1), (2**64 - 1, 2**64 - 1), (GOLDEN, 0), (2**64 - GOLDEN, 2 * GOLDEN % 2**64)]


def integers(key, blocks):
    module = _kernels.kernel("random_normal", np.empty(0))
    return np.stack([module.raw_bits(*key, block) for block in blocks])


def ones(words):
    """How many of `words` have each of the 64 bits."""
    return np.unpackbits(words.reshape(-1, 1).view(np.uint8), axis=1).sum(axis=0)


@pytest.mark.parametrize("key", KEYS)
def test_every_bit_is_fair(key):
    words = integers(key, range(64))
    z = (ones(words) - words.size / 2) / np.sqrt(words.size / 4)
    assert np.abs(z).max() < 5


def test_neighbours_differ_in_half_their_bits():
    """One bit of the key or of the block's number changes every integer's every bit with probability 1/2."""
    changed = []
    for bit in range(64):
        for a, b, block in ((1 << bit, 0, 0), (0, 1 << bit, 0), (0, 0, 1 << min(bit, 53))):
            changed.append(integers((5, 6), [7]) ^ integers((5 ^ a, 6 ^ b), [7 ^ block]))
    z = (ones(np.stack(changed)) - len(changed) * BLOCK / 2) / np.sqrt(len(changed) * BLOCK / 4)
    assert np.abs(z).max() < 5


def test_no_integer_twice():
    """2^17 of 64 bits: a repetition has probability 5e-10, unless streams of different keys or blocks share a state."""
    words = np.concatenate([integers(key, range(21)).reshape(-1) for key in KEYS])
    assert np.unique(words).size == words.size


# Normals -------------------------------------------------------------------------------------------------------------

COUNT = 2**19


def moments(x):
    """z of the means of x, x^2, x^3 and x^4, whose variances are 1, 2, 15 and 96."""
    x2 = x * x
    sums = np.array([x.sum(), x2.sum() - x.size, np.dot(x, x2), np.dot(x2, x2) - 3 * x.size])
    return list(sums / np.sqrt(x.size * np.array([1, 2, 15, 96])))


def tails(x):
    """z of the counts beyond 2, 3 and 4."""
    from scipy.special import ndtr

    expected = x.size * 2 * ndtr([-2.0, -3.0, -4.0])
    counts = [np.count_nonzero(np.abs(x) > t) for t in (2, 3, 4)]
    return list((counts - expected) / np.sqrt(expected))


def correlations(x, lags):
    """z of the mean of x_i x_(i + lag), and of the same of the squares."""
    squares = (x * x - 1) / np.sqrt(2)
    return [np.dot(y[:-lag], y[lag:]) / np.sqrt(y.size - lag) for lag in lags for y in (x, squares)]


def chi_square(values):
    """z of a sum of squares of standard normals."""
    return [(np.sum(values**2) - values.size) / np.sqrt(2 * values.size)]


def blocks_and_places(x):
    """z of the spread of block means, and of the means of each place in the block."""
    table = x.reshape(-1, BLOCK)
    return chi_square(table.mean(axis=1) * np.sqrt(BLOCK)) + chi_square(table.mean(axis=0) * np.sqrt(len(table)))


LAGS = (1, 2, 3, 7, 8, 9, 16, 64, 511, 512, 513, 520, 1023, 1024, 1025, 1032, 2048)


def every_z(x):
    return np.array(moments(x) + tails(x) + correlations(x, LAGS) + blocks_and_places(x))


@chars
@pytest.mark.parametrize("key", [(0, 0), (1, 2), (2**64 - 1, 12345)])
def test_statistics(key, char):
    assert np.abs(every_z(draw(key, COUNT, char))).max() < 5


@chars
def test_distribution(char):
    """Kolmogorov's distance; sqrt(n) D > 2.4 has probability 2e-5."""
    from scipy.special import ndtr

    u = np.sort(ndtr(draw((8, 9), COUNT, char)))
    rank = np.arange(COUNT) / COUNT
    assert np.sqrt(COUNT) * max(np.max(u - rank), np.max(rank + 1 / COUNT - u)) < 2.4


@chars
def test_pairs_fill_the_plane(char):
    """The angle of a pair, cosine and sine, is uniform, and independent of the radius."""
    table = draw((10, 11), COUNT, char).reshape(-1, 2, 512)
    cosine, sine = table[:, 0].reshape(-1), table[:, 1].reshape(-1)
    far = np.hypot(cosine, sine) > np.sqrt(2 * np.log(2))  # the median radius
    sector = np.floor((np.arctan2(sine, cosine) / (2 * np.pi) + 0.5) * 64).astype(int).clip(0, 63)
    counts = np.bincount(sector + 64 * far, minlength=128)
    expected = cosine.size / 128
    z = (np.sum((counts - expected) ** 2 / expected) - 127) / np.sqrt(2 * 127)
    assert abs(z) < 5


@chars
def test_neighbouring_keys_and_distant_blocks_are_independent(char):
    size = 2**17
    streams = [draw(key, size, char) for key in KEYS] + [draw(KEYS[0], size, char, start=2**60)]
    z = np.corrcoef(streams)[np.triu_indices(len(streams), 1)] * np.sqrt(size)
    assert np.abs(z).max() < 5


@chars
def test_values_are_finite_and_reach_the_tail(char):
    """Of 2^22 values 2.4 lie beyond 5 on average; beyond 6.7 float32 cannot reach, and float64 with p = 1e-4."""
    x = draw((12, 13), 2**22, char)
    assert np.isfinite(x).all() and 4.9 < np.abs(x).max() < 6.7


def faulty(name):
    """Streams with one fault each, from sound normals."""
    x = draw((14, 15), COUNT)
    table = x.reshape(-1, BLOCK)
    if name == "scale off by 1%":
        return 1.01 * x
    if name == "radius from 10 bits":
        return np.clip(x, -3.9, 3.9)
    if name == "two lanes share a seed":
        table[:, 1::8] = table[:, ::8]
    if name == "a block repeats in the next":
        table[1::2] = table[::2]
    if name == "one lane in eight starts alike in all blocks":
        table[:, :4] = table[0, :4]
    if name == "one radius for neighbouring pairs":
        radius = np.hypot(table[:, :512], table[:, 512:])
        ratio = radius[:, ::2] / radius[:, 1::2]
        table[:, 1:512:2] *= ratio
        table[:, 513::2] *= ratio
    return x


@pytest.mark.parametrize(
    "name",
    [
        "scale off by 1%",
        "radius from 10 bits",
        "two lanes share a seed",
        "a block repeats in the next",
        "one lane in eight starts alike in all blocks",
        "one radius for neighbouring pairs",
    ],
)
def test_faults_are_seen(name):
    assert np.abs(every_z(faulty(name))).max() > 5
