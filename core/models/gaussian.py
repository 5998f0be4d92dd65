"""Autoencoders with a Gaussian posterior: the VAE's family."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from core.config import ModelConfig, NetworkConfig, knob
from core.measures import losses
from core.models import networks
from core.models.abilities import Centring, Layered, Observing, Probabilistic
from core.models.base import Autoencoder
from core.models.conditioned import apply
from core.models.likelihoods import Bernoulli, Gaussian, Likelihood
from core.models.signals import NOTHING, Batch, Condition, Level, Output, Signature, join

LOG_VAR_RANGE = (-12.0, 6.0)


class LikelihoodConfig(ModelConfig):
    """The likelihood of the pixels."""

    likelihood: Literal["bernoulli", "gaussian"] = knob(
        "bernoulli",
        label="Likelihood",
        help="Distribution of a pixel given z: cross-entropy, or squared error over 2σₓ².",
    )
    sigma: float = knob(
        0.2,
        gt=0,
        le=2,
        label="σₓ of the pixels",
        help="Standard deviation of the Gaussian likelihood; no effect on the Bernoulli one.",
        advanced=True,
        when=("likelihood", "gaussian"),
    )
    pixels: Literal["grey", "binary"] = knob(
        "grey",
        label="Pixels",
        help="Grey values as they are, or drawn anew as 0 or 1 at each use (dynamic binarisation).",
        advanced=True,
    )


class GaussianConfig(LikelihoodConfig, NetworkConfig):
    """The likelihood of the pixels, and the networks."""


class WeightedConfig(GaussianConfig):
    """β, the likelihood and the networks."""

    beta: float = knob(
        1.0,
        ge=0,
        le=100,
        label="β",
        help="Weight of the KL term: 1 is the ELBO, 0 pays nothing for the code's precision.",
    )


class AnnealedConfig(WeightedConfig):
    """How β rises while training, and what of the rate costs nothing."""

    beta_warmup: float = knob(
        0.0,
        ge=0,
        le=1,
        label="β warm-up",
        help="Share of training in which β rises from 0 to its value.",
        advanced=True,
    )
    cycles: int = knob(
        1,
        ge=1,
        le=20,
        label="β cycles",
        help="How often β rises anew from 0, each time for the warm-up's share of a cycle.",
        advanced=True,
    )
    free_bits: float = knob(
        0.0,
        ge=0,
        le=10,
        label="Free nats",
        help="Nats that a dimension's KL, averaged over a batch, costs nothing below.",
        advanced=True,
    )


class GaussianLevels(Observing, Probabilistic, Autoencoder):
    """Gaussian posteriors of one or more levels, p(x|z) Bernoulli or Gaussian.

    Subclasses say how they encode and decode, and mix in a prior and a rate against it
    (`core.models.priors`).
    """

    log_var_range = LOG_VAR_RANGE

    def __init__(
        self, config: Any, signature: Signature, widths: tuple[int, ...] | None = None
    ) -> None:
        super().__init__(config, signature, widths)
        binary = config.likelihood == "bernoulli"
        self.likelihood: Likelihood = Bernoulli() if binary else Gaussian(config.sigma)

    def observe(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        if self.config.pixels == "grey":
            return x
        return (torch.empty_like(x).uniform_(generator=generator) < x).to(x.dtype)

    def level(self, answer: Tensor, generator: torch.Generator | None = None) -> Level:
        """A Gaussian level of mean and log-variance side by side: (batch, 2 · width)."""
        mean, log_var = answer.chunk(2, dim=1)
        log_var = log_var.clamp(*self.log_var_range)
        z = mean if generator is None else losses.gaussian_sample(mean, log_var, generator)
        return Level(z, mean, log_var)

    def mean(self, logits: Tensor) -> Tensor:
        return self.likelihood.mean(logits)

    def log_posterior(self, levels: tuple[Level, ...]) -> Tensor:
        each = [losses.gaussian_log_density(level.z, *level.gaussian) for level in levels]
        return torch.stack(each).sum(0)

    def negative_elbo(
        self, batch: Batch, output: Output, beta: float | Tensor = 1.0, free: float = 0.0
    ) -> dict[str, Tensor]:
        """Distortion and β times the rate, in nats per example: sums, averaged over the batch.

        `beta` is one number, or one for each example: (batch,). Of each part of the rate, averaged
        over the batch, the first `free` nats are not worth saving (Kingma et al., 2016).
        """
        rate = self.rate_each(output.levels, batch.condition)  # (batch, parts)
        kept = rate.mean(0).clamp_min(free).sum() if free else rate.sum(1)
        return {
            "reconstruction": self.likelihood.nll(output.logits, batch.target, batch.observed),
            "kl": (beta * kept).mean(),
        }


class GaussianAutoencoder(GaussianLevels):
    """q(z|x) = N(μ(x), diag σ²(x)), one level. Subclasses say what `posterior` and `decode` are."""

    @abstractmethod
    def posterior(self, x: Tensor, condition: Condition) -> Tensor:
        """Mean and log-variance side by side: (batch, *shape) → (batch, 2 · width)."""

    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        return (self.level(self.posterior(x, condition), generator),)


class CentredGaussian(Centring, GaussianLevels):
    """Can start at the data's mean. Subclasses have layer lists `encoder` and `decoder`."""

    encoder: nn.Sequential
    decoder: nn.Sequential

    @torch.no_grad()
    def centre(self, mean: Tensor) -> None:
        networks.see_less(self.encoder, mean)
        wanted = networks.log_odds(mean) if self.likelihood.binary else mean
        z = join(self.encode(mean[None]))
        networks.answer_more(self.decoder, wanted - self.decode(z)[0])


class LayeredGaussian(CentredGaussian, Layered, GaussianAutoencoder):
    """A Gaussian posterior and a decoder that are plain layer lists, `encoder` and `decoder`.

    Subclasses may build them; else they are what a `NetworkConfig` says.
    """

    def __init__(
        self,
        config: Any,
        signature: Signature,
        encoder: nn.Sequential | None = None,
        decoder: nn.Sequential | None = None,
    ) -> None:
        super().__init__(config, signature)
        self.encoder = encoder or networks.encoder(config, signature, 2 * config.latent)
        self.decoder = decoder or networks.decoder(config, signature, None)
        self.output = nn.Sigmoid() if self.likelihood.binary else nn.Identity()

    def posterior(self, x: Tensor, condition: Condition) -> Tensor:
        return apply(self.encoder, x, self.position(condition, x), self.hearing(condition, x))

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        return apply(self.decoder, z, self.position(condition, z), self.hearing(condition, z))

    def encoder_layers(self) -> nn.Sequential:
        return self.encoder

    def decoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.decoder, self.output)
