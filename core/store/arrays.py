"""What a run's files hold, read off their headers: names, types and shapes, before any number is.

A safetensors file begins with the length of its header and the header, JSON that names each array
with its type, its shape and where its bytes lie. The header is small, so a run's files can be
checked without reading them.
"""

from __future__ import annotations

import math
import stat
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from pydantic_core import from_json

from core.data import known_factors
from core.measures.corruptions import LEVELS, NOISES
from core.refusal import Refusal
from core.store.refusals import CheckpointError
from core.store.schema import CODES, FILM, MAP, PICTURES, WEIGHTS, WIDE, RunRecord
from core.store.weights import SCALE

LARGEST_HEADER = 2**20
LARGEST = {  # bytes
    CODES: 128 * 2**20,
    FILM: 128 * 2**20,
    MAP: 128 * 2**20,
    PICTURES: 32 * 2**20,
    WEIGHTS: 2**40,
}
LARGEST_PICTURE = 64_000_000  # pixels
_MOST_KNOTS, _MOST_FRAMES, _MOST_DRAWN = 200, 5000, 5000
_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4,
    "F32": 4, "F64": 8, "I64": 8, "U64": 8,
}  # fmt: skip
_NUMBERS = ("F16", "F32", "F64")
_PNG = b"\x89PNG\r\n\x1a\n"

Header = Mapping[str, tuple[str, tuple[int, ...]]]  # type and shape by name


def header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each array of a safetensors file, by name.

    Raises:
        ValueError: for another kind of file, or one whose header doesn't fit its size.
        OSError: where it can't be read.
    """
    with path.open("rb") as stream:
        size = path.stat().st_size
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(LARGEST_HEADER, size - 8):
            raise ValueError("it has no header")
        told = from_json(stream.read(length))
    if not isinstance(told, dict):
        raise ValueError("its header names no arrays")
    found, end = {}, 0
    for name, one in told.items():
        if name == "__metadata__":
            continue
        try:
            kind, shape, (first, last) = one["dtype"], one["shape"], one["data_offsets"]
            if not all(type(side) is int and side >= 0 for side in (*shape, first, last)):
                raise TypeError
            if last - first != math.prod(shape) * _BYTES[kind]:
                raise ValueError("its header doesn't fit itself")
        except (KeyError, TypeError) as error:
            raise ValueError("its header doesn't say what its arrays are") from error
        found[name] = kind, tuple(shape)
        end = max(end, last)
    if end != size - 8 - length:
        raise ValueError("its header doesn't fit its size")
    return found


def shapes(found: Header) -> dict[str, tuple[int, ...]]:
    """Shapes of a model's tensors by name, without what stands beside those in int8."""
    return {name: shape for name, (_, shape) in found.items() if not _is_scale(found, name)}


def _is_scale(found: Header, name: str) -> bool:
    of = found.get(name.removesuffix(SCALE), ("",)) if name.endswith(SCALE) else ("",)
    return of[0] == "I8" and found[name][0] == "F16"


def check_sizes(folder: Path, record: RunRecord) -> None:
    """See that a run's files are there, of the sizes that its record states and no larger than
    what is read of them at once.

    Raises:
        CheckpointError: torn or foreign.
    """
    name = folder.name
    for file, expected in record.files.items():
        if file not in LARGEST:
            raise CheckpointError(
                "Run {run} names a file that no run has: {file!r}.", run=name, file=file[:80]
            )
        try:
            found = (folder / file).stat()
        except OSError:
            found = None
        if found is None or not stat.S_ISREG(found.st_mode):
            raise CheckpointError("Run {run} is torn: {file} is missing.", run=name, file=file)
        if found.st_size != expected.bytes:
            raise CheckpointError(
                "Run {run} is torn: {file} has {size} bytes instead of {expected}.",
                run=name,
                file=file,
                size=found.st_size,
                expected=expected.bytes,
            )
        if found.st_size > LARGEST[file]:
            raise CheckpointError(
                "Run {run}: its {file} has {size:,} bytes; allowed are up to {most:,}.",
                run=name,
                file=file,
                size=found.st_size,
                most=LARGEST[file],
            )


def check_header(path: Path, record: RunRecord) -> None:
    """See by its header that one of a run's files holds the arrays that it must.

    Raises:
        CheckpointError: torn or foreign.
    """
    try:
        found = header(path)
    except OSError as error:
        raise unreadable(record, path.name, error) from None
    except ValueError as error:
        raise CheckpointError(
            "Run {run}: {file} is no safetensors file ({reason}).",
            run=record.id,
            file=path.name,
            reason=str(error)[:200],
        ) from None
    check_file(record, path.name, found)


