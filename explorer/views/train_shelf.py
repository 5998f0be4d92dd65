"""Train: the shelf of runs, what waits in the queue, and runs from elsewhere."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from core.config import TrainConfig
from core.store import checkpoints, own_runs, transfer
from core.store.checkpoints import Run
from core.store.own_runs import ShelfError
from core.training import jobs
from explorer import assets, knobs, members, resources, rights, state, uploads, workers
from explorer.language import Words, plain
from explorer.pad.component import latent_pad
from explorer.views import frame, train_beside


def draw(words: Words, shown: Run | None) -> None:
    """The shelf, and above it what stands beside the run that is shown."""
    listing = resources.runs()
    there = listing.runs.values()
    own = sorted(filter(resources.is_own, there), key=resources.written, reverse=True)
    shipped = [run for run in there if not resources.is_own(run)]
    asked = state.pinned("beside")
    beside = listing.get(asked or "")
    if asked and beside is None:
        st.warning(words("train.missing_beside", id=plain(asked[:80])))
        state.pin("beside", None)
    if shown is not None and beside is not None and beside is not shown:
        train_beside.draw(words, shown, beside)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.markdown(f"#### {words('train.shelf_title')}")
    with row.popover(words("train.import")):
        _import(words)
    found = {
        "rows": [
            *(_waiting_row(words, job) for job in jobs.jobs(checkpoints.user_store())),
            *(_row(words, run) for run in (*own, *shipped)),
        ],
        "run": shown.id if shown else state.pinned("run") or "",
        "beside": beside.id if beside else "",
        "text": words.group("train_pad"),
    }
    latent_pad(
        assets.module("pages/runs.js"),
        found,
        key=f"shelf-{words.language}",
        tells={
            "open": partial(_choose, "run", "scroll"),
            "beside": partial(_choose, "beside", "scroll_beside"),
        },
    )


def _choose(name: str, scroll: str, run_id: str | None) -> None:
    state.pin(name, run_id or None)
    state.leave(scroll, True)


def _waiting_row(words: Words, job: jobs.Job) -> dict[str, str]:
    request = job.request
    return {
        "id": job.id,
        "name": frame.name_of_job(words, job),
        "marks": words(f"train.{job.status}"),
        "knobs": _told(_changed(words, request.variant, request.config, request.train)),
        "data": f"{request.data}/{request.split}",
        "samples": f"{request.samples:,}",
        "queued": "yes",
    }


def _told(changed: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in changed.items())


def _row(words: Words, run: Run) -> dict[str, str]:
    record = run.record
    marks = [
        words(f"train.{name}")
        for name, there in (
            ("shipped", not resources.is_own(run)),
            ("stopped", record.status == "stopped"),
            ("kept", resources.is_own(run) and own_runs.note(run).kept),
        )
        if there
    ]
    row = {
        "id": run.id,
        "name": frame.name_of(words, run),
        "marks": " · ".join(marks),
        "knobs": _told(_changed(words, record.variant, record.config, record.train)),
        "data": f"{resources.data_name(run)}/{record.data.split}",
        "samples": f"{record.samples:,}",
    }
    mean = "train.mean_digit" if resources.on_digits(run) else "train.mean_image"
    split = frame.scored_on(run)
    scores = record.metrics.get(split, {})
    if "squared_error" in scores:
        row["score"] = f"{scores['squared_error']:.1f}"
        trivial = f"{scores['squared_error_mean_image']:.1f}"
        row["score_beside"] = words(mean, value=trivial)
    else:
        row["score_beside"] = words("train.no_scores")
    if "elbo_binary" in scores and "cross_entropy_mean_image" in scores:
        row["elbo"] = frame.signed(scores["elbo_binary"])
        trivial = frame.signed(-scores["cross_entropy_mean_image"])
        row["elbo_beside"] = words(mean, value=trivial)
    return row


def _changed(
    words: Words, variant: str, config: dict[str, Any], schedule: dict[str, Any]
) -> dict[str, str]:
    """Knobs that differ from their defaults, as a person reads them."""
    found = {}
    for kind, values, scope in (
        (members.declared(variant), config, variant),
        (TrainConfig, schedule, "training"),
    ):
        by_name = {knob.name: knob for knob in kind.knobs()}
        for name, value in knobs.differing(kind, values).items():
            found[knobs.label(words, by_name[name], scope)] = knobs.shown(words, value, scope)
    return found


def _import(words: Words) -> None:
    round_ = state.count("imports")
    uploaded = st.file_uploader(
        words("train.import_file"),
        type="zip",
        key=f"import:{round_}",
        max_upload_size=min(transfer.BOUNDS.archive_bytes, uploads.LARGEST) // 2**20,
    )
    if uploaded is None:
        return
    store = checkpoints.user_store()
    try:
        run = transfer.import_run(uploaded.getvalue(), store, uploaded.name)
    except ShelfError as error:
        st.error(plain(words.refusal(error)))
        return
    own_runs.give(run, rights.person())
    own_runs.tidy(store, workers.allowed()[0].runs)
    state.leave("said", words("train.imported", id=run.id))
    state.pin("run", run.id)
    state.count("imports", 1)
    st.rerun()
