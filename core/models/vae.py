"""Variational autoencoder (Kingma & Welling, 2014), with β (Higgins et al., 2017) as a knob."""

from __future__ import annotations

from typing import final

from torch import Tensor

from core.config import knob
from core.models.gaussian import GaussianConfig, LayeredGaussian
from core.models.priors import StandardNormalRate
from core.models.signals import Batch, Moment, Output


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
class VAE(StandardNormalRate, LayeredGaussian):
    """Pays nats for the code's precision, so that codes fill the prior and a draw from the prior
    decodes to a digit; a plain autoencoder's holes close."""

    name, title, Config = "vae", "VAE", VAEConfig

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        beta = self.config.beta * moment.rise(self.config.beta_warmup)
        return self.negative_elbo(batch, output, beta)
