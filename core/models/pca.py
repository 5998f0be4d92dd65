"""PCA behind the autoencoder's contract: the best linear code, in closed form (Hotelling, 1933)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from core.config import ModelConfig
from core.models.abilities import ClosedForm
from core.models.deterministic import PlainPointAutoencoder
from core.models.networks import check_latent
from core.models.signals import Signature


class PCAConfig(ModelConfig):
    """PCA has no knob but K."""


@final
class PCA(ClosedForm, PlainPointAutoencoder):
    """z = W(x − μ), x̂ = Wᵀz + μ with W the K leading eigenvectors of the covariance.

    Assumes that the data lie near a K-dimensional plane. Components are ordered by variance and
    signed so that each one's largest entry is positive.
    """

    name, title, Config = "pca", "PCA", PCAConfig
    variance: Tensor

    def __init__(self, config: PCAConfig, signature: Signature) -> None:
        check_latent(config.latent, signature)
        super().__init__(
            config,
            signature,
            encoder=nn.Sequential(nn.Flatten(), nn.Linear(signature.size, config.latent)),
            decoder=nn.Sequential(
                nn.Linear(config.latent, signature.size), nn.Unflatten(1, signature.shape)
            ),
            output=nn.Identity(),
        )
        self.register_buffer("variance", torch.zeros(config.latent))  # the leading eigenvalues

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        flat = x.flatten(1)
        mean = flat.mean(0, dtype=torch.float64)
        covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=x.device)
        for part in torch.split(flat, 4096):
            centred = part.double() - mean
            covariance += centred.T @ centred
        values, vectors = torch.linalg.eigh(covariance / len(flat))
        components = vectors.flip(1)[:, : self.config.latent].T  # (K, pixels), largest first
        largest = components.abs().argmax(1, keepdim=True)
        components = components * components.gather(1, largest).sign()
        weight, bias = self.encoder.parameters()
        weight.copy_(components)
        bias.copy_(-(components @ mean))
        weight, bias = self.decoder.parameters()
        weight.copy_(components.T)
        bias.copy_(mean)
        self.variance.copy_(values.flip(0)[: self.config.latent])
