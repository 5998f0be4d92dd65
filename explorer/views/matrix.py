"""A matrix of errors as a table that any reader, eyes or not, goes through by rows and columns."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from html import escape

LIGHTEST, DARKEST = 0.03, 0.55  # opacity of a cell's colour; letters stay readable on either
LEAST = 1e-3  # errors below it look alike, so that a run whose record says 0 takes no page down


def as_csv(
    errors: Mapping[str, Sequence[Sequence[float]]], noises: Sequence[str], levels: Sequence[float]
) -> str:
    """The same errors as comma-separated values: a row for each model, noise and level."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(("model", "noise", "level", "squared error"))
    for name, of_noises in errors.items():
        for noise, of_levels in zip(noises, of_noises, strict=True):
            for level, error in zip(levels, of_levels, strict=True):
                table.writerow((name, noise, f"{level:g}", f"{error:.3f}"))
    return written.getvalue()


def noise_matrix(
    errors: Mapping[str, Sequence[Sequence[float]]],
    trained: Mapping[str, Sequence[tuple[int, int]]],
    noises: Sequence[str],
    levels: Sequence[float],
    labels: Mapping[str, str],
) -> str:
    """HTML of a table: squared error of models (rows) on noises and levels (columns).

    Cells that a model was trained for are framed, the least error of each column is underlined;
    the stronger a cell's colour, the larger its error (on a logarithmic scale).

    Args:
        errors: per model's name its error at each noise and level: (noises, levels).
        trained: per model's name the (noise, level) cells, by index, that it was trained for.
        noises, levels: names and values of the columns.
        labels: `row`, `column` and `error` in the page's language.
    """
    columns = [(noise, level) for noise in range(len(noises)) for level in range(len(levels))]
    all_ = [value for table in errors.values() for row in table for value in row]
    low, high = math.log(max(min(all_), LEAST)), math.log(max(*all_, LEAST))
    least = {at: min(table[at[0]][at[1]] for table in errors.values()) for at in columns}

    def cell(name: str, noise: int, level: int) -> str:
        value = errors[name][noise][level]
        share = (math.log(max(value, LEAST)) - low) / (high - low or 1)
        classes = ["trained"] * ((noise, level) in trained.get(name, ()))
        classes += ["group"] * (level == 0)
        said = (
            f"{labels['row']}: {name}\n{labels['column']}: {noises[noise]} {levels[level]:g}\n"
            f"{labels['error']}: {value:.1f}"
        )
        number = f"{value:.1f}"
        if value == least[noise, level]:
            number = f"<b><u>{number}</u></b>"
        colour = f"rgba(76,111,231,{LIGHTEST + share * (DARKEST - LIGHTEST):.3f})"
        return (
            f'<td class="{" ".join(classes)}" style="background:{colour}" '
            f'title="{escape(said)}">{number}</td>'
        )

    kinds = "".join(
        f'<th scope="colgroup" class="group" colspan="{len(levels)}">{escape(noise)}</th>'
        for noise in noises
    )
    heads = "".join(
        f'<th scope="col" class="{"group" * (level == 0)}">{levels[level]:g}</th>'
        for _, level in columns
    )
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(cell(name, *at) for at in columns)
        + "</tr>"
        for name in errors
    )
    said = escape(f"{labels['row']} ↓ {labels['column']} →")
    corner = f'<td rowspan="2" class="corner">{said}</td>'
    return (
        f'<table class="matrix"><thead><tr>{corner}{kinds}</tr><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
