"""The idx files of MNIST and its kin, plain or gzipped, checked against their own headers."""

import gzip
import io
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from core.data.dataset import DataError, reason
from core.refusal import Refusal

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_LARGEST_BYTES = 1 << 30
Opened = gzip.GzipFile | io.BufferedReader


def read(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an idx file (`path`, or `path` + ".gz" beside it), in native byte order.

    Raises DataError when the file is missing, is not idx, is larger than 1 GiB, or holds fewer or
    more bytes than its header declares.
    """
    path = Path(path)
    file = existing(path)
    if file is None:
        raise DataError(
            "{path} does not exist, nor does {name}.gz beside it.", path=path, name=path.name
        )
    try:
        with _opened(file) as stream:
            dtype, shape = _read_header(stream, file)
            flat = np.empty(math.prod(shape) * dtype.itemsize, np.uint8)
            filled = 0
            while filled < len(flat) and (got := stream.readinto(flat.data[filled:])):
                filled += got
            if filled < len(flat):
                raise DataError(
                    "{file} is truncated: {there:,} of {declared:,} bytes of values are there; "
                    "delete it and download it anew.",
                    file=file,
                    there=filled,
                    declared=len(flat),
                )
            if stream.read(1):
                raise DataError(
                    "{file} holds more than the {declared:,} bytes of values that it declares; "
                    "delete it and download it anew.",
                    file=file,
                    declared=len(flat),
                )
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            "{file} cannot be read ({reason}); delete it and download it anew.",
            file=file,
            reason=reason(error),
        ) from error
    return flat.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: Opened, file: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    code, dimensions = (magic[2], magic[3]) if len(magic) == 4 else (0, 0)
    if magic[:2] != b"\0\0" or code not in _TYPES or not 1 <= dimensions <= 4:
        raise DataError(
            "{file} is not an idx file: it begins with {magic}, allowed are "
            "0000, a type of 08 to 0e, and 1 to 4 dimensions.",
            file=file,
            magic=magic.hex() or Refusal("nothing"),
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(
            "{file} is truncated within its header; delete it and download it anew.", file=file
        )
    dtype, shape = np.dtype(_TYPES[code]), struct.unpack(f">{dimensions}I", sizes)
    if math.prod(shape) * dtype.itemsize > _LARGEST_BYTES:
        raise DataError(
            "{file} declares {declared:,} bytes of values; allowed are up to {most:,}.",
            file=file,
            declared=math.prod(shape) * dtype.itemsize,
            most=_LARGEST_BYTES,
        )
    return dtype, shape


def _opened(file: Path) -> Opened:
    return gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")


def existing(path: Path) -> Path | None:
    """The file to read for `path`: itself, or the .gz beside it where that is better; or None."""
    packed = path.with_name(path.name + ".gz")
    # os.path's answer for a folder that may not be read is False, where Path's is an exception.
    if os.path.isfile(path) and (is_whole(path) or not os.path.isfile(packed)):
        return path
    return packed if os.path.isfile(packed) else None


def is_here(path: Path) -> bool:
    """Whether `path` can be read: it is whole, or a .gz stands beside it."""
    file = existing(path)
    return file is not None and (file != path or is_whole(path))


def is_whole(path: Path) -> bool:
    """Whether a plain idx file has exactly the bytes that its header declares."""
    try:
        with path.open("rb") as stream:
            dtype, shape = _read_header(stream, path)
            return path.stat().st_size == stream.tell() + math.prod(shape) * dtype.itemsize
    except (OSError, DataError):
        return False
