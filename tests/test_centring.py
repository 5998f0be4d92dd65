"""core.data.centring against the real digits of MNIST: shifted, enlarged, noisy, on paper."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core import data
from core.data import centring
from core.data.dataset import DataError


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """Every nineteenth held-out digit, of all classes: (264, 28, 28) uint8."""
    return data.load("mnist-5k", "all").x[::19, 0]


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two images of grey levels, 1 being from black to white."""
    return float(np.abs(one.astype(float) - other).mean() / 255)


def mass(image: np.ndarray) -> np.ndarray:
    """Centre of mass in pixel indices: row, column."""
    weight = image.astype(float) / image.sum()
    places = np.arange(28)
    return np.array([(weight.sum(1) * places).sum(), (weight.sum(0) * places).sum()])


def longer_side(image: np.ndarray, least: int = 13) -> int:
    rows, columns = np.flatnonzero((image >= least).any(1)), np.flatnonzero((image >= least).any(0))
    return int(max(np.ptp(rows), np.ptp(columns))) + 1


def enlarged(digit: np.ndarray, times: int) -> np.ndarray:
    size = (28 * times, 28 * times)
    return np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC))


def laid(image: np.ndarray, height: int, width: int, top: int, left: int) -> np.ndarray:
    field = np.zeros((height, width), np.uint8)
    field[top : top + image.shape[0], left : left + image.shape[1]] = image
    return field


def test_a_digit_of_mnist_comes_back_as_it_was(digits):
    found = [difference(centring.centre(digit), digit) for digit in digits]
    assert np.mean(found) < 0.0005 and max(found) < 0.01
    shifted = [
        difference(centring.centre(laid(digit, 90, 60, 5 + i % 50, i % 30)), digit)
        for i, digit in enumerate(digits)
    ]
    assert np.mean(shifted) < 0.0005, "a shift by whole pixels changes nothing"


def test_mnist_itself_is_centred_as_the_docstring_says(digits):
    assert {longer_side(digit, 1) for digit in digits} == {20}
    away = np.abs([mass(digit) - centring.CENTRE for digit in digits])
    assert away.max() <= 0.5


@pytest.mark.parametrize("times", [2, 5])
def test_an_enlarged_and_shifted_digit_comes_back(digits, times):
    generator = np.random.default_rng(times)
    found, plain = [], []
    for digit in digits:
        top, left = generator.integers(0, 60, 2)
        field = laid(enlarged(digit, times), 28 * times + 90, 28 * times + 60, top, left)
        image = centring.centre(field)
        assert np.abs(mass(image) - centring.CENTRE).max() <= 0.52
        assert longer_side(image) in (20, 21)
        found.append(difference(image, digit))
        plain.append(difference(np.asarray(Image.fromarray(field).resize((28, 28))), digit))
    assert np.mean(found) < 0.04 and max(found) < 0.11
    assert np.mean(plain) > 0.1, "merely shrinking the whole picture is far off"


def test_to_a_fraction_of_a_pixel_the_centre_of_mass_is_the_centre(digits):
    for digit in digits[:50]:
        image = centring.centre(enlarged(digit, 4), whole_pixels=False)
        assert np.abs(mass(image) - centring.CENTRE).max() < 0.06


def test_grey_paper_with_noise_is_no_ink(digits):
    generator = np.random.default_rng(0)
    found = []
    for digit in digits[:100]:
        field = np.full((140, 120), 20.0)
        field[30:114, 10:94] += np.kron(digit, np.ones((3, 3))) * 0.8
        noisy = np.clip(field + generator.normal(0, 5, field.shape), 0, 255).astype(np.uint8)
        found.append(difference(centring.centre(noisy), digit))
    assert np.mean(found) < 0.04


def test_dark_ink_is_told_by_the_paper(digits):
    for digit in digits[:50]:
        field = laid(digit, 40, 40, 6, 6)
        assert not centring.is_dark_ink(field)
        assert centring.is_dark_ink(255 - field)
        assert np.array_equal(centring.centre(255 - (255 - field)), centring.centre(field))


@pytest.mark.parametrize("paper", [0, 1, 126, 127, 128, 129, 254, 255])
def test_paper_is_light_from_the_middle_of_the_grey_levels_on(paper):
    field = np.full((9, 11), paper, np.uint8)
    field[2:5, 3:6] = 255 - paper
    field[0, :7] = 255 - paper  # a stroke that reaches the edge is no paper
    assert centring.ground_of(field) == paper
    assert centring.is_dark_ink(field) == (paper > 127)


def test_a_single_dot_and_a_line_work():
    field = np.zeros((50, 80), np.uint8)
    field[7, 60] = 255
    dot = centring.centre(field)
    assert np.abs(mass(dot) - 14).max() <= 0.5
    assert 3 <= longer_side(dot, 100) <= 7, "it is enlarged fivefold and no more"
    field[7, 20:61] = 255
    line = centring.centre(field)
    assert longer_side(line) == 20
    assert (line.max(1) > 0).sum() <= 2, "a thin line stays thin"


def test_a_lopsided_drawing_stays_inside():
    field = np.zeros((100, 100), np.uint8)
    field[10:90, 10:14] = 255
    field[10:90:4, 14:90] = 20  # so faint that all the mass is at the left
    image = centring.centre(field)
    columns = np.flatnonzero(image.any(0))
    assert columns[0] >= 4 and columns[-1] == 27
    assert image.shape == (28, 28) and image.dtype == np.uint8


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((40, 30), np.uint8), "blank"),
        (np.full((40, 30), 255, np.uint8), "blank"),
        (np.full((1, 1), 7, np.uint8), "blank"),
        (np.eye(28, dtype=np.uint8) * (centring.FAINTEST - 1), "at least 24 of 255"),
        (np.zeros((0, 0), np.uint8), "shape (0, 0)"),
        (np.zeros((28, 28)), "float64"),
        (np.zeros((28, 28, 3), np.uint8), "(28, 28, 3)"),
    ],
)
def test_what_cannot_be_centred_gets_one_sentence(image, said):
    with pytest.raises(DataError) as caught:
        centring.centre(image)
    sentence = str(caught.value)
    assert said in sentence and sentence.endswith(".") and "\n" not in sentence
