"""People's own images, kept by content.

Sets lie in the user's store as `.sets/set-<id>.safetensors`; the id is a hash of pixels, labels
and class names, so that the same images are kept once and an address of theirs never changes.
Of more than `MOST_SETS` the one that was not opened for longest goes.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.data import images, own_images
from core.data.dataset import DataError, Dataset
from core.data.own_images import BOUNDS, SIDE
from core.store import checkpoints, result_files

FOLDER = ".sets"


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


def keep(found: Dataset) -> str:
    """Keep a set in the user's store; returns its id.

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
    result_files.write(folder(), name, arrays, notes)
    set_id = name.removeprefix("set-").removesuffix(".safetensors")
    _tidy(set_id)
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
    return tuple(one for one in kept if one is not None)


@lru_cache(maxsize=2 * MOST_SETS)
def _kept(path: Path, changed: int) -> Kept | None:
    found = result_files.read(path) or ({}, {})
    set_id = path.name.removeprefix("set-").removesuffix(".safetensors")
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


def _tidy(kept: str) -> None:
    others = [path for path, _ in _files() if kept not in path.name]
    for path in others[MOST_SETS - 1 :]:
        with contextlib.suppress(OSError):
            path.unlink()


def _path(set_id: str) -> Path | None:
    return folder() / f"set-{set_id}.safetensors" if SET_ID.fullmatch(set_id) else None


def folder() -> Path:
    """Where sets are kept."""
    return checkpoints.user_store() / FOLDER
