"""Encoder and decoder as ONNX, written from the layer list itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from core.export import onnx_flows
from core.export.onnx_flows import constants_of, written_nodes
from core.export.programs import ExportError, plain_convolution
from core.models.abilities import Conditional, Dialled, Layered
from core.models.base import Member
from core.models.codebook import Codebook
from core.models.conditioned import SURE, Gate, Kept, Shift, Told, apply
from core.models.conditions import quadrant_mask
from core.models.coupling import Beside, Coupling, Squash, Stretch, Without
from core.models.dial import Dial
from core.models.gaussian import GaussianLevels
from core.models.levels import Levels
from core.models.networks import Largest, LinearTranspose
from core.paths import AnyPath, path_of


def write(model: Member, folder: AnyPath, run_id: str) -> dict[str, Path]:
    """Write encoder.onnx and decoder.onnx with a free batch size; each names its run.

    The encoder maps `x` (batch, *shape) in [0, 1] to `code` (batch, K), or for a posterior to its
    `mean` and its log variance `log_var` (batch, K each). The decoder maps `z` (batch, K) to pixel
    means `x_hat` (batch, *shape). A continuous knob is fixed at its usual value. A model that is
    told something takes it beside, as numbers `c` (batch, width): a label is one-hot.

    Raises:
        ExportError: for a layer of a kind that isn't listed in this file.
    """
    if not isinstance(model, Layered):
        raise ExportError(
            f"{model.title} is no plain list of layers, so there is no ONNX of it; its weights are "
            "in the run's weights.safetensors."
        )
    import onnx as format

    folder = path_of(folder)
    folder.mkdir(parents=True, exist_ok=True)
    code = _POSTERIOR if isinstance(model, GaussianLevels) else ("code",)
    parts = {
        "encoder": (model.encoder_layers(), model.signature.shape, "x", code),
        "decoder": (model.decoder_layers(), (model.width,), "z", ("x_hat",)),
    }
    dial = model.dial if isinstance(model, Dialled) else None
    paths = {}
    limits = model.log_var_range if isinstance(model, GaussianLevels) else None
    spelled = None
    if isinstance(model, Conditional):
        spelled = model.spelled(model.untold(1, torch.device("cpu")))
    for name, (network, shape, source, targets) in parts.items():
        proto = _onnx_model(network, dial, shape, source, targets, limits, spelled)
        format.helper.set_model_props(proto, {"run": run_id, "part": name})
        format.checker.check_model(proto, full_check=True)
        path = folder / f"{name}.onnx"
        format.save(proto, str(path))
        paths[name] = path
    return paths


OPSET = 20  # the first with GELU
_POSTERIOR = ("mean", "log_var")
_RANGE = ("log_var.low", "log_var.high")


@torch.no_grad()
def _onnx_model(
    network: nn.Sequential,
    dial: Dial | None,
    shape: tuple[int, ...],
    source: str,
    targets: tuple[str, ...],
    log_var_range: tuple[float, float] | None,
    told: torch.Tensor | None,
) -> Any:
    """A layer list as an ONNX model, from `source` (batch, *shape) to the `targets`, into which its
    answer is split evenly; a log variance is kept in its range, as the model keeps it. Where the
    model is told something (`told` is an example), `c` is a source as well."""
    from onnx import NodeProto, TensorProto, helper, numpy_helper

    position = None if dial is None else torch.tensor([dial.position(dial.usual)])
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    x = torch.zeros(1, *shape)
    at = source
    for number, layer in enumerate(network):
        more, numbers = _layer_steps(layer, str(number), at, x, position)
        nodes += more
        constants += numbers
        at = more[-1].output[0] if more else at
        x = apply(nn.Sequential(layer), x, position, told)
    if targets == _POSTERIOR:
        mean, log_var = targets
        nodes.append(helper.make_node("Split", [at], [mean, "free"], axis=1, num_outputs=2))
        bounds = np.array(log_var_range, np.float32)
        constants += [numpy_helper.from_array(b, n) for b, n in zip(bounds, _RANGE, strict=True)]
        nodes.append(helper.make_node("Clip", ["free", *_RANGE], [log_var]))
    else:
        nodes.append(helper.make_node("Identity", [at], list(targets)))
    width = x.shape[1] // len(targets)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *size])
        for name, size in [(source, shape), *((name, (width, *x.shape[2:])) for name in targets)]
    ]
    sources = ends[:1]
    if told is not None:
        width = told.shape[1]
        c = helper.make_tensor_value_info("c", TensorProto.FLOAT, ["batch", width])
        sources.append(c)
    graph = helper.make_graph(nodes, "network", sources, ends[1:], constants)
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=9,
        producer_name="Latent Explorer",
    )


def _layer_steps(
    layer: nn.Module, name: str, at: str, x: torch.Tensor, position: torch.Tensor | None
) -> tuple[list[Any], list[Any]]:
    """Nodes and constants of a layer, of what is called `at`, of which `x` is an example; the last
    node's output is its answer."""
    from onnx import helper, numpy_helper

    nodes, constants = [], []
    if type(layer) in _CHAINS:
        nodes, constants = _CHAINS[type(layer)](layer, name, at, x.shape)
        at = nodes[-1].output[0]
    for op, tensors, attributes in _onnx_steps(layer, x, position):
        given = [at]
        for tensor in tensors:
            given.append(f"{name}.{len(constants)}")
            constants.append(numpy_helper.from_array(tensor.detach().numpy(), given[-1]))
        before, at = at, f"{name}.{op}"
        if op == "Mul" and not tensors:  # by what the step before it was made from
            given = [nodes[-1].input[0], before]
        nodes.append(helper.make_node(op, given, [at], **attributes))
    return nodes, constants


