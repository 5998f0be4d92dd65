"""Is it a digit? The shipped classifier that judges what models draw, trained by
`core.judge.exposure`.

A picture counts as *called a digit with confidence* where the largest of its ten softmax
probabilities is at least the classifier's threshold. Reading what is known of it needs no torch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from core.store import checkpoints

if TYPE_CHECKING:
    from torch import nn

FILE = "classifier.safetensors"
FACTS = "classifier"  # the key of the file's metadata
_WIDTHS = (16, 32, 64)  # channels of two convolutions, units of one linear layer
_BATCH = 1000


class ClassifierError(ValueError):
    """A classifier that is missing, torn or foreign; one sentence."""


class Facts(BaseModel):
    """What is known of a classifier. Shares are of pictures called a digit with confidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    program: dict[str, Any]  # layers and shape, as core.export.programs writes them for the browser
    threshold: float
    passing: float  # share of `threshold_on` that the threshold lets pass
    accuracy: float  # share of right answers on mnist/test
    accuracy_held_out: float  # on mnist-5k
    share_real: float  # of mnist/test
    shares: dict[str, float]  # of what core.judge.exposure.references makes of mnist-5k
    trained_on: str
    trained_count: int
    threshold_on: str
    exposed_to: tuple[str, ...]  # kinds of no digits that it saw in training
    epochs: float
    samples: int
    seconds: float
    seed: int
    parameters: int
    software: str


@dataclass(frozen=True)
class Classifier:
    """A trained network with what is known of it."""

    network: nn.Sequential
    facts: Facts

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Softmax (count, 10) of images (count, 1, 28, 28), as the function of this name."""
        return probabilities(self.network, x)

    def confident(self, x: np.ndarray) -> np.ndarray:
        """Whether each image is called a digit with confidence: (count,) bool."""
        return self.probabilities(x).max(1) >= self.facts.threshold


def file() -> Path:
    """Path of the shipped classifier."""
    return checkpoints.shipped_store() / FILE


def build(seed: int = 0) -> nn.Sequential:
    """The network with seeded weights: two convolutions of stride 2, then two linear layers;
    (batch, 1, 28, 28) in [0, 1] → (batch, 10) logits."""
    import torch
    from torch import nn

    first, second, dense = _WIDTHS
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, first, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(first, second, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * 7 * 7, dense),
            nn.ReLU(),
            nn.Linear(dense, 10),
        )


def probabilities(network: nn.Sequential, x: np.ndarray) -> np.ndarray:
    """Softmax (count, 10) of images (count, 1, 28, 28): uint8, or floats, which are clipped to
    [0, 1] as a screen clips them; a linear decoder's pixels may lie outside.

    Raises:
        ClassifierError: for images of another shape.
    """
    import torch

    from core.latent.coding import to_tensor

    if x.ndim != 4 or x.shape[1:] != (1, 28, 28):
        raise ClassifierError(
            f"The classifier judges images of shape (count, 1, 28, 28); got {x.shape}."
        )
    with torch.no_grad():
        parts = [
            network(to_tensor(x[start : start + _BATCH]).clamp(0, 1)).softmax(1)
            for start in range(0, len(x), _BATCH)
        ]
        return torch.cat(parts or [torch.zeros(0, 10)]).numpy()


@lru_cache(maxsize=4)
def facts(path: Path | None = None) -> Facts:
    """What is known of the classifier in a file, by default the shipped one.

    Raises:
        ClassifierError: missing, torn or foreign.
    """
    from safetensors import SafetensorError, safe_open

    path = path or file()
    try:
        with safe_open(path, framework="np") as content:
            return Facts.model_validate_json((content.metadata() or {})[FACTS])
    except FileNotFoundError:
        raise ClassifierError(
            f"There is no {path.name} in {path.parent}; `python -m core classifier` trains it."
        ) from None
    except (OSError, SafetensorError, KeyError, ValidationError) as error:
        raise ClassifierError(f"{path.name} is torn or foreign ({type(error).__name__}).") from None


@lru_cache(maxsize=4)
def fingerprint(path: Path | None = None) -> str:
    """SHA-256 of the file, of the shipped one by default.

    Raises:
        OSError: where it can't be read.
    """
    return hashlib.sha256((path or file()).read_bytes()).hexdigest()


def load(path: Path | None = None) -> Classifier:
    """The classifier in a file, by default the shipped one, ready to judge.

    Raises:
        ClassifierError: missing, torn or foreign.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = path or file()
    known = facts(path)
    network = build()
    try:
        network.load_state_dict({name: a.float() for name, a in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ClassifierError(f"{path.name} is torn or foreign ({type(error).__name__}).") from None
    return Classifier(network.eval(), known)
