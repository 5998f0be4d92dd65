"""Where data sets lie, and where what was made of them is kept."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the data sets: `root`, else LATENT_EXPLORER_DATA, else the user's cache."""
    chosen = root or os.environ.get("LATENT_EXPLORER_DATA")
    return Path(os.path.expanduser(chosen)) if chosen else cache() / "data"


def cache() -> Path:
    """The user's cache folder of this software."""
    return platformdirs.user_cache_path("latent-explorer")
