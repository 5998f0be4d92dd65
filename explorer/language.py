"""The visible text: one folder per language with a file for each page, and one file for each
variant with what it says of itself in every language; all looked up by key.

What core refuses is English in core itself; other languages have it in a file of their own, by the
English template.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.refusal import Refusal

LANGUAGES = ("en", "ko")
FOLDER = Path(__file__).parent / "text"
FAMILY = Path(__file__).parent / "family"
COMING = Path(__file__).parent / "coming.toml"
REFUSALS = "refusals.toml"


@dataclass(frozen=True)
class Member:
    """What a variant's file says; nothing where there is no such file or it can't be read.

    Attributes:
        equation: its objective, lines of LaTeX; see `explorer.members.latex`.
        parent: the variant whose objective or networks it changes; empty where it says none.
        code: it in plain PyTorch, with knobs as `{beta}`; see `explorer.snippets`.
        choices: what a knob's choice is in the code, by knob and choice.
        texts: by language, by dotted key as in the file, such as `knobs.beta.label`.
        there: whether there is a file.
        torn: why the file can't be read; empty where it can.
    """

    equation: tuple[str, ...] = ()
    parent: str = ""
    code: str = ""
    choices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    there: bool = False
    torn: str = ""


def texts(language: str) -> dict[str, str]:
    """All texts of a language by dotted key, such as `pad.reset` or `variant.vae.title`."""
    return _texts(language, FOLDER, FAMILY)


def member(variant: str) -> Member:
    """What a variant's file says."""
    return _members(FAMILY).get(variant, Member())


def coming() -> dict[str, Member]:
    """What is told of variants that are still to come, by name, in the file's order."""
    return _coming(COMING)


@lru_cache(maxsize=2 * len(LANGUAGES))
def _texts(language: str, folder: Path, family: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((folder / language).glob("*.toml")):
        if path.name != REFUSALS:
            found |= _flat(tomllib.loads(path.read_text(encoding="utf-8")))
    for variant, said in _members(family).items():
        for place, text in said.texts.get(language, {}).items():
            found[_key(variant, place)] = text
    return found


@lru_cache(maxsize=2)
def _members(family: Path) -> dict[str, Member]:
    return {path.stem: _member(path) for path in sorted(family.glob("*.toml"))}


@lru_cache(maxsize=2)
def _coming(path: Path) -> dict[str, Member]:
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: _of(one) for name, one in said.items()}


def _member(path: Path) -> Member:
    try:
        return _of(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:  # torn, or not UTF-8
        return Member(there=True, torn=str(error))


def _of(said: dict[str, Any]) -> Member:
    lines = said.get("equation")
    return Member(
        tuple(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else (),
        _string(said.get("parent")),
        _string(said.get("code")),
        _choices(said.get("choices")),
        {code: _strings(said[code]) for code in LANGUAGES if isinstance(said.get(code), dict)},
        there=True,
    )


def _string(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _choices(table: Any) -> dict[str, dict[str, str]]:
    found = table if isinstance(table, dict) else {}
    return {knob: _strings(told) for knob, told in found.items() if isinstance(told, dict)}


def _strings(table: dict[str, Any]) -> dict[str, str]:
    return {place: text for place, text in _flat(table) if isinstance(text, str) and text.strip()}


def _key(variant: str, place: str) -> str:
    """Key of a text of a variant's file: what several variants share has the same without the
    variant's name."""
    kind, _, name = place.partition(".")
    if kind == "knobs":
        knob, _, what = name.partition(".")
        return f"knob.{knob}.{variant}.{what}"
    if kind in ("terms", "options"):
        return f"{'equation' if kind == 'terms' else 'option'}.{name}.{variant}"
    return f"variant.{variant}.{place}"


@lru_cache(maxsize=len(LANGUAGES))
def refusals(language: str) -> dict[str, str]:
    """Templates of what is refused in a language, by the English ones; none in English."""
    path = FOLDER / language / REFUSALS
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


class Words:
    """The texts of one language; `words("page.key", name=value)` fills the places."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = texts(language)

    def __call__(self, key: str, **values: Any) -> str:
        text = self._texts[key]
        return text.format(**values) if values else text

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def first(self, *keys: str) -> str | None:
        """The first of some texts that is there in this language, else in English."""
        for found in (self._texts, texts("en")):
            for key in keys:
                if key in found:
                    return found[key]
        return None

    def refusal(self, error: Refusal) -> str:
        """What was refused and why; in English where there are no words for it."""
        return error.said(refusals(self.language))

    def group(self, *prefixes: str) -> dict[str, str]:
        """All texts below some prefixes, by what follows them: what a pad is given.

        Raises:
            ValueError: where two of them have a text of the same name, so that one would be lost.
        """
        found: dict[str, str] = {}
        for prefix in prefixes:
            start = f"{prefix}."
            for key, text in self._texts.items():
                name = key.removeprefix(start)
                if not key.startswith(start):
                    continue
                if name in found:
                    raise ValueError(f"Two of {', '.join(prefixes)} have a text {name!r}.")
                found[name] = text
        return found


def best(locale: str | None) -> str:
    """The language for a browser's locale, or for the first one that a request accepts: Korean for
    `ko` and `ko-KR`, else English."""
    return "ko" if re.match(r"ko\b", locale or "", re.IGNORECASE) else "en"


# What Streamlit and GitHub's Markdown change or link after they have taken escapes away: icons and
# emoji by name, arrows and dashes, addresses. A joiner that nobody sees keeps it apart.
_TAKEN = re.compile(
    r":(?=//)|:(?=[\w+\-/]+:)|\bwww(?=\.)|(?=@)|(?<!\S)[<>~-](?=(?:->|[-=>])(?!\S))", re.IGNORECASE
)
_JOINER = "\u2060"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line: what came from a link, a file or another
    person. Whatever of theirs is shown by Streamlit as Markdown goes through here."""
    apart = _TAKEN.sub(lambda found: found[0] + _JOINER, " ".join(text.split()))
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$~:&=^])", r"\\\1", apart)


def _flat(table: dict[str, Any], prefix: str = ""):
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
