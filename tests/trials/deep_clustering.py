"""DCN (Yang et al., 2017): an autoencoder whose codes are drawn to the centres of clusters."""

from typing import final

import torch
from torch import nn

from core.config import NetworkConfig, knob
from core.models.abilities import Phase, Phased
from core.models.deterministic import PointAutoencoder
from core.models.networks import decoder, encoder


class ClusteringConfig(NetworkConfig):
    clusters: int = knob(4, ge=1, le=100, label="Clusters", help="Number of centres.")


@final
class DeepClustering(Phased, PointAutoencoder):
    """Assumes that data fall into as many heaps as there are centres."""

    name, title, Config = "deep_clustering", "Deep clustering", ClusteringConfig

    def __init__(self, config, signature):
        super().__init__(
            config,
            signature,
            encoder=encoder(config, signature, config.latent),
            decoder=decoder(config, signature, None),
            output=nn.Sigmoid(),
        )
        self.register_buffer("centres", torch.zeros(config.clusters, config.latent))

    def phases(self):
        return (Phase("alone", 0.5, ("encoder", "decoder")), Phase("together", 0.5))

    @torch.no_grad()
    def enter(self, phase, x, generator):
        if phase == "together":
            codes = self.encode(x)[0].z
            order = torch.randperm(len(codes), generator=generator, device=codes.device)
            self.centres.copy_(codes[order[: len(self.centres)]])
            for _ in range(10):  # k-means
                near = torch.cdist(codes, self.centres).argmin(1)
                for i in range(len(self.centres)):
                    if (near == i).any():
                        self.centres[i] = codes[near == i].mean(0)

    def loss_terms(self, batch, output, moment):
        terms = {"reconstruction": self.squared_error(batch, output)}
        if moment.phase == "together":
            nearest = torch.cdist(output.z, self.centres).square().amin(1)
            terms["clusters"] = 0.1 * nearest.mean()
        return terms
