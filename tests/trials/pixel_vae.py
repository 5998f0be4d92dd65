"""A VAE whose decoder writes pixel after pixel (Gulrajani et al., 2017, "PixelVAE")."""

from typing import final

import torch
from torch import nn
from torch.nn import functional as F

from core.models.abilities import Autoregressive
from core.models.gaussian import GaussianAutoencoder, LikelihoodConfig
from core.models.networks import check_latent, mlp_encoder
from core.models.priors import StandardNormalRate


class PixelConfig(LikelihoodConfig):
    pass


@final
class PixelVAE(Autoregressive, StandardNormalRate, GaussianAutoencoder):
    """Pixels hang on those before them, so z need not say everything."""

    name, title, Config = "pixel_vae", "PixelVAE", PixelConfig

    def __init__(self, config, signature):
        check_latent(config.latent, signature)
        super().__init__(config, signature)
        size = signature.size
        self.encoder = mlp_encoder(size, (24,), 2 * config.latent, "gelu")
        self.from_code = nn.Linear(config.latent, size)
        self.from_pixels = nn.Parameter(torch.randn(size, size) / size)
        self.register_buffer("before", torch.ones(size, size).tril(-1))

    def posterior(self, x, condition):
        return self.encoder(x)

    def decode_seen(self, z, condition, seen):
        weight = self.from_pixels * self.before
        logits = self.from_code(z) + F.linear(seen.flatten(1), weight)
        return logits.unflatten(1, self.signature.shape)

    def blank(self, count, device):
        return torch.zeros(count, *self.signature.shape, device=device)

    def loss_terms(self, batch, output, moment):
        return self.negative_elbo(batch, output, moment.rise(0.3))
