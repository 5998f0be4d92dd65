"""What tells runs apart, in few words: what differs between them and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from core.config import Knob, TrainConfig
from core.store import records
from core.store.checkpoints import Run
from explorer import knobs, members
from explorer.language import Words

Told = dict[str, Any]  # what a run says of itself: comparable values by name
Declared = Mapping[str, Mapping[str, Knob]]  # knobs by name, by variant


def apart(words: Words, runs: Sequence[Run], always: Iterable[str] = ()) -> dict[str, str]:
    """By id what tells runs apart: the model where they are of several, then K, knobs of the model,
    its size, its training and its data, each only as far as those before it say too little.

    Args:
        words: the page's language.
        runs: those that stand together.
        always: what is said even where all agree, such as `K`.
    """
    variants = {run.record.variant for run in runs}
    declared = {
        name: {knob.name: knob for knob in members.declared(name).knobs()} for name in variants
    }
    parts: dict[str, list[str]] = {run.id: [] for run in runs}
    groups = [list(runs)]
    for number, layer in enumerate(_LAYERS):
        following = []
        for group in groups:
            said = {run.id: layer(words, run, declared) for run in group}
            names = list(dict.fromkeys(name for one in said.values() for name in one))
            differ = [
                name
                for name in names
                if name in always or len({repr(one.get(name)) for one in said.values()}) > 1
            ]
            usual = {name: _usual(one.get(name) for one in said.values()) for name in differ}
            split: dict[tuple[str, ...], list[Run]] = {}
            for run in group:
                told = said[run.id]
                shown = tuple(
                    ""
                    if number > 1 and name not in always and repr(told.get(name)) == usual[name]
                    else _phrase(words, run, name, told.get(name))
                    for name in differ
                )
                parts[run.id] += filter(None, shown)
                split.setdefault(shown, []).append(run)
            following += split.values()
        # K is said first, and so for all; the rest only where runs are still the same.
        groups = following if number < 2 else [group for group in following if len(group) > 1]
        if not groups:
            break
    for group in groups:
        for run in group if len(group) > 1 else ():
            parts[run.id].append(f"({run.id[-10:]})")
    return {run.id: ", ".join(parts[run.id]) or words("picker.usual") for run in runs}


def _model(words: Words, run: Run, declared: Declared) -> Told:
    return {"": members.title(words, run.record.variant)}


def _latent(words: Words, run: Run, declared: Declared) -> Told:
    return {"K": run.record.latent}


def _network(words: Words, run: Run, declared: Declared) -> Told:
    return {"network": run.record.config.get("network", "mlp")}


def _knobs(words: Words, run: Run, declared: Declared) -> Told:
    kind = declared[run.record.variant]
    found = {name: knob.default for name, knob in kind.items()} | run.record.config
    return {  # what doesn't act is as good as its default
        name: _plain(value if name not in kind or kind[name].acts(found) else kind[name].default)
        for name, value in found.items()
        if name not in records.SIZES and name != "latent"
    }


def _size(words: Words, run: Run, declared: Declared) -> Told:
    return {name: _plain(value) for name, value in records.sizes(run).items()}


def _schedule(words: Words, run: Run, declared: Declared) -> Told:
    found = {}
    for knob in TrainConfig.knobs():
        value = run.record.train.get(knob.name, knob.formerly)
        usual = value in (knob.default, knob.formerly)  # nobody chose it, now or then
        found[knob.name] = _plain(knob.default if usual else value)
    return found


def _data(words: Words, run: Run, declared: Declared) -> Told:
    return {"data": f"{run.record.data.name}/{run.record.data.split}"}


_LAYERS: tuple[Callable[[Words, Run, Declared], Told], ...] = (
    _model,
    _latent,
    _network,
    _knobs,
    _size,
    _schedule,
    _data,
)


def _usual(values: Iterable[Any]) -> str:
    """What more than half of the values are, which goes without saying; empty where none is."""
    counts = Counter(map(repr, values))
    most, count = counts.most_common(1)[0]
    return most if 2 * count > counts.total() else ""


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return float(value)
    return tuple(value) if isinstance(value, list) else value


def _phrase(words: Words, run: Run, name: str, value: Any) -> str:
    """One part of a name; empty where the run has no such knob."""
    if value is None:
        return ""
    if name in ("", "data"):
        return str(value)
    if name == "K":
        return f"K = {value}"
    if name == "network":
        return words(f"picker.{value}").lower() if value == "conv" else ""
    variant = run.record.variant
    scope = variant if name in run.record.config else "training"
    shown = knobs.shown(words, value, variant)
    if isinstance(value, str):
        return shown  # a choice says by itself what it is
    return f"{knobs.label_of(words, name, scope)} {shown}"


def order(run: Run) -> tuple[Any, ...]:
    """By which runs of one model are sorted: K, network, then the knobs' values."""
    config: Mapping[str, Any] = run.record.config
    values = [
        (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))
        for name, value in sorted(config.items())
        if name not in records.SIZES
    ]
    return run.record.latent, config.get("network", "mlp") != "mlp", values, run.id
