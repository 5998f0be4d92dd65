"""A run's scores as pages tell them: each with its unit, and beside it what a trivial model has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from explorer.language import Words

SCORES = (  # name of the texts, key in the run's metrics, decimals
    ("error", "squared_error", 1),
    ("denoised", "squared_error_denoised", 1),
    ("perplexity", "perplexity", 1),
    ("bits", "code_bits_prior", 1),
    ("pixel", "bits_per_pixel", 2),
    ("inverse", "inverse_error", 7),
    ("dead", "dead_share", 3),
    ("mig", "mig", 3),
    ("rate", "rate", 2),
    ("cross", "cross_entropy_grey", 1),
    ("elbo", "elbo_binary", 1),
)
COUNTS = ("entries_used",)  # whole numbers


@dataclass(frozen=True)
class Row:
    """One score: what it is, in the run's metrics too, its number, and unit and trivial score."""

    key: str
    label: str
    value: str
    beside: str


def _places(name: str, value: float) -> int:
    """Decimals of a number that stands beside a score."""
    return 0 if name in COUNTS else 1 if abs(value) >= 1 else 3


def rows(words: Words, scores: Mapping[str, float]) -> list[Row]:
    """The scores that are there, of a run's metrics on one split."""
    compared = {name: f"{value:.{_places(name, value)}f}" for name, value in scores.items()}
    return [
        Row(
            key,
            words(f"explore.number_{name}"),
            f"{scores[key]:.{places}f}".replace("-", "−"),
            words(f"explore.beside_{name}").format_map(compared),
        )
        for name, key, places in SCORES
        if key in scores
    ]
