"""The visible text: one folder per language with a file for each page, looked up by key.

What core refuses is English in core itself; other languages have it in a file of their own, by the
English template.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.refusal import Refusal

LANGUAGES = ("en", "ko")
FOLDER = Path(__file__).parent / "text"
REFUSALS = "refusals.toml"


@lru_cache(maxsize=len(LANGUAGES))
def texts(language: str) -> dict[str, str]:
    """All texts of a language by dotted key, such as `pad.reset`."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.toml")):
        if path.name != REFUSALS:
            found |= _flat(tomllib.loads(path.read_text(encoding="utf-8")))
    return found


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


def plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$~:&])", r"\\\1", text)


def _flat(table: dict[str, Any], prefix: str = ""):
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
