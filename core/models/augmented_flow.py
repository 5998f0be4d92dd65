"""Augmented normalising flow (Huang, Dinh & Courville, 2020): a VAE's two halves, made invertible
and done several times over."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from core.config import LayersConfig, knob
from core.models.abilities import Centring, Flowing, Layered, Observing
from core.models.base import Autoencoder
from core.models.coupling import GREYS, Beside, Coupling, Squash, Stretch, Without
from core.models.networks import answer_more, check_latent, mlp_encoder, see_less
from core.models.priors import StandardNormal
from core.models.signals import NOTHING, Batch, Condition, Level, Moment, Output, Signature


class AugmentedFlowConfig(LayersConfig):
    """How much noise stands beside the image, how often the two move each other, and the
    networks."""

    latent: int = knob(
        2, ge=1, le=784, label="K", help="Numbers of noise that stand beside the image's own."
    )
    steps: int = knob(
        2,
        ge=1,
        le=8,
        label="Steps",
        help="How often the noise is moved by the image and the image by the noise; 1 is a VAE "
        "with a Gaussian likelihood whose widths are learned.",
    )
    hidden: tuple[int, ...] = knob(
        (128,),
        label="Hidden units",
        help="Widths of the hidden layers of a network that sees the image; those of one that sees "
        "the noise are mirrored.",
        advanced=True,
    )


@final
class AugmentedFlow(Flowing, StandardNormal, Observing, Centring, Layered, Autoencoder):
    """Beside the image x stands noise e ~ N(0, I). By turns z ← z s(x) + m(x) and x ← (x − μ(z)) /
    σ(z), each undone exactly, until both are to look like N(0, I). What the encoder does to volume
    is known, so log p(x, e) is, and log p(x, e) − log q(e) is in the mean below log p(x).

    One step is a VAE's ELBO with q(z|x) = N(m, s²) and p(x|z) = N(μ, σ²) (section 4.1). Grey levels
    are continuous for it: each gets uniform noise of its own width, and a logit is taken (Dinh et
    al., 2017, section 4.1).
    """

    name, title, Config = "augmented_flow", "Augmented flow", AugmentedFlowConfig

    def __init__(self, config: AugmentedFlowConfig, signature: Signature) -> None:
        check_latent(config.latent, signature)
        k, size = config.latent, signature.size
        super().__init__(config, signature, widths=(k, size))
        noise, image = (0, k), (k, k + size)
        self.stretch = Stretch()
        couplings = []
        for _ in range(config.steps):
            for seen, moved, hidden, divides in (
                (image, noise, config.hidden, False),
                (noise, image, config.hidden[::-1], True),
            ):
                inputs, outputs = seen[1] - seen[0], 2 * (moved[1] - moved[0])
                network = mlp_encoder(inputs, hidden, outputs, config.activation)
                last = list(network.parameters())[-2]
                with torch.no_grad():
                    last.mul_(0.1)  # at the start little is moved
                couplings.append(Coupling(network, seen, moved, divides))
        self.couplings = nn.ModuleList(couplings)

    def observe(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Uniform noise as wide as a grey level, so that densities are of numbers, not of steps."""
        drawn = torch.empty_like(x).uniform_(-0.5, 0.5, generator=generator)
        return x + drawn / (GREYS - 1)

    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        k, flat = self.widths[0], x.flatten(1)
        e = flat.new_zeros(len(flat), k)
        if generator is not None:
            e = torch.empty_like(e).normal_(generator=generator)
        volume = [-self.log_prior(e), self.stretch.log_volume(flat)]  # of noise and image
        state = torch.cat([e, self.stretch.forward(flat)], 1)
        for number, coupling in enumerate(self._steps()):
            state, more = coupling.step(state)
            volume[number % 2] = volume[number % 2] + more
        return Level(state[:, :k], log_volume=volume[0]), Level(state[:, k:], log_volume=volume[1])

    def log_volume(self, levels: tuple[Level, ...]) -> Tensor:
        each = [level.log_volume for level in levels if level.log_volume is not None]
        return torch.stack(each).sum(0)

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        for coupling in reversed(self._steps()):
            z = coupling.inverse().forward(z)
        return z[:, self.widths[0] :].reshape(-1, *self.signature.shape)

    def mean(self, logits: Tensor) -> Tensor:
        return Squash().forward(logits)

    @torch.no_grad()
    def centre(self, mean: Tensor) -> None:
        """The first step takes the data's mean, stretched, from the image, and its encoder sees the
        image less that."""
        encoder, decoder = (coupling.network for coupling in self._steps()[:2])
        middle = self.stretch.forward(mean.flatten()[None])[0]
        see_less(encoder, middle)
        answer_more(decoder, torch.cat([middle, torch.zeros_like(middle)]))

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        """Their sum is −(log p(x, e) − log q(e)) in nats per image, a mean over the batch, with a
        grey level as the pixels' unit: `code` −log N(code; 0, I), `volume` what the encoder does to
        volume, less log q(e)."""
        return {
            "code": -self.log_prior(output.z).mean(),
            "volume": -self.log_volume(output.levels).mean(),
        }

    def encoder_layers(self) -> nn.Sequential:
        return nn.Sequential(nn.Flatten(), self.stretch, Beside(self.widths[0]), *self._steps())

    def decoder_layers(self) -> nn.Sequential:
        back = [coupling.inverse() for coupling in reversed(self._steps())]
        shaped = nn.Unflatten(1, self.signature.shape)
        return nn.Sequential(*back, Without(self.widths[0]), Squash(), shaped)

    def _steps(self) -> list[Coupling]:
        """All couplings, in the order in which the encoder takes them."""
        return [one for one in self.couplings if isinstance(one, Coupling)]
