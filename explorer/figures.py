"""Figures: arrays in, plotly figures out. Knows nothing of the screen that shows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.data.strata import stratified
from explorer import theme


def scatter(
    points: np.ndarray, labels: np.ndarray, names: Sequence[str], most: int = 20_000
) -> go.Figure:
    """Points of a map (count, 2), coloured by label (count,); a legend names the classes. Of more
    than `most` a sample is drawn, of each class its share."""
    chosen = stratified(labels, most)
    points, labels = points[chosen], labels[chosen]
    figure = go.Figure(layout=theme.layout())
    for label, name in enumerate(names):
        here = points[labels == label]
        color = theme.CLASSES[label % len(theme.CLASSES)]
        figure.add_scattergl(
            x=here[:, 0],
            y=here[:, 1],
            mode="markers",
            name=name,
            marker={"size": 4, "color": color, "opacity": 0.7},
            hoverinfo="name",
        )
    figure.update_yaxes(scaleanchor="x", zeroline=False)
    figure.update_xaxes(zeroline=False)
    figure.update_layout(height=520)
    return figure
