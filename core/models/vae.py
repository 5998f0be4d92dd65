"""Variational autoencoder (Kingma & Welling, 2014), with β (Higgins et al., 2017), cycles of its
warm-up (Fu et al., 2019) and free nats (Kingma et al., 2016) as knobs."""

from __future__ import annotations

from typing import final

from torch import Tensor

from core.models.gaussian import AnnealedConfig, LayeredGaussian
from core.models.priors import StandardNormalRate
from core.models.signals import Batch, Moment, Output


class VAEConfig(AnnealedConfig):
    """β, its warm-up, the likelihood and the networks."""


@final
class VAE(StandardNormalRate, LayeredGaussian):
    """Pays nats for the code's precision, so that codes fill the prior and a draw from the prior
    decodes to a digit; a plain autoencoder's holes close."""

    name, title, Config = "vae", "VAE", VAEConfig

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        beta = self.config.beta * moment.rise(self.config.beta_warmup, self.config.cycles)
        return self.negative_elbo(batch, output, beta, self.config.free_bits)
