"""Colours and the layout of figures, once; safe for colour-blind eyes, told apart by symbol too."""

from __future__ import annotations

ACCENT = "#4C6FE7"
NEUTRAL = "#8A90A3"
SERIES = ("#D55E00", "#0F8F7E", "#B8860B", "#AA4499", "#3399DD", "#7A7A00", "#CC3366", "#666666")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "hexagon", "cross")


def layout() -> dict:
    """Layout shared by all figures; colours of paper and text come from the page's theme."""
    return {
        "margin": {"l": 56, "r": 16, "t": 28, "b": 48},
        "height": 340,
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "font": {"size": 13},
    }
