"""β and K: one network for every β under the hand, what each nat buys, and what theory says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import streamlit as st

from core.measures import metrics, theory
from core.measures.metrics import LEAST_NATS
from core.store import records
from core.store.checkpoints import Run
from explorer import aside, assets, language, members, resources, state
from explorer.language import Words
from explorer.pad.component import latent_pad
from explorer.views import frame, pictures

BETAS = (0.1, 0.5, 1, 2, 4, 8)  # columns of the grid of reconstructions
# Symbols that the page says outside of its equations.
_SAID = ("latent", "rate", "distortion", "eigenvalue", "pixel_deviation", "dimension", "decoded")
OPENS = 16  # K at which the page opens: there β switches dimension after dimension off


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "beta"):
        runs = frame.digit_runs()
        found = stops(runs)
        if not found:
            st.error(words("app.no_runs"))
            return
        first = found[opening(found)]
        said, equation = st.columns([3, 2], gap="medium", vertical_alignment="center")
        with said:
            frame.say(words, "beta")
        with equation.container(key="equation"):
            members.show_equation(words, one_beta(runs, first).record.variant, "beta")
        state.carry("digit", of=frame.DIGITS)
        state.carry("k", among=map(str, found))
        data = {
            "stops": [_stop(run, first, runs) for run in found.values()],
            "opens": first.record.latent,
            "betas": list(BETAS),
            "pair": [{"run": assets.run_spec(run)} for run in pair(runs)],
            "digits": assets.digits_spec(),
            "text": words.group("pad", "beta_pad", "savespad"),
        }
        latent_pad(assets.module("pages/beta.js"), data, key=f"beta-{words.language}")
        frame.say_below(words, "beta")
        frame.say_digits_alone(words)
        _linear(words, runs)
        _annealing(words, runs)
        pictures.inference(words)
        st.markdown(f"## {words('beta.network_title')}")
        members.show(
            words,
            first.record.variant,
            "beta",
            beside=language.member(one_beta(runs, first).record.variant).equation,
            also=_SAID,
        )


def stops(runs: Sequence[Run]) -> dict[int, Run]:
    """One multi-rate run for each K; of several the one with most runs of one β beside it."""
    found: dict[int, Run] = {}
    for run in runs:
        if (records.dial_of(run) or {}).get("knob") != "beta" or records.is_linear(run):
            continue
        if run.record.config.get("likelihood") != "bernoulli":
            continue
        held = found.get(run.record.latent)
        if held is None or _company(run, runs) > _company(held, runs):
            found[run.record.latent] = run
    return dict(sorted(found.items()))


def opening(found: Iterable[int]) -> int:
    """The K of a link that names none: the one nearest to `OPENS`."""
    return min(found, key=lambda k: (abs(k - OPENS), k))


def one_beta(runs: Sequence[Run], otherwise: Run) -> Run:
    """The usual run that was trained for one β, whose objective the page opens with."""
    trained = (run for run in records.by_role(runs, "usual") if records.trade_of(run))
    return next(trained, otherwise)


def _company(run: Run, runs: Sequence[Run]) -> int:
    return len(records.dedicated(run, runs))


@aside.of_run
def _stop(run: Run, first: Run, runs: Sequence[Run]) -> dict:
    """What the pad must know of one K; its map is laid over the first one's."""
    spec = assets.run_spec(run)
    if run is not first:
        spec |= {"alignment": resources.alignment(run, first)}
    dedicated = []
    beside = records.dedicated(run, runs)
    for other in beside.values():
        trade, gap = records.trade_of(other), records.objective_gap(run, other)
        dedicated.append(
            {
                "beta": trade.beta,
                "rate": trade.rate,
                "distortion": trade.distortion,
                "objective": gap.dedicated,
                "here": gap.here,
                "gap": gap.percent,
            }
        )
    return {
        "k": run.record.latent,
        "run": spec,
        "dedicated": dedicated,
        "seen": {"here": frame.seen([run]), "own": frame.seen(beside.values())},
    }


