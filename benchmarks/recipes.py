"""How far trainings of one length get by one recipe or another: what `benchmarks.quality` prints.

Each recipe sees as many images, `steps` batches of 128, with the same network and seeds:

- fitted: what is usual here, a cosine whose peak fits the number of steps, begun at the mean;
- cosine: what was usual before, from 0.002 and a plain start;
- constant: 0.002 throughout, a plain start;
- pythae: the loop of pythae's examples for MNIST (Chadebec et al., 2022), torch's Adam at 0.001
  throughout, batches of 100, torch's own initialisation.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

import torch

from core import data, models
from core.config import TrainConfig
from core.data import Dataset
from core.models import variant
from core.models.base import Member
from core.models.signals import Moment
from core.training import loop
from core.training.evaluate import evaluate
from core.training.step import Resident

STEPS = (600, 2000, 9000, 26000)
SEEDS = (0, 1, 2)
BATCH, THEIR_BATCH = 128, 100
MODELS = {"vae": "elbo_binary", "stacked_ae": "squared_error"}  # and what is told of each
LATENT = 16
RECIPES: dict[str, Mapping[str, object]] = {
    "fitted": {},
    "cosine": {"schedule": "cosine", "start": "plain"},
    "constant": {"schedule": "constant", "start": "plain", "warmup": 0.0},
    "pythae": {},
}
CPU = torch.device("cpu")


def score(kind: str, recipe: str, steps: int, seed: int, digits: Dataset, test: Dataset) -> float:
    """A model's score on the test set after a training of so many steps."""
    config = variant(kind).Config.checked({"latent": LATENT})
    model = models.build(kind, config, models.signature_of(digits), seed)
    if recipe == "pythae":
        theirs(model, digits, steps * BATCH, seed)
    else:
        asked = {"epochs": steps * BATCH / len(digits), "batch_size": BATCH, "seed": seed}
        loop.drain(loop.train(model, digits, TrainConfig.checked(asked | RECIPES[recipe]), CPU))
    return evaluate(model.eval(), test.x)[MODELS[kind]]


def theirs(model: Member, digits: Dataset, samples: int, seed: int) -> None:
    """The usual loop: Adam at one rate, batches of one order after the other."""
    torch.manual_seed(seed)
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    resident = Resident(digits, CPU)
    generator = torch.Generator().manual_seed(seed)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(round(samples / THEIR_BATCH)):
        if len(order) < THEIR_BATCH:
            order = resident.shuffled(generator)
        index, order = order[:THEIR_BATCH], order[THEIR_BATCH:]
        batch = model.prepare(*resident.batch(index), generator)
        terms = model.loss_terms(batch, model(batch, generator), Moment(1.0))
        optimiser.zero_grad()
        sum(terms.values()).backward()
        optimiser.step()


def measured(kept: Path, lengths: tuple[int, ...], seeds: tuple[int, ...]) -> dict[str, float]:
    """Scores by `model steps recipe seed`, those in the file `kept` read and the others measured
    and written there, the shortest first."""
    found: dict[str, float] = {}
    if kept.exists():
        found = json.loads(kept.read_text(encoding="utf-8"))
    digits, test = data.load("mnist", "train"), data.load("mnist", "test")
    torch.set_num_threads(1)
    for steps in lengths:
        for seed in seeds:
            for kind in MODELS:
                for recipe in RECIPES:
                    name = f"{kind} {steps} {recipe} {seed}"
                    if name not in found:
                        found[name] = score(kind, recipe, steps, seed, digits, test)
                        kept.write_text(json.dumps(found, indent=0), encoding="utf-8")
                        print(name, round(found[name], 2), file=sys.stderr, flush=True)
    return found


def print_table(found: Mapping[str, float]) -> None:
    """Rows by model and steps, a column a recipe: mean ± standard deviation over the seeds."""
    print(f"K = {LATENT}, 784-320-160 and back, MNIST's 60,000; {BATCH} images a step, as many for")
    print("each recipe. VAE: binarised ELBO, nats per image; stacked AE: squared error per image.")
    print("Test set, mean ± standard deviation over the seeds; the best in bold.")
    print()
    print(f"| model | steps | seeds | {' | '.join(RECIPES)} |")
    print("|---|--:|--:|" + "--:|" * len(RECIPES))
    for kind, told in MODELS.items():
        lengths = {int(name.split()[1]) for name in found if name.startswith(f"{kind} ")}
        for steps in sorted(lengths):
            each = {
                recipe: [
                    v for name, v in found.items() if name.startswith(f"{kind} {steps} {recipe} ")
                ]
                for recipe in RECIPES
            }
            means = {recipe: statistics.mean(values) for recipe, values in each.items() if values}
            best = (min if told == "squared_error" else max)(means, key=lambda name: means[name])
            cells = []
            for recipe, values in each.items():
                spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
                shown = f"{means[recipe]:.2f}{spread}" if values else "–"
                cells.append(f"**{shown}**" if recipe == best else shown)
            counts = sorted({len(values) for values in each.values()} - {0})
            seeds = "–".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
            print(f"| {kind} | {steps:,} | {seeds} | {' | '.join(cells)} |")
