"""What flows through a model: data and conditions in, levels of codes and answers out. A leaf."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Signature:
    """What a model must know of its data.

    Attributes:
        shape: shape of one example: (channels, height, width) for images, (time, channels,
            height, width) for sequences, (items,) for ratings.
        classes: number of labels, 0 where there are none.
        kind: `images`, `sequences` or `ratings`.
    """

    shape: tuple[int, ...] = (1, 28, 28)
    classes: int = 10
    kind: str = "images"

    @property
    def size(self) -> int:
        """Number of entries of one example."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Moment:
    """When in a training a loss is asked for.

    Attributes:
        progress: from 0 at the start to 1 at the end; a scalar tensor where the step is captured.
        phase: name of the present phase of a model that trains in phases.
        generator: for whatever a loss draws, so that a seed fixes it.
    """

    progress: float | Tensor = 1.0
    phase: str = ""
    generator: torch.Generator | None = None

    def rise(self, share: float, cycles: int = 1) -> float | Tensor:
        """From 0 at the start to 1 after this share of the training, and 1 from there on; with
        more than one cycle the same in each part of the training (Fu et al., 2019)."""
        if share == 0:
            return 1.0
        if isinstance(self.progress, Tensor):
            turn = self.progress * cycles
            turn = torch.where(self.progress < 1, turn - turn.floor(), torch.ones_like(turn))
            return (turn / share).clamp(max=1.0)
        turned = self.progress * cycles % 1 if self.progress < 1 else 1.0
        return min(1.0, turned / share)


@dataclass(frozen=True)
class Condition:
    """What encoder and decoder are told beside the data; each variant uses what it takes."""

    label: Tensor | None = None  # (batch,) int64
    dial: Tensor | None = None  # (batch,) position of a continuous knob, such as log β
    image: Tensor | None = None  # (batch, *shape): what is seen of an image, 0 where it is hidden
    seen: Tensor | None = None  # (batch, *shape): 1 where `image` is seen
    attributes: Tensor | None = None  # (batch, attributes)


NOTHING = Condition()


@dataclass(frozen=True)
class Batch:
    """One step's data on the device. `input` may be corrupted; `target` stays clean."""

    input: Tensor  # (batch, *shape) in [0, 1] before corruption
    target: Tensor  # (batch, *shape)
    condition: Condition = NOTHING
    observed: Tensor | None = None  # (batch, *shape): 1 where a rating is known


@dataclass(frozen=True)
class Level:
    """One group of latent variables of a batch: a point, a Gaussian, or entries of a codebook."""

    z: Tensor  # (batch, width of the level): what the decoder gets
    mean: Tensor | None = None  # (batch, width) of the posterior
    log_var: Tensor | None = None  # (batch, width) of the posterior
    point: Tensor | None = None  # (batch, width) before it was quantised
    index: Tensor | None = None  # (batch, positions) into a codebook
    log_volume: Tensor | None = None  # (batch,) nats by which the way here enlarged volume

    @property
    def gaussian(self) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posterior: (batch, width) each.

        Raises:
            ValueError: for a level without a Gaussian posterior.
        """
        if self.mean is None or self.log_var is None:
            raise ValueError("This level has no Gaussian posterior, so no mean and log-variance.")
        return self.mean, self.log_var


@dataclass(frozen=True)
class Output:
    """What one pass gives: the levels of the code, and the decoder's answer before its output
    nonlinearity."""

    levels: tuple[Level, ...]
    logits: Tensor  # (batch, *shape)

    @property
    def z(self) -> Tensor:
        """All levels side by side: (batch, width of the code)."""
        return join(self.levels)


def join(levels: tuple[Level, ...]) -> Tensor:
    """The code as the decoder takes it: all levels' z side by side, (batch, width of the code)."""
    return torch.cat([level.z for level in levels], dim=1)
