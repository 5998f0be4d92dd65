"""Sparse autoencoder: many units, few of them active for any one image (Ng, 2011)."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn

from core.config import ModelConfig, knob
from core.measures import losses
from core.models.abilities import Averaging, Units
from core.models.deterministic import PointAutoencoder
from core.models.networks import Largest, mlp_encoder, tied_decoder
from core.models.signals import Batch, Moment, Output, Signature

RARE = 1e-3  # share of the images of late below which a unit counts as dead while it is trained
GRACE = 10  # times as much is held of each at the start, so that it has time to act first
PACE = 0.99  # what a step leaves of what is known of the images before it
AT_ONCE = 8  # dead units at most that start again in one step


class SparseConfig(ModelConfig):
    """Width of the code, what keeps it sparse, and what is done about units that never act."""

    latent: int = knob(900, ge=1, le=1024, label="K", help="Number of units in the code.")
    sparsity: Literal["top", "l1", "kl"] = knob(
        "top",
        label="Sparsity",
        help="The most active units alone are kept (top), the sum of activities is paid for (l1), "
        "or each unit's mean activity is drawn to ρ (kl).",
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
        0.1,
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
    restarts: float = knob(
        0.5,
        ge=0,
        le=1,
        label="Restarts",
        help="Share of training in which units that died start again towards what is "
        "reconstructed worst; 0: they stay dead. No effect on kl.",
        advanced=True,
    )


@final
class SparseAutoencoder(Averaging, Units, PointAutoencoder):
    """Assumes that an image is made of a few of many parts. Unlike the overcomplete one it can't
    copy: a code of which few numbers may differ from 0 has to name what is there.

    `top` keeps the largest numbers of a linear code (Makhzani & Frey, 2013: "k-sparse
    autoencoders"); `l1` pays for the sum of a rectified one; `kl` draws each sigmoid unit's mean
    activity to ρ (Ng, 2011). The decoder has the encoder's weights, transposed: with its own it
    could make up for activities that are merely small.

    A unit that has not been active for long gets no more gradient. Those that died start again as
    what the reconstruction lacks of the images of a step that it fails most: as Bricken et al.
    (2023, "Towards monosemanticity") resample dead neurons, by a formula for tied weights.
    """

    name, title, Config = "sparse_ae", "Sparse AE", SparseConfig
    usage: Tensor

    def __init__(self, config: SparseConfig, signature: Signature) -> None:
        layers = mlp_encoder(signature.size, (), config.latent, "relu")
        kept = min(config.active, config.latent)
        bend = {"top": Largest(kept), "l1": nn.ReLU(), "kl": nn.Sigmoid()}
        super().__init__(
            config,
            signature,
            encoder=nn.Sequential(*layers, bend[config.sparsity]),
            decoder=tied_decoder(layers, signature.shape, "relu"),
            output=nn.Identity(),
        )
        self.register_buffer("usage", torch.full((config.latent,), GRACE * RARE))
        # share of the images of late

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

    @torch.no_grad()
    def after_step(self, batch: Batch, output: Output, moment: Moment) -> None:
        acting = (self.activity(output.z) >= 0.5).to(self.usage.dtype).mean(0)
        self.usage.lerp_(acting, 1 - PACE)
        if self.config.restarts and self.config.sparsity != "kl":  # whose penalty wakes them itself
            self.restart(batch, output, moment.progress < self.config.restarts)

    @torch.no_grad()
    def restart(self, batch: Batch, output: Output, wanted: bool | Tensor = True) -> None:
        """Give dead units the weights with which each, acting alone, would make up for all that the
        reconstruction lacks of one of the batch's worst images: r of x (less the decoder's shift).

        With w = r/√(r·x) its number for that image is w·x = √(r·x), and so it adds √(r·x) w = r.
        """
        weight, bias, shift = self.encoder[1].weight, self.encoder[1].bias, self.decoder[0].bias
        assert isinstance(weight, Tensor) and isinstance(bias, Tensor) and isinstance(shift, Tensor)
        count = min(AT_ONCE, len(batch.target), self.width)
        dead = (self.usage < RARE) & wanted  # (K,)
        which = dead.float().topk(count).indices  # the dead ones, as far as there are some
        chosen = dead[which]
        lacking = (batch.target - self.mean(output.logits)).flatten(1)  # (batch, size)
        square = lacking.square().sum(1)
        worst = square.topk(count).indices
        r, x = lacking[worst], batch.target.flatten(1)[worst] - shift
        # Where it hardly lies along the image, it acts less, not with weights beyond all others'.
        along = (r * x).sum(1).maximum(0.25 * square[worst]).clamp_min(1e-9)
        rows = r / along.sqrt()[:, None]  # (count, size)
        weight.index_copy_(0, which, torch.where(chosen[:, None], rows, weight[which]))
        bias.index_copy_(0, which, torch.where(chosen, -(rows @ shift), bias[which]))
        fresh = torch.full_like(self.usage[which], GRACE * RARE)
        self.usage.index_copy_(0, which, torch.where(chosen, fresh, self.usage[which]))
