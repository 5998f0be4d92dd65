"""An autoencoder whose code is a few entries of a codebook of moving averages, without a prior
(van den Oord et al., 2017)."""

from typing import final

import torch
from torch.nn import functional as F

from core.config import ModelConfig, knob
from core.measures import losses
from core.models.abilities import Averaging, Discrete
from core.models.base import Autoencoder
from core.models.networks import check_latent, mlp_decoder, mlp_encoder
from core.models.signals import NOTHING, Level


class BookConfig(ModelConfig):
    positions: int = knob(4, ge=1, le=64, label="Positions", help="Entries in one code.")
    entries: int = knob(8, ge=2, le=512, label="Entries", help="Size of the codebook.")
    decay: float = knob(0.9, ge=0, le=1, label="Decay", help="Of the codebook's averages.")


@final
class BookAutoencoder(Averaging, Discrete, Autoencoder):
    """A code is a few entries of a codebook; gradients go straight through."""

    name, title, Config = "book_ae", "Codebook AE", BookConfig

    def __init__(self, config, signature):
        check_latent(config.latent, signature)
        super().__init__(config, signature, widths=(config.positions * config.latent,))
        self.encoder = mlp_encoder(signature.size, (24,), self.width, "gelu")
        self.decoder = mlp_decoder(self.width, (24,), signature.shape, "gelu")
        self.register_buffer("entries", torch.randn(config.entries, config.latent))
        self.register_buffer("counts", torch.ones(config.entries))
        self.register_buffer("sums", self.entries.clone())
        self.register_buffer("steps", torch.tensor(0))

    def codebook(self):
        return self.entries

    def look_up(self, index):
        return self.entries[index].flatten(1)

    def encode(self, x, condition=NOTHING, generator=None):
        point = self.encoder(x)
        parts = point.detach().unflatten(1, (self.config.positions, -1))
        index = torch.cdist(parts, self.entries).argmin(2)  # (batch, positions)
        code = self.look_up(index)
        return (Level(point + (code - point).detach(), point=point, index=index),)

    def decode(self, z, condition=NOTHING):
        return self.decoder(z)

    def mean(self, logits):
        return logits.sigmoid()

    def loss_terms(self, batch, output, moment):
        (level,) = output.levels
        commitment = losses.squared_error(level.point, self.look_up(level.index))
        reconstruction = losses.squared_error(self.mean(output.logits), batch.target)
        return {"reconstruction": reconstruction, "commitment": 0.25 * commitment}

    def after_step(self, batch, output, moment):
        (level,) = output.levels
        chosen = F.one_hot(level.index.flatten(), len(self.entries)).to(level.point.dtype)
        points = level.point.unflatten(1, (self.config.positions, -1)).flatten(0, 1)
        self.counts.lerp_(chosen.sum(0), 1 - self.config.decay)
        self.sums.lerp_(chosen.T @ points, 1 - self.config.decay)
        self.entries.copy_(self.sums / self.counts.clamp_min(1e-3)[:, None])
        self.steps += 1
