"""A continuous knob that is an input of a network, not a setting of its training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor


@dataclass(frozen=True)
class Dial:
    """A continuous knob that is an input of a network.

    Attributes:
        knob: name of the knob in the configuration that holds its usual value.
        low, high: the trained range.
        log: whether its position is its logarithm.
        usual: value taken where none is given.
    """

    knob: str
    low: float
    high: float
    log: bool
    usual: float

    @overload
    def position(self, value: float) -> float: ...
    @overload
    def position(self, value: Tensor) -> Tensor: ...
    def position(self, value: float | Tensor) -> float | Tensor:
        """What the gates see of a value: the value or its logarithm."""
        if not self.log:
            return value
        return value.log() if isinstance(value, Tensor) else math.log(value)

    def value(self, position: Tensor) -> Tensor:
        """The inverse of `position`."""
        return position.exp() if self.log else position

    def draw(self, count: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        """Positions uniform over the trained range: (count,)."""
        low, high = self.position(self.low), self.position(self.high)
        return torch.empty(count, device=device).uniform_(low, high, generator=generator)
