"""How often a model draws a digit: the share of samples that a classifier is confident of.

`python -m benchmarks.holes`; three minutes. Reads the shipped runs and the shipped classifier.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from core import data
from core.judge import classifier, exposure
from core.judge.classifier import Classifier
from core.latent import coding, sampling
from core.store import checkpoints, loading
from core.store.checkpoints import Run

VARIANTS = ("pca", "linear_ae", "stacked_ae", "denoising_ae", "vae", "multirate_vae")
LATENTS = (2, 16)
SEEDS = range(5)
SAMPLES = 1000
BETA = 1.0


def usual_runs(runs: Sequence[Run]) -> list[Run]:
    """Of each variant and K the longest trained one with fully connected layers."""
    found = []
    for variant in VARIANTS:
        for k in LATENTS:
            there = [
                run
                for run in runs
                if (run.record.variant, run.record.latent, run.record.data.name)
                == (variant, k, "mnist")
                and run.record.config.get("network", "mlp") == "mlp"
            ]
            found += [max(there, key=lambda run: run.record.samples)] if there else []
    return found


def shares(run: Run, judge: Classifier) -> dict[str, np.ndarray]:
    """By sampler the share of samples called a digit with confidence, one for each seed; and of the
    reconstructions of all held-out digits, once."""
    model = loading.load_model(run)
    dial = BETA if model.capabilities.has_dial else None
    codes = coding.encode(model, data.load("mnist-5k", "all").x, dial=dial).mean
    low, high = sampling.box(codes)
    prior = run.record.capabilities["has_prior"]

    def share(z: np.ndarray) -> float:
        return float(judge.confident(coding.decode(model, z, dial=dial)).mean())

    found: dict[str, list[float]] = {"prior": [], "mixture": [], "box": []}
    for seed in SEEDS:
        generator = np.random.default_rng(seed)
        if prior:
            drawn = coding.sample(model, SAMPLES, seed, dial)[1]
            found["prior"].append(float(judge.confident(drawn).mean()))
        mixture = sampling.fit_mixture(codes, seed)
        found["mixture"].append(share(mixture.sample(SAMPLES, generator)))
        found["box"].append(share(sampling.sample_box(SAMPLES, low, high, generator)))
    return {name: np.array(of) for name, of in found.items()} | {"again": np.array([share(codes)])}


def told(of: np.ndarray) -> str:
    """Mean and standard deviation over the seeds, in percent."""
    if not len(of):
        return "–"
    spread = f" ± {100 * of.std(ddof=1):.1f}" if len(of) > 1 else ""
    return f"{100 * of.mean():.1f}{spread}"


def main(argv: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(description=__doc__).parse_args(argv)
    judge = classifier.load()
    facts = judge.facts
    digits = data.load("mnist-5k", "all")
    runs = usual_runs(list(checkpoints.list_runs(checkpoints.shipped_store()).runs.values()))
    print(
        f"Share in percent of {SAMPLES:,} samples that the classifier calls a digit with "
        f"confidence, mean ± standard deviation over {len(SEEDS)}"
    )
    print("seeds of fit and draws. Mixture and box are of the codes of the 5,000 held-out digits.")
    print()
    print("| model | K | prior N(0, I) | Gaussian mixture | box | reconstructions |")
    print("|---|--:|--:|--:|--:|--:|")
    for run in runs:
        of = shares(run, judge)
        name = run.record.variant + (", β = 1" if run.record.variant == "multirate_vae" else "")
        row = " | ".join(told(of[sampler]) for sampler in ("prior", "mixture", "box", "again"))
        print(f"| {name} | {run.record.latent} | {row} |", flush=True)
    print()
    print("| what the classifier is shown instead | share, % |")
    print("|---|--:|")
    names = {
        "blend": "even blends of two digits of different classes",
        "shuffled": "digits whose four quarters are in random order",
        "crumbled": "digits whose sixteen pieces are in random order (a kind not in its training)",
        "clouds": "smooth noise",
        "noise": "uniform noise",
        "mean": "the mean digit",
    }
    print(f"| real digits: MNIST's test set | {100 * facts.share_real:.1f} |")
    print(
        f"| real digits: the 5,000 held-out ones | {100 * judge.confident(digits.x).mean():.1f} |"
    )
    for name, images in exposure.references(digits, facts.seed).items():
        print(f"| {names[name]} | {100 * judge.confident(images).mean():.1f} |")
    print()
    print(
        f"The classifier answers {facts.accuracy:.2%} of MNIST's test set and "
        f"{facts.accuracy_held_out:.2%} of the held-out digits rightly; with confidence means at "
        f"least {facts.threshold:g}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
