"""A flow's layers as nodes of ONNX, and how chains of nodes are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from core.models.coupling import GREYS, MARGIN, REACH

Steps = Callable[[Any, torch.Tensor, torch.Tensor | None], list[Any]]


def written_nodes(
    name: str, chain: dict[str, list[str]], numbers: dict[str, np.ndarray]
) -> tuple[list[Any], list[Any]]:
    """Nodes by their operator (behind a colon what tells two apart) and constants by name."""
    from onnx import helper

    return (
        [
            helper.make_node(op.partition(":")[0], given, [f"{name}.{op}"])
            for op, given in chain.items()
        ],
        constants_of(name, numbers),
    )


def constants_of(name: str, numbers: dict[str, np.ndarray]) -> list[Any]:
    from onnx import numpy_helper

    return [numpy_helper.from_array(array, f"{name}.{of}") for of, array in numbers.items()]


def stretch_steps(layer: Any, name: str, at: str, shape: torch.Size) -> Any:
    """Nodes and constants that take pixels to all of the line."""
    share = (1 - 2 * MARGIN) / GREYS
    numbers = {
        "factor": np.array(share * (GREYS - 1), np.float32),
        "summand": np.array(MARGIN + share / 2, np.float32),
        "least": np.array(MARGIN / 2, np.float32),
        "most": np.array(1 - MARGIN / 2, np.float32),
        "one": np.array(1, np.float32),
    }
    own = {of: f"{name}.{of}" for of in numbers}
    chain = {
        "Mul": [at, own["factor"]],
        "Add": [f"{name}.Mul", own["summand"]],
        "Clip": [f"{name}.Add", own["least"], own["most"]],
        "Sub": [own["one"], f"{name}.Clip"],
        "Div": [f"{name}.Clip", f"{name}.Sub"],
        "Log": [f"{name}.Div"],
    }
    return written_nodes(name, chain, numbers)


def squash_steps(layer: Any, name: str, at: str, shape: torch.Size) -> Any:
    """Nodes and constants that take all of the line to pixels."""
    factor = GREYS / (GREYS - 1) / (1 - 2 * MARGIN)
    numbers = {
        "factor": np.array(factor, np.float32),
        "summand": np.array(-factor * MARGIN - 0.5 / (GREYS - 1), np.float32),
        "least": np.array(0, np.float32),
        "most": np.array(1, np.float32),
    }
    own = {of: f"{name}.{of}" for of in numbers}
    chain = {
        "Sigmoid": [at],
        "Mul": [f"{name}.Sigmoid", own["factor"]],
        "Add": [f"{name}.Mul", own["summand"]],
        "Clip": [f"{name}.Add", own["least"], own["most"]],
    }
    return written_nodes(name, chain, numbers)


def beside_steps(layer: Any, name: str, at: str, shape: torch.Size) -> Any:
    """Nodes and constants that put zeros before the features."""
    return written_nodes(
        name, {"Pad": [at, f"{name}.pads"]}, {"pads": np.array([0, layer.count, 0, 0])}
    )


def without_steps(layer: Any, name: str, at: str, shape: torch.Size) -> Any:
    """Nodes and constants that leave the first features out."""
    numbers = {"from": layer.count, "to": shape[1], "axis": 1}
    given = [at, *(f"{name}.{of}" for of in numbers)]
    return written_nodes(name, {"Slice": given}, {of: np.array([n]) for of, n in numbers.items()})


def coupling_steps(layer: Any, name: str, at: str, shape: torch.Size, steps: Steps) -> Any:
    """Nodes and constants that move some features by what a network says of others; `steps` says
    what a layer of that is."""
    from onnx import helper

    (first, last), (start, end), width = layer.seen, layer.moved, shape[1]
    ends = {"zero": 0, "first": first, "last": last, "start": start, "end": end, "width": width}
    numbers = {of: np.array([n]) for of, n in ends.items()}
    numbers |= {"axis": np.array([1]), "reach": np.array(REACH, np.float32)}
    own = {of: f"{name}.{of}" for of in numbers}

    def cut(one: str, other: str) -> list[str]:
        return [at, own[one], own[other], own["axis"]]

    nodes, constants = written_nodes(name, {"Slice:seen": cut("first", "last")}, numbers)
    now = f"{name}.Slice:seen"
    for depth, inner in enumerate(layer.network):
        for op, tensors, attributes in steps(inner, torch.zeros(1, last - first), None):
            given, now = [now], f"{name}.{depth}.{op}"
            for number, tensor in enumerate(tensors):
                given.append(f"{name}.{depth}.{number}")
                constants += constants_of(f"{name}.{depth}", {str(number): tensor.detach().numpy()})
            nodes.append(helper.make_node(op, given, [now], **attributes))
    said = [f"{name}.shift", f"{name}.free"]
    nodes.append(helper.make_node("Split", [now], said, axis=1, num_outputs=2))
    bent = {
        "Div": [said[1], own["reach"]],
        "Tanh": [f"{name}.Div"],
        "Mul:scale": [f"{name}.Tanh", own["reach"]],
        "Exp": [f"{name}.Mul:scale"],
        "Slice:moved": cut("start", "end"),
    }
    part, factor = f"{name}.Slice:moved", f"{name}.Exp"
    if layer.divides:
        bent |= {"Sub": [part, said[0]], "Div:done": [f"{name}.Sub", factor]}
    else:
        bent |= {"Mul:by": [part, factor], "Add:done": [f"{name}.Mul:by", said[0]]}
    bent |= {"Slice:before": cut("zero", "start"), "Slice:after": cut("end", "width")}
    nodes += written_nodes(name, bent, {})[0]
    done = "Div:done" if layer.divides else "Add:done"
    whole = [f"{name}.{of}" for of in ("Slice:before", done, "Slice:after")]
    nodes.append(helper.make_node("Concat", whole, [f"{name}.Concat"], axis=1))
    return nodes, constants
