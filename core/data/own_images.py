"""A person's own images as a set that maps can show: 28×28 grey levels."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.data import centring, images, pictures
from core.data.archives import MIB, Bounds, UnreadableFileError
from core.data.dataset import DataError, Dataset

if TYPE_CHECKING:
    from PIL import Image

MOST_IMAGES = 5_000
BOUNDS = Bounds(
    files=20_000,
    fewest_images=1,
    classes=254,  # a label is one byte, and 255 says that there is none
    archive_bytes=48 * MIB,
    archive_entries=40_000,
    decoded_bytes=256 * MIB,
    file_bytes=32 * MIB,
    image_pixels=50_000_000,
    pixels_in_all=1_000_000_000,
)
SUFFIXES = (*pictures.SUFFIXES, ".zip", ".npz")
_ARCHIVES = (".zip", ".npz")
_DIGITS = tuple("0123456789")
_WHOLE = "had no ink that stands out from the edge to centre, and were fitted in whole"
SIDE = centring.SIDE

Ink = Literal["auto", "bright", "dark"]


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
        centred: bring each image into the frame of MNIST's digits (`centring.centre`); else, and
            where by `auto` no ink stands out from an image's edge, the whole image is fitted into
            28×28 pixels.
        bounds: what is accepted.

    Classes are the sub-folders' names in a zip, and `y` in an npz; where all of them are single
    digits, they are the digits' own classes. Of more than 5,000 images so many are drawn, of
    each class its share.

    Raises:
        DataError: for what cannot be read, is out of bounds or holds no image.
    """
    name, content = _one_archive(files, bounds)
    found = images.from_images(
        content,
        size=SIDE,
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


def _fit(grey: Image.Image, ink: Ink, centred: bool) -> tuple[np.ndarray, str]:
    image = np.asarray(grey)
    dark = ink == "dark" or (ink == "auto" and centring.is_dark_ink(image))
    if not centred:
        return pictures.fitted(grey, SIDE, dark), ""
    try:
        return centring.centre(255 - image if dark else image), ""
    except DataError as error:
        if ink != "auto" or int(image.max()) - int(image.min()) < centring.FAINTEST:
            raise UnreadableFileError("{cause}", cause=error) from error
    # A photograph, such as one that is brightest at its edge: there is something, but no ink.
    return pictures.fitted(grey, SIDE, False), _WHOLE


def _as_digits(found: Dataset) -> Dataset:
    names = found.class_names
    if not names or not set(names) <= set(_DIGITS):
        return found
    places = np.array([*map(int, names), -1])  # the last place is that of label -1
    return replace(found, labels=places[found.labels], class_names=_DIGITS)
