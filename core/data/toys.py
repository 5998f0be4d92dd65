"""A toy in two dimensions whose density, and so whose score, is known in closed form.

Points near an open arc, drawn from a mixture of round Gaussians along it. Corrupting them by
N(0, σ²) widens each Gaussian and nothing else, so the corrupted density p_σ is a mixture too, and
the best answer to a corrupted point, x̃ + σ²∇log p_σ(x̃), can be written down (Vincent, 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from core.data.dataset import DataError, Dataset, Provenance, unknown
from core.data.fetching import OnProgress
from core.data.source import Description

CURVE_2D = "curve-2d"
COUNTS = {"all": 6_000, "train": 5_000, "test": 1_000}
PROVENANCE = Provenance(
    "drawn from a mixture of 60 Gaussians along an arc by a seeded generator (core/data/toys.py)",
    "MIT, as the software itself",
    "A point's two coordinates are stored in 8 bits, as pixels are.",
)
TITLE = "Points near an arc, a 2-D toy with a known density"


def names() -> tuple[str, ...]:
    """The one set of this source; needs neither network nor data root."""
    return (CURVE_2D,)


def describe(name: str, root: Path) -> Description:
    """See `core.data.source.Source`."""
    return Description(name, TITLE, tuple(COUNTS), dict(COUNTS), PROVENANCE, here=True)


def load(name: str, split: str, root: Path) -> Dataset:
    """See `core.data.source.Source`."""
    if split not in COUNTS:
        raise DataError(unknown(f"split of {name}", split, tuple(COUNTS)))
    return curve_2d(split)


def fetch(name: str, root: Path, on_progress: OnProgress | None) -> Path:
    """See `core.data.source.Source`."""
    raise DataError(
        "{name} is drawn anew whenever it is loaded; there is nothing to download.", name=name
    )


@dataclass(frozen=True, eq=False)
class Mixture:
    """Round Gaussians of equal weight and equal width in the plane."""

    means: np.ndarray  # (components, 2) float64
    width: float  # standard deviation of each, in each direction

    def log_density(self, points: np.ndarray, sigma: float = 0.0) -> np.ndarray:
        """log p_σ at points (count, 2), where p_σ is the density convolved with N(0, σ²): (count,)
        nats."""
        exponents, variance = self._exponents(points, sigma)
        most = exponents.max(1)
        total = np.exp(exponents - most[:, None]).mean(1)
        return np.log(total) + most - np.log(2 * np.pi * variance)

    def score(self, points: np.ndarray, sigma: float = 0.0) -> np.ndarray:
        """∇log p_σ at points (count, 2): (count, 2)."""
        exponents, variance = self._exponents(points, sigma)
        share = np.exp(exponents - exponents.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)  # of each Gaussian in each point
        return (share @ self.means - points) / variance

    def denoised(self, points: np.ndarray, sigma: float) -> np.ndarray:
        """The least squared error's answer E[x | x̃] = x̃ + σ²∇log p_σ(x̃): (count, 2)."""
        return points + sigma**2 * self.score(points, sigma)

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Points drawn from the mixture: (count, 2) float64."""
        generator = np.random.default_rng(seed)
        among = generator.integers(len(self.means), size=count)
        return self.means[among] + self.width * generator.standard_normal((count, 2))

    def _exponents(self, points: np.ndarray, sigma: float) -> tuple[np.ndarray, float]:
        variance = self.width**2 + sigma**2
        apart = points[:, None, :] - self.means[None]  # (count, components, 2)
        return -(apart**2).sum(2) / (2 * variance), variance


@cache
def arc() -> Mixture:
    """60 Gaussians at even steps along three quarters of a circle inside [0, 1]²."""
    angle = np.pi * np.linspace(-0.25, 1.25, 60)
    return Mixture(0.5 + 0.36 * np.stack([np.cos(angle), np.sin(angle)], 1), 0.02)


@cache
def curve_2d(split: str = "all") -> Dataset:
    """A split of the data set `curve-2d`: each example is an image of two pixels, (1, 1, 2).

    Every point is drawn anew by the same seed, so the data set is the same on every machine.
    """
    points = np.clip(arc().sample(COUNTS["all"]), 0, 1)
    x = np.round(255 * points).astype(np.uint8).reshape(-1, 1, 1, 2)
    whole = Dataset(CURVE_2D, "all", x, np.full(len(x), -1), (), PROVENANCE)
    index = np.arange(len(x))
    held_in = COUNTS["train"]
    part = {"all": index, "train": index[:held_in], "test": index[held_in:]}[split]
    return whole if split == "all" else whole.subset(part, split)


def agreement(field: np.ndarray, best: np.ndarray) -> dict[str, float]:
    """How far one field of arrows agrees with another, at points drawn from p_σ.

    Args:
        field: (count, 2) arrows, a model's answer less the corrupted point.
        best: (count, 2) arrows σ²∇log p_σ at the same points.

    Returns:
        `cosine` between the two fields, each taken as one long vector, and `angle`, the mean
        angle between arrows in degrees, each weighed by the length of the best one.
    """
    lengths = np.linalg.norm(best, axis=1)
    products = (field * best).sum(1)
    apart = products / np.maximum(np.linalg.norm(field, axis=1) * lengths, 1e-12)
    angles = np.degrees(np.arccos(np.clip(apart, -1, 1)))
    return {
        "cosine": float(products.sum() / np.sqrt((field**2).sum() * (best**2).sum())),
        "angle": float((lengths * angles).sum() / lengths.sum()),
    }
