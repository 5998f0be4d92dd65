"""Stacked (deep) autoencoder (Hinton & Salakhutdinov, 2006), trained end to end."""

from __future__ import annotations

from typing import final

from torch import nn

from core.config import NetworkConfig
from core.models.deterministic import PlainPointAutoencoder
from core.models.networks import decoder, encoder
from core.models.signals import Signature


class StackedConfig(NetworkConfig):
    """Widths and kind of the hidden layers; the code is linear."""


@final
class StackedAutoencoder(PlainPointAutoencoder):
    """Several nonlinear layers each way. It bends the K-dimensional plane of PCA into a curved
    sheet, and says nothing of where on that sheet the data lie."""

    name, title, Config = "stacked_ae", "Stacked AE", StackedConfig

    def __init__(self, config: StackedConfig, signature: Signature) -> None:
        super().__init__(
            config,
            signature,
            encoder=encoder(config, signature, config.latent),
            decoder=decoder(config, signature, None),
            output=nn.Sigmoid(),
        )
