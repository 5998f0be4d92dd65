"""What killed processes left in a run store: half-written runs, emptied jobs, torn files.

Whatever is written is first written beside its place under a name that begins with a dot, so a kill
leaves nothing else behind. Needs no torch.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from core.paths import AnyPath, path_of
from core.store.schema import RUN_ID

OLD = 3600.0  # seconds that nothing in it was touched; no process writes so slowly
INTERRUPTED = 60.0  # seconds after which nobody is about to put a new run in an older one's place

_ID = RUN_ID.pattern
_PREVIOUS = re.compile(rf"\.{_ID}-previous")
# By folder below the store, the names of what is being written or taken away there.
_PASSING = {
    "": re.compile(rf"\.{_ID}-[a-z0-9_]{{1,16}}|\.import-[a-z0-9_]+"),
    ".queue": re.compile(r"\.(new|gone)-[a-z0-9_-]+"),
    ".derived": re.compile(r"\.[a-z0-9_]+"),
    ".sets": re.compile(r"\.[a-z0-9_]+"),
}


def sweep(store: AnyPath, older: float = OLD) -> list[Path]:
    """Put back what a kill took out of its place, and delete what is left of killed processes.

    A run that was being replaced by another training of itself, when its process was killed, is
    back in its place afterwards. What a living process may still be at work on stays.

    Args:
        store: folder of runs.
        older: seconds for which nothing in it must have been touched.

    Returns:
        What was deleted.
    """
    gone = []
    store = path_of(store)
    for previous in _in(store, _PREVIOUS):
        final = previous.with_name(previous.name.removeprefix(".").removesuffix("-previous"))
        if not final.exists() and _untouched(previous) > min(older, INTERRUPTED):
            with contextlib.suppress(OSError):
                previous.rename(final)
    for folder, names in _PASSING.items():
        for path in _in(store / folder, names):
            if _untouched(path) <= older:
                continue
            with contextlib.suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
                gone.append(path)
    return gone


def _in(folder: Path, names: re.Pattern[str]) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from [path for path in folder.iterdir() if names.fullmatch(path.name)]


def _untouched(path: Path) -> float:
    """Seconds since anything in a file or folder was written, made or renamed; 0 where that can't
    be told. A clock that was set back only makes it wait."""
    latest = 0.0
    try:
        for one in (path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())):
            with contextlib.suppress(FileNotFoundError):  # its process is at it this moment
                told = one.lstat()
                latest = max(latest, told.st_mtime, told.st_ctime)
    except OSError:
        return 0.0
    return time.time() - latest
