"""What a screen must know of the variants, without torch: their names, knobs and capabilities.

A variant's class can't be read without torch, which takes a process seconds and half a gigabyte.
So one process that has torch anyway writes every class down as a card, and others read the cards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import create_model

from core import __version__, config
from core.config import ConfigError, Knob, ModelConfig, knob
from core.models import VARIANTS, outline

USUAL = ((1, 28, 28), 10, "images")  # MNIST's digits: shape, classes, kind
_KINDS: dict[str, type] = {kind.__name__: kind for kind in (bool, int, float, str, tuple)}


@dataclass(frozen=True)
class Card:
    """A variant as a screen sees it."""

    title: str
    capabilities: Mapping[str, Any]  # as `core.models.abilities.Capabilities` has them
    Config: type[ModelConfig]
    parameters: int | None = None  # with every knob at its default, on `USUAL` data

    def sized(self, config: ModelConfig, data: tuple[tuple[int, ...], int, str]) -> int | None:
        """Its parameters for these knobs and this data (shape, classes, kind), if they are here."""
        usual = data == USUAL and config == self.Config()
        return self.parameters if usual else None


def of(variant: str) -> Card:
    """The card of a class; loads torch.

    Raises:
        KeyError: where there is no such variant.
    """
    kind = VARIANTS[variant]
    return Card(kind.title, asdict(kind.capabilities), kind.Config)


def written() -> dict[str, Any]:
    """All cards as plain JSON; loads torch."""
    return {
        variant: {
            "title": card.title,
            "capabilities": dict(card.capabilities),
            "knobs": [_plain(one) for one in card.Config.knobs()],
            "parameters": _size(variant),
        }
        for variant, card in ((variant, of(variant)) for variant in VARIANTS)
    }


def _size(variant: str) -> int | None:
    from core.models.signals import Signature

    try:
        model = outline(variant, VARIANTS[variant].Config(), Signature(*USUAL))
    except ConfigError:  # it doesn't work on images
        return None
    return sum(parameter.numel() for parameter in model.parameters())


def read(plain: Mapping[str, Any]) -> dict[str, Card]:
    """The cards that `written` gave.

    Raises:
        KeyError, TypeError, ValueError: for anything else.
    """
    return {
        variant: Card(
            str(one["title"]),
            dict(one["capabilities"]),
            _config(variant, one["knobs"]),
            None if one["parameters"] is None else int(one["parameters"]),
        )
        for variant, one in plain.items()
    }


def _config(variant: str, knobs: Iterable[Mapping[str, Any]]) -> type[ModelConfig]:
    """A configuration class with these knobs, as if each had been declared."""
    fields: dict[str, Any] = {}
    for one in map(_knob, knobs):
        annotation: Any = Literal[one.choices] if one.choices else one.kind
        low = {"gt" if one.low_is_open else "ge": one.low}
        fields[one.name] = (
            tuple[int, ...] if one.kind is tuple else annotation,
            knob(
                one.default,
                label=one.label,
                help=one.help,
                le=one.high,
                advanced=one.advanced,
                when=one.when,
                formerly=one.formerly,
                **low,
            ),
        )
    return create_model(variant, __base__=ModelConfig, **fields)


def _plain(one: Knob) -> dict[str, Any]:
    return asdict(one) | {"kind": one.kind.__name__}


def _knob(plain: Mapping[str, Any]) -> Knob:
    kind, when = _KINDS[plain["kind"]], plain["when"]
    values = {name: plain[name] for name in ("default", "formerly")}
    more = {
        "kind": kind,
        **{name: tuple(value) if kind is tuple else value for name, value in values.items()},
        "choices": tuple(plain["choices"]),
        "when": None if when is None else (str(when[0]), when[1]),
    }
    return Knob(**(dict(plain) | more))


def fingerprint() -> str:
    """By which cards of these sources are told from others."""
    sources = sorted([Path(config.__file__), *Path(__file__).parent.glob("*.py")])
    found = hashlib.sha256(__version__.encode())
    for path in sources:
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]
