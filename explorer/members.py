r"""What a variant says of itself: `explorer/family/<variant>.toml`, and what stands in for it where
something is missing, so that no page falls over a text.

    parent = "stacked_ae"                       # whose terms it changes; none of a root
    equation = [                                # lines of LaTeX
      '\mathcal L = \underbrace{…}_{\term{nll}}',
      '{}+<new><beta>\beta\,…</beta></new>',    # <new>: what its parent has not
    ]
    code = '''…'''                            # plain PyTorch with {beta}; see `explorer.snippets`

    [choices.likelihood]                        # what a choice is in the code
    gaussian = "…"

    [en]                                        # the same tables in [ko]
    title = "VAE"
    sentence = "…"                              # what it is
    assumption = "…"                            # how it differs from its neighbours
    adds = "+ KL to a prior"                    # what its edge says; none of a root
    differs = "…"                               # two sentences: how from its parent

    [en.terms]                                  # of the equation, where no other variant has it
    [en.options]                                # names of its own knobs' choices
    [en.knobs.beta]                             # knobs that no other variant has or means so
    label = "β"
    help = "…"
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import streamlit as st

from core.config import Knob, ModelConfig
from core.models import VARIANTS
from explorer import catalogue, language, symbols, theme
from explorer.language import LANGUAGES, Words, plain, texts

TOLD = ("title", "sentence", "assumption")
OF_CHILDREN = ("adds", "differs")  # what a member with a parent says beside
NEW = "new"  # what of an equation its parent has not is marked by
MOST = 6  # places that a page names of those that are missing


def title(words: Words, variant: str) -> str:
    """Its name in the page's language, else in English, else its class's, else the registry's."""
    told = words.first(f"variant.{variant}.title")
    if told is None:
        card = (catalogue.all_cards() or {}).get(variant)
        return card.title if card else variant
    return told


def declared(variant: str) -> type[ModelConfig]:
    """A variant's knobs; of one that is not known here, or not yet, those that all have."""
    card = (catalogue.all_cards() or {}).get(variant)
    return card.Config if card else ModelConfig


def about(words: Words, variant: str) -> str:
    """What it is and what it assumes, as far as it says so."""
    told = (words.first(f"variant.{variant}.{what}") for what in TOLD[1:])
    return " ".join(filter(None, told))


def adds(words: Words, variant: str) -> str:
    """What it changes of its parent, in as few words as an edge has room for; empty where it says
    nothing."""
    return words.first(f"variant.{variant}.adds") or ""


def differs(words: Words, variant: str) -> str:
    """What it assumes that its parent doesn't; empty where it says nothing."""
    return words.first(f"variant.{variant}.differs") or ""


def latex(words: Words, variant: str, highlight: str | None = None) -> str:
    r"""Its equation, empty where it has none.

    `\term{nll}` becomes the term's name in the page's language; `<beta>…</beta>` is framed where
    `highlight` is `beta`, and what its parent has not where it is `NEW`.
    """

    def part(found: re.Match) -> str:
        control, inner = found.groups()
        inner = parts(inner)
        framed = rf"\boxed{{\textcolor{{{theme.ACCENT}}}{{{inner}}}}}"
        return framed if control == highlight else inner

    def parts(line: str) -> str:
        return re.sub(r"<(\w+)>(.*?)</\1>", part, line)

    def term(found: re.Match) -> str:
        (name,) = found.groups()
        told = words.first(f"equation.{name}.{variant}", f"equation.{name}")
        return rf"\text{{{told or name}}}"

    lines = [
        "&" + re.sub(r"\\term\{(\w+)\}", term, parts(line))
        for line in language.member(variant).equation
    ]
    if not lines:
        return ""
    joined = r"\\[4pt] ".join(lines)
    return rf"\begin{{aligned}}{joined}\end{{aligned}}"


def show(
    words: Words,
    variant: str,
    highlight: str | None = None,
    beside: Iterable[str] = (),
    also: Iterable[str] = (),
) -> None:
    """The equation (see `latex`), what the variant is and assumes, what of it is missing, and what
    the symbols stand for: its equation's, those of equations `beside` it, and `also` some by name.
    """
    show_equation(words, variant, highlight)
    told = about(words, variant)
    if told:
        st.markdown(told)
    symbols.show(words, [*language.member(variant).equation, *beside], also)
    show_missing(words, variant)


def show_equation(words: Words, variant: str, highlight: str | None = None) -> None:
    """The equation alone, nothing where there is none; see `latex`."""
    equation = latex(words, variant, highlight)
    if equation:
        st.latex(equation)


def show_missing(words: Words, variant: str, knobs: Iterable[Knob] = ()) -> None:
    """One small line on what the variant doesn't say and where it would; nothing where all is."""
    said = missing(words, variant, knobs)
    if said:
        st.caption(said)


def missing(words: Words, variant: str, knobs: Iterable[Knob] = ()) -> str:
    """The sentence of `show_missing`, in Markdown; empty where all is there."""
    found = language.member(variant)
    path = f"`explorer/family/{variant.replace('`', '')}.toml`"
    if not found.there:
        return words("family.none", path=path)
    if found.torn:
        return words("family.torn", path=path, reason=plain(found.torn))
    places = lacks(variant, knobs)
    if not places:
        return ""
    told = [f"`{place}`" for place in places[:MOST]] + ["…"] * (len(places) > MOST)
    return words("family.lacks", path=path, places=", ".join(told))


def lacks(variant: str, knobs: Iterable[Knob] = ()) -> list[str]:
    """Places in its file where something should stand, such as `ko.knobs.beta.help`: what one
    language has or every variant must have, and what none of the given knobs has elsewhere."""
    found = language.member(variant)
    coming = language.coming()
    child = found.parent or (variant in coming and coming[variant].parent)
    wanted = [*TOLD, *(OF_CHILDREN if child else ())]
    wanted += [place for said in found.texts.values() for place in said]
    for knob in knobs:
        for what, declared in (("label", knob.label), ("help", knob.help)):
            if texts("en").get(f"knob.{knob.name}.{what}") != declared:
                wanted.append(f"knobs.{knob.name}.{what}")
    places = [] if found.equation else ["equation"]
    for code in LANGUAGES:
        there = found.texts.get(code, {})
        places += [f"{code}.{place}" for place in dict.fromkeys(wanted) if place not in there]
    if not found.code:
        places.append("code")
    if child and found.parent not in {*VARIANTS, *coming}:
        places.append("parent")
    if child and f"<{NEW}>" not in "".join(found.equation):
        places.append(f"equation <{NEW}>")
    return places
