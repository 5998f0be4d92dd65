"""What a model can be told beside the data: a label, or the part of an image that is seen."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from core.models.abilities import Conditional
from core.models.signals import Condition, Signature

PARTS = ((0, 0), (0, 1), (1, 0), (1, 1))  # quadrants: upper left, upper right, lower left, …


class Labelled(Conditional):
    """Told the class. One that is unknown (-1) counts as told nothing."""

    takes = ("label",)
    signature: Signature

    def told(
        self, x: Tensor, label: Tensor | None, generator: torch.Generator | None = None
    ) -> Condition:
        usual = self.in_turn(len(x), x.device)
        return Condition(label=usual if label is None else torch.where(label < 0, usual, label))

    def untold(self, count: int, device: torch.device) -> Condition:
        return Condition(label=self.in_turn(count, device))

    def in_turn(self, count: int, device: torch.device) -> Tensor:
        """The classes in turn: (count,)."""
        return torch.arange(count, device=device) % max(1, self.signature.classes)

    def spelled(self, condition: Condition) -> Tensor:
        """The label, one-hot: (batch, classes).

        Raises:
            ValueError: where the condition names no label.
        """
        if condition.label is None:
            raise ValueError("The condition names no label.")
        return F.one_hot(condition.label, self.signature.classes).float()


class Completing(Conditional):
    """Told a part of the image, whose rest it completes (Sohn et al., 2015).

    Subclasses say how many quadrants are seen, 0 for any number from 1 to 3; which ones, and how
    many where it is any, is drawn for each image in training. Else they are the first ones, the
    upper half where it is any number.
    """

    takes = ("image",)
    signature: Signature

    @property
    @abstractmethod
    def quadrants(self) -> int:
        """How many are seen; 0 for any number from 1 to 3."""

    def told(
        self, x: Tensor, label: Tensor | None, generator: torch.Generator | None = None
    ) -> Condition:
        order = torch.arange(4, device=x.device).expand(len(x), 4)
        count = torch.full((len(x), 1), self.quadrants or 2, device=x.device)
        if generator is not None:
            draw = torch.empty(len(x), 5, device=x.device).uniform_(generator=generator)
            order = draw[:, :4].argsort(1)
            if self.quadrants == 0:
                count = 1 + (3 * draw[:, 4:]).floor().clamp(max=2).to(count.dtype)
        shown = order < count  # (batch, 4)
        seen = quadrant_mask(shown, x)
        return Condition(image=x * seen, seen=seen)

    def untold(self, count: int, device: torch.device) -> Condition:
        """Nothing is seen."""
        nothing = torch.zeros(count, *self.signature.shape, device=device)
        return Condition(image=nothing, seen=nothing)

    def spelled(self, condition: Condition) -> Tensor:
        """Whether each quadrant is seen, and what is seen: (batch, 4 + entries).

        Raises:
            ValueError: where the condition names no image.
        """
        if condition.image is None or condition.seen is None:
            raise ValueError("The condition names no image.")
        return torch.cat([quadrants(condition.seen), condition.image.flatten(1)], 1)


def quadrant_mask(shown: Tensor, like: Tensor) -> Tensor:
    """1 in the quadrants that are shown, (batch, 4) bool, 0 elsewhere: of the shape of `like`,
    (batch, channels, height, width)."""
    height, width = like.shape[-2:]
    mask = torch.zeros_like(like)
    for part, (rows, columns) in enumerate(_places(height, width)):
        mask[:, :, rows, columns] = shown[:, part, None, None, None].to(like.dtype)
    return mask


def quadrants(mask: Tensor) -> Tensor:
    """What share of each quadrant is seen by a mask, (batch, channels, height, width): (batch, 4)
    in [0, 1]."""
    places = _places(*mask.shape[-2:])
    return torch.stack([mask[:, :, rows, columns].mean((1, 2, 3)) for rows, columns in places], 1)


def _places(height: int, width: int) -> list[tuple[slice, slice]]:
    """Rows and columns of each quadrant."""
    halves = [(slice(0, size // 2), slice(size // 2, size)) for size in (height, width)]
    return [(halves[0][down], halves[1][right]) for down, right in PARTS]