def pair(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Two runs for one β each, with a Bernoulli and a Gaussian likelihood, that differ in nothing
    else; none where there are no two."""
    trained = [run for run in runs if "beta" in run.record.config and not records.dial_of(run)]
    for gaussian in trained:
        if gaussian.record.config.get("likelihood") != "gaussian":
            continue
        for other in trained:
            if _only(gaussian, other) == {"likelihood"}:
                return other, gaussian
    return ()


def _only(one: Run, other: Run) -> set[str]:
    """What two runs of one variant differ in; nothing of runs of two."""
    same = one.record.variant == other.record.variant
    return records.differing(one, other) if same else set()


def _linear(words: Words, runs: Sequence[Run]) -> None:
    """Theory and one trained network: rate of each dimension and active ones, against β."""
    st.markdown(f"## {words('beta.linear_title')}")
    variances, count = resources.variances()
    linear = [run for run in records.by_role(runs, "theory") if run.record.latent <= len(variances)]
    if not linear:
        st.caption(words("beta.linear_none"))
        return
    with aside.drawing(linear[0]):
        _against_theory(words, linear[0], variances, count)


def _against_theory(words: Words, run: Run, variances: np.ndarray, count: int) -> None:
    latent, sigma = run.record.latent, run.record.config["sigma"]
    knots = resources.knots(run)
    beta = np.array(knots["beta"])
    trained = -np.sort(-np.array(knots["kl"]), axis=1)  # (knots, K), most alive first
    expected = theory.optimal_rates(variances[:latent], sigma, beta)
    st.markdown(
        words(
            "beta.linear_about",
            sigma=f"{sigma:g}",
            count=f"{count:,}",
            latent=latent,
        )
    )
    charts = [
        _rates_chart(words, beta, trained, variances[:latent], sigma),
        _active_chart(words, beta, trained, variances[:latent], sigma),
    ]
    latent_pad(
        assets.module("pages/charts.js"),
        {"charts": charts, "runs": [run.id], "text": words.group("pad", "savespad")},
        key=f"linear-{words.language}",
    )
    apart = np.abs(trained - expected)
    whole = np.abs(trained.sum(1) - expected.sum(1))
    active = np.abs(metrics.active_dimensions(trained) - metrics.active_dimensions(expected))
    worst = int(whole.argmax())
    st.markdown(
        words(
            "beta.linear_differs",
            knots=len(beta),
            low=f"{beta[0]:.2g}",
            high=f"{beta[-1]:.2g}",
            mean=f"{apart.mean():.3f}",
            most=f"{apart.max():.2f}",
            where=f"{beta[int(apart.max(1).argmax())]:.2g}",
            total=f"{whole[worst]:.2f}",
            rate=f"{expected[worst].sum():.1f}",
            total_where=f"{beta[worst]:.2g}",
            least=LEAST_NATS,
            active=int(active.max()),
        )
    )


def _rates_chart(
    words: Words, beta: np.ndarray, trained: np.ndarray, variances: np.ndarray, sigma: float
) -> dict:
    fine = np.geomspace(beta[0], beta[-1], 60)
    lines = theory.optimal_rates(variances, sigma, fine)
    exact = theory.optimal_rates(variances, sigma, beta)
    series = []
    for k in range(len(variances)):
        curve = [{"x": x, "y": y} for x, y in zip(fine.tolist(), lines[:, k].tolist(), strict=True)]
        name = words("beta.linear_theory") if k == 0 else None
        series.append({"points": curve, "line": True, "name": name, "hue": 0})
    for k in range(len(variances)):
        marks = [
            {
                "x": float(beta[i]),
                "y": float(trained[i, k]),
                "title": words(
                    "beta.linear_point",
                    k=k + 1,
                    beta=f"{beta[i]:.2g}",
                    trained=f"{trained[i, k]:.2f}",
                    theory=f"{exact[i, k]:.2f}",
                ),
            }
            for i in range(len(beta))
        ]
        name = words("beta.linear_trained") if k == 0 else None
        series.append({"points": marks, "symbol": "circle", "quiet": True, "name": name, "hue": 1})
    return {
        "title": words("beta.linear_rates"),
        "label": words("beta.linear_rates"),
        "x": {"title": words("beta.linear_axis_beta"), "log": True},
        "y": {"title": words("beta.linear_axis_rate"), "low": 0},
        "height": 300,
        "series": series,
    }


def _active_chart(
    words: Words, beta: np.ndarray, trained: np.ndarray, variances: np.ndarray, sigma: float
) -> dict:
    fine = np.geomspace(beta[0], beta[-1], 300)
    steps = metrics.active_dimensions(theory.optimal_rates(variances, sigma, fine))
    exact = metrics.active_dimensions(theory.optimal_rates(variances, sigma, beta))
    found = metrics.active_dimensions(trained)
    curve = [{"x": x, "y": y} for x, y in zip(fine.tolist(), steps.tolist(), strict=True)]
    marks = [
        {
            "x": float(beta[i]),
            "y": int(found[i]),
            "title": words(
                "beta.linear_point_active",
                beta=f"{beta[i]:.2g}",
                trained=int(found[i]),
                theory=int(exact[i]),
            ),
        }
        for i in range(len(beta))
    ]
    return {
        "title": words("beta.linear_active"),
        "label": words("beta.linear_active"),
        "x": {"title": words("beta.linear_axis_beta"), "log": True},
        "y": {"title": words("beta.linear_axis_active", least=LEAST_NATS), "low": 0},
        "height": 300,
        "series": [
            {"points": curve, "step": True, "name": words("beta.linear_theory"), "hue": 0},
            {"points": marks, "symbol": "circle", "name": words("beta.linear_trained"), "hue": 1},
        ],
    }


def _annealing(words: Words, runs: Sequence[Run]) -> None:
    """The unweighted rate along the training of two VAEs that differ in their warm-up alone."""
    st.markdown(f"## {words('beta.anneal_title')}")
    found = annealed(runs)
    if not found:
        st.caption(words("beta.anneal_none"))
        return
    plain, warm = found["plain"], found["warm"]
    config = warm.record.config
    st.markdown(
        words(
            "beta.anneal_about",
            latent=plain.record.latent,
            beta=f"{config['beta']:g}",
            share=f"{config['beta_warmup']:.0%}",
        )
    )
    names = {
        key: words(
            f"beta.anneal_{key}",
            cycles=run.record.config.get("cycles", 1),
            nats=f"{run.record.config.get('free_bits', 0):g}",
        )
        for key, run in found.items()
    }
    series = []
    for hue, (name, run) in enumerate(zip(names.values(), found.values(), strict=True)):
        points = [
            {
                "x": samples,
                "y": rate,
                "title": words(
                    "beta.anneal_point", name=name, samples=f"{samples:,}", rate=f"{rate:.1f}"
                ),
            }
            for samples, rate in zip(*records.rate_history(run.record), strict=True)
        ]
        series.append({"points": points, "line": True, "name": name, "hue": hue, "dash": hue == 0})
    chart = {
        "label": words("beta.anneal_title"),
        "x": {"title": words("beta.anneal_axis_samples"), "low": 0},
        "y": {"title": words("beta.anneal_axis_rate"), "log": True, "low": 1},
        "height": 300,
        "series": series,
    }
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    with left:
        latent_pad(
            assets.module("pages/charts.js"),
            {
                "charts": [chart],
                "runs": [run.id for run in found.values()],
                "text": words.group("pad", "savespad"),
            },
            key=f"anneal-{words.language}",
        )
    with right:
        st.markdown(_annealing_table(words, list(found.values()), names))


def _annealing_table(words: Words, runs: Sequence[Run], names: dict[str, str]) -> str:
    trades = [records.trade_of(run) for run in runs]
    each = [resources.mean_kl(run) for run in runs]
    beta = f"{trades[0].beta:g}"
    active = [
        words("beta.anneal_of", active=metrics.active_dimensions(kl), latent=len(kl))
        for kl in each
        if kl is not None
    ]
    rows = [
        (words("beta.anneal_rate"), [f"{trade.rate:.2f}" for trade in trades]),
        (words("beta.anneal_distortion"), [f"{trade.distortion:.1f}" for trade in trades]),
        (
            words("beta.anneal_objective", beta=beta),
            [f"{trade.objective:.1f}" for trade in trades],
        ),
    ]
    if len(active) == len(runs):  # a run of one's own has none until somebody asked for it
        rows.append((words("beta.anneal_active", least=LEAST_NATS), active))
    table = [
        f"| {words('beta.anneal_table')} | {' | '.join(names.values())} |",
        "|---|" + "--:|" * len(names),
    ]
    return "\n".join(table + [f"| {name} | {' | '.join(cells)} |" for name, cells in rows])


NO_ANNEALING = {"beta_warmup": 0, "cycles": 1, "free_bits": 0}  # what an older record had
ANNEALING = {  # by the name of its words: the knobs by which it differs from none
    "warm": {"beta_warmup"},
    "cycles": {"beta_warmup", "cycles"},
    "free": {"free_bits"},
}


def annealed(runs: Sequence[Run]) -> dict[str, Run]:
    """A run without and one with a warm-up of β, the same otherwise, both scored, and beside them
    those whose β rises in cycles or which have free nats: by the names of their words."""
    scored = [run for run in runs if records.trade_of(run) and records.logs_rate(run)]
    for plain in (run for run in scored if not _anneals(run)):
        found = {"plain": plain}
        for name, knobs in ANNEALING.items():
            for run in scored:
                alike = run.record.variant == plain.record.variant
                if alike and _anneals(run) == knobs and not _else(plain, run):
                    found.setdefault(name, run)
        if "warm" in found:
            return found
    return {}


def _anneals(run: Run) -> set[str]:
    config = run.record.config
    return {knob for knob, none in NO_ANNEALING.items() if config.get(knob, none) != none}


def _else(one: Run, other: Run) -> set[str]:
    return records.differing(one, other) - NO_ANNEALING.keys()
