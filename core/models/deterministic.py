"""Autoencoders whose code is a point: what linear, basic, stacked and denoising ones share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from core.measures import losses
from core.models.abilities import Centring, Layered
from core.models.base import Autoencoder
from core.models.conditioned import apply
from core.models.networks import answer_more, log_odds, see_less
from core.models.signals import NOTHING, Batch, Condition, Level, Moment, Output, Signature, join


class PointAutoencoder(Centring, Layered, Autoencoder):
    """z = encoder(x), x̂ = output(decoder(z)).

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

    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        return (
            Level(apply(self.encoder, x, self.position(condition, x), self.hearing(condition, x))),
        )

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        return apply(self.decoder, z, self.position(condition, z), self.hearing(condition, z))

    @torch.no_grad()
    def centre(self, mean: Tensor) -> None:
        see_less(self.encoder, mean)
        wanted = log_odds(mean) if isinstance(self.output, nn.Sigmoid) else mean
        answer_more(self.decoder, wanted - self.decode(join(self.encode(mean[None])))[0])

    def mean(self, logits: Tensor) -> Tensor:
        mean: Tensor = self.output(logits)
        return mean

    def squared_error(self, batch: Batch, output: Output) -> Tensor:
        """Squared error per example: sum over its (observed) entries, mean over the batch."""
        return losses.squared_error(self.mean(output.logits), batch.target, batch.observed)

    def encoder_layers(self) -> nn.Sequential:
        return self.encoder

    def decoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.decoder, self.output)


class PlainPointAutoencoder(PointAutoencoder):
    """A point autoencoder that pays for nothing but its errors."""

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        return {"reconstruction": self.squared_error(batch, output)}
