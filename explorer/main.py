"""Page configuration and navigation; no logic."""

from __future__ import annotations

import streamlit as st

from explorer import state
from explorer.views import beta, compare, explore, family, generate, noise, train

state.arrive()
words = state.words()
st.set_page_config(page_title=words("app.title"), page_icon="🔢", layout="wide")
page = st.navigation(
    [
        st.Page(explore.show, title=words("page.explore"), url_path="explore", default=True),
        st.Page(compare.show, title=words("page.compare"), url_path="pca_vs_ae"),
        st.Page(noise.show, title=words("page.noise"), url_path="noise"),
        st.Page(beta.show, title=words("page.beta"), url_path="beta_and_k"),
        st.Page(generate.show, title=words("page.generate"), url_path="generate"),
        st.Page(family.show, title=words("page.family"), url_path="family"),
        st.Page(train.show, title=words("page.train"), url_path="train"),
    ],
    position="top",
)
page.run()
