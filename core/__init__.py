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
    "build": "models",
    "ModelConfig": "config",
    "TrainConfig": "config",
    "Dataset": "data",
    "load_data": "data.load",
    "Request": "store.checkpoints.Request",
    "Run": "store.checkpoints.Run",
    "find": "store.checkpoints.find",
    "list_runs": "store.checkpoints.list_runs",
    "estimator": "estimators.estimator",
    "load": "estimators.load",
    "load_run": "store.loading.load_run",
    "Progress": "training.loop.Progress",
    "run": "training.runner.run",
    "evaluate_model": "training.evaluate.evaluate",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    place = _PUBLIC[name]
    module, _, inner = place.rpartition(".") if "." in place else (place, "", name)
    return getattr(importlib.import_module(f"core.{module}"), inner)
