"""What people do with runs of their own: name, keep and delete. Needs no torch."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.paths import AnyPath
from core.refusal import Refusal
from core.store import checkpoints, leftovers, rights
from core.store.checkpoints import (
    NOTE,
    RECORD,
    Run,
)
from core.store.plain_files import read_plain
from core.store.rights import OWNER, THE_OWNER, Held, Person

LONGEST_TITLE = 80
LARGEST_NOTE = 4096  # bytes that are read of a note


class ShelfError(Refusal, ValueError):
    """Something that can't be done with a run; one sentence for a person."""


class Note(BaseModel):
    """What people say of a run: its title, and whether it stays."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str = Field("", max_length=LONGEST_TITLE)
    kept: bool = False


def note(run: Run) -> Note:
    """The note on a run; an empty one where there is none that can be read."""
    return _read_note(run.folder / NOTE)


def _read_note(path: Path) -> Note:
    try:
        return Note.model_validate_json(read_plain(path, LARGEST_NOTE))
    except (OSError, ValidationError):
        return Note()


@dataclass(frozen=True)
class Keeping:
    """How many runs visitors may keep: one of them, and all together."""

    each: int
    together: int


def write_note(
    run: Run,
    title: str | None = None,
    kept: bool | None = None,
    by: Person = THE_OWNER,
    allowed: Keeping | None = None,
) -> Note:
    """Change a run's title, whether it is kept, or both.

    Args:
        by: who wants it.
        allowed: what bounds a visitor who wants to keep it.

    Raises:
        ShelfError: for a run that ships, one of somebody else, one that is gone, a title that is
            too long, one kept run too many, or a store that can't be written.
    """
    _own(run, by)
    before = note(run)
    plain = before.title if title is None else " ".join(title.split())
    if len(plain) > LONGEST_TITLE:
        raise ShelfError(
            "A name has at most {most} letters; this one has {count}.",
            most=LONGEST_TITLE,
            count=len(plain),
        )
    if kept and not before.kept and allowed is not None:
        refusal = no_room_to_keep(run, by, allowed)
        if refusal is not None:
            raise refusal
    new = Note(title=plain, kept=before.kept if kept is None else kept)
    written = run.folder / f".{NOTE}"
    try:
        written.write_text(new.model_dump_json(), encoding="utf-8")
        written.replace(run.folder / NOTE)
    except FileNotFoundError:
        raise gone(run) from None
    except OSError as error:
        raise ShelfError(
            "Run {run} can't be changed ({reason}).", run=run.id, reason=error.strerror
        ) from None
    return new


def no_room_to_keep(run: Run, by: Person, allowed: Keeping) -> ShelfError | None:
    """Why a visitor can keep no further run, or None."""
    if by.owns:
        return None
    makers = []
    with contextlib.suppress(OSError):
        for path in run.folder.parent.glob(f"*/{NOTE}"):
            mark = rights.maker_of(path.parent)
            if mark != OWNER and _read_note(path).kept:
                makers.append(mark)
    if makers.count(by.mark) >= allowed.each:
        return ShelfError(
            "You keep {most} runs, the most that one visitor may; let one of them go first.",
            most=allowed.each,
        )
    if len(makers) >= allowed.together:
        return ShelfError(
            "Visitors keep {most} runs here, the most there may be; the machine's owner can make "
            "room.",
            most=allowed.together,
        )
    return None


def may_change(run: Run, who: Person) -> bool:
    """Whether somebody may name, keep and delete a run."""
    ships = run.folder.parent == checkpoints.shipped_store()
    return not ships and rights.may_change(run.folder, who)


def give(run: Run, to: Person) -> None:
    """Say whose a run is that was just taken in."""
    with contextlib.suppress(OSError):  # then it is the owner's
        rights.write_maker(run.folder, to.mark)


def delete(run: Run, by: Person = THE_OWNER) -> None:
    """Remove a run from its store.

    Raises:
        ShelfError: for a run that ships, one of somebody else, one that is gone, or a store that
            can't be written.
    """
    _own(run, by)
    try:
        checkpoints.delete(run)
    except FileNotFoundError:
        raise gone(run) from None
    except OSError as error:
        raise ShelfError(
            "Run {run} can't be deleted ({reason}).", run=run.id, reason=error.strerror
        ) from None


def tidy(store: AnyPath, most: int) -> list[str]:
    """Delete runs of visitors that nobody keeps while there are more than `most` of these, and
    what killed processes left. Who made most loses the oldest; the owner's own runs stay.

    Returns:
        The ids of those that went.
    """
    leftovers.sweep(store)
    loose, held = {}, []
    for run in checkpoints.list_runs(store).runs.values():
        mark = rights.maker_of(run.folder)
        if mark != OWNER and not note(run).kept:
            loose[run.id] = run
            held.append(Held(run.id, mark, _written(run)))
    gone = []
    for one in rights.surplus(held, most):
        with contextlib.suppress(ShelfError):
            delete(loose[one.thing])
            gone.append(one.thing)
    return gone


def _written(run: Run) -> float:
    try:
        return (run.folder / RECORD).stat().st_mtime
    except OSError:
        return 0.0


def _own(run: Run, by: Person) -> None:
    if run.folder.parent == checkpoints.shipped_store():
        raise ShelfError("Run {run} comes with the software, so it stays as it is.", run=run.id)
    if not run.folder.is_dir():
        raise gone(run)
    if not may_change(run, by):
        raise ShelfError(
            "Run {run} is somebody else's: who made it and the machine's owner may change it.",
            run=run.id,
        )


def gone(run: Run) -> ShelfError:
    """What is raised for a run that is no longer there."""
    return ShelfError("Run {run} is no longer in the store.", run=run.id)
