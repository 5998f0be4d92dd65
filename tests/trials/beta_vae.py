"""β-VAE (Higgins et al., 2017): a VAE that pays more than the bound asks for its code."""

from typing import final

from core.config import knob
from core.models.gaussian import GaussianConfig, LayeredGaussian
from core.models.priors import StandardNormalRate


class BetaVAEConfig(GaussianConfig):
    beta: float = knob(4.0, ge=1, le=100, label="β", help="Weight of the KL term.")


@final
class BetaVAE(StandardNormalRate, LayeredGaussian):
    """Assumes independent factors, which a dearer code keeps apart."""

    name, title, Config = "beta_vae", "β-VAE", BetaVAEConfig

    def loss_terms(self, batch, output, moment):
        return self.negative_elbo(batch, output, self.config.beta)
