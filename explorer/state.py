"""State that outlives a page: the only file that spells session-state keys and link parameters.

What matters is in the address bar (see `explorer.link`). A choice is read from the address when
somebody comes by it, kept for the session, and told to the page's keeper; a link with nonsense gets
a sentence and the nearest default.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.training.jobs import VISITOR
from explorer.addresses import COOKIE
from explorer.language import LANGUAGES, Words, best, plain
from explorer.link import Link, read

MOST = 12  # options that a sentence lists
_LINK = "link"
_MET = "met"
_PROBLEMS = "problems"
_LEFT = "left"
_KEPT = "kept"
_COUNTS = "counts"


def arrive() -> None:
    """A drawing begins. What the address says is taken over where somebody came by it: by a link or
    a reload when the session begins, by Back or Forward later."""
    link = _link()
    if link.page and getattr(get_script_run_ctx(), "is_history_navigation", False):
        link.adopt(link_parameters())
        problems().clear()


def begin(page: str, renamed: Mapping[str, str]) -> None:
    """A page is drawn; `renamed` gives today's ids by those that older links say."""
    link = _link()
    link.begin(page)
    link.rename(renamed)
    link.shown["lang"] = language()


def end() -> dict[str, Any]:
    """The page is drawn: what its address must say, for `explorer.pad.component.keeper`."""
    link = _link()
    told = link.told()
    link.end()
    return told


def address() -> dict[str, Any]:
    """What a pad must know of its page's address, as far as the page is drawn."""
    return _link().told() | {"gone": []}


def carry(name: str, of: str = "", among: Iterable[str] = ()) -> None:
    """The page's pad writes this parameter into the address by itself. Who comes by the menu finds
    it as the page before left it, if it is of the same thing: the same run, the same images; or as
    this session holds it, if it is `among` what there is here."""
    _link().carry(name, of, among)


def left(texts: Mapping[str, Any] | None) -> None:
    """Take over what another page's pad wrote of what is picked here: K."""
    k = (texts or {}).get("k")
    if isinstance(k, str):
        _link().choose("k", k[:9])
        _link().said.pop("run", None)  # it has another K


def said(name: str) -> str | None:
    """A parameter as this session holds it."""
    return _link().said.get(name)


def rule(name: str, others: Mapping[str, Any]) -> None:
    """A parameter rules others, which are drawn later, where the menu brought it from a page that
    shows it without them, or a link says it alone."""
    link = _link()
    by_link = name in link.fresh and not others.keys() & link.fresh
    for other, value in others.items() if link.moved or by_link else ():
        if link.said.get(other, str(value)) != str(value):
            link.choose(other, str(value))


def choose(**texts: str) -> None:
    """Choose values as if a hand had: of pickers that are drawn later."""
    for name, text in texts.items():
        _link().choose(name, text)


def language() -> str:
    """The session's language: from the link, else chosen before, else the browser's."""
    link = _link()
    asked = link.said.get("lang")
    if asked in LANGUAGES:
        return asked
    link.said["lang"] = best(st.context.locale)
    if asked is not None:
        _complain(Words(link.said["lang"]), "lang", asked, LANGUAGES, link.said["lang"])
    return link.said["lang"]


def words() -> Words:
    """The session's texts."""
    return Words(language())


def language_switch() -> None:
    """The widget that changes the language, and the link with it."""
    names = {code: Words(code)("app.language_name") for code in LANGUAGES}
    key = f"widget:lang:{language()}"

    def changed() -> None:
        _link().said["lang"] = st.session_state[key]
        for name in list(st.session_state):  # a picker holds its option's words in the browser
            if str(name).startswith("knob:"):
                st.session_state[name] = st.session_state[name]

    st.segmented_control(
        words()("app.language"),
        LANGUAGES,
        default=language(),
        format_func=names.get,
        key=key,
        label_visibility="collapsed",
        required=True,
        on_change=changed,
    )


