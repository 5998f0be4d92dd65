"""Variational autoencoder (Kingma & Welling, 2014), with β (Higgins et al., 2017) as a knob."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from core.config import knob
from core.measures import losses
from core.models.base import NOTHING, Batch, Capabilities, Condition, Output, Signature
from core.models.gaussian import GaussianAutoencoder, GaussianConfig
from core.models.networks import decoder, encoder


class VAEConfig(GaussianConfig):
    """β, its warm-up, the likelihood and the networks."""

    beta: float = knob(
        1.0,
        ge=0,
        le=100,
        label="β",
        help="Weight of the KL term: 1 is the ELBO, 0 pays nothing for the code's precision.",
    )
    beta_warmup: float = knob(
        0.0,
        ge=0,
        le=1,
        label="β warm-up",
        help="Share of training in which β rises from 0 to its value.",
        advanced=True,
    )


@final
class VAE(GaussianAutoencoder):
    """Pays nats for the code's precision, so that codes fill the prior and a draw from the prior
    decodes to a digit; a plain autoencoder's holes close."""

    name, title, Config = "vae", "VAE", VAEConfig
    capabilities = Capabilities(has_prior=True, has_posterior=True)

    def __init__(self, config: VAEConfig, signature: Signature) -> None:
        super().__init__(config, signature)
        self.encoder = encoder(config, signature, 2 * config.latent)
        self.decoder = decoder(config, signature, None)

    def posterior(self, x: Tensor, condition: Condition) -> Tensor:
        return self.encoder(x)

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        return self.decoder(z)

    def encoder_layers(self) -> nn.Sequential:
        return self.encoder

    def decoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.decoder, self.output)

    def beta_at(self, progress: float) -> float:
        """β at a position in training, 0 at the start to 1 at the end."""
        if self.config.beta_warmup == 0:
            return self.config.beta
        return self.config.beta * min(1.0, progress / self.config.beta_warmup)

    def loss_terms(self, batch: Batch, output: Output, progress: float) -> dict[str, Tensor]:
        (level,) = output.levels
        kl = losses.kl_standard_normal(level.mean, level.log_var)
        return {
            "reconstruction": self.distortion(batch.target, output.logits),
            "kl": self.beta_at(progress) * kl,
        }
