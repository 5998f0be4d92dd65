"""Small real data, small configurations and bad values that several tests share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from core import data
from core.config import Knob, Settings, TrainConfig
from core.data import Dataset, Provenance
from core.models import VARIANTS
from core.models.abilities import Taught
from core.models.base import Member
from core.models.signals import Signature
from tests import trials

torch.set_num_threads(1)  # networks as small as these only lose by more

REPOSITORY = Path(__file__).resolve().parents[1]
SMALL_KNOBS = {"latent": 3, "hidden": (24, 12), "channels": (4, 6), "entries": 8, "active": 2}
QUICK = TrainConfig(epochs=4, batch_size=20, learning_rate=3e-3, schedule="cosine")


@cache
def small_digits(count: int = 100, offset: int = 0) -> Dataset:
    """Real digits of mnist-5k, cropped to 24 and averaged down to 12 pixels a side."""
    whole = data.load("mnist-5k", "all")
    chosen = whole.x[offset : offset + count, :, 2:26, 2:26].astype(np.float32)
    small = chosen.reshape(count, 1, 12, 2, 12, 2).mean((3, 5)).round().astype(np.uint8)
    return Dataset(
        name="small",
        split=f"{offset}-{offset + count}",
        x=small,
        labels=whole.labels[offset : offset + count].copy(),
        class_names=whole.class_names,
        provenance=whole.provenance,
    )


@cache
def small_data(kind: str, count: int = 100, offset: int = 0) -> Dataset:
    """A small data set of each kind there is: digits, digits that move, or ratings."""
    digits = small_digits(count, offset)
    if kind == "images":
        return digits
    if kind == "sequences":
        moved = [np.roll(digits.x, step, axis=3) for step in range(3)]
        fields = {"x": np.stack(moved, axis=1), "labels": digits.labels}
        return Dataset(
            name="moving",
            split=digits.split,
            class_names=digits.class_names,
            provenance=digits.provenance,
            kind="sequences",
            **fields,
        )
    generator = np.random.default_rng(offset)
    observed = generator.random((count, 20)) < 0.4
    taste = generator.normal(size=(count, 2)) @ generator.normal(size=(2, 20))
    ratings = np.clip(np.round(3 + taste), 1, 5).astype(np.float32)
    return Dataset(
        name="ratings",
        split=digits.split,
        x=np.where(observed, ratings, 0).astype(np.float32),
        labels=np.full(count, -1),
        class_names=(),
        provenance=Provenance("made here", "MIT"),
        observed=observed,
        kind="ratings",
    )


def signature_of(dataset: Dataset) -> Signature:
    return Signature(dataset.shape, dataset.classes, dataset.kind)


# Every variant: those that are registered, and those on trial.
EVERY = (*VARIANTS, *trials.CLASSES)


def kind_of(name: str) -> type[Member]:
    """The class of a variant, registered or on trial."""
    return trials.trial(name) if name in trials.CLASSES else VARIANTS[name]


def data_of(name: str, count: int = 100, offset: int = 0) -> Dataset:
    """Small data of the kind that a variant works on."""
    return small_data(kind_of(name).kinds[0], count, offset)


def teacher_of(dataset: Dataset) -> torch.nn.Module:
    """A small network of fixed weights, for variants that learn from one."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        size = int(np.prod(dataset.shape))
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, 6), torch.nn.Tanh())


def built_model(name: str, config: Settings, dataset: Dataset, seed: int = 0) -> Member:
    """A fresh model of a variant, taught where it must be."""
    model = kind_of(name)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = model(config, signature_of(dataset))
    if isinstance(made, Taught):
        made.listen(teacher_of(dataset))
    return made


def small_config(variant: str, **changes):
    """A variant's configuration with narrow layers."""
    config = kind_of(variant).Config
    there = {name: v for name, v in SMALL_KNOBS.items() if name in config.model_fields}
    return config.checked({**there, **changes})


def cases(names: Iterable[str] = tuple(VARIANTS)) -> list:
    """Variants, by default those that are registered, and where one has several kinds of network,
    with each of them."""
    found = []
    for name in names:
        networks = [k.choices for k in kind_of(name).Config.knobs() if k.name == "network"]
        for network in networks[0] if networks else [None]:
            changes = {} if network is None else {"network": network}
            found.append(pytest.param(name, changes, id="-".join([name, *changes.values()])))
    return found


def bad_values(knob: Knob) -> list:
    """Values that a knob must refuse, made from its own declaration."""
    bad: list = ["nonsense", None]
    if knob.low is not None:
        bad.append(knob.low if knob.low_is_open else knob.low - 1)
    if knob.high is not None:
        bad.append(knob.high + 1)
    if knob.kind in (int, float):
        bad += [float("nan"), float("inf"), [1]]
    if knob.kind is int:
        bad.append(1.5)
    if knob.kind is tuple:
        bad += [["wide"], [1.5], 7]
    return bad


def bad_knobs(config: type[Settings]) -> list:
    """(knob, bad value) for each knob of a configuration class."""
    return [(knob, value) for knob in config.knobs() for value in bad_values(knob)]


def real_mnist_root() -> Path:
    """Folder of the real MNIST; the test is skipped where there is none."""
    given = os.environ.get("LATENT_EXPLORER_DATA")
    root = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    if not (root / "MNIST" / "raw").is_dir():
        pytest.skip(f"the real MNIST is not in {root}; set LATENT_EXPLORER_DATA to its folder")
    return root
