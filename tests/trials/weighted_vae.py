"""A VAE that pays more than the bound asks for its code (Higgins et al., 2017)."""

from typing import final

from core.config import knob
from core.models.gaussian import GaussianConfig, LayeredGaussian
from core.models.priors import StandardNormalRate


class WeightedConfig(GaussianConfig):
    beta: float = knob(4.0, ge=1, le=100, label="β", help="Weight of the KL term.")


@final
class WeightedVAE(StandardNormalRate, LayeredGaussian):
    """Assumes independent factors, which a dearer code keeps apart."""

    name, title, Config = "weighted_vae", "Weighted VAE", WeightedConfig

    def loss_terms(self, batch, output, moment):
        return self.negative_elbo(batch, output, self.config.beta)
