"""Denoising autoencoder: clean the corrupted input (Vincent et al., 2008, 2010)."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn

from core.config import NetworkConfig, knob
from core.measures.noise import CORRUPTIONS
from core.models.abilities import Corrupting
from core.models.deterministic import PlainPointAutoencoder
from core.models.networks import decoder, encoder, tied_decoder
from core.models.signals import Condition, Signature


class DenoisingConfig(NetworkConfig):
    """Type and level of the corruption, and the networks. Noise keeps it from copying, so that a
    code may have more numbers than the image."""

    latent: int = knob(2, ge=1, le=1024, label="K", help="Number of latent dimensions.")
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
    code_activation: Literal["linear", "sigmoid"] = knob(
        "linear", label="Code activation", help="Nonlinearity of the code itself."
    )
    decoder_weights: Literal["own", "tied"] = knob(
        "own",
        label="Decoder weights",
        help="Its own, or the encoder's, transposed (tied).",
        advanced=True,
        when=("network", "mlp"),
    )


@final
class DenoisingAutoencoder(Corrupting, PlainPointAutoencoder):
    """Sees x̃ ~ c(x̃|x), must give back x. For Gaussian noise the best answer is
    x̃ + σ²∇log p(x̃): it learns the way towards the data, not the identity."""

    name, title, Config = "denoising_ae", "Denoising AE", DenoisingConfig

    def __init__(self, config: DenoisingConfig, signature: Signature) -> None:
        layers = encoder(config, signature, config.latent, wide=True)
        tied = config.decoder_weights == "tied" and config.network == "mlp"
        bends = [nn.Sigmoid()] if config.code_activation == "sigmoid" else []
        super().__init__(
            config,
            signature,
            encoder=nn.Sequential(*layers, *bends),
            decoder=tied_decoder(layers, signature.shape, config.activation)
            if tied
            else decoder(config, signature, None),
            output=nn.Sigmoid(),
        )

    def corrupt(self, x: Tensor, condition: Condition, generator: torch.Generator | None) -> Tensor:
        return CORRUPTIONS[self.config.noise](x, self.config.level, generator)
