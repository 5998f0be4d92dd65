"""Image files of a folder or a zip: found in the order of their names, read, and decoded."""

from __future__ import annotations

import os
import stat
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from core.data.archives import Bounds, UnreadableFileError, read_member
from core.data.dataset import DataError, reason
from core.data.pictures import FORMATS, SUFFIXES, decode
from core.data.taking import (
    Images,
    Taken,
    check_classes,
    check_output,
    joined,
    spread_evenly,
    spread_note,
)
from core.refusal import Refusal


@dataclass(frozen=True)
class ImageFile:
    """An image file that has not been read yet; `read` may raise UnreadableFileError."""

    name: str
    read: Callable[[], bytes]


def in_folder(folder: Path, bounds: Bounds) -> tuple[list[ImageFile], list[str]]:
    """The image files under a folder in the order of their names, and a note for each oddity."""

    def give_up(error: OSError) -> None:
        raise error

    root = folder.resolve()
    files, outside, other, total = [], 0, 0, 0
    for place, folders, file_names in os.walk(root, onerror=give_up, followlinks=False):
        outside += sum(os.path.islink(os.path.join(place, entry)) for entry in folders)
        folders[:] = [entry for entry in folders if not entry.startswith(".")]
        for file_name in file_names:
            path = Path(place, file_name)
            if file_name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                other += 1
            elif path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                outside += 1
            elif path.is_file():
                total += path.stat().st_size
                name = path.relative_to(root).as_posix()
                files.append(ImageFile(name, partial(_read_file, path, bounds)))
            if len(files) + outside + other > bounds.files:
                raise DataError(
                    "{folder} holds more than {most:,} files, the most allowed.",
                    folder=folder,
                    most=bounds.files,
                )
    if total > bounds.archive_bytes:
        raise DataError(
            "the images in {folder} have {size:,} bytes; allowed are up to {most:,} in all.",
            folder=folder,
            size=total,
            most=bounds.archive_bytes,
        )
    return sorted(files, key=lambda file: file.name), _notes(other, outside)


def _read_file(path: Path, bounds: Bounds) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(bounds.file_bytes + 1)
    except OSError as error:
        raise UnreadableFileError("{reason}", reason=reason(error)) from error
    if len(content) > bounds.file_bytes:
        raise DataError(
            "{path} has more than {most:,} bytes, the most allowed for one image.",
            path=path,
            most=bounds.file_bytes,
        )
    return content


def in_zip(archive: zipfile.ZipFile, bounds: Bounds) -> tuple[list[ImageFile], list[str]]:
    """The image members in the order of their names, and a note for each oddity."""
    files, links, other = [], 0, 0
    for member in archive.infolist():
        name = member.filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if member.is_dir():
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            links += 1
        elif (
            "__MACOSX" in parts
            or any(part.startswith(".") for part in parts)
            or PurePosixPath(name).suffix.lower() not in SUFFIXES
        ):
            other += 1
        else:
            if member.file_size > bounds.file_bytes:
                raise DataError(
                    "{name} in the archive has {size:,} bytes; "
                    "allowed for one image are up to {most:,}.",
                    name=name,
                    size=member.file_size,
                    most=bounds.file_bytes,
                )
            files.append(ImageFile(name, partial(read_member, archive, member)))
    return sorted(files, key=lambda file: file.name), _notes(other, links)


def _notes(other: int, links: int) -> list[str]:
    notes = []
    if other:
        notes.append(f"{other:,} file(s) that are not images were ignored")
    if links:
        notes.append(f"{links:,} link(s) were not followed")
    return notes


def decode_all(
    files: list[ImageFile],
    notes: list[str],
    label: str,
    taken: Taken,
    bounds: Bounds,
) -> Images:
    """All files that can be decoded; the others are counted in the note.

    Raises:
        DataError: where none can be, or for what is out of bounds.
    """
    formats = ", ".join(FORMATS)
    if not files:
        raise DataError(
            "{label} holds no image; allowed are {formats} files, "
            "at least {least} of them, in sub-folders by class or not.",
            label=label,
            formats=formats,
            least=bounds.fewest_images,
        )
    spread = spread_evenly(len(files), taken.most)
    if len(spread) < len(files):
        notes = [spread_note(len(files), len(spread)), *notes]
        files = [files[index] for index in spread]
    size = taken.size
    check_output(len(files), size, label, bounds)
    x = np.zeros((len(files), 1, size, size), np.uint8)
    folders: list[str] = []
    read_bytes, pixels = 0, 0
    failures: list[Refusal] = []
    changes: Counter[str] = Counter()
    with warnings.catch_warnings():
        # Pillow warns of suspicious sizes and odd metadata; the bounds here are stricter.
        warnings.simplefilter("ignore")
        for file in files:
            try:
                content = file.read()
                read_bytes += len(content)
                if read_bytes > bounds.archive_bytes:
                    raise DataError(
                        "the images of {label} have more than {most:,} bytes, "
                        "the most allowed in all.",
                        label=label,
                        most=bounds.archive_bytes,
                    )
                grey, image_pixels, changed = decode(content, file.name, taken.detail, bounds)
                pixels += image_pixels
                fitted_image = taken.fit(grey) if pixels <= bounds.pixels_in_all else None
            except UnreadableFileError as error:
                failures.append(Refusal("{name!r}: {cause}", name=file.name, cause=error))
                continue
            if fitted_image is None:
                raise DataError(
                    "the images of {label} have more than {most:,} pixels, "
                    "the most allowed in all.",
                    label=label,
                    most=bounds.pixels_in_all,
                )
            x[len(folders), 0] = fitted_image
            changes.update(changed)
            folders.append(PurePosixPath(file.name).parent.name)
    x = x[: len(folders)]
    if not folders:
        raise DataError(
            "{label} holds no image that can be read (the first that could not be read is "
            "{failure}); allowed are {formats} files, at least {least} of them.",
            label=label,
            failure=failures[0],
            formats=formats,
            least=bounds.fewest_images,
        )
    if len(folders) < bounds.fewest_images:
        raise DataError(
            "{label} holds only {count} image(s) that can be read (the first that could not be "
            "read is {failure}); allowed are {formats} files, at least {least} of them."
            if failures
            else "{label} holds only {count} image(s) that can be read; "
            "allowed are {formats} files, at least {least} of them.",
            label=label,
            count=len(folders),
            failure=next(iter(failures), None),
            formats=formats,
            least=bounds.fewest_images,
        )
    if failures:
        notes = [
            f"{len(failures):,} of {len(files):,} image files could not be read "
            f"and were skipped, the first being {failures[0]}",
            *notes,
        ]
    notes = [*notes, *(f"{count:,} image(s) {change}" for change, count in changes.items())]
    class_names = tuple(sorted(set(folders) - {""}))
    check_classes(len(class_names), label, bounds)
    index = {folder: position for position, folder in enumerate(class_names)}
    labels = np.array([index.get(folder, -1) for folder in folders], np.int64)
    return x, labels, class_names, joined(notes)
