"""What a training will cost, told before it begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.config import ModelConfig, TrainConfig
from core.models import outline
from core.store import weights
from core.store.checkpoints import WEIGHTS, Run

if TYPE_CHECKING:
    from core.models.signals import Signature

# Where nothing was ever trained: microseconds a sample on one core of an everyday machine, and
# beside that for each thousand parameters.
OVERHEAD, PER_THOUSAND = 25.0, 0.17


@dataclass(frozen=True)
class Cost:
    """What a training asks for."""

    samples: int
    parameters: int
    seconds: float  # expected; of training alone


def parameters(name: str, config: ModelConfig, signature: Signature) -> int:
    """Trainable numbers of a model, counted without making any; loads torch.

    Raises:
        ConfigError: unknown variant, or knobs that don't fit the data.
    """
    return sum(p.numel() for p in outline(name, config, signature).parameters())


def cost(
    name: str,
    config: ModelConfig,
    train: TrainConfig,
    count: int,
    size: int,
    closed_form: bool = False,
    runs: Iterable[Run] = (),
) -> Cost:
    """Samples, parameters and expected seconds of a training.

    The time a sample is that of the latest similar run on this machine's store (same variant and
    kind of network), scaled by the number of parameters; without one, that of an everyday core.

    Args:
        count: examples in the training set.
        size: of the model, as `parameters` counts it.
        closed_form: whether it is solved and not trained.
        runs: from which to learn, those of this machine.
    """
    if closed_form:
        return Cost(count, size, 1.0)
    batch = min(train.batch_size, count)
    samples = max(1, round(train.epochs * count / batch)) * batch
    kind = getattr(config, "network", None)
    similar = [
        run
        for run in runs
        if run.record.variant == name
        and run.record.config.get("network") == kind
        and run.record.samples
    ]
    if similar:
        last = max(similar, key=lambda run: run.folder.stat().st_mtime)
        theirs = max(1, last.record.files[WEIGHTS].bytes // weights.WIDTH[last.record.stored_as])
        each = last.record.seconds / last.record.samples
        return Cost(samples, size, samples * each * (0.3 + 0.7 * size / theirs))
    slow = 6 if kind == "conv" else 1
    micro = OVERHEAD + PER_THOUSAND * slow * size / 1000
    return Cost(samples, size, samples * micro * 1e-6 * 128 / min(128, batch))
