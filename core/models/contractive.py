"""Contractive autoencoder: a code that resists small changes of its input (Rifai et al., 2011)."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn

from core.config import LayersConfig, knob
from core.measures import losses
from core.models.deterministic import PointAutoencoder
from core.models.networks import ACTIVATIONS, mlp_encoder, tied_decoder
from core.models.signals import Batch, Moment, Output, Signature


class ContractiveConfig(LayersConfig):
    """The penalty's weight, the code's nonlinearity and the layers, which the decoder shares."""

    latent: int = knob(2, ge=1, le=1024, label="K", help="Number of latent dimensions.")
    weight: float = knob(
        0.1,
        ge=0,
        le=1000,
        label="α",
        help="Weight of the squared Jacobian of the encoder, summed over its entries.",
    )
    code_activation: Literal["linear", "sigmoid"] = knob(
        "linear", label="Code activation", help="Nonlinearity of the code itself."
    )


@final
class ContractiveAutoencoder(PointAutoencoder):
    """Pays for how fast the code moves with the pixels, so it keeps only those directions that
    reconstruction can't do without: along the data, not off them. A denoising autoencoder gets
    there by examples, this one by its derivative.

    The decoder has the encoder's weights, transposed: with its own it could make up for an encoder
    that is merely small, and the penalty would say nothing. Its penalty keeps it from copying, so
    that a code may have more numbers than the image.
    """

    name, title, Config = "contractive_ae", "Contractive AE", ContractiveConfig

    def __init__(self, config: ContractiveConfig, signature: Signature) -> None:
        layers = mlp_encoder(signature.size, config.hidden, config.latent, config.activation)
        bends = [ACTIVATIONS["sigmoid"]()] if config.code_activation == "sigmoid" else []
        super().__init__(
            config,
            signature,
            encoder=nn.Sequential(*layers, *bends),
            decoder=tied_decoder(layers, signature.shape, config.activation),
            output=nn.Sigmoid(),
        )

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        return {
            "reconstruction": self.squared_error(batch, output),
            "contraction": self.config.weight * self.squared_jacobian(batch.input),
        }

    def squared_jacobian(self, x: Tensor) -> Tensor:
        """‖∂z/∂x‖²_F at examples (batch, *shape): sum over entries, mean over the batch; in closed
        form where the encoder is one sigmoid layer."""
        if not self.config.hidden and self.config.code_activation == "sigmoid":
            weight = self.encoder[1].weight
            assert isinstance(weight, Tensor)
            return losses.squared_jacobian_of_sigmoid(self.encoder(x), weight)
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return losses.squared_jacobian(self.encoder(x), x)
