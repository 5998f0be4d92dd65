"""People's own images, kept by content.

Sets lie in the user's store as `.sets/set-<id>.safetensors`; the id is a hash of pixels, labels
and class names, so that the same images are kept once and an address of theirs never changes.
Who brought a set holds it: `.sets/holders/<id>/<mark>`; a set without a holder is the owner's. Of
more than `MOST_SETS` of visitors whoever holds most lets go of the one that was not opened for
longest, and so does the owner of more than so many own ones.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.data import images, own_images
from core.data.dataset import DataError, Dataset
from core.data.own_images import BOUNDS, SIDE
from core.store import checkpoints, result_files, rights
from core.store.rights import OWNER, THE_OWNER, Held, Person

FOLDER = ".sets"
HOLDERS = "holders"
_OWNERS = frozenset({OWNER})


SET_ID = re.compile(r"[0-9a-f]{24}")


MOST_SETS = 50


LONGEST_NAME = 60  # characters


@dataclass(frozen=True)
class Kept:
    """What a list of sets says of one."""

    id: str
    name: str
    count: int
    classes: int  # that have at least one image
    note: str
    holders: frozenset[str] = frozenset()  # marks of those who brought it


def keep(found: Dataset, by: Person = THE_OWNER) -> str:
    """Keep a set in the user's store, for whoever brings it; returns its id.

    Raises:
        DataError: not 1 to 5,000 images of 28×28 pixels, or more than 254 classes.
        OSError: where the disk is full or read-only.
    """
    if found.x.shape[1:] != (1, SIDE, SIDE) or not 1 <= len(found) <= own_images.MOST_IMAGES:
        raise DataError(
            "the images are {type} of shape {shape}; allowed are 1 to {most:,} of shape "
            "(1, {side}, {side}).",
            type=found.x.dtype,
            shape=found.x.shape,
            most=own_images.MOST_IMAGES,
            side=SIDE,
        )
    if found.classes > BOUNDS.classes:
        raise DataError(
            "there are {count:,} classes; allowed are up to {most}.",
            count=found.classes,
            most=BOUNDS.classes,
        )
    arrays = {"x": found.x, "labels": found.labels}
    name = result_files.file_name("set", arrays, {"class_names": list(found.class_names)})
    notes = {
        "name": found.name.removeprefix(images.PREFIX)[:LONGEST_NAME],
        "class_names": list(found.class_names),
        "note": found.provenance.note,
    }
    set_id = _id_of(Path(name))
    was_there = is_there(set_id)
    result_files.write(folder(), name, arrays, notes)
    _hold(set_id, by.mark, was_there)
    _tidy()
    return set_id


def open_set(set_id: str) -> Dataset:
    """A set that was kept.

    Raises:
        DataError: an id that is none, a set that is not there, or a file that is torn or foreign.
    """
    path = _path(set_id)
    if path is None or not path.is_file():
        raise DataError(
            "there is no set of images {id!r} here; choose another one.", id=set_id[:40]
        )
    try:
        arrays, notes = result_files.read(path) or ({}, {})
        opened = Dataset(
            notes["name"],
            "all",
            arrays["x"],
            arrays["labels"],
            tuple(notes["class_names"]),
            images.provenance(notes["name"], notes["note"]),
        )
        if opened.x.shape[1:] != (1, SIDE, SIDE) or not len(opened):
            raise ValueError
    except (TypeError, KeyError, ValueError) as error:
        raise DataError("the set of images {id} is damaged; upload it again.", id=set_id) from error
    with contextlib.suppress(OSError):
        os.utime(path)
    return opened


def is_there(set_id: str) -> bool:
    """Whether a set of this id is kept; any text may be asked for."""
    path = _path(set_id)
    return path is not None and path.is_file()


def list_sets() -> tuple[Kept, ...]:
    """The sets that are kept and whole, those that were opened last first."""
    kept = (_kept(path, changed) for path, changed in _files())
    return tuple(replace(one, holders=_holders(one.id)) for one in kept if one is not None)


@lru_cache(maxsize=2 * MOST_SETS)
def _kept(path: Path, changed: int) -> Kept | None:
    found = result_files.read(path) or ({}, {})
    set_id = _id_of(path)
    try:
        arrays, notes = found
        classes = len(np.unique(arrays["labels"][arrays["labels"] >= 0]))
        return Kept(set_id, str(notes["name"]), len(arrays["x"]), classes, str(notes["note"]))
    except (TypeError, KeyError):
        return None


def _files() -> list[tuple[Path, int]]:
    """The sets' files and when each was last opened (nanoseconds), the latest first."""
    found = []
    for path in folder().glob("set-*.safetensors"):
        with contextlib.suppress(OSError):
            found.append((path, path.stat().st_mtime_ns))
    return sorted(found, key=lambda entry: (-entry[1], entry[0].name))


def _hold(set_id: str, mark: str, was_there: bool) -> None:
    """Say who brought a set; what had no holder before was the owner's, and stays so."""
    marks = folder() / HOLDERS / set_id
    if mark == OWNER and not marks.exists():
        return
    marks.mkdir(parents=True, exist_ok=True)
    if was_there and not any(marks.iterdir()):
        (marks / OWNER).touch()
    (marks / mark).touch()


def _holders(set_id: str) -> frozenset[str]:
    with contextlib.suppress(OSError):
        return frozenset(path.name for path in (folder() / HOLDERS / set_id).iterdir()) or _OWNERS
    return _OWNERS


def _tidy() -> None:
    """Let go of what is held beyond the bounds; what nobody holds any longer goes."""
    held = [
        Held(set_id, mark, opened)
        for set_id, opened in ((_id_of(path), opened) for path, opened in _files())
        for mark in _holders(set_id)
    ]
    owners = [one for one in held if one.by == OWNER]
    visitors = [one for one in held if one.by != OWNER]
    for one in (*rights.surplus(owners, MOST_SETS), *rights.surplus(visitors, MOST_SETS)):
        _let_go(one.thing, one.by)


def _let_go(set_id: str, mark: str) -> None:
    marks = folder() / HOLDERS / set_id
    with contextlib.suppress(OSError):
        (marks / mark).unlink(missing_ok=True)
        if marks.exists() and any(marks.iterdir()):
            return  # somebody else holds it
        (folder() / f"set-{set_id}.safetensors").unlink(missing_ok=True)
        marks.rmdir()


def _id_of(path: Path) -> str:
    return path.name.removeprefix("set-").removesuffix(".safetensors")


def _path(set_id: str) -> Path | None:
    return folder() / f"set-{set_id}.safetensors" if SET_ID.fullmatch(set_id) else None


def folder() -> Path:
    """Where sets are kept."""
    return checkpoints.user_store() / FOLDER
