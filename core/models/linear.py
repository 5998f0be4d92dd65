"""Linear autoencoder: no nonlinearity at all (Baldi & Hornik, 1989)."""

from __future__ import annotations

from typing import final

from torch import nn

from core.config import ModelConfig
from core.models.deterministic import PlainPointAutoencoder
from core.models.networks import check_latent, mlp_decoder, mlp_encoder
from core.models.signals import Signature


class LinearConfig(ModelConfig):
    """A linear autoencoder has no knob but K."""


@final
class LinearAutoencoder(PlainPointAutoencoder):
    """One linear layer each way. Its best squared error is PCA's and its decoder spans PCA's
    subspace, but its axes are any basis of it: neither orthogonal nor ordered."""

    name, title, Config = "linear_ae", "Linear AE", LinearConfig

    def __init__(self, config: LinearConfig, signature: Signature) -> None:
        check_latent(config.latent, signature)
        super().__init__(
            config,
            signature,
            encoder=mlp_encoder(signature.size, (), config.latent, "relu"),
            decoder=mlp_decoder(config.latent, (), signature.shape, "relu"),
            output=nn.Identity(),
        )
