"""Image files of a folder or a zip: found in the order of their names, read, and decoded."""

from __future__ import annotations

import os
import stat
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from core.data.archives import Bounds, UnreadableFileError, read_member
from core.data.dataset import DataError, reason
from core.data.pictures import FORMATS, OTHER_SUFFIXES, SUFFIXES, decode
from core.data.taking import (
    Images,
    Taken,
    check_classes,
    check_output,
    drawn,
    drawn_note,
    joined,
)
from core.refusal import Refusal


@dataclass(frozen=True)
class ImageFile:
    """An image file that has not been read yet; `read` may raise UnreadableFileError."""

    name: str
    read: Callable[[], bytes]


@dataclass
class LeftOut:
    """What lies among the images and is not taken."""

    links: int = 0
    other: int = 0  # files that are no images
    kinds: Counter[str] = field(default_factory=Counter)  # images of kinds that are not read

    def __len__(self) -> int:
        return self.links + self.other + self.kinds.total()

    def leave(self, name: str) -> None:
        """Leave a file out, by its name."""
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in OTHER_SUFFIXES and not PurePosixPath(name).name.startswith("."):
            self.kinds[suffix] += 1
        else:
            self.other += 1

    @property
    def notes(self) -> list[str]:
        """A note for each oddity."""
        notes = []
        if self.kinds:
            notes.append(
                f"{self.kinds.total():,} image(s) of kinds that are not read were ignored "
                f"({', '.join(sorted(self.kinds))}; allowed are {', '.join(FORMATS)})"
            )
        if self.other:
            notes.append(f"{self.other:,} file(s) that are not images were ignored")
        if self.links:
            notes.append(f"{self.links:,} link(s) were not followed")
        return notes


def in_folder(folder: Path, bounds: Bounds) -> tuple[list[ImageFile], LeftOut]:
    """The image files under a folder in the order of their names, and what is left out."""

    def give_up(error: OSError) -> None:
        raise error

    root = folder.resolve()
    files, left_out, total = [], LeftOut(), 0
    for place, folders, file_names in os.walk(root, onerror=give_up, followlinks=False):
        left_out.links += sum(os.path.islink(os.path.join(place, entry)) for entry in folders)
        folders[:] = [entry for entry in folders if not entry.startswith(".")]
        for file_name in file_names:
            path = Path(place, file_name)
            if file_name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                left_out.leave(file_name)
            elif path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                left_out.links += 1
            elif path.is_file():
                total += path.stat().st_size
                name = path.relative_to(root).as_posix()
                files.append(ImageFile(name, partial(_read_file, path, bounds)))
            if len(files) + len(left_out) > bounds.files:
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
    return sorted(files, key=lambda file: file.name), left_out


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


def in_zip(archive: zipfile.ZipFile, bounds: Bounds) -> tuple[list[ImageFile], LeftOut]:
    """The image members in the order of their names, and what is left out."""
    files, left_out = [], LeftOut()
    for member in archive.infolist():
        name = member.filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if member.is_dir():
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            left_out.links += 1
        elif "__MACOSX" in parts or any(part.startswith(".") for part in parts):
            left_out.other += 1
        elif PurePosixPath(name).suffix.lower() not in SUFFIXES:
            left_out.leave(name)
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
    return sorted(files, key=lambda file: file.name), left_out


def decode_all(
    files: list[ImageFile],
    left_out: LeftOut,
    label: str,
    taken: Taken,
    bounds: Bounds,
) -> Images:
    """All files that can be decoded; the others are counted in the note.

    Raises:
        DataError: where none can be, or for what is out of bounds.
    """
    formats = ", ".join(FORMATS)
    notes = left_out.notes
    if not files:
        raise DataError(
            "{label} holds {count:,} image(s) of kinds that are not read ({kinds}), and no other; "
            "allowed are {formats} files, at least {least} of them, so save them anew as one of "
            "these."
            if left_out.kinds
            else "{label} holds no image; allowed are {formats} files, "
            "at least {least} of them, in sub-folders by class or not.",
            label=label,
            count=left_out.kinds.total(),
            kinds=", ".join(sorted(left_out.kinds)),
            formats=formats,
            least=bounds.fewest_images,
        )
    chosen = drawn([PurePosixPath(file.name).parent.name for file in files], taken.most)
    if len(chosen) < len(files):
        notes = [drawn_note(len(files), len(chosen)), *notes]
        files = [files[index] for index in chosen]
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
                grey, image_pixels, changed = decode(content, taken.detail, bounds)
                pixels += image_pixels
                fitted_image, change = None, ""
                if pixels <= bounds.pixels_in_all:
                    fitted_image, change = taken.fit(grey)
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
            changes.update([*changed, change] if change else changed)
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
            f"{len(failures):,} of {len(files):,} image files could not be used "
            f"and were skipped, the first being {failures[0]}",
            *notes,
        ]
    notes = [*notes, *(f"{count:,} image(s) {change}" for change, count in changes.items())]
    class_names = tuple(sorted(set(folders) - {""}))
    check_classes(len(class_names), label, bounds)
    index = {folder: position for position, folder in enumerate(class_names)}
    labels = np.array([index.get(folder, -1) for folder in folders], np.int64)
    return x, labels, class_names, joined(notes)
