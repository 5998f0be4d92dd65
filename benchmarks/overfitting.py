"""Where small autoencoders begin to overfit: errors on digits that they were trained on and on
held-out ones along the training, for several widths and K, and with noise or a KL.

`python -m benchmarks.overfitting [--to checkpoints/few_digits.json]`; half an hour on one
core. Each model is trained four times, on four disjoint sets of 500 digits, so that its held-out
error falls into bias and variance, which add up to it: the squared error of the four models' mean
answer, and how far their answers lie from it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import data, models
from core.config import TrainConfig
from core.data.strata import stratified
from core.latent import coding
from core.measures import metrics
from core.models import variant
from core.training import loop

SETS = 4
DIGITS = 500  # of each training set
EPOCHS = (2, 4, 10, 20, 40, 100, 200, 400)  # after which errors are taken; the loop reports each
TRAIN = {"batch_size": 100, "learning_rate": 1e-3, "schedule": "constant"}
WIDTHS = (8, 32, 128, 256)
LATENTS = (8, 2, 32, 128)
SIZE = {"latent": 8, "hidden": (128,)}  # of what is set against the plain autoencoder
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("stacked_ae", {}),
    "noise": ("denoising_ae", {"noise": "masking", "level": 0.3}),
    "kl": ("vae", {"beta": 1.0}),
    "no_kl": ("vae", {"beta": 0.0}),  # what the one before differs from in its KL alone
}


def plans() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind, variant, its knobs) of every model that is trained."""
    (usual,) = SIZE["hidden"]
    sizes = [(latent, usual) for latent in LATENTS] + [(SIZE["latent"], width) for width in WIDTHS]
    for latent, width in dict.fromkeys(sizes):
        yield "plain", "stacked_ae", {"latent": latent, "hidden": (width,)}
    for kind, (name, knobs) in KINDS.items():
        if kind != "plain":  # which stands among the sizes
            yield kind, name, {**SIZE, **knobs}


def training_sets() -> list[data.Dataset]:
    """Disjoint sets of digits, in each of which every class has its share."""
    whole = data.load("mnist-5k", "train")
    left, found = np.arange(len(whole)), []
    for i in range(SETS):
        chosen = stratified(whole.labels[left], DIGITS) if len(left) > DIGITS else np.arange(DIGITS)
        found.append(whole.subset(left[chosen], f"train-{i}"))
        left = np.delete(left, chosen)
    return found


def answers(
    name: str, knobs: dict[str, Any], digits: data.Dataset, held_out: np.ndarray, seed: int
) -> Iterator[tuple[float, np.ndarray]]:
    """At each of `EPOCHS` the mean squared error on the digits that it is trained on (summed over
    pixels, averaged over images), and its answers to the held-out ones: (count, 1, 28, 28)."""
    torch.manual_seed(seed)
    model = models.build(name, variant(name).Config.checked(knobs), models.signature_of(digits))
    config = TrainConfig.checked({**TRAIN, "epochs": EPOCHS[-1], "seed": seed})
    due = {epochs * len(digits) for epochs in EPOCHS}
    for progress in loop.train(model, digits, config, torch.device("cpu")):
        if progress.samples in due:
            model.eval()
            seen = digits.x.astype(np.float32) / 255
            error = metrics.squared_error_each(seen, coding.reconstruct(model, digits.x)).mean()
            yield float(error), coding.reconstruct(model, held_out)
            model.train()


def measured(name: str, knobs: dict[str, Any], sets: list[data.Dataset]) -> dict[str, list[float]]:
    """Errors at each of `EPOCHS`, in squared error per image: `seen`, `held_out`, and its parts
    `bias` and `variance`, of four models that saw different digits."""
    held_out = data.load("mnist-5k", "test").x
    clean = held_out.astype(np.float32) / 255
    trainings = [answers(name, knobs, digits, held_out, seed) for seed, digits in enumerate(sets)]
    found: dict[str, list[float]] = {"seen": [], "held_out": [], "bias": [], "variance": []}
    for step in zip(*trainings, strict=True):
        given = np.stack([answer for _, answer in step]).astype(np.float64)
        mean = given.mean(0)
        spread = np.mean([metrics.squared_error_each(mean, one).mean() for one in given])
        whole = np.mean([metrics.squared_error_each(clean, one).mean() for one in given])
        # Of so few models the spread is too small by one part in SETS, and the bias as much too
        # large; what is given is unbiased.
        variance = spread * SETS / (SETS - 1)
        found["seen"].append(float(np.mean([error for error, _ in step])))
        found["held_out"].append(float(whole))
        found["variance"].append(float(variance))
        found["bias"].append(float(whole - variance))
    return {key: [round(value, 3) for value in values] for key, values in found.items()}


def main() -> int:
    """Measure all of it and write one file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=Path("checkpoints/few_digits.json"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    sets = training_sets()
    held_out = data.load("mnist-5k", "test").x.astype(np.float32) / 255
    rows = []
    for kind, name, knobs in plans():
        errors = measured(name, knobs, sets)
        width = knobs["hidden"][0]
        rows.append({"kind": kind, "latent": knobs["latent"], "width": width, **errors})
        last = ", ".join(f"{key} {values[-1]:.2f}" for key, values in errors.items())
        print(f"{kind}, K = {knobs['latent']}, width {width}: {last}", flush=True)
    told = {
        "epochs": list(EPOCHS),
        "digits": DIGITS,
        "sets": SETS,
        "held_out": len(held_out),
        "mean_image": round(metrics.mean_image_error(held_out), 3),
        "train": TRAIN,
        "kinds": {kind: {"variant": name, **knobs} for kind, (name, knobs) in KINDS.items()},
        "rows": rows,
    }
    text = json.dumps(told, separators=(",", ":")).replace('{"kind"', '\n{"kind"')
    asked.to.write_text(f"{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
