"""Downloads: files that arrive whole and verified, or not at all.

torchvision's lists of mirrors and checksums are used, and imported only when something is fetched.
"""

import contextlib
import gzip
import hashlib
import os
import secrets
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from core.data import idx
from core.data.dataset import DataError, reason

OnProgress = Callable[[str, int, int | None], None]
_CHUNK_BYTES = 256 * 1024
_NETWORK_TIMEOUT_SECONDS = 30
_LARGEST_BYTES = 1 << 30


@dataclass(frozen=True)
class _Resource:
    """A file to fetch: its addresses in order of preference, and the md5 of its bytes."""

    file: str
    urls: tuple[str, ...]
    md5: str


def fetch_set(
    name: str,
    torchvision_class: str,
    files: Iterable[str],
    raw: Path,
    on_progress: OnProgress | None = None,
) -> None:
    """Fetch what is missing of the set that torchvision calls so, as unpacked idx files in `raw`.

    Args:
        name: the set's name, for messages.
        torchvision_class: whose mirrors and checksums are used.
        files: names of the idx files that shall be there in the end.
        raw: folder, made if missing.
        on_progress: called as (file, done_bytes, total_bytes); what it raises stops the download.

    Raises:
        DataError: without a network, for a wrong checksum, or a folder that can't be written.
    """
    try:
        raw.mkdir(parents=True, exist_ok=True)
        resources = _resources(torchvision_class)
        if resources[0].file.endswith(".zip"):
            _fetch_archive(name, resources[0], [raw / file for file in files], on_progress)
            return
        for resource in resources:
            _fetch_idx(name, resource, raw, on_progress)
    except OSError as error:
        raise DataError(f"{name} cannot be written to {raw}: {reason(error)}.") from error


@contextlib.contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    """A fresh name beside `path`; whatever stands there is removed at the end."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become `path` when the block ends well, and vanish when it does not."""
    with _temporary_beside(path) as temporary:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)


def _resources(torchvision_class: str) -> list[_Resource]:
    """What torchvision says of a set's files, where they are, and what their checksums are."""
    from torchvision import datasets

    described = getattr(datasets, torchvision_class)
    if torchvision_class == "QMNIST":
        pairs = [pair for split in ("train", "test") for pair in described.resources[split]]
        return [_Resource(url.rsplit("/", 1)[-1], (url,), md5) for url, md5 in pairs]
    if torchvision_class == "EMNIST":
        return [_Resource(described.url.rsplit("/", 1)[-1], (described.url,), described.md5)]
    return [
        _Resource(file, tuple(f"{mirror}{file}" for mirror in described.mirrors), md5)
        for file, md5 in described.resources
    ]


def _fetch_idx(name: str, resource: _Resource, raw: Path, on_progress: OnProgress | None) -> None:
    target = raw / resource.file.removesuffix(".gz")
    packed = raw / resource.file
    if idx.is_whole(target) or (packed.is_file() and _md5(packed) == resource.md5):
        return
    with _fetched(name, resource, raw, on_progress) as stream:
        _unpack(stream, target)


def _fetch_archive(
    name: str, resource: _Resource, targets: list[Path], on_progress: OnProgress | None
) -> None:
    # All EMNIST sets come out of the one archive of 562 MB, so none needs it twice.
    if all(idx.is_here(target) for target in targets):
        return
    with _fetched(name, resource, targets[0].parent, on_progress) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                for target in targets:
                    with archive.open(f"gzip/{target.name}.gz") as member:
                        _unpack(member, target)
        except (zipfile.BadZipFile, KeyError) as error:
            raise DataError(f"{resource.file} of {name} is not as expected: {error}.") from error


def _unpack(packed: IO[bytes], target: Path) -> None:
    with written_beside(target) as out, gzip.open(packed, "rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            out.write(chunk)


@contextlib.contextmanager
def _fetched(
    name: str, resource: _Resource, folder: Path, on_progress: OnProgress | None
) -> Iterator[BinaryIO]:
    """The resource's verified bytes, in a file that is gone afterwards."""
    failures = []
    with _temporary_beside(folder / resource.file) as temporary:
        for url in resource.urls:
            failure = _fetch(url, resource, temporary, on_progress)
            if failure is None:
                with temporary.open("rb") as stream:
                    yield stream
                return
            failures.append(f"{url}: {failure}")
    raise DataError(
        f"{resource.file} of {name} could not be downloaded ({'; '.join(failures)}); "
        f"try again with a network, or use mnist-5k, which needs none."
    )


def _fetch(
    url: str, resource: _Resource, temporary: Path, on_progress: OnProgress | None
) -> str | None:
    """Writes the bytes at `url` to `temporary`; why it failed, or None when they are verified."""
    import http.client
    import urllib.request

    digest, done = hashlib.md5(usedforsecurity=False), 0
    network_errors = (OSError, http.client.HTTPException, ValueError)
    request = urllib.request.Request(url, headers={"User-Agent": "latent-explorer"})
    with contextlib.ExitStack() as stack:
        try:
            response = urllib.request.urlopen(request, timeout=_NETWORK_TIMEOUT_SECONDS)
        except network_errors as error:
            return reason(error)
        stack.enter_context(response)
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        out = stack.enter_context(temporary.open("wb"))
        while True:
            try:
                chunk = response.read(_CHUNK_BYTES)
            except network_errors as error:
                return f"the connection broke after {done:,} bytes ({reason(error)})"
            if not chunk:
                break
            out.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if done > _LARGEST_BYTES:
                return f"it sends more than {_LARGEST_BYTES:,} bytes"
            if on_progress is not None:
                on_progress(resource.file, done, total)
    if total is not None and done < total:
        return f"the connection ended after {done:,} of {total:,} bytes"
    if digest.hexdigest() != resource.md5:
        return f"its md5 is {digest.hexdigest()}, where {resource.md5} is right"
    return None


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, partial(hashlib.md5, usedforsecurity=False))
    return digest.hexdigest()
