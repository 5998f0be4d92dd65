"""Arrays as people have them, and as models take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
MOST_CLASSES = 254  # of labels that a map can colour


@dataclass(frozen=True)
class Form:
    """How the examples of a training came, and how they are brought to [0, 1].

    Attributes:
        given: shape of an example as it came: (features,), (height, width) or (channels, height,
            width).
        low, high: what became 0 and 1. Pixels are 0 and 1 as they stand: uint8 of 0 to 255, or
            floats that all lie in [0, 1]. Of other values these are the least and the largest one,
            over the whole array.
    """

    given: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an example as a model takes it: (channels, height, width)."""
        channels, height, width = (1,) * (3 - len(self.given)) + self.given
        return channels, height, width

    @property
    def pixels(self) -> bool:
        """Whether values stand for themselves."""
        return (self.low, self.high) == (0.0, 1.0)

    def taken(self, x: Array) -> Array:
        """Examples (count, *given) as a model takes them: (count, *shape), uint8 where pixels came
        so, else float32 of 0 to 1."""
        shaped = x.reshape(len(x), *self.shape)
        if x.dtype == np.uint8 and self.pixels:
            return shaped
        scaled: Array = ((shaped.astype(np.float64) - self.low) / (self.high - self.low)).astype(
            np.float32
        )
        return scaled

    def back(self, x: Array) -> Array:
        """What a model gives, (count, *shape) of 0 to 1, in the shape and unit that examples came
        in; pixels are floats of 0 to 1. (count, *given) float32."""
        given: Array = (x * (self.high - self.low) + self.low).astype(np.float32)
        return given.reshape(len(x), *self.given)


def form_of(x: Array) -> Form:
    """The form of training examples (count, *given), of one to three dimensions each."""
    given = x.shape[1:]
    if x.dtype in (np.uint8, np.bool_):
        return Form(given)
    low, high = float(x.min()), float(x.max())
    if 0 <= low <= high <= 1:
        return Form(given)
    return Form(given, low, high if high > low else low + 1)


def labels_of(y: Any, count: int) -> tuple[Array, tuple[str, ...]]:
    """Labels (count,) int64 and the classes' names, of whole numbers or strings; -1 and no names
    of what is no set of classes."""
    given = None if y is None else np.asarray(y)
    if given is not None and given.shape == (count,) and given.dtype.kind in "iubUO":
        names, labels = np.unique(given.astype(str), return_inverse=True)
        if given.dtype.kind in "iu":
            values, labels = np.unique(given, return_inverse=True)
            names = values.astype(str)
        if len(names) <= MOST_CLASSES:
            return labels.astype(np.int64), tuple(map(str, names))
    return np.full(count, -1, np.int64), ()
