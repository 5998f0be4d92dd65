"""Where the app's own routes stand, and the cookie with a visitor's name. A leaf, so that routes
are there before their code is read."""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from pathlib import Path

import streamlit as st

PREFIX = "/latent"
COOKIE = "latent_visitor"
A_YEAR = 31_536_000  # seconds
PAD = Path(__file__).parent / "pad"
LINKER = Path(__file__).with_name("linker.py")  # which joins the pads' modules
MODULES = tuple(sorted(path.relative_to(PAD).as_posix() for path in PAD.rglob("*.js")))


def base() -> str:
    """The server's base path, such as `/demo`, else nothing."""
    path = st.get_option("server.baseUrlPath").strip("/")
    return f"/{path}" if path else ""


def root() -> str:
    """Address below which the app's own routes stand."""
    return base() + PREFIX


def new_visitor() -> str:
    """A cookie that names a browser's visitor; the pads read it, since they ask by that name."""
    return f"{COOKIE}={secrets.token_hex(12)}; Path=/; Max-Age={A_YEAR}; SameSite=Lax"


def module(name: str) -> str:
    """Address of a JavaScript module of the pads, such as `pages/explore.js`."""
    return f"{root()}/pad/{pad_version()}/{name}"


@lru_cache(maxsize=1)
def pad_version() -> str:
    """By what a browser knows whether it has today's pads."""
    paths = [*(PAD / name for name in MODULES), LINKER]
    joined = b"".join(path.read_bytes() for path in paths)
    return hashlib.sha256(joined).hexdigest()[:16]
