"""Train: the film of how a run learned, by itself or beside another's."""

from __future__ import annotations

from typing import Any

from core.store.checkpoints import Run
from explorer import assets, resources, state
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


def one(words: Words, run: Run) -> None:
    """The film of a run's training."""
    if not assets.in_browser(run):
        album.show(words, run)
        return
    found = {
        "sides": [side(words, run)],
        "link": f"?run={run.id}&lang={words.language}",
        "visitor": state.visitor(),
        "digits": assets.digits_spec(),
        "text": words.group("train_pad"),
    }
    found["scroll"] = bool(state.take("scroll"))
    latent_pad(assets.module("pages/film.js"), found, key=f"film-{words.language}")


def pair(words: Words, shown: Run, beside: Run, titles: list[str]) -> None:
    """Two films in step, the second one's map aligned with the first one's."""
    sides = [side(words, shown), side(words, beside, shown)]
    found = {
        "sides": [each | {"name": name} for each, name in zip(sides, titles, strict=True)],
        "visitor": state.visitor(),
        "digits": assets.digits_spec(),
        "text": words.group("train_pad"),
    }
    found["scroll"] = bool(state.take("scroll_beside"))
    latent_pad(assets.module("pages/film.js"), found, key=f"films-{words.language}")
