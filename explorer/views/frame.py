"""What every page shares: its title, the sentences about a bad link, and which runs it can show."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import checkpoints, shelf
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


def name_of(words: Words, run: Run) -> str:
    """What people call a run: the name that they gave it, else its model and K."""
    title = shelf.note(run).title
    if title:
        return title
    conv = f", {words('picker.conv').lower()}" if network_of(run) == "conv" else ""
    return f"{words(f'variant.{run.record.variant}.title')}{conv}, K = {run.record.latent}"


def told_apart(words: Words, runs: list[Run]) -> dict[str, str]:
    """By id what tells runs of one model and K apart: their names, else knobs that differ."""
    values = {
        run.id: {k: str(v) for k, v in (run.record.config | run.record.train).items()}
        for run in runs
    }
    every = [name for name in next(iter(values.values())) if f"knob.{name}.label" in words]
    differing = [n for n in every if len({found.get(n) for found in values.values()}) > 1]
    names = {}
    for run in runs:
        knobs = [f"{words(f'knob.{n}.label')} {values[run.id].get(n, '–')}" for n in differing]
        mine = shelf.note(run).title or ", ".join(knobs) or run.id
        shipped = run.folder.parent == checkpoints.shipped_store()
        names[run.id] = words("picker.shipped") if shipped else mine
    return names


def scored_on(run: Run) -> str:
    """The split by which a run's scores are told: the official test set if it was held out, else
    the map's digits, else those of them that were held out."""
    there = run.record.metrics
    order = ("mnist/test", "mnist-5k/all", "mnist-5k/test")
    return next((split for split in order if split in there), next(iter(there), ""))


def network_of(run: Run) -> str:
    """`mlp` or `conv`."""
    return run.record.config.get("network", "mlp")
