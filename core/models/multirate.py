"""Multi-rate VAE: one network for every β (Bae et al., 2023)."""

from __future__ import annotations

from typing import Literal, final

from torch import Tensor

from core.config import ConfigError, knob
from core.models.abilities import Dialled
from core.models.conditioned import gated_decoder, gated_encoder
from core.models.dial import Dial
from core.models.gaussian import LOG_VAR_RANGE, GaussianConfig, LayeredGaussian
from core.models.networks import decoder, encoder
from core.models.priors import StandardNormalRate
from core.models.signals import Batch, Moment, Output, Signature


class MultiRateConfig(GaussianConfig):
    """The range of β that one network learns, and the networks."""

    beta: float = knob(
        1.0, gt=0, le=100, label="β", help="β at which the model stands unless it is told another."
    )
    beta_low: float = knob(
        0.05, gt=0, le=100, label="Lowest β", help="Lower end of the trained range of β."
    )
    beta_high: float = knob(
        10.0, gt=0, le=100, label="Highest β", help="Upper end of the trained range of β."
    )
    gate: Literal["sigmoid", "root"] = knob(
        "sigmoid",
        label="Gate",
        help="How a layer depends on β: freely, or as a linear VAE's optimum does.",
        advanced=True,
    )


@final
class MultiRateVAE(Dialled, StandardNormalRate, LayeredGaussian):
    """A VAE whose encoder and decoder take log β as an input, so that β is a slider, not a
    training. β is drawn log-uniformly for each image of a batch.

    Assumes what a VAE assumes; where a network has room for one β only, it is a compromise.
    """

    name, title, Config = "multirate_vae", "Multi-rate VAE", MultiRateConfig

    def __init__(self, config: MultiRateConfig, signature: Signature) -> None:
        if not config.beta_low < config.beta_high:
            raise ConfigError(
                "Highest β (beta_high) must be above the lowest, {low:g}; got {high:g}.",
                low=config.beta_low,
                high=config.beta_high,
            )
        super().__init__(
            config,
            signature,
            gated_encoder(encoder(config, signature, 2 * config.latent), config.gate),
            gated_decoder(decoder(config, signature, None), config.latent, config.gate),
        )
        if config.gate == "root":  # a collapsed dimension is the prior, never wider
            self.log_var_range = (LOG_VAR_RANGE[0], 0.0)

    @property
    def dial(self) -> Dial:
        low, high = self.config.beta_low, self.config.beta_high
        return Dial("beta", low, high, log=True, usual=self.config.beta)

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        beta = self.dial.value(self.stands_at(batch.condition, batch.target))  # (batch,)
        return self.negative_elbo(batch, output, beta)
