"""Who visits, as the store knows people, and what a visitor may keep."""

from __future__ import annotations

import streamlit as st

from core.store.own_runs import Keeping
from core.store.rights import THE_OWNER, Person
from explorer import live, state, workers


def person() -> Person:
    """Whoever looks at this page: the machine's owner, or a visitor by the browser's name."""
    if live.is_owner(st.context.ip_address):
        return THE_OWNER
    return Person.visitor(state.visitor())


def keeping() -> Keeping:
    """How many runs visitors may keep."""
    limits = workers.allowed()[0]
    return Keeping(limits.keeps, limits.runs)
