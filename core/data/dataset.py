"""What every data set is: arrays with labels, a name, a split and provenance.

Needs numpy and the standard library alone. What is wrong with data is always a `DataError`.
"""

import difflib
import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from core.refusal import Refusal, told

KINDS = ("images", "sequences", "ratings")


class DataError(Refusal, ValueError):
    """One sentence that names the data set, file or value at fault, and what is allowed."""


@dataclass(frozen=True)
class Provenance:
    """Where data came from, under which licence, and what one must know of it."""

    source: str
    licence: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Dataset:
    """One split of a data set, whole in memory. Treat the arrays as read-only: they are shared.

    - `x`: (count, channels, height, width) images and (count, time, channels, height, width)
      sequences, uint8 or float32 in [0, 1]; or (count, *shape) float32 ratings.
    - `labels`: (count,) int64 indices into `class_names`, -1 where the class is unknown.
    - `observed`: bool like `x`, for ratings: which entries were observed.
    - `factors`: (count, factors) int64 levels of what made each image, where that is known, and
      `factor_names`. The first has no order (a shape), all others have one (a size).

    Raises DataError when the arrays do not have these shapes, types and ranges.
    """

    name: str
    split: str
    x: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    provenance: Provenance
    observed: np.ndarray | None = None
    kind: str = "images"
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(unknown("kind of data", self.kind, KINDS))
        dtypes, dimensions = {
            "images": (("uint8", "float32"), (4,)),
            "sequences": (("uint8", "float32"), (5,)),
            "ratings": (("float32",), range(2, 6)),
        }[self.kind]
        if self.x.dtype.name not in dtypes or self.x.ndim not in dimensions:
            raise DataError(
                f"x of {self.name!r} is {self.x.dtype} with {self.x.ndim} dimensions; {self.kind} "
                f"are {' or '.join(dtypes)} with {' or '.join(map(str, dimensions))}."
            )
        if self.kind != "ratings" and self.x.dtype == np.float32 and self.x.size:
            low, high = float(self.x.min()), float(self.x.max())
            if not 0 <= low <= high <= 1:  # nor where one is no number
                raise DataError(
                    f"x of {self.name!r} spans {told(low, 0, 1)} to {told(high, 0, 1)}; "
                    "floats must lie in [0, 1]."
                )
        if self.labels.dtype != np.int64 or self.labels.shape != self.x.shape[:1]:
            raise DataError(
                f"labels of {self.name!r} are {self.labels.dtype} of shape {self.labels.shape}; "
                f"they must be int64 of shape {self.x.shape[:1]}."
            )
        if len(self.labels) and not (
            self.labels.min() >= -1 and self.labels.max() < len(self.class_names)
        ):
            raise DataError(
                f"labels of {self.name!r} span {self.labels.min()} to {self.labels.max()}; "
                f"allowed are -1 (unknown) to {len(self.class_names) - 1}."
            )
        if self.observed is not None and (
            self.observed.dtype != np.bool_ or self.observed.shape != self.x.shape
        ):
            raise DataError(
                f"observed of {self.name!r} is {self.observed.dtype} of shape "
                f"{self.observed.shape}; it must be bool of shape {self.x.shape}."
            )
        wanted = (len(self.x), len(self.factor_names))
        if self.factors is not None and self.factors.shape != wanted:
            raise DataError(
                f"factors of {self.name!r} are of shape {self.factors.shape}; they must be of "
                f"shape {wanted}."
            )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example, such as (1, 28, 28)."""
        return self.x.shape[1:]

    @property
    def classes(self) -> int:
        """How many classes there are; 0 for data without labels."""
        return len(self.class_names)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (64 hex digits) over type, shape and bytes of x, labels and, if any, observed."""
        digest = hashlib.sha256()
        for array in (self.x, self.labels, self.observed):
            if array is not None:
                digest.update(f"{array.dtype.str} {array.shape};".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def subset(self, indices: ArrayLike, split: str) -> "Dataset":
        """The examples at `indices` (integers, or a bool mask of shape (count,)), named `split`.

        Raises DataError for indices of another type or out of range.
        """
        chosen = np.asarray(indices)
        if chosen.size == 0 and chosen.dtype != np.bool_:
            chosen = chosen.astype(np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "biu":
            raise DataError(
                f"indices into {self.name!r} are {chosen.dtype} with {chosen.ndim} dimensions; "
                "allowed are one-dimensional integers or a bool mask."
            )
        if chosen.dtype == np.bool_:
            if chosen.shape != self.labels.shape:
                raise DataError(
                    f"the mask over {self.name!r} has length {len(chosen)}; "
                    f"it must have {len(self)}."
                )
        elif chosen.size and not (-len(self) <= chosen.min() and chosen.max() < len(self)):
            raise DataError(
                f"indices into {self.name!r} span {chosen.min()} to {chosen.max()}; "
                f"allowed are {-len(self)} to {len(self) - 1}."
            )
        return replace(
            self,
            split=split,
            x=self.x[chosen],
            labels=self.labels[chosen],
            observed=None if self.observed is None else self.observed[chosen],
            factors=None if self.factors is None else self.factors[chosen],
        )


def unknown(what: str, given: str, allowed: tuple[str, ...]) -> str:
    """The sentence for a value that is not among those allowed, with the nearest that is."""
    close = difflib.get_close_matches(str(given).lower(), allowed, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown {what} {given!r}{hint}; allowed are {', '.join(allowed)}."


def reason(error: Exception) -> str:
    """Why the system refused, in its own few words and without the error's number; cut short where
    they quote what a stranger wrote."""
    inner = getattr(error, "reason", error)
    told = str(getattr(inner, "strerror", None) or inner or type(inner).__name__)
    return (told if len(told) <= 200 else f"{told[:200]}…").rstrip(".")
