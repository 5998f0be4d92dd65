"""What every page shares: its title, the sentences about a bad link, and which runs it can show."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.checkpoints import Run
from core.models import VARIANTS
from explorer import assets, resources, state
from explorer.language import Words

# Streamlit leaves six empty rems above a page; a map needs them more.
_STYLE = (
    ".stMainBlockContainer {padding: 4.2rem 2rem 3rem; max-width: 1320px; margin: 0 auto}"
    ".stMainBlockContainer h3 {padding: 0 0 .3rem}"
    "@media (max-width: 640px) {.stMainBlockContainer {padding: 4rem 1rem 2rem}"
    ".stMainBlockContainer h3 {width: 100%; font-size: 1.4rem}"
    ".stMainBlockContainer .stMarkdown p {font-size: .9rem}}"
)


@contextlib.contextmanager
def page(words: Words, name: str) -> Iterator[DeltaGenerator]:
    """A page with its title; yields the row beside the title, where the pickers go.

    Below the row stand the sentences about a bad link, at the page's end what the store could
    not read.
    """
    st.html(f"<style>{_STYLE}</style>")
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    bar.subheader(words(f"{name}.title"), anchor=False, width="stretch")
    told = st.container()
    yield bar
    with bar:
        state.language_switch()
    for sentence in state.problems():
        told.warning(sentence)
    skipped = resources.runs().problems
    if skipped:
        with st.expander(words("app.skipped_runs", count=len(skipped))):
            for sentence in skipped:
                st.text(sentence)


def showable_runs() -> list[Run]:
    """Runs that a pad can show on the held-out digits' map."""
    return [run for run in resources.runs().runs.values() if assets.in_browser(run)]


def variants_of(runs: list[Run]) -> list[str]:
    """The runs' variants, in the registry's order."""
    there = {run.record.variant for run in runs}
    return [name for name in VARIANTS if name in there]


def network_of(run: Run) -> str:
    """`mlp` or `conv`."""
    return run.record.config.get("network", "mlp")
