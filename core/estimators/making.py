"""One estimator class for each variant, made from what its knobs declare."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cache
from typing import Any

from core.config import Knob, TrainConfig
from core.estimators.estimator import Estimator
from core.models import VARIANTS, variant

PLACE = "core.estimators"  # where the classes are found by name, by pickle too
TRAINING = tuple(knob for knob in TrainConfig.knobs() if knob.name != "seed")  # random_state is it


@cache
def estimator(name: str) -> type[Estimator]:
    """The estimator class of a variant, such as "vae".

    Raises:
        ConfigError: naming the variants there are.
    """
    kind = variant(name)
    own = kind.Config.knobs()
    told = {
        "variant": name,
        "knobs": tuple(knob.name for knob in own),
        "training": tuple(knob.name for knob in TRAINING),
        "__doc__": _document(kind.__doc__ or kind.title, (*own, *TRAINING)),
    }
    fields: list[tuple[str, Any, Any]] = [
        (knob.name, Any, dataclasses.field(default=knob.default)) for knob in (*own, *TRAINING)
    ]
    fields.append(("random_state", Any, dataclasses.field(default=None)))
    fields.append(("device", Any, dataclasses.field(default="auto")))
    made = dataclasses.make_dataclass(
        kind.__name__, fields, bases=(Estimator,), namespace=told, eq=False, repr=False
    )
    made.__module__ = PLACE
    return made


def _document(what: str, knobs: Iterable[Knob]) -> str:
    lines = [
        f"    {k.name}: {k.help} {k.label} is {k.allowed}; by default {k.default}." for k in knobs
    ]
    return "\n".join(
        [
            what.rstrip(),
            "",
            "Parameters:",
            *lines,
            "    random_state: whole number that fixes weights, order and noise; None draws one.",
            "    device: auto, or a device of torch.",
        ]
    )


@cache
def class_names() -> dict[str, str]:
    """Variants by the names of their classes."""
    return {kind.__name__: name for name, kind in VARIANTS.items()}


def named(name: str) -> type[Estimator]:
    """The estimator class of a name, such as "VAE".

    Raises:
        AttributeError: naming the classes there are.
    """
    if name.startswith("_") or name not in class_names():
        raise AttributeError(f"{PLACE} has no {name!r}; it has {', '.join(class_names())}.")
    return estimator(class_names()[name])
