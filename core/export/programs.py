"""Encoder and decoder for others: plain layer lists for the browser, ONNX for everyone else.

The browser reads a run's own weights.safetensors; all that it needs beside them is the list of
layers, which names the tensors. It is made here once and kept in run.json.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from torch import nn

from core.models.abilities import Conditional, Dialled, Generative, Layered, Probabilistic, Units
from core.models.base import Member
from core.models.codebook import CausalConv2d, Codebook, Placed
from core.models.conditioned import Gate, Kept, Shift, Told
from core.models.coupling import Beside, Coupling, Squash, Stretch, Without
from core.models.gaussian import GaussianLevels
from core.models.levels import Levels
from core.models.networks import WEIGHTED, Largest, LinearTranspose

Layer = dict[str, Any]


class ExportError(ValueError):
    """A model that can't be exported; the message says which part."""


def layers(network: nn.Sequential, names: dict[int, str]) -> list[Layer]:
    """A network as a list of layers that name their tensors.

    Args:
        network: layers of the kinds listed in this file.
        names: from id of a parameter to its name in the state dict.

    Raises:
        ExportError: for a layer of another kind.
    """
    out = []
    for layer in network:
        if type(layer) not in _LAYERS:
            known = ", ".join(kind.__name__ for kind in _LAYERS)
            raise ExportError(
                f"The browser knows no layer {type(layer).__name__}; it knows {known}."
            )
        if isinstance(layer, nn.GELU) and layer.approximate != "tanh":
            raise ExportError("The browser's GELU is the tanh approximation; this one is not.")
        op = _LAYERS[type(layer)](layer)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and not plain_convolution(layer):
            raise ExportError(
                "The browser's convolutions are square, without dilation, groups or output padding."
            )
        if isinstance(layer, (*WEIGHTED, LinearTranspose, Gate, Shift)):
            op |= {"weight": names[id(layer.weight)], "bias": names[id(layer.bias)]}
        if isinstance(layer, Told):
            op["weight"] = names[id(layer.weight)]
        if isinstance(layer, Codebook):
            op["weight"] = names[id(layer.entries)]
        if isinstance(layer, Coupling):
            op["layers"] = layers(layer.network, names)
        if isinstance(layer, Placed):
            op["bias"] = names[id(layer.bias)]
        if isinstance(layer, Levels):
            for part in ("rises", "estimates", "descents"):
                op[part] = [layers(each, names) for each in getattr(layer, part)]
        if op:
            out.append(op)
    return out


def browser_program(model: Member) -> dict[str, Any] | None:
    """What a browser needs beside the weights, as plain JSON; None where it can't run them."""
    if not isinstance(model, Layered):
        return None
    names = {id(p): name for name, p in (*model.named_parameters(), *model.named_buffers())}
    program: dict[str, Any] = {
        "shape": list(model.signature.shape),
        "latent": model.width,
        "encoder": layers(model.encoder_layers(), names),
        "decoder": layers(model.decoder_layers(), names),
    }
    if isinstance(model, GaussianLevels):
        program["log_var_range"] = list(model.log_var_range)
    if isinstance(model, Probabilistic):
        program["likelihood"] = model.likelihood.program()
    if isinstance(model, Generative):
        program["prior"] = {
            key: layers(value, names) if isinstance(value, nn.Sequential) else value
            for key, value in model.prior_program(names).items()
        }
    if isinstance(model, Dialled):
        program["dial"] = asdict(model.dial)
    if isinstance(model, Conditional):
        program["takes"] = list(model.takes)
    if isinstance(model, Units) and model.rho is not None:
        program["rho"] = model.rho
    return program


def plain_convolution(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    square = all(len(set(pair)) == 1 for pair in (layer.kernel_size, layer.stride, layer.padding))
    padded = isinstance(layer, nn.ConvTranspose2d) and any(layer.output_padding)
    return square and not padded and layer.groups == 1 and set(layer.dilation) == {1}


_LAYERS: dict[type[nn.Module], Any] = {
    nn.Linear: lambda layer: {"op": "linear"},
    LinearTranspose: lambda layer: {"op": "linear_transpose"},
    nn.Conv2d: lambda layer: {"op": "conv", "stride": layer.stride[0], "padding": layer.padding[0]},
    CausalConv2d: lambda layer: _LAYERS[nn.Conv2d](layer),
    nn.ConvTranspose2d: lambda layer: {
        "op": "conv_transpose",
        "stride": layer.stride[0],
        "padding": layer.padding[0],
    },
    Gate: lambda layer: {"op": "gate", "kind": layer.kind},
    Shift: lambda layer: {"op": "shift"},
    Told: lambda layer: {"op": "told"},
    Kept: lambda layer: {"op": "kept", "kind": layer.kind},
    Codebook: lambda layer: {"op": "nearest"},
    Placed: lambda layer: {"op": "place"},
    Largest: lambda layer: {"op": "largest", "count": layer.count},
    Levels: lambda layer: {
        "op": "levels",
        "widths": list(layer.widths),
        "log_var_range": list(layer.log_var_range),
    },
    Stretch: lambda layer: {"op": "stretch"},
    Squash: lambda layer: {"op": "squash"},
    Beside: lambda layer: {"op": "beside", "count": layer.count},
    Without: lambda layer: {"op": "without", "count": layer.count},
    Coupling: lambda layer: {
        "op": "couple",
        "seen": list(layer.seen),
        "moved": list(layer.moved),
        "divides": layer.divides,
    },
    nn.Flatten: lambda layer: {"op": "reshape", "shape": None},
    nn.Unflatten: lambda layer: {"op": "reshape", "shape": list(layer.unflattened_size)},
    nn.Identity: lambda layer: {},
    nn.GELU: lambda layer: {"op": "gelu"},
    nn.ReLU: lambda layer: {"op": "relu"},
    nn.SiLU: lambda layer: {"op": "silu"},
    nn.Tanh: lambda layer: {"op": "tanh"},
    nn.Sigmoid: lambda layer: {"op": "sigmoid"},
}
