"""Zip and npz archives that come from anybody: bounded, never unpacked to disk, never a pickle."""

import contextlib
import io
import math
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from core.dataset import DataError, reason

MIB = 1024 * 1024


@dataclass(frozen=True)
class Bounds:
    """What is accepted of a person's own images; sizes are in bytes unless they say pixels."""

    files: int = 100_000
    fewest_images: int = 2
    classes: int = 1_000
    archive_bytes: int = 512 * MIB
    archive_entries: int = 200_000
    decoded_bytes: int = 256 * MIB
    file_bytes: int = 64 * MIB
    compression_ratio: int = 200
    # Sorted labels of a few kilobytes pack a thousandfold and harm nobody.
    compression_ratio_from_bytes: int = MIB
    image_pixels: int = 64_000_000
    pixels_in_all: int = 4_000_000_000
    smallest_side: int = 4
    largest_side: int = 256


BOUNDS = Bounds()


class UnreadableFileError(Exception):
    """One file that cannot be read; its caller decides whether that is the end of it."""


_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)
_ENTRY_SIGNATURE = b"PK\x01\x02"


@contextlib.contextmanager
def opened_zip(stream: BinaryIO, label: str, bounds: Bounds) -> Iterator[zipfile.ZipFile]:
    """A zip whose entries are few, plainly named, unencrypted and declare modest sizes."""
    # ZipFile makes an object of every entry, so they are counted before it sees the file.
    if _count_entries(stream) > bounds.archive_entries:
        raise DataError(
            f"{label} lists more than {bounds.archive_entries:,} entries, the most allowed."
        )
    try:
        archive = zipfile.ZipFile(stream)
    except (*_ZIP_ERRORS, OSError) as error:
        raise DataError(
            f"{label} is not a whole zip archive ({reason(error)}); allowed are .zip and .npz "
            f"files of up to {bounds.archive_bytes:,} bytes."
        ) from error
    with archive:
        members = archive.infolist()
        for member in members:
            _check_member(member, label, bounds)
        files = sum(not member.is_dir() for member in members)
        if files > bounds.files:
            raise DataError(f"{label} holds {files:,} files; allowed are up to {bounds.files:,}.")
        declared = sum(member.file_size for member in members)
        if declared > bounds.decoded_bytes:
            raise DataError(
                f"{label} declares {declared:,} bytes when unpacked; "
                f"allowed are up to {bounds.decoded_bytes:,}."
            )
        yield archive


def _count_entries(stream: BinaryIO) -> int:
    stream.seek(0)
    count, tail = 0, b""
    while chunk := stream.read(4 * MIB):
        count += (tail + chunk).count(_ENTRY_SIGNATURE)
        tail = chunk[-len(_ENTRY_SIGNATURE) + 1 :]
    stream.seek(0)
    return count


def _check_member(member: zipfile.ZipInfo, label: str, bounds: Bounds) -> None:
    name = member.filename.replace("\\", "/")
    if name[:1] in ("", "/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        raise DataError(
            f"{label} holds a file named {member.filename!r}, which points nowhere inside it; "
            "allowed are plain relative names without '..'."
        )
    if member.flag_bits & 1:
        raise DataError(f"{name} in {label} is encrypted; allowed are archives without a password.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{name} in {label} is packed by method {member.compress_type}; "
            "allowed are stored (0) and deflated (8)."
        )
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > bounds.compression_ratio_from_bytes and ratio > bounds.compression_ratio:
        raise DataError(
            f"{name} in {label} is packed {ratio:,.0f} to 1; "
            f"allowed is up to {bounds.compression_ratio} to 1."
        )


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The member's bytes, never more than it declares. Raises UnreadableFileError."""
    try:
        with archive.open(member) as stream:
            content = stream.read(member.file_size + 1)
    except (*_ZIP_ERRORS, OSError) as error:
        raise UnreadableFileError(reason(error)) from error
    if len(content) != member.file_size:
        raise UnreadableFileError(f"{len(content):,} bytes where {member.file_size:,} are declared")
    return content


def read_npz(stream: BinaryIO, label: str, bounds: Bounds) -> dict[str, np.ndarray]:
    with opened_zip(stream, label, bounds) as archive:
        return read_members(archive, label, bounds)


def read_members(archive: zipfile.ZipFile, label: str, bounds: Bounds) -> dict[str, np.ndarray]:
    """The arrays of an npz by name. Raises DataError for one that is torn or holds objects."""
    arrays = {}
    for member in archive.infolist():
        if member.filename.endswith(".npy"):
            try:
                content = read_member(archive, member)
            except UnreadableFileError as error:
                raise DataError(
                    f"{member.filename} in {label} cannot be read ({error}); "
                    "allowed are arrays as numpy.savez writes them."
                ) from error
            where = f"{member.filename} in {label}"
            arrays[member.filename.removesuffix(".npy")] = _read_npy(content, where)
    return arrays


def _read_npy(content: bytes, where: str) -> np.ndarray:
    # numpy.load would set memory aside for the shape that the header claims, whatever follows it.
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise ValueError(f"version {version} of the format")
        shape, _, dtype = readers[version](stream)
    except (
        ValueError,
        TypeError,
        EOFError,
        SyntaxError,
        MemoryError,
        RecursionError,
        tokenize.TokenError,
    ) as error:
        raise DataError(
            f"{where} is not a whole npy array ({error}); "
            "allowed are arrays as numpy.savez writes them."
        ) from error
    if dtype.hasobject:
        raise DataError(
            f"{where} holds pickled Python objects, which are never loaded; "
            "allowed are arrays of numbers, or of strings for labels."
        )
    declared, there = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if min(shape, default=1) < 0 or declared != there:
        raise DataError(
            f"{where} declares {declared:,} bytes of values and holds {there:,}; "
            "allowed are whole arrays as numpy.savez writes them."
        )
    array = np.load(io.BytesIO(content), allow_pickle=False)
    return np.ascontiguousarray(array)
