"""Denoising autoencoder: clean the corrupted input (Vincent et al., 2008, 2010)."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn

from core.config import NetworkConfig, knob
from core.measures.noise import CORRUPTIONS
from core.models.abilities import Corrupting
from core.models.deterministic import PlainPointAutoencoder
from core.models.networks import decoder, encoder
from core.models.signals import Condition, Signature


class DenoisingConfig(NetworkConfig):
    """Type and level of the corruption, and the networks."""

    noise: Literal["gaussian", "salt_and_pepper", "masking"] = knob(
        "masking", label="Noise", help="How the input is corrupted; the target stays clean."
    )
    level: float = knob(
        0.3,
        ge=0,
        le=1,
        label="Noise level",
        help="Standard deviation s of Gaussian noise, or the probability s with which the other "
        "two replace a pixel.",
    )


@final
class DenoisingAutoencoder(Corrupting, PlainPointAutoencoder):
    """Sees x̃ ~ c(x̃|x), must give back x. For Gaussian noise the best answer is
    x̃ + σ²∇log p(x̃): it learns the way towards the data, not the identity."""

    name, title, Config = "denoising_ae", "Denoising AE", DenoisingConfig

    def __init__(self, config: DenoisingConfig, signature: Signature) -> None:
        super().__init__(
            config,
            signature,
            encoder=encoder(config, signature, config.latent),
            decoder=decoder(config, signature, None),
            output=nn.Sigmoid(),
        )

    def corrupt(self, x: Tensor, condition: Condition, generator: torch.Generator | None) -> Tensor:
        return CORRUPTIONS[self.config.noise](x, self.config.level, generator)
