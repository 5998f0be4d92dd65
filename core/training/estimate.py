"""What a training will cost, told before it begins."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.config import ModelConfig, TrainConfig
from core.models import outline
from core.store import weights
from core.store.checkpoints import FILM, WEIGHTS, Run

if TYPE_CHECKING:
    from core.models.signals import Signature

# An everyday core: microseconds a sample, beside that for each thousand parameters, and by how much
# convolutions, which use each parameter many times, take longer. A small step takes as long as one
# of so many samples.
OVERHEAD, PER_THOUSAND, CONV, LEAST_BATCH = 25.0, 0.17, 6.0, 128
START = 0.5  # seconds before the first step, whatever the training
FILMED = 40 * 1000 / 3  # samples of training that take as long as encoding a film's frames
RECENT = 5  # similar runs that are asked how fast this machine is
TELLING = 2.0  # seconds of an everyday core: less work than that says nothing of a machine
PLAUSIBLE = (0.01, 20.0)  # times of this machine beside those of an everyday core


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

    The time is that of an everyday core, times what the latest similar runs of this machine's store
    (same variant and kind of network) took beside it: the median of those that had enough to do to
    tell, within `PLAUSIBLE`, so that no single run, however odd, says what others will cost.

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
        if run.record.variant == name and run.record.config.get("network") == kind
    ]
    latest = sorted(similar, key=_written, reverse=True)
    told = [pace for pace in map(_pace, latest) if pace is not None][:RECENT]
    pace = statistics.median(told) if told else 1.0
    return Cost(samples, size, START + pace * _everyday(samples, batch, size, kind, filmed=True))


def _everyday(samples: float, batch: int, size: int, network: str | None, filmed: bool) -> float:
    """Seconds that the steps of a training, and its film, take an everyday core."""
    each = OVERHEAD + PER_THOUSAND * (CONV if network == "conv" else 1.0) * size / 1000
    worked = samples * max(LEAST_BATCH, batch) / batch
    return 1e-6 * each * (worked + min(FILMED, worked) * filmed)


def _pace(run: Run) -> float | None:
    """How long a run took beside an everyday core; None where it says nothing of that."""
    record = run.record
    if record.samples < 1 or not 0 < record.seconds < math.inf:
        return None
    asked = record.train.get("batch_size")
    if not isinstance(asked, int):
        asked = TrainConfig().batch_size
    batch = max(1, min(asked, record.data.count, record.samples))
    size = max(1, record.files[WEIGHTS].bytes // weights.WIDTH[record.stored_as])
    network = record.config.get("network")
    usual = _everyday(record.samples, batch, size, network, FILM in record.files)
    if usual < TELLING:
        return None
    low, high = PLAUSIBLE
    return min(high, max(low, (record.seconds - START) / usual))


def _written(run: Run) -> float:
    try:
        return run.folder.stat().st_mtime
    except OSError:  # deleted meanwhile
        return 0.0
