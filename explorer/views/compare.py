"""PCA vs AE: two models under one pointer, and squared error against K."""

from __future__ import annotations

import streamlit as st

from core.checkpoints import Run
from explorer import assets, resources, state
from explorer.language import Words
from explorer.pad.component import latent_pad
from explorer.views import frame


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "compare") as bar:
        with bar:
            pair = _pick(words)
        if pair is None:
            st.error(words("app.no_runs"))
            return
        left, right = pair
        st.markdown(words("compare.try") + " " + words("compare.look"))
        data = {
            "left": assets.run_spec(left),
            "right": assets.run_spec(right)
            | ({"alignment": resources.alignment(right, left)} if left != right else {}),
            "names": {"left": _name(words, left), "right": _name(words, right)},
            "digits": assets.digits_spec(),
            "text": words.group("pad") | words.group("compare"),
        }
        latent_pad(assets.module("compare.js"), data, key=f"compare-{words.language}")
        st.markdown(f"#### {words('compare.curve_title')}")
        _curve(words)
        st.caption(words("compare.curve_note"))


def _name(words: Words, run: Run) -> str:
    title = words(f"variant.{run.record.variant}.title")
    conv = frame.network_of(run) == "conv"
    return f"{title}, {words('picker.conv').lower()}" if conv else title


def _slug(run: Run) -> str:
    conv = frame.network_of(run) == "conv"
    return f"{run.record.variant}-conv" if conv else run.record.variant


def _pick(words: Words) -> tuple[Run, Run] | None:
    by_size: dict[int, dict[str, Run]] = {}
    runs = frame.showable_runs()
    for name in frame.variants_of(runs):
        for run in runs:
            if run.record.variant == name:
                by_size.setdefault(run.record.latent, {}).setdefault(_slug(run), run)
    sizes = sorted(size for size, there in by_size.items() if len(there) > 1)
    if not sizes:
        return None
    size = state.choice("k", words("picker.latent"), sizes, sizes[0], width=100)
    there = by_size[size]
    slugs = list(there)
    picked = [
        state.choice(
            side,
            words(f"picker.{side}"),
            slugs,
            wanted if wanted in there else slugs[fallback],
            show=lambda slug: _name(words, there[slug]),
            width=180,
        )
        for side, wanted, fallback in (("left", "pca", 0), ("right", "stacked_ae", -1))
    ]
    return there[picked[0]], there[picked[1]]


def _curve(words: Words) -> None:
    from explorer import figures

    curve = resources.pca_curve()
    points: dict[str, dict[int, float]] = {}
    for run in frame.showable_runs():  # of several of one name and K the usual one comes first
        error = run.record.metrics.get("mnist-5k/all", {}).get("squared_error")
        if error is not None and not run.record.capabilities.get("closed_form"):
            points.setdefault(_name(words, run), {}).setdefault(run.record.latent, error)
    pairs = {name: list(found.items()) for name, found in points.items()}
    labels = {name: words(f"compare.curve_{name}") for name in ("x", "y", "pca", "mean")}
    st.plotly_chart(
        resources.figure(figures.error_curve, curve, pairs, curve[0], labels),
        key="curve",
        config={"displayModeBar": False},
    )
