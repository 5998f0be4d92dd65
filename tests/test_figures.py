"""Figures are pure: arrays in, a plotly figure out, with what it must show and nothing made up."""

from __future__ import annotations

from explorer import figures


def test_noise_matrix_frames_what_was_trained_and_underlines_the_least_of_each_column():
    figure = figures.noise_matrix(
        {"Plain": [[7.0, 9.0], [8.0, 50.0]], "Gauss 0.3": [[8.0, 8.5], [9.0, 40.25]]},
        {"Gauss 0.3": [(0, 1)]},
        ["Gaussian", "Masking"],
        [0.1, 0.3],
        {"row": "trained on", "column": "tried on", "error": "squared error"},
    )
    (heat,) = figure.data
    assert [list(row) for row in heat.text] == [
        ["<b><u>7.0</u></b>", "9.0", "<b><u>8.0</u></b>", "50.0"],
        ["8.0", "<b><u>8.5</u></b>", "9.0", "<b><u>40.2</u></b>"],
    ]
    assert heat.z[0][3] > heat.z[1][3] > heat.z[0][0]
    (frame,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert frame.x0 < 1 < frame.x1 and frame.y0 < 1 < frame.y1
    assert list(figure.layout.yaxis.ticktext) == ["Plain", "Gauss 0.3"]
    assert list(figure.layout.xaxis.ticktext) == ["0.1", "0.3", "0.1", "0.3"]
    assert [note.text for note in figure.layout.annotations] == [
        "<b>Gaussian</b>",
        "<b>Masking</b>",
    ]
