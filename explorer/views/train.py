"""Train: choose a variant and its knobs, watch it learn, and what people do with runs."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core.store import checkpoints, own_runs, records, transfer
from core.store.checkpoints import Run
from core.store.own_runs import ShelfError
from core.training import jobs
from explorer import assets, catalogue, live, resources, rights, state, workers
from explorer.language import Words, plain
from explorer.pad.component import latent_pad
from explorer.views import frame, train_film, train_form, train_shelf


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "train"):
        frame.say(words, "train")
        form, watch = st.columns([4, 7], gap="large")
        with watch:
            shown = _watch(words)
        with form:
            train_form.draw(words)
        frame.say_below(words, "train")
        train_shelf.draw(words, shown)
        workers.ensure()  # after the page, since a worker that starts takes a core for seconds


# --- What is shown: a training that runs, or a run and its film -----------------------------------


def _watch(words: Words) -> Run | None:
    """Draw what the link names, else the latest run; returns it if it is one."""
    said = state.take("said")
    if said:
        st.info(plain(said))
    asked = state.pinned("run")
    job = jobs.find(checkpoints.user_store(), asked) if asked else None
    if job is not None:
        _live(words, job)
        return None
    listing = resources.runs()
    run = listing.get(asked or "")
    if run is not None:
        train_form.open_run(run)
    else:
        if asked:
            st.warning(words("train.missing", id=plain(asked[:80])))
        run = _usual(list(listing.runs.values()))
    if run is None:
        st.error(words("app.no_runs"))
        return None
    train_film.one(words, run)
    _actions(words, run)
    return run


def _usual(runs: list[Run]) -> Run | None:
    own = [run for run in runs if resources.is_own(run) and assets.in_browser(run)]
    if own:
        return max(own, key=resources.written)
    there = [run for run in frame.showable_runs() if run in runs]
    usual = records.by_role(sorted(there, key=lambda run: run.record.latent), "usual")
    return next(iter(usual or there), None)


def _live(words: Words, job: jobs.Job) -> None:
    request = job.request
    card = (catalogue.all_cards() or {}).get(request.variant)
    posterior = card is not None and card.capabilities["has_posterior"]
    found = {
        "job": job.id,
        "address": assets.job_address(job.id),
        "name": frame.name_of_job(words, job),
        "samples": request.samples,
        "unit": words("train.unit_nats" if posterior else "train.unit_squared"),
        "visitor": state.visitor(),
        "owner": live.is_owner(st.context.ip_address),
        "scroll": bool(state.take("scroll")),
        "digits": assets.digits_spec(),
        "text": words.group("train_pad"),
    }
    key = f"watch-{job.id}-{words.language}"
    latent_pad(assets.module("pages/train.js"), found, key, {"ended": _ended})


def _ended(told: Any) -> None:
    own_runs.tidy(checkpoints.user_store(), workers.allowed()[0].runs)


# --- What people do with the run that is shown ----------------------------------------------------


def _actions(words: Words, run: Run) -> None:
    record = run.record
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    network = {"net": frame.network_of(run)} if "network" in record.config else {}
    if assets.in_browser(run):
        chosen = {"model": record.variant, "k": record.latent, **network, "run": run.id}
        link = urlencode(chosen | {"lang": words.language})
        row.link_button(words("train.explore"), f"./?{link}")  # Explore is the page at the root
    row.download_button(
        words("train.export"),
        partial(transfer.export_run, run),
        file_name=f"{run.id}.zip",
        mime="application/zip",
        on_click="ignore",
        help=words("train.export_help"),
        key=f"export:{run.id}",
    )
    if not resources.is_own(run):
        return
    note = own_runs.note(run)
    who = rights.person()
    if not own_runs.may_change(run, who):
        row.caption(words("train.theirs_kept" if note.kept else "train.theirs"))
        return
    full = None if note.kept else own_runs.no_room_to_keep(run, who, rights.keeping())
    kept = row.toggle(
        words("train.keep"),
        value=note.kept,
        disabled=full is not None,
        help=words.refusal(full) if full else words("train.keep_help"),
        key=f"keep:{run.id}:{note.kept}",
    )
    if kept != note.kept:
        change = partial(own_runs.write_note, run, by=who, allowed=rights.keeping())
        _do(words, partial(change, kept=kept))
        st.rerun()
    with row.popover(words("train.rename")):
        title = st.text_input(
            words("train.new_name"),
            value=note.title,
            placeholder=frame.name_of(words, run),
            max_chars=own_runs.LONGEST_TITLE,
            key=f"title:{run.id}:{note.title}",
        )
        if st.button(words("train.save"), key=f"save:{run.id}"):
            _do(words, partial(own_runs.write_note, run, title=title, by=who))
            st.rerun()
    with row.popover(words("train.delete")):
        st.markdown(words("train.delete_sure", name=plain(frame.name_of(words, run))))
        if st.button(words("train.delete_yes"), type="primary", key=f"delete:{run.id}"):
            if _do(words, partial(own_runs.delete, run, who)):
                state.leave("said", words("train.deleted", id=run.id))
            state.pin("run", None)
            st.rerun()


def _do(words: Words, work: Any) -> bool:
    """Whether it could be done; why not is left for the page."""
    try:
        work()
    except ShelfError as error:
        state.leave("said", words.refusal(error))
        return False
    return True
