"""Train: choose a variant and its knobs, watch it learn, and what people do with runs."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import streamlit as st

from core import data
from core.config import ConfigError, StoreConfig, StoredAs, TrainConfig
from core.data import DataError
from core.models import VARIANTS
from core.store import checkpoints, own_runs, transfer
from core.store.checkpoints import Run
from core.store.own_runs import ShelfError
from core.training import jobs
from core.training.jobs import JobError, JobRequest
from core.training.limits import Limits
from explorer import assets, equations, knobs, live, resources, state, workers
from explorer.language import Words, plain
from explorer.pad.component import latent_pad
from explorer.views import frame

DEFAULT = "vae"
BASIC = ("epochs", "batch_size", "learning_rate")
OFFLINE = ("mnist-5k/train", "mnist-5k/all")
ONLINE = ("mnist/train-55k", "mnist/train")
SCORES = (  # name of the texts, key in the metrics, key of a trivial model's score, decimals
    ("error", "squared_error", "squared_error_mean_image", 1),
    ("cross", "cross_entropy_grey", "cross_entropy_mean_image", 1),
    ("elbo", "elbo_binary", "cross_entropy_mean_image", 1),
    ("rate", "rate", "", 2),
)


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "train"):
        workers.ensure()
        frame.say(words, "train")
        form, watch = st.columns([4, 7], gap="large")
        with watch:
            shown = _watch(words)
        with form:
            _form(words)
        frame.say_below(words, "train")
        _shelf(words, shown)


# --- What is shown: a training that runs, or a run and its film -----------------------------------


def _watch(words: Words) -> Run | None:
    """Draw what the link names, else the latest run; returns it if it is one."""
    said = state.take("said")
    if said:
        st.info(said)
    asked = state.pinned("run")
    job = jobs.find(checkpoints.user_store(), asked) if asked else None
    if job is not None:
        _live(words, job)
        return None
    listing = resources.runs()
    run = listing.get(asked or "")
    if run is None:
        if asked:
            st.warning(words("train.missing", id=plain(asked[:80])))
        run = _usual(list(listing.runs.values()))
    if run is None:
        st.error(words("app.no_runs"))
        return None
    _film(words, run)
    _actions(words, run)
    return run


def _usual(runs: list[Run]) -> Run | None:
    own = [run for run in runs if _is_own(run) and assets.in_browser(run)]
    if own:
        return max(own, key=resources.written)
    there = [run for run in frame.showable_runs() if run in runs]
    usual = [run for run in there if run.record.variant == DEFAULT]
    return next(iter(sorted(usual, key=lambda run: run.record.latent) or there), None)


def _live(words: Words, job: jobs.Job) -> None:
    request = job.request
    posterior = VARIANTS[request.variant].capabilities.has_posterior
    found = {
        "job": job.id,
        "address": assets.job_address(job.id),
        "name": _name_of_job(words, job),
        "samples": request.samples,
        "unit": words("train.unit_nats" if posterior else "train.unit_squared"),
        "visitor": state.visitor(),
        "owner": live.is_owner(st.context.ip_address),
        "scroll": bool(state.take("scroll")),
        "digits": assets.digits_spec(),
        "text": words.group("train_pad"),
    }
    key = f"watch-{job.id}-{words.language}"
    latent_pad(assets.module("train.js"), found, key, {"ended": _ended})


def _ended(told: Any) -> None:
    own_runs.tidy(checkpoints.user_store(), workers.allowed()[0].runs)


def _side(words: Words, run: Run, onto: Run | None = None) -> dict[str, Any]:
    posterior = run.record.capabilities.get("has_posterior", False)
    side = {
        "name": frame.name_of(words, run),
        "run": assets.run_spec(run),
        "history": [dict(entry) for entry in run.record.history],
        "samples": run.record.samples,
        "unit": words("train.unit_nats" if posterior else "train.unit_squared"),
    }
    if onto is not None:
        side["alignment"] = resources.alignment(run, onto)
    return side


def _film(words: Words, run: Run) -> None:
    if not assets.in_browser(run):
        st.info(words("train.no_pad"))
        return
    found = {
        "sides": [_side(words, run)],
        "link": f"?run={run.id}&lang={words.language}",
        "visitor": state.visitor(),
        "digits": assets.digits_spec(),
        "text": words.group("train_pad"),
    }
    found["scroll"] = bool(state.take("scroll"))
    latent_pad(assets.module("film.js"), found, key=f"film-{words.language}")


# --- What people do with the run that is shown ----------------------------------------------------


def _actions(words: Words, run: Run) -> None:
    record = run.record
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    network = f"&net={frame.network_of(run)}" if "network" in record.config else ""
    if assets.in_browser(run):
        chosen = f"model={record.variant}&k={record.latent}{network}&run={run.id}"
        link = f"./?{chosen}&lang={words.language}"  # Explore is the page at the root
        row.link_button(words("train.explore"), link)
    row.download_button(
        words("train.export"),
        partial(transfer.export_run, run),
        file_name=f"{run.id}.zip",
        mime="application/zip",
        on_click="ignore",
        help=words("train.export_help"),
        key=f"export:{run.id}",
    )
    if not _is_own(run):
        return
    note = own_runs.note(run)
    may = not note.kept or live.is_owner(st.context.ip_address)
    kept = row.toggle(
        words("train.keep"),
        value=note.kept,
        disabled=not may,
        help=words("train.keep_help"),
        key=f"keep:{run.id}:{note.kept}",
    )
    if kept != note.kept:
        _do(words, partial(own_runs.write_note, run, kept=kept))
        st.rerun()
    if not may:
        row.caption(words("train.kept_by"))
        return
    with row.popover(words("train.rename")):
        title = st.text_input(
            words("train.new_name"),
            value=note.title,
            placeholder=frame.name_of(words, run),
            max_chars=own_runs.LONGEST_TITLE,
            key=f"title:{run.id}:{note.title}",
        )
        if st.button(words("train.save"), key=f"save:{run.id}"):
            _do(words, partial(own_runs.write_note, run, title=title))
            st.rerun()
    with row.popover(words("train.delete")):
        st.markdown(words("train.delete_sure", name=plain(frame.name_of(words, run))))
        if st.button(words("train.delete_yes"), type="primary", key=f"delete:{run.id}"):
            if _do(words, partial(own_runs.delete, run)):
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


# --- What to train --------------------------------------------------------------------------------


def _form(words: Words) -> None:
    name = state.choice(
        "model",
        words("picker.model"),
        list(VARIANTS),
        DEFAULT,
        show=lambda name: words(f"variant.{name}.title"),
    )
    kind = VARIANTS[name]  # loads torch, so all that is above is on screen before
    model = knobs.Asked(kind.Config, name)
    model.draw(words)
    there = [*OFFLINE, *(ONLINE if data.describe("mnist").here else ())]
    picked = state.choice(
        "data",
        words("train.data"),
        there,
        there[0],
        show=lambda key: words(f"train.data_{re.sub('[-/]', '_', key)}"),
    )
    training = knobs.Asked(TrainConfig, "training", BASIC)
    storing = knobs.Asked(StoreConfig, "storing")
    if kind.capabilities.closed_form:
        st.caption(words("train.closed_form"))
        knobs.fold(words, model)
    else:
        training.draw(words, columns=3)
        knobs.fold(words, model, training, storing)
    try:
        config, schedule = model.checked(words), training.checked(words)
        stored_as = storing.checked(words).stored_as
        request = _request(name, config, schedule, stored_as, *picked.split("/"))
    except (ConfigError, DataError) as error:
        st.error(words.refusal(error))
        _button(words("train.go"), None, disabled=True)
    else:
        _budget(words, request)
    with st.expander(words("explore.equation_title")):
        st.latex(equations.latex(words, name))
        st.markdown(words(f"variant.{name}.assumes"))


def _request(
    name: str, config: Any, schedule: TrainConfig, stored_as: StoredAs, source: str, split: str
) -> JobRequest:
    from core import models
    from core.store import checkpoints
    from core.training import estimate

    facts = resources.facts(source, split)
    own = [run for run in resources.runs().runs.values() if _is_own(run)]
    signature = models.signature_of(facts)
    cost = estimate.cost(name, config, schedule, facts.count, signature, own)
    asked = checkpoints.Request(name, config, facts, schedule)
    return JobRequest(
        id=asked.id,
        formerly=asked.formerly,
        stored_as=stored_as,
        variant=name,
        config=config.model_dump(mode="json"),
        data=source,
        split=split,
        train=schedule.model_dump(mode="json"),
        samples=cost.samples,
        expected=cost.seconds,
        parameters=cost.parameters,
    )


def _budget(words: Words, request: JobRequest) -> None:
    """What the training asks for, said before the click, and the button."""
    limits, wrong = workers.allowed()
    if wrong:
        st.warning(words.refusal(wrong))
    owner = live.is_owner(st.context.ip_address)
    store = checkpoints.user_store()
    st.markdown(
        words(
            "train.budget",
            samples=f"{request.samples:,}",
            parameters=f"{request.parameters:,}",
            time=_time(words, request.expected),
        )
    )
    problem = state.take("problem")
    if problem:
        st.error(problem)
    there = jobs.complete(store, request)
    if there is not None:
        _button(words("train.show"), partial(state.pin, "run", there.id))
        st.caption(words("train.there"))
        return
    queued = [job for job in jobs.jobs(store) if job.status != "failed"]
    same = next((job for job in queued if job.id == request.id), None)
    start = partial(_start, words, request, limits, owner)
    if same is not None:
        _button(words("train.join"), start)
        others = len(set(same.askers) - {state.visitor()})
        st.caption(words("train.in_queue_with" if others else "train.in_queue", count=others))
        return
    over = None if owner else _over(words, request, limits)
    if over:
        st.error(over)
    _button(words("train.go"), start, disabled=bool(over))
    told = []
    if queued:
        ahead = sum(job.remaining for job in queued) / limits.workers
        told.append(words("train.queue", count=len(queued), time=_time(words, ahead)))
    if owner:
        told.append(words("train.budget_owner"))
    else:
        told.append(
            words(
                "train.budget_limits",
                samples=f"{limits.samples:,}",
                parameters=f"{limits.parameters:,}",
                time=_time(words, limits.seconds),
            )
        )
    st.caption(" ".join(told))


def _button(label: str, then: Any, disabled: bool = False) -> None:
    st.button(
        label, type="primary", on_click=then, disabled=disabled, width="stretch", key="train:go"
    )


def _start(words: Words, request: JobRequest, limits: Limits, owner: bool) -> None:
    try:
        jobs.submit(checkpoints.user_store(), request, state.visitor(), limits, owner)
    except JobError as error:
        state.leave("problem", words.refusal(error))
        return
    state.pin("run", request.id)
    state.leave("scroll", True)


def _over(words: Words, request: JobRequest, limits: Limits) -> str | None:
    """The sentence about a budget that a visitor hasn't, or None."""
    for name, asked, most, told in (
        ("samples", request.samples, limits.samples, f"{limits.samples:,}"),
        ("parameters", request.parameters, limits.parameters, f"{limits.parameters:,}"),
        ("seconds", request.expected, limits.seconds, _time(words, limits.seconds)),
    ):
        if asked > most:
            return words(f"train.over_{name}", most=told)
    return None


