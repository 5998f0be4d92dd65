"""Networks that take a continuous knob as an input, so that dragging it retrains nothing.

Each layer's pre-activations are multiplied by a gate, a function of the knob's position s (log β,
or a noise level). The browser runs the same gates; they change only when the knob does.

Bae et al. (2023), Multi-Rate VAE: Train Once, Get the Full Rate-Distortion Curve.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


class Gate(nn.Module):
    """x → x · φ(w·s + b), one w and b a feature; s is (batch,).

    `sigmoid`: φ = 2σ, which begins at 1 for every s. `root`: φ(t) = √max(0, 1 − eᵗ), with which a
    linear VAE is optimal at every β exactly: t = log β + log(σ²/λ).
    """

    def __init__(self, features: int, kind: str = "sigmoid", channels_first: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.channels_first = channels_first
        start = 1.0 if kind == "root" else 0.0
        offset = -3.0 if kind == "root" else 0.0
        self.weight = nn.Parameter(torch.full((features,), start))
        self.bias = nn.Parameter(torch.full((features,), offset))

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        t = s[:, None] * self.weight + self.bias  # (batch, features)
        gate = (1 - t.exp()).clamp_min(1e-6).sqrt() if self.kind == "root" else 2 * t.sigmoid()
        return x * (gate[:, :, None, None] if self.channels_first else gate)


class Conditioned(nn.Module):
    """A layer list whose gates see the knob's position."""

    def __init__(self, layers: nn.Sequential, kind: str = "sigmoid", last: bool = True) -> None:
        """Put a gate behind every linear and convolutional layer of a plain layer list.

        Args:
            layers: as `networks` builds them.
            kind: of the gates.
            last: whether the last layer gets one too.
        """
        super().__init__()
        weighted = [i for i, layer in enumerate(layers) if isinstance(layer, WEIGHTED)]
        out: list[nn.Module] = []
        for i, layer in enumerate(layers):
            out.append(layer)
            if i in weighted and (last or i != weighted[-1]):
                flat = isinstance(layer, nn.Linear)
                features = layer.out_features if flat else layer.out_channels
                out.append(Gate(features, kind, channels_first=not flat))
        self.layers = nn.Sequential(*out)

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, s) if isinstance(layer, Gate) else layer(x)
        return x
