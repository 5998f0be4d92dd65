"""Images whose every factor is known: ten digits, or three simple shapes, as strokes of a pen that
are shifted, turned, sized, thickened and slanted by known amounts.

Drawn here, from nothing but numbers, so that a code can be asked which of its dimensions holds
which factor. All factors are independent of one another and uniform over their levels, as those of
dSprites are (Higgins et al., 2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from core.data.dataset import DataError, Dataset, Provenance, unknown
from core.data.fetching import OnProgress
from core.data.source import Description

SHAPES, DIGITS = "known-shapes", "known-digits"
COUNTS = {"train": 20_000, "test": 5_000}
SIDE = 28
PROVENANCE = Provenance(
    "strokes drawn with independent, uniform factors by a seeded generator "
    "(core/data/known_factors.py)",
    "MIT, as the software itself",
    "Which image has which shape, shift, size, turn, slant and thickness is known.",
)
TITLES = {
    SHAPES: "Shapes with known factors: an ellipse, a square and a triangle",
    DIGITS: "Digits with known factors, drawn as strokes",
}


@dataclass(frozen=True)
class Factor:
    """A factor of an image: its name, and the value of each of its levels."""

    name: str
    levels: tuple[float, ...]


def _even(low: float, high: float, count: int) -> tuple[float, ...]:
    return tuple(float(value) for value in np.linspace(low, high, count).round(4))


# Beside the shape itself. Shifts and thickness in pixels, size as the height in pixels, turn in
# degrees against the clock, slant as the shift across for one step up.
MOVES = (
    Factor("shift_x", _even(-4, 4, 9)),
    Factor("shift_y", _even(-4, 4, 9)),
    Factor("size", _even(11, 18, 8)),
    Factor("turn", _even(-40, 40, 9)),
    Factor("slant", _even(-0.4, 0.4, 5)),
    Factor("thickness", _even(1.2, 3.2, 5)),
)


def factors(name: str) -> tuple[Factor, ...]:
    """The factors of a set's images in the order of `Dataset.factors`, the shape first."""
    return (Factor("shape", tuple(map(float, range(len(_glyphs(name)))))), *MOVES)


def names() -> tuple[str, ...]:
    """The two sets of this source; they need neither network nor data root."""
    return (SHAPES, DIGITS)


def describe(name: str, root: Path) -> Description:
    """See `core.data.source.Source`."""
    return Description(name, TITLES[name], tuple(COUNTS), dict(COUNTS), PROVENANCE, here=True)


def load(name: str, split: str, root: Path) -> Dataset:
    """See `core.data.source.Source`."""
    if split not in COUNTS:
        raise DataError(unknown(f"split of {name}", split, tuple(COUNTS)))
    return _split(name, split)


def fetch(name: str, root: Path, on_progress: OnProgress | None) -> Path:
    """See `core.data.source.Source`."""
    raise DataError(
        "{name} is drawn anew whenever it is loaded; there is nothing to download.", name=name
    )


@cache
def _split(name: str, split: str) -> Dataset:
    return of_levels(name, split, levels_of(name, split))


def levels_of(name: str, split: str) -> np.ndarray:
    """Levels of a split's images: (count, factors). No image of one split is in the other."""
    levels = _drawn_levels(name, sum(COUNTS.values()), 0)
    held_in = COUNTS["train"]
    return levels[:held_in] if split == "train" else levels[held_in:]


def drawn(name: str, count: int, seed: int = 0, split: str = "drawn") -> Dataset:
    """Images of a set, as many as wanted and no two alike, whose factors are drawn by a seed.

    Raises:
        DataError: for an unknown set, or for more images than its factors can make.
    """
    return of_levels(name, split, _drawn_levels(name, count, seed))


