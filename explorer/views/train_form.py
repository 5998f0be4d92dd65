"""Train: what to train, what that asks for, and the button."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import streamlit as st

from core import data
from core.config import ConfigError, ModelConfig, StoreConfig, StoredAs, TrainConfig
from core.data import DataError
from core.models import VARIANTS
from core.models.cards import Card
from core.store import checkpoints
from core.store.checkpoints import Run
from core.training import estimate, jobs
from core.training.jobs import JobError, JobRequest
from core.training.limits import Limits
from explorer import (
    catalogue,
    knobs,
    language,
    live,
    members,
    resources,
    state,
    symbols,
    workers,
)
from explorer.language import Words, plain
from explorer.views import frame

BASIC = ("epochs", "batch_size", "learning_rate")
OFFLINE = ("mnist-5k/train", "mnist-5k/all")
ONLINE = ("mnist/train-55k", "mnist/train")


_FORM = "form"  # which knobs a visitor's form begins with


@dataclass(frozen=True)
class _Given:
    """What the form's widgets begin with: a run's knobs, and how often that was another run's."""

    run: str = ""
    turn: int = 0
    variant: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)
    stored_as: str = ""


def open_run(run: Run) -> None:
    """Put what a run was asked for into the form, once for as long as it is the one shown."""
    before = state.kept(_FORM) or _Given()
    if before.run == run.id:
        return
    record = run.record
    card = (catalogue.all_cards() or {}).get(record.variant)
    try:
        config = card.Config.recorded(record.config) if card else None
        train = TrainConfig.recorded(record.train)
    except ConfigError:  # it was asked for in another release
        config = None
    if config is None:
        return
    given = _Given(
        run.id,
        before.turn + 1,
        record.variant,
        config.model_dump(),
        train.model_dump(),
        record.stored_as,
    )
    state.keep(_FORM, given)
    state.choose(model=record.variant)
    picked = f"{record.data.name}/{record.data.split}"
    if picked in _offered():
        state.choose(data=picked)


def _offered() -> list[str]:
    return [*OFFLINE, *(ONLINE if data.describe("mnist").here else ())]


def draw(words: Words) -> None:
    """The form, what its training would ask for, and the button."""
    name = state.choice(
        "model",
        words("picker.model"),
        list(VARIANTS),
        frame.usual_variant(frame.showable_runs()) or next(iter(VARIANTS)),
        show=lambda name: members.title(words, name),
    )
    cards = catalogue.all_cards()
    if cards is None:
        _wait(words, "train.reading", lambda: catalogue.all_cards() is not None)
        return
    card = cards[name]
    given = state.kept(_FORM) or _Given()
    of_run = given.config if given.variant == name else {}
    model = knobs.Asked(card.Config, name, given=of_run, turn=given.turn if of_run else 0)
    model.draw(words)
    there = _offered()
    picked = state.choice(
        "data",
        words("train.data"),
        there,
        there[0],
        show=lambda key: words(f"train.data_{re.sub('[-/]', '_', key)}"),
    )
    training = knobs.Asked(TrainConfig, "training", BASIC, given=given.train, turn=given.turn)
    stored = {"stored_as": given.stored_as} if given.stored_as else {}
    storing = knobs.Asked(StoreConfig, "storing", given=stored, turn=given.turn)
    if card.capabilities["closed_form"]:
        st.caption(words("train.closed_form"))
        knobs.fold(words, model)
    else:
        training.draw(words, columns=3)
        knobs.fold(words, model, training, storing)
    try:
        config, schedule = model.checked(words), training.checked(words)
        if card.capabilities["closed_form"]:
            schedule = schedule.solved()
        stored_as = storing.checked(words).stored_as
        request = _request(name, card, config, schedule, stored_as, *picked.split("/"))
    except (ConfigError, DataError) as error:
        st.error(plain(words.refusal(error)))
        _button(words("train.go"), None, disabled=True)
    else:
        if request is None:
            _wait(words, "train.counting", partial(_is_counted, name, config, *picked.split("/")))
            _button(words("train.go"), None, disabled=True)
        else:
            _budget(words, request)
    about = members.about(words, name)
    if about or members.latex(words, name):
        with st.expander(words("explore.equation_title")):
            members.show_equation(words, name)
            st.markdown(about)
            symbols.show(words, language.member(name).equation)
    members.show_missing(words, name, card.Config.knobs())


