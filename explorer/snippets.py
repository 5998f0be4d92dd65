"""A member's code in plain PyTorch, with the knobs of a run filled in.

In `explorer/family/<variant>.toml` a knob stands as `{beta}`, a training's too. A choice is what
the file's `[choices.<knob>]` says of it, a list its numbers: in `784, {hidden}, 10` also none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.config import TrainConfig
from explorer import language, members
from explorer.language import Member

# Choices that are classes of torch.nn.
MODULES = {
    "gelu": "GELU",
    "relu": "ReLU",
    "silu": "SiLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
}
_PLACE = re.compile(r"\{([a-z_]+)\}(, )?")


def filled(variant: str, config: Mapping[str, Any], train: Mapping[str, Any]) -> str:
    """The code with these knobs, as a record has them; a knob that they lack is at its default.
    Empty where there is no code, or not yet all that it needs."""
    told = language.member(variant)
    code = _filled(told, _defaults(TrainConfig) | {**train, **config})
    if places(code):  # knobs are declared where torch is, so they are asked for at need alone
        code = _filled(replace(told, code=code), _defaults(members.declared(variant)))
    return "" if places(code) else code


def _filled(told: Member, values: Mapping[str, Any]) -> str:
    code = told.code
    for _ in range(2):  # a choice's code may name a knob
        code = _PLACE.sub(lambda found: _put(found, values, told.choices), code)
    return code


def places(code: str) -> list[str]:
    """Names of what is still to be filled in."""
    return [name for name, _ in _PLACE.findall(code)]


def _defaults(kind: Any) -> dict[str, Any]:
    return {knob.name: knob.default for knob in kind.knobs()}


def _put(found: re.Match, values: Mapping[str, Any], choices: Mapping[str, Mapping]) -> str:
    name, comma = found[1], found[2] or ""
    if name not in values:
        return found[0]
    value = values[name]
    if isinstance(value, str):
        return str(choices.get(name, {}).get(value) or MODULES.get(value, value)) + comma
    if isinstance(value, Sequence):
        return ", ".join(map(repr, value)) + comma if value else ""
    return repr(value) + comma
