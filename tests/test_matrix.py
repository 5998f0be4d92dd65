"""The matrix of errors: a table with what it must show and nothing made up."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET

from explorer.views import matrix


def text(cell):
    return "".join(cell.itertext())


def test_noise_matrix_frames_what_was_trained_and_underlines_the_least_of_each_column():
    table = ET.fromstring(
        matrix.noise_matrix(
            {"Plain": [[7.0, 9.0], [8.0, 50.0]], "Gauss <0.3>": [[8.0, 8.5], [9.0, 40.25]]},
            {"Gauss <0.3>": [(0, 1)]},
            ["Gaussian", "Masking"],
            [0.1, 0.3],
            {"row": "trained on", "column": "tried on", "error": "squared error"},
        )
    )
    plain, own = table.findall("tbody/tr")
    assert [text(cell) for cell in plain] == ["Plain", "7.0", "9.0", "8.0", "50.0"]
    assert [text(cell) for cell in own] == ["Gauss <0.3>", "8.0", "8.5", "9.0", "40.2"]
    least = [[cell.find("b/u") is not None for cell in row.findall("td")] for row in (plain, own)]
    assert least == [[True, False, True, False], [False, True, False, True]]
    framed = [cell for cell in table.iter("td") if "trained" in cell.get("class", "").split()]
    assert framed == [own.findall("td")[1]]
    said = framed[0].get("title")  # in three lines, of which XML makes one
    assert said == "trained on: Gauss <0.3> tried on: Gaussian 0.3 squared error: 8.5"

    def strength(cell):
        return float(re.fullmatch(r"background:rgba\(\d+,\d+,\d+,([\d.]+)\)", cell.get("style"))[1])

    cells = table.findall("tbody/tr/td")
    strengths = {float(text(cell)): strength(cell) for cell in cells}
    assert [strengths[value] for value in sorted(strengths)] == sorted(strengths.values())
    assert strengths[7.0] == matrix.LIGHTEST and strengths[50.0] == matrix.DARKEST
    kinds, heads = table.findall("thead/tr")
    groups = [(cell.text, cell.get("colspan")) for cell in kinds.findall("th")]
    assert groups == [("Gaussian", "2"), ("Masking", "2")]
    assert [cell.text for cell in heads] == ["0.1", "0.3", "0.1", "0.3"]


def test_what_a_record_says_never_takes_the_page_down():
    labels = {"row": "trained on", "column": "tried on", "error": "squared error"}
    for values in ([0.0, 0.0], [0.0, 9.0], [-1.0, 5.0], [7.0, 7.0]):
        table = ET.fromstring(matrix.noise_matrix({"One": [values]}, {}, ["A"], [0.1, 0.3], labels))
        cells = table.findall("tbody/tr/td")
        assert [float(text(cell)) for cell in cells] == values
        opacities = [float(cell.get("style").rpartition(",")[2].rstrip(")")) for cell in cells]
        assert all(matrix.LIGHTEST <= one <= matrix.DARKEST for one in opacities)


def test_the_saved_table_says_each_error_with_its_noise_and_level():
    errors = {"Plain, K = 16": [[7.0, 9.0], [8.0, 50.25]], '"odd" one': [[8.0, 8.5], [9.0, 40.0]]}
    head, *rows = csv.reader(
        io.StringIO(matrix.as_csv(errors, ["gaussian", "masking"], [0.1, 0.3]))
    )
    assert head == ["model", "noise", "level", "squared error"]
    found = {(name, noise, float(level)): float(error) for name, noise, level, error in rows}
    assert len(rows) == len(found) == 8
    assert found["Plain, K = 16", "masking", 0.3] == 50.25
    assert found['"odd" one', "gaussian", 0.1] == 8.0
