"""Train: two runs side by side."""

from __future__ import annotations

import streamlit as st

from core.config import TrainConfig
from core.store import maps, own_runs
from core.store.checkpoints import Run
from explorer import assets, knobs, members, naming, resources
from explorer.language import Words, plain
from explorer.views import frame, train_film

SCORES = (  # name of the texts, key in the metrics, key of a trivial model's score, decimals
    ("error", "squared_error", "squared_error_mean_image", 1),
    ("cross", "cross_entropy_grey", "cross_entropy_mean_image", 1),
    ("elbo", "elbo_binary", "cross_entropy_mean_image", 1),
    ("rate", "rate", "", 2),
)


def draw(words: Words, shown: Run, beside: Run) -> None:
    """Two runs: their films in step, their scores, and what knobs differ."""
    pair = (shown, beside)
    same = {frame.model_of(words, run) for run in pair}
    title = words("train.compare_title")
    st.markdown(f"## {title}" + (f": {plain(*same)}" if len(same) == 1 else ""))
    titles = heads(words, pair)
    names = list(map(plain, titles))
    if maps.fingerprint(shown) != maps.fingerprint(beside):
        st.caption(words("train.other_images"))
    elif all(map(assets.in_browser, pair)):
        train_film.pair(words, shown, beside, titles)
    scores, differ = st.columns([3, 2], gap="large")
    with scores:
        _scores(words, pair, names)
    with differ:
        _differences(words, pair, names)


def heads(words: Words, pair: tuple[Run, Run]) -> list[str]:
    """What stands above each of two runs: what differs between them, after its own name if it was
    given one."""
    differ = naming.apart(words, pair)
    return [
        " · ".join(filter(None, (mark, own_runs.note(run).title, differ[run.id])))
        for mark, run in zip("AB", pair, strict=True)
    ]


def _scores(words: Words, pair: tuple[Run, Run], names: list[str]) -> None:
    found = [run.record.metrics.get(frame.scored_on(run), {}) for run in pair]
    head = words("explore.number_what")
    table = [
        f"| {head} | {names[0]} | {names[1]} | {words('train.trivial')} |",
        "|---|--:|--:|---|",
    ]
    for name, key, trivial, places in SCORES:
        if not any(key in scores for scores in found):
            continue
        cells = [frame.signed(scores[key], places) if key in scores else "–" for scores in found]
        beside = words("train.trivial_rate") if not trivial else ""
        if trivial:
            sign = -1 if name == "elbo" else 1
            values = dict.fromkeys(frame.signed(sign * s[trivial]) for s in found if trivial in s)
            beside = " / ".join(values) or "–"
        label = words(f"train.score_{name}")
        table.append(f"| {label} | **{cells[0]}** | **{cells[1]}** | {beside} |")
    seconds = [f"{run.record.seconds:,.0f}" for run in pair]
    table.append(f"| {words('train.score_seconds')} | {seconds[0]} | {seconds[1]} | |")
    st.markdown("\n".join(table))
    st.caption(
        " · ".join(f"{name}: {_scored(words, run)}" for name, run in zip(names, pair, strict=True))
    )


def _differences(words: Words, pair: tuple[Run, Run], names: list[str]) -> None:
    rows = []
    for title, values in _all_knobs(words, pair).items():
        if values[0] != values[1]:
            rows.append(f"| {plain(title)} | {plain(values[0])} | {plain(values[1])} |")
    if not rows:
        st.caption(words("train.alike"))
        return
    st.markdown(
        "\n".join(
            [f"| {words('train.differ')} | {names[0]} | {names[1]} |", "|---|--:|--:|", *rows]
        )
    )


def _all_knobs(words: Words, pair: tuple[Run, Run]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for side, run in enumerate(pair):
        record = run.record
        told = {words("picker.model"): members.title(words, record.variant)}
        told[words("train.data")] = f"{resources.data_name(run)}/{record.data.split}"
        for kind, values, scope in (
            (members.declared(record.variant), record.config, record.variant),
            (TrainConfig, record.train, "training"),
        ):
            for knob in kind.knobs():
                if not knob.acts(values):
                    continue
                value = values.get(knob.name, knob.formerly)
                told[knobs.label(words, knob, scope)] = knobs.shown(words, value, scope)
        for title, value in told.items():
            found.setdefault(title, ["–", "–"])[side] = value
    return found


def _scored(words: Words, run: Run) -> str:
    """The split that a run is scored on, without the path of own images."""
    split = frame.scored_on(run)
    if not split:
        return words("train.no_scores")
    return plain(split.replace(run.record.data.name, resources.data_name(run), 1))
