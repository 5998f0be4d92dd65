"""The runs that ship with the software, and the one command that makes them.

`python -m core bank` trains what is missing and leaves what is there; stopped half-way, it goes on
with the next missing run the next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core import checkpoints, data, train
from core.config import TrainConfig
from core.models import variant


@dataclass(frozen=True)
class Plan:
    """One run to ship: a variant, its knobs and its training."""

    variant: str
    config: dict
    train: dict


_LINEAR = {"epochs": 20, "batch_size": 256, "learning_rate": 1e-2, "store": "float16"}
_DEEP = {"epochs": 60, "batch_size": 128, "learning_rate": 1e-3, "store": "float16"}
_CONV = {"epochs": 15, "batch_size": 128, "learning_rate": 1.5e-3, "store": "float16"}
_CHANNELS = {"network": "conv", "channels": (16, 32)}

SHIPPED = (
    Plan("vae", {"latent": 2}, _DEEP),
    Plan("pca", {"latent": 2}, {"store": "float16"}),
    Plan("linear_ae", {"latent": 2}, _LINEAR),
    Plan("stacked_ae", {"latent": 2}, _DEEP),
    Plan("denoising_ae", {"latent": 2}, _DEEP),
    Plan("vae", {"latent": 16}, _DEEP),
    Plan("stacked_ae", {"latent": 16}, _DEEP),
    Plan("pca", {"latent": 16}, {"store": "float16"}),
    Plan("pca", {"latent": 64}, {"store": "float16"}),
    Plan("linear_ae", {"latent": 16}, _LINEAR),
    Plan("vae", {"latent": 2, **_CHANNELS}, _CONV),
    Plan("vae", {"latent": 16, **_CHANNELS}, _CONV),
    Plan("denoising_ae", {"latent": 16}, _DEEP),
    Plan("multirate_vae", {"latent": 2}, _DEEP | {"epochs": 30}),
    Plan("multirate_vae", {"latent": 16, "hidden": (256, 128)}, _DEEP | {"epochs": 25}),
)


def requests(plans: tuple[Plan, ...] = SHIPPED) -> list[train.Request]:
    """What the plans ask for: trained on MNIST's training set without the 5,000 of mnist-5k.

    Raises:
        DataError: where MNIST is not at the data root.
    """
    digits = data.load("mnist", "train-55k")
    return [
        train.Request(
            plan.variant,
            variant(plan.variant).Config.checked(plan.config),
            digits,
            TrainConfig.checked(plan.train),
        )
        for plan in plans
    ]


def missing(wanted: list[train.Request], store: Path) -> list[train.Request]:
    """The requests that the store doesn't hold as complete runs."""
    runs = checkpoints.list_runs(store).runs
    return [
        request
        for request in wanted
        if request.id not in runs or runs[request.id].record.status != "complete"
    ]


def make(request: train.Request, store: Path) -> Iterator[train.Progress]:
    """Train one run of the bank, with its scores on the test set and on the held-out digits."""
    return train.run(
        request, store, test=data.load("mnist", "test"), on_map=data.load("mnist-5k", "all")
    )
