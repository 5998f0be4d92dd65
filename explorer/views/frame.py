"""What every page shares: its title, the sentences about a bad link, and which runs it can show."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.config import TrainConfig
from core.models import VARIANTS
from core.store import checkpoints, maps, own_runs, records
from core.store.checkpoints import Run
from core.training.jobs import Job
from explorer import aside, assets, knobs, members, resources, state
from explorer.language import Words, plain
from explorer.pad.component import keeper

SKIPPED = 20  # folders that could not be read, of which the page says why

_SPLITS = {
    "mnist/test": "explore.split_test",
    "mnist-5k/all": "explore.split_held_out",
    "mnist-5k/test": "explore.split_part",
}

DIGITS = "digits"  # what a link calls the held-out digits that all maps share


@contextlib.contextmanager
def page(words: Words, name: str) -> Iterator[DeltaGenerator]:
    """A page with its title; yields the row beside the title, where the pickers go.

    Below the row stand the sentences about a bad link and about a run that was set aside, without
    which the page is drawn anew; at the page's end what the store could not read.
    """
    state.begin(name, resources.runs().renamed)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="bar")
    bar.title(words(f"{name}.title"), anchor=False, width="stretch")
    told = st.container()
    for refusal in state.take("aside") or ():
        told.warning(plain(words.refusal(refusal)))
    try:
        yield bar
    except Exception as error:
        bad = aside.whose(error, resources.runs().runs.values())
        if not bad:
            raise
        state.leave("aside", bad)
        st.rerun()
    with bar:
        state.language_switch()
    for sentence in state.problems():
        told.warning(sentence)
    skipped = resources.runs().refused
    if skipped:
        with st.expander(words("app.skipped_runs", count=len(skipped))):
            st.text("\n".join(map(words.refusal, skipped[:SKIPPED])))
            if len(skipped) > SKIPPED:
                st.caption(words("app.skipped_more", count=len(skipped) - SKIPPED))
    says = {"language": words.language, "past": words("app.skip")} | state.end()
    keeper(assets.module("pages/keeper.js"), says)


def say(words: Words, name: str, *more: str) -> None:
    """A page's first sentences: what to try, what to look for, and more. Where what to try is
    another thing by a finger, the browser shows the one or the other."""
    hands = {"": f"{name}.try"}
    if f"{name}.try_touch" in words:
        hands = {"-mouse": f"{name}.try", "-touch": f"{name}.try_touch"}
    for hand, key in hands.items():
        said = words(key)
        wide = " ".join((said, words(f"{name}.look"), *more))
        st.container(key=f"said-wide{hand}").markdown(wide)
        st.container(key=f"said-narrow{hand}").markdown(said)


def say_below(words: Words, name: str, *more: str) -> None:
    """What of the first sentences stands below the pad on a phone."""
    st.container(key="look").markdown(" ".join((words(f"{name}.look"), *more)))


def showable_runs(live: bool = True) -> list[Run]:
    """Runs that a pad can show on the held-out digits' map, or, where they need not be `live`, of
    which there are pictures: those that ship first, and of these the longest trained."""
    shipped = checkpoints.shipped_store()
    shown = assets.in_browser if live else assets.showable
    return sorted(
        (run for run in resources.runs().runs.values() if shown(run)),
        key=lambda run: (run.folder.parent != shipped, -run.record.samples),
    )


def digit_runs() -> list[Run]:
    """Of the runs that a pad can show those of MNIST's digits, for a page that is about these."""
    return [run for run in showable_runs() if resources.on_digits(run)]


def say_digits_alone(words: Words) -> None:
    """On such a page, that there are people's own runs of other data and where these are shown."""
    others = [r for r in showable_runs() if resources.is_own(r) and not resources.on_digits(r)]
    if others:
        st.caption(words("app.digits_alone", count=len(others)))