def unreadable(record: RunRecord, file: str, error: OSError) -> CheckpointError:
    """What is raised for a file that the system doesn't give."""
    return CheckpointError(
        "Run {run}: {file} can't be read ({reason}).", run=record.id, file=file, reason=str(error)
    )


def check_file(record: RunRecord, file: str, found: Header) -> None:
    """See that one of a run's files holds the arrays that pages and loading read from it.

    Args:
        record: of the run.
        file: its name.
        found: what `header` says of it.

    Raises:
        CheckpointError: naming the first array that is not as it must be.
    """
    _CHECKS[file](record, found)


def _check_codes(record: RunRecord, found: Header) -> None:
    width = record.width
    held = "points" if width > WIDE and "points" in found else "codes"
    count = _shape(record, CODES, found, held, 2)[0]
    if record.shown is not None:  # the map is of the run's own images
        count = record.shown.count
    wanted: dict[str, tuple[int, ...]] = {
        held: (count, 2 if held == "points" else width),
        "plane_mean": (width,),
        "plane_basis": (2, width),
    }
    if held == "points":
        wanted["code_range"] = (2, width)
        if record.capabilities.get("discrete"):
            wanted["entries"] = (count, _shape(record, CODES, found, "entries", 2)[1])
    dial = (record.browser or {}).get("dial")
    if dial:
        knots = _shape(record, CODES, found, "knots", 1)[0]
        if not 2 <= knots <= _MOST_KNOTS:
            _wrong(record, CODES, "knots", (_MOST_KNOTS,))
        wanted |= {
            "knots": (knots,),
            "knot_points": (knots, count, 2),
            "knot_squared_error": (knots,),
        }
        if record.capabilities.get("has_posterior"):
            parts = _shape(record, CODES, found, "knot_kl", 2)[1]
            wanted |= {"knot_rate": (knots,), "knot_distortion": (knots,)}
            wanted |= {"knot_kl": (knots, parts)}
    may = {"squared_error": (count,), "noise_error": (len(NOISES), len(LEVELS))}
    _fits(record, CODES, found, wanted | {name: may[name] for name in may if name in found})
    chosen = {name: found[name] for name in ("entries",) if name in wanted}
    _typed(record, CODES, {name: found[name] for name in found.keys() - chosen}, _NUMBERS)
    _typed(record, CODES, chosen, ("U8",))


def _check_film(record: RunRecord, found: Header) -> None:
    frames, count, _ = _shape(record, FILM, found, "points", 3)
    wanted = {"points": (frames, count, 2), "steps": (frames,), "samples": (frames,)}
    if frames > _MOST_FRAMES:
        _wrong(record, FILM, "points", (_MOST_FRAMES, count, 2))
    if "index" in found:
        wanted["index"] = (count,)
    _fits(record, FILM, found, wanted | {"bounds": (frames, 4)})
    _shape(record, FILM, found, "sheet", 1)
    _typed(record, FILM, {**found, "sheet": ("F32", ())}, _NUMBERS)
    _typed(record, FILM, {"sheet": found["sheet"]}, ("U8",))


def _check_pictures(record: RunRecord, found: Header) -> None:
    for name in found:
        _shape(record, PICTURES, found, name, 1)
    _typed(record, PICTURES, found, ("U8",))


def _check_map(record: RunRecord, found: Header) -> None:
    count = record.shown.count if record.shown else 0
    kept = {"x": (count, *record.data.shape)}
    if record.shown and record.shown.name in known_factors.names():  # drawn from these
        count = min(count, _MOST_DRAWN)
        kept = {"factors": (count, len(known_factors.factors(record.shown.name)))}
    _fits(record, MAP, found, kept | {"labels": (count,)})
    _typed(record, MAP, {name: found[name] for name in kept}, ("U8",))
    _typed(record, MAP, {"labels": found["labels"]}, ("I16",))


_SIDES = {  # of a weight
    "linear": 2,
    "linear_transpose": 2,
    "conv": 4,
    "conv_transpose": 4,
    "told": 2,
    "nearest": 2,
}


