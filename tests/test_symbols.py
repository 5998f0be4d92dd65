"""Symbols: every letter of an equation is in the one table, stands for one thing, and is told."""

import re

import pytest

from core.models import VARIANTS
from explorer import language, symbols
from explorer.language import LANGUAGES, Words, texts
from explorer.symbols import SYMBOLS
from explorer.views import compare, generate

GREEK = r"[α-ωΑ-Ω]ₓ?"
# Texts in which a bare σ is the posterior's; a pixel's is σₓ, and a noise level is s.
POSTERIORS = ("mapspad.", "symbol.")


def equations():
    """(place, LaTeX) of every equation that a page shows."""
    for name in VARIANTS:
        yield name, " ".join(language.member(name).equation)
    yield "generate", " ".join(generate._WAYS.values())
    yield "compare", " ".join(compare._EQUATIONS)
    for code in LANGUAGES:
        for key, text in texts(code).items():
            yield from ((f"{code}.{key}", latex) for latex in symbols.inline(text))


def unmarked(formula):
    """A pad's formula as LaTeX: italics and what stands below the line."""
    formula = formula.replace("x̂", r"<i>\hat x</i>").replace("z̄", r"\bar z").replace("Φ", r"\Phi ")
    formula = formula.replace("Ω", r"\Omega ")
    return re.sub(r"<sub>(\w)</sub>", r"_\1", re.sub(r"</?i>", "", formula))


def test_every_symbol_of_every_equation_is_in_the_table():
    seen = set()
    for place, latex in equations():
        found = symbols.used(latex)
        assert found and set(found) <= set(SYMBOLS), (place, set(found) - set(SYMBOLS))
        seen |= set(found)
    assert {"encoder", "decoder", "corruption", "gate", "level", "weights"} <= seen


def test_every_letter_of_a_pad_s_formula_is_in_the_legend_of_its_page():
    known = set(symbols.used(" ".join(generate._WAYS.values()))) | {"decoder", "decoded", "latent"}
    formulas = {key: text for key, text in texts("en").items() if ".formula_" in key}
    assert len(formulas) > 8
    for key, text in formulas.items():
        plain = re.sub(r"\b(low|high|side|sin|cos|U|N)\b", "", unmarked(text))
        found = set(symbols.used(plain)) - {"encoder", "x"}
        assert found <= known, (key, found - known)


def test_a_symbol_stands_for_one_thing_and_a_thing_has_one_symbol():
    assert {name for name in texts("en") if name.startswith("symbol.")} == {
        f"symbol.{name}" for name in SYMBOLS
    }
    for column in zip(*SYMBOLS.values(), strict=True):
        assert len(set(column)) == len(SYMBOLS)
    for code in LANGUAGES:
        said = [texts(code)[f"symbol.{name}"] for name in SYMBOLS]
        assert len(set(said)) == len(said)


@pytest.mark.parametrize("code", LANGUAGES)
def test_greek_letters_in_texts_are_those_of_the_table(code):
    plain = {shown for _, shown in SYMBOLS.values()}
    for key, text in texts(code).items():
        for letter in re.findall(GREEK, re.sub(r"\$[^$]*\$", "", text)):
            assert letter in plain | {"Σ"}, (key, letter)
            assert letter not in "σμε" or key.startswith(POSTERIORS), (key, text)


def test_the_finder_of_symbols_bites():
    found = symbols.used(r"\text{word:}\quad \sigma_x^2+\sigma(x) \le \hat{x}W'_\ell \mathbf Y")
    assert found[:5] == ["pixel_deviation", "posterior_deviation", "x", r"\le", "decoded"]
    assert found[5:] == ["decoder_weights", "layer", r"\mathbf", "Y"]
    assert symbols.used(r"\min\ \underbrace{<beta>\beta</beta>}_{\term{nll}}") == ["beta"]


def test_a_gate_stands_before_its_activation_and_no_loss_is_called_as_a_bound_is():
    for name in VARIANTS:
        found = symbols.used(" ".join(language.member(name).equation))
        assert ("gate" in found) <= ("activation" in found), name
        assert "bound" not in found and r"\mathcal L" not in found, name


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_legend(code):
    words = Words(code)
    told = symbols.legend(words, [r"z = f(x)"], also=("bound",))
    entries = {name: f"${SYMBOLS[name][0]}$ {words(f'symbol.{name}')}" for name in SYMBOLS}
    there = [name for name, entry in entries.items() if entry in told]
    assert there == ["x", "z", "encoder", "bound"]
    assert symbols.legend(words, []) == ""
