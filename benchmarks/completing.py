"""How well hidden quadrants are told from seen ones: the completing VAE on MNIST's test set.

`python -m benchmarks.completing [--hidden 256 128] [--latent 16] [--epochs 20]`: what the shipped
run reaches, or one that is trained as asked (kept in the user's run store; an epoch of 60,000
digits takes about 10 s on two cores). The quadrants are those of Sohn et al. (2015) and of Pyro's
reproduction: the lower left one; the left half; all but the lower right one. All numbers are nats
per image, the negative ELBO of what is hidden: its cross-entropy with one draw of z, and the whole
rate.
"""

from __future__ import annotations

import argparse

import torch

from core import data
from core.config import TrainConfig
from core.latent import coding
from core.measures import losses
from core.models import variant
from core.models.conditions import quadrant_mask
from core.models.signals import Condition
from core.store import checkpoints, loading
from core.training import runner

SEEN = ((2,), (0, 2), (0, 1, 2))
PUBLISHED = (71.8, 51.0, 24.2)  # grey cross-entropy, not a likelihood
NAME = "completing_vae"
BATCH = 1000


def shipped() -> checkpoints.Run:
    runs = checkpoints.list_runs(checkpoints.shipped_store()).runs.values()
    return next(run for run in runs if run.record.variant == NAME)


def trained(knobs: dict, epochs: float) -> checkpoints.Run:
    """The user's run of these knobs, trained where it isn't there yet."""
    request = checkpoints.Request(
        NAME,
        variant(NAME).Config.checked(knobs),
        data.load("mnist", "train"),
        TrainConfig.checked({"epochs": epochs, "batch_size": 128}),
    )
    store = checkpoints.user_store()
    if request.id not in checkpoints.list_runs(store).runs:
        for progress in runner.run(request, store, test=data.load("mnist", "test")):
            if progress.step % 500 < 3:
                print(progress.step, progress.steps, progress.terms, flush=True)
    return checkpoints.list_runs(store).runs[request.id]


@torch.no_grad()
def hidden_nats(model, x: torch.Tensor, seen: tuple[int, ...]) -> float:
    """Negative ELBO of the hidden part, in nats per image: (count, 1, 28, 28) in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    total = 0.0
    for part in x.split(BATCH):
        flags = torch.zeros(len(part), 4, dtype=torch.bool)
        flags[:, list(seen)] = True
        mask = quadrant_mask(flags, part)
        condition = Condition(image=part * mask, seen=mask)
        levels = model.encode(part, condition, generator)
        logits = model.decode(levels[0].z, condition)
        total += len(part) * float(losses.bernoulli_nll(logits, part, 1 - mask))
        total += float(model.rate_each(levels).sum())
    return total / len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, nargs="*")
    parser.add_argument("--latent", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=20)
    asked = parser.parse_args()
    run = shipped()
    if asked.hidden:
        run = trained({"hidden": tuple(asked.hidden), "latent": asked.latent}, asked.epochs)
    model = loading.load_model(run)
    x = coding.to_tensor(data.load("mnist", "test").x)
    drawn = torch.bernoulli(x, generator=torch.Generator().manual_seed(0))
    print(f"{run.id}\n")
    print("| quadrants seen | grey cross-entropy | published | floor | as 0 or 1 |")
    print("|--:|--:|--:|--:|--:|")
    for seen, published in zip(SEEN, PUBLISHED, strict=True):
        flags = torch.zeros(1, 4, dtype=torch.bool)
        flags[:, list(seen)] = True
        mask = 1 - quadrant_mask(flags, x[:1])
        floor = float(losses.bernoulli_nll(x.clamp(1e-6, 1 - 1e-6).logit(), x, mask))
        grey, binary = hidden_nats(model, x, seen), hidden_nats(model, drawn, seen)
        print(f"| {len(seen)} | {grey:.2f} | {published} | {floor:.1f} | {binary:.2f} |")


if __name__ == "__main__":
    main()