def _time(words: Words, seconds: float) -> str:
    if seconds < 120:
        return words("train.seconds", count=max(1, round(seconds)))
    return words("train.minutes", count=f"{seconds / 60:,.0f}")


# --- The shelf of runs ----------------------------------------------------------------------------


def _shelf(words: Words, shown: Run | None) -> None:
    listing = resources.runs()
    own = sorted(filter(_is_own, listing.runs.values()), key=resources.written, reverse=True)
    shipped = [run for run in listing.runs.values() if not _is_own(run)]
    asked = state.pinned("beside")
    beside = listing.get(asked or "")
    if asked and beside is None:
        st.warning(words("train.missing_beside", id=plain(asked[:80])))
        state.pin("beside", None)
    if shown is not None and beside is not None and beside is not shown:
        _compare(words, shown, beside)
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
        assets.module("shelf.js"),
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
        "name": _name_of_job(words, job),
        "marks": words(f"train.{job.status}"),
        "knobs": _told(_changed(words, request.variant, request.config, request.train)),
        "data": f"{request.data}/{request.split}",
        "samples": f"{request.samples:,}",
        "queued": "yes",
    }


def _name_of_job(words: Words, job: jobs.Job) -> str:
    title = words(f"variant.{job.request.variant}.title")
    return f"{title}, K = {job.request.config['latent']}"


