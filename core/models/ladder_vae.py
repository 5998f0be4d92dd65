"""Ladder VAE: levels of Gaussian codes from the top down (Sønderby et al., 2016), with free nats
(Kingma et al., 2016) and a warm-up against a top that nothing is told to."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

from core.config import ConfigError, knob
from core.measures import losses
from core.models import networks
from core.models.abilities import Generative, Layered
from core.models.gaussian import CentredGaussian, GaussianConfig
from core.models.levels import Levels
from core.models.signals import (
    NOTHING,
    Batch,
    Condition,
    Level,
    Moment,
    Output,
    Signature,
)


class LadderConfig(GaussianConfig):
    """The levels, what keeps the upper ones in use, the likelihood and the networks."""

    latent: int = knob(8, ge=1, le=784, label="K", help="Numbers in the lowest level of the code.")
    upper: tuple[int, ...] = knob(
        (8,),
        label="Upper levels",
        help="Numbers in each level above the lowest, from below; none of them makes a plain VAE.",
    )
    between: tuple[int, ...] = knob(
        (64,),
        label="Between levels",
        help="Widths of the hidden layers from one level up to the next, and of those down again.",
        advanced=True,
    )
    kl_warmup: float = knob(
        0.2,
        ge=0,
        le=1,
        label="KL warm-up",
        help="Share of training in which the weight of the KL term rises from 0 to 1.",
        advanced=True,
    )
    free_bits: float = knob(
        0.25,
        ge=0,
        le=10,
        label="Free nats",
        help="Nats that a dimension's KL, averaged over a batch, costs nothing below.",
        advanced=True,
    )


@final
class LadderVAE(CentredGaussian, Layered, Generative):
    """p(z_top) … p(z₁|z₂) p(x|z): each level says what the one below it varies around, and the
    posterior goes down the same way, with what it saw of x on its way up. So an image is drawn
    from what it is at large down to its detail; the decoder sees all levels."""

    name, title, Config = "ladder_vae", "Ladder VAE", LadderConfig

    def __init__(self, config: LadderConfig, signature: Signature) -> None:
        widths = (config.latent, *config.upper)
        _check(widths)
        super().__init__(config, signature, widths)
        whole = networks.encoder(config, signature, 2 * config.latent)
        self.encoder, last = whole[:-1], whole[-1]
        assert isinstance(last, nn.Linear)
        self.levels = Levels(
            last.in_features, widths, config.between, config.activation, self.log_var_range
        )
        self.decoder = networks.decoder(
            config.model_copy(update={"latent": self.width}), signature, None
        )
        self.output = nn.Sigmoid() if self.likelihood.binary else nn.Identity()

    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        return self.levels.posterior(self.encoder(x), generator)

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        answer: Tensor = self.decoder(z)
        return answer

    def rate_each(self, levels: tuple[Level, ...], condition: Condition = NOTHING) -> Tensor:
        """KL(q(z_i|z_i+1, x) ‖ p(z_i|z_i+1)) of each dimension in nats, the lowest level first:
        (batch, width).

        The top level's is exact. Every other level's is a closed form given the level above as it
        was drawn, so that it is right in the mean over draws of that one; of levels at their means
        it is the one for those.
        """
        given = self.levels.each(tuple(level.z for level in levels))
        pairs = zip(levels, given, strict=True)
        return torch.cat(
            [losses.kl_gaussian_each(*level.gaussian, *prior.gaussian) for level, prior in pairs], 1
        )

    def sample_prior(
        self,
        count: int,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        like = next(self.parameters())
        top = like.new_empty(count, self.widths[-1]).normal_(generator=generator)
        return self.levels.sample(top, generator)

    def log_prior(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        parts = torch.split(z, list(self.widths), dim=1)
        given = self.levels.each(parts)
        pairs = zip(parts, given, strict=True)
        each = [losses.gaussian_log_density(part, *prior.gaussian) for part, prior in pairs]
        return torch.stack(each).sum(0)

    def prior_program(self, names: dict[int, str]) -> dict[str, Any]:
        return {"kind": "levels"}

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        beta = moment.rise(self.config.kl_warmup)
        return self.negative_elbo(batch, output, beta, self.config.free_bits)

    def encoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.encoder, self.levels)

    def decoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.decoder, self.output)


def _check(widths: tuple[int, ...]) -> None:
    if len(widths) > 5 or any(not 1 <= width <= 784 for width in widths[1:]):
        raise ConfigError(
            "Upper levels (upper) must be at most 4 numbers between 1 and 784; got {widths}.",
            widths=widths[1:],
        )
