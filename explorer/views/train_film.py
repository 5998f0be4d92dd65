"""Train: the film of how a run learned, by itself or beside another's."""

from __future__ import annotations

from typing import Any

from core.store.checkpoints import Run
from explorer import assets, reach, resources, state
from explorer.language import Words
from explorer.pad.component import latent_pad
from explorer.views import album, frame


def side(words: Words, run: Run, onto: Run | None = None) -> dict[str, Any]:
    """What the film pad is told of one run; `onto` is the run that its map is aligned with."""
    posterior = run.record.capabilities.get("has_posterior", False)
    side = {
        "name": frame.name_of(words, run),
        "run": assets.run_spec(run),
        "history": [dict(entry) for entry in run.record.history],
        "samples": run.record.samples,
        "unit": words("train.unit_nats" if posterior else "train.unit_squared"),
    }
    if onto is not None:
        side["alignment"] = resources.alignment(run, onto)
    return side


def _text(words: Words, run: Run) -> dict[str, str]:
    """What the pad says, of digits or of other images."""
    said = words.group("train_pad", "savespad")
    if resources.on_digits(run):
        return said
    note = said["live_note_images"].replace("{data}", resources.data_name(run))
    return said | {"live_map": said["live_map_images"], "live_note": note}


def one(words: Words, run: Run) -> None:
    """The film of a run's training."""
    if not assets.in_browser(run):
        album.show(words, run)
        return
    found = {
        "sides": [side(words, run)],
        "link": f"?run={run.id}&lang={words.language}",
        "reach": reach.address(),
        "visitor": state.visitor(),
        "digits": assets.digits_spec(run=run),
        "text": _text(words, run),
    }
    found["scroll"] = bool(state.take("scroll"))
    latent_pad(assets.module("pages/film.js"), found, key=frame.pad_key(words, "film", run))


def pair(words: Words, shown: Run, beside: Run, titles: list[str]) -> None:
    """Two films in step, the second one's map aligned with the first one's."""
    sides = [side(words, shown), side(words, beside, shown)]
    found = {
        "sides": [each | {"name": name} for each, name in zip(sides, titles, strict=True)],
        "visitor": state.visitor(),
        "digits": assets.digits_spec(run=shown),
        "text": _text(words, shown),
    }
    found["scroll"] = bool(state.take("scroll_beside"))
    latent_pad(assets.module("pages/film.js"), found, key=frame.pad_key(words, "films", shown))
