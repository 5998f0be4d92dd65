"""Autoencoders with a Gaussian posterior and a standard normal prior: the VAE's family."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

from core.config import NetworkConfig, knob
from core.measures import losses
from core.models.base import (
    NOTHING,
    Autoencoder,
    Condition,
    Level,
    Probabilistic,
    Signature,
)

LOG_VAR_RANGE = (-12.0, 6.0)


class GaussianConfig(NetworkConfig):
    """The likelihood of the pixels, and the networks."""

    likelihood: Literal["bernoulli", "gaussian"] = knob(
        "bernoulli",
        label="Likelihood",
        help="Distribution of a pixel given z: cross-entropy, or squared error over 2σ².",
    )
    sigma: float = knob(
        0.2,
        gt=0,
        le=2,
        label="σ of the pixels",
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


class GaussianAutoencoder(Autoencoder, Probabilistic):
    """q(z|x) = N(μ(x), diag σ²(x)), p(z) = N(0, I), p(x|z) Bernoulli or Gaussian.

    Subclasses say how `posterior` and `decode` use the condition.
    """

    log_var_range = LOG_VAR_RANGE

    def __init__(self, config: GaussianConfig, signature: Signature) -> None:
        super().__init__(config, signature)
        self.output = nn.Sigmoid() if config.likelihood == "bernoulli" else nn.Identity()

    @abstractmethod
    def posterior(self, x: Tensor, condition: Condition) -> Tensor:
        """Mean and log-variance side by side: (batch, *shape) → (batch, 2K)."""

    def observe(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        if self.config.pixels == "grey":
            return x
        return (torch.empty_like(x).uniform_(generator=generator) < x).to(x.dtype)

    def corrupt(self, x: Tensor, condition: Condition, generator: torch.Generator | None) -> Tensor:
        return x

    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        mean, log_var = self.posterior(x, condition).chunk(2, dim=1)  # (batch, K) each
        log_var = log_var.clamp(*self.log_var_range)
        z = mean if generator is None else losses.gaussian_sample(mean, log_var, generator)
        return (Level(z, mean, log_var),)

    def mean(self, logits: Tensor) -> Tensor:
        return self.output(logits)

    def rate_each(self, levels: tuple[Level, ...], condition: Condition = NOTHING) -> Tensor:
        (level,) = levels
        return losses.kl_standard_normal_each(level.mean, level.log_var)

    def distortion(self, target: Tensor, logits: Tensor) -> Tensor:
        if self.config.likelihood == "bernoulli":
            return losses.bernoulli_nll(logits, target)
        return losses.gaussian_nll(logits, target, self.config.sigma)

    def distortion_each(self, target: Tensor, logits: Tensor) -> Tensor:
        """−log p(x|z) of each example: (batch,), summed over its pixels."""
        if self.config.likelihood == "bernoulli":
            return losses.bernoulli_nll_each(logits, target)
        return losses.gaussian_nll_each(logits, target, self.config.sigma)