def _told(changed: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in changed.items())


def _row(words: Words, run: Run) -> dict[str, str]:
    record = run.record
    marks = [
        words(f"train.{name}")
        for name, there in (
            ("shipped", not _is_own(run)),
            ("stopped", record.status == "stopped"),
            ("kept", _is_own(run) and own_runs.note(run).kept),
        )
        if there
    ]
    row = {
        "id": run.id,
        "name": frame.name_of(words, run),
        "marks": " · ".join(marks),
        "knobs": _told(_changed(words, record.variant, record.config, record.train)),
        "data": f"{record.data.name}/{record.data.split}",
        "samples": f"{record.samples:,}",
    }
    split = frame.scored_on(run)
    scores = record.metrics.get(split, {})
    if "squared_error" in scores:
        row["score"] = f"{scores['squared_error']:.1f}"
        trivial = f"{scores['squared_error_mean_image']:.1f}"
        row["score_beside"] = words("train.mean_digit", value=trivial)
    else:
        row["score_beside"] = words("train.no_scores")
    if "elbo_binary" in scores and "cross_entropy_mean_image" in scores:
        row["elbo"] = _signed(scores["elbo_binary"])
        trivial = _signed(-scores["cross_entropy_mean_image"])
        row["elbo_beside"] = words("train.mean_digit", value=trivial)
    return row


