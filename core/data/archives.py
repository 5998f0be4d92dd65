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

from core.data import zip_names
from core.data.dataset import DataError, reason
from core.refusal import Refusal, told

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


class UnreadableFileError(Refusal):
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
            "{label} lists more than {most:,} entries, the most allowed.",
            label=label,
            most=bounds.archive_entries,
        )
    try:
        archive = zipfile.ZipFile(stream)
    except (*_ZIP_ERRORS, OSError) as error:
        raise DataError(
            "{label} is not a whole zip archive ({reason}); allowed are .zip and .npz "
            "files of up to {most:,} bytes.",
            label=label,
            reason=reason(error),
            most=bounds.archive_bytes,
        ) from error
    with archive:
        members = archive.infolist()
        for member in members:
            _check_member(member, label, bounds)
        zip_names.mend(members)
        for member in members:
            _check_name(member, label)
        files = sum(not member.is_dir() for member in members)
        if files > bounds.files:
            raise DataError(
                "{label} holds {count:,} files; allowed are up to {most:,}.",
                label=label,
                count=files,
                most=bounds.files,
            )
        declared = sum(member.file_size for member in members)
        if declared > bounds.decoded_bytes:
            raise DataError(
                "{label} declares {declared:,} bytes when unpacked; allowed are up to {most:,}.",
                label=label,
                declared=declared,
                most=bounds.decoded_bytes,
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


def _check_name(member: zipfile.ZipInfo, label: str) -> str:
    name = member.filename.replace("\\", "/")
    if name[:1] in ("", "/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        raise DataError(
            "{label} holds a file named {name!r}, which points nowhere inside it; "
            "allowed are plain relative names without '..'.",
            label=label,
            name=member.filename,
        )
    return name


def _check_member(member: zipfile.ZipInfo, label: str, bounds: Bounds) -> None:
    name = _check_name(member, label)
    if member.flag_bits & 1:
        raise DataError(
            "{name} in {label} is encrypted; allowed are archives without a password.",
            name=name,
            label=label,
        )
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            "{name} in {label} is packed by method {method}; "
            "allowed are stored (0) and deflated (8).",
            name=name,
            label=label,
            method=member.compress_type,
        )
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > bounds.compression_ratio_from_bytes and ratio > bounds.compression_ratio:
        raise DataError(
            "{name} in {label} is packed {ratio} to 1; allowed is up to {most} to 1.",
            name=name,
            label=label,
            ratio=told(ratio, bounds.compression_ratio),
            most=bounds.compression_ratio,
        )


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The member's bytes, never more than it declares. Raises UnreadableFileError."""
    try:
        with archive.open(member) as stream:
            content = stream.read(member.file_size + 1)
    except (*_ZIP_ERRORS, OSError) as error:
        raise UnreadableFileError("{reason}", reason=reason(error)) from error
    if len(content) != member.file_size:
        raise UnreadableFileError(
            "{there:,} bytes where {declared:,} are declared",
            there=len(content),
            declared=member.file_size,
        )
    return content


def read_npz(stream: BinaryIO, label: str, bounds: Bounds) -> dict[str, np.ndarray]:
    with opened_zip(stream, label, bounds) as archive:
        return read_members(archive, label, bounds)


def read_members(archive: zipfile.ZipFile, label: str, bounds: Bounds) -> dict[str, np.ndarray]:
    """The arrays of an npz by name. Raises DataError for one that is torn or holds objects."""
    arrays = {}
    for member in archive.infolist():
        if member.filename.endswith(".npy"):
            where = Refusal("{name} in {label}", name=member.filename, label=label)
            try:
                content = read_member(archive, member)
            except UnreadableFileError as error:
                raise DataError(
                    "{where} cannot be read ({cause}); "
                    "allowed are arrays as numpy.savez writes them.",
                    where=where,
                    cause=error,
                ) from error
            arrays[member.filename.removesuffix(".npy")] = _read_npy(content, where)
    return arrays


def _read_npy(content: bytes, where: Refusal) -> np.ndarray:
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
            "{where} is not a whole npy array ({reason}); "
            "allowed are arrays as numpy.savez writes them.",
            where=where,
            reason=str(error),
        ) from error
    if dtype.hasobject:
        raise DataError(
            "{where} holds pickled Python objects, which are never loaded; "
            "allowed are arrays of numbers, or of strings for labels.",
            where=where,
        )
    declared, there = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if min(shape, default=1) < 0 or declared != there:
        raise DataError(
            "{where} declares {declared:,} bytes of values and holds {there:,}; "
            "allowed are whole arrays as numpy.savez writes them.",
            where=where,
            declared=declared,
            there=there,
        )
    array = np.load(io.BytesIO(content), allow_pickle=False)
    return np.ascontiguousarray(array)
