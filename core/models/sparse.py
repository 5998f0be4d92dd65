"""Sparse autoencoder: many units, few of them active for any one image (Ng, 2011)."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import ModelConfig, knob
from core.measures import losses
from core.models.abilities import Averaging, Units
from core.models.deterministic import PointAutoencoder
from core.models.networks import Largest, mlp_encoder, tied_decoder
from core.models.signals import Batch, Moment, Output, Signature

RARE = 1e-3  # share of the images of late below which a unit counts as dead while it is trained
GRACE = 10  # times as much is held of each at the start, so that it has time to act first
PACE = 0.99  # what a step leaves of what is known of the images before it
GROWING = 0.5  # share of training in which dead units are revived; then all settle
HELPERS = 64  # dead units at most that answer for what an image's reconstruction lacks


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
    revival: float = knob(
        0.03,
        ge=0,
        le=1,
        label="Revival",
        help="Weight of the squared error with which units that died answer for what the others "
        "leave unexplained; at 0 they stay dead.",
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

    A unit that has not been active for long gets no more gradient. Those that died are made to
    answer together for what the reconstruction lacks, an error of its own beside the objective
    (Gao et al., 2024, "Scaling and evaluating sparse autoencoders": the auxiliary loss of its
    appendix A.2), and so grow towards what is worst explained.
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
        if self.config.revival and self.config.sparsity != "kl":  # whose penalty wakes them itself
            grows = self.config.revival * (moment.progress < GROWING)
            terms["revival"] = grows * self.unexplained(batch, output)
        return terms

    def unexplained(self, batch: Batch, output: Output) -> Tensor:
        """Squared error of what dead units make of what the reconstruction lacks: sum over an
        image's entries, mean over the batch. Of each image those that are nearest to acting answer;
        without dead units it is constant."""
        dead = self.usage < RARE  # (K,)
        reach = self.encoder[:-1](batch.input).masked_fill(~dead, -torch.inf)
        most, which = reach.topk(min(HELPERS, self.width), dim=1)  # (batch, helpers)
        # Smooth and above 0, so that whoever is far from acting feels a pull upwards.
        helpers = torch.zeros_like(reach).scatter(1, which, F.softplus(most))
        lacking = (batch.target - self.mean(output.logits)).detach()
        weight = self.encoder[1].weight
        assert isinstance(weight, Tensor)
        answer = (helpers @ weight).view_as(lacking)
        return losses.squared_error(answer, lacking, batch.observed)

    def after_step(self, batch: Batch, output: Output, moment: Moment) -> None:
        acting = (self.activity(output.z) >= 0.5).to(self.usage.dtype).mean(0)
        self.usage.lerp_(acting, 1 - PACE)
