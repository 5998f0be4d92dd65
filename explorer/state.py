"""State that outlives a page: the only file that spells session-state keys and link parameters.

What matters is in the address bar. A choice is read from the link once, kept for the session, and
written back whenever it changes; a link with nonsense gets a sentence and the nearest default.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.training.jobs import VISITOR
from explorer.addresses import COOKIE
from explorer.language import LANGUAGES, Words, best

MOST = 12  # options that a sentence lists
_CHOICES = "choices"
_PROBLEMS = "problems"
_LEFT = "left"
_COUNTS = "counts"


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


def link_language() -> None:
    """Put the session's language into the link, before the pads come: they ask the server in it."""
    _write("lang", language())


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


def choices(
    name: str,
    label: str,
    options: Sequence[str],
    default: Sequence[str],
    fewest: int,
    most: int,
    show: Callable[[str], str] = str,
    width: int | str = "stretch",
) -> list[str]:
    """A picker of several options, which are in the link, joined by commas, and kept for the
    session; the order is the visitor's.

    Args:
        name: the link's parameter.
        label: what stands above the picker.
        options: allowed values, without commas.
        default: values where neither link nor session has enough allowed ones.
        fewest, most: how many there must be; with fewer picked the last ones stay.
        show: an option's visible text.
        width: of the picker, in pixels or `stretch`.
    """
    kept, asked = _choices().get(name), st.query_params.get(name)
    wanted = kept if kept is not None else list(dict.fromkeys((asked or "").split(",")))
    value = [option for option in wanted if option in options][:most]
    if len(value) < fewest:
        value = list(default)
    if kept is None and asked is not None and value != wanted:
        strangers = [option for option in wanted if option not in options]
        if strangers:
            shown = ", ".join(value)
            _complain(words(), name, ",".join(strangers), list(options), shown)
        else:
            _tell(words()("app.wrong_count", name=name, fewest=fewest, most=most))
    key = f"widget:{name}:{'|'.join(options)}"
    if len(st.session_state.get(key, value)) >= fewest:
        st.session_state[key] = value

    def changed() -> None:
        problems().clear()
        if len(st.session_state[key]) >= fewest:
            _choices()[name] = list(st.session_state[key])
        else:
            _tell(words()("app.wrong_count", name=label, fewest=fewest, most=most))

    _choices()[name] = value
    st.multiselect(
        label,
        options,
        key=key,
        format_func=show,
        max_selections=most,
        on_change=changed,
        width=width,
    )
    _write(name, ",".join(value))
    return value


def only(name: str, value: str) -> None:
    """Where there is one option left and so no picker: say so if the link asked for another."""
    asked = st.query_params.get(name)
    if asked is not None and asked != value and _choices().get(name) is None:
        _complain(words(), name, asked, [value], value)
    _choices()[name] = value
    if asked is not None:
        _write(name, value)


def asked(name: str) -> str | None:
    """What the link says of a parameter."""
    return st.query_params.get(name)


def pinned(name: str) -> str | None:
    """A link parameter without a picker: from the link, else as `pin` left it in this session."""
    key = f"pinned:{name}"
    if key not in _choices():
        _choices()[key] = st.query_params.get(name)
    value = _choices()[key]
    if value is not None:
        _write(name, value)
    return value


def pin(name: str, value: str | None) -> None:
    """Set a link parameter that has no picker; None takes it out of the link."""
    _choices()[f"pinned:{name}"] = value
    if value is not None:
        _write(name, value)
    elif name in st.query_params:
        del st.query_params[name]


def met(name: str, value: str | None) -> set[str]:
    """Values of a link parameter that this session has met, now this one too."""
    found = _choices().setdefault(f"met:{name}", set())
    if value is not None:
        found.add(value)
    return found


def rename(names: Mapping[str, str]) -> None:
    """Let the link say today's names, where it says one that was formerly another's: by old name
    the new one."""
    for name, value in st.query_params.items():
        _write(name, ",".join(names.get(part, part) for part in value.split(",")))


def leave(name: str, value: Any) -> None:
    """Leave something for the next drawing of a page, which takes it once."""
    st.session_state.setdefault(_LEFT, {})[name] = value


def take(name: str) -> Any:
    """What was left for this drawing, or None."""
    return st.session_state.get(_LEFT, {}).pop(name, None)


def count(name: str, by: int = 0) -> int:
    """A number of this session, by which a widget can be made anew."""
    counts = st.session_state.setdefault(_COUNTS, {})
    counts[name] = counts.get(name, 0) + by
    return counts[name]


def told(key: str, name: str) -> Any:
    """What a pad has just told the page under a name."""
    return getattr(st.session_state.get(key), name, None)


def visitor() -> str:
    """The visitor's name in the queue: from the browser's cookie, else drawn once a session. The
    pads set the cookie, so that a reload is the same visitor."""
    kept = _choices().get(COOKIE)
    if kept is None:
        kept = str(st.context.cookies.get(COOKIE, ""))
        if not VISITOR.fullmatch(kept):
            kept = secrets.token_hex(12)
        _choices()[COOKIE] = kept
    return kept


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
        allowed=", ".join(map(str, allowed[:MOST])) + (" …" if len(allowed) > MOST else ""),
        shown=shown,
    )
    _tell(sentence)


def _tell(sentence: str) -> None:
    if sentence not in problems():
        problems().append(sentence)


def _write(name: str, value: str) -> None:
    if st.query_params.get(name) != value:
        st.query_params[name] = value
