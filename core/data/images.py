"""A person's own images, from a folder, a zip or an npz, as one bounded grey data set.

Pillow is imported where it is needed and nowhere else.
"""

import hashlib
import io
import os
import stat
import struct
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from core.data.archives import (
    BOUNDS,
    Bounds,
    UnreadableFileError,
    opened_zip,
    read_member,
    read_members,
)
from core.data.dataset import DataError, Dataset, Provenance, reason, unknown
from core.refusal import Refusal

if TYPE_CHECKING:
    from PIL import Image

PREFIX = "images:"
SPLITS = ("all", "train", "test")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")


# Grey levels of one upright image (mode L) to (size, size) uint8; may raise UnreadableFileError.
Fit = Callable[["Image.Image"], np.ndarray]


@dataclass(frozen=True)
class _ImageFile:
    """An image file that has not been read yet; `read` may raise UnreadableFileError."""

    name: str
    read: Callable[[], bytes]


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
      first; and may hold `y` (or `labels`), integers (-1 for unknown) or strings.
    - `size`: side of the square in pixels; an image keeps its proportions and is padded with 0.
    - `split`: "all", or "train" (80 %) or "test" (20 %), by a hash of each image's pixels, so that
      the same images are split the same way in any order, and copies of one stay together.
    - `invert`: swap dark and light, for dark ink on white paper.
    - `fit`: brings an image to its final size, instead of `size`'s padding and `invert`.
    - `most`: of more images than this so many are taken, evenly spread in the order of their names.

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
    taken = _Taken(size, invert, fit, most)
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


@dataclass(frozen=True)
class _Taken:
    """Which images are taken and what becomes of each: see `from_images`."""

    size: int
    invert: bool
    own_fit: Fit | None
    most: int | None

    @property
    def detail(self) -> int:
        """Pixels a side of which more are of no use."""
        return (16 if self.own_fit else 2) * self.size

    def fit(self, grey: "Image.Image") -> np.ndarray:
        """(size, size) uint8; may raise UnreadableFileError."""
        return self.own_fit(grey) if self.own_fit else fitted(grey, self.size, self.invert)


_Images = tuple[np.ndarray, np.ndarray, tuple[str, ...], str]  # x, labels, class names, note


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


def _from_path(path: Path, taken: _Taken, bounds: Bounds) -> _Images:
    try:
        if path.is_dir():
            return _decode_all(*_files_in_folder(path, bounds), str(path), taken, bounds)
        if path.suffix.lower() not in (".zip", ".npz"):
            raise DataError(
                "{path} is a file of another kind; allowed are a folder, a .zip or a .npz."
                if path.exists()
                else "{path} is not there; allowed are a folder, a .zip or a .npz.",
                path=path,
            )
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


def _from_archive(
    stream: BinaryIO, length: int, label: str, taken: _Taken, bounds: Bounds
) -> _Images:
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
            return _from_arrays(read_members(archive, label, bounds), label, taken, bounds)
        return _decode_all(*_files_in_zip(archive, bounds), label, taken, bounds)


def _files_in_folder(folder: Path, bounds: Bounds) -> tuple[list[_ImageFile], list[str]]:
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
                files.append(_ImageFile(name, partial(_read_file, path, bounds)))
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


def _files_in_zip(archive: zipfile.ZipFile, bounds: Bounds) -> tuple[list[_ImageFile], list[str]]:
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
            files.append(_ImageFile(name, partial(read_member, archive, member)))
    return sorted(files, key=lambda file: file.name), _notes(other, links)


def _notes(other: int, links: int) -> list[str]:
    notes = []
    if other:
        notes.append(f"{other:,} file(s) that are not images were ignored")
    if links:
        notes.append(f"{links:,} link(s) were not followed")
    return notes


def _decode_all(
    files: list[_ImageFile],
    notes: list[str],
    label: str,
    taken: _Taken,
    bounds: Bounds,
) -> _Images:
    formats = ", ".join(FORMATS)
    if not files:
        raise DataError(
            "{label} holds no image; allowed are {formats} files, "
            "at least {least} of them, in sub-folders by class or not.",
            label=label,
            formats=formats,
            least=bounds.fewest_images,
        )
    spread = _spread(len(files), taken.most)
    if len(spread) < len(files):
        notes = [_spread_note(len(files), len(spread)), *notes]
        files = [files[index] for index in spread]
    size = taken.size
    _check_output(len(files), size, label, bounds)
    x = np.zeros((len(files), 1, size, size), np.uint8)
    folders, read_bytes, pixels = [], 0, 0
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
                grey, image_pixels, changed = _decode(content, file.name, taken.detail, bounds)
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
    _check_classes(len(class_names), label, bounds)
    index = {folder: position for position, folder in enumerate(class_names)}
    labels = np.array([index.get(folder, -1) for folder in folders], np.int64)
    return x, labels, class_names, _joined(notes)


