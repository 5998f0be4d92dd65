"""A VAE with two opponents: one of its images, several steps with a gradient penalty (Gulrajani et
al., 2017), one of its codes."""

from typing import final

import torch
from torch.nn import functional as F

from core.config import knob
from core.models.abilities import Adversarial, Opponent
from core.models.gaussian import GaussianConfig, LayeredGaussian
from core.models.networks import mlp_encoder
from core.models.priors import StandardNormalRate


class VAEGANConfig(GaussianConfig):
    weight: float = knob(1.0, ge=0, le=10, label="Weight", help="Of the opponents' say.")
    silent: bool = knob(False, label="Silent", help="Whether the opponents learn nothing.")


@final
class VAEGAN(Adversarial, StandardNormalRate, LayeredGaussian):
    """Assumes that what a critic can't tell apart is alike."""

    name, title, Config = "vae_gan", "VAE-GAN", VAEGANConfig
    eager = "The gradient penalty is differentiated twice."

    def __init__(self, config, signature):
        super().__init__(config, signature)
        self.critic = mlp_encoder(signature.size, (16,), 1, "silu")
        self.judge = mlp_encoder(config.latent, (8,), 1, "silu")

    def loss_terms(self, batch, output, moment):
        weight = self.config.weight
        return self.negative_elbo(batch, output) | {
            "fooling": -weight * self.critic(self.mean(output.logits)).mean(),
            "code": weight * F.softplus(-self.judge(output.z)).mean(),
        }

    def opponents(self):
        slow = 0.5 * 3e-3
        return (
            Opponent("critic", self.critic, steps=2, learning_rate=slow, betas=(0.0, 0.9)),
            Opponent("judge", self.judge),
        )

    def opponent_terms(self, name, batch, output, moment):
        say = 0.0 if self.config.silent else 1.0
        if name == "judge":
            prior = torch.empty_like(output.z).normal_(generator=moment.generator)
            real, fake = self.judge(prior), self.judge(output.z)
            return {"codes": say * (F.softplus(-real) + F.softplus(fake)).mean()}
        fake, real = self.mean(output.logits), batch.target
        share = torch.empty(len(real), 1, 1, 1, device=real.device)
        share.uniform_(generator=moment.generator)
        between = (share * real + (1 - share) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        distance = (self.critic(fake) - self.critic(real)).mean()
        return {"distance": say * distance, "penalty": say * 10 * penalty}
