"""A run by whatever names it, and its model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from core.config import ConfigError, ModelConfig
from core.export import programs
from core.models import build, outline, variant
from core.models.base import Member
from core.models.signals import Signature
from core.paths import AnyPath, path_of
from core.store import arrays, checkpoints
from core.store.checkpoints import WEIGHTS, Array


def told_of(model: Member) -> dict[str, Any]:
    """What a record says of a model beside its scores: `capabilities`, `widths` of its code, and
    what of it a `browser` runs; plain JSON."""
    capabilities = json.loads(json.dumps(vars(model.capabilities)))
    return {
        "capabilities": capabilities,
        "widths": model.widths,
        "browser": programs.browser_program(model),
    }


def arrays_of(model: torch.nn.Module) -> dict[str, Array]:
    """The model's own tensors by name, on the CPU, not copied where they are there already."""
    return {name: t.detach().cpu().numpy() for name, t in model.state_dict().items()}


def fill(model: torch.nn.Module, tensors: Mapping[str, Array]) -> None:
    """Put such tensors into a model.

    Raises:
        RuntimeError: where they don't fit it.
    """
    model.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in tensors.items()})


def run_of(
    wanted: checkpoints.Run | AnyPath, stores: AnyPath | Iterable[AnyPath] | None = None
) -> checkpoints.Run:
    """A run by itself, by its id or an unambiguous beginning of it, or by its folder.

    Args:
        wanted: a string is an id, unless it is the path of a folder that holds a run.
        stores: where ids are looked up; without any, among the shipped runs and the user's own.

    Raises:
        CheckpointError: where there is none, several are meant, or it can't be read.
    """
    if isinstance(wanted, checkpoints.Run):
        return wanted
    folder = path_of(wanted)
    if isinstance(wanted, Path) or (folder / checkpoints.RECORD).is_file():
        return checkpoints.open_run(folder)
    return checkpoints.find(checkpoints.list_runs(stores), os.fspath(wanted))


def load_run(
    wanted: checkpoints.Run | AnyPath, stores: AnyPath | Iterable[AnyPath] | None = None
) -> Member:
    """The model of a run, named as for `run_of`: a torch module on the CPU, ready to use.

    `model(x)` gives reconstructions of x (batch, *shape) in [0, 1]; `model.encode(x)` codes, and
    `model.mean(model.decode(z))` examples.

    Raises:
        CheckpointError: see `run_of`; also where the weights are torn or don't fit the variant.
        ConfigError: where the variant or its knobs are unknown here.
    """
    return load_model(run_of(wanted, stores))


def load_model(found: checkpoints.Run) -> Member:
    """The model of a run, on the CPU, ready to use. It is built only after the file was seen to
    hold weights of its shapes, so that no record asks for more memory than its run's file has.

    Raises:
        CheckpointError: where the weights are torn or don't fit the variant.
        ConfigError: where the variant or its knobs are unknown here.
    """
    record = found.record
    kind = variant(record.variant)
    signature = Signature(record.data.shape, record.data.classes, record.data.kind)
    config = kind.Config.recorded(record.config)
    _check_fit(found, config, signature)
    model = build(record.variant, config, signature)
    try:
        fill(model, checkpoints.read_weights(found))
    except RuntimeError as error:
        raise _unfit(found, str(error).splitlines()[-1].strip()) from None
    return model.eval()


def _check_fit(found: checkpoints.Run, config: ModelConfig, signature: Signature) -> None:
    """Compare the weights' shapes with the variant's before any memory is set aside for it."""
    checkpoints.check_arrays(found, WEIGHTS)
    try:
        expected = outline(found.record.variant, config, signature).state_dict()
    except ConfigError:
        raise
    except Exception as error:  # whatever a network says of data that it was not made for
        raise _unfit(found, (str(error).splitlines() or [type(error).__name__])[0]) from None
    there = arrays.shapes(arrays.header(found.path(WEIGHTS)))
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    wrong = sorted({name for name, _ in shapes.items() ^ there.items()})
    if wrong:
        raise _unfit(found, ", ".join(name[:80] for name in wrong[:3]))


def _unfit(found: checkpoints.Run, reason: str) -> checkpoints.CheckpointError:
    return checkpoints.CheckpointError(
        "Run {run}: its weights don't fit {model} ({reason}).",
        run=found.id,
        model=variant(found.record.variant).title,
        reason=reason[:200],
    )
