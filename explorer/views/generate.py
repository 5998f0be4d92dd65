"""Generate: samples, traversals, walks, arithmetic and grids of one run's decoder."""

from __future__ import annotations

import streamlit as st

from core.judge.classifier import ClassifierError
from explorer import assets, members, resources, state, symbols
from explorer.language import Words, plain
from explorer.pad.component import latent_pad
from explorer.views import album, frame

_WAYS = {
    "samples": r"z\sim p(z),\quad z\sim\sum_j w_j\,\mathcal N(m_j,S_j),\quad "
    r"z\sim\mathcal U[z_{\mathrm{min}},z_{\mathrm{max}}]",
    "traverse": r"z_k\leftarrow v,\qquad \mathrm{KL}_k=\tfrac1N\sum_n\mathrm{KL}\big("
    r"q(z_k\mid x_n)\,\Vert\,p(z_k)\big)",
    "walk": r"\begin{gathered}(1-t)\,z_a+t\,z_b\\ "
    r"\big((1-t)\lVert z_a\rVert+t\lVert z_b\rVert\big)\,"
    r"\frac{\sin((1-t)\Omega)\,z_a/\lVert z_a\rVert+\sin(t\Omega)\,z_b/\lVert z_b\rVert}"
    r"{\sin\Omega}\end{gathered}",
    "arithmetic": r"z = z_a+t\,(z_c-z_b)",
    "grid": r"z = \bar z+u_1e_1+u_2e_2,\qquad z=\big(\Phi^{-1}(r_1),\Phi^{-1}(r_2)\big)",
}


def show() -> None:
    """Draw the page."""
    words = state.words()
    with frame.page(words, "generate") as bar:
        with bar:
            run = frame.pick_run(words)
        if run is None:
            st.error(words("app.no_runs"))
            return
        if not assets.in_browser(run):
            album.show(words, run, ("samples", "conditions", "completions", "traversals"))
            return
        frame.say(words, "generate", words("generate.in_short"))
        if not resources.on_digits(run):
            st.caption(words("generate.no_judge", data=plain(resources.data_name(run))))
        state.carry("digit", of=frame.images_key(run))
        state.carry("z", of=run.id)
        data = {
            "run": assets.run_spec(run),
            "model": frame.name_of(words, run),
            "digits": assets.digits_spec(run=run),
            "classifier": _classifier() if resources.on_digits(run) else None,
            "text": words.group("pad", "generate_pad", "savespad"),
        }
        latent_pad(
            assets.module("pages/generate.js"), data, key=frame.pad_key(words, "generate", run)
        )
        frame.say_below(words, "generate", words("generate.in_short"))
        ways, about = st.columns([3, 2], gap="large")
        with ways:
            _ways(words)
        with about:
            st.markdown(f"## {words('generate.equation_title')}")
            members.show(words, run.record.variant)


def _classifier() -> dict | None:
    """The classifier that counts digits; without one the page draws samples all the same."""
    try:
        return assets.classifier_spec()
    except ClassifierError:
        return None


def _ways(words: Words) -> None:
    st.markdown(f"## {words('generate.ways_title')}")
    for name, formula in _WAYS.items():
        st.markdown(words(f"generate.way_{name}"))
        st.latex(formula)
    symbols.show(words, _WAYS.values(), ("decoder", "decoded", "latent"))
