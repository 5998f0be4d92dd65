"""An autoencoder whose outer layers learn before its inner ones, and which counts its phases."""

from typing import final

import torch
from torch import nn

from core.config import ModelConfig
from core.measures import losses
from core.models.abilities import Layered, Phase, Phased
from core.models.base import Autoencoder
from core.models.networks import check_latent, initialised
from core.models.signals import NOTHING, Level


class TwoStepConfig(ModelConfig):
    pass


@final
class TwoStepAutoencoder(Phased, Layered, Autoencoder):
    """Assumes that a good layer can be found without those above it."""

    name, title, Config = "two_step_ae", "Two-step AE", TwoStepConfig

    def __init__(self, config, signature):
        check_latent(config.latent, signature)
        super().__init__(config, signature)
        wide = 12
        self.outer = nn.ModuleDict(
            {
                "up": initialised(nn.Sequential(nn.Linear(signature.size, wide)))[0],
                "down": initialised(nn.Sequential(nn.Linear(wide, signature.size)))[0],
            }
        )
        self.inner = nn.ModuleDict(
            {"up": nn.Linear(wide, config.latent), "down": nn.Linear(config.latent, wide)}
        )
        self.register_buffer("entered", torch.zeros((), dtype=torch.long))

    def phases(self):
        return (
            Phase("outer", 0.3, ("outer",)),
            Phase("inner", 0.3, ("inner",)),
            Phase("whole", 0.4),
        )

    def enter(self, phase, x, generator):
        self.entered += 1
        if phase == "outer":  # output bias at the mean's logit: a look at the data
            mean = x.flatten(1).mean(0).clamp(0.01, 0.99)
            with torch.no_grad():
                self.outer["down"].bias.copy_(mean.logit())

    def encode(self, x, condition=NOTHING, generator=None):
        return (Level(self.encoder_layers()(x)),)

    def decode(self, z, condition=NOTHING):
        return nn.Sequential(*self.decoder_layers())[:-1](z)

    def mean(self, logits):
        return logits.sigmoid()

    def loss_terms(self, batch, output, moment):
        if moment.phase == "outer":  # its own hidden layer and back
            hidden = torch.tanh(self.outer["up"](batch.input.flatten(1)))
            x_hat = self.outer["down"](hidden).sigmoid()
            return {"reconstruction": losses.squared_error(x_hat, batch.target.flatten(1))}
        return {"reconstruction": losses.squared_error(self.mean(output.logits), batch.target)}

    def encoder_layers(self):
        return nn.Sequential(nn.Flatten(), self.outer["up"], nn.Tanh(), self.inner["up"])

    def decoder_layers(self):
        shape = nn.Unflatten(1, self.signature.shape)
        return nn.Sequential(self.inner["down"], nn.Tanh(), self.outer["down"], shape, nn.Sigmoid())
