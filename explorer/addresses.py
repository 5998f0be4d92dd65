"""Where the app's own routes stand, and the cookie with a visitor's name. A leaf, so that routes
are there before their code is read."""

from __future__ import annotations

import secrets

import streamlit as st

PREFIX = "/latent"
COOKIE = "latent_visitor"
A_YEAR = 31_536_000  # seconds


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