def images_key(run: Run) -> str:
    """What a link calls the images that a run is shown on."""
    if resources.on_digits(run):
        return DIGITS
    plain_name = re.sub(r"\W+", "-", resources.data_name(run).lower()).strip("-")[:30]
    return f"{plain_name}-{maps.fingerprint(run)[:6]}"


def pad_key(words: Words, name: str, run: Run) -> str:
    """The key of a pad that shows a run's images; on others it begins anew."""
    own = "" if resources.on_digits(run) else f"-{maps.fingerprint(run)[:8]}"
    return f"{name}-{words.language}{own}"


def known_run(runs: Iterable[Run]) -> Run | None:
    """Of some runs the one that a link names or a page before showed."""
    return next((run for run in runs if run.id == state.said("run")), None)


def pick_images(words: Words, runs: list[Run], known: Run | None) -> list[Run]:
    """Those of the runs that are shown on the images that a picker names: models of different data
    share no map. There is no picker where all share one. A run that is `known` says which, else a
    model that a link names and that the first of them lack."""
    if known is not None:
        state.met("images", images_key(known))
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(images_key(run), []).append(run)
    groups = {key: there for key, there in groups.items() if _offered(key, there, groups, known)}
    if len(groups) < 2:
        return next(iter(groups.values()), runs)
    first = next(iter(groups))
    named = [key for key, there in groups.items() if state.said("model") in variants_of(there)]
    usual = images_key(known) if known else first if first in named else (*named, first)[0]
    names = {key: _images_name(words, there[0]) for key, there in groups.items()}
    picked = state.choice(
        "images",
        words("picker.images"),
        list(groups),
        usual,
        show=names.get,
        width=170,
        frees=("run",),
    )
    return groups[picked]


def _offered(
    key: str, there: Sequence[Run], groups: Mapping[str, Sequence[Run]], known: Run | None
) -> bool:
    """Whether a picker offers these images: MNIST's digits, those of somebody's own runs, and of
    what ships besides those that a link or this session has led to, so that nobody meets a picker
    who has no use for it."""
    if resources.on_digits(there[0]) or any(map(resources.is_own, there)) or known in there:
        return True
    model = state.said("model")
    alone = model in variants_of(there) and not any(
        model in variants_of(runs) for other, runs in groups.items() if other != key
    )
    return alone or key in state.met("images", state.said("images"))


def _images_name(words: Words, run: Run) -> str:
    return words("picker.digits") if resources.on_digits(run) else resources.data_name(run)


def pick_run(words: Words) -> Run | None:
    """The run that the pickers in the page's row name, of those of which there is something to
    see."""
    runs = showable_runs(live=False)
    if not runs:
        return None
    known = known_run(runs)
    if known is not None:
        like = {"model": known.record.variant, "k": known.record.latent, "net": network_of(known)}
        state.rule("run", like | {"images": images_key(known)})
    runs = pick_images(words, runs, known)
    known = known if known in runs else None
    variants = variants_of(runs)
    if not variants:
        return None
    runs = [run for run in runs if run.record.variant in variants]
    variant = state.choice(
        "model",
        words("picker.model"),
        variants,
        known.record.variant if known else usual_variant(runs) or variants[0],
        show=lambda name: members.title(words, name),
        width=210,
        frees=("run",),
    )
    runs = [run for run in runs if run.record.variant == variant]
    sizes = sorted({run.record.latent for run in runs})
    usual = known.record.latent if known in runs else sizes[0]
    latent = state.choice("k", words("picker.latent"), sizes, usual, width=120, frees=("run",))
    runs = [run for run in runs if run.record.latent == latent]
    networks = sorted({network_of(run) for run in runs}, reverse=True)
    if len(networks) > 1:
        network = state.choice(
            "net",
            words("picker.network"),
            networks,
            network_of(known) if known in runs else networks[0],
            show=lambda name: words(f"picker.{name}"),
            width=170,
            frees=("run",),
        )
        runs = [run for run in runs if network_of(run) == network]
    by_id = {run.id: run for run in runs}
    if len(runs) == 1:
        state.only("run", runs[0].id)
        return runs[0]
    names = told_apart(words, runs)
    picked = state.choice(
        "run", words("picker.run"), list(by_id), runs[0].id, show=names.get, width=210
    )
    state.choose(run=picked)
    return by_id[picked]


