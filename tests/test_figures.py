"""Figures are pure: arrays in, a plotly figure out, with what it must show and nothing made up."""

from __future__ import annotations

import pytest

from explorer import figures, theme

LABELS = {"x": "K", "y": "error", "pca": "PCA", "mean": "the mean digit"}


@pytest.fixture
def curve():
    return figures.error_curve(
        [52.8, 47.5, 43.6, 40.0],
        {"Stacked AE": [(16, 7.5), (2, 27.6)], "VAE": [(2, 28.2)]},
        52.8,
        LABELS,
    )


def test_error_curve_draws_pca_from_k_1_on_and_leaves_out_the_mean_digit(curve):
    pca = curve.data[0]
    assert pca.name == "PCA"
    assert list(pca.x) == [1, 2, 3]
    assert list(pca.y) == [47.5, 43.6, 40.0]


def test_error_curve_sorts_each_model_by_k_and_tells_models_apart_by_symbol(curve):
    stacked, vae = curve.data[1:]
    assert (stacked.name, list(stacked.x), list(stacked.y)) == ("Stacked AE", [2, 16], [27.6, 7.5])
    assert stacked.marker.symbol != vae.marker.symbol
    assert stacked.marker.color != vae.marker.color


def test_error_curve_shows_the_trivial_models_score(curve):
    line = next(shape for shape in curve.layout.shapes if shape.type == "line")
    assert line.y0 == line.y1 == 52.8
    assert any("the mean digit 52.8" in note.text for note in curve.layout.annotations)


def test_error_curve_starts_at_zero_and_names_its_axes(curve):
    assert curve.layout.yaxis.rangemode == "tozero"
    assert (curve.layout.xaxis.title.text, curve.layout.yaxis.title.text) == ("K", "error")


def test_error_curve_without_any_run_still_shows_pca():
    assert len(figures.error_curve([52.8, 47.5], {}, 52.8, LABELS).data) == 1


def test_there_is_a_symbol_for_every_colour_so_that_colour_is_never_the_only_sign():
    assert len(set(theme.SYMBOLS)) == len(theme.SYMBOLS) >= len(theme.SERIES)


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
