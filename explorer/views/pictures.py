"""Pictures of what stands in the textbooks, on toys that the browser draws and computes: below, on
the page that each explains, and asked for only by who scrolls there."""

from __future__ import annotations

import streamlit as st

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
