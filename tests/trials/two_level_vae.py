"""Two levels of Gaussian codes whose rate is taken by draws, which no browser runs."""

from typing import final

import torch

from core.measures import losses
from core.models.gaussian import GaussianLevels, LikelihoodConfig
from core.models.networks import check_latent, mlp_decoder, mlp_encoder
from core.models.priors import SampledRate
from core.models.signals import NOTHING


class TwoLevelConfig(LikelihoodConfig):
    pass


@final
class TwoLevelVAE(SampledRate, GaussianLevels):
    """p(z₂) p(z₁|z₂) p(x|z₁, z₂): the upper level says what the lower one varies around."""

    name, title, Config = "two_level_vae", "Two-level VAE", TwoLevelConfig

    def __init__(self, config, signature):
        check_latent(config.latent, signature)
        k = config.latent
        super().__init__(config, signature, widths=(k, k))
        self.encoder = mlp_encoder(signature.size, (24,), 2 * k, "gelu")
        self.upper = mlp_encoder(k, (12,), 2 * k, "gelu")
        self.lower = mlp_encoder(k, (12,), 2 * k, "gelu")  # p(z₁|z₂)
        self.decoder = mlp_decoder(2 * k, (24,), signature.shape, "gelu")

    def encode(self, x, condition=NOTHING, generator=None):
        first = self.level(self.encoder(x), generator)
        return first, self.level(self.upper(first.z), generator)

    def decode(self, z, condition=NOTHING):
        return self.decoder(z)

    def sample_prior(self, count, condition=NOTHING, generator=None):
        device = None if generator is None else generator.device
        top = torch.empty(count, self.widths[1], device=device).normal_(generator=generator)
        below = self.level(self.lower(top), generator or torch.Generator())
        return torch.cat([below.z, top], 1)

    def log_prior(self, z, condition=NOTHING):
        first, top = z.split(self.widths, dim=1)
        given = self.level(self.lower(top))
        zero = torch.zeros_like(top)
        above = losses.gaussian_log_density(top, zero, zero)
        return above + losses.gaussian_log_density(first, *given.gaussian)

    def prior_program(self, names):
        return {"kind": "learned"}

    def loss_terms(self, batch, output, moment):
        return self.negative_elbo(batch, output, moment.rise(0.2))
