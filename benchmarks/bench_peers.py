"""varinf beside every installed peer, torch.compile included, at all sizes; writes the table of the documentation:

    python benchmarks/bench_peers.py                 # docs/benchmarks.json: an hour
    python benchmarks/bench_peers.py --only KL --json kl.json

The cases stand in varinf/cli/_contenders.py, which `varinf bench` runs too. What is not installed is left out: numpy,
scipy, numba, torch (eager and compiled), jax (jit), arviz and arviz-stats make the table whole.
"""

import sys
from pathlib import Path

from varinf.__main__ import main

STORED = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.json"

if __name__ == "__main__":
    options = sys.argv[1:]
    if "--json" not in options:
        options += ["--json", str(STORED)]
    raise SystemExit(main(["bench", "--peers", "--full", *options]))
