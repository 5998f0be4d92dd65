"""Encoder and decoder networks as plain layer lists, which the browser can also run."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.config import ConfigError, NetworkConfig
from core.models.signals import Signature
from core.refusal import Refusal

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "gelu": lambda: nn.GELU(approximate="tanh"),
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def check_latent(latent: int, signature: Signature) -> None:
    """Raise ConfigError where a code would be larger than the image that it stands for."""
    if latent > signature.size:
        raise ConfigError(
            "K (latent) must be between 1 and {size}, the number of entries of one example; "
            "got {latent}.",
            size=signature.size,
            latent=latent,
        )


def encoder(
    config: NetworkConfig, signature: Signature, outputs: int, wide: bool = False
) -> nn.Sequential:
    """Network from (batch, *shape) to (batch, outputs); a `wide` code may have more numbers than
    the image, since something else keeps its model from copying."""
    if not wide:
        check_latent(config.latent, signature)
    if config.network == "conv":
        return conv_encoder(
            signature.shape, config.channels, config.dense, outputs, config.activation
        )
    return mlp_encoder(signature.size, config.hidden, outputs, config.activation)


def decoder(config: NetworkConfig, signature: Signature, output: nn.Module | None) -> nn.Sequential:
    """Network from (batch, K) to (batch, *shape), then `output` if given."""
    if config.network == "conv":
        layers = conv_decoder(
            config.latent, config.dense, config.channels, signature.shape, config.activation
        )
    else:
        layers = mlp_decoder(config.latent, config.hidden, signature.shape, config.activation)
    return nn.Sequential(*layers, *([output] if output is not None else []))


def mlp_encoder(size: int, hidden: tuple[int, ...], outputs: int, activation: str) -> nn.Sequential:
    """Fully connected: (batch, *shape) → hidden widths → (batch, outputs)."""
    _check_widths(Refusal("Hidden units (hidden)"), hidden, 4096)
    widths = (size, *hidden)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
    layers.append(nn.Linear(widths[-1], outputs))
    return initialised(nn.Sequential(*layers))


def mlp_decoder(
    latent: int, hidden: tuple[int, ...], shape: tuple[int, ...], activation: str
) -> nn.Sequential:
    """The mirror image of `mlp_encoder`: (batch, K) → (batch, *shape)."""
    widths = (latent, *reversed(hidden))
    layers: list[nn.Module] = []
    for before, after in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
    layers += [nn.Linear(widths[-1], math.prod(shape)), nn.Unflatten(1, shape)]
    return initialised(nn.Sequential(*layers))


def conv_encoder(
    shape: tuple[int, ...], channels: tuple[int, ...], dense: int, outputs: int, activation: str
) -> nn.Sequential:
    """Convolutions of kernel 4 and stride 2, each halving the image, then two linear layers."""
    height, width = grid_size(shape, channels)
    layers: list[nn.Module] = []
    before = shape[0]
    for after in channels:
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), ACTIVATIONS[activation]()]
        before = after
    layers += [
        nn.Flatten(),
        nn.Linear(before * height * width, dense),
        ACTIVATIONS[activation](),
        nn.Linear(dense, outputs),
    ]
    return initialised(nn.Sequential(*layers))


def conv_decoder(
    latent: int, dense: int, channels: tuple[int, ...], shape: tuple[int, ...], activation: str
) -> nn.Sequential:
    """The mirror image of `conv_encoder`, with transposed convolutions."""
    height, width = grid_size(shape, channels)
    widths = (*reversed(channels), shape[0])
    layers: list[nn.Module] = [
        nn.Linear(latent, dense),
        ACTIVATIONS[activation](),
        nn.Linear(dense, widths[0] * height * width),
        ACTIVATIONS[activation](),
        nn.Unflatten(1, (widths[0], height, width)),
    ]
    for before, after in zip(widths, widths[1:], strict=False):
        layers += [
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1),
            ACTIVATIONS[activation](),
        ]
    return initialised(nn.Sequential(*layers[:-1]))


def grid_encoder(shape: tuple[int, ...], channels: tuple[int, ...], length: int) -> nn.Sequential:
    """Convolutions that each halve the image, and two of a place's surroundings and of the place:
    (batch, *shape) → (batch, length, *`grid_size`)."""
    grid_size(shape, channels)
    layers: list[nn.Module] = []
    before = shape[0]
    for after in channels:
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), ACTIVATIONS["gelu"]()]
        before = after
    layers += [nn.Conv2d(before, before, 3, padding=1), ACTIVATIONS["gelu"]()]
    return initialised(nn.Sequential(*layers, nn.Conv2d(before, length, 1)))


def grid_decoder(length: int, channels: tuple[int, ...], shape: tuple[int, ...]) -> nn.Sequential:
    """The mirror image of `grid_encoder`: (batch, length, *`grid_size`) → (batch, *shape)."""
    widths = (*reversed(channels), shape[0])
    layers: list[nn.Module] = [nn.Conv2d(length, widths[0], 3, padding=1), ACTIVATIONS["gelu"]()]
    for before, after in zip(widths, widths[1:], strict=False):
        layers += [
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1),
            ACTIVATIONS["gelu"](),
        ]
    return initialised(nn.Sequential(*layers[:-1]))


class Largest(nn.Module):
    """The largest numbers of each row stay, the others become 0: (batch, features) both ways.
    Makhzani & Frey (2013). While it is trained it may keep more of them."""

    more: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.register_buffer("more", torch.tensor(0))  # that are kept in training beside them

    def widen(self, features: int, share: float | Tensor) -> None:
        """From here on keep so large a share of the other numbers in training as well."""
        self.more.copy_(torch.as_tensor((features - self.count) * share).round())

    def forward(self, x: Tensor) -> Tensor:
        count = x.shape[1] if self.training else self.count
        most, which = x.topk(count, dim=1)  # just so many, also where numbers are equal
        if self.training:  # how many is no plain number here, so that a step can be captured
            most = most * (torch.arange(count, device=x.device) < self.count + self.more)
        return torch.zeros_like(x).scatter(1, which, most)


class LinearTranspose(nn.Module):
    """x → x W + b, with the weight W (inputs, outputs) of a linear layer that owns it."""

    def __init__(self, owner: nn.Linear) -> None:
        super().__init__()
        self.owner = (owner,)  # in a tuple, so that the weight is no part of this module too
        self.bias = nn.Parameter(torch.zeros(owner.in_features))

    @property
    def weight(self) -> Tensor:
        """As its owner has it: (inputs, outputs)."""
        return self.owner[0].weight

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


def tied_decoder(encoder: nn.Sequential, shape: tuple[int, ...], activation: str) -> nn.Sequential:
    """The mirror image of a fully connected encoder, with its weights: (batch, K) → (batch,
    *shape). What a penalty takes from the encoder's weights, the decoder can't give back."""
    owners = [layer for layer in encoder if isinstance(layer, nn.Linear)]
    layers: list[nn.Module] = []
    for owner in reversed(owners):
        layers += [LinearTranspose(owner), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1], nn.Unflatten(1, shape))


def initialised(layers: nn.Sequential) -> nn.Sequential:
    """Weights N(0, 1/fan-in) scaled for the layer list's activations, biases zero."""
    with torch.no_grad():
        for layer in layers:
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
    return layers


WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
LEAST = 0.005  # probability of a pixel at the start, so that none is beyond learning


@torch.no_grad()
def see_less(encoder: nn.Sequential, mean: Tensor) -> None:
    """Let an encoder's first layer see its inputs less their mean (*shape). Convolutions stay as
    they are: at an edge their padding is no mean."""
    first = next(layer for layer in encoder if isinstance(layer, WEIGHTED))
    if isinstance(first, nn.Linear):
        first.bias.sub_(first.weight @ mean.flatten())


@torch.no_grad()
def answer_more(decoder: nn.Sequential, off: Tensor) -> None:
    """Move what a decoder's last layer answers by so much (*shape); a convolution's by its mean."""
    kinds = (*WEIGHTED, LinearTranspose)
    last = next(layer for layer in reversed(decoder) if isinstance(layer, kinds))
    assert last.bias is not None
    flat = isinstance(last, nn.Linear | LinearTranspose)
    last.bias.add_(off.flatten() if flat else off.mean((1, 2)))


def log_odds(mean: Tensor) -> Tensor:
    """What a sigmoid answers a mean in [0, 1] for, within reach of learning."""
    return mean.clamp(LEAST, 1 - LEAST).logit()


def grid_size(shape: tuple[int, ...], channels: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of what is left of an image that each of the convolutions halves.

    Raises:
        ConfigError: where an image can't be halved so often.
    """
    _check_widths(Refusal("Channels (channels)"), channels, 512)
    factor = 2 ** len(channels)
    if not channels or len(shape) != 3 or shape[1] % factor or shape[2] % factor:
        raise ConfigError(
            "Channels (channels) must name 1 or more layers that each halve the image's height "
            "and width; {count} layers don't fit images of shape {shape}.",
            count=len(channels),
            shape=shape,
        )
    return shape[1] // factor, shape[2] // factor


def _check_widths(what: Refusal, widths: tuple[int, ...], most: int) -> None:
    if len(widths) > 8 or any(not 1 <= width <= most for width in widths):
        raise ConfigError(
            "{what} must be at most 8 numbers between 1 and {most}; got {widths}.",
            what=what,
            most=most,
            widths=tuple(widths),
        )
