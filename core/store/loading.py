"""The model of a run."""

from __future__ import annotations

import torch

from core.models import build, variant
from core.models.base import Member
from core.models.signals import Signature
from core.store import checkpoints


def load_model(found: checkpoints.Run) -> Member:
    """The model of a run, on the CPU, ready to use.

    Raises:
        CheckpointError: where the weights are torn or don't fit the variant.
        ConfigError: where the variant or its knobs are unknown here.
    """
    record = found.record
    kind = variant(record.variant)
    signature = Signature(record.data.shape, record.data.classes, record.data.kind)
    model = build(record.variant, kind.Config.checked(record.config), signature)
    arrays = checkpoints.read_tensors(found, checkpoints.WEIGHTS)
    try:
        model.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in arrays.items()})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise checkpoints.CheckpointError(
            "Run {run}: its weights don't fit {model} ({reason}).",
            run=found.id,
            model=kind.title,
            reason=reason,
        ) from None
    return model.eval()
