"""Label-conditional VAE (Sohn et al., 2015; Kingma et al., 2014, their M2's generative half)."""

from __future__ import annotations

from typing import final

from torch import Tensor

from core.config import ConfigError
from core.models.conditioned import told_network
from core.models.conditions import Labelled
from core.models.gaussian import LayeredGaussian, WeightedConfig
from core.models.priors import StandardNormalRate
from core.models.signals import Batch, Moment, Output, Signature


class ConditionalConfig(WeightedConfig):
    """β, the likelihood and the networks."""


@final
class ConditionalVAE(Labelled, StandardNormalRate, LayeredGaussian):
    """Encoder and decoder are told which digit it is, so the code need not say it and keeps what is
    left: slant, stroke and shape."""

    name, title, Config = "conditional_vae", "Conditional VAE", ConditionalConfig

    def __init__(self, config: ConditionalConfig, signature: Signature) -> None:
        if not signature.classes:
            raise ConfigError("A conditional VAE needs data with labels; these have none.")
        super().__init__(config, signature)
        self.encoder = told_network(self.encoder, signature.classes)
        self.decoder = told_network(self.decoder, signature.classes)

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        return self.negative_elbo(batch, output, self.config.beta)
