"""Sparse autoencoder: many units, few of them active for any one image (Ng, 2011)."""

from __future__ import annotations

from typing import Literal, final

from torch import Tensor, nn

from core.config import ModelConfig, knob
from core.measures import losses
from core.models.abilities import Averaging, Units
from core.models.deterministic import PointAutoencoder
from core.models.networks import Largest, mlp_encoder, tied_decoder
from core.models.signals import Batch, Moment, Output, Signature


class SparseConfig(ModelConfig):
    """Width of the code, what keeps it sparse, and what is done about units that never act."""

    latent: int = knob(900, ge=1, le=1024, label="K", help="Number of units in the code.")
    sparsity: Literal["l1", "kl", "top"] = knob(
        "l1",
        label="Sparsity",
        help="The sum of activities is paid for (l1), each unit's mean activity is drawn to ρ "
        "(kl), or the most active units alone are kept (top).",
    )
    active: int = knob(
        25,
        ge=1,
        le=1024,
        label="Active units",
        help="Units of the code that are kept for each image, the largest ones; at most K.",
        when=("sparsity", "top"),
    )
    weight: float = knob(
        0.2,
        ge=0,
        le=100,
        label="α",
        help="Weight of the penalty that l1 and kl pay: a sum over the units.",
    )
    rho: float = knob(
        0.05,
        gt=0,
        le=0.5,
        label="ρ",
        help="Mean activity over the images that each unit is drawn to.",
        when=("sparsity", "kl"),
    )
    narrowing: float = knob(
        0.5,
        ge=0,
        le=1,
        label="Narrowing",
        help="Share of training in which the number of units that are kept falls from K to what "
        "it is to be, so that each learns something before most are left out.",
        advanced=True,
        when=("sparsity", "top"),
    )


@final
class SparseAutoencoder(Averaging, Units, PointAutoencoder):
    """Assumes that an image is made of a few of many parts. Unlike the overcomplete one it can't
    copy: a code of which few numbers may differ from 0 has to name what is there.

    `l1` pays for the sum of a rectified code; `kl` draws each sigmoid unit's mean activity to ρ
    (Ng, 2011); `top` keeps the largest numbers of a linear code (Makhzani & Frey, 2013: "k-sparse
    autoencoders"). The decoder has the encoder's weights, transposed: with its own it
    could make up for activities that are merely small.

    A unit that is among the largest for no image gets no gradient, and is dead. So `top` begins
    with all units and keeps fewer and fewer (the schedule of Makhzani & Frey, 2013, section 4.2.1).
    """

    name, title, Config = "sparse_ae", "Sparse AE", SparseConfig

    def __init__(self, config: SparseConfig, signature: Signature) -> None:
        layers = mlp_encoder(signature.size, (), config.latent, "relu")
        largest = Largest(min(config.active, config.latent))
        largest.widen(config.latent, float(config.narrowing > 0))
        bend = {"top": largest, "l1": nn.ReLU(), "kl": nn.Sigmoid()}
        super().__init__(
            config,
            signature,
            encoder=nn.Sequential(*layers, bend[config.sparsity]),
            decoder=tied_decoder(layers, signature.shape, "relu"),
            output=nn.Identity(),
        )

    @property
    def rho(self) -> float | None:
        kept = min(self.config.active, self.config.latent) / self.config.latent
        return {"top": kept, "kl": self.config.rho}.get(self.config.sparsity)

    def activity(self, z: Tensor) -> Tensor:
        return z if self.config.sparsity == "kl" else (z != 0).to(z.dtype)

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        terms = {"reconstruction": self.squared_error(batch, output)}
        if self.config.sparsity == "l1":
            terms["sparsity"] = self.config.weight * output.z.abs().sum(1).mean()
        elif self.config.sparsity == "kl":
            terms["sparsity"] = self.config.weight * losses.sparsity(output.z, self.config.rho)
        return terms

    def after_step(self, batch: Batch, output: Output, moment: Moment) -> None:
        bend = self.encoder[-1]
        if isinstance(bend, Largest):
            bend.widen(self.width, 1.0 - moment.rise(self.config.narrowing))
