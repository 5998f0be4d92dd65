"""Multi-rate VAE: one network for every β (Bae et al., 2023)."""

from __future__ import annotations

from typing import Literal, final

from torch import Tensor, nn

from core.config import ConfigError, knob
from core.models.base import NOTHING, Batch, Capabilities, Condition, Output, Signature
from core.models.conditioned import apply, gated_decoder, gated_encoder
from core.models.dial import Dial
from core.models.gaussian import LOG_VAR_RANGE, GaussianAutoencoder, GaussianConfig
from core.models.networks import decoder, encoder


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
class MultiRateVAE(GaussianAutoencoder):
    """A VAE whose encoder and decoder take log β as an input, so that β is a slider, not a
    training. β is drawn log-uniformly for each image of a batch.

    Assumes what a VAE assumes; where a network has room for one β only, it is a compromise.
    """

    name, title, Config = "multirate_vae", "Multi-rate VAE", MultiRateConfig
    capabilities = Capabilities(has_prior=True, has_posterior=True, has_dial=True)

    def __init__(self, config: MultiRateConfig, signature: Signature) -> None:
        super().__init__(config, signature)
        if not config.beta_low < config.beta_high:
            raise ConfigError(
                "Highest β (beta_high) must be above the lowest, {low:g}; got {high:g}.",
                low=config.beta_low,
                high=config.beta_high,
            )
        if config.gate == "root":  # a collapsed dimension is the prior, never wider
            self.log_var_range = (LOG_VAR_RANGE[0], 0.0)
        self.dial = Dial("beta", config.beta_low, config.beta_high, log=True, usual=config.beta)
        self.encoder = gated_encoder(encoder(config, signature, 2 * config.latent), config.gate)
        self.decoder = gated_decoder(decoder(config, signature, None), config.latent, config.gate)

    def posterior(self, x: Tensor, condition: Condition) -> Tensor:
        return apply(self.encoder, x, self.position(condition, x))

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        return apply(self.decoder, z, self.position(condition, z))

    def loss_terms(self, batch: Batch, output: Output, progress: float) -> dict[str, Tensor]:
        beta = self.dial.value(self.position(batch.condition, batch.target))  # (batch,)
        rate = self.rate_each(output.levels).sum(1)  # (batch,)
        return {
            "reconstruction": self.distortion(batch.target, output.logits),
            "kl": (beta * rate).mean(),
        }

    def encoder_layers(self) -> nn.Sequential:
        return self.encoder

    def decoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.decoder, self.output)