def _check_weights(record: RunRecord, found: Header) -> None:
    """What a browser's program names is there, and of a shape that its layer can use."""
    program = record.browser or {}
    prior = program.get("prior") or {}
    networks = [program.get("encoder"), program.get("decoder"), prior.get("layers")]
    for part in ("rises", "estimates", "descents"):  # of a layer that makes levels, the last one
        networks += (program.get("encoder") or [{}])[-1].get(part, ())
    outer = [layer for network in networks for layer in network or ()]
    inner = [layer for one in outer for layer in one.get("layers") or ()]
    for layer in (*outer, *inner):
        if layer["op"] == "place":
            _shape(record, WEIGHTS, found, layer["bias"], 3)
        if layer.get("weight") is None:
            continue
        shape = _shape(record, WEIGHTS, found, layer["weight"], _SIDES.get(layer["op"], 1))
        features = shape[1] if layer["op"].endswith("_transpose") else shape[0]
        if layer.get("bias") is not None:
            _fits(record, WEIGHTS, found, {layer["bias"]: (features,)})
    inputs = prior.get("inputs")
    if inputs is not None:
        count = _shape(record, WEIGHTS, found, inputs, 1 + len(record.data.shape))[0]
        _fits(record, WEIGHTS, found, {inputs: (count, *record.data.shape)})
    for name in found:
        if _is_scale(found, name):
            _fits(record, WEIGHTS, found, {name: found[name.removesuffix(SCALE)][1][:1]})


_CHECKS: dict[str, Callable[[RunRecord, Header], None]] = {
    CODES: _check_codes,
    FILM: _check_film,
    MAP: _check_map,
    PICTURES: _check_pictures,
    WEIGHTS: _check_weights,
}


def check_numbers(record: RunRecord, file: str, found: Mapping[str, npt.NDArray[Any]]) -> None:
    """See that the numbers of a map or a film are finite, that squared errors are not below 0, that
    the knots of a knob rise through its range, and that pictures are PNGs of a modest size.

    Raises:
        CheckpointError: naming the first array that is not as it must be.
    """
    dial = (record.browser or {}).get("dial") if file == CODES else None
    for name, array in found.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            _bad(record, file, name, Refusal("no list of finite numbers"))
        if name.endswith("squared_error") and (array < 0).any():
            _bad(record, file, name, Refusal("no list of numbers from 0 on"))
        if dial and name == "knots":
            ends = [math.log(dial[end]) if dial["log"] else dial[end] for end in ("low", "high")]
            reach = 1e-3 * max(1.0, *map(abs, ends))
            inside = ends[0] - reach <= array[0] and array[-1] <= ends[1] + reach
            if not inside or not (np.diff(array) > 0).all():
                _bad(record, file, name, Refusal("no rising list of values of its knob"))
        if file == PICTURES or (file == FILM and name == "sheet"):
            start = array[:24].tobytes()
            width, height = struct.unpack(">II", start[16:24]) if len(start) == 24 else (0, 0)
            if not start.startswith(_PNG) or not 0 < width * height <= LARGEST_PICTURE:
                what = Refusal("no picture of up to {most:,} pixels", most=LARGEST_PICTURE)
                _bad(record, file, name, what)


def _bad(record: RunRecord, file: str, name: str, what: Refusal) -> NoReturn:
    raise CheckpointError(
        "Run {run}: {name} in its {file} is {what}.",
        run=record.id,
        file=file,
        name=name[:80],
        what=what,
    )


def _shape(record: RunRecord, file: str, found: Header, name: str, sides: int) -> tuple[int, ...]:
    """The shape of an array that must be there, of so many dimensions, none of them empty."""
    shape = found.get(name, ("", ()))[1]
    if name not in found or len(shape) != sides or 0 in shape:
        _wrong(record, file, name, ("…",) * sides)
    return shape


def _fits(
    record: RunRecord, file: str, found: Header, wanted: Mapping[str, tuple[int, ...]]
) -> None:
    for name, shape in wanted.items():
        if name not in found or found[name][1] != shape:
            _wrong(record, file, name, shape)


def _typed(record: RunRecord, file: str, found: Header, kinds: tuple[str, ...]) -> None:
    for name, (kind, _) in found.items():
        if kind not in kinds:
            raise CheckpointError(
                "Run {run}: {name} in its {file} is of the type {kind}; allowed are {kinds}.",
                run=record.id,
                file=file,
                name=name[:80],
                kind=kind,
                kinds=", ".join(kinds),
            )


def _wrong(record: RunRecord, file: str, name: str, shape: tuple[Any, ...]) -> NoReturn:
    raise CheckpointError(
        "Run {run}: {name} in its {file} is not of the shape {shape}.",
        run=record.id,
        file=file,
        name=name[:80],
        shape=Refusal("({sides})", sides=", ".join(map(str, shape))),
    )
