"""Importance-weighted autoencoder: a VAE trained on a tighter bound (Burda et al., 2016)."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from core.config import knob
from core.models.gaussian import GaussianConfig, LayeredGaussian
from core.models.priors import StandardNormalRate
from core.models.signals import Batch, Moment, Output, join


class ImportanceConfig(GaussianConfig):
    """How many draws the bound takes, the likelihood and the networks."""

    draws: int = knob(
        5,
        ge=1,
        le=500,
        label="Draws",
        help="Draws of z for each image, whose mean weight the bound is taken of; 1 is the ELBO.",
    )


@final
class ImportanceWeightedAutoencoder(StandardNormalRate, LayeredGaussian):
    """A VAE that is judged by the best of k draws instead of by each: its posterior may be wider
    than one Gaussian, since poor draws are forgiven, and its bound is nearer to log p(x)."""

    name, title, Config = "iwae", "IWAE", ImportanceConfig

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        return {"bound": -self.bound(batch, output, moment.generator).mean()}

    def bound(self, batch: Batch, output: Output, generator: torch.Generator | None) -> Tensor:
        """L_k = log (1/k) Σᵢ p(x, zᵢ) / q(zᵢ|x) of k draws for each example, in nats: (batch,).

        The first draw is the output's own.
        """
        ((mean, log_var),) = (level.gaussian for level in output.levels)
        weights = [self._log_weight(batch, output)]
        side_by_side = torch.cat([mean, log_var], 1)
        for _ in range(self.config.draws - 1):
            levels = (self.level(side_by_side, generator or torch.Generator(mean.device)),)
            logits = self.decode(join(levels), batch.condition)
            weights.append(self._log_weight(batch, Output(levels, logits)))
        return torch.stack(weights).logsumexp(0) - math.log(len(weights))

    def _log_weight(self, batch: Batch, output: Output) -> Tensor:
        """log p(x|z) + log p(z) − log q(z|x) in nats: (batch,)."""
        log_ratio = self.log_prior(output.z, batch.condition) - self.log_posterior(output.levels)
        return log_ratio - self.likelihood.nll_each(output.logits, batch.target)
