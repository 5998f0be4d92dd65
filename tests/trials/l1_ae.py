"""Sparse autoencoder: many units, few of them active (Ng, 2011)."""

from typing import final

from torch import nn

from core.config import NetworkConfig, knob
from core.models.deterministic import PointAutoencoder
from core.models.networks import decoder, encoder


class L1Config(NetworkConfig):
    latent: int = knob(128, ge=1, le=784, label="K", help="Number of units in the code.")
    weight: float = knob(0.01, ge=0, le=10, label="λ", help="Weight of the L1 penalty.")


@final
class L1Autoencoder(PointAutoencoder):
    """Assumes that a digit is made of a few of many parts."""

    name, title, Config = "l1_ae", "L1 AE", L1Config

    def __init__(self, config, signature):
        super().__init__(
            config,
            signature,
            encoder=nn.Sequential(*encoder(config, signature, config.latent), nn.ReLU()),
            decoder=decoder(config, signature, None),
            output=nn.Sigmoid(),
        )

    def loss_terms(self, batch, output, moment):
        sparsity = self.config.weight * output.z.abs().sum(1).mean()
        return {"reconstruction": self.squared_error(batch, output), "sparsity": sparsity}
