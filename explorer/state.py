"""State that outlives a page: the only file that spells session-state keys and link parameters.

What matters is in the address bar. A choice is read from the link once, kept for the session, and
written back whenever it changes; a link with nonsense gets a sentence and the nearest default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from explorer.language import LANGUAGES, Words, best

_CHOICES = "choices"
_PROBLEMS = "problems"


def language() -> str:
    """The session's language: from the link, else chosen before, else the browser's."""
    asked = st.query_params.get("lang")
    kept = _choices().get("lang")
    if asked in LANGUAGES and kept is None:
        _choices()["lang"] = asked
    elif kept is None:
        _choices()["lang"] = best(st.context.locale)
        if asked is not None:
            words = Words(_choices()["lang"])
            _complain(words, "lang", asked, LANGUAGES, _choices()["lang"])
    return _choices()["lang"]


def words() -> Words:
    """The session's texts."""
    return Words(language())


def language_switch() -> None:
    """The widget that changes the language, and the link with it."""
    found = words()
    names = {code: Words(code)("app.language_name") for code in LANGUAGES}
    chosen = st.segmented_control(
        found("app.language"),
        LANGUAGES,
        default=language(),
        format_func=names.get,
        key=f"widget:lang:{language()}",
        label_visibility="collapsed",
    )
    if chosen and chosen != language():
        _choices()["lang"] = chosen
        st.query_params["lang"] = chosen
        st.rerun()
    _write("lang", language())


def choice(
    name: str,
    label: str,
    options: Sequence[Any],
    default: Any,
    show: Callable[[Any], str] = str,
    width: int | str = "stretch",
) -> Any:
    """A picker whose value is in the link and kept for the session.

    Args:
        name: the link's parameter.
        label: what stands above the picker.
        options: allowed values; their `str` is what the link says.
        default: value where neither link nor session has an allowed one.
        show: an option's visible text.
        width: of the picker, in pixels or `stretch`.
    """
    by_text = {str(option): option for option in options}
    asked = st.query_params.get(name)
    kept = _choices().get(name)
    value = kept if kept in options else default
    if kept is None and asked is not None:
        if asked in by_text:
            value = by_text[asked]
        else:
            _complain(words(), name, asked, list(by_text), value)
    key = f"widget:{name}:{'|'.join(by_text)}"
    if key not in st.session_state or st.session_state[key] not in options:
        st.session_state[key] = value

    def changed() -> None:
        _choices()[name] = st.session_state[key]
        problems().clear()

    picked = st.selectbox(label, options, key=key, format_func=show, on_change=changed, width=width)
    _choices()[name] = picked
    _write(name, str(picked))
    return picked


def problems() -> list[str]:
    """Sentences about what the link asked for and could not have; each is told once a load."""
    return st.session_state.setdefault(_PROBLEMS, [])


def _choices() -> dict[str, Any]:
    return st.session_state.setdefault(_CHOICES, {})


def _complain(words: Words, name: str, asked: str, allowed: Sequence[str], shown: Any) -> None:
    sentence = words(
        "app.unknown_choice",
        name=name,
        value=asked[:40],
        allowed=", ".join(map(str, allowed)),
        shown=shown,
    )
    if sentence not in problems():
        problems().append(sentence)


def _write(name: str, value: str) -> None:
    if st.query_params.get(name) != value:
        st.query_params[name] = value