def _drawn_levels(name: str, count: int, seed: int) -> np.ndarray:
    if name not in names():
        raise DataError(unknown("set of known factors", name, names()))
    sizes = tuple(len(factor.levels) for factor in factors(name))
    most = math.prod(sizes)
    if not 0 < count <= most:
        raise DataError(
            "The factors of {name} make 1 to {most:,} images; {count:,} were asked for.",
            name=name,
            most=most,
            count=count,
        )
    generator = np.random.default_rng([names().index(name), seed])
    chosen = generator.choice(most, count, replace=False)
    return np.stack(np.unravel_index(chosen, sizes), 1).astype(np.int64)


def of_levels(name: str, split: str, levels: np.ndarray) -> Dataset:
    """The images that such levels of a set's factors make: (count, factors) int64.

    Raises:
        DataError: for an unknown set, and for levels that its factors don't have.
    """
    if name not in names():
        raise DataError(unknown("set of known factors", name, names()))
    of = factors(name)
    most = np.array([len(factor.levels) for factor in of])
    if (
        levels.ndim != 2
        or levels.shape[1] != len(of)
        or not ((levels >= 0) & (levels < most)).all()
    ):
        raise DataError(
            "{name} has {count} factors of {levels} levels; these are others.",
            name=name,
            count=len(of),
            levels=", ".join(map(str, most)),
        )
    return Dataset(
        name,
        split,
        render(name, levels),
        levels[:, 0].astype(np.int64),
        tuple(_glyphs(name)),
        PROVENANCE,
        factors=levels,
        factor_names=tuple(factor.name for factor in of),
    )


