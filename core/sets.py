"""A person's own images as a set that maps can show: 28×28 grey levels, kept by content.

Sets lie in the user's store as `.sets/set-<id>.safetensors`; the id is a hash of pixels, labels
and class names, so that the same images are kept once and an address of theirs never changes.
Of more than `MOST_SETS` the one that was not opened for longest goes.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from core import centring, checkpoints, derived, images
from core.archives import MIB, Bounds, UnreadableFileError
from core.dataset import DataError, Dataset

if TYPE_CHECKING:
    from PIL import Image

FOLDER = ".sets"
SET_ID = re.compile(r"[0-9a-f]{24}")
MOST_IMAGES = 5_000
MOST_SETS = 50
LONGEST_NAME = 60  # characters
BOUNDS = Bounds(
    files=20_000,
    fewest_images=1,
    classes=254,  # a label is one byte, and 255 says that there is none
    archive_bytes=64 * MIB,
    archive_entries=40_000,
    decoded_bytes=256 * MIB,
    file_bytes=32 * MIB,
    image_pixels=50_000_000,
    pixels_in_all=1_000_000_000,
)
SUFFIXES = (*images.SUFFIXES, ".zip", ".npz")
_ARCHIVES = (".zip", ".npz")
_DIGITS = tuple("0123456789")
_SIDE = centring.SIDE

Ink = Literal["auto", "bright", "dark"]


@dataclass(frozen=True)
class Kept:
    """What a list of sets says of one."""

    id: str
    name: str
    count: int
    classes: int  # that have at least one image
    note: str


def read(
    files: Sequence[tuple[str, bytes]],
    ink: Ink = "auto",
    centred: bool = True,
    bounds: Bounds = BOUNDS,
) -> Dataset:
    """Uploaded files as one set of (count, 1, 28, 28) uint8, ink bright on 0.

    Args:
        files: names and contents of one zip, one npz, or of any number of image files.
        ink: whether ink is brighter or darker than the paper; `auto` decides for each image by
            `centring.is_dark_ink`.
        centred: bring each image into the frame of MNIST's digits (`centring.centre`); else the
            whole image is fitted into 28×28 pixels.
        bounds: what is accepted.

    Classes are the sub-folders' names in a zip, and `y` in an npz; where all of them are single
    digits, they are the digits' own classes. Of more than 5,000 images so many are taken, evenly
    spread.

    Raises:
        DataError: for what cannot be read, is out of bounds or holds no image.
    """
    name, content = _one_archive(files, bounds)
    found = images.from_images(
        content,
        size=_SIDE,
        name=name,
        bounds=bounds,
        fit=partial(_fit, ink=ink, centred=centred),
        most=MOST_IMAGES,
    )
    return _as_digits(found)


def _one_archive(files: Sequence[tuple[str, bytes]], bounds: Bounds) -> tuple[str, bytes]:
    """Name and content of the archive that was given, or of one made of the images given."""
    if not files:
        raise DataError("there is no file; allowed are images, or one .zip or .npz.")
    archives = [name for name, _ in files if Path(name).suffix.lower() in _ARCHIVES]
    if archives and len(files) > 1:
        raise DataError(
            "{name} is one of {count} files; allowed are one .zip or .npz by itself, "
            "or any number of images.",
            name=archives[0],
            count=len(files),
        )
    if archives:
        return files[0]
    size = sum(len(content) for _, content in files)
    if size > bounds.archive_bytes:
        raise DataError(
            "the images have {size:,} bytes; allowed are up to {most:,} in all.",
            size=size,
            most=bounds.archive_bytes,
        )
    name = files[0][0] if len(files) == 1 else f"{files[0][0]} +{len(files) - 1}"
    packed, names = io.BytesIO(), set()
    with zipfile.ZipFile(packed, "w") as archive:
        for index, (given, content) in enumerate(files):
            plain = re.sub(r"[\\/:\0]", "_", given).strip(". ") or "image"
            if plain in names:  # cameras count anew in every folder
                plain = f"{Path(plain).stem} ({index}){Path(plain).suffix}"
            names.add(plain)
            archive.writestr(plain, content)
    return name, packed.getvalue()


def _fit(grey: Image.Image, ink: Ink, centred: bool) -> np.ndarray:
    image = np.asarray(grey)
    dark = ink == "dark" or (ink == "auto" and centring.is_dark_ink(image))
    if not centred:
        return images.fitted(grey, _SIDE, dark)
    try:
        return centring.centre(255 - image if dark else image)
    except DataError as error:
        raise UnreadableFileError("{cause}", cause=error) from error


def _as_digits(found: Dataset) -> Dataset:
    names = found.class_names
    if not names or not set(names) <= set(_DIGITS):
        return found
    places = np.array([*map(int, names), -1])  # the last place is that of label -1
    return replace(found, labels=places[found.labels], class_names=_DIGITS)


def keep(found: Dataset) -> str:
    """Keep a set in the user's store; returns its id.

    Raises:
        DataError: not 1 to 5,000 images of 28×28 pixels, or more than 254 classes.
        OSError: where the disk is full or read-only.
    """
    if found.x.shape[1:] != (1, _SIDE, _SIDE) or not 1 <= len(found) <= MOST_IMAGES:
        raise DataError(
            "the images are {type} of shape {shape}; allowed are 1 to {most:,} of shape "
            "(1, {side}, {side}).",
            type=found.x.dtype,
            shape=found.x.shape,
            most=MOST_IMAGES,
            side=_SIDE,
        )
    if found.classes > BOUNDS.classes:
        raise DataError(
            "there are {count:,} classes; allowed are up to {most}.",
            count=found.classes,
            most=BOUNDS.classes,
        )
    arrays = {"x": found.x, "labels": found.labels}
    name = derived.file_name("set", arrays, {"class_names": list(found.class_names)})
    notes = {
        "name": found.name.removeprefix(images.PREFIX)[:LONGEST_NAME],
        "class_names": list(found.class_names),
        "note": found.provenance.note,
    }
    derived.write(folder(), name, arrays, notes)
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
    found = derived.read(path)
    try:
        arrays, notes = found
        opened = Dataset(
            notes["name"],
            "all",
            arrays["x"],
            arrays["labels"],
            tuple(notes["class_names"]),
            images.provenance(notes["name"], notes["note"]),
        )
        if opened.x.shape[1:] != (1, _SIDE, _SIDE) or not len(opened):
            raise ValueError
    except (TypeError, KeyError, ValueError) as error:
        raise DataError("the set of images {id} is damaged; upload it again.", id=set_id) from error
    with contextlib.suppress(OSError):
        os.utime(path)
    return opened


def list_sets() -> tuple[Kept, ...]:
    """The sets that are kept and whole, those that were opened last first."""
    kept = (_kept(path, changed) for path, changed in _files())
    return tuple(one for one in kept if one is not None)


@lru_cache(maxsize=2 * MOST_SETS)
def _kept(path: Path, changed: int) -> Kept | None:
    found = derived.read(path)
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
