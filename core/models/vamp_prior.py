"""VAE with a VampPrior: the prior is made of posteriors (Tomczak & Welling, 2018)."""

from __future__ import annotations

import math
from typing import Any, Literal, final

import torch
from torch import Tensor, nn

from core.config import knob
from core.measures import losses
from core.models.abilities import Phase, Phased
from core.models.gaussian import GaussianConfig, LayeredGaussian
from core.models.priors import SampledRate
from core.models.signals import NOTHING, Batch, Condition, Moment, Output, Signature


class VampConfig(GaussianConfig):
    """The prior's pseudo-inputs, the KL's warm-up, the likelihood and the networks."""

    pseudo_inputs: int = knob(
        100,
        ge=1,
        le=1000,
        label="Pseudo-inputs",
        help="Images whose posteriors make up the prior in equal parts; they are learned.",
    )
    begin: Literal["digits", "noise"] = knob(
        "digits",
        label="Pseudo-inputs begin as",
        help="Images of the training set drawn by the seed, or uniform noise.",
        advanced=True,
    )
    kl_warmup: float = knob(
        0.1,
        ge=0,
        le=1,
        label="KL warm-up",
        help="Share of training in which the weight of the KL term rises from 0 to 1.",
        advanced=True,
    )


@final
class VampPriorVAE(Phased, SampledRate, LayeredGaussian):
    """A VAE whose prior is learned: the mean posterior of some learned images, which are moved
    until it fits the codes. Codes need not fill a ball around 0, so they cost less; where a
    standard normal must be filled, this one goes to where the data are."""

    name, title, Config = "vamp_prior", "VampPrior VAE", VampConfig

    def __init__(self, config: VampConfig, signature: Signature) -> None:
        super().__init__(config, signature)
        self.inputs = nn.Parameter(torch.rand(config.pseudo_inputs, *signature.shape))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("whole", 1.0),)

    @torch.no_grad()
    def enter(self, phase: str, x: Tensor, generator: torch.Generator) -> None:
        if self.config.begin == "digits":
            shape = (len(self.inputs),)
            chosen = torch.randint(len(x), shape, generator=generator, device=x.device)
            self.inputs.copy_(x[chosen])

    def components(self) -> tuple[Tensor, Tensor]:
        """Means and log-variances of the prior's parts: (pseudo-inputs, K) each."""
        (level,) = self.encode(self.inputs.clamp(0, 1))
        return level.gaussian

    def sample_prior(
        self,
        count: int,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        mean, log_var = self.components()
        shape, device = (count,), mean.device
        chosen = torch.randint(len(mean), shape, generator=generator, device=device)
        return losses.gaussian_sample(mean[chosen], log_var[chosen], generator)

    def log_prior(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        mean, log_var = self.components()
        each = losses.gaussian_log_density_each(z, mean, log_var)  # (batch, pseudo-inputs)
        return each.logsumexp(1) - math.log(len(mean))

    def prior_program(self, names: dict[int, str]) -> dict[str, Any]:
        return {"kind": "mixture", "inputs": names[id(self.inputs)]}

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        return self.negative_elbo(batch, output, moment.rise(self.config.kl_warmup))
