"""Squared error at a stated number of bits: VQ-VAE beside PCA and autoencoders with rounded codes.

`python -m benchmarks.bits [--run ID] [--beside ID …]`: the shipped VQ-VAE, or another of the user's
runs, on MNIST's test set. A code of M entries at each of P places takes P·log₂ M bits. PCA and the
autoencoders get as many: each number of their codes is rounded to 2ᵇ levels by a Lloyd–Max
quantiser fitted to training digits, and bits go one by one to the number that gains most by one
more, so that PCA takes the K that is best. What is printed is summed over pixels, a mean over
images.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.decomposition import PCA

from core import data
from core.latent import coding
from core.store import checkpoints, loading

FITTED = 4000  # training digits that quantisers are fitted to
MOST_BITS = 10  # of one number
WIDEST = 200  # numbers of PCA's code that may get bits


def lloyd_max(values: np.ndarray, bits: int, rounds: int = 30) -> np.ndarray:
    """Levels of a scalar quantiser with the least mean squared error: 2 to the bits, rising.

    Max (1960), Quantizing for minimum distortion; Lloyd (1982), Least squares quantization in PCM.
    """
    count = 2**bits
    levels = np.quantile(values, (np.arange(count) + 0.5) / count)
    for _ in range(rounds):
        nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, values)
        sums = np.bincount(nearest, values, minlength=count)
        chosen = np.bincount(nearest, minlength=count)
        levels = np.where(chosen > 0, sums / np.maximum(chosen, 1), levels)
    return np.sort(levels)


def rounded(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, values)]


def quantisers(codes: np.ndarray, weights: np.ndarray, bits: int) -> list[np.ndarray]:
    """For each number of a code its levels, with so many bits in all.

    Args:
        codes: of training digits, (count, K).
        weights: what a squared error of 1 in each number costs in the image, (K,).
        bits: in all.
    """
    width = codes.shape[1]
    given = np.zeros(width, int)
    levels = [np.array([codes[:, k].mean()]) for k in range(width)]
    ahead: dict[int, np.ndarray] = {}

    def error(k: int, with_levels: np.ndarray) -> float:
        return weights[k] * ((codes[:, k] - rounded(codes[:, k], with_levels)) ** 2).mean()

    def gain(k: int) -> float:
        if given[k] == MOST_BITS:
            return -1.0
        ahead[k] = lloyd_max(codes[:, k], given[k] + 1)
        return error(k, levels[k]) - error(k, ahead[k])

    gains = np.array([gain(k) for k in range(width)])
    for _ in range(bits):
        k = int(gains.argmax())
        levels[k] = ahead[k]
        given[k] += 1
        gains[k] = gain(k)
    return levels


def at_bits(codes: np.ndarray, levels: list[np.ndarray]) -> np.ndarray:
    """Codes (count, K) with each number rounded to its levels."""
    return np.stack([rounded(codes[:, k], own) for k, own in enumerate(levels)], 1)


def sse(x: np.ndarray, x_hat: np.ndarray) -> float:
    return float(((x - x_hat.reshape(len(x), -1)) ** 2).sum(1).mean())


def of_pca(train: np.ndarray, test: np.ndarray, bits: int) -> tuple[int, float, float]:
    """How many numbers of a code got bits, the error with so many, and before rounding."""
    pca = PCA(WIDEST, svd_solver="covariance_eigh").fit(train)
    levels = quantisers(pca.transform(train[:FITTED]), np.ones(WIDEST), bits)
    codes = pca.transform(test)
    used = sum(len(own) > 1 for own in levels)
    error = sse(test, pca.inverse_transform(at_bits(codes, levels)))
    codes[:, used:] = 0  # numbers are in the order of their variance, and so are their bits
    return used, error, sse(test, pca.inverse_transform(codes))


def of_run(
    run: checkpoints.Run, train: np.ndarray, test: np.ndarray, bits: int
) -> tuple[float, float]:
    """Error of an autoencoder with rounded codes, and before rounding."""
    model = loading.load_model(run)
    fitted = coding.encode(model, train[:FITTED]).mean
    base = coding.decode(model, fitted)
    step = 0.05 * fitted.std(0)
    weights = np.empty(fitted.shape[1])
    for k in range(len(weights)):  # what a small change of each number does to the image
        moved = fitted[:500].copy()
        moved[:, k] += step[k]
        change = coding.decode(model, moved) - base[:500]
        weights[k] = (change**2).reshape(500, -1).sum(1).mean() / step[k] ** 2
    levels = quantisers(fitted, weights, bits)
    codes = coding.encode(model, test).mean
    flat = test.reshape(len(test), -1).astype(np.float32) / 255
    plain = coding.decode(model, codes)
    found = coding.decode(model, at_bits(codes, levels).astype(np.float32))
    return sse(flat, found), sse(flat, plain)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", help="a VQ-VAE; else the one that ships")
    parser.add_argument("--beside", nargs="*", default=[], help="else those that ship")
    parser.add_argument("--store", help="folder of runs; else the user's and those that ship")
    arguments = parser.parse_args()
    stores = [arguments.store] if arguments.store else []
    stores += [checkpoints.user_store(), checkpoints.shipped_store()]
    runs = {}
    for store in reversed(stores):
        runs |= checkpoints.list_runs(store).runs
    quantised = [r for r in runs.values() if "code_bits" in r.record.metrics.get("mnist/test", {})]
    run = runs[arguments.run] if arguments.run else quantised[0]
    beside = [runs[name] for name in arguments.beside] or [
        r
        for r in runs.values()
        if r.record.variant in ("stacked_ae", "basic_ae") and r.record.latent > 2
    ]
    train = data.load("mnist", "train-55k").x
    test = data.load("mnist", "test").x
    told = run.record.metrics["mnist/test"]
    bits = round(told["code_bits"])
    entries = run.record.config["entries"]
    print("| Code | bits | squared error | before rounding |\n|---|---:|---:|---:|")
    print(
        f"| {run.id}: perplexity {told['perplexity']:.1f} of {entries}, "
        f"{told['code_bits_prior']:.0f} bits under its prior | {bits} | "
        f"**{told['squared_error']:.2f}** | |"
    )
    flat = [x.reshape(len(x), -1).astype(np.float32) / 255 for x in (train, test)]
    latent, rounded_error, plain = of_pca(*flat, bits)
    print(f"| PCA, K = {latent} | {bits} | {rounded_error:.2f} | {plain:.2f} |", flush=True)
    for one in beside:
        error, plain = of_run(one, train, test, bits)
        print(f"| {one.id} | {bits} | {error:.2f} | {plain:.2f} |", flush=True)


if __name__ == "__main__":
    main()