def _wait(words: Words, text: str, ready: Callable[[], bool]) -> None:
    """Say what is waited for, and draw the page anew when it is there."""

    @st.fragment(run_every=0.3)
    def look() -> None:
        if ready():
            st.rerun()
        st.caption(words(text))

    look()


def _is_counted(name: str, config: ModelConfig, source: str, split: str) -> bool:
    try:
        return _footprint(name, config, resources.facts(source, split)) is not None
    except ConfigError:
        return True  # and the page says so


def _footprint(
    name: str, config: ModelConfig, facts: checkpoints.DataRecord
) -> estimate.Footprint | None:
    """What a training holds in memory; None while that is being counted. A visitor waits for all
    of it, the owner, who may have what there is, for the parameters alone."""
    found = catalogue.footprint(name, config, facts)
    whole = found is not None and (found.numbers or live.is_owner(st.context.ip_address))
    return found if whole else None


def _request(
    name: str,
    card: Card,
    config: ModelConfig,
    schedule: TrainConfig,
    stored_as: StoredAs,
    source: str,
    split: str,
) -> JobRequest | None:
    """What is asked for; None while its parameters are being counted."""
    facts = resources.facts(source, split)
    found = _footprint(name, config, facts)
    if found is None:
        return None
    scored = data.describe(source).counts.get("test", 0)
    memory = estimate.memory(found, schedule, facts.count, scored) if found.numbers else 0
    own = [run for run in resources.runs().runs.values() if resources.is_own(run)]
    closed_form = card.capabilities["closed_form"]
    cost = estimate.cost(name, config, schedule, facts.count, found.parameters, closed_form, own)
    names = checkpoints.names_of(name, config, facts, schedule)
    return JobRequest(
        id=names[0],
        formerly=names[1:],
        stored_as=stored_as,
        variant=name,
        config=config.model_dump(mode="json"),
        data=source,
        split=split,
        train=schedule.model_dump(mode="json"),
        samples=cost.samples,
        expected=cost.seconds,
        parameters=cost.parameters,
        memory=-(-memory // 2**20),
    )


def _budget(words: Words, request: JobRequest) -> None:
    """What the training asks for, said before the click, and the button."""
    limits, wrong = workers.allowed()
    if wrong:
        st.warning(plain(words.refusal(wrong)))
    owner = live.is_owner(st.context.ip_address)
    store = checkpoints.user_store()
    st.markdown(
        words(
            "train.budget",
            samples=f"{request.samples:,}",
            parameters=f"{request.parameters:,}",
            memory=f"{request.memory:,} MiB" if request.memory else "…",
            time=_time(words, request.expected),
        )
    )
    problem = state.take("problem")
    if problem:
        st.error(plain(problem))
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
                memory=f"{limits.memory:,}",
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
    state.keep(_FORM, replace(state.kept(_FORM) or _Given(), run=request.id))  # it is in the form
    state.leave("scroll", True)


def _over(words: Words, request: JobRequest, limits: Limits) -> str | None:
    """The sentence about a budget that a visitor hasn't, or None."""
    for name, asked, most, told in (
        ("samples", request.samples, limits.samples, f"{limits.samples:,}"),
        ("parameters", request.parameters, limits.parameters, f"{limits.parameters:,}"),
        ("memory", request.memory, limits.memory, f"{limits.memory:,}"),
        ("seconds", request.expected, limits.seconds, _time(words, limits.seconds)),
    ):
        if asked > most:
            return words(f"train.over_{name}", most=told)
    return None


def _time(words: Words, seconds: float) -> str:
    if seconds < 120:
        return words("train.seconds", count=max(1, round(seconds)))
    return words("train.minutes", count=f"{seconds / 60:,.0f}")