def sweeps(name: str) -> np.ndarray:
    """For each factor of a set an image at each of its levels, all others in their middle; of the
    shape all: (images, factors) levels, one factor after another."""
    of = factors(name)
    middle = np.array([0, *(len(factor.levels) // 2 for factor in of[1:])])
    rows = []
    for index, factor in enumerate(of):
        level = np.arange(len(factor.levels))
        row = np.tile(middle, (len(level), 1))
        row[:, index] = level
        rows.append(row)
    return np.concatenate(rows)


def render(name: str, levels: np.ndarray) -> np.ndarray:
    """The images of such factors: (count, factors) levels → (count, 1, 28, 28) uint8.

    A pixel is as dark as its middle lies inside the pen's stroke, with an edge one pixel wide.
    """
    of = factors(name)
    glyphs = tuple(_glyphs(name).values())
    images = np.empty((len(levels), SIDE * SIDE), np.uint8)
    middles = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).reshape(-1, 2) + 0.5
    values = {factor.name: np.asarray(factor.levels)[levels[:, i]] for i, factor in enumerate(of)}
    for shape, segments in enumerate(glyphs):
        for index in np.array_split(*_chunks(np.flatnonzero(levels[:, 0] == shape))):
            told = {name: value[index] for name, value in values.items()}
            away = _distance(middles.astype(np.float32), _moved(segments, told))
            ink = np.clip(told["thickness"][:, None] / 2 - away + 0.5, 0, 1)
            images[index] = np.round(255 * ink)
    return images.reshape(-1, 1, SIDE, SIDE)


def _chunks(index: np.ndarray, most: int = 32) -> tuple[np.ndarray, int]:
    return index, max(1, -(-len(index) // most))


def _moved(segments: np.ndarray, told: dict[str, np.ndarray]) -> np.ndarray:
    """Segments (segments, ends, 2) of a glyph one unit tall, y upwards, where an image has them:
    (count, segments, ends, 2) float32 in pixels, y downwards."""
    x, y = segments[..., 0], segments[..., 1]
    grow = told["size"][:, None, None]
    x = x + told["slant"][:, None, None] * y
    angle = np.radians(told["turn"])[:, None, None]
    across = grow * (np.cos(angle) * x - np.sin(angle) * y) + told["shift_x"][:, None, None]
    up = grow * (np.sin(angle) * x + np.cos(angle) * y) + told["shift_y"][:, None, None]
    return np.stack([SIDE / 2 + across, SIDE / 2 - up], -1).astype(np.float32)


def _distance(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """From each of points (points, 2) to the nearest of an image's segments
    (count, segments, ends, 2): (count, points).

    One segment after the other, a few images at a time: all of it stays in the processor's cache.
    """
    nearest = np.full((len(segments), len(points)), np.inf, np.float32)
    for s in range(segments.shape[1]):
        (x, y), (along_x, along_y) = (
            part.T[..., None] for part in (segments[:, s, 0], segments[:, s, 1] - segments[:, s, 0])
        )
        off_x, off_y = points[:, 0] - x, points[:, 1] - y  # (count, points)
        length = np.maximum(along_x**2 + along_y**2, np.float32(1e-9))
        share = np.clip((off_x * along_x + off_y * along_y) / length, 0, 1)
        apart = (off_x - share * along_x) ** 2 + (off_y - share * along_y) ** 2
        np.minimum(nearest, apart, out=nearest)
    return np.sqrt(nearest)


# --- The glyphs: strokes in a box from (−½, −½) to (½, ½), y upwards ----------------------------


def _arc(
    x: float, y: float, wide: float, tall: float, start: float, stop: float, steps: int = 10
) -> np.ndarray:
    """Points along an ellipse around (x, y), angles in degrees against the clock from the right."""
    angle = np.radians(np.linspace(start, stop, steps + 1))
    return np.stack([x + wide * np.cos(angle), y + tall * np.sin(angle)], 1)


def _line(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, float)


_ELLIPSE, _SQUARE, _TRIANGLE = (
    (_arc(0, 0, 0.28, 0.5, 0, 360, 20),),
    (_line((-0.4, -0.4), (0.4, -0.4), (0.4, 0.4), (-0.4, 0.4), (-0.4, -0.4)),),
    (_line((-0.45, -0.4), (0.45, -0.4), (0, 0.5), (-0.45, -0.4)),),
)
_STROKES: dict[str, dict[str, tuple[np.ndarray, ...]]] = {
    SHAPES: {"ellipse": _ELLIPSE, "square": _SQUARE, "triangle": _TRIANGLE},
    DIGITS: {
        "0": (_arc(0, 0, 0.3, 0.5, 0, 360, 20),),
        "1": (_line((-0.15, 0.33), (0.03, 0.5), (0.03, -0.5)),),
        "2": (
            np.concatenate(
                [_arc(0, 0.23, 0.28, 0.27, 165, -35), _line((-0.3, -0.5), (0.32, -0.5))]
            ),
        ),
        "3": (_arc(0, 0.25, 0.26, 0.25, 150, -90), _arc(0, -0.25, 0.29, 0.25, 90, -150)),
        "4": (_line((0.14, -0.5), (0.14, 0.5), (-0.32, -0.17), (0.34, -0.17)),),
        "5": (
            _line((0.27, 0.5), (-0.2, 0.5), (-0.24, 0.06)),
            _arc(0, -0.19, 0.29, 0.31, 142, -140),
        ),
        "6": (
            np.concatenate(
                [_arc(0.3, -0.2, 0.58, 0.7, 95, 180), _arc(0, -0.22, 0.28, 0.28, 180, 540, 16)]
            ),
        ),
        "7": (_line((-0.3, 0.5), (0.3, 0.5), (-0.08, -0.5)),),
        "8": (_arc(0, 0.25, 0.23, 0.25, 0, 360, 14), _arc(0, -0.25, 0.28, 0.25, 0, 360, 14)),
        "9": (
            np.concatenate(
                [_arc(-0.3, 0.2, 0.58, 0.7, -85, 0), _arc(0, 0.22, 0.28, 0.28, 0, 360, 16)]
            ),
        ),
    },
}


@cache
def _glyphs(name: str) -> dict[str, np.ndarray]:
    """Each shape's segments (segments, ends, 2) by its name."""
    return {
        shape: np.concatenate([np.stack([line[:-1], line[1:]], 1) for line in lines])
        for shape, lines in _STROKES[name].items()
    }
