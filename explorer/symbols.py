r"""What the letters in equations stand for: one table for all pages, and the legend drawn from it.

A letter stands for one thing in the whole app; its words are in `text/<language>/symbols.toml`.
What an equation uses is read off its LaTeX, so no page lists its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import streamlit as st

from explorer.language import Words

# By the name of its words: as LaTeX, and in plain text where that has no LaTeX.
SYMBOLS = {
    "x": ("x", "x"),
    "corrupted": (r"\tilde x", "x̃"),
    "decoded": (r"\hat x", "x̂"),
    "mean_image": (r"\bar x", "x̄"),
    "label": ("y", "y"),
    "seen_part": ("x_Q", "x_Q"),
    "seen": ("Q", "Q"),
    "z": ("z", "z"),
    "latent": ("K", "K"),
    "encoder": ("f", "f"),
    "decoder": ("g", "g"),
    "weights": ("W", "W"),
    "decoder_weights": ("W'", "W'"),
    "bias": ("b", "b"),
    "decoder_bias": ("b'", "b'"),
    "activation": (r"\psi", "ψ"),
    "sigmoid": (r"\mathrm{sigmoid}", "sigmoid"),
    "hidden": ("h", "h"),
    "gate": (r"\phi", "φ"),
    "layer": (r"\ell", "ℓ"),
    "corruption": ("c", "c"),
    "level": ("s", "s"),
    "corrupted_density": ("p_s", "pₛ"),
    "distribution": ("p", "p"),
    "posterior": ("q", "q"),
    "posterior_mean": (r"\mu", "μ"),
    "posterior_deviation": (r"\sigma", "σ"),
    "epsilon": (r"\varepsilon", "ε"),
    "beta": (r"\beta", "β"),
    "penalty": (r"\alpha", "α"),
    "capacity": ("C", "C"),
    "entry": ("e_j", "eⱼ"),
    "commitment": (r"\gamma", "γ"),
    "stopped": (r"\mathrm{sg}", "sg"),
    "kl": (r"\mathrm{KL}", "KL"),
    "wanted_activity": (r"\rho", "ρ"),
    "unit_activity": (r"\hat \rho", "ρ̂"),
    "mean_of_draws": (r"\mathrm{mean}_M", "mean"),
    "expectation": (r"\mathbb E", "E"),
    "normal": (r"\mathcal N", "N(…)"),
    "identity": ("I", "I"),
    "uniform": (r"\mathcal U", "U"),
    "least_code": (r"z_{\mathrm{min}}", "zₘᵢₙ"),
    "most_code": (r"z_{\mathrm{max}}", "zₘₐₓ"),
    "pixel_deviation": (r"\sigma_x", "σₓ"),
    "eigenvalue": (r"\lambda", "λ"),
    "rate": ("R", "R"),
    "distortion": ("D", "D"),
    "bound": ("L", "L"),
    "dimension": ("k", "k"),
    "put": ("v", "v"),
    "number": ("n", "n"),
    "count": ("N", "N"),
    "component": ("j", "j"),
    "share": ("w", "w"),
    "component_mean": ("m", "m"),
    "component_covariance": ("S", "S"),
    "term_a": ("z_a", "zₐ"),
    "term_b": ("z_b", "z_b"),
    "term_c": ("z_c", "z_c"),
    "way": ("t", "t"),
    "angle": (r"\Omega", "Ω"),
    "mean_code": (r"\bar z", "z̄"),
    "top_code": (r"z_{\mathrm{top}}", "z_top"),
    "low_code": (r"z_{\mathrm{low}}", "z_low"),
    "place": ("u", "u"),
    "direction": ("e", "e"),
    "rank": ("r", "r"),
    "normal_distribution": (r"\Phi", "Φ"),
}
_NAMES = {latex: name for name, (latex, _) in SYMBOLS.items()}
# Commands that are no symbols: names of functions, signs, spaces and how things are laid out.
_SIGN = re.compile(
    r"\\(?:[lr]?Vert|mid|[bB]ig|top|arg|min|max|sum|det|log|sin|nabla|partial|odot|sim|leftarrow|t?frac|textstyle"
    r"|q?quad|underbrace|boxed)"
)
_PART = re.compile(
    r"\\(?:text|term|textcolor|begin|end)\s*\{[^{}]*\}"  # words, not symbols
    r"|(?P<named>\\mathrm\{\w+\})"
    r"|(?P<dressed>\\(?:hat|tilde|bar|mathcal|mathbb) ?\{?(?:\\rho|[A-Za-z])\}?)"
    r"|(?P<command>\\[A-Za-z]+)"
    r"|(?P<letter>[A-Za-z]'?)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_BELOW = re.compile(r"_(?:\{\\?[A-Za-z]+(?:\{[A-Za-z]+\})?\}|[A-Za-z])")


def used(latex: str) -> list[str]:
    """Names in SYMBOLS of what an equation uses, in the order in which it does; what is in no table
    stands there as it is, so that a test can tell.

    Args:
        latex: LaTeX without dollar signs; `<beta>…</beta>` of `explorer/family` may stand in it.
    """
    latex = re.sub(r"</?\w+>|\\\\(\[\w+\])?", " ", latex)
    found: dict[str, None] = {}
    at = 0
    while at < len(latex):
        match = _PART.match(latex, at)
        assert match is not None  # any character is a part
        at = match.end()
        part = match["named"] or match["dressed"] or match["command"] or match["letter"]
        if not part or _SIGN.fullmatch(part):
            continue
        symbol = re.sub(r"\\(hat|tilde|bar|mathcal|mathbb) ?\{?(\\?\w+)\}?", r"\\\1 \2", part)
        below = _BELOW.match(latex, at)
        if below and symbol + below[0] in _NAMES:  # a symbol of its own, such as σ_x
            symbol, at = symbol + below[0], below.end()
        found[_NAMES.get(symbol, symbol)] = None
    return list(found)


def inline(text: str) -> list[str]:
    """The equations of a text in Markdown."""
    return re.findall(r"\$([^$]+)\$", text)


def legend(words: Words, equations: Iterable[str], also: Iterable[str] = ()) -> str:
    """What the symbols of some equations stand for, in one line of Markdown; empty without any.

    Args:
        also: names in SYMBOLS of what the page says outside of equations.
    """
    names = dict.fromkeys([*(name for latex in equations for name in used(latex)), *also])
    told = [f"${SYMBOLS[name][0]}$ {words(f'symbol.{name}')}" for name in SYMBOLS if name in names]
    return f"**{words('symbols.title')}** " + " · ".join(told) if told else ""


def show(words: Words, equations: Iterable[str], also: Iterable[str] = ()) -> None:
    """The legend in small print."""
    told = legend(words, equations, also)
    if told:
        st.caption(told)
