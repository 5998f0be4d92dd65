"""Encoder and decoder for others: plain layer lists for the browser, ONNX for everyone else.

The browser reads a run's own weights.safetensors; all that it needs beside them is the list of
layers, which names the tensors. It is made here once and kept in run.json.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.models.base import Autoencoder
from core.models.conditioned import WEIGHTED, Gate, Shift, apply
from core.models.dial import Dial

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
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and not _plain_convolution(layer):
            raise ExportError(
                "The browser's convolutions are square, without dilation, groups or output padding."
            )
        if isinstance(layer, (*WEIGHTED, Gate, Shift)):
            op |= {"weight": names[id(layer.weight)], "bias": names[id(layer.bias)]}
        if op:
            out.append(op)
    return out


def browser_program(model: Autoencoder) -> dict[str, Any] | None:
    """What a browser needs beside the weights, as plain JSON; None where it can't run them."""
    if not model.capabilities.in_browser:
        return None
    names = {id(p): name for name, p in model.named_parameters()}
    program: dict[str, Any] = {
        "shape": list(model.signature.shape),
        "latent": model.config.latent,
        "encoder": layers(model.encoder_layers(), names),
        "decoder": layers(model.decoder_layers(), names),
    }
    if model.capabilities.has_posterior:
        program["log_var_range"] = list(model.log_var_range)
    if model.dial is not None:
        program["dial"] = asdict(model.dial)
    return program


def _plain_convolution(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    square = all(len(set(pair)) == 1 for pair in (layer.kernel_size, layer.stride, layer.padding))
    padded = isinstance(layer, nn.ConvTranspose2d) and any(layer.output_padding)
    return square and not padded and layer.groups == 1 and set(layer.dilation) == {1}


def onnx(model: Autoencoder, folder: Path, run_id: str) -> dict[str, Path]:
    """Write encoder.onnx and decoder.onnx with a free batch size; each names its run.

    The encoder maps `x` (batch, *shape) in [0, 1] to `code` (batch, K), or for a posterior to
    mean and log-variance side by side (batch, 2K). The decoder maps `z` (batch, K) to pixel
    means `x_hat` (batch, *shape). A continuous knob is fixed at its usual value.

    Raises:
        ExportError: for a layer of a kind that isn't listed in this file.
    """
    import onnx as format

    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "encoder": (model.encoder_layers(), model.signature.shape, "x", "code"),
        "decoder": (model.decoder_layers(), (model.config.latent,), "z", "x_hat"),
    }
    paths = {}
    for name, (network, shape, source, target) in parts.items():
        proto = _onnx_model(network, model.dial, shape, source, target)
        format.helper.set_model_props(proto, {"run": run_id, "part": name})
        format.checker.check_model(proto, full_check=True)
        path = folder / f"{name}.onnx"
        format.save(proto, str(path))
        paths[name] = path
    return paths


OPSET = 20  # the first with GELU


@torch.no_grad()
def _onnx_model(
    network: nn.Sequential, dial: Dial | None, shape: tuple[int, ...], source: str, target: str
) -> Any:
    """A layer list as an ONNX model, from `source` (batch, *shape) to `target`."""
    from onnx import TensorProto, helper, numpy_helper

    position = None if dial is None else torch.tensor([float(dial.position(dial.usual))])
    nodes, constants = [], []
    x = torch.zeros(1, *shape)
    at = source
    for number, layer in enumerate(network):
        for op, tensors, attributes in _onnx_steps(layer, x, position):
            given = [at]
            for tensor in tensors:
                given.append(f"{number}.{len(constants)}")
                constants.append(numpy_helper.from_array(tensor.detach().numpy(), given[-1]))
            before, at = at, f"{number}.{op}"
            if op == "Mul" and not tensors:  # by what the step before it was made from
                given = [nodes[-1].input[0], before]
            nodes.append(helper.make_node(op, given, [at], **attributes))
        x = apply(nn.Sequential(layer), x, position)
    nodes.append(helper.make_node("Identity", [at], [target]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *size])
        for name, size in ((source, shape), (target, x.shape[1:]))
    ]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], constants)
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=9,
        producer_name="Latent Explorer",
    )


_Step = tuple[str, list[torch.Tensor], dict[str, Any]]  # operator, its tensors, its attributes


def _onnx_steps(layer: nn.Module, x: torch.Tensor, position: torch.Tensor | None) -> list[_Step]:
    """What a layer is in ONNX; `x` is an input of its."""
    if type(layer) not in _ONNX:
        known = ", ".join(kind.__name__ for kind in _ONNX)
        raise ExportError(f"ONNX is written for the layers {known}, not {type(layer).__name__}.")
    if isinstance(layer, Gate | Shift):  # at this position a factor or a summand of each feature
        op, neutral = _ONNX[type(layer)]
        each = x.new_full((1, x.shape[1], *[1] * (x.ndim - 2)), neutral)
        return [(op, [layer(each, position)[0]], {})]
    return _ONNX[type(layer)](layer)


def _convolution(layer: nn.Conv2d | nn.ConvTranspose2d) -> list[_Step]:
    if not _plain_convolution(layer):
        raise ExportError("ONNX is written for square convolutions without dilation or groups.")
    attributes = {
        "kernel_shape": list(layer.kernel_size),
        "strides": list(layer.stride),
        "pads": [*layer.padding, *layer.padding],
    }
    op = "ConvTranspose" if isinstance(layer, nn.ConvTranspose2d) else "Conv"
    return [(op, [layer.weight, layer.bias], attributes)]


_ONNX: dict[type[nn.Module], Any] = {
    nn.Linear: lambda layer: [("Gemm", [layer.weight, layer.bias], {"transB": 1})],
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _convolution,
    Gate: ("Mul", 1.0),
    Shift: ("Add", 0.0),
    nn.Flatten: lambda layer: [("Flatten", [], {"axis": 1})],
    nn.Unflatten: lambda layer: [("Reshape", [torch.tensor([-1, *layer.unflattened_size])], {})],
    nn.Identity: lambda layer: [],
    nn.GELU: lambda layer: [("Gelu", [], {"approximate": layer.approximate})],
    nn.ReLU: lambda layer: [("Relu", [], {})],
    nn.SiLU: lambda layer: [("Sigmoid", [], {}), ("Mul", [], {})],
    nn.Tanh: lambda layer: [("Tanh", [], {})],
    nn.Sigmoid: lambda layer: [("Sigmoid", [], {})],
}

_LAYERS: dict[type[nn.Module], Any] = {
    nn.Linear: lambda layer: {"op": "linear"},
    nn.Conv2d: lambda layer: {"op": "conv", "stride": layer.stride[0], "padding": layer.padding[0]},
    nn.ConvTranspose2d: lambda layer: {
        "op": "conv_transpose",
        "stride": layer.stride[0],
        "padding": layer.padding[0],
    },
    Gate: lambda layer: {"op": "gate", "kind": layer.kind},
    Shift: lambda layer: {"op": "shift"},
    nn.Flatten: lambda layer: {"op": "reshape", "shape": None},
    nn.Unflatten: lambda layer: {"op": "reshape", "shape": list(layer.unflattened_size)},
    nn.Identity: lambda layer: {},
    nn.GELU: lambda layer: {"op": "gelu"},
    nn.ReLU: lambda layer: {"op": "relu"},
    nn.SiLU: lambda layer: {"op": "silu"},
    nn.Tanh: lambda layer: {"op": "tanh"},
    nn.Sigmoid: lambda layer: {"op": "sigmoid"},
}
