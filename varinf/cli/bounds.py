"""varinf bounds: bounds, errors and diagnostics of stored log weights; larger than memory is fine."""

import json
import math
import zipfile

import numpy as np

from varinf._text import wrapped
from varinf.cli._arguments import mebibytes, positive
from varinf.cli._stored import open_log_weights
from varinf.diagnostics.psis import tail_length
from varinf.evidence.reading import Reading
from varinf.evidence.state_file import DAMAGE
from varinf.evidence.streaming import LogWeights
from varinf.evidence.summary import summary_of_reading

HELP = "bounds, errors and diagnostics of stored log weights (.npy .npz .csv), streamed"


def add_arguments(parser):
    parser.description = (
        "Bounds on log p(x) from log weights log p(x, z) - log q(z | x), z drawn from q. "
        "The file is read once, in chunks. Memory: the chunk, and for each datum about "
        "200 bytes for sums, 36 sqrt(draws) for k_hat and 8 K with --k."
    )
    parser.add_argument("file", metavar="FILE", help=".npy, .npz or .csv (a line is a draw, a column a datum)")
    parser.add_argument("--axis", type=int, default=0, help="the axis of the draws (default 0)")
    parser.add_argument("--k", type=positive, metavar="K", help="also IWELBO_K, from groups of K consecutive draws")
    parser.add_argument("--key", metavar="NAME", help="the array of an .npz file")
    parser.add_argument("--json", action="store_true", help="print JSON, with every datum's numbers")
    parser.add_argument("--chunk-mb", type=mebibytes, default=8, metavar="N", help="MiB to read at a time (default 8)")


def run(arguments):
    """Prints the summary of a file. Returns the exit status."""
    try:
        about, reading = read_file(
            arguments.file, arguments.axis, arguments.k, arguments.key, arguments.chunk_mb * 2**20
        )
    except OSError as error:
        what = error.strerror or error
        raise ValueError(f"FILE {arguments.file}: {what}: give the path of a readable file") from error
    except MemoryError:  # of the work; DAMAGE has it for what reading a damaged file would take
        raise
    except zipfile.BadZipFile as error:
        raise ValueError(f"FILE {arguments.file}: the archive is damaged ({error}): write it again") from error
    except DAMAGE as error:
        raise ValueError(f"FILE {arguments.file}: {error}") from error
    summary = summary_of_reading(reading)
    if arguments.json:
        print(json.dumps({"file": arguments.file, "about": about} | summary.to_dict(), allow_nan=False))
    else:
        print("\n".join([*wrapped(f"{arguments.file}: {about}", "  ", first=""), str(summary)]))
    return 0


def _check_groups(k, draws):
    """Refuses groups that leave draws out of the value, as `iwelbo` does."""
    if k is None or draws % k == 0:
        return
    small = [d for d in range(1, math.isqrt(draws) + 1) if draws % d == 0]
    nearest = max(d for d in (*small, *(draws // d for d in small)) if d < k)
    useful = k > draws or 2 * nearest > k
    advice = f"use a divisor, such as {nearest:,}" if useful else f"leave {draws % k:,} of them out of the file"
    raise ValueError(f"--k {k}: it does not divide the file's {draws:,} draws: {advice}")


def read_file(path, axis=0, k=None, key=None, chunk_bytes=8 * 2**20):
    """(what the file is, in words; the `Reading` of its log weights), in memory that does not grow with the file."""
    with open_log_weights(path, axis, key, chunk_bytes) as stored:
        if stored.counted:
            _check_groups(k, stored.draws)
        tail = tail_length(stored.draws) + 1
        readings, state, columns = [], None, 0
        for first, cube in stored.chunks:
            if first == 0:
                if state is not None:
                    readings.append(state.read().settled())  # which lets its largest weights go
                    columns += math.prod(state.batch_shape)
                state = LogWeights(k, tail)
            try:
                state.update(cube, axis=1)
            except ValueError:
                raise ValueError(_place(cube, first, columns, stored)) from None
        readings.append(state.read().settled())
    whole = Reading.concatenate([part.reshaped(-1) for part in readings])
    _check_groups(k, whole.moments().draws)
    count = whole.k_hat().size
    batch = () if count == 1 else stored.batch or (count,)
    return stored.about, whole.reshaped(batch, stored.order)


def _place(cube, first, columns, stored):
    """Where the first nan or +inf is, for people."""
    bad = ~(cube < math.inf)
    o, draw, i = map(int, np.unravel_index(int(np.argmax(bad)), cube.shape))
    datum = stored.datum(columns + o * cube.shape[2] + i)
    where = f" of datum {datum[0] if len(datum) == 1 else datum}" if datum else ""
    return (
        f"{cube[o, draw, i]} at draw {first + draw:,}{where} (counted from 0): log weights are numbers or -inf; "
        "look at the model's log density there"
    )
