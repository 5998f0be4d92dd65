"""Overcomplete autoencoder: a code of more numbers than the image has, which costs nothing."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from core.config import ModelConfig, knob
from core.models.abilities import Units
from core.models.deterministic import PlainPointAutoencoder
from core.models.networks import mlp_encoder, tied_decoder
from core.models.signals import Signature


class OvercompleteConfig(ModelConfig):
    """The code is the only hidden layer, and may be wider than the image."""

    latent: int = knob(900, ge=1, le=1024, label="K", help="Number of units in the code.")


@final
class OvercompleteAutoencoder(Units, PlainPointAutoencoder):
    """z = relu(Wx + b), x̂ = Wᵀz + b'. With no fewer units than pixels nothing keeps it from
    copying its input, so it learns to: its errors are near zero, its units mean nothing, and what
    was noise goes through with the rest (Vincent et al., 2010, section 3.1)."""

    name, title, Config = "overcomplete_ae", "Overcomplete AE", OvercompleteConfig

    def __init__(self, config: OvercompleteConfig, signature: Signature) -> None:
        layers = mlp_encoder(signature.size, (), config.latent, "relu")
        super().__init__(
            config,
            signature,
            encoder=nn.Sequential(*layers, nn.ReLU()),
            decoder=tied_decoder(layers, signature.shape, "relu"),
            output=nn.Identity(),
        )

    @property
    def rho(self) -> None:
        return None

    def activity(self, z: Tensor) -> Tensor:
        return (z > 0).to(z.dtype)
