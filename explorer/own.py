"""Own images on the map: a panel that takes them, keeps them and chooses which set is shown."""

from __future__ import annotations

import streamlit as st

from core.data import own_images
from core.refusal import Refusal
from core.store import image_sets
from core.store.checkpoints import Run
from explorer import reading, resources, rights, state
from explorer.language import Words, plain

SHAPE = (1, 28, 28)
INKS = ("auto", "dark", "bright")


def fits(run: Run) -> bool:
    """Whether own images can be shown to a run: they are 28×28 grey levels."""
    return tuple(run.record.browser["shape"]) == SHAPE


def panel(words: Words, run: Run) -> str | None:
    """Draw the panel, as a button that opens; gives the id of the set to show, None for the
    images that the run is shown on. The choice is in the link as `set`.

    A set is offered to those who brought it, to whoever has its link, and to the machine's owner.
    """
    kept = {one.id: one for one in image_sets.list_sets()}
    chosen = state.pinned("set")
    if chosen is not None and chosen not in kept:
        state.problems().append(words("own.missing", id=plain(chosen[:40])))
        state.pin("set", None)
        chosen = None
    met = state.met("set", chosen)
    who = rights.person()
    if not who.owns:
        kept = {i: one for i, one in kept.items() if who.mark in one.holders or i in met}
    title = words("own.title") if chosen is None else _short(kept[chosen])
    with st.popover(title, icon=":material/photo_library:", width="stretch"):
        chosen = _choose(words, kept, chosen, run)
        _upload(words)
    return chosen


def _choose(
    words: Words, kept: dict[str, image_sets.Kept], chosen: str | None, run: Run
) -> str | None:
    """The picker of a set; nothing where there is none yet."""
    if not kept:
        return None

    def shown(set_id: str | None) -> str:
        if set_id is None and not resources.on_digits(run):
            of = {"name": resources.data_name(run), "count": f"{len(resources.shown(run)):,}"}
            return words("own.kept", **of)
        if set_id is None:
            return words("own.held_out")
        return words("own.kept", name=kept[set_id].name, count=f"{kept[set_id].count:,}")

    options = [None, *kept]
    key = f"own-set:{words.language}:{chosen}:{'|'.join(kept)}"
    picked = st.selectbox(
        words("own.shown"), options, options.index(chosen), format_func=shown, key=key
    )
    if picked != chosen:
        state.pin("set", picked)
        st.rerun()
    if chosen is not None:
        about = words("own.classes", count=kept[chosen].classes)
        st.caption(plain(f"{about} {kept[chosen].note}"))
    return chosen


def _upload(words: Words) -> None:
    """Read what is uploaded as soon as it or how to read it changes, and show it."""
    uploaded = st.file_uploader(
        words("own.upload"),
        type=[suffix.removeprefix(".") for suffix in own_images.SUFFIXES],
        accept_multiple_files=True,
        key="own-files",
        help=words("own.upload_help", most=f"{own_images.MOST_IMAGES:,}"),
        max_upload_size=own_images.BOUNDS.archive_bytes // 2**20,
    )
    ink = st.segmented_control(
        words("own.ink"),
        INKS,
        default="auto",
        format_func=lambda name: words(f"own.ink_{name}"),
        key="own-ink",
        help=words("own.ink_help"),
    )
    centred = st.toggle(words("own.centre"), True, key="own-centre", help=words("own.centre_help"))
    asked = ([file.file_id for file in uploaded], ink or "auto", centred)
    before = state.take("own_read")
    if not uploaded:
        return
    found = before if before is not None and before["asked"] == asked else None
    if found is None:
        found = {"asked": asked, "refused": None}
        try:
            with st.spinner(words("own.reading")):
                files = [(file.name, file.getvalue()) for file in uploaded]
                state.pin("set", image_sets.keep(reading.read(files, *asked[1:]), rights.person()))
        except Refusal as error:
            found["refused"] = error.bare()
        except OSError as error:
            found["refused"] = Refusal(words("own.no_room", reason=error.strerror or error))
        state.leave("own_read", found)
        if found["refused"] is None:
            st.rerun()
    state.leave("own_read", found)
    if found["refused"] is not None:
        st.error(plain(words("own.refused", reason=words.refusal(found["refused"]))))


def _short(one: image_sets.Kept) -> str:
    return plain(one.name if len(one.name) <= 24 else f"{one.name[:23]}…")
