"""Encoder and decoder as plain torch modules, in the shape and unit of the arrays."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.estimators.arrays import Form
from core.models.base import Autoencoder, Member
from core.models.signals import join


class Encoder(nn.Module):
    """Examples to codes."""

    def __init__(self, model: Autoencoder, form: Form) -> None:
        super().__init__()
        self.model = model
        self.form = form

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Codes (batch, K) of examples (batch, *given); of a model with a posterior its mean and
        its log variance, (batch, K) each."""
        scale = 255 if x.dtype == torch.uint8 and self.form.pixels else self.form.high
        shaped = x.reshape(len(x), *self.form.shape)
        levels = self.model.encode((shaped.float() - self.form.low) / (scale - self.form.low))
        spread = [level.log_var for level in levels if level.log_var is not None]
        if len(spread) == len(levels):
            return join(levels), torch.cat(spread, 1)
        return join(levels)


class Decoder(nn.Module):
    """Codes to examples."""

    def __init__(self, model: Member, form: Form) -> None:
        super().__init__()
        self.model = model
        self.form = form

    def forward(self, z: Tensor) -> Tensor:
        """Examples (batch, *given) of codes (batch, K): the likelihood's means."""
        x: Tensor = self.model.mean(self.model.decode(z))
        x = x * (self.form.high - self.form.low) + self.form.low
        return x.reshape(len(z), *self.form.given)