def _told_steps(layer: Any, name: str, at: str, shape: torch.Size) -> tuple[list[Any], list[Any]]:
    """Nodes and constants that add W times the first numbers of `c` to what is called `at`, of this
    shape; the last node's output is the sum."""
    weight = layer.weight.detach().T.contiguous().numpy()  # (told, features)
    numbers = {
        "from": np.array([0]),
        "to": np.array([len(weight)]),
        "axis": np.array([1]),
        "weight": weight,
        "sides": np.array([-1, weight.shape[1], *[1] * (len(shape) - 2)]),
    }
    chain = {
        "Slice": ["c", f"{name}.from", f"{name}.to", f"{name}.axis"],
        "MatMul": [f"{name}.Slice", f"{name}.weight"],
        "Reshape": [f"{name}.MatMul", f"{name}.sides"],
        "Add": [at, f"{name}.Reshape"],
    }
    return written_nodes(name, chain, numbers)


def _kept_steps(layer: Any, name: str, at: str, shape: torch.Size) -> tuple[list[Any], list[Any]]:
    """Nodes and constants that put what `c` says is seen of an image in the place of what is called
    `at`, of this shape; the last node's output is that."""
    parts = quadrant_mask(torch.eye(4) > 0, torch.zeros(4, *shape[1:])).flatten(1)
    size = parts.shape[1]
    numbers = {
        "none": np.array([0]),
        "four": np.array([4]),
        "all": np.array([4 + size]),
        "axis": np.array([1]),
        "parts": parts.numpy(),  # (4, entries)
        "half": np.array(0.5, np.float32),
        "one": np.array(1, np.float32),
        "least": np.array(SURE if layer.kind == "logit" else 0, np.float32),
        "most": np.array(1 - SURE if layer.kind == "logit" else 1, np.float32),
        "shape": np.array([-1, *shape[1:]]),
    }
    own = {of: f"{name}.{of}" for of in numbers}
    chain = {
        "Slice:flags": ["c", own["none"], own["four"], own["axis"]],
        "MatMul": [f"{name}.Slice:flags", own["parts"]],
        "Greater": [f"{name}.MatMul", own["half"]],
        "Reshape:seen": [f"{name}.Greater", own["shape"]],
        "Slice:image": ["c", own["four"], own["all"], own["axis"]],
        "Clip": [f"{name}.Slice:image", own["least"], own["most"]],
        "Sub": [own["one"], f"{name}.Clip"],
        "Div": [f"{name}.Clip", f"{name}.Sub"],
        "Log": [f"{name}.Div"],
        "Reshape:whole": [f"{name}.{'Log' if layer.kind == 'logit' else 'Clip'}", own["shape"]],
        "Where": [f"{name}.Reshape:seen", f"{name}.Reshape:whole", at],
    }
    if layer.kind != "logit":
        for op in ("Sub", "Div", "Log"):
            del chain[op]
        del numbers["one"]
    return written_nodes(name, chain, numbers)


