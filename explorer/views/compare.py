"""PCA vs AE."""

from __future__ import annotations

import streamlit as st

from explorer import state


def show() -> None:
    """Draw the page."""
    st.write(state.words()("compare.title"))
