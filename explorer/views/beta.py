"""β and K: one network for every β under the hand, its rate–distortion curve and its dimensions."""

from __future__ import annotations

import streamlit as st

from core.checkpoints import Run
from explorer import assets, equations, resources, state
from explorer.language import Words
from explorer.pad.component import latent_pad
from explorer.views import frame

DEAD = 0.05  # nats per image; below it a dimension is called dead


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "beta") as bar:
        runs: dict[int, Run] = {}
        for run in frame.showable_runs():  # shipped runs come first
            if (run.record.browser.get("dial") or {}).get("knob") == "beta":
                runs.setdefault(run.record.latent, run)
        if not runs:
            st.error(words("app.no_runs"))
            return
        with bar:
            sizes = sorted(runs)
            latent = state.choice("k", words("picker.latent"), sizes, sizes[0], width=120)
        run = runs[latent]
        st.markdown(words("beta.try") + " " + words("beta.look"))
        data = {
            "run": assets.run_spec(run),
            "digits": assets.digits_spec(),
            "text": words.group("pad"),
        }
        latent_pad(assets.module("explore.js"), data, key=f"beta-{words.language}")
        _curves(words, run)
        st.markdown(f"#### {words('explore.equation_title')}")
        equations.show(words, run.record)


def _curves(words: Words, run: Run) -> None:
    from explorer import figures

    knots = resources.knots(run)
    beta = knots["beta"]
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"#### {words('beta.curve_title')}")
        labels = {name: words(f"beta.curve_{name}") for name in ("rate", "distortion", "network")}
        found = figures.rate_distortion(
            knots["rate"], knots["distortion"], beta, _dedicated(words, run), labels
        )
        st.plotly_chart(found, key="curve", config={"displayModeBar": False})
        st.caption(words("beta.curve_note"))
    with right:
        st.markdown(f"#### {words('beta.kl_title')}")
        labels = {"kl": words("beta.kl_unit"), "beta": "β"}
        found = figures.kl_by_dimension(knots["kl"], beta, labels)
        st.plotly_chart(found, key="kl", config={"displayModeBar": False})
        usual = min(range(len(beta)), key=lambda i: abs(beta[i] - 1))
        dead = [f"z{k + 1}" for k, kl in enumerate(knots["kl"][usual]) if kl < DEAD]
        there = ", ".join(dead) or words("beta.none")
        st.caption(words("beta.kl_note", dead=there, threshold=DEAD))


def _dedicated(words: Words, run: Run) -> dict[str, tuple[float, float]]:
    """Rate and distortion of the runs that were trained for one β, same K and network."""
    found = {}
    for other in frame.showable_runs():
        scores = other.record.metrics.get("mnist-5k/all", {})
        same = other.record.latent == run.record.latent
        plain = other.record.browser.get("dial") is None and "beta" in other.record.config
        alike = all(
            other.record.config.get(name) == run.record.config.get(name)
            for name in ("network", "hidden", "likelihood")
        )
        if same and plain and alike and "cross_entropy_grey" in scores:
            name = words("beta.dedicated", beta=f"{other.record.config['beta']:g}")
            found[name] = (scores["rate"], scores["cross_entropy_grey"])
    return found