def choice(
    name: str,
    label: str,
    options: Sequence[Any],
    default: Any,
    show: Callable[[Any], str] = str,
    width: int | str = "stretch",
    frees: Sequence[str] = (),
) -> Any:
    """A picker whose value is in the link and kept for the session.

    Args:
        name: the link's parameter.
        label: what stands above the picker.
        options: allowed values; their `str` is what the link says.
        default: value where neither link nor session has an allowed one.
        show: an option's visible text.
        width: of the picker, in pixels or `stretch`.
        frees: parameters that a pick here takes back.
    """
    by_text = {str(option): option for option in options}
    text, in_vain = _link().pick(name, by_text, str(default))
    value = by_text.get(text, default)
    if in_vain is not None:
        _complain(words(), name, in_vain, list(by_text), value)
    # By page too: Streamlit gives two pages' pickers of one key each other's last answer.
    key = f"widget:{name}:{language()}:{'|'.join(by_text)}:{_link().page}"
    if st.session_state.get(key, value) != value or key not in st.session_state:
        st.session_state[key] = value

    def changed() -> None:
        _link().choose(name, str(st.session_state[key]))
        for other in frees:
            _link().said.pop(other, None)
        problems().clear()

    return st.selectbox(label, options, key=key, format_func=show, on_change=changed, width=width)


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
    link = _link()
    asked = link.said.get(name)
    wanted = list(dict.fromkeys((asked or "").split(",")))
    value = [option for option in wanted if option in options][:most]
    if len(value) < fewest:
        value = list(default)
    if name in link.fresh and value != wanted:
        strangers = [option for option in wanted if option not in options]
        if strangers:
            shown = ", ".join(value)
            _complain(words(), name, ",".join(strangers), list(options), shown)
        else:
            _tell(words()("app.wrong_count", name=name, fewest=fewest, most=most))
    link.fresh.discard(name)
    key = f"widget:{name}:{language()}:{'|'.join(options)}:{_link().page}"
    if st.session_state.get(key) != value and len(st.session_state.get(key, value)) >= fewest:
        st.session_state[key] = value

    def changed() -> None:
        problems().clear()
        if len(st.session_state[key]) >= fewest:
            _link().choose(name, ",".join(st.session_state[key]))
        else:
            _tell(words()("app.wrong_count", name=label, fewest=fewest, most=most))

    link.shown[name] = ",".join(value)
    st.multiselect(
        label,
        options,
        key=key,
        format_func=show,
        max_selections=most,
        on_change=changed,
        width=width,
    )
    return value


def only(name: str, value: str) -> None:
    """Where there is one option left and so no picker: say so if the link asked for another."""
    in_vain = _link().only(name, value)
    if in_vain is not None:
        _complain(words(), name, in_vain, [value], value)


def pinned(name: str) -> str | None:
    """A link parameter without a picker: from the link, else as `pin` left it in this session."""
    link = _link()
    link.pin(name, link.said.get(name))
    return link.said.get(name)


def pin(name: str, value: str | None) -> None:
    """Set a link parameter that has no picker; None takes it out of the link."""
    _link().pin(name, value)


def met(name: str, value: str | None) -> set[str]:
    """Values of a link parameter that this session has met, now this one too."""
    found = st.session_state.setdefault(_MET, {}).setdefault(name, set())
    if value is not None:
        found.add(value)
    return found


def leave(name: str, value: Any) -> None:
    """Leave something for the next drawing of a page, which takes it once."""
    st.session_state.setdefault(_LEFT, {})[name] = value


def take(name: str) -> Any:
    """What was left for this drawing, or None."""
    return st.session_state.get(_LEFT, {}).pop(name, None)


def keep(name: str, value: Any) -> None:
    """Keep something for the session; `kept` gives it, and None before."""
    st.session_state.setdefault(_KEPT, {})[name] = value


def kept(name: str) -> Any:
    """What `keep` kept in this session, or None."""
    return st.session_state.get(_KEPT, {}).get(name)


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
    kept = st.session_state.get(COOKIE)
    if kept is None:
        kept = str(st.context.cookies.get(COOKIE, ""))
        if not VISITOR.fullmatch(kept):
            kept = secrets.token_hex(12)
        st.session_state[COOKIE] = kept
    return kept


def problems() -> list[str]:
    """Sentences about what the link asked for and could not have; each is told once a load."""
    return st.session_state.setdefault(_PROBLEMS, [])


def link_parameters() -> dict[str, str]:
    """What the address bar says at the moment."""
    context = getattr(get_script_run_ctx(), "context_info", None)
    found = read(getattr(context, "url", None) or "")
    return found or {name: st.query_params[name] for name in st.query_params}


def _link() -> Link:
    if _LINK not in st.session_state:
        link = st.session_state[_LINK] = Link()
        link.adopt(link_parameters())
    return st.session_state[_LINK]


def _complain(words: Words, name: str, asked: str, allowed: Sequence[str], shown: Any) -> None:
    sentence = words(
        "app.unknown_choice",
        name=name,
        value=plain(asked[:40]),
        allowed=", ".join(plain(str(one)) for one in allowed[:MOST])
        + (" …" if len(allowed) > MOST else ""),
        shown=plain(str(shown)),
    )
    _tell(sentence)


def _tell(sentence: str) -> None:
    if sentence not in problems():
        problems().append(sentence)
