"""Stacked autoencoder trained layer by layer, then as a whole (Bengio et al., 2007)."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn

from core.config import LayersConfig, knob
from core.measures import losses
from core.models.abilities import Layered, Phase, Phased
from core.models.base import Autoencoder
from core.models.networks import (
    ACTIVATIONS,
    check_latent,
    log_odds,
    mlp_decoder,
    mlp_encoder,
)
from core.models.signals import NOTHING, Batch, Condition, Level, Moment, Output, Signature

SAMPLE = 20_000  # examples that layers are solved on
RIDGE = 1e-3  # of the least squares, as a share of the mean variance


class GreedyConfig(LayersConfig):
    """How each layer is found, how long before all learn together, and the layers."""

    layers: Literal["trained", "solved"] = knob(
        "trained",
        label="Layers",
        help="Each layer is trained to give back what the one below it says, or solved in closed "
        "form before its nonlinearity.",
    )
    alone: float = knob(
        0.5,
        ge=0,
        le=0.9,
        label="Layer by layer",
        help="Share of the training in which one layer after the other learns alone; then all "
        "learn together.",
        when=("layers", "trained"),
    )


@final
class GreedyAutoencoder(Phased, Layered, Autoencoder):
    """A stacked autoencoder whose layers are found one at a time, each with those below it fixed:
    a layer must keep what the one below says, not what the digits need. Where all are trained at
    once from the start, none has to."""

    name, title, Config = "greedy_ae", "Greedy stacked AE", GreedyConfig

    def __init__(self, config: GreedyConfig, signature: Signature) -> None:
        check_latent(config.latent, signature)
        super().__init__(config, signature)
        self.encoder = mlp_encoder(signature.size, config.hidden, config.latent, config.activation)
        self.decoder = mlp_decoder(config.latent, config.hidden, signature.shape, config.activation)
        self.activation = ACTIVATIONS[config.activation]()

    @property
    def depth(self) -> int:
        """Layers each way."""
        return len(self.config.hidden) + 1

    def phases(self) -> tuple[Phase, ...]:
        alone = self.config.alone if self.config.layers == "trained" else 0.0
        if not alone:
            return (Phase("whole", 1.0),)
        each = [
            Phase(f"layer {i + 1}", alone / self.depth, (f"encoder.{up}", f"decoder.{down}"))
            for i, (up, down) in enumerate(map(self._places, range(self.depth)))
        ]
        return (*each, Phase("whole", 1 - alone))

    @torch.no_grad()
    def enter(self, phase: str, x: Tensor, generator: torch.Generator) -> None:
        if self.config.layers == "solved":
            chosen = torch.randperm(len(x), generator=generator, device=x.device)[:SAMPLE]
            self._solve(x[chosen])
        elif phase == self.phases()[0].name:
            outermost = _linear(self.decoder, self._places(0)[1])
            outermost.bias.copy_(log_odds(x.mean(0)).flatten())

    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        return (Level(self.encoder(x)),)

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        answer: Tensor = self.decoder(z)
        return answer

    def mean(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        """`reconstruction`: squared error of the whole, or while a layer learns alone `layer`: its
        own of what the layers below say; each a sum over entries, a mean over the batch."""
        if not moment.phase.startswith("layer "):
            error = losses.squared_error(self.mean(output.logits), batch.target, batch.observed)
            return {"reconstruction": error}
        i = int(moment.phase.removeprefix("layer ")) - 1
        up, down = self._places(i)
        with torch.no_grad():
            below = self.encoder[:up](batch.input)  # (batch, inputs of the layer)
        code = self.encoder[up](below)
        if i + 1 < self.depth:
            code = self.activation(code)
        back = self.decoder[down](code)
        back = back.sigmoid() if i == 0 else self.activation(back)
        return {"layer": losses.squared_error(back, below)}

    def encoder_layers(self) -> nn.Sequential:
        return self.encoder

    def decoder_layers(self) -> nn.Sequential:
        return nn.Sequential(*self.decoder, nn.Sigmoid())

    def _places(self, i: int) -> tuple[int, int]:
        """Where a layer, 0 the outermost, has its weights in the encoder and in the decoder."""
        return 1 + 2 * i, 2 * (self.depth - 1 - i)

    def _solve(self, x: Tensor) -> None:
        """Each layer up is PCA of what comes from below, before its nonlinearity; each layer down
        is the line from the code to what it must answer before its own, by least squares."""
        below, wanted = x.flatten(1), log_odds(x).flatten(1)
        for i in range(self.depth):
            up, down = self._places(i)
            layer = _linear(self.encoder, up)
            mean = below.mean(0)
            _, axes = torch.linalg.eigh((below - mean).T @ (below - mean))
            weight = axes.flip(1)[:, : layer.out_features].T  # (outputs, inputs)
            layer.weight[: len(weight)].copy_(weight)
            layer.bias.copy_(-(layer.weight @ mean))
            answer = layer(below)  # (count, outputs)
            code = answer if i + 1 == self.depth else self.activation(answer)
            _least_squares(_linear(self.decoder, down), code, wanted)
            below, wanted = code, answer


def _linear(network: nn.Sequential, place: int) -> nn.Linear:
    layer = network[place]
    assert isinstance(layer, nn.Linear)
    return layer


def _least_squares(layer: nn.Linear, x: Tensor, target: Tensor) -> None:
    """Set a linear layer to the best line from x (count, inputs) to a target (count, outputs)."""
    mean, middle = x.mean(0), target.mean(0)
    centred = x - mean
    square = centred.T @ centred
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), device=x.device)
    weight = torch.linalg.solve(square + ridge, centred.T @ (target - middle)).T
    layer.weight.copy_(weight)
    layer.bias.copy_(middle - weight @ mean)
