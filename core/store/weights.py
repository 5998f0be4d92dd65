"""How weights are written: as they are, in half precision, or as int8 by row.

In a file of int8 weights a floating tensor `NAME` of two or more dimensions and at least 8,192
entries is I8 of the same shape, and beside it stands `NAME.scale`, F16, one number for each row
along the first dimension: value = int8 · scale[row], exact in float32. Smaller tensors and those of
one dimension are F16: the ones next to the code matter most and weigh least. Whole numbers, truth
values and what the smaller format can't hold stay as they are.

Pure functions of numpy arrays; the browser reads the same format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from core.config import StoredAs

Array = npt.NDArray[Any]

SCALE = ".scale"
LEAST = 8192  # entries from which int8 gains more than it costs
WIDTH: dict[StoredAs, int] = {"float32": 4, "float16": 2, "int8": 1}  # bytes of most numbers
_STEPS = 127


def pack(arrays: Mapping[str, Array], stored_as: StoredAs) -> dict[str, Array]:
    """A model's tensors as they are written: `float32` leaves them as they are.

    Args:
        arrays: by name, of any shape and type.
        stored_as: the format of most numbers.
    """
    packed: dict[str, Array] = {}
    for name, array in arrays.items():
        if array.dtype.kind != "f" or stored_as == "float32":
            packed[name] = array
        elif stored_as == "int8" and _gains(array) and (rows := _rounded_rows(array)) is not None:
            packed[name], packed[name + SCALE] = rows
        else:
            packed[name] = _half(array)
    return packed


def unpack(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """A model's tensors out of those of its file, whatever format they are in; floating ones are
    at least float32.

    Raises:
        ValueError: where scales are not one finite number for each row.
    """
    found: dict[str, Array] = {}
    for name, array in arrays.items():
        if _is_scale(arrays, name):
            continue
        scale = arrays.get(name + SCALE)
        if scale is not None and _is_scale(arrays, name + SCALE):
            if array.ndim < 1 or scale.shape != array.shape[:1] or not np.isfinite(scale).all():
                raise ValueError(f"{name}{SCALE} is not one finite number for each row of {name}")
            each = scale.astype(np.float32).reshape(-1, *[1] * (array.ndim - 1))
            found[name] = array.astype(np.float32) * each
        else:
            found[name] = array.astype(np.float32) if array.dtype == np.float16 else array
    return found


def rounded(arrays: Mapping[str, Array], stored_as: StoredAs) -> dict[str, Array]:
    """The tensors as they come back from a file, each of the type that it had."""
    back = unpack(pack(arrays, stored_as))
    return {name: back[name].astype(array.dtype) for name, array in arrays.items()}


def _is_scale(arrays: Mapping[str, Array], name: str) -> bool:
    """Whether this is the companion of an int8 tensor; no module has a tensor and a part of one
    name, so none of its own tensors is ever taken for one."""
    of = arrays.get(name.removesuffix(SCALE)) if name.endswith(SCALE) else None
    return of is not None and of.dtype == np.int8 and arrays[name].dtype == np.float16


def _gains(array: Array) -> bool:
    return array.ndim >= 2 and array.size >= LEAST and array[0].size > 2  # a scale is 2 bytes


def _half(array: Array) -> Array:
    with np.errstate(over="ignore"):
        half: Array = array.astype(np.float16)
    lost = np.isfinite(array).all() and not np.isfinite(half).all()
    return array if lost else half


def _rounded_rows(array: Array) -> tuple[Array, Array] | None:
    """int8 entries and float16 scales; None where float16 can't hold a scale. A scale is rounded
    up, so that no entry is cut off and none is off by more than half a step."""
    rows = array.reshape(len(array), -1).astype(np.float64)
    wanted = np.abs(rows).max(1) / _STEPS
    if not (wanted < np.finfo(np.float16).max).all():
        return None
    scales = wanted.astype(np.float16)
    scales = np.where(scales < wanted, np.nextafter(scales, np.float16(np.inf)), scales)
    step = scales.astype(np.float64)[:, None]
    whole = np.rint(np.divide(rows, step, out=np.zeros_like(rows), where=step > 0))
    return whole.astype(np.int8).reshape(array.shape), scales
