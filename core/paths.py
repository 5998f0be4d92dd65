"""Paths as people give them: a string or a Path, with `~` for the home folder."""

from __future__ import annotations

import os
from pathlib import Path

AnyPath = str | os.PathLike[str]


def path_of(given: AnyPath) -> Path:
    """The path that is meant."""
    return Path(os.path.expanduser(given))
