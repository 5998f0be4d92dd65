"""What is refused, as one sentence that can be said in other languages too. A leaf."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any


class Refusal(Exception):
    """A refusal in one English sentence for a person; `str` gives it.

    The sentence is `template.format(**values)`; a template without values is the sentence as it
    stands, braces and all. A value that is in words itself, such as what caused this refusal, is a
    Refusal too; it is said as a part of the sentence, without its own full stop.
    """

    def __init__(self, template: str, **values: Any) -> None:
        self.template = template
        self.values = {
            name: value.bare() if isinstance(value, Refusal) else value
            for name, value in values.items()
        }
        super().__init__(self.said({}))

    def said(self, catalogue: Mapping[str, str]) -> str:
        """The sentence in another language; in English what its catalogue doesn't know.

        Args:
            catalogue: from English templates to those of the language, with the same places.
        """
        template = catalogue.get(self.template, self.template)
        if not self.values:
            return template
        parts = {
            name: value.said(catalogue).removesuffix(".")
            for name, value in self.values.items()
            if isinstance(value, Refusal)
        }
        return template.format(**self.values | parts)

    def bare(self) -> Refusal:
        """The sentence alone, to be kept: what it was raised in would stay in memory with it."""
        return Refusal(self.template, **self.values)

    def as_json(self) -> dict[str, Any]:
        """Template and values as plain JSON, for another process; `from_json` reads it."""
        values = {name: _plain(value) for name, value in self.values.items()}
        return {"template": self.template, "values": values}


def told(value: float, *limits: float) -> str:
    """A number in at least four digits, and in as many as it takes not to read like a limit that
    it is not: 1.0000001 beside a limit of 1."""
    said = f"{value:,.4g}"
    for digits in range(4, 18):
        said = f"{value:,.{digits}g}"
        if all((float(said.replace(",", "")) == limit) == (value == limit) for limit in limits):
            break
    return said


def from_json(plain: Mapping[str, Any]) -> Refusal:
    """What `as_json` made plain."""
    return Refusal(
        plain["template"],
        **{
            name: from_json(value) if isinstance(value, dict) else value
            for name, value in plain["values"].items()
        },
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Refusal):
        return value.as_json()
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)
