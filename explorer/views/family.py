"""Family: who changes which term of whom, a tree of all members, and a card of the chosen one."""

from __future__ import annotations

import base64
import re
from typing import Any

import streamlit as st

from core.models import VARIANTS
from core.store import records
from core.store.checkpoints import Run
from explorer import assets, language, lineage, members, resources, scores, snippets, state, symbols
from explorer.language import Words
from explorer.lineage import Place
from explorer.pad.component import latent_pad
from explorer.views import album, frame, pictures

LARGEST = 200_000  # bytes of a picture that is sent along


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "family"):
        frame.say(words, "family")
        state.carry("digit", of=frame.DIGITS)
        state.carry("member")
        places = lineage.places(lineage.parents(), VARIANTS)
        runs = shown_runs()
        data = {
            "members": [_member(words, place, runs) for place in places],
            "usual": frame.usual_variant(frame.digit_runs()) or next(iter(VARIANTS)),
            "digits": assets.digits_spec(),
            "text": words.group("pad", "family_pad"),
        }
        latent_pad(assets.module("pages/family.js"), data, key=f"family-{words.language}")
        frame.say_below(words, "family")
        pictures.overfitting(words)
        pictures.flow(words)
        _equations(words, places)


def shown_runs() -> dict[str, Run]:
    """By variant the run that its card shows, of MNIST's digits: at the K of the run that pages
    open with, where it has one, and there the one that stands beside others."""
    runs = [run for run in frame.showable_runs(live=False) if resources.on_digits(run)]
    shipped = [run for run in runs if not resources.is_own(run)]
    usual = next((run.record.latent for run in records.by_role(shipped or runs, "usual")), 0)
    found: dict[str, Run] = {}
    for run in [*records.by_role(shipped, "beside"), *shipped, *runs]:
        best = found.setdefault(run.record.variant, run)
        at_last = run.record.latent == usual and best.record.latent != usual
        if at_last and resources.is_own(run) <= resources.is_own(best):
            found[run.record.variant] = run
    return found


def _member(words: Words, place: Place, runs: dict[str, Run]) -> dict[str, Any]:
    """What the pad shows of one member; of one to come where it stands, and no more."""
    name = place.name
    told: dict[str, Any] = {
        "name": name,
        "title": lineage.title(words, name),
        "adds": lineage.adds(words, name),
        "parent": place.parent,
        "level": place.level,
        "row": place.row,
        "last": place.last,
        "here": place.here,
    }
    if not place.here:
        return told
    run = runs.get(name)
    record = run.record if run else None
    differs = members.differs(words, name) if place.parent else ""
    return told | {
        "differs": differs or members.about(words, name),
        "missing": re.sub(r"`|\\(?=\W)", "", members.missing(words, name)),  # Markdown's own signs
        "marked": f"<{members.NEW}>" in "".join(language.member(name).equation),
        "code": snippets.filled(name, *((record.config, record.train) if record else ({}, {}))),
        "run": _run(words, run, runs.get(place.parent)) if run else None,
    }


def _run(words: Words, run: Run, beside: Run | None) -> dict[str, Any]:
    """What the card shows of a run, with its parent's scores where these can be compared."""
    split = frame.scored_on(run)
    found = scores.rows(words, run.record.metrics.get(split, {}))
    if beside is not None and beside.record.latent != run.record.latent:
        beside = None
    others = {}
    if beside is not None:
        told = scores.rows(words, beside.record.metrics.get(split, {}))
        others = {row.key: row.value for row in told}
    return {
        "id": run.id,
        "name": frame.name_of(words, run),
        "split": frame.split_of(words, run),
        "spec": assets.run_spec(run) if assets.in_browser(run) else None,
        "picture": None if assets.in_browser(run) else _picture(run),
        "heads": [_head(words, one) for one in (run, beside if others else None) if one],
        "rows": [
            *([row.label, row.value, others.get(row.key, ""), row.beside] for row in found),
            _trained(words, run, beside if others else None),
        ],
    }


def _trained(words: Words, run: Run, beside: Run | None) -> list[str]:
    """For how long each was trained, without which their scores can't be compared."""
    passes = [f"{one.record.samples / one.record.data.count:.0f}" if one else ""
              for one in (run, beside)]  # fmt: skip
    return [words("family.trained"), *passes, words("family.passes", count=run.record.data.count)]


def _head(words: Words, run: Run) -> list[str]:
    """A run's model and its K, one above the other."""
    size = f"K = {run.record.latent}"
    return [frame.model_of(words, run).removesuffix(f", {size}"), size]


def _picture(run: Run) -> str | None:
    """The first of its saved pictures, as an address that holds it."""
    found = resources.pictures(run)
    for name in album.ORDER:
        if len(found.get(name, b"")) in range(1, LARGEST):
            return f"data:image/png;base64,{base64.b64encode(found[name]).decode()}"
    return None


def _equations(words: Words, places: list[Place]) -> None:
    """All equations and what their symbols stand for, out of sight: the pad shows the chosen
    member's as they are drawn here."""
    with st.container(key="equations"):
        for place in places:
            if not place.here:
                continue
            with st.container(key=f"equation-of-{place.name}"):
                members.show_equation(words, place.name, members.NEW)
                symbols.show(words, language.member(place.name).equation)
