"""β-VAE (Higgins et al., 2017): a higher price for the code, with a capacity by knob (Burgess et
al., 2018)."""

from __future__ import annotations

from typing import final

from torch import Tensor

from core.config import knob
from core.models.gaussian import AnnealedConfig, LayeredGaussian
from core.models.priors import StandardNormalRate
from core.models.signals import Batch, Moment, Output

RISING = 0.5  # share of the training in which the capacity rises


class BetaConfig(AnnealedConfig):
    """β above 1, its annealing, a capacity, the likelihood and the networks."""

    beta: float = knob(
        8.0,
        ge=0,
        le=100,
        label="β",
        help="Weight of the KL term: above 1, few dimensions stay, each for one cause at best.",
    )
    capacity: float = knob(
        0.0,
        ge=0,
        le=200,
        label="Capacity",
        help="Nats at which the KL is held; they rise from 0 in the first half of training.",
        advanced=True,
    )


@final
class BetaVAE(StandardNormalRate, LayeredGaussian):
    """Pays more than the ELBO asks for each nat of the code, so that a dimension is worth keeping
    only where it explains much by itself: causes that are independent in the data come to lie in
    dimensions of their own, at the price of detail.

    With a capacity C the price is β·|KL − C|, KL in nats averaged over the batch.
    """

    name, title, Config = "beta_vae", "β-VAE", BetaConfig

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        beta = self.config.beta * moment.rise(self.config.beta_warmup, self.config.cycles)
        terms = self.negative_elbo(batch, output, 1.0, self.config.free_bits)
        capacity = self.config.capacity * moment.rise(RISING)
        return terms | {"kl": beta * (terms["kl"] - capacity).abs()}
