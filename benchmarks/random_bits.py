"""Writes the generator's integers to standard output without end, for a battery of tests of randomness:

    python benchmarks/random_bits.py | dieharder -g 200 -a

--normals writes the 32-bit fractions Phi(z) of the normals instead: what Box and Muller did to the integers shows too.
"""

import argparse
import sys
from itertools import count

import numpy as np
from scipy.special import ndtr

from varinf._kernels import kernel

KEY = (20260425, 1234567890123456789)


def integers():
    raw_bits = kernel("random_normal", np.empty(0)).raw_bits
    for block in count():
        yield raw_bits(*KEY, block)


def from_normals():
    """32 bits a value: the fraction has 52, the upper tail of ndtr fewer."""
    normals = kernel("random_normal", np.empty(0)).normals
    for block in count():
        uniform = ndtr(normals(*KEY, 1024 * block, 1024, "d"))
        yield np.minimum(uniform * 2.0**32, 2.0**32 - 1).astype(np.uint32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--normals", action="store_true", help="from the normals, not the integers")
    words = from_normals() if parser.parse_args().normals else integers()
    try:
        for block in words:
            sys.stdout.buffer.write(block.tobytes())
    except BrokenPipeError:  # the battery has had enough
        sys.stderr.close()


if __name__ == "__main__":
    main()
