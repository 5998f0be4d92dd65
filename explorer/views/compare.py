"""PCA vs AE: two to six models of one K under one pointer, and what each makes of the digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from core.measures import metrics
from core.store import records
from core.store.checkpoints import Run
from core.store.schema import WIDE
from explorer import assets, members, resources, state, symbols
from explorer.language import Words
from explorer.pad.component import latent_pad
from explorer.views import frame, pictures

FEWEST, USUAL, MOST = 2, 5, 6  # models side by side: at least, when the page opens, at most
_EQUATIONS = (
    r"\text{%(equation_pca)s:}\quad &\hat x = \bar x + W^\top W(x-\bar x)",
    r"\text{%(equation_ae)s:}\quad &\hat x = g(f(x))",
    r"\text{%(equation_error)s:}\quad &\lVert x-\hat x\rVert^2",
)


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "compare") as bar:
        runs = [run for run in frame.showable_runs() if _pixels(run) == resources.digits().shape]
        with bar:
            runs = frame.pick_images(words, runs, frame.known_run(runs))
            models = _pick(words, runs)
        if not models:
            st.error(words("app.no_runs"))
            return
        equation = r" \\ ".join(_EQUATIONS) % words.group("compare")
        said, above = st.columns([5, 2], gap="medium", vertical_alignment="center")
        with said:
            frame.say(words, "compare")
        with above.container(key="above"):
            st.latex(rf"\begin{{aligned}}{equation}\end{{aligned}}")
        first = next(iter(models.values()))
        state.carry("digit", of=frame.images_key(first))
        data = {
            "models": [
                {"name": name, "run": _spec(run, first), "closed": _closed(run)}
                for name, run in models.items()
            ],
            "curve": _curve(words, runs),
            "angles": _angles(models),
            "digits": assets.digits_spec(run=first),
            "text": words.group("pad", "compare", "savespad"),
        }
        latent_pad(
            assets.module("pages/compare.js"), data, key=frame.pad_key(words, "compare", first)
        )
        frame.say_below(words, "compare")
        with st.container(key="below"):
            st.latex(rf"\begin{{aligned}}{equation}\end{{aligned}}")
        symbols.show(words, _EQUATIONS, ("z", "latent"))
        pictures.manifold(words)


def _pixels(run: Run) -> tuple[int, ...]:
    return tuple(run.record.browser["shape"])


def _closed(run: Run) -> bool:
    return run.record.capabilities.get("closed_form", False)


def _spec(run: Run, first: Run) -> dict:
    aligned = {} if run == first else {"alignment": resources.alignment(run, first)}
    return assets.run_spec(run) | aligned


def _name(words: Words, run: Run) -> str:
    title = members.title(words, run.record.variant)
    conv = frame.network_of(run) == "conv"
    return f"{title}, {words('picker.conv').lower()}" if conv else title


def _slug(run: Run) -> str:
    conv = frame.network_of(run) == "conv"
    return f"{run.record.variant}-conv" if conv else run.record.variant


def _pick(words: Words, runs: Sequence[Run]) -> dict[str, Run]:
    """The chosen models by name, in the visitor's order; none where no K has two."""
    alike: dict[int, dict[str, list[Run]]] = {}
    for name in frame.variants_of(list(runs)):
        for run in runs:
            if run.record.variant == name:
                alike.setdefault(run.record.width, {}).setdefault(_slug(run), []).append(run)
    sizes = sorted(size for size, there in alike.items() if sum(map(len, there.values())) > 1)
    if not sizes:
        return {}
    size = state.choice("k", words("picker.latent"), sizes, sizes[0], width=100, frees=("run",))
    offered, names = _offer(words, alike[size])
    first = records.by_role((runs[0] for runs in alike[size].values()), "beside")[:USUAL]
    default = [slug for slug, run in offered.items() if run in first]
    default += [slug for slug in offered if slug not in default][: max(0, FEWEST - len(default))]
    chosen = state.choices(
        "models",
        words("compare.models"),
        list(offered),
        default,
        FEWEST,
        MOST,
        show=names.get,
        width=490,
    )
    return {names[slug]: offered[slug] for slug in chosen}


def _offer(
    words: Words, alike: Mapping[str, Sequence[Run]]
) -> tuple[dict[str, Run], dict[str, str]]:
    """Runs and names by what a link calls them: the usual one of a model by the model, the others
    by their ids; usual ones first."""
    offered = {slug: runs[0] for slug, runs in alike.items()}
    names = {slug: _name(words, run) for slug, run in offered.items()}
    for slug, runs in alike.items():
        told = frame.told_apart(words, list(runs))
        for run in runs[1:]:
            offered[run.id] = run
            names[run.id] = f"{names[slug]}: {told[run.id]}"
    return offered, names


def _curve(words: Words, runs: Sequence[Run]) -> dict:
    """Squared error per image against K: PCA's, and of every model its usual run at each K."""
    points: dict[str, dict[int, dict]] = {}
    pca = resources.pca_curve(runs)
    trivial = pca[:1]
    for name, run in ((name, run) for name in frame.variants_of(list(runs)) for run in runs):
        scores = run.record.metrics
        there = ("mnist-5k/all", "mnist-5k/test")
        if not resources.on_digits(run):
            there = (frame.scored_on(run),)
        split = next((one for one in there if "squared_error" in scores.get(one, ())), None)
        if run.record.variant != name or split is None:
            continue
        if split == there[0]:  # the same digits and so the same mean for all runs
            trivial = [scores[split]["squared_error_mean_image"]]
        if _closed(run) or run.record.width > WIDE:  # far beyond where PCA's curve ends
            continue
        point = {
            "k": run.record.width,
            "error": scores[split]["squared_error"],
            "split": split,
            "run": run.id,
        }
        points.setdefault(_name(words, run), {}).setdefault(run.record.width, point)
    return {
        "pca": pca,
        "mean": trivial[0] if trivial else None,
        "models": [{"name": name, "points": list(at.values())} for name, at in points.items()],
    }


def _angles(models: Mapping[str, Run]) -> list[dict]:
    """Principal angles in degrees between the first linear model's subspace and each other's,
    beside what two random subspaces of the same K have on average."""
    linear = {name: run for name, run in models.items() if len(resources.subspace(run))}
    if len(linear) < 2:
        return []
    (name, run), *others = linear.items()
    random = np.degrees(metrics.random_angles(*resources.subspace(run).shape)).tolist()
    return [
        {
            "names": [name, other_name],
            "runs": [run.id, other.id],
            "degrees": np.degrees(resources.angles(run, other)).tolist(),
            "random": random,
        }
        for other_name, other in others
    ]
