"""Convolutions beside fully connected layers, at equal numbers of weights and at one budget.

`python -m benchmarks.convolutions [--passes N] [--seeds N ...]`. AE, DAE and VAE with K = 16 on
MNIST without the digits of mnist-5k; squared error of the official test set, as it is and shifted
across by 2 and 4 pixels, with paper where nothing came from: all were trained on digits in the
middle. Runs are kept in the user's run store, and those that ship are taken as they are.
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np

from benchmarks.zoo import Row, trained
from core import data
from core.config import TrainConfig
from core.data import Dataset
from core.latent import coding
from core.measures.metrics import squared_error_each
from core.models import variant
from core.store import checkpoints, loading

PASSES, LATENT = 6, 16
NETWORKS = {
    "fully connected": {"hidden": (256, 128)},
    "convolutional": {"network": "conv", "channels": (16, 32), "dense": 143},
}
MEMBERS = {"stacked_ae": {}, "denoising_ae": {"level": 0.3}, "vae": {}}
SHIFTS = (0, 2, 4)  # pixels to either side
SHIFTED = 2000  # test digits that are shifted


def shifted(x: np.ndarray, by: int) -> np.ndarray:
    """Images (count, channels, height, width) moved to the right, or to the left below 0."""
    moved = np.zeros_like(x)
    wide = x.shape[-1]
    moved[..., max(0, by) : wide + min(0, by)] = x[..., max(0, -by) : wide - max(0, by)]
    return moved


def row_of(
    name: str, network: str, seed: int, passes: float, digits: Dataset, test: Dataset
) -> Row:
    """Parameters, seconds, and squared errors by shift."""
    request = checkpoints.Request(
        name,
        variant(name).Config.checked({"latent": LATENT, **NETWORKS[network], **MEMBERS[name]}),
        digits,
        TrainConfig.checked({"epochs": passes, "seed": seed}),
    )
    run = trained(request, test)
    model = loading.load_model(run)
    row = {"parameters": float(sum(p.numel() for p in model.parameters()))}
    row["seconds"] = run.record.seconds
    for shift in SHIFTS:
        errors = []
        for by in {shift, -shift}:
            x = shifted(test.x[:SHIFTED], by) / np.float32(255)
            errors.append(squared_error_each(x, coding.reconstruct(model, x)).mean())
        row[f"shift_{shift}"] = float(np.mean(errors))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=float, default=PASSES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    asked = parser.parse_args()
    digits, test = data.load("mnist", "train-55k"), data.load("mnist", "test")
    print("| model | network | weights | seconds | squared error | shifted by 2 | shifted by 4 |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for name in MEMBERS:
        for network in NETWORKS:
            rows = [row_of(name, network, seed, asked.passes, digits, test) for seed in asked.seeds]
            mean = {key: statistics.mean(row[key] for row in rows) for key in rows[0]}
            shifts = " | ".join(f"{mean[f'shift_{shift}']:.1f}" for shift in SHIFTS)
            print(
                f"| {variant(name).title} | {network} | {mean['parameters']:,.0f} "
                f"| {mean['seconds']:.0f} | {shifts} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
