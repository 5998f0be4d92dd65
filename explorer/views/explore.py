"""Explore: the latent pad of one run, its equation and its scores."""

from __future__ import annotations

import streamlit as st

from core.data import known_factors
from core.store.checkpoints import Run
from core.store.schema import WIDE
from explorer import assets, members, own, resources, state, symbols
from explorer.language import Words, plain
from explorer.pad.component import latent_pad
from explorer.scores import rows
from explorer.views import album, frame


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "explore") as bar:
        with bar:
            run = frame.pick_run(words)
        if run is None:
            st.error(words("app.no_runs"))
            return
        if not assets.in_browser(run):
            st.markdown(_in_short(words, run))
            album.show(words, run)
            _below(words, run)
            return
        told, images = st.columns([6, 1], vertical_alignment="center")
        with told:
            frame.say(words, "explore", _in_short(words, run))
        with images.container(key="own"):
            own_set = own.panel(words, run) if own.fits(run) else None
        state.carry("digit", of=own_set or frame.images_key(run))
        state.carry("z", of=run.id)
        state.carry("told", of=run.id)
        state.carry("seen", of=run.id)
        state.carry("unit", of=run.id)
        state.carry("factor", of=run.id)
        state.carry("below", of=run.id)
        state.carry("noisy")
        state.carry("drawn")
        data = {
            "run": assets.run_spec(run),
            "model": frame.name_of(words, run),
            "digits": assets.digits_spec(own_set, run),
            "beside": _as_wide(words, run),
            "text": words.group("pad", "mapspad", "savespad", "sketchpad"),
        }
        latent_pad(
            assets.module("pages/explore.js"), data, key=frame.pad_key(words, "explore", run)
        )
        frame.say_below(words, "explore", _in_short(words, run))
        _below(words, run)


def _as_wide(words: Words, run: Run) -> list[dict]:
    """Networks whose codes are as wide as this run's, where that is so wide that they could copy
    their input: what is done about it tells them apart."""
    if run.record.width <= WIDE or not resources.on_digits(run):
        return []
    return [
        assets.network_spec(other) | {"name": frame.name_of(words, other)}
        for other in frame.digit_runs()
        if other.record.width == run.record.width and other.id != run.id
    ]


def _below(words: Words, run: Run) -> None:
    """The model's equation and its scores."""
    about, scores = st.columns(2, gap="large")
    with about:
        st.markdown(f"## {words('explore.equation_title')}")
        has_posterior = run.record.capabilities.get("has_posterior")
        members.show(
            words,
            run.record.variant,
            beside=symbols.inline(_in_short(words, run)),
            also=("bound",) if has_posterior else (),
        )
    with scores:
        st.markdown(f"## {words('explore.numbers_title')}")
        _numbers(words, run)
        _elsewhere(words, run)


def _elsewhere(words: Words, run: Run) -> None:
    """Where the same model is shown on data whose factors are known."""
    names = known_factors.names()
    if run.record.data.name in names:
        return
    for other in frame.showable_runs():
        if other.record.variant == run.record.variant and other.record.data.name in names:
            address = f"./?run={other.id}&lang={words.language}"
            st.caption(words("explore.known_factors", address=address))
            return


def _in_short(words: Words, run: Run) -> str:
    able, record = run.record.capabilities, run.record
    said = [words(f"explore.in_short_{'posterior' if able.get('has_posterior') else 'point'}")]
    takes = (f"explore.told_{what}" for what in able.get("takes", ()))
    said += [words(key) for key in takes if key in words]
    if able.get("discrete"):
        said.append(words("explore.discrete"))
    if len(record.widths) > 1:
        said.append(words("explore.levels", widths=" + ".join(map(str, record.widths))))
    if any(layer["op"] == "couple" for layer in (record.browser or {}).get("decoder", ())):
        said.append(words("explore.rest"))
    return " ".join(said)


def _numbers(words: Words, run: Run) -> None:
    split = frame.scored_on(run)
    scores = run.record.metrics.get(split, {})
    table = [
        f"| {words('explore.number_what')} | {words('explore.number_here')} "
        f"| {words('explore.number_beside')} |",
        "|---|--:|---|",
    ]
    for row in rows(words, scores):
        table.append(f"| {row.label} | **{row.value}** | {row.beside} |")
    st.markdown("\n".join(table))
    record = run.record
    if not scores:
        st.caption(words("explore.no_scores"))
        if not resources.on_digits(run):
            st.caption(words("explore.nothing_held_out", data=plain(resources.data_name(run))))
        return
    of_digits = resources.on_digits(run)
    st.caption(
        words(
            "explore.trained_on" if of_digits else "explore.trained_on_images",
            count=f"{record.data.count:,}",
            data=plain(resources.data_name(run)),
            split=frame.split_of(words, run),
            seconds=f"{record.seconds:,.0f}",
            device=plain(record.device.upper()),
            samples=f"{record.samples:,}",
        )
    )