def _spread(count: int, most: int | None) -> np.ndarray:
    """Indices of at most `most` of `count` things, evenly spread, so that no class is lost."""
    taken = count if most is None else min(count, most)
    return np.arange(taken) * count // max(taken, 1)


def _joined(notes: list[str]) -> str:
    return "; ".join(notes) + "." if notes else ""


def _spread_note(count: int, taken: int) -> str:
    return f"of {count:,} images {taken:,}, the most allowed, were taken, evenly spread"


def _check_output(count: int, size: int, label: str, bounds: Bounds) -> None:
    if count > bounds.files:
        raise DataError(
            "{label} holds {count:,} images; allowed are up to {most:,}.",
            label=label,
            count=count,
            most=bounds.files,
        )
    if count * size * size > bounds.decoded_bytes:
        raise DataError(
            "{count:,} images of {side}×{side} pixels are {size:,} bytes; allowed are up to "
            "{most:,}, so choose a smaller size or fewer images.",
            count=count,
            side=size,
            size=count * size * size,
            most=bounds.decoded_bytes,
        )


def _check_classes(count: int, label: str, bounds: Bounds) -> None:
    if count > bounds.classes:
        raise DataError(
            "{label} holds {count:,} classes; allowed are up to {most:,}.",
            label=label,
            count=count,
            most=bounds.classes,
        )


# What Pillow's readers raise on broken files of the allowed formats.
_PILLOW_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)


_COLOUR = "stored in colour were turned into grey levels"
_TRANSPARENT = "had transparent parts, which became white or black, whichever is not the ink's"
_MOVING = "were animations, of which the first picture was taken"


