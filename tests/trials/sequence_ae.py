"""A recurrent encoder, and a decoder of all moments at once."""

import math
from typing import final

from torch import nn

from core.config import ModelConfig
from core.measures import losses
from core.models.base import Autoencoder
from core.models.networks import check_latent, mlp_decoder
from core.models.priors import StandardNormal
from core.models.signals import NOTHING, Level


class SequenceConfig(ModelConfig):
    pass


@final
class SequenceAutoencoder(StandardNormal, Autoencoder):
    """Assumes that one code holds a whole sequence."""

    name, title, Config = "sequence_ae", "Sequence AE", SequenceConfig
    kinds = ("sequences",)
    eager = "Recurrent layers of this kind are not captured here."

    def __init__(self, config, signature):
        check_latent(config.latent, signature)
        super().__init__(config, signature)
        moment = math.prod(signature.shape[1:])
        self.encoder = nn.GRU(moment, config.latent, batch_first=True)
        self.decoder = mlp_decoder(config.latent, (16,), signature.shape, "relu")

    def encode(self, x, condition=NOTHING, generator=None):
        return (Level(self.encoder(x.flatten(2))[1][0]),)

    def decode(self, z, condition=NOTHING):
        return self.decoder(z)

    def mean(self, logits):
        return logits.sigmoid()

    def loss_terms(self, batch, output, moment):
        return {"reconstruction": losses.squared_error(self.mean(output.logits), batch.target)}
