"""The same variational autoencoder trained by varinf and by a textbook loop in torch, on binary digits.

Both see the same 1,500 images, architecture (64-128-8-128-64, relu), batches of 100, Adam with a step of 1e-3, float32
and epochs; each starts as its library does. Ten seeds. What is compared is the IWELBO of 1,000 draws on the other 297
images, datum by datum, and the wall clock of training, one after the other. Two loops in torch: over a DataLoader, as
tutorials have it, and over rows of one tensor, which spares the loader.

    python benchmarks/vae_and_torch.py docs/guide/vae_and_torch.csv
"""

import csv
import statistics
import sys
import time

import numpy as np
import torch
from torch.nn import functional

import varinf as vi

SEEDS, EPOCHS, BATCH, RATE, THREADS = 10, 60, 100, 1e-3, 2
DATA = vi.datasets.digits("fixed").astype(np.float32)
TRAIN, TEST = DATA[:1500], DATA[1500:]
PRIOR = vi.DiagonalNormal.standard(8)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.code = torch.nn.Linear(64, 128), torch.nn.Linear(128, 16)
        self.back, self.logits = torch.nn.Linear(8, 128), torch.nn.Linear(128, 64)

    def encode(self, x):
        return self.code(torch.relu(self.hidden(x))).chunk(2, dim=-1)

    def decode(self, z):
        return self.logits(torch.relu(self.back(z)))


def in_batches(images):
    """Rows of one tensor in a new order."""
    return images[torch.randperm(len(images))].split(BATCH)


def from_loader(images):
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images), batch_size=BATCH, shuffle=True)
    return (x for (x,) in loader)


def train(seed, batches):
    torch.manual_seed(seed)
    net, images = Net(), torch.tensor(TRAIN)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for x in batches(images):
            loc, log_variance = net.encode(x)
            z = loc + torch.exp(log_variance / 2) * torch.randn_like(loc)
            reconstruction = functional.binary_cross_entropy_with_logits(net.decode(z), x, reduction="sum")
            divergence = -0.5 * torch.sum(1 + log_variance - loc**2 - log_variance.exp())
            loss = (reconstruction + divergence) / len(x)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return net


@torch.no_grad()
def iwelbo_of_torch(net):
    loc, log_variance = (x.double().numpy() for x in net.encode(torch.tensor(TEST)))

    def log_joint(x, z):
        logits, x = net.decode(torch.tensor(z, dtype=torch.float32)), torch.tensor(x, dtype=torch.float32)
        return (x * logits - functional.softplus(logits)).sum(-1).double().numpy() + PRIOR.log_prob(z)

    q = vi.DiagonalNormal.from_log_variance(loc, log_variance)
    return vi.evaluate(log_joint, TEST.astype(np.float64), q, draws=1000, rng=7).iwelbo().value


def paired(difference):
    """(mean, standard error) of (seeds, data), both of which are samples: their errors added in squares."""
    over_seeds = difference.mean(axis=1).std(ddof=1) / len(difference) ** 0.5
    over_data = difference.mean(axis=0).std(ddof=1) / difference.shape[1] ** 0.5
    return difference.mean(), np.hypot(over_seeds, over_data)


def timed(call):
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def main(path):
    torch.set_num_threads(THREADS)
    train(0, in_batches)  # what the first call pays for
    vi.VAE(8).fit(TRAIN, 2, rng=0)
    rows, bounds = [], []
    for seed in range(SEEDS):
        ours, seconds = timed(lambda seed=seed: vi.VAE(8, (128,)).fit(TRAIN, EPOCHS, rng=seed, batch_size=BATCH))
        loader, loader_seconds = timed(lambda seed=seed: train(seed, from_loader))
        plain, plain_seconds = timed(lambda seed=seed: train(seed, in_batches))
        bounds.append([ours.iwelbo(TEST, 1000, rng=7).value, iwelbo_of_torch(loader), iwelbo_of_torch(plain)])
        times = (f"{t:.2f}" for t in (seconds, loader_seconds, plain_seconds))
        rows.append((seed, *(f"{x.mean():.3f}" for x in bounds[-1]), *times))
        print(*rows[-1], flush=True)
    ours, *others = np.moveaxis(np.array(bounds), 1, 0)  # each (seeds, data)
    for name, theirs in zip(("DataLoader", "rows"), others, strict=True):
        mean, error = paired(ours - theirs)
        print(f"IWELBO less torch's ({name}): {mean:.3f} ± {error:.3f}, 95% lower limit {mean - 1.96 * error:.3f}")
    medians = [statistics.median(float(row[i]) for row in rows) for i in (4, 5, 6)]
    print("medians in seconds:", medians, "ratios:", [m / medians[0] for m in medians])
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("seed", "varinf", "torch, DataLoader", "torch, rows", "varinf, s", "DataLoader, s", "rows, s"))
        writer.writerows(rows)


if __name__ == "__main__":
    main(sys.argv[1])