def _largest_steps(layer: Any, name: str, at: str, shape: torch.Size) -> Any:
    """Nodes and constants that put 0 in the place of all but the largest numbers of each row of
    what is called `at`; the last node's output is that."""
    from onnx import helper

    own = f"{name}.TopK"
    nodes = [
        helper.make_node("TopK", [at, f"{name}.count"], [own, f"{name}.which"], axis=1),
        helper.make_node("Sub", [at, at], [f"{name}.Sub"]),
        helper.make_node(
            "ScatterElements", [f"{name}.Sub", f"{name}.which", own], [f"{name}.kept"], axis=1
        ),
    ]
    return nodes, constants_of(name, {"count": np.array([layer.count])})


def _nearest_steps(layer: Any, name: str, at: str, shape: torch.Size) -> Any:
    """Nodes and constants that put the nearest entry of a codebook in the place of each point of
    what is called `at`, (batch, length, height, width); the last node's output is that."""
    from onnx import helper

    entries = layer.entries.numpy()
    numbers = {
        "twice": -2 * entries.T,  # (length, entries)
        "squares": (entries**2).sum(1),
        "entries": entries,
    }
    own = {of: f"{name}.{of}" for of in (*numbers, "rows", "product", "far", "which", "chosen")}
    nodes = [
        helper.make_node("Transpose", [at], [own["rows"]], perm=[0, 2, 3, 1]),
        helper.make_node("MatMul", [own["rows"], own["twice"]], [own["product"]]),
        helper.make_node("Add", [own["product"], own["squares"]], [own["far"]]),
        helper.make_node("ArgMin", [own["far"]], [own["which"]], axis=-1, keepdims=0),
        helper.make_node("Gather", [own["entries"], own["which"]], [own["chosen"]]),
        helper.make_node("Transpose", [own["chosen"]], [f"{name}.grid"], perm=[0, 3, 1, 2]),
    ]
    return nodes, constants_of(name, numbers)


