"""Priors that several variants share, and rates against them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from core.measures import losses
from core.models.abilities import Generative, Probabilistic
from core.models.signals import NOTHING, Condition, Level, join


class StandardNormal(Generative):
    """p(z) = N(0, I). Mixed into a model that has parameters, whose device it draws on."""

    widths: tuple[int, ...]

    def sample_prior(
        self,
        count: int,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        device = None if generator is None else generator.device
        return torch.empty(count, sum(self.widths), device=device).normal_(generator=generator)

    def log_prior(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        return losses.gaussian_log_density(z, torch.zeros_like(z), torch.zeros_like(z))

    def prior_program(self, names: dict[int, str]) -> dict[str, Any]:
        return {"kind": "normal"}


class StandardNormalRate(StandardNormal, Probabilistic):
    """The rate of Gaussian posteriors against N(0, I), in closed form, by dimension."""

    def rate_each(self, levels: tuple[Level, ...], condition: Condition = NOTHING) -> Tensor:
        each = [losses.kl_standard_normal_each(*level.gaussian) for level in levels]
        return torch.cat(each, dim=1)


class SampledRate(Generative, Probabilistic):
    """The rate against any prior: log q(z|x) − log p(z) at the drawn z, as one part."""

    def rate_each(self, levels: tuple[Level, ...], condition: Condition = NOTHING) -> Tensor:
        log_ratio = self.log_posterior(levels) - self.log_prior(join(levels), condition)
        return log_ratio[:, None]
