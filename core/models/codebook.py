"""A codebook that follows the points it stands for, and a prior over grids of its entries.

van den Oord et al. (2017), Neural Discrete Representation Learning; van den Oord et al. (2016),
Pixel Recurrent Neural Networks, for the prior's masks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.models.networks import initialised

DEAD = 0.1  # of an even share of the points: an entry that has less of them begins anew


class Codebook(nn.Module):
    """Each place of a grid → the nearest of some entries: (batch, length, height, width) both ways.

    The gradient goes straight through: what is asked of the entry is asked of the point. Entries
    are no parameters but moving averages of the points that chose them, and one that hardly any
    point chooses begins anew at one of the points, as all do with the first batch.
    """

    def __init__(self, entries: int, length: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.entries: Tensor
        self.counts: Tensor
        self.sums: Tensor
        self.register_buffer("entries", torch.randn(entries, length))
        self.register_buffer("counts", torch.zeros(entries))  # points of a batch that chose it
        self.register_buffer("sums", torch.zeros(entries, length))  # of these points

    def forward(self, points: Tensor) -> Tensor:
        return straight(points, self.grid(self.nearest(points), points.shape[2:]))

    def nearest(self, points: Tensor) -> Tensor:
        """Index of the entry nearest to each place, row by row: (batch, places) int64."""
        rows = points.detach().flatten(2).transpose(1, 2)  # (batch, places, length)
        far = self.entries.square().sum(1) - 2 * rows @ self.entries.T
        return far.argmin(2)

    def grid(self, index: Tensor, size: tuple[int, ...]) -> Tensor:
        """Entries by their index: (batch, places) → (batch, length, *size)."""
        return self.entries[index].transpose(1, 2).reshape(len(index), -1, *size)

    @torch.no_grad()
    def follow(self, points: Tensor, index: Tensor, generator: torch.Generator | None) -> None:
        """Move the entries after a step.

        Args:
            points: (batch, length, height, width).
            index: what they chose, (batch, places).
            generator: of the draws of points where entries begin anew.
        """
        rows = points.flatten(2).transpose(1, 2).flatten(0, 1)  # (points, length)
        chose = F.one_hot(index.flatten(), len(self.entries)).to(rows.dtype)
        self.counts.lerp_(chose.sum(0), 1 - self.decay)
        self.sums.lerp_(chose.T @ rows, 1 - self.decay)
        share = len(rows) / len(self.entries)
        shape, device = (len(self.entries),), rows.device
        drawn = rows[torch.randint(len(rows), shape, generator=generator, device=device)]
        dead = self.counts < DEAD * share
        self.counts.masked_fill_(dead, share)
        self.sums.copy_(torch.where(dead[:, None], share * drawn, self.sums))
        self.entries.copy_(self.sums / self.counts[:, None])


def straight(points: Tensor, chosen: Tensor) -> Tensor:
    """What was chosen, exactly, with a gradient that goes on to the points as it comes."""
    return chosen + (points - points.detach())


class CausalConv2d(nn.Conv2d):
    """A convolution whose answer at a place depends on what comes before it row by row, and on the
    place itself where it `includes` that; the size stays. Weights of what comes later are 0."""

    def __init__(self, inputs: int, outputs: int, kernel: int, includes: bool) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        before = torch.zeros(kernel * kernel)
        before[: kernel * kernel // 2 + int(includes)] = 1
        self.before: Tensor
        self.register_buffer("before", before.reshape(kernel, kernel), persistent=False)
        initialised(nn.Sequential(self))
        with torch.no_grad():
            self.weight.mul_(self.before)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.before, self.bias, padding=self.padding)


class Placed(nn.Module):
    """x → x + b with a b of every entry's own: (batch, channels, height, width) both ways. A
    convolution alone knows little of where it is."""

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, *size))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


def grid_prior(length: int, size: tuple[int, int], width: int, entries: int) -> nn.Sequential:
    """p(entry | those before it), row by row: codes (batch, length, *size) → logits (batch,
    entries, *size)."""
    last = nn.Conv2d(width, entries, 1)
    nn.init.zeros_(last.weight)  # at the start all entries are equally probable
    return nn.Sequential(
        CausalConv2d(length, width, 5, includes=False),
        Placed(width, size),
        nn.GELU(approximate="tanh"),
        CausalConv2d(width, width, 3, includes=True),
        nn.GELU(approximate="tanh"),
        CausalConv2d(width, width, 3, includes=True),
        nn.GELU(approximate="tanh"),
        last,
    )
