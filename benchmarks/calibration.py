"""Writes the calibration table of the documentation: python benchmarks/calibration.py (a minute or two).

The study itself stands in tests/evidence/study.py, where the tests hold it against what the package promises.
"""

import argparse
import csv
import math
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "evidence"))

from study import TABLE_CASES, TABLE_DRAWS, study  # noqa: E402

SHARES = (
    "elbo",
    "iwelbo",
    "caveat",
    "silent_iwelbo",
    "jackknife",
    "thermodynamic",
    "bridge_caveat",
    "markov_low",
    "markov_high",
)


def rows():
    for draws, replications in TABLE_DRAWS.items():
        for case in TABLE_CASES:
            shares = study(case, draws, replications)
            print(f"{case.name}, tail index {case.tail_index:.1f}, {draws:,} draws", file=sys.stderr)
            yield [case.name, f"{case.tail_index:.1f}", draws, replications, *(_percent(shares[s]) for s in SHARES)]


def _percent(share):
    return "" if math.isnan(share) else f"{100 * share:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "guide" / "calibration.csv")
    with parser.parse_args().output.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["weights", "tail_index", "draws", "replications", *SHARES])
        table.writerows(rows())


if __name__ == "__main__":
    main()
