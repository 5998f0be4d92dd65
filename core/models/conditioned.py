"""Networks that are told something beside the data: a continuous knob, so that dragging it retrains
nothing, or a label.

Layers' pre-activations are multiplied by a gate, a function of the knob's position s (log β, or a
noise level). The browser runs the same gates; they change only when the knob does.

Bae et al. (2023), Multi-Rate VAE: Train Once, Get the Full Rate-Distortion Curve.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.models.conditions import quadrant_mask
from core.models.networks import WEIGHTED

SURE = 1e-4  # of a pixel that is seen, the probability at most that it is another


class Gate(nn.Module):
    """x → x · φ(w·s + b), one w and b a feature; x is (batch, features, …), s is (batch,).

    `sigmoid`: φ = 2σ, which begins at 1 for every s. `root`: φ(t) = √max(0, 1 − eᵗ), with which a
    linear VAE is optimal at every β exactly: t = log β + log(σ²/λ).
    """

    def __init__(self, features: int, kind: str = "sigmoid") -> None:
        super().__init__()
        self.kind = kind
        root = kind == "root"
        self.weight = nn.Parameter(torch.full((features,), 1.0 if root else 0.0))
        self.bias = nn.Parameter(torch.full((features,), -4.0 if root else 0.0))

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        t = s[:, None] * self.weight + self.bias  # (batch, features)
        gate = (1 - t.exp()).clamp_min(1e-6).sqrt() if self.kind == "root" else 2 * t.sigmoid()
        return x * gate.reshape(*gate.shape, *[1] * (x.ndim - 2))


class Shift(nn.Module):
    """x → x + w·s + b, one w and b a feature; x is (batch, features), s is (batch,)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        return x + s[:, None] * self.weight + self.bias


class Told(nn.Module):
    """x → x + W c, where c is what the model is told, as numbers; x is (batch, features, …), c is
    (batch, at least as many as W has columns), of which W takes the first.

    Behind a linear layer this is the layer that sees c beside its input. W begins at 0: told
    something, a model begins as the one that is told nothing.
    """

    def __init__(self, told: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features, told))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        added = c[:, : self.weight.shape[1]] @ self.weight.T  # (batch, features)
        return x + added.reshape(*added.shape, *[1] * (x.ndim - 2))


class Kept(nn.Module):
    """What is seen of an image stays: x → the image where it is seen, x elsewhere; both are (batch,
    channels, height, width). It is told whether each quadrant is seen and what is seen of the
    image, (batch, 4 + entries), as `Completing` spells it.

    `logit`: x is what a sigmoid is taken of, so the image stands as its log-odds; `plain`: as it
    is.
    """

    def __init__(self, kind: str = "logit") -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        seen = quadrant_mask(c[:, :4] > 0.5, x) > 0.5
        image = c[:, 4:].reshape(x.shape)
        if self.kind == "logit":
            image = image.clamp(SURE, 1 - SURE).logit()
        return torch.where(seen, image, x)


def apply(
    layers: nn.Sequential, x: Tensor, s: Tensor | None = None, told: Tensor | None = None
) -> Tensor:
    """Run a layer list. Its gates and shifts, where it has any, see the knob's position s (batch,),
    and the layers that are told something c, (batch, width)."""
    for layer in layers:
        if isinstance(layer, Told | Kept):
            assert told is not None
            x = layer(x, told)
        else:
            x = layer(x, s) if isinstance(layer, Gate | Shift) else layer(x)
    return x


def told_network(layers: nn.Sequential, told: int) -> nn.Sequential:
    """A plain network whose first weighted layer sees `told` numbers beside its input."""
    first, behind = next(
        (i + 1, Told(told, _features(layer)))
        for i, layer in enumerate(layers)
        if isinstance(layer, WEIGHTED)
    )
    return nn.Sequential(*layers[:first], behind, *layers[first:])


def gated_encoder(layers: nn.Sequential, kind: str) -> nn.Sequential:
    """A plain encoder with a gate behind every weighted layer and a shift of its outputs."""
    out: list[nn.Module] = []
    for layer in layers:
        out.append(layer)
        if isinstance(layer, WEIGHTED):
            out.append(Gate(_features(layer), kind))
    outputs = next(layer for layer in reversed(layers) if isinstance(layer, WEIGHTED))
    return nn.Sequential(*out, Shift(_features(outputs)))


def gated_decoder(layers: nn.Sequential, latent: int, kind: str) -> nn.Sequential:
    """A plain decoder with a gate on the code and behind every weighted layer but the last."""
    last = max(i for i, layer in enumerate(layers) if isinstance(layer, WEIGHTED))
    out: list[nn.Module] = [Gate(latent, kind)]
    for i, layer in enumerate(layers):
        out.append(layer)
        if isinstance(layer, WEIGHTED) and i != last:
            out.append(Gate(_features(layer), kind))
    return nn.Sequential(*out)


def _features(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
