"""Colours and the layout of figures, once; safe for colour-blind eyes."""

from __future__ import annotations

ACCENT = "#4C6FE7"
# Of classes, the same as in the pads.
CLASSES = (
    "#332288",
    "#0077BB",
    "#33A0A0",
    "#117733",
    "#7A7A00",
    "#B8860B",
    "#D55E00",
    "#CC3366",
    "#882255",
    "#666666",
)


def layout() -> dict:
    """Layout shared by all figures; colours of paper and text come from the page's theme."""
    return {
        "margin": {"l": 56, "r": 16, "t": 28, "b": 48},
        "height": 340,
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "font": {"size": 13},
    }
