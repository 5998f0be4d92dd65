"""Which of a person's images are taken, what becomes of each, and what is checked of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.data.archives import Bounds
from core.data.dataset import DataError
from core.data.pictures import fitted
from core.data.strata import stratified

if TYPE_CHECKING:
    from PIL import Image

# Grey levels of one upright image (mode L) to (size, size) uint8, and what is to be said of it if
# anything; may raise UnreadableFileError.
Fit = Callable[["Image.Image"], tuple[np.ndarray, str]]
Images = tuple[np.ndarray, np.ndarray, tuple[str, ...], str]  # x, labels, class names, note


@dataclass(frozen=True)
class Taken:
    """Which images are taken and what becomes of each: see `core.data.images.from_images`."""

    size: int
    invert: bool
    own_fit: Fit | None
    most: int | None

    @property
    def detail(self) -> int:
        """Pixels a side of which more are of no use."""
        return (16 if self.own_fit else 2) * self.size

    def fit(self, grey: Image.Image) -> tuple[np.ndarray, str]:
        """(size, size) uint8, and what is to be said of it; may raise UnreadableFileError."""
        return self.own_fit(grey) if self.own_fit else (fitted(grey, self.size, self.invert), "")


def drawn(classes: Sequence[object] | np.ndarray, most: int | None) -> np.ndarray:
    """Indices of at most `most` of some things, drawn by a seed so that each class keeps its share:
    every n-th of data that go round their classes would leave some of them out."""
    numbers = np.unique(np.asarray(classes), return_inverse=True)[1]
    return stratified(numbers, len(numbers) if most is None else most)


def joined(notes: list[str]) -> str:
    """Notes as one line, empty where there are none."""
    return "; ".join(notes) + "." if notes else ""


def drawn_note(count: int, taken: int) -> str:
    """What is told where not all were taken."""
    return f"of {count:,} images {taken:,}, the most allowed, were taken, of each class its share"


def check_output(count: int, size: int, label: str, bounds: Bounds) -> None:
    """Raise DataError for more images, or more pixels of them together, than are allowed."""
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


def check_classes(count: int, label: str, bounds: Bounds) -> None:
    """Raise DataError for more classes than are allowed."""
    if count > bounds.classes:
        raise DataError(
            "{label} holds {count:,} classes; allowed are up to {most:,}.",
            label=label,
            count=count,
            most=bounds.classes,
        )
