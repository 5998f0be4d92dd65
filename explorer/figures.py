"""Figures: arrays in, plotly figures out. Knows nothing of the screen that shows them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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


def noise_matrix(
    errors: Mapping[str, Sequence[Sequence[float]]],
    trained: Mapping[str, Sequence[tuple[int, int]]],
    noises: Sequence[str],
    levels: Sequence[float],
    labels: Mapping[str, str],
) -> go.Figure:
    """Squared error of models (rows) on noises and levels (columns), numbers in the cells.

    Cells that a model was trained for are framed, the least error of each column is underlined;
    the darker a cell, the larger its error (on a logarithmic scale).

    Args:
        errors: per model's name its error at each noise and level: (noises, levels).
        trained: per model's name the (noise, level) cells, by index, that it was trained for.
        noises, levels: names and values of the columns.
        labels: `row`, `column` and `error` in the page's language.
    """
    names = list(errors)
    rows = [[value for noise in errors[name] for value in noise] for name in names]
    least = [min(column) for column in zip(*rows, strict=True)]
    text = [
        [
            f"<b><u>{v:.1f}</u></b>" if v == m else f"{v:.1f}"
            for v, m in zip(row, least, strict=True)
        ]
        for row in rows
    ]
    columns = [f"{noise} {level:g}" for noise in noises for level in levels]
    figure = go.Figure(layout=theme.layout())
    figure.add_heatmap(
        x=list(range(len(columns))),
        y=list(range(len(names))),
        z=[[math.log10(value) for value in row] for row in rows],
        text=text,
        texttemplate="%{text}",
        textfont={"size": 12},
        customdata=[[[name, column] for column in columns] for name in names],
        colorscale="Blues",
        showscale=False,
        xgap=2,
        ygap=2,
        hovertemplate=f"{labels['row']}: %{{customdata[0]}}<br>{labels['column']}: "
        f"%{{customdata[1]}}<br>{labels['error']}: %{{text}}<extra></extra>",
    )
    for row, name in enumerate(names):
        for noise, level in trained.get(name, ()):
            at = noise * len(levels) + level
            figure.add_shape(
                type="rect",
                x0=at - 0.46,
                x1=at + 0.46,
                y0=row - 0.45,
                y1=row + 0.45,
                line={"color": theme.FRAME, "width": 3},
            )
    for i, noise in enumerate(noises):
        figure.add_annotation(
            x=(i + 0.5) * len(levels) - 0.5,
            y=1,
            yref="paper",
            yanchor="bottom",
            yshift=26,
            text=f"<b>{noise}</b>",
            showarrow=False,
        )
        if i:
            edge = i * len(levels) - 0.5
            figure.add_vline(x=edge, line={"color": theme.NEUTRAL, "width": 2})
    figure.update_xaxes(
        tickvals=list(range(len(columns))),
        ticktext=[f"{level:g}" for _ in noises for level in levels],
        side="top",
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=names,
        autorange="reversed",
        showgrid=False,
        zeroline=False,
    )
    figure.update_layout(height=80 + 30 * len(names), margin={"l": 8, "t": 66, "r": 8, "b": 8})
    return figure
