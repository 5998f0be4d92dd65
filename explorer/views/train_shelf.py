"""Train: the shelf of runs, what waits in the queue, and runs from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from core.config import TrainConfig
from core.models import VARIANTS
from core.store import checkpoints, own_runs, transfer
from core.store.checkpoints import Run
from core.store.own_runs import ShelfError
from core.training import jobs
from explorer import (
    aside,
    assets,
    knobs,
    members,
    naming,
    resources,
    rights,
    state,
    uploads,
    workers,
)
from explorer.language import Words, plain
from explorer.pad.component import latent_pad
from explorer.views import frame, train_beside

PAGE = 12  # rows that are sent and drawn at once
_OPEN = "shelf"  # what a visitor opened: beside which run, which model, which page


@dataclass(frozen=True)
class _Opened:
    """Which model's runs are in sight, and which page of them, as long as `beside` is shown."""

    beside: str
    group: str
    page: int


def draw(words: Words, shown: Run | None) -> None:
    """The shelf, and above it what stands beside the run that is shown."""
    listing = resources.runs()
    asked = state.pinned("beside")
    beside = listing.get(asked or "")
    if asked and beside is None:
        st.warning(words("train.missing_beside", id=plain(asked[:80])))
        state.pin("beside", None)
    if shown is not None and beside is not None and beside is not shown:
        train_beside.draw(words, shown, beside)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.markdown(f"## {words('train.shelf_title')}")
    with row.popover(words("train.import")):
        _import(words)
    found = _found(words, list(listing.runs.values()), shown) | {
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
            "group": partial(_turn, shown),
            "page": partial(_turn, shown),
        },
    )


def _choose(name: str, scroll: str, run_id: str | None) -> None:
    state.pin(name, run_id or None)
    state.leave(scroll, True)


def _turn(shown: Run | None, told: dict[str, Any] | None) -> None:
    """Open another model's runs, or another page of them; an empty name closes all."""
    if isinstance(told, dict) and isinstance(told.get("group"), str):
        page = told.get("page")
        page = page if isinstance(page, int) and 0 <= page < 10**6 else 0
        state.keep(_OPEN, _Opened(shown.id if shown else "", told["group"], page))


def _found(words: Words, runs: Sequence[Run], shown: Run | None) -> dict[str, Any]:
    """What the pad shows: the queue, the models with how many runs each has, and of one of them a
    page of rows."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.record.variant, []).append(run)
    order = [*(name for name in VARIANTS if name in groups), *sorted(groups.keys() - set(VARIANTS))]
    opened = state.kept(_OPEN)
    if opened is None or opened.beside != (shown.id if shown else ""):
        opened = None
    group = opened.group if opened else shown.record.variant if shown else next(iter(order), "")
    there = sorted_runs(groups.get(group, []))
    pages = max(1, -(-len(there) // PAGE))
    page = min(opened.page, pages - 1) if opened else _page_of(shown, there)
    waiting = jobs.jobs(checkpoints.user_store())
    return {
        "queue": [_waiting_row(words, job) for job in waiting[:PAGE]],
        "queued": len(waiting),
        "groups": [
            {"name": name, "title": members.title(words, name), "count": len(groups[name])}
            for name in order
        ],
        "group": group if group in groups else "",
        "rows": rows(words, there, page),
        "page": page,
        "pages": pages,
        "size": PAGE,
    }


def sorted_runs(runs: Iterable[Run]) -> list[Run]:
    """A model's runs as the shelf lists them: a visitor's own, the latest first, then those that
    ship, by K and knobs."""
    runs = list(runs)
    own = sorted(filter(resources.is_own, runs), key=resources.written, reverse=True)
    shipped = [run for run in runs if not resources.is_own(run)]
    return [*own, *sorted(shipped, key=naming.order)]


def rows(words: Words, there: Sequence[Run], page: int = 0) -> list[dict[str, str]]:
    """One page of rows of a model's runs, each named by what tells it from the others."""
    part = there[PAGE * page : PAGE * (page + 1)]
    names = naming.apart(words, there, ("K",))
    return aside.each(part, lambda run: _row(words, run, names[run.id]))


def _page_of(shown: Run | None, there: Sequence[Run]) -> int:
    return there.index(shown) // PAGE if shown in there else 0


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


def _row(words: Words, run: Run, name: str) -> dict[str, str]:
    record = run.record
    own = resources.is_own(run)
    note = own_runs.note(run) if own else own_runs.Note()
    marks = [
        words(f"train.{mark}")
        for mark, there in (
            ("shipped", not own),
            ("stopped", record.status == "stopped"),
            ("kept", note.kept),
        )
        if there
    ]
    row = {
        "id": run.id,
        "name": note.title or name,
        "marks": " · ".join([*([name] if note.title else []), *marks]),
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
