"""The folders of runs that commands read and write, and how wide a table is."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from core.commands.flags import CommandError
from core.data.dataset import reason
from core.store import checkpoints

WIDTH_OF_A_FILE = 180


def store(given: Path | None) -> Path:
    """The folder of runs that a flag named, else the user's own."""
    return Path(os.path.expanduser(given)) if given else checkpoints.user_store()


def runs(store: Path) -> checkpoints.Listing:
    """The shipped runs and those of `store`."""
    return checkpoints.list_runs(dict.fromkeys((checkpoints.shipped_store(), store)))


def check_writable(store: Path) -> None:
    """Raise CommandError before, not after, hours of training for a folder that takes no run."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=store):
            pass
    except OSError as error:
        raise CommandError(f"Runs can't be kept in {store} ({reason(error)}).") from None


def console() -> Console:
    """Where tables go: as wide as the terminal, or as a file wants it."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)
