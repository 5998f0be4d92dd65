"""VampPrior (Tomczak & Welling, 2018): the prior is the posterior of learned pseudo-inputs."""

import math
from typing import final

import torch
from torch import nn

from core.config import knob
from core.measures import losses
from core.models.gaussian import GaussianConfig, LayeredGaussian
from core.models.priors import SampledRate
from core.models.signals import NOTHING


class VampConfig(GaussianConfig):
    inputs: int = knob(6, ge=1, le=1000, label="Pseudo-inputs", help="Number of pseudo-inputs.")


@final
class VampPriorVAE(SampledRate, LayeredGaussian):
    """Assumes that codes lie in as many heaps as there are pseudo-inputs."""

    name, title, Config = "vamp_prior", "VampPrior", VampConfig

    def __init__(self, config, signature):
        super().__init__(config, signature)
        self.inputs = nn.Parameter(torch.rand(config.inputs, *signature.shape))

    def heaps(self):
        return self.level(self.posterior(self.inputs.clamp(0, 1), NOTHING)).gaussian

    def sample_prior(self, count, condition=NOTHING, generator=None):
        (mean, log_var), device = self.heaps(), self.inputs.device
        chosen = torch.randint(self.config.inputs, (count,), generator=generator, device=device)
        return losses.gaussian_sample(mean[chosen], log_var[chosen], generator)

    def log_prior(self, z, condition=NOTHING):
        mean, log_var = self.heaps()
        shape = (len(z), *mean.shape)
        each = losses.gaussian_log_density(
            z[:, None].expand(shape).flatten(0, 1),
            mean.expand(shape).flatten(0, 1),
            log_var.expand(shape).flatten(0, 1),
        )
        return each.unflatten(0, shape[:2]).logsumexp(1) - math.log(self.config.inputs)

    def prior_program(self, names):
        return {"kind": "mixture", "inputs": names[id(self.inputs)]}

    def loss_terms(self, batch, output, moment):
        return self.negative_elbo(batch, output, moment.rise(0.1))
