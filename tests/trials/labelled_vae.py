"""Label-conditional VAE (Sohn et al., 2015), whose label stands beside the pixels."""

from typing import final

import torch

from core.config import ConfigError, LayersConfig
from core.models.conditions import Labelled
from core.models.gaussian import GaussianAutoencoder, LikelihoodConfig
from core.models.networks import check_latent, mlp_decoder, mlp_encoder
from core.models.priors import StandardNormalRate
from core.models.signals import NOTHING


class LabelledConfig(LikelihoodConfig, LayersConfig):
    pass


@final
class LabelledVAE(Labelled, StandardNormalRate, GaussianAutoencoder):
    """Encoder and decoder are told the label, so z keeps the style alone."""

    name, title, Config = "labelled_vae", "Labelled VAE", LabelledConfig

    def __init__(self, config, signature):
        if not signature.classes:
            raise ConfigError("A labelled VAE needs data with labels.")
        check_latent(config.latent, signature)
        super().__init__(config, signature)
        told, wide = signature.classes, config.hidden
        self.encoder = mlp_encoder(signature.size + told, wide, 2 * config.latent, "gelu")
        self.decoder = mlp_decoder(config.latent + told, wide, signature.shape, "gelu")

    def posterior(self, x, condition):
        return self.encoder(torch.cat([x.flatten(1), self.spelled(condition)], 1))

    def decode(self, z, condition=NOTHING):
        return self.decoder(torch.cat([z, self.hearing(condition, z)], 1))

    def loss_terms(self, batch, output, moment):
        return self.negative_elbo(batch, output)
