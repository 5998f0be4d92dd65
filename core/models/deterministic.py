"""Autoencoders whose code is a point: the shared part of linear, basic, stacked and denoising."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from core.measures import losses
from core.models.base import (
    NOTHING,
    Autoencoder,
    Batch,
    Condition,
    Level,
    Output,
    Signature,
)
from core.models.conditioned import apply


class PointAutoencoder(Autoencoder):
    """z = encoder(x), x̂ = output(decoder(z)), trained by squared error per image.

    Subclasses build `encoder` and `decoder`, layer lists whose last layer is linear, and name the
    output nonlinearity: `identity` or `sigmoid`.
    """

    @abstractmethod
    def __init__(
        self,
        config: Any,
        signature: Signature,
        encoder: nn.Sequential,
        decoder: nn.Sequential,
        output: nn.Module,
    ) -> None:
        super().__init__(config, signature)
        self.encoder = encoder
        self.decoder = decoder
        self.output = output

    @abstractmethod
    def penalties(self, batch: Batch, output: Output, progress: float) -> dict[str, Tensor]:
        """Weighted terms beside the reconstruction; empty for a plain autoencoder."""

    def observe(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return x

    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        return (Level(apply(self.encoder, x, self.position(condition, x))),)

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        return apply(self.decoder, z, self.position(condition, z))

    def mean(self, logits: Tensor) -> Tensor:
        return self.output(logits)

    def loss_terms(self, batch: Batch, output: Output, progress: float) -> dict[str, Tensor]:
        reconstruction = losses.squared_error(self.mean(output.logits), batch.target)
        return {"reconstruction": reconstruction, **self.penalties(batch, output, progress)}

    def encoder_layers(self) -> nn.Sequential:
        return self.encoder

    def decoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.decoder, self.output)


class PlainPointAutoencoder(PointAutoencoder):
    """A point autoencoder that sees clean inputs and pays for nothing but its errors."""

    def corrupt(self, x: Tensor, condition: Condition, generator: torch.Generator | None) -> Tensor:
        return x

    def penalties(self, batch: Batch, output: Output, progress: float) -> dict[str, Tensor]:
        return {}
