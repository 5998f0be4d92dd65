"""What people do with runs of their own: name, keep and delete. Needs no torch."""

from __future__ import annotations

import contextlib

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.paths import AnyPath
from core.refusal import Refusal
from core.store import checkpoints, leftovers
from core.store.checkpoints import (
    NOTE,
    RECORD,
    Run,
)

LONGEST_TITLE = 80


class ShelfError(Refusal, ValueError):
    """Something that can't be done with a run; one sentence for a person."""


class Note(BaseModel):
    """What people say of a run: its title, and whether it stays."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str = Field("", max_length=LONGEST_TITLE)
    kept: bool = False


def note(run: Run) -> Note:
    """The note on a run; an empty one where there is none that can be read."""
    try:
        return Note.model_validate_json((run.folder / NOTE).read_bytes())
    except (OSError, ValidationError):
        return Note()


def write_note(run: Run, title: str | None = None, kept: bool | None = None) -> Note:
    """Change a run's title, whether it is kept, or both.

    Raises:
        ShelfError: for a run that ships, one that is gone, a title that is too long, or a store
            that can't be written.
    """
    _own(run)
    before = note(run)
    plain = before.title if title is None else " ".join(title.split())
    if len(plain) > LONGEST_TITLE:
        raise ShelfError(
            "A name has at most {most} letters; this one has {count}.",
            most=LONGEST_TITLE,
            count=len(plain),
        )
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


def delete(run: Run) -> None:
    """Remove a run from its store.

    Raises:
        ShelfError: for a run that ships, one that is gone, or a store that can't be written.
    """
    _own(run)
    try:
        checkpoints.delete(run)
    except FileNotFoundError:
        raise gone(run) from None
    except OSError as error:
        raise ShelfError(
            "Run {run} can't be deleted ({reason}).", run=run.id, reason=error.strerror
        ) from None


def tidy(store: AnyPath, most: int) -> list[str]:
    """Delete the oldest runs that nobody keeps while the store holds more than `most`, and what
    killed processes left.

    Returns:
        The ids of those that went.
    """
    leftovers.sweep(store)
    runs = list(checkpoints.list_runs(store).runs.values())
    loose = sorted((run for run in runs if not note(run).kept), key=_written)
    gone = []
    for run in loose[: max(0, len(runs) - most)]:
        with contextlib.suppress(ShelfError):
            delete(run)
            gone.append(run.id)
    return gone


def _written(run: Run) -> float:
    try:
        return (run.folder / RECORD).stat().st_mtime
    except OSError:
        return 0.0


def _own(run: Run) -> None:
    if run.folder.parent == checkpoints.shipped_store():
        raise ShelfError("Run {run} comes with the software, so it stays as it is.", run=run.id)


def gone(run: Run) -> ShelfError:
    """What is raised for a run that is no longer there."""
    return ShelfError("Run {run} is no longer in the store.", run=run.id)


# --- Out: a run as one zip ----------------------------------------------------------------------


# --- In: a zip from anybody ---------------------------------------------------------------------
