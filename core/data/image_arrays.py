"""Images that are arrays of an npz."""

from __future__ import annotations

from collections import Counter

import numpy as np

from core.data.archives import Bounds, UnreadableFileError
from core.data.dataset import DataError
from core.data.pictures import COLOUR, grey_levels
from core.data.taking import (
    Images,
    Taken,
    check_classes,
    check_output,
    drawn,
    drawn_note,
    joined,
)
from core.refusal import Refusal, told

IMAGES = ("x", "images", "data")  # under these names are the images, and their labels
LABELS = ("y", "labels", "label", "targets", "target")
ROUNDING = 1e-5  # by which floats may leave [0, 1]: that much is a computation's, not a unit's


def from_arrays(arrays: dict[str, np.ndarray], label: str, taken: Taken, bounds: Bounds) -> Images:
    """The images that an npz holds under a name of `IMAGES`, with labels if it has some under one
    of `LABELS`; the note names arrays that are neither.

    Raises:
        DataError: for arrays of other names, shapes, types or ranges, or out of bounds.
    """
    from PIL import Image

    images = _first_of(arrays, IMAGES)
    if images is None:
        raise DataError(
            "{label} holds arrays named {names}; "
            "one must be named x (or images, data), "
            "and one may be named y (or labels, label, targets, target).",
            label=label,
            names=", ".join(sorted(arrays)),
        )
    levels = _to_levels(images, label)  # (count, height, width[, channels])
    given = _first_of(arrays, LABELS)
    notes = []
    used = {id(images), id(given)}
    unused = [name for name, array in arrays.items() if id(array) not in used]
    if unused:
        notes.append(f"the array(s) {', '.join(sorted(unused))} were not used")
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
    chosen = drawn(labels, taken.most)
    if len(chosen) < count:
        notes.append(drawn_note(count, len(chosen)))
        levels, labels = levels[chosen], labels[chosen]
    check_output(len(levels), taken.size, label, bounds)
    if taken.own_fit is None and levels.shape[1:] == (taken.size, taken.size):
        x = np.ascontiguousarray(255 - levels if taken.invert else levels)
        return x[:, None], labels, class_names, joined(notes)
    fitted_images, kept, failures = [], [], []
    changes: Counter[str] = Counter()
    for index, image in enumerate(levels):
        try:
            fitted_image, change = taken.fit(grey_levels(Image.fromarray(image)))
            fitted_images.append(fitted_image)
            kept.append(index)
            changes.update([change] if change else [])
        except UnreadableFileError as error:
            failures.append(Refusal("number {index}: {cause}", index=chosen[index], cause=error))
    if len(kept) < bounds.fewest_images:
        raise DataError(
            "{label} holds no image that can be used ({failure}).",
            label=label,
            failure=failures[0],
        )
    if failures:
        notes.append(f"{len(failures):,} image(s) were skipped, the first being {failures[0]}")
    if levels.ndim == 4:
        notes.append(f"{len(kept):,} image(s) {COLOUR}")
    notes += [f"{found:,} image(s) {change}" for change, found in changes.items()]
    x = np.stack(fitted_images)[:, None]
    return x, labels[kept], class_names, joined(notes)


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
    if images.size and not (images.min() >= -ROUNDING and images.max() <= 1 + ROUNDING):
        raise DataError(
            "x in {label} spans {low} to {high}; "
            "allowed are floats in [0, 1], or uint8 (0 to 255).",
            label=label,
            low=told(float(images.min()), 0, 1),
            high=told(float(images.max()), 0, 1),
        )
    return np.rint(images.clip(0, 1) * np.float32(255)).astype(np.uint8)


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
    check_classes(len(distinct), label, bounds)
    labels = np.full(count, -1, np.int64)
    labels[known] = positions
    return labels, tuple(str(value) for value in distinct)


def _first_of(arrays: dict[str, np.ndarray], allowed: tuple[str, ...]) -> np.ndarray | None:
    """The array of the first name that there is, in capitals or not."""
    plain = {name.lower(): array for name, array in reversed(arrays.items())}
    return next((plain[name] for name in allowed if name in plain), None)
