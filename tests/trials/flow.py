"""A coupling flow (Dinh et al., 2015): the code is as wide as the image, the inverse exact."""

from typing import final

import torch
from torch import nn

from core.config import ModelConfig
from core.measures.losses import gaussian_log_density
from core.models.base import Autoencoder
from core.models.networks import check_latent, mlp_encoder
from core.models.priors import StandardNormal
from core.models.signals import NOTHING, Level


class FlowConfig(ModelConfig):
    pass


@final
class CouplingFlow(StandardNormal, Autoencoder):
    """Nothing is lost, so nothing need be chosen: the likelihood is exact."""

    name, title, Config = "flow", "Coupling flow", FlowConfig

    def __init__(self, config, signature):
        check_latent(config.latent, signature)
        super().__init__(config, signature, widths=(signature.size,))
        half = signature.size // 2
        self.halves = (half, signature.size - half)
        self.shift = mlp_encoder(half, (16,), signature.size - half, "gelu")
        self.log_scale = nn.Parameter(torch.zeros(signature.size))

    def encode(self, x, condition=NOTHING, generator=None):
        first, second = x.flatten(1).split(self.halves, 1)
        z = torch.cat([first, second + self.shift(first)], 1)
        return (Level(z * self.log_scale.exp()),)

    def decode(self, z, condition=NOTHING):
        first, second = (z * (-self.log_scale).exp()).split(self.halves, 1)
        x = torch.cat([first, second - self.shift(first)], 1)
        return x.unflatten(1, self.signature.shape)

    def mean(self, logits):
        return logits

    def loss_terms(self, batch, output, moment):
        zero = torch.zeros_like(output.z)
        nats = -gaussian_log_density(output.z, zero, zero).mean() - self.log_scale.sum()
        return {"nll": nats}
