"""Each variant's objective, with what its terms mean; LaTeX, the same in every language."""

from __future__ import annotations

import streamlit as st

from core.store.checkpoints import RunRecord
from explorer import theme
from explorer.language import Words

_SQUARED = r"\min\ \underbrace{\lVert x-\hat x\rVert^2}_{\text{%(reconstruction)s}}"
EQUATIONS = {
    "pca": (r"z = W(x-\mu),\quad \hat x = W^\top z+\mu", _SQUARED),
    "linear_ae": (r"z = Ax+a,\quad \hat x = Bz+b", _SQUARED),
    "basic_ae": (r"z = s(Wx+b),\quad \hat x = \sigma(W'z+b')", _SQUARED),
    "stacked_ae": (r"z = f(x),\quad \hat x = g(z)", _SQUARED),
    "denoising_ae": (r"\tilde x\sim c(\tilde x\mid x),\quad \hat x = g(f(\tilde x))", _SQUARED),
    "multilevel_dae": (
        r"\tilde x\sim c_s(\tilde x\mid x)",
        r"h_\ell = \phi_\ell(s)\odot(W_\ell h_{\ell-1}+b_\ell)",
        _SQUARED,
    ),
    "multirate_vae": (
        r"h_\ell = \phi_\ell(\log\beta)\odot(W_\ell h_{\ell-1}+b_\ell)",
        r"\min\ \mathbb E_{\beta}\Big[\underbrace{-\mathbb E_{q_\beta}\log p_\beta(x\mid z)}"
        r"_{\text{%(nll)s}}",
        r"{}+\beta\,\underbrace{\mathrm{KL}\big(q_\beta(z\mid x)\,\Vert\,\mathcal N(0,I)\big)}"
        r"_{\text{%(kl)s}}\Big]",
    ),
    "vae": (
        r"\mathcal L = \underbrace{-\mathbb E_{q(z\mid x)}\log p(x\mid z)}_{\text{%(nll)s}}",
        r"{}+\beta\,\underbrace{\mathrm{KL}\big(q(z\mid x)\,\Vert\,\mathcal N(0,I)\big)}"
        r"_{\text{%(kl)s}}",
    ),
}

# What of the equations a control weighs or sets, by the control's name: framed while it is shown.
PARTS = {
    "beta": (
        r"\beta\,\underbrace{\mathrm{KL}\big(q_\beta(z\mid x)\,\Vert\,\mathcal N(0,I)\big)}"
        r"_{\text{%(kl)s}}",
        r"\beta\,\underbrace{\mathrm{KL}\big(q(z\mid x)\,\Vert\,\mathcal N(0,I)\big)}"
        r"_{\text{%(kl)s}}",
    ),
    "level": (r"\tilde x\sim c_s(\tilde x\mid x)", r"\phi_\ell(s)"),
}


def latex(words: Words, variant: str, highlight: str | None = None) -> str:
    """The variant's equation with its terms named in the page's language.

    `highlight` names a control in `PARTS`; what it weighs or sets is framed.
    """
    lines = r"\\[4pt] ".join(f"&{line}" for line in EQUATIONS[variant])
    for part in PARTS[highlight] if highlight else ():
        lines = lines.replace(part, rf"\boxed{{\textcolor{{{theme.ACCENT}}}{{{part}}}}}")
    return rf"\begin{{aligned}}{lines}\end{{aligned}}" % words.group("equation")


def show(words: Words, record: RunRecord, highlight: str | None = None) -> None:
    """The equation and what the model assumes; see `latex` for `highlight`."""
    st.latex(latex(words, record.variant, highlight))
    st.markdown(words(f"variant.{record.variant}.assumes"))
