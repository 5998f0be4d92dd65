"""Pictures of what stands in the textbooks, on toys that are drawn and computed in the browser: each is
below the page that it explains, and asked for only by who scrolls to it."""

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
