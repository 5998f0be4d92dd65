"""A VAE that is judged by what another network sees (Hou et al., 2017)."""

from typing import final

from core.measures import losses
from core.models.abilities import Taught
from core.models.gaussian import GaussianConfig, LayeredGaussian
from core.models.priors import StandardNormalRate


class FeatureConfig(GaussianConfig):
    pass


@final
class FeatureVAE(Taught, StandardNormalRate, LayeredGaussian):
    """Assumes that what matters of an image is what a classifier sees in it."""

    name, title, Config = "feature_vae", "Feature-consistent VAE", FeatureConfig

    def __init__(self, config, signature):
        super().__init__(config, signature)
        self.teachers = ()

    def listen(self, teacher):
        self.teachers = (teacher.eval().requires_grad_(False),)

    def loss_terms(self, batch, output, moment):
        terms = self.negative_elbo(batch, output)
        for teacher in self.teachers:
            theirs = teacher(batch.target)
            terms["features"] = losses.squared_error(teacher(self.mean(output.logits)), theirs)
        return terms
