"""Which dimension holds which factor: the VAE and the β-VAE on images whose factors are known.

`python -m benchmarks.factors [--seeds N ...] [--data NAME]`. Both at one budget and with one
network, five seeds; scores of the means of 5,000 held-out images, none of which is in the training
set. The measures are asked first about the factors themselves as a code, and about noise.
Runs are kept in the user's run store, so what was trained once is only read again; some twenty
minutes on two cores. Ends with 1 where the β-VAE's MIG is not above the VAE's for every seed.
"""

from __future__ import annotations

import argparse
import statistics
import sys

import numpy as np

from benchmarks.zoo import Row, trained
from core import data
from core.config import TrainConfig
from core.models import variant
from core.store import checkpoints
from core.training.evaluate import factor_scores

PASSES, LATENT = 20, 10
NETWORK = {"hidden": (256, 128)}
MEMBERS = ("vae", "beta_vae")
SCORES = {
    "MIG": "mig",
    "SAP": "sap",
    "disentanglement": "disentanglement",
    "completeness": "completeness",
    "informativeness": "informativeness",
    "squared error": "squared_error",
    "rate": "rate",
}


def scores_of(name: str, seed: int, images: data.Dataset, test: data.Dataset) -> Row:
    """A member's scores on the test set, trained now if no store has it."""
    kind = variant(name)
    request = checkpoints.Request(
        name,
        kind.Config.checked({"latent": LATENT, **NETWORK}),
        images,
        TrainConfig.checked({"epochs": PASSES, "seed": seed}),
    )
    return trained(request, test).record.metrics[f"{test.name}/{test.split}"]


def bounds(test: data.Dataset) -> dict[str, Row]:
    """The measures of a perfect code and of a useless one."""
    factors = test.factors
    assert factors is not None
    noise = np.random.default_rng(0).normal(size=(len(factors), LATENT))
    return {
        "the factors themselves": factor_scores(factors.astype(np.float32), factors),
        "noise": factor_scores(noise, factors),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--data", choices=data.known_factors.names(), default="known-shapes")
    chosen = parser.parse_args()
    images, test = data.load(chosen.data, "train"), data.load(chosen.data, "test")
    print(
        f"{PASSES} passes over the {len(images):,} images of {images.name}/{images.split}, K = "
        f"{LATENT}, {NETWORK}; scores on {len(test):,} of its test split.\n"
    )
    print("| | " + " | ".join(SCORES) + " |\n|---|" + "--:|" * len(SCORES), flush=True)
    for name, found in bounds(test).items():
        print(
            f"| {name} | "
            + " | ".join(f"{found[key]:.3f}" if key in found else "" for key in SCORES.values())
            + " |"
        )
    found = {name: [] for name in MEMBERS}
    for seed in chosen.seeds:
        for name in MEMBERS:
            scores = scores_of(name, seed, images, test)
            found[name].append(scores)
            row = " | ".join(f"{scores[key]:.3f}" for key in SCORES.values())
            print(f"| {variant(name).title}, seed {seed} | {row} |", flush=True)
    for name, rows in found.items():
        means = (statistics.mean(row[key] for row in rows) for key in SCORES.values())
        print(
            f"| **{variant(name).title}, mean** | " + " | ".join(f"{m:.3f}" for m in means) + " |"
        )
    ahead = sum(b["mig"] > a["mig"] for a, b in zip(*found.values(), strict=True))
    print(f"\nMIG of the β-VAE above the VAE's: {ahead} of {len(chosen.seeds)} seeds.")
    return int(ahead < len(chosen.seeds))


if __name__ == "__main__":
    sys.exit(main())
