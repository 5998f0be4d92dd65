"""Layers of a flow: each can be undone, and says what it does to volume (Dinh et al., 2017)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

GREYS = 256  # values that a pixel has
MARGIN = 1 / 512  # of what a logit is taken, kept from either end: half a grey level
REACH = 3.0  # a coupling's logarithms of factors stay between −REACH and REACH

Span = tuple[int, int]  # of a state's numbers: the first, and the one after the last


class Stretch(nn.Module):
    """Pixels to all of the line: x in [0, 1] is the middle of one of 256 grey levels, v = (255 x +
    ½) / 256, and becomes the logit of MARGIN + (1 − 2 MARGIN) v. (batch, features) both ways."""

    def forward(self, x: Tensor) -> Tensor:
        return self._share(x).logit()

    def log_volume(self, x: Tensor) -> Tensor:
        """log |dy/dx| in nats with a grey level as x's unit, summed over features: (batch,)."""
        share = self._share(x)
        each = math.log((1 - 2 * MARGIN) / GREYS) - (share * (1 - share)).log()
        return each.flatten(1).sum(1)

    def _share(self, x: Tensor) -> Tensor:
        share = MARGIN + (1 - 2 * MARGIN) * ((GREYS - 1) * x + 0.5) / GREYS
        return share.clamp(MARGIN / 2, 1 - MARGIN / 2)


class Squash(nn.Module):
    """What `Stretch` undoes: pixels again, in [0, 1]."""

    def forward(self, y: Tensor) -> Tensor:
        share = (y.sigmoid() - MARGIN) / (1 - 2 * MARGIN)
        return ((GREYS * share - 0.5) / (GREYS - 1)).clamp(0, 1)


class Beside(nn.Module):
    """So many zeros before the features, which are the mean of the noise that a flow is given:
    (batch, features) → (batch, count + features)."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.new_zeros(len(x), self.count), x], 1)


class Without(nn.Module):
    """So many of the first features are left out: (batch, features) → (batch, features − count)."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.count :]


class Coupling(nn.Module):
    """One part of a state is moved by what another part says: v → v eˡ + m, or where it `divides`
    v → (v − m) e⁻ˡ, which undoes that. The network answers what it sees with m and then l, which is
    kept within REACH by a tanh. (batch, features) both ways."""

    def __init__(self, network: nn.Sequential, seen: Span, moved: Span, divides: bool) -> None:
        super().__init__()
        self.network, self.seen, self.moved, self.divides = network, seen, moved, divides

    def inverse(self) -> Coupling:
        """The one that undoes this one, with the same network."""
        return Coupling(self.network, self.seen, self.moved, not self.divides)

    def forward(self, state: Tensor) -> Tensor:
        return self.step(state)[0]

    def step(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """The state moved, and what that does to volume: log |det| in nats, (batch,)."""
        start, end = self.moved
        shift, free = self.network(state[:, slice(*self.seen)]).chunk(2, 1)
        scale = REACH * (free / REACH).tanh()
        part = state[:, start:end]
        part = (part - shift) * (-scale).exp() if self.divides else part * scale.exp() + shift
        volume = scale.sum(1)
        moved = torch.cat([state[:, :start], part, state[:, end:]], 1)
        return moved, -volume if self.divides else volume