def _changed(
    words: Words, variant: str, config: dict[str, Any], schedule: dict[str, Any]
) -> dict[str, str]:
    """Knobs that differ from their defaults, as a person reads them."""
    found = {}
    for kind, values, scope in (
        (VARIANTS[variant].Config, config, variant),
        (TrainConfig, schedule, "training"),
    ):
        by_name = {knob.name: knob for knob in kind.knobs()}
        for name, value in knobs.differing(kind, values).items():
            found[knobs.label(words, by_name[name], scope)] = knobs.shown(words, value)
    return found


def _compare(words: Words, shown: Run, beside: Run) -> None:
    st.markdown(f"#### {words('train.compare_title')}")
    pair = (shown, beside)
    titles = [f"{mark} · {frame.name_of(words, run)}" for mark, run in zip("AB", pair, strict=True)]
    names = list(map(plain, titles))
    if all(map(assets.in_browser, pair)):
        sides = [_side(words, shown), _side(words, beside, shown)]
        found = {
            "sides": [side | {"name": name} for side, name in zip(sides, titles, strict=True)],
            "visitor": state.visitor(),
            "digits": assets.digits_spec(),
            "text": words.group("train_pad"),
        }
        found["scroll"] = bool(state.take("scroll_beside"))
        latent_pad(assets.module("film.js"), found, key=f"films-{words.language}")
    scores, differ = st.columns([3, 2], gap="large")
    with scores:
        _scores(words, pair, names)
    with differ:
        _differences(words, pair, names)


def _scores(words: Words, pair: tuple[Run, Run], names: list[str]) -> None:
    found = [run.record.metrics.get(frame.scored_on(run), {}) for run in pair]
    table = [f"| | {names[0]} | {names[1]} | {words('train.trivial')} |", "|---|--:|--:|---|"]
    for name, key, trivial, places in SCORES:
        if not any(key in scores for scores in found):
            continue
        cells = [_signed(scores[key], places) if key in scores else "–" for scores in found]
        beside = words("train.trivial_rate") if not trivial else ""
        if trivial:
            sign = -1 if name == "elbo" else 1
            values = dict.fromkeys(_signed(sign * s[trivial]) for s in found if trivial in s)
            beside = " / ".join(values) or "–"
        label = words(f"train.score_{name}")
        table.append(f"| {label} | **{cells[0]}** | **{cells[1]}** | {beside} |")
    seconds = [f"{run.record.seconds:,.0f}" for run in pair]
    table.append(f"| {words('train.score_seconds')} | {seconds[0]} | {seconds[1]} | |")
    st.markdown("\n".join(table))
    st.caption(
        " · ".join(
            f"{name}: {frame.scored_on(run) or words('train.no_scores')}"
            for name, run in zip(names, pair, strict=True)
        )
    )


def _differences(words: Words, pair: tuple[Run, Run], names: list[str]) -> None:
    rows = []
    for title, values in _all_knobs(words, pair).items():
        if values[0] != values[1]:
            rows.append(f"| {title} | {plain(values[0])} | {plain(values[1])} |")
    st.markdown(f"**{words('train.differ')}**")
    if not rows:
        st.caption(words("train.alike"))
        return
    st.markdown("\n".join([f"| | {names[0]} | {names[1]} |", "|---|--:|--:|", *rows]))


def _all_knobs(words: Words, pair: tuple[Run, Run]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for side, run in enumerate(pair):
        record = run.record
        told = {words("picker.model"): words(f"variant.{record.variant}.title")}
        told[words("train.data")] = f"{record.data.name}/{record.data.split}"
        for kind, values, scope in (
            (VARIANTS[record.variant].Config, record.config, record.variant),
            (TrainConfig, record.train, "training"),
        ):
            for knob in kind.knobs():
                other, wanted = knobs.ONLY_WITH.get(knob.name, ("", None))
                if other and values.get(other) != wanted:
                    continue
                value = values.get(knob.name, knob.default)
                told[knobs.label(words, knob, scope)] = knobs.shown(words, value)
        for title, value in told.items():
            found.setdefault(title, ["–", "–"])[side] = value
    return found


def _import(words: Words) -> None:
    round_ = state.count("imports")
    uploaded = st.file_uploader(
        words("train.import_file"),
        type="zip",
        key=f"import:{round_}",
        max_upload_size=transfer.BOUNDS.archive_bytes // 2**20,
    )
    if uploaded is None:
        return
    store = checkpoints.user_store()
    try:
        run = transfer.import_run(uploaded.getvalue(), store, uploaded.name)
    except ShelfError as error:
        st.error(plain(words.refusal(error)))
        return
    own_runs.tidy(store, workers.allowed()[0].runs)
    state.leave("said", words("train.imported", id=run.id))
    state.pin("run", run.id)
    state.count("imports", 1)
    st.rerun()


def _is_own(run: Run) -> bool:
    return run.folder.parent != checkpoints.shipped_store()


def _signed(value: float, places: int = 1) -> str:
    return f"{value:,.{places}f}".replace("-", "−")