def _decode(
    content: bytes, name: str, detail: int, bounds: Bounds
) -> tuple["Image.Image", int, list[str]]:
    """An upright grey image (mode L), still of its own size, how many pixels it has, and what was
    done to it. A JPEG far larger than `detail` pixels a side is read at a fraction of its size."""
    from PIL import Image, ImageOps

    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        pixels = image.width * image.height
        if pixels <= bounds.image_pixels:
            changed = {
                _COLOUR: image.mode in ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "CMYK", "YCbCr"),
                _TRANSPARENT: image.has_transparency_data,
                _MOVING: getattr(image, "n_frames", 1) > 1,
            }
            image.draft("L", (detail, detail))
            grey = _grey(ImageOps.exif_transpose(image))
            return grey, pixels, [change for change, is_so in changed.items() if is_so]
    except Image.UnidentifiedImageError as error:
        raise UnreadableFileError(
            "not {formats} or WEBP", formats=", ".join(FORMATS[:-1])
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(
            "{name} has far too many pixels; allowed for one image are up to {most:,}.",
            name=name,
            most=bounds.image_pixels,
        ) from error
    except _PILLOW_ERRORS as error:
        raise UnreadableFileError(
            "{reason}", reason=reason(error) or type(error).__name__
        ) from error
    raise DataError(
        "{name} has {pixels:,} pixels; allowed for one image are up to {most:,}.",
        name=name,
        pixels=pixels,
        most=bounds.image_pixels,
    )


def _grey(image: "Image.Image") -> "Image.Image":
    """Grey levels of an image of any mode; what is transparent becomes the ink's opposite."""
    from PIL import Image

    if image.mode.startswith("I"):
        # Sixteen bits: convert("L") would clip all above 255.
        levels = np.clip(np.asarray(image, np.int64), 0, 65_535)
        return Image.fromarray((levels // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("L")
    ink, alpha = image.convert("RGBA").convert("LA").split()
    weights = np.asarray(alpha, np.float32)
    mean = float((np.asarray(ink, np.float32) * weights).sum() / max(float(weights.sum()), 1.0))
    ground = Image.new("L", ink.size, 255 if mean < 128 else 0)
    ground.paste(ink, mask=alpha)
    return ground


def fitted(grey: "Image.Image", size: int, invert: bool) -> np.ndarray:
    """(size, size) uint8: the whole image in its proportions, centred, with 0 around it."""
    from PIL import Image

    if grey.size != (size, size):
        scale = size / max(grey.size)
        width, height = (max(1, round(side * scale)) for side in grey.size)
        grey = grey.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    inner = np.asarray(grey)  # (height, width)
    top, left = (size - inner.shape[0]) // 2, (size - inner.shape[1]) // 2
    padded = np.zeros((size, size), np.uint8)
    padded[top : top + inner.shape[0], left : left + inner.shape[1]] = (
        255 - inner if invert else inner
    )
    return padded


def _first_of(arrays: dict[str, np.ndarray], allowed: tuple[str, str]) -> np.ndarray | None:
    return next((arrays[name] for name in allowed if name in arrays), None)


def _from_arrays(
    arrays: dict[str, np.ndarray], label: str, taken: _Taken, bounds: Bounds
) -> _Images:
    from PIL import Image

    images = _first_of(arrays, ("x", "images"))
    if images is None:
        raise DataError(
            "{label} holds arrays named {names}; "
            "one must be named x (or images), and one may be named y (or labels).",
            label=label,
            names=", ".join(sorted(arrays)),
        )
    levels = _to_levels(images, label)  # (count, height, width[, channels])
    given = _first_of(arrays, ("y", "labels"))
    notes = []
    count, height, width = levels.shape[:3]
    if count < bounds.fewest_images or not height or not width:
        raise DataError(
            "x in {label} has shape {shape}; allowed are {least} to {most:,} images of at least "
            "1×1 pixels.",
            label=label,
            shape=images.shape,
            least=bounds.fewest_images,
            most=bounds.files,
        )
    if height * width > bounds.image_pixels:
        raise DataError(
            "x in {label} has images of {pixels:,} pixels; allowed are up to {most:,}.",
            label=label,
            pixels=height * width,
            most=bounds.image_pixels,
        )
    labels, class_names = _labels_from(given, count, label, bounds)
    spread = _spread(count, taken.most)
    if len(spread) < count:
        notes.append(_spread_note(count, len(spread)))
        levels, labels = levels[spread], labels[spread]
    _check_output(len(levels), taken.size, label, bounds)
    if taken.own_fit is None and levels.shape[1:] == (taken.size, taken.size):
        x = np.ascontiguousarray(255 - levels if taken.invert else levels)
        return x[:, None], labels, class_names, _joined(notes)
    fitted_images, kept, failures = [], [], []
    for index, image in enumerate(levels):
        try:
            fitted_images.append(taken.fit(_grey(Image.fromarray(image))))
            kept.append(index)
        except UnreadableFileError as error:
            failures.append(Refusal("number {index}: {cause}", index=spread[index], cause=error))
    if len(kept) < bounds.fewest_images:
        raise DataError(
            "{label} holds no image that can be used ({failure}).",
            label=label,
            failure=failures[0],
        )
    if failures:
        notes.append(f"{len(failures):,} image(s) were skipped, the first being {failures[0]}")
    if levels.ndim == 4:
        notes.append(f"{len(kept):,} image(s) {_COLOUR}")
    x = np.stack(fitted_images)[:, None]
    return x, labels[kept], class_names, _joined(notes)


def _to_levels(images: np.ndarray, label: str) -> np.ndarray:
    """(count, height, width), or with 3 or 4 channels last, uint8. Raises DataError."""
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    elif images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 and not (images.ndim == 4 and images.shape[3] in (3, 4)):
        raise DataError(
            "x in {label} has shape {shape}; allowed are (count, height, width), "
            "(count, height, width, 1, 3 or 4) and (count, 1, height, width).",
            label=label,
            shape=images.shape,
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise DataError(
            "x in {label} is {type}; allowed are uint8 (0 to 255) or floats in [0, 1].",
            label=label,
            type=images.dtype,
        )
    if not np.isfinite(images).all():
        raise DataError(
            "x in {label} holds NaN or infinity; allowed are floats in [0, 1].", label=label
        )
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise DataError(
            "x in {label} spans {low:.4g} to {high:.4g}; "
            "allowed are floats in [0, 1], or uint8 (0 to 255).",
            label=label,
            low=images.min(),
            high=images.max(),
        )
    return np.rint(images * np.float32(255)).astype(np.uint8)


def _labels_from(
    given: np.ndarray | None, count: int, label: str, bounds: Bounds
) -> tuple[np.ndarray, tuple[str, ...]]:
    if given is None:
        return np.full(count, -1, np.int64), ()
    if given.shape != (count,) or given.dtype.kind not in "iuU":
        raise DataError(
            "y in {label} is {type} of shape {shape}; "
            "allowed are integers or strings of shape ({count},), one for each image.",
            label=label,
            type=given.dtype,
            shape=given.shape,
            count=count,
        )
    if given.dtype.kind == "i" and given.min() < -1:
        raise DataError(
            "y in {label} goes down to {low}; allowed are 0 and above, and -1 for unknown.",
            label=label,
            low=given.min(),
        )
    known = np.ones(count, bool) if given.dtype.kind != "i" else given >= 0
    distinct, positions = np.unique(given[known], return_inverse=True)
    _check_classes(len(distinct), label, bounds)
    labels = np.full(count, -1, np.int64)
    labels[known] = positions
    return labels, tuple(str(value) for value in distinct)
