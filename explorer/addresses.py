"""Where the app's own routes stand. A leaf, so that routes are there before their code is read."""

from __future__ import annotations

import streamlit as st

PREFIX = "/latent"


def base() -> str:
    """The server's base path, such as `/demo`, else nothing."""
    path = st.get_option("server.baseUrlPath").strip("/")
    return f"/{path}" if path else ""


def root() -> str:
    """Address below which the app's own routes stand."""
    return base() + PREFIX