def usual_variant(runs: list[Run]) -> str | None:
    """The variant that a page opens with, of those that have runs."""
    return next((run.record.variant for run in records.by_role(runs, "usual")), None)


def variants_of(runs: Sequence[Run]) -> list[str]:
    """The runs' variants, in the registry's order."""
    there = {run.record.variant for run in runs}
    return [name for name in VARIANTS if name in there]


def name_of(words: Words, run: Run) -> str:
    """What people call a run: the name that they gave it, else its model and K."""
    return own_runs.note(run).title or model_of(words, run)


def model_of(words: Words, run: Run) -> str:
    """A run's model and K."""
    conv = f", {words('picker.conv').lower()}" if network_of(run) == "conv" else ""
    return f"{members.title(words, run.record.variant)}{conv}, K = {run.record.latent}"


def told_apart(words: Words, runs: list[Run]) -> dict[str, str]:
    """By id what tells runs of one model and K apart: the first is the usual one, the others have
    their names, else what differs from it: the model's knobs, else size, training and data."""
    usual = runs[0]
    names: dict[str, str] = {}
    for run in runs:
        record = run.record
        layers = [
            {k: v for k, v in record.config.items() if k not in records.SIZES},
            records.sizes(run),
            _chosen(record.train, usual.record.train),
        ]
        before = usual.record.config | usual.record.train
        told = next(
            filter(None, (_differs(words, record.variant, layer, before) for layer in layers)), ""
        )
        name = own_runs.note(run).title or told or f"{resources.data_name(run)}/{record.data.split}"
        if run is usual and not own_runs.note(run).title:
            name = words("picker.usual")
        names[run.id] = f"{name} ({run.id[-10:]})" if name in names.values() else name
    return names


def _chosen(train: dict, before: dict) -> dict:
    """A training's knobs, less those that stand on both sides as was usual at their time."""
    changed = [knob for knob in TrainConfig.knobs() if knob.default != knob.formerly]
    usual = {knob.name: (knob.default, knob.formerly) for knob in changed}
    return {
        name: value
        for name, value in train.items()
        if name not in usual
        or value not in usual[name]
        or before.get(name, usual[name][1]) not in usual[name]
    }


def _differs(words: Words, variant: str, values: dict, before: dict) -> str:
    return ", ".join(
        f"{knobs.label_of(words, name, variant)} {knobs.shown(words, value, variant)}"
        for name, value in values.items()
        if value != before.get(name)
    )


def seen(runs: Iterable[Run]) -> str:
    """How many images each of some runs saw in its training: one number, or from the least to the
    most."""
    samples = sorted({run.record.samples for run in runs})
    ends = samples if len(samples) < 2 else (samples[0], samples[-1])
    return "–".join(f"{count:,}" for count in ends) or "–"


def scored_on(run: Run) -> str:
    """The split by which a run's scores are told: the official test set if it was held out, else
    the map's digits, else those of them that were held out."""
    there = run.record.metrics
    order = ("mnist/test", "mnist-5k/all", "mnist-5k/test")
    return next((split for split in order if split in there), next(iter(there), ""))


def split_of(words: Words, run: Run) -> str:
    """Those images in words."""
    if not resources.on_digits(run):
        return words("explore.split_own")
    return words(_SPLITS.get(scored_on(run), "explore.split_other"))


def network_of(run: Run) -> str:
    """`mlp` or `conv`."""
    return run.record.config.get("network", "mlp")


def name_of_job(words: Words, job: Job) -> str:
    """What a waiting or running training is called."""
    title = members.title(words, job.request.variant)
    return f"{title}, K = {job.request.config['latent']}"


def signed(value: float, places: int = 1) -> str:
    """A number with a true minus sign."""
    return f"{value:,.{places}f}".replace("-", "−")
