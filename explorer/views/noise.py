"""Noise: one digit under noise of any level, what a plain AE and denoising ones make of it, and
why cleaning teaches where the data lie."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import streamlit as st

from core.data import few_of, toys
from core.measures import metrics
from core.measures.corruptions import JUDGED, LEVELS, NOISES
from core.store import checkpoints, records
from core.store.checkpoints import Run
from explorer import aside, assets, members, resources, state, symbols
from explorer.language import Words
from explorer.pad.component import latent_pad
from explorer.views import frame, matrix

TOY_POINTS = 200


class _Bench:
    """The runs that the page sets against each other: equal in size, different in noise."""

    def __init__(self) -> None:
        runs = frame.digit_runs()
        told = [run for run in runs if _dial(run) == "level" and "noise" in run.record.config]
        first = told[0] if told else None
        alike = [run for run in runs if first and records.same_size(run, first)]
        self.conditional: dict[str, Run] = {}
        for run in told:
            if run in alike:
                self.conditional.setdefault(run.record.config["noise"], run)
        self.dedicated: dict[tuple[str, float], Run] = {}
        for run in records.by_role(alike, "matrix"):
            key = (run.record.config["noise"], run.record.config["level"])
            self.dedicated.setdefault(key, run)
        self.plain = next(iter(records.by_role(alike, "plain")), None)

    @property
    def noises(self) -> list[str]:
        """Noises that the pad can show, in the house's order."""
        return [noise for noise in NOISES if noise in self.conditional]

    def levels(self, noise: str) -> list[tuple[float, Run]]:
        """Runs trained for one level of a noise, by level."""
        found = [(level, run) for (kind, level), run in self.dedicated.items() if kind == noise]
        return sorted(found, key=lambda pair: pair[0])


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "noise"):
        bench = _Bench()
        if not bench.noises:
            st.error(words("noise.no_runs"))
            return
        frame.say(words, "noise")
        state.carry("digit", of=frame.DIGITS)
        data = {
            "noises": [
                {
                    "name": noise,
                    "conditional": assets.run_spec(bench.conditional[noise]),
                    "dedicated": [
                        assets.network_spec(run) | {"level": level}
                        for level, run in bench.levels(noise)
                    ],
                }
                for noise in bench.noises
            ],
            "plain": assets.network_spec(bench.plain) if bench.plain else None,
            "digits": assets.digits_spec(),
            "text": words.group("pad", "noise_pad", "savespad"),
        }
        latent_pad(assets.module("pages/noise.js"), data, key=f"noise-{words.language}")
        frame.say_below(words, "noise")
        frame.say_digits_alone(words)
        st.markdown(f"## {words('noise.equation_title')}")
        members.show(words, bench.conditional[bench.noises[0]].record.variant, "level")
        _matrix(words, bench)
        _gaps(words, bench)
        _toy(words)


def _dial(run: Run) -> str | None:
    return (records.dial_of(run) or {}).get("knob")


@lru_cache(maxsize=64)
@aside.of_run
def _errors(run: Run) -> np.ndarray | None:
    """Squared error per image at each noise and level: (noises, levels)."""
    return checkpoints.read_tensors(run, checkpoints.CODES).get("noise_error")


@lru_cache(maxsize=1)
def _trivial() -> float:
    """Squared error of the mean digit on the digits on which noises are tried."""
    return metrics.mean_image_error(few_of(resources.digits(), JUDGED)[1].x / 255)


