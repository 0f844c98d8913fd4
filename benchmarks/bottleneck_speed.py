"""The curve of the information bottleneck, 40 betas of 8 starts, by varinf, embo and dit: seconds, and how right.

A random joint distribution of 50 x 20 symbols: p(x) uniform over the simplex, each p(y|x) from a Dirichlet distribution
of a given concentration. Betas are evenly spaced, which embo asks for, from 0.7 to 20 times the critical one. What is
done:

- varinf: `vi.information_bottleneck_curve` as it stands, residual 1e-9;
- embo 1.1.0 as it stands (relative tolerance 1e-3 of the cost, 100 iterations) and at 1e-8 with 5,000. It puts a KL in
  bits into the exponential of nats, so that its beta is log 2 times ours, which it is given;
- dit 2.3: `blahut_arimoto_ib` with 8 starts, on 2 of the betas only, and the seconds of those times 20.

Each is judged by what its points are worth at their betas: I(T;X) - beta I(T;Y), in nats, above the least that is
known, from 8 starts of varinf's taken to their ends, other ones than in the race.

Rounds in which the contenders take turns, dit in the first alone; one thread; medians of the seconds.

    OPENBLAS_NUM_THREADS=1 python benchmarks/bottleneck_speed.py docs/guide/bottleneck_speed.csv
"""

import csv
import math
import statistics
import sys
import time
import warnings

import numpy as np

import varinf as vi

X, Y, BETAS, STARTS, ROUNDS = 50, 20, 40, 8, 5
CONCENTRATIONS = (0.3, 1.0, 5.0)
NAMES = ("p(y|x)", "solver", "seconds", "excess, median", "excess, largest", "ratio to varinf")


def table(concentration, seed=1):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(X))[:, None] * rng.dirichlet(np.full(Y, concentration), size=X)


def by_varinf(p_xy, betas):
    curve = vi.information_bottleneck_curve(p_xy, betas, restarts=STARTS)
    return 1.0, betas, curve.I_TX, curve.I_TY


def by_embo(p_xy, betas, **options):
    from embo import InformationBottleneck

    np.random.seed(0)  # noqa: NPY002, its generator
    ends = {"minbeta": betas[0] * math.log(2), "maxbeta": betas[-1] * math.log(2), "numbeta": len(betas)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solver = InformationBottleneck(
            pxy=p_xy.copy(), restarts=STARTS, ensure_monotonic_bound=False, **ends, **options
        )
        I_TX, I_TY, _, at = solver.get_bottleneck()[:4]
    return 1.0, np.array(at) / math.log(2), np.array(I_TX) * math.log(2), np.array(I_TY) * math.log(2)


def by_dit(p_xy, betas):
    from dit.rate_distortion.blahut_arimoto import blahut_arimoto_ib

    some = betas[[len(betas) // 4, 3 * len(betas) // 4]]
    np.random.seed(0)  # noqa: NPY002
    informations = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for beta in some:
            _, joint = blahut_arimoto_ib(p_xy, beta, restarts=STARTS)
            pairs = joint.sum(axis=1), joint.sum(axis=0)  # (x, t), (y, t)
            informations.append([vi.mutual_information(pair / pair.sum()) for pair in pairs])
    return len(betas) / len(some), some, *np.array(informations).T


CONTENDERS = {
    "varinf": by_varinf,
    "embo": by_embo,
    "embo, rtol 1e-8": lambda p_xy, betas: by_embo(p_xy, betas, rtol=1e-8, iterations=5000),
    "dit": by_dit,
}


def installed(name):
    """Whether the library of a contender is at hand."""
    try:
        __import__(name.split(",")[0])
    except ImportError:
        return False
    return True


def run(name, p_xy, betas):
    """(seconds for all betas, betas, I_TX, I_TY)."""
    start = time.perf_counter()
    share, *found = CONTENDERS[name](p_xy, betas)
    return (time.perf_counter() - start) * share, *found


def grid(p_xy):
    return np.linspace(0.7, 20, BETAS) * vi.critical_beta(p_xy)


def excess(at, I_TX, I_TY, p_xy, betas):
    """Of I(T;X) - beta I(T;Y) over the least that 8 starts find, each taken to its end, at each of the betas; nats."""
    least = [vi.information_bottleneck(p_xy, float(beta), restarts=8, rng=1).objective for beta in betas]
    return I_TX - at * I_TY - np.interp(at, betas, least)


def rows(concentration):
    """The rows of one joint distribution."""
    p_xy = table(concentration)
    betas = grid(p_xy)
    names = [name for name in CONTENDERS if installed(name)]
    small = table(1.0, 2)[:6] / table(1.0, 2)[:6].sum()
    for name in names:  # what the first call loads is not timed
        run(name, small, grid(small)[:2])
    times, found = {name: [] for name in names}, {}
    for _ in range(ROUNDS):
        for name in names:
            if name != "dit" or not times[name]:  # once: minutes
                seconds, *found[name] = run(name, p_xy, betas)
                times[name].append(seconds)
    ours = statistics.median(times["varinf"])
    for name in names:
        above = excess(*found[name], p_xy, betas)
        seconds = statistics.median(times[name])
        figures = f"{seconds:.2f}", _short(np.median(above)), _short(above.max()), f"{seconds / ours:.0f}"
        yield (f"Dirichlet({concentration:g})", name, *figures)


def _short(x):
    return "0" if abs(x) < 1e-9 else f"{x:.0e}" if abs(x) < 1e-3 else f"{x:.3f}"


def main(path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(NAMES)
        for concentration in CONCENTRATIONS:
            for row in rows(concentration):
                print(*row, flush=True)
                writer.writerow(row)


if __name__ == "__main__":
    main(*sys.argv[1:])
