"""The deep information bottleneck on digits, by the weight of its rate: python benchmarks/vib_digits.py (a minute).

Ten seeds; each splits the 1,797 images into 1,200 to fit and 597 to place, and fits one bottleneck (64-128-16, 60
epochs) at each weight. Information is in nats, on held-out data. Does error rise at the left arm, where little is
charged? `rise` is the error at a weight less that at 0.01, in points, paired by seed. Its 95% interval is Student's,
with the variance that splits of one data set need: (1/10 + 597/1200) times the sample variance, since fits share data
(Nadeau, Bengio 2003). Logistic regression and a perceptron of 128 units, from scikit-learn, see the same splits.
"""

import argparse
import csv
import math
import warnings
from pathlib import Path

import numpy as np
from scipy.special import stdtrit
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

import varinf as vi

ROOT = Path(__file__).resolve().parents[1]
SEEDS, TRAIN, EPOCHS = 10, 1200, 60
WEIGHTS, REFERENCE = [0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0], 1e-2
COLUMNS = ("rate", "label_information", "index_information", "leave_one_out")
CALIBRATION = ("ece", "ece_if_calibrated")


def split(seed):
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    X, y = X[order] / 16, y[order]
    return (X[:TRAIN], y[:TRAIN]), (X[TRAIN:], y[TRAIN:])


def peers(fit, held_out, seed):
    """Errors of scikit-learn's classifiers, in percent."""
    models = {
        "logistic": LogisticRegression(max_iter=2000),
        "MLP": MLPClassifier((128,), batch_size=100, max_iter=EPOCHS, random_state=seed),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as many epochs as the bottleneck
        return {name: 100 * (1 - model.fit(*fit).score(*held_out)) for name, model in models.items()}


def interval(differences):
    """Mean and half the width of its interval, for fits on overlapping splits."""
    count, held_out = len(differences), len(load_digits().target) - TRAIN
    error = np.std(differences, ddof=1) * math.sqrt(1 / count + held_out / TRAIN)
    return np.mean(differences), stdtrit(count - 1, 0.975) * error


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "guide" / "vib_digits.csv")
    output = parser.parse_args().output
    planes, others = [], []
    for seed in range(SEEDS):
        fit, held_out = split(seed)
        planes.append(vi.vib_plane(*fit, WEIGHTS, held_out=held_out, epochs=EPOCHS, rng=seed))
        others.append(peers(fit, held_out, seed))
    errors = np.array([[100 * point.calibration.error for point in plane] for plane in planes])
    reference = errors[:, WEIGHTS.index(REFERENCE)]
    with output.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["model", "weight", *COLUMNS, "error, %", "rise", "±", "ECE", "calibrated ECE", "collapsed"])
        for k, weight in enumerate(WEIGHTS):
            points = [plane[k] for plane in planes]
            numbers = [_nats(np.mean([float(getattr(p, name)) for p in points])) for name in COLUMNS]
            ece = [f"{np.mean([getattr(p.calibration, name) for p in points]):.3f}" for name in CALIBRATION]
            silent = f"{sum(p.collapsed for p in points)}/{SEEDS}"
            table.writerow(["VIB", f"{weight:g}", *numbers, *_errors(errors[:, k], reference), *ece, silent])
        for name in others[0]:
            each = np.array([found[name] for found in others])
            table.writerow([name, "", *[""] * len(COLUMNS), *_errors(each, reference), "", "", ""])


def _nats(x):
    return f"{x:.1f}" if x >= 10 else f"{x:.3f}"


def _errors(errors, reference):
    rise, half = interval(errors - reference)
    return [f"{errors.mean():.2f}", f"{rise:.2f}", f"{half:.2f}"]


if __name__ == "__main__":
    main()
