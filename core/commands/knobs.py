"""`knobs`: the README's tables of variants and knobs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from core.commands.flags import flag
from core.commands.train import TrainOptions
from core.config import Knob, NetworkConfig, StoreConfig, TrainConfig
from core.models import VARIANTS


def knob_tables() -> str:
    """Markdown tables of the variants and of all knobs, made from their declarations."""
    lines = ["| Variant | Name | Its own knobs |", "|---|---|---|"]
    shared = {knob.name for knob in NetworkConfig.knobs()}
    users: dict[Knob, list[str]] = {}
    for name, kind in VARIANTS.items():
        knobs = kind.Config.knobs()
        own = ", ".join(f"`--{flag(k, set())}`" for k in knobs if k.name not in shared)
        lines.append(f"| {kind.title} | `{name}` | {own or '–'} |")
        for knob in knobs:
            users.setdefault(knob, []).append(f"`{name}`")
    taken = {field.name for field in dataclasses.fields(TrainOptions)}
    lines += ["", "| Knob | Flag | Default | Allowed | What it does | Where |", "|" + "---|" * 6]
    for knob, where in users.items():
        lines.append(_knob_row(knob, taken, "all" if len(where) == len(VARIANTS) else where))
    lines += [_knob_row(knob, taken, "training") for knob in TrainConfig.knobs()]
    lines += [_knob_row(knob, taken, "storing") for knob in StoreConfig.knobs()]
    return "\n".join(lines) + "\n"


def _knob_row(knob: Knob, taken: set[str], where: str | list[str]) -> str:
    default = knob.default
    if isinstance(default, tuple):
        default = " ".join(map(str, default))
    places = where if isinstance(where, str) else ", ".join(where)
    allowed = "whole numbers" if knob.kind is tuple else knob.allowed
    cells = (knob.label, f"`--{flag(knob, taken)}`", default, allowed, knob.help, places)
    return f"| {' | '.join(map(str, cells))} |"


@dataclass(frozen=True)
class Knobs:
    """Print the README's tables of variants and knobs."""

    def __call__(self) -> int:
        print(knob_tables(), end="")
        return 0
