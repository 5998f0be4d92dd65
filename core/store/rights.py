"""Whose a run or a set of images is, and what goes where many hold too much.

Visitors have names that nobody else knows (their browser keeps them); here stands a mark of such a
name, from which it can't be read. What has no mark is the owner's, who sits at the machine itself.
Marks are no part of a run: they are neither in its record nor in its id, and never handed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.store.plain_files import read_plain

OWNER = "owner"
MAKER = "maker"  # file in a run's folder, with the mark of who asked for it
LARGEST_MARK = 64  # bytes that are read of it
_MARK = re.compile(r"[0-9a-f]{32}")


def mark_of(visitor: str) -> str:
    """The mark of a visitor's name."""
    return hashlib.sha256(f"latent-explorer visitor {visitor}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Person:
    """Somebody who wants to do something: the owner, or a visitor by the name's mark."""

    mark: str = OWNER

    @property
    def owns(self) -> bool:
        """Whether it is the machine's owner."""
        return self.mark == OWNER

    @classmethod
    def visitor(cls, name: str) -> Person:
        """A visitor by name."""
        return cls(mark_of(name))


THE_OWNER = Person()


def maker_of(folder: Path) -> str:
    """The mark of who made the run in a folder; the owner's where none is told."""
    try:
        told = read_plain(folder / MAKER, LARGEST_MARK).decode("ascii").strip()
    except (OSError, ValueError):
        return OWNER
    return told if _MARK.fullmatch(told) else OWNER


def write_maker(folder: Path, mark: str) -> None:
    """Say who made the run in a folder.

    Raises:
        OSError: where the disk is full or read-only.
    """
    if mark == OWNER:
        with contextlib.suppress(FileNotFoundError):
            (folder / MAKER).unlink()
        return
    written = folder / f".{MAKER}"
    written.write_text(mark, encoding="ascii")
    written.replace(folder / MAKER)


def may_change(folder: Path, who: Person) -> bool:
    """Whether somebody may name, keep or delete the run in a folder."""
    return who.owns or maker_of(folder) == who.mark


@dataclass(frozen=True)
class Held:
    """That somebody holds a thing, and since when; a thing may be held by several."""

    thing: str
    by: str
    since: float


def surplus(held: Iterable[Held], most: int) -> list[Held]:
    """What is let go of, so that at most `most` things stay: whoever holds most lets go of the
    oldest, again and again; of several who hold as many the one who has held longest."""
    by_holder: defaultdict[str, list[Held]] = defaultdict(list)
    holders: defaultdict[str, int] = defaultdict(int)
    for one in sorted(held, key=lambda one: (one.since, one.thing), reverse=True):
        by_holder[one.by].append(one)  # the oldest at the end
        holders[one.thing] += 1
    gone = []
    there = len(holders)
    while there > most:
        richest = max(by_holder.values(), key=lambda own: (len(own), -own[-1].since))
        one = richest.pop()
        gone.append(one)
        holders[one.thing] -= 1
        there -= holders[one.thing] == 0
        if not richest:
            del by_holder[one.by]
    return gone
