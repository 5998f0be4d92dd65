"""Latent Explorer's core: data, models, training and the run store; knows nothing of any screen.

The public names, each loaded when first asked for, so that reading the store needs no torch.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "VARIANTS": "models",
    "variant": "models",
    "ModelConfig": "config",
    "TrainConfig": "config",
    "Dataset": "data",
    "load_data": "data.load",
    "Request": "train",
    "Progress": "train",
    "build": "train",
    "load_run": "train.load",
    "run": "train",
    "Run": "checkpoints",
    "find": "checkpoints",
    "list_runs": "checkpoints",
    "evaluate_model": "evaluate.evaluate",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    module, _, inner = _PUBLIC[name].partition(".")
    return getattr(importlib.import_module(f"core.{module}"), inner or name)
