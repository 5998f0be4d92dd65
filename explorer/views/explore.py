"""Explore: the latent pad of one run, its equation and its scores."""

from __future__ import annotations

import streamlit as st

from core.checkpoints import Run
from explorer import assets, equations, own, state
from explorer.language import Words
from explorer.pad.component import latent_pad
from explorer.views import frame

SCORES = (  # name of the texts, key in the run's metrics, decimals
    ("error", "squared_error", 1),
    ("rate", "rate", 2),
    ("cross", "cross_entropy_grey", 1),
    ("elbo", "elbo_binary", 1),
)


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "explore") as bar:
        with bar:
            run = frame.pick_run(words)
        if run is None:
            st.error(words("app.no_runs"))
            return
        told, images = st.columns([6, 1], vertical_alignment="center")
        told.markdown(_opening(words, run))
        with images:
            own_set = own.panel(words) if own.fits(run) else None
        data = {
            "run": assets.run_spec(run),
            "digits": assets.digits_spec(own_set),
            "text": {
                key: text
                for group in ("pad", "mapspad", "savespad", "sketchpad")
                for key, text in words.group(group).items()
            },
        }
        latent_pad(assets.module("explore.js"), data, key=f"explore-{words.language}")
        about, scores = st.columns(2, gap="large")
        with about:
            st.markdown(f"#### {words('explore.equation_title')}")
            equations.show(words, run.record)
        with scores:
            st.markdown(f"#### {words('explore.numbers_title')}")
            _numbers(words, run)


def _opening(words: Words, run: Run) -> str:
    equation = "posterior" if run.record.capabilities.get("has_posterior") else "point"
    told = (words("explore.try"), words("explore.look_pca"), words(f"explore.in_short_{equation}"))
    return " ".join(told)


def _numbers(words: Words, run: Run) -> None:
    split = frame.scored_on(run)
    scores = run.record.metrics.get(split, {})
    compared = {name: f"{value:.1f}" for name, value in scores.items()}
    table = [
        f"| | {words('explore.number_here')} | {words('explore.number_beside')} |",
        "|---|--:|---|",
    ]
    for name, key, places in SCORES:
        if key in scores:
            label, beside = words(f"explore.number_{name}"), words(f"explore.beside_{name}")
            beside = beside.format_map(compared)
            table.append(f"| {label} | **{scores[key]:.{places}f}** | {beside} |")
    st.markdown("\n".join(table))
    record = run.record
    if not scores:
        st.caption(words("explore.no_scores"))
        return
    scored = {
        "mnist/test": "explore.split_test",
        "mnist-5k/all": "explore.split_held_out",
        "mnist-5k/test": "explore.split_part",
    }.get(split, "explore.split_other")
    st.caption(
        words(
            "explore.trained_on",
            count=f"{record.data.count:,}",
            data=record.data.name,
            split=words(scored),
            seconds=f"{record.seconds:,.0f}",
            device=record.device.upper(),
            samples=f"{record.samples:,}",
        )
    )
