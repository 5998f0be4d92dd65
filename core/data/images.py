"""A person's own images, from a folder, a zip or an npz, as one bounded grey data set."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.data.archives import BOUNDS, Bounds, opened_zip, read_members
from core.data.dataset import DataError, Dataset, Provenance, reason, unknown
from core.data.fetching import OnProgress
from core.data.image_arrays import from_arrays
from core.data.image_files import decode_all, in_folder, in_zip
from core.data.source import Description
from core.data.taking import Fit, Images, Taken

PREFIX = "images:"
SPLITS = ("all", "train", "test")
_ARCHIVES = (".zip", ".npz")


def names() -> tuple[str, ...]:
    """None: what is here is named by its path, `images:<path>`."""
    return ()


def describe(name: str, root: Path) -> Description:
    """See `core.data.source.Source`."""
    path = _path(name)
    title = f"Own images from {path.name or path}"
    wrong = _no_source(path)
    note = "" if wrong is None else f"it can't be read: {wrong}"
    return Description(name, title, SPLITS, {}, provenance(str(path), note), here=wrong is None)


def load(name: str, split: str, root: Path) -> Dataset:
    """See `core.data.source.Source`."""
    return from_images(_path(name), split=split, name=name)


def fetch(name: str, root: Path, on_progress: OnProgress | None) -> Path:
    """See `core.data.source.Source`."""
    raise DataError(
        "{name!r} is read where it lies; only named data sets are downloaded.", name=name
    )


def from_images(
    source: str | os.PathLike[str] | bytes,
    *,
    size: int = 28,
    split: str = "all",
    invert: bool = False,
    name: str | None = None,
    bounds: Bounds = BOUNDS,
    fit: Fit | None = None,
    most: int | None = None,
) -> Dataset:
    """A person's own images as (count, 1, size, size) uint8 in grey levels.

    - `source`: a folder, a .zip or a .npz, or the bytes of a .zip or .npz. In a folder or zip the
      sub-folder that an image lies in is its class. A .npz holds `x` (or `images`), uint8 or
      floats in [0, 1] of shape (count, height, width), with channels last, or with one channel
      first; and may hold `y` (or `labels`, `target`), integers (-1 for unknown) or strings.
    - `size`: side of the square in pixels; an image keeps its proportions and is padded with 0.
    - `split`: "all", or "train" (80 %) or "test" (20 %), by a hash of each image's pixels, so that
      the same images are split the same way in any order, and copies of one stay together.
    - `invert`: swap dark and light, for dark ink on white paper.
    - `fit`: brings an image to its final size, instead of `size`'s padding and `invert`.
    - `most`: of more images than this so many are drawn, by a seed, of each class its share.

    Nothing is extracted to disk. Files that cannot be decoded are skipped and counted in the note
    of the provenance, where it also says what was done to images in colour, with transparent parts
    or that move. Raises DataError for what is over the `bounds`, unsafe or unreadable.
    """
    if split not in SPLITS:
        raise DataError(unknown("split of own images", split, SPLITS))
    if not bounds.smallest_side <= size <= bounds.largest_side:
        raise DataError(
            "size is {size}; allowed are {least} to {most} pixels.",
            size=size,
            least=bounds.smallest_side,
            most=bounds.largest_side,
        )
    taken = Taken(size, invert, fit, most)
    if isinstance(source, (bytes, bytearray, memoryview)):
        label = name or "the uploaded archive"
        found = _from_archive(io.BytesIO(source), len(source), label, taken, bounds)
        name = name or f"{PREFIX}upload"
    else:
        label = str(source)
        found = _from_path(Path(os.path.expanduser(source)), taken, bounds)
        name = name or f"{PREFIX}{source}"
    x, labels, class_names, note = found
    whole = Dataset(name, "all", x, labels, class_names, provenance(label, note))
    return whole if split == "all" else _split_by_hash(whole, split)


def provenance(source: str, note: str = "") -> Provenance:
    """What can be said of own images before and after they are read."""
    return Provenance(source, "your own images: their licence is yours to know", note)


def _split_by_hash(whole: Dataset, split: str) -> Dataset:
    digests = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in whole.x])
    distinct = np.unique(digests)
    if len(distinct) < 2:
        raise DataError(
            "all images of {name!r} are the same; to split them, at least 2 must differ.",
            name=whole.name,
        )
    held_out = distinct[: max(1, round(len(distinct) / 5))]
    in_test = np.isin(digests, held_out)
    return whole.subset(in_test if split == "test" else ~in_test, split)


def _from_path(path: Path, taken: Taken, bounds: Bounds) -> Images:
    try:
        if path.is_dir():
            return decode_all(*in_folder(path, bounds), str(path), taken, bounds)
        wrong = _no_source(path)
        if wrong is not None and path.suffix.lower() not in _ARCHIVES:
            raise wrong
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DataError(
                    "{path} is not a plain file; allowed are a folder, .zip or .npz.", path=path
                )
            return _from_archive(stream, status.st_size, str(path), taken, bounds)
    except OSError as error:
        raise DataError(
            "{path} cannot be read ({reason}); allowed are a folder, a .zip or a .npz.",
            path=path,
            reason=reason(error),
        ) from error


def _no_source(path: Path) -> DataError | None:
    """Why a path can hold no images, as far as can be said before it is opened."""
    if os.path.isdir(path):
        return None
    if not os.path.exists(path):
        return DataError("{path} is not there; allowed are a folder, a .zip or a .npz.", path=path)
    if path.suffix.lower() in _ARCHIVES:
        return None
    return DataError(
        "{path} is a file of another kind; allowed are a folder, a .zip or a .npz.", path=path
    )


def _from_archive(
    stream: BinaryIO, length: int, label: str, taken: Taken, bounds: Bounds
) -> Images:
    if length > bounds.archive_bytes:
        raise DataError(
            "{label} has {size:,} bytes; allowed are up to {most:,}.",
            label=label,
            size=length,
            most=bounds.archive_bytes,
        )
    with opened_zip(stream, label, bounds) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if any(member.filename.endswith(".npy") for member in members):
            return from_arrays(read_members(archive, label, bounds), label, taken, bounds)
        return decode_all(*in_zip(archive, bounds), label, taken, bounds)


def _path(name: str) -> Path:
    given = name.removeprefix(PREFIX)
    if not given or "\0" in given:
        raise DataError(
            "{name!r} names no folder, .zip or .npz; write {prefix}<path>.",
            name=name,
            prefix=PREFIX,
        )
    return Path(os.path.expanduser(given))
