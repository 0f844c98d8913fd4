"""Standard normals addressed by their place in a stream: the same values however the work is split. NumPy only.

The contract. A stream is named by two 64-bit integers, the key. Its block b of 1,024 values is a function of (key, b)
alone, so that any share of a stream can be computed by itself, by any worker, in any order:

- *Seeds.* Word j of lane i starts as mix(mix(a + g c) + d), c = 32 b + 8 j + i, g = 2^64 / golden ratio, where a and d
  are mixtures of both halves of the key. `mix` is Stafford's variant 13, a bijection of 64 bits; as functions of c both
  rounds are bijections, hence the words of a key are distinct, and no generator starts from its fixed point, all zeros.
- *Integers.* Eight lanes of xoshiro256++, 128 steps: ``raw_bits(key0, key1, block)``, lane fastest. They are the same
  bits in both twins, on every processor.
- *Normals* by Box and Muller; pair i comes of integers i and 512 + i, its cosine is value i, its sine value 512 + i.
  float64: radius from the upper 52 bits of the first, (k + 1/2) / 2^52; angle from the second: bit 63 the sign of the
  cosine, bit 62 the swap of sine and cosine, the lower 52 bits a fraction in [-1/2, 1/2) of a quarter turn. float32 has
  a stream of its own, from the 32-bit halves of the first 512 integers, lower half first: 31 bits (values up to 6.66),
  then sign, swap and 23 bits. The twins agree to rounding.

``normals(key0, key1, start, count, dtype_char)`` returns values start … start + count - 1 of the stream of dtype "d" or
"f", one axis. With `loc` and `scale`, P values each, it returns loc[v mod P] + scale[v mod P] * (value v). They go into
`out` if it is given, in C order: fresh memory for millions of values takes longer than the values.

Sources: Box and Muller, Ann. Math. Statist. 29 (1958) 610; Blackman and Vigna, ACM Trans. Math. Softw. 47 (2021) 36,
xoshiro256++; Stafford, "Better Bit Mixing" (2011), and Steele, Lea and Flood, OOPSLA 2014, for mix and g.
"""

import math

import numpy as np

BLOCK, PAIRS, LANES = 1024, 512, 8
_GOLDEN = 0x9E3779B97F4A7C15
_AT_ONCE = 256  # blocks: their integers take 2 MB, and a NumPy call serves 2,048 lanes


def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _rotate(x, n):
    return (x << np.uint64(n)) | (x >> np.uint64(64 - n))


def _integers(key0, key1, blocks, steps):
    """Of each of `blocks` (uint64, one axis), the first 8 * steps integers, as (blocks, 8 * steps)."""
    key0, key1 = np.array([key0], dtype=np.uint64), np.array([key1], dtype=np.uint64)  # arrays wrap without a warning
    origin = _mix(key0 ^ _mix(key1 + np.uint64(_GOLDEN)))
    whiten = _mix(key1 ^ _mix(key0 + np.uint64(2 * _GOLDEN % 2**64)))
    counter = np.uint64(4 * LANES) * blocks[:, None] + np.arange(4 * LANES, dtype=np.uint64)
    seeds = _mix(_mix(origin + np.uint64(_GOLDEN) * counter) + whiten)
    s0, s1, s2, s3 = (np.ascontiguousarray(s) for s in np.split(seeds, 4, axis=1))
    out = np.empty((steps, *s0.shape), dtype=np.uint64)
    for step in range(steps):
        out[step] = _rotate(s0 + s3, 23) + s0
        shifted = s1 << np.uint64(17)
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = _rotate(s3, 45)
    return out.transpose(1, 0, 2).reshape(blocks.shape[0], LANES * steps)


def _polar(radius, fraction, swap, negative):
    """Radius and angle to pairs, in float64: (blocks, 512) each to (blocks, 1024)."""
    sine, cosine = np.sin(fraction * (math.pi / 2)), np.cos(fraction * (math.pi / 2))
    cosine = np.where(negative, -cosine, cosine)
    first, second = np.where(swap, sine, cosine), np.where(swap, cosine, sine)
    return np.concatenate([radius * first, radius * second], axis=1)


def _blocks64(key0, key1, blocks):
    raw = _integers(key0, key1, blocks, BLOCK // LANES)
    first, second = raw[:, :PAIRS], raw[:, PAIRS:]
    radius = np.sqrt(-2 * np.log(((first >> np.uint64(12)) + 0.5) * 2.0**-52))
    fraction = (second & np.uint64(2**52 - 1)) * 2.0**-52 - 0.5
    return _polar(radius, fraction, (second >> np.uint64(62)) & np.uint64(1) == 1, second >> np.uint64(63) == 1)


def _blocks32(key0, key1, blocks):
    raw = _integers(key0, key1, blocks, PAIRS // LANES)
    half = raw.astype("<u8", copy=False).view("<u4")
    first, second = half[:, :PAIRS], half[:, PAIRS:]
    uniform = (first >> 1).astype(np.float32) * np.float32(2.0**-31) + np.float32(2.0**-32)
    radius = np.sqrt(-2 * np.log(uniform.astype(np.float64)))
    fraction = (second & (2**23 - 1)) * 2.0**-23 - 0.5
    return _polar(radius, fraction, second >> 30 & 1 == 1, second >> 31 == 1)


def raw_bits(key0, key1, block):
    return _integers(key0, key1, np.array([block], dtype=np.uint64), BLOCK // LANES)[0]


def normals(key0, key1, start, count, dtype_char, loc=None, scale=None, out=None):
    make = _blocks32 if dtype_char == "f" else _blocks64
    stop, end = start + count, -(-(start + count) // BLOCK)
    out = np.empty(count, dtype=dtype_char) if out is None else out
    for first in range(start // BLOCK, end, _AT_ONCE):
        last = min(first + _AT_ONCE, end)
        low, high = max(start, first * BLOCK), min(stop, last * BLOCK)
        values = make(key0, key1, np.arange(first, last, dtype=np.uint64)).reshape(-1)
        values = values[low - first * BLOCK : high - first * BLOCK]
        if loc is not None:
            place = np.arange(low, high) % len(loc)
            values = loc[place] + scale[place] * values
        out[low - start : high - start] = values
    return out
