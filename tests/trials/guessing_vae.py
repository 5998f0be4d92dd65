"""A VAE that is shown a quadrant and guesses the whole image (Sohn et al., 2015)."""

from typing import final

import torch

from core.config import knob
from core.models.conditions import Completing
from core.models.gaussian import GaussianAutoencoder, LikelihoodConfig
from core.models.networks import check_latent, mlp_decoder, mlp_encoder
from core.models.priors import StandardNormalRate
from core.models.signals import NOTHING


class GuessingConfig(LikelihoodConfig):
    quadrants: int = knob(1, ge=1, le=3, label="Quadrants", help="Quadrants that are seen.")


@final
class GuessingVAE(Completing, StandardNormalRate, GaussianAutoencoder):
    """Assumes that what is hidden hangs on what is seen and on z."""

    name, title, Config = "guessing_vae", "Guessing VAE", GuessingConfig

    def __init__(self, config, signature):
        check_latent(config.latent, signature)
        super().__init__(config, signature)
        size = signature.size
        self.encoder = mlp_encoder(2 * size, (24,), 2 * config.latent, "gelu")
        self.decoder = mlp_decoder(config.latent + 4 + size, (24,), signature.shape, "gelu")

    @property
    def quadrants(self):
        return self.config.quadrants

    def posterior(self, x, condition):
        return self.encoder(torch.cat([x.flatten(1), condition.image.flatten(1)], 1))

    def decode(self, z, condition=NOTHING):
        return self.decoder(torch.cat([z, self.hearing(condition, z)], 1))

    def loss_terms(self, batch, output, moment):
        return self.negative_elbo(batch, output)
