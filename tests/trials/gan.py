"""GAN (Goodfellow et al., 2014), non-saturating: no encoder, one opponent."""

from typing import final

from torch.nn import functional as F

from core.config import ModelConfig
from core.models.abilities import Adversarial, Opponent
from core.models.base import DecoderOnly
from core.models.networks import check_latent, mlp_decoder, mlp_encoder
from core.models.priors import StandardNormal
from core.models.signals import NOTHING


class GANConfig(ModelConfig):
    pass


@final
class GAN(Adversarial, StandardNormal, DecoderOnly):
    """Assumes nothing of pixels: a critic says what an image lacks."""

    name, title, Config = "gan", "GAN", GANConfig

    def __init__(self, config, signature):
        check_latent(config.latent, signature)
        super().__init__(config, signature)
        self.decoder = mlp_decoder(config.latent, (24,), signature.shape, "relu")
        self.critic = mlp_encoder(signature.size, (24,), 1, "relu")

    def decode(self, z, condition=NOTHING):
        return self.decoder(z)

    def mean(self, logits):
        return logits.sigmoid()

    def loss_terms(self, batch, output, moment):
        return {"fooling": F.softplus(-self.critic(self.mean(output.logits))).mean()}

    def opponents(self):
        return (Opponent("critic", self.critic, betas=(0.5, 0.999)),)

    def opponent_terms(self, name, batch, output, moment):
        fake = self.critic(self.mean(output.logits))
        real = self.critic(batch.target)
        return {"real": F.softplus(-real).mean(), "fake": F.softplus(fake).mean()}