def _matrix(words: Words, bench: _Bench) -> None:
    st.markdown(f"## {words('noise.matrix_title')}")
    short = {noise: words(f"noise.short_{noise}") for noise in NOISES}
    rows: dict[str, Run] = {words("noise.matrix_plain"): bench.plain} if bench.plain else {}
    trained: dict[str, list[tuple[int, int]]] = {}
    for i, noise in enumerate(NOISES):
        for level, run in bench.levels(noise):
            name = words("noise.matrix_dedicated", kind=short[noise], level=f"{level:g}")
            rows[name] = run
            trained[name] = [(i, LEVELS.index(level))] if level in LEVELS else []
        if noise in bench.conditional:
            name = words("noise.matrix_conditional", kind=short[noise])
            rows[name] = bench.conditional[noise]
            trained[name] = [(i, j) for j in range(len(LEVELS))]
    errors = {name: _errors(run) for name, run in rows.items()}
    known = {name: found.tolist() for name, found in errors.items() if found is not None}
    labels = {name: words(f"noise.matrix_{name}") for name in ("row", "column", "error")}
    if known:
        kinds = [words(f"noise_pad.kind_{noise}") for noise in NOISES]
        with st.container(key="wide-matrix"):
            st.html(matrix.noise_matrix(known, trained, kinds, LEVELS, labels))
        st.download_button(
            words("noise.save_matrix"),
            matrix.as_csv(known, NOISES, LEVELS),
            file_name="noise-matrix.csv",
            mime="text/csv",
            on_click="ignore",
            key="save-matrix",
        )
    st.caption(words("noise.matrix_note", count=f"{JUDGED:,}", trivial=f"{_trivial():.1f}"))


def _gaps(words: Words, bench: _Bench) -> None:
    """The network for all levels beside those for one level each."""
    st.markdown(f"## {words('noise.gap_title')}")
    heads = [words("noise.gap_level", level=f"{level:g}") for level in LEVELS]
    table = [
        f"| {words('noise.gap_kind')} | {' | '.join(heads)} |",
        "|---|" + "--:|" * len(LEVELS),
    ]
    for noise in bench.noises:
        i = NOISES.index(noise)
        one = _errors(bench.conditional[noise])
        cells = []
        for j, level in enumerate(LEVELS):
            run = bench.dedicated.get((noise, level))
            own = _errors(run) if run else None
            if one is None or own is None:
                cells.append(words("noise.gap_none"))
                continue
            gap = 100 * (one[i, j] / own[i, j] - 1)
            cells.append(
                words(
                    "noise.gap_cell",
                    one=f"{one[i, j]:.2f}",
                    dedicated=f"{own[i, j]:.2f}",
                    gap=f"{gap:+.1f}".replace("-", "−"),
                )
            )
        table.append(f"| {words(f'noise_pad.kind_{noise}')} | {' | '.join(cells)} |")
    st.markdown("\n".join(table))
    one_saw, others_saw = (
        frame.seen(runs.values()) for runs in (bench.conditional, bench.dedicated)
    )
    st.caption(
        words(
            "noise.gap_note",
            count=f"{JUDGED:,}",
            trivial=f"{_trivial():.1f}",
            one=one_saw,
            dedicated=others_saw,
        )
        + (f" {words('beta_pad.gap_unequal')}" if one_saw != others_saw else "")
    )


def _toy(words: Words) -> None:
    """The 2-D toy, where its run is there."""
    there = resources.runs().runs.values()
    runs = [run for run in records.by_role(there, "toy") if run.record.browser]
    if not runs:
        return
    st.markdown(f"## {words('toy.title')}")
    st.markdown(words("toy.try") + " " + words("toy.look"))
    text = words.group("toy_pad", "savespad") | {"note": words("toy_pad.note", count=TOY_POINTS)}
    data = {"network": assets.network_spec(runs[0]), "text": text} | toy_data()
    latent_pad(assets.module("pages/toy.js"), data, key=f"toy-{words.language}")
    symbols.show(words, symbols.inline(words("toy.look")), ("decoded",))


@lru_cache(maxsize=1)
def toy_data() -> dict:
    """The toy's density, some clean points of it, and one draw of N(0, I) for each of them."""
    density = toys.arc()
    clean = density.sample(TOY_POINTS, seed=1)
    gauss = np.random.default_rng(2).standard_normal(clean.shape)
    return {
        "mixture": {"means": density.means.round(6).tolist(), "width": density.width},
        "clean": clean.round(4).tolist(),
        "gauss": gauss.round(4).tolist(),
    }
