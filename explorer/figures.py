"""Figures: arrays in, plotly figures out. Knows nothing of the screen that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from explorer import theme


def error_curve(
    pca: Sequence[float],
    runs: Mapping[str, Sequence[tuple[int, float]]],
    trivial: float,
    labels: Mapping[str, str],
) -> go.Figure:
    """Squared error per image against K.

    Args:
        pca: error of PCA at K = 0, 1, 2, …; K = 0 is the mean digit.
        runs: per model name its (K, error) pairs.
        trivial: error of always answering the mean digit.
        labels: `x`, `y`, `pca` and `mean` in the page's language.
    """
    figure = go.Figure(layout=theme.layout())
    ks = list(range(1, len(pca)))
    hover = "K = %{x}<br>%{y:.1f}<extra>%{fullData.name}</extra>"
    figure.add_scatter(
        x=ks,
        y=list(pca[1:]),
        name=labels["pca"],
        mode="lines",
        line={"width": 2.5, "color": theme.ACCENT},
        hovertemplate=hover,
    )
    for i, (name, pairs) in enumerate(runs.items()):
        ordered = sorted(pairs)
        figure.add_scatter(
            x=[k for k, _ in ordered],
            y=[error for _, error in ordered],
            name=name,
            mode="markers",
            marker={
                "size": 11,
                "symbol": theme.SYMBOLS[i % len(theme.SYMBOLS)],
                "color": theme.SERIES[i % len(theme.SERIES)],
                "line": {"width": 1, "color": "rgba(255,255,255,0.8)"},
            },
            hovertemplate=hover,
        )
    figure.add_hline(
        y=trivial,
        line={"dash": "dot", "width": 1.5, "color": theme.NEUTRAL},
        annotation={"text": f"{labels['mean']} {trivial:.1f}", "font": {"color": theme.NEUTRAL}},
        annotation_position="top right",
    )
    figure.update_xaxes(
        title=labels["x"], type="log", tickvals=[1, 2, 4, 8, 16, 32, 64], range=[-0.05, 1.85]
    )
    figure.update_yaxes(title=labels["y"], rangemode="tozero")
    return figure
