"""How good the models are: test scores on MNIST's official test set, trained on the 60,000.

Runs are kept in the user's run store, so what was trained once is only read again.
`python -m benchmarks.quality [--only NAME ...]`; about 45 minutes on two cores the first time.
With `--recipes FILE [--steps N ...] [--seeds N ...]` instead how far trainings of some lengths get
by several recipes; what was measured before is read from FILE. About two hours on one quiet core
for all of it, 2 minutes for 600 steps.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.progress import Progress as Bar

from benchmarks import recipes
from core import data
from core.config import TrainConfig
from core.models import variant
from core.store import checkpoints
from core.training import runner

PUBLISHED = {"pca-2": 43.6, "pca-16": 21.0, "pca-32": 13.2, "hinton-30": 3.00}
THEN = {"schedule": "cosine", "start": "plain"}  # as these runs were trained
LINEAR = THEN | {"epochs": 20, "batch_size": 256, "learning_rate": 1e-2}
PLANS: dict[str, tuple[str, dict, dict]] = {
    **{f"pca-{k}": ("pca", {"latent": k}, THEN) for k in (2, 16, 32)},
    **{f"linear-{k}": ("linear_ae", {"latent": k}, LINEAR) for k in (2, 16, 32)},
    "hinton-30": (
        "stacked_ae",
        {"latent": 30, "hidden": (1000, 500, 250)},
        THEN | {"epochs": 100, "batch_size": 256, "learning_rate": 1e-3},
    ),
    **{
        f"vae-{k}": (
            "vae",
            {"latent": k, "hidden": (512, 256), "pixels": "binary"},
            THEN | {"epochs": 30, "batch_size": 256, "learning_rate": 1e-3},
        )
        for k in (2, 16)
    },
}


def scores(name: str) -> dict[str, float]:
    """Test scores of one plan, trained now if it is not in the store."""
    kind, config, training = PLANS[name]
    request = checkpoints.Request(
        kind,
        variant(kind).Config.checked(config),
        data.load("mnist", "train"),
        TrainConfig.checked(training),
    )
    store = checkpoints.user_store()
    runs = checkpoints.list_runs(store).runs
    if request.id not in runs or runs[request.id].record.status != "complete":
        with Bar(disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task(name, total=None)
            for progress in runner.run(request, store, test=data.load("mnist", "test")):
                bar.update(task, total=progress.steps, completed=progress.step)
                if progress.step % (progress.steps // 10 or 1) < 3:
                    print(name, progress.step, progress.steps, progress.terms, file=sys.stderr)
        runs = checkpoints.list_runs(store).runs
    return runs[request.id].record.metrics["mnist/test"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=list(PLANS), choices=list(PLANS))
    parser.add_argument("--recipes", type=Path, metavar="FILE")
    parser.add_argument("--steps", type=int, nargs="*", default=list(recipes.STEPS))
    parser.add_argument("--seeds", type=int, nargs="*", default=list(recipes.SEEDS))
    asked = parser.parse_args()
    if asked.recipes:
        found = recipes.measured(asked.recipes, tuple(asked.steps), tuple(asked.seeds))
        recipes.print_table(found)
        return
    wanted = asked.only
    found = {name: scores(name) for name in wanted}
    print("| model | squared error / image | published | against PCA at the same K |")
    print("|---|---|---|---|")
    for name, values in found.items():
        error = values["squared_error"]
        pca = found.get(f"pca-{name.rsplit('-')[-1]}", {}).get("squared_error")
        ratio = f"{100 * (error / pca - 1):+.2f} %" if pca else ""
        print(f"| {name} | {error:.3f} | {PUBLISHED.get(name, '')} | {ratio} |")
    print()
    print("| VAE, dynamically binarised pixels | rate | distortion | ELBO | active units |")
    print("|---|---|---|---|---|")
    for name, values in found.items():
        if "elbo_binary" in values:
            row = [values[key] for key in ("rate_binary", "distortion_binary", "elbo_binary")]
            units = int(values["active_units"])
            print(f"| {name} | " + " | ".join(f"{v:.2f}" for v in row) + f" | {units} |")


if __name__ == "__main__":
    main()
