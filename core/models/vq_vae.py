"""Vector-quantised VAE (van den Oord et al., 2017): a grid of entries of a codebook."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import ModelConfig, knob
from core.measures import losses
from core.models.abilities import Averaging, Centring, Discrete, Generative, Layered
from core.models.base import Autoencoder
from core.models.codebook import Codebook, grid_prior, straight
from core.models.networks import (
    answer_more,
    check_latent,
    grid_decoder,
    grid_encoder,
    grid_size,
    log_odds,
)
from core.models.signals import (
    NOTHING,
    Batch,
    Condition,
    Level,
    Moment,
    Output,
    Signature,
    join,
)


class VQConfig(ModelConfig):
    """The codebook, how it is learned, and the networks."""

    latent: int = knob(4, ge=1, le=64, label="K", help="Numbers in one entry of the codebook.")
    entries: int = knob(
        64, ge=2, le=256, label="Entries", help="Size of the codebook that each place chooses from."
    )
    commitment: float = knob(
        0.25,
        ge=0,
        le=10,
        label="Commitment γ",
        help="Weight of the distance of the encoder's points from the entries that they choose.",
    )
    decay: float = knob(
        0.95,
        ge=0,
        le=0.9999,
        label="Decay",
        help="Of the moving averages that the entries are; with 0 each step is one of k-means.",
        advanced=True,
    )
    channels: tuple[int, ...] = knob(
        (16, 48),
        label="Channels",
        help="Channels of the encoder's convolutions, each of stride 2; the decoder mirrors them.",
        advanced=True,
    )
    prior_width: int = knob(
        32,
        ge=1,
        le=512,
        label="Prior's channels",
        help="Width of the network that says which entry is likely after those before it.",
        advanced=True,
    )


@final
class VQVAE(Averaging, Discrete, Generative, Centring, Layered, Autoencoder):
    """The code is a grid, each of whose places holds one of a few entries: nothing lies between two
    codes. A second network learns which grids there are, entry after entry; it is the prior."""

    name, title, Config = "vq_vae", "VQ-VAE", VQConfig

    def __init__(self, config: VQConfig, signature: Signature) -> None:
        check_latent(config.latent, signature)
        size = grid_size(signature.shape, config.channels)
        super().__init__(config, signature, widths=(config.latent * size[0] * size[1],))
        self.size = size
        self.encoder = grid_encoder(signature.shape, config.channels, config.latent)
        self.book = Codebook(config.entries, config.latent, config.decay)
        self.decoder = grid_decoder(config.latent, config.channels, signature.shape)
        self.prior = grid_prior(config.latent, size, config.prior_width, config.entries)

    def codebook(self) -> Tensor:
        return self.book.entries

    def look_up(self, index: Tensor) -> Tensor:
        return self.book.grid(index, self.size).flatten(1)

    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        points = self.encoder(x)
        index = self.book.nearest(points)
        point = points.flatten(1)
        return (Level(straight(point, self.look_up(index)), point=point, index=index),)

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        """The answer to the entries nearest to z (batch, width): the decoder knows nothing else."""
        answer: Tensor = self.decoder(self.book(self._grid(z)))
        return answer

    def mean(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    @torch.no_grad()
    def centre(self, mean: Tensor) -> None:
        off = log_odds(mean) - self.decode(join(self.encode(mean[None])))[0]
        answer_more(self.decoder, off)

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        """Each a mean over the batch: `reconstruction` and `commitment` squared errors summed over
        entries of the image and of the code, `prior` −log p(code) in nats, of which only the
        prior's network learns."""
        (level,) = output.levels
        assert level.point is not None
        code = level.z.detach()
        commitment = losses.squared_error(level.point, code)
        return {
            "reconstruction": losses.squared_error(
                self.mean(output.logits), batch.target, batch.observed
            ),
            "commitment": self.config.commitment * commitment,
            "prior": -self.log_prior(code).mean(),
        }

    def after_step(self, batch: Batch, output: Output, moment: Moment) -> None:
        (level,) = output.levels
        assert level.point is not None and level.index is not None
        self.book.follow(self._grid(level.point), level.index, moment.generator)

    def log_prior(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        index = self.book.nearest(self._grid(z))
        logits = self.prior(self.book.grid(index, self.size)).flatten(2)  # (batch, entries, places)
        return -F.cross_entropy(logits, index, reduction="none").sum(1)

    def sample_prior(
        self,
        count: int,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        entries = self.book.entries
        grid = entries.new_zeros(count, entries.shape[1], *self.size)
        for row in range(self.size[0]):
            for column in range(self.size[1]):
                shares = self.prior(grid)[:, :, row, column].softmax(1)
                chosen = torch.multinomial(shares, 1, generator=generator)[:, 0]
                grid[:, :, row, column] = entries[chosen]
        return grid.flatten(1)

    def prior_program(self, names: dict[int, str]) -> dict[str, Any]:
        return {"kind": "autoregressive", "layers": self.prior}

    def encoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.encoder, self.book, nn.Flatten())

    def decoder_layers(self) -> nn.Sequential:
        back = nn.Unflatten(1, (self.config.latent, *self.size))
        return nn.Sequential(back, self.book, *self.decoder, nn.Sigmoid())

    def _grid(self, z: Tensor) -> Tensor:
        return z.reshape(len(z), self.config.latent, *self.size)
