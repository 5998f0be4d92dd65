"""A configuration class becomes widgets, and what they hold a checked configuration.

Widgets hold whatever is typed, within range or not, so that nothing typed is lost; what can't be
used gets one sentence in the page's language.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from pydantic import ValidationError

from core.config import ConfigError, Knob, Settings
from explorer.language import Words, texts

# Names that are the same in every language.
PROPER = {"gelu": "GELU", "relu": "ReLU", "silu": "SiLU", "tanh": "tanh"}


def label(words: Words, knob: Knob, variant: str = "") -> str:
    """A knob's name in the page's language; a variant may have its own."""
    return _told(words, knob.name, variant, "label", knob.label)


def help_of(words: Words, knob: Knob, variant: str = "") -> str:
    """What a knob does, in the page's language; a variant may have its own."""
    return _told(words, knob.name, variant, "help", knob.help)


def label_of(words: Words, name: str, variant: str) -> str:
    """A knob's name by what a record calls it, without the class that declares it."""
    told = words.first(f"knob.{name}.{variant}.label", f"knob.{name}.label")
    return name if told is None else told


def shown(words: Words, value: Any, variant: str = "") -> str:
    """A knob's value as people read it; a variant may have its own name for it."""
    if isinstance(value, str):
        told = words.first(f"option.{value}.{variant}", f"option.{value}")
        return PROPER.get(value, value) if told is None else told
    if isinstance(value, tuple | list):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass
class Asked:
    """The widgets of one configuration class and what they hold.

    Attributes:
        kind: the configuration class.
        scope: the variant's name, or another one that keeps these widgets apart from others.
        basic: names of the knobs in sight; by default those not declared advanced.
        values: what the widgets that were drawn hold.
        given: what the widgets begin with, where it is not the defaults; anew with each `turn`.
    """

    kind: type[Settings]
    scope: str
    basic: Collection[str] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    turn: int = 0

    def draw(self, words: Words, columns: int = 2) -> None:
        """Draw the knobs in sight, so many side by side."""
        _grid(words, self._some(folded=False), self, columns)

    def checked(self, words: Words) -> Settings:
        """The configuration.

        Raises:
            ConfigError: one sentence in the page's language.
        """
        return checked(words, self.kind, self.values, self.scope)

    def _some(self, folded: bool) -> list[Knob]:
        if self.basic is None:
            return [knob for knob in self.kind.knobs() if knob.advanced == folded]
        return [knob for knob in self.kind.knobs() if (knob.name not in self.basic) == folded]


def fold(words: Words, *asked: Asked) -> None:
    """Draw all other knobs of some configurations, folded away together."""
    if not any(one._some(folded=True) for one in asked):
        return
    with st.expander(words("knobs.more")):
        for one in asked:
            _grid(words, one._some(folded=True), one, 2)


def checked(words: Words, kind: type[Settings], values: Mapping[str, Any], scope: str) -> Settings:
    """The configuration that the widgets hold.

    Raises:
        ConfigError: one sentence in the page's language.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        knob = next(k for k in kind.knobs() if k.name == first["loc"][0])
        raise ConfigError(
            words(
                "knobs.wrong",
                label=label(words, knob, scope),
                allowed=_allowed(words, knob, scope),
                value=shown(words, values[knob.name], scope),
            )
        ) from None


def differing(kind: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs of a recorded configuration that differ from their defaults, K left out."""
    defaults = {knob.name: knob.default for knob in kind.knobs()}
    return {
        name: value
        for name, value in values.items()
        if name != "latent" and name in defaults and not _same(value, defaults[name])
    }


def _told(words: Words, name: str, variant: str, what: str, declared: str) -> str:
    """The variant's own text, else what all share if it says what the knob declares, else that."""
    own, shared = f"knob.{name}.{variant}.{what}", f"knob.{name}.{what}"
    if own in words:
        return words(own)
    if shared in words and texts("en").get(shared) == declared:
        return words(shared)
    return declared


def _same(a: Any, b: Any) -> bool:
    return tuple(a) == b if isinstance(a, list) and isinstance(b, tuple) else a == b


def _grid(words: Words, knobs: list[Knob], asked: Asked, columns: int) -> None:
    free: list[Any] = []
    for knob in knobs:
        if not knob.acts(asked.values):  # what changes nothing makes no other run
            continue
        if not free:
            free = list(st.columns(columns))
        usual = asked.given.get(knob.name, knob.default)
        with free.pop(0):
            asked.values[knob.name] = _widget(words, knob, asked, usual)


def _widget(words: Words, knob: Knob, asked: Asked, usual: Any) -> Any:
    scope = asked.scope
    name = label(words, knob, scope)
    turn = f":{asked.turn}" if asked.turn else ""
    common = {
        "help": help_of(words, knob, scope),
        "key": f"knob:{scope}:{knob.name}{turn}",
        "persist_state": "session",
    }
    if knob.choices:
        if len(knob.choices) == 2:
            return st.segmented_control(
                name,
                knob.choices,
                default=usual,
                required=True,
                format_func=lambda value: shown(words, value, scope),
                **common,
            )
        return st.selectbox(
            name,
            knob.choices,
            index=knob.choices.index(usual),
            format_func=lambda value: shown(words, value, scope),
            **common,
        )
    if knob.kind is bool:
        return st.toggle(name, value=usual, **common)
    if knob.kind is tuple:
        return _numbers(st.text_input(name, value=shown(words, usual), **common))
    if knob.kind is float and _is_share(knob):
        return st.slider(name, 0.0, 1.0, float(usual), 0.05, **common)
    if knob.kind is int:
        # No bounds: a field with bounds shows a number beyond them and goes on meaning another.
        found = st.number_input(name, value=usual, step=1, **common)
    else:
        step = 10 ** math.floor(math.log10(knob.default)) / 2 if knob.default else 0.01
        value = float(usual)
        found = st.number_input(name, value=value, step=step, format="%g", **common)
    return knob.default if found is None else found


def _is_share(knob: Knob) -> bool:
    return (knob.low, knob.high) == (0, 1) and not knob.low_is_open and not knob.advanced


def _numbers(text: str | None) -> tuple[int, ...] | str:
    parts = re.findall(r"[^\s,]+", text or "")
    if parts and all(re.fullmatch(r"-?\d{1,9}", part) for part in parts):
        return tuple(map(int, parts))
    return text or ""


def _allowed(words: Words, knob: Knob, scope: str) -> str:
    if knob.kind is tuple:
        return words("knobs.widths")
    if knob.choices:
        choices = ", ".join(shown(words, choice, scope) for choice in knob.choices)
        return words("knobs.one_of", choices=choices)
    low, high = (f"{bound:.10g}" for bound in (knob.low, knob.high))
    return words("knobs.above" if knob.low_is_open else "knobs.between", low=low, high=high)