def _levels_steps(layer: Any, name: str, at: str, shape: torch.Size) -> Any:
    """Nodes and constants that make of features, called `at`, the means of all levels of a code and
    their log-variances, each level given the mean of the one above it; the last node's output is
    both side by side."""
    from onnx import helper

    nodes: list[Any] = []
    low, high = (np.array(bound, np.float32) for bound in layer.log_var_range)
    constants = constants_of(name, {"low": low, "high": high})

    def add(op: str, given: list[str], to: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(op, given, [f"{name}.{to}"], **attributes))
        return f"{name}.{to}"

    def network(layers: nn.Sequential, of: str, source: str, x: torch.Tensor) -> tuple[str, Any]:
        for number, each in enumerate(layers):
            more, numbers = _layer_steps(each, f"{name}.{of}.{number}", source, x, None)
            nodes.extend(more)
            constants.extend(numbers)
            source = more[-1].output[0]
            x = each(x)
        return source, x

    def clipped(source: str, to: str) -> str:
        return add("Clip", [source, f"{name}.low", f"{name}.high"], to)

    def gaussian(layers: nn.Sequential, of: str, source: str, x: torch.Tensor) -> tuple[str, str]:
        answer, _ = network(layers, of, source, x)
        halves = [f"{name}.{of}.mean", f"{name}.{of}.free"]
        nodes.append(helper.make_node("Split", [answer], halves, axis=1, num_outputs=2))
        return halves[0], clipped(halves[1], f"{of}.log_var")

    x = torch.zeros(shape)
    estimates = []
    for level, layers in enumerate(layer.estimates):
        if level:
            at, x = network(layer.rises[level - 1], f"rise{level}", at, x)
        estimates.append(gaussian(layers, f"estimate{level}", at, x))
    found = [estimates[-1]]
    for level in reversed(range(len(layer.descents))):
        of, (mean, log_var) = f"level{level}", estimates[level]
        above = torch.zeros(1, layer.widths[level + 1])
        expected = gaussian(layer.descents[level], f"descent{level}", found[0][0], above)
        precise = add("Sub", [expected[1], log_var], f"{of}.precise")
        share = add("Sigmoid", [precise], f"{of}.share")  # of the estimate, by its precision
        off = add("Sub", [mean, expected[0]], f"{of}.off")
        step = add("Mul", [share, off], f"{of}.step")
        narrower = add("Add", [log_var, add("Log", [share], f"{of}.log")], f"{of}.narrower")
        found.insert(
            0, (add("Add", [expected[0], step], f"{of}.mean"), clipped(narrower, f"{of}.log_var"))
        )
    add("Concat", [part for parts in zip(*found, strict=True) for part in parts], "both", axis=1)
    return nodes, constants


_CHAINS: dict[type[nn.Module], Any] = {
    Told: _told_steps,
    Kept: _kept_steps,
    Largest: _largest_steps,
    Codebook: _nearest_steps,
    Levels: _levels_steps,
    Stretch: onnx_flows.stretch_steps,
    Squash: onnx_flows.squash_steps,
    Beside: onnx_flows.beside_steps,
    Without: onnx_flows.without_steps,
    Coupling: lambda layer, name, at, shape: onnx_flows.coupling_steps(
        layer, name, at, shape, _onnx_steps
    ),
}


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
    if not plain_convolution(layer) or layer.bias is None:
        raise ExportError(
            "ONNX is written for square convolutions with a bias, without dilation or groups."
        )
    attributes = {
        "kernel_shape": list(layer.kernel_size),
        "strides": list(layer.stride),
        "pads": [*layer.padding, *layer.padding],
    }
    op = "ConvTranspose" if isinstance(layer, nn.ConvTranspose2d) else "Conv"
    return [(op, [layer.weight, layer.bias], attributes)]


_ONNX: dict[type[nn.Module], Any] = {
    nn.Linear: lambda layer: [("Gemm", [layer.weight, layer.bias], {"transB": 1})],
    LinearTranspose: lambda layer: [("Gemm", [layer.weight, layer.bias], {})],
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _convolution,
    Gate: ("Mul", 1.0),
    Shift: ("Add", 0.0),
    **dict.fromkeys(_CHAINS, lambda layer: []),  # see there
    nn.Flatten: lambda layer: [("Flatten", [], {"axis": 1})],
    nn.Unflatten: lambda layer: [("Reshape", [torch.tensor([-1, *layer.unflattened_size])], {})],
    nn.Identity: lambda layer: [],
    nn.GELU: lambda layer: [("Gelu", [], {"approximate": layer.approximate})],
    nn.ReLU: lambda layer: [("Relu", [], {})],
    nn.SiLU: lambda layer: [("Sigmoid", [], {}), ("Mul", [], {})],
    nn.Tanh: lambda layer: [("Tanh", [], {})],
    nn.Sigmoid: lambda layer: [("Sigmoid", [], {})],
}
