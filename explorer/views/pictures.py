"""Pictures of what stands in the textbooks, on toys that the browser draws and computes: below, on
the page that each explains, and asked for only by who scrolls there."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import streamlit as st

from core.store import checkpoints
from explorer import assets, state, symbols
from explorer.language import Words
from explorer.pad.component import latent_pad


def manifold(words: Words) -> None:
    """A bent line or sheet, PCA's flat one and an autoencoder's own, trained while one looks."""
    state.carry("bend")
    st.markdown(f"## {words('manifold.title')}")
    st.markdown(words("manifold.try") + " " + words("manifold.look"))
    data = {"text": words.group("manifold_pad", "savespad")}
    latent_pad(
        assets.module("pages/manifold.js"), data, key=f"manifold-{words.language}", waits=True
    )
    symbols.show(words, symbols.inline(words("manifold.look")))


def inference(words: Words) -> None:
    """A posterior that is known by integration, and a q that a hand or a gradient lays over it."""
    state.carry("q")
    st.markdown(f"## {words('inference.title')}")
    st.markdown(words("inference.try") + " " + words("inference.look"))
    data = {"text": words.group("inference_pad", "savespad")}
    latent_pad(
        assets.module("pages/inference.js"), data, key=f"inference-{words.language}", waits=True
    )


def flow(words: Words) -> None:
    """Couplings that turn a toy's points into a normal cloud, trained while one looks."""
    state.carry("flow")
    st.markdown(f"## {words('flow.title')}")
    st.markdown(words("flow.try") + " " + words("flow.look"))
    data = {"text": words.group("flow_pad", "savespad")}
    latent_pad(assets.module("pages/flow.js"), data, key=f"flow-{words.language}", waits=True)
    symbols.show(words, symbols.inline(words("flow.look")))


MEASURED = "few_digits.json"  # by `python -m benchmarks.overfitting`


@lru_cache(maxsize=1)
def overfits() -> dict[str, Any] | None:
    """The errors that ship, and the size that is usual among them; None where there are none."""
    path = checkpoints.shipped_store() / MEASURED
    if not path.is_file():
        return None
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    like = next(row for row in told["rows"] if row["kind"] != "plain")
    usual = {"kind": "plain", "latent": like["latent"], "width": like["width"]}
    return told | {"usual": usual}


def overfitting(words: Words) -> None:
    """Errors on seen and on held-out digits against K, width and epochs."""
    told = overfits()
    if told is None:
        return
    state.carry("fit")
    st.markdown(f"## {words('overfitting.title')}")
    st.markdown(words("overfitting.try") + " " + words("overfitting.look"))
    data = told | {"text": words.group("overfitting_pad", "savespad")}
    latent_pad(
        assets.module("pages/overfitting.js"),
        data,
        key=f"overfitting-{words.language}",
        waits=True,
    )
