"""Variational autoencoder (Kingma & Welling, 2014), with β (Higgins et al., 2017), cycles of its
warm-up (Fu et al., 2019) and free nats (Kingma et al., 2016) as knobs."""

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
    cycles: int = knob(
        1,
        ge=1,
        le=20,
        label="β cycles",
        help="How often β rises anew from 0, each time for the warm-up's share of a cycle.",
        advanced=True,
    )
    free_bits: float = knob(
        0.0,
        ge=0,
        le=10,
        label="Free nats",
        help="Nats that a dimension's KL, averaged over a batch, costs nothing below.",
        advanced=True,
    )


@final
class VAE(StandardNormalRate, LayeredGaussian):
    """Pays nats for the code's precision, so that codes fill the prior and a draw from the prior
    decodes to a digit; a plain autoencoder's holes close."""

    name, title, Config = "vae", "VAE", VAEConfig

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        beta = self.config.beta * moment.rise(self.config.beta_warmup, self.config.cycles)
        return self.negative_elbo(batch, output, beta, self.config.free_bits)
