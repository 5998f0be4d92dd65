"""Basic autoencoder: one hidden code and nothing else (Rumelhart, Hinton & Williams, 1986)."""

from __future__ import annotations

from typing import Literal, final

from torch import nn

from core.config import ModelConfig, knob
from core.models.deterministic import PlainPointAutoencoder
from core.models.networks import ACTIVATIONS, check_latent, mlp_decoder, mlp_encoder
from core.models.signals import Signature


class BasicConfig(ModelConfig):
    """The code is the only hidden layer, so it usually needs more than two units."""

    latent: int = knob(32, ge=1, le=784, label="K", help="Units of the one hidden layer, the code.")
    code_activation: Literal["sigmoid", "tanh", "relu"] = knob(
        "sigmoid", label="Code activation", help="Nonlinearity of the code itself."
    )


@final
class BasicAutoencoder(PlainPointAutoencoder):
    """z = s(Wx + b), x̂ = σ(W'z + b'). Unlike the linear one it bends once, at the code; unlike
    the stacked one it can't bend the manifold further."""

    name, title, Config = "basic_ae", "Basic AE", BasicConfig

    def __init__(self, config: BasicConfig, signature: Signature) -> None:
        check_latent(config.latent, signature)
        encoder = mlp_encoder(signature.size, (), config.latent, "relu")
        super().__init__(
            config,
            signature,
            encoder=nn.Sequential(*encoder, ACTIVATIONS[config.code_activation]()),
            decoder=mlp_decoder(config.latent, (), signature.shape, "relu"),
            output=nn.Sigmoid(),
        )
