"""What is computed from arrays once and kept by content: `<folder>/<name>-<key>.safetensors`.

The key is a hash of all that the result depends on, so a file is never out of date and serves
every run with the same codes. Shipped results lie in `checkpoints/.derived`, others in the user's
store beside the runs; whatever is lost here can be computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.store import checkpoints

FOLDER = ".derived"
NAME = re.compile(r"[a-z0-9_]{1,40}-[0-9a-f]{24}\.safetensors")
_NOTES = "notes"


def file_name(what: str, arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> str:
    """Name of the file that holds a result.

    Args:
        what: kind of result, such as `umap`.
        arrays: that it is computed from; shape, type and content count.
        settings: plain JSON, such as seed and version of the method.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return f"{what}-{digest.hexdigest()[:24]}.safetensors"


def folders() -> tuple[Path, Path]:
    """Where results are looked for: those that ship, then the user's."""
    return checkpoints.shipped_store() / FOLDER, checkpoints.user_store() / FOLDER


def find(name: str) -> Path | None:
    """Path of a result that is there, by its file name; None where it isn't or is no such name."""
    if not NAME.fullmatch(name):
        return None
    return next((path for folder in folders() if (path := folder / name).is_file()), None)


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Arrays and notes of a result; None where the file is gone, torn or foreign, so that it is
    computed again."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            notes = json.loads((file.metadata() or {})[_NOTES])
            return {name: file.get_tensor(name) for name in file.keys()}, notes  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def write(
    folder: Path, name: str, arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any]
) -> Path:
    """Keep a result: written beside its place and renamed.

    Raises:
        OSError: where the disk is full or read-only; nothing is left behind.
    """
    from safetensors.numpy import save

    assert NAME.fullmatch(name), name
    content = save(
        {key: np.asarray(a, order="C") for key, a in arrays.items()},
        {_NOTES: json.dumps(dict(notes), sort_keys=True)},
    )
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, folder / name)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return folder / name
