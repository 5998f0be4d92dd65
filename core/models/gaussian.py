"""Autoencoders with a Gaussian posterior and a standard normal prior: the VAE's family."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from core import losses
from core.config import NetworkConfig, knob
from core.models.base import Autoencoder, Level, Signature
from core.models.networks import decoder, encoder

LOG_VAR_RANGE = (-12.0, 6.0)


class GaussianConfig(NetworkConfig):
    """The likelihood of the pixels, and the networks."""

    likelihood: Literal["bernoulli", "gaussian"] = knob(
        "bernoulli",
        label="Likelihood",
        help="Distribution of a pixel given z: cross-entropy, or squared error over 2σ².",
    )
    sigma: float = knob(
        0.2,
        gt=0,
        le=2,
        label="σ of the pixels",
        help="Standard deviation of the Gaussian likelihood; no effect on the Bernoulli one.",
        advanced=True,
    )
    pixels: Literal["grey", "binary"] = knob(
        "grey",
        label="Pixels",
        help="Grey values as they are, or drawn anew as 0 or 1 at each use (dynamic binarisation).",
        advanced=True,
    )


class GaussianAutoencoder(Autoencoder):
    """q(z|x) = N(μ(x), diag σ²(x)), p(z) = N(0, I), p(x|z) Bernoulli or Gaussian."""

    def __init__(self, config: GaussianConfig, signature: Signature) -> None:
        super().__init__(config, signature)
        bernoulli = config.likelihood == "bernoulli"
        self.encoder = encoder(config, signature, 2 * config.latent)
        self.decoder = decoder(config, signature, None)
        self.output = nn.Sigmoid() if bernoulli else nn.Identity()

    def corrupt(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return x

    def observe(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        if self.config.pixels == "grey":
            return x
        return (torch.empty_like(x).uniform_(generator=generator) < x).to(x.dtype)

    def encode(
        self,
        x: Tensor,
        label: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        mean, log_var = self.encoder(x).chunk(2, dim=1)  # (batch, K) each
        log_var = log_var.clamp(*LOG_VAR_RANGE)
        z = mean if generator is None else losses.gaussian_sample(mean, log_var, generator)
        return (Level(z, mean, log_var),)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.decoder(z)

    def mean(self, logits: Tensor) -> Tensor:
        return self.output(logits)

    def distortion(self, target: Tensor, logits: Tensor) -> Tensor:
        """−log p(x|z) in nats per image: sum over pixels, mean over the batch."""
        if self.config.likelihood == "bernoulli":
            return losses.bernoulli_nll(logits, target)
        return losses.gaussian_nll(logits, target, self.config.sigma)

    def encoder_layers(self) -> nn.Sequential:
        return self.encoder

    def decoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.decoder, self.output)
