"""What is shown of a run that no browser can run: pictures that were drawn when it was saved."""

from __future__ import annotations

import streamlit as st

from core.store.checkpoints import Run
from explorer import resources
from explorer.language import Words

ORDER = ("samples", "conditions", "completions", "reconstructions", "traversals")


def show(words: Words, run: Run, only: tuple[str, ...] = ORDER) -> None:
    """Those of the run's pictures that are wanted, each with what to look for, and its map."""
    st.info(words("album.still"))
    found = resources.pictures(run)
    there = [name for name in ORDER if name in found and name in only]
    if not there:
        st.warning(words("album.none"))
    columns = st.columns(min(3, max(1, len(there))), gap="large")
    for number, name in enumerate(there):
        with columns[number % 3]:
            st.markdown(f"## {words(f'album.{name}')}")
            st.image(found[name], caption=words(f"album.{name}_alt"), width="stretch")
            st.caption(words(f"album.{name}_look"))
    if "reconstructions" in only and resources.on_map(run):
        _map(words, run)


def _map(words: Words, run: Run) -> None:
    from explorer import figures  # plotly, which no pad needs

    st.markdown(f"## {words('album.map')}")
    shown = resources.shown(run)
    figure = figures.scatter(resources.map_points(run), shown.labels, shown.class_names)
    st.plotly_chart(figure, config={"displayModeBar": False}, key=f"album-{run.id}")
