"""Explore: the latent pad of one run, its equation and its scores."""

from __future__ import annotations

import streamlit as st

from core.checkpoints import Run
from explorer import assets, equations, resources, state
from explorer.language import Words
from explorer.pad.component import latent_pad
from explorer.views import frame

DEFAULT = {"model": "vae", "k": 2, "net": "mlp"}


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "explore"):
        pickers = st.columns([3, 2, 2, 1.6], vertical_alignment="bottom")
        run = pick_run(words, pickers)
        with pickers[-1]:
            state.language_switch()
        if run is None:
            st.error(words("app.no_runs"))
            return
        st.markdown(words("explore.try") + " " + words("explore.look_pca"))
        data = {
            "run": assets.run_spec(run),
            "digits": assets.digits_spec(),
            "text": words.group("pad"),
        }
        latent_pad(assets.module("explore.js"), data, key="explore")
        about, scores = st.columns(2, gap="large")
        with about:
            st.subheader(words("explore.equation_title"))
            equations.show(words, run.record)
        with scores:
            st.subheader(words("explore.numbers_title"))
            _numbers(words, run)


def pick_run(words: Words, columns: list) -> Run | None:
    """The run that the pickers name, of those that a pad can show."""
    runs = frame.showable_runs()
    if not runs:
        return None
    variants = frame.variants_of(runs)
    with columns[0]:
        variant = state.choice(
            "model",
            words("picker.model"),
            variants,
            DEFAULT["model"] if DEFAULT["model"] in variants else variants[0],
            show=lambda name: words(f"variant.{name}.title"),
        )
    runs = [run for run in runs if run.record.variant == variant]
    with columns[1]:
        sizes = sorted({run.record.latent for run in runs})
        latent = state.choice("k", words("picker.latent"), sizes, sizes[0])
    runs = [run for run in runs if run.record.latent == latent]
    with columns[2]:
        networks = sorted({frame.network_of(run) for run in runs}, reverse=True)
        network = state.choice(
            "net",
            words("picker.network"),
            networks,
            networks[0],
            show=lambda name: words(f"picker.{name}"),
            disabled=len(networks) == 1,
        )
    return next(run for run in runs if frame.network_of(run) == network)


def _numbers(words: Words, run: Run) -> None:
    split = "mnist/test" if "mnist/test" in run.record.metrics else "mnist-5k/all"
    scores = run.record.metrics.get(split, {})
    cells = []
    if "squared_error" in scores:
        trivial = f"{scores['squared_error_mean_image']:.1f}"
        cells.append(
            (
                words("explore.number_error"),
                f"{scores['squared_error']:.1f}",
                words("explore.number_error_trivial", trivial=trivial),
            )
        )
    if "rate" in scores:
        cells.append(
            (
                words("explore.number_rate"),
                f"{scores['rate']:.2f}",
                words("explore.number_rate_unit"),
            )
        )
    if "cross_entropy_grey" in scores:
        cells.append(
            (
                words("explore.number_cross"),
                f"{scores['cross_entropy_grey']:.1f}",
                words("explore.number_cross_floor", floor="45.5"),
            )
        )
    if "elbo_binary" in scores:
        cells.append(
            (
                words("explore.number_elbo"),
                f"{scores['elbo_binary']:.1f}",
                words("explore.number_rate_unit"),
            )
        )
    columns = st.columns(2)
    for i, (label, value, note) in enumerate(cells):
        columns[i % 2].metric(label, value, delta=note, delta_color="off", delta_arrow="off")
    record = run.record
    st.caption(
        words(
            "explore.trained_on",
            count=f"{record.data.count:,}",
            data=record.data.name,
            split=words("explore.split_test" if split == "mnist/test" else "explore.split_held_out"),
            seconds=f"{record.seconds:,.0f}",
            device=record.device.upper(),
            samples=f"{record.samples:,}",
        )
    )
