"""A VAE that is shown some quadrants of an image and completes it (Sohn et al., 2015)."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from core.config import knob
from core.models import networks
from core.models.conditioned import Kept, told_network
from core.models.conditions import Completing
from core.models.gaussian import GaussianConfig, LayeredGaussian
from core.models.priors import StandardNormalRate
from core.models.signals import Batch, Moment, Output, Signature


class CompletingConfig(GaussianConfig):
    """How much is seen, the likelihood and the networks."""

    quadrants: int = knob(
        0,
        ge=0,
        le=3,
        label="Quadrants seen",
        help="How many of an image's quadrants are seen; which ones is drawn anew. 0 draws how "
        "many as well, from 1 to 3.",
    )


@final
class CompletingVAE(Completing, StandardNormalRate, LayeredGaussian):
    """Shown a part of the image, so z need only say what the rest is like: several draws of z are
    several ways to go on."""

    name, title, Config = "completing_vae", "Completing VAE", CompletingConfig

    def __init__(self, config: CompletingConfig, signature: Signature) -> None:
        encoder = networks.encoder(config, signature, 2 * config.latent)
        decoder = told_network(networks.decoder(config, signature, None), 4 + signature.size)
        binary = config.likelihood == "bernoulli"
        super().__init__(
            config,
            signature,
            told_network(encoder, 4),  # sees the whole image, and is told which part is known
            nn.Sequential(*decoder, Kept("logit" if binary else "plain")),
        )

    @property
    def quadrants(self) -> int:
        quadrants: int = self.config.quadrants
        return quadrants

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        return self.negative_elbo(batch, output)
