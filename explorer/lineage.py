"""Who changes what of whom: the members as trees, those that are still to come among them.

Parents and edges are read off the members' files, and of those to come off `coming.toml`; the
layout follows from these alone, so that a new variant finds its place by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.models import VARIANTS
from explorer import language, members
from explorer.language import Words


@dataclass(frozen=True)
class Place:
    """A member's place in the drawing.

    Attributes:
        name: of the variant.
        parent: the member whose child it is; empty at a root.
        level: how many generations stand before it.
        row: in which it stands, from 0; a first child stands beside its parent.
        last: row of its last child; its own where it has none.
        here: whether it is registered; the others are still to come.
    """

    name: str
    parent: str
    level: int
    row: int
    last: int
    here: bool


def parents() -> dict[str, str]:
    """By member the one that it comes from, empty at a root: the registered ones in their order,
    then those to come. A parent that nobody knows, or that comes from its own child, is none."""
    names = list(dict.fromkeys([*VARIANTS, *language.coming()]))
    found = {name: _parent(name) for name in names}
    for name in names:
        if found[name] not in found or name in _line(found, found[name]):
            found[name] = ""
    return found


def _parent(name: str) -> str:
    own = language.member(name).parent
    there = language.coming().get(name)
    return own or (there.parent if there else "")


def _line(found: Mapping[str, str], name: str) -> list[str]:
    """A member and those that it comes from, the nearest first."""
    line: list[str] = []
    while name and name in found and name not in line:
        line.append(name)
        name = found[name]
    return line


def places(found: Mapping[str, str], here: Iterable[str]) -> list[Place]:
    """Where each member stands, from top to bottom: below it its children, the first one beside
    it, and the largest tree first.

    Args:
        found: parents, as `parents` gives them.
        here: names of those that are registered.
    """
    there = set(here)
    children: dict[str, list[str]] = {name: [] for name in ("", *found)}
    for name, parent in found.items():
        children[parent].append(name)
    laid: list[Place] = []

    def lay(name: str, level: int, row: int) -> int:
        """Lay a member and all below it; gives the next free row."""
        at = len(laid)
        free = last = row
        for child in children[name]:
            last = free
            free = lay(child, level + 1, free)
        laid.insert(at, Place(name, found[name], level, row, last, name in there))
        return max(free, row + 1)

    def size(name: str) -> int:
        return 1 + sum(map(size, children[name]))

    free = 0
    for root in sorted(children[""], key=lambda name: -size(name)):
        free = lay(root, 0, free)
    return laid


def title(words: Words, name: str) -> str:
    """A member's title; of one to come as `coming.toml` says it."""
    if name in set(VARIANTS):  # whether a registry has a name costs it that variant's module
        return members.title(words, name)
    return _coming(words, name, "title") or name


def adds(words: Words, name: str) -> str:
    """What its edge says; empty where nobody says it."""
    return members.adds(words, name) or _coming(words, name, "adds")


def _coming(words: Words, name: str, what: str) -> str:
    told = language.coming().get(name)
    said = told.texts if told else {}
    return said.get(words.language, {}).get(what) or said.get("en", {}).get(what) or ""
