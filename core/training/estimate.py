"""What a training will cost, told before it begins."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

PART = 4096  # examples that are taken at once where a model is solved from all of them
LOOK = 1000  # examples that scores and maps take at once, `core.latent.coding`
SCORED = 44  # bytes that scoring holds of each number of a split: floats of 4 and 8 bytes
SHOWN, DRAWN = 5000, 12  # digits of the map, and bytes that it holds of each number of one
READ = 32 * 2**20  # bytes that reading data and taking a film need besides
SPARE = 1.15  # what memory that is freed and not given back, and the libraries' own, come to


@dataclass(frozen=True)
class Cost:
    """What a training asks for."""

    samples: int
    parameters: int
    seconds: float  # expected; of training alone


@dataclass(frozen=True)
class Footprint:
    """What a training holds in memory, whatever its batch; `core.training.footprint` counts it.

    Attributes:
        parameters: trainable numbers.
        state: bytes of all that the model keeps.
        step: moments of a training step that may be its fullest: bytes whatever the batch, and
            bytes for each example of it. Empty where that could not be counted.
        look: the same of encoding and decoding.
        whole: whether it looks at the whole data set at once.
        numbers: in one example.
    """

    parameters: int
    state: int = 0
    step: tuple[tuple[int, int], ...] = ()
    look: tuple[tuple[int, int], ...] = ()
    whole: bool = False
    numbers: int = 0


def read_footprint(plain: Mapping[str, Any]) -> Footprint:
    """A footprint that came as plain JSON.

    Raises:
        KeyError, TypeError, ValueError: for anything else.
    """

    def moments(name: str) -> tuple[tuple[int, int], ...]:
        return tuple((int(fixed), int(each)) for fixed, each in plain.get(name, ()))

    return Footprint(
        int(plain["parameters"]),
        int(plain.get("state", 0)),
        moments("step"),
        moments("look"),
        bool(plain.get("whole", False)),
        int(plain.get("numbers", 0)),
    )


def memory(found: Footprint, train: TrainConfig, count: int, scored: int = 0) -> int:
    """Bytes that a training takes beside what its process has anyway, at its fullest.

    Args:
        count: examples in the training set.
        scored: examples in the largest split that it is scored on, the map's aside.
    """
    batch = min(train.batch_size, count)
    examples = max(batch, min(PART, count)) if found.whole else batch
    kept = 2 * found.state  # the model, and its last good weights
    data = 2 * count * found.numbers + 16 * count  # as it was read, and the part of it
    if found.whole:
        data += 4 * count * found.numbers
    # What a training frees is kept by its process, in pieces of which scoring uses few.
    learning = _fullest(found.step, examples)
    looking = _fullest(found.look, LOOK) + (SCORED * scored + DRAWN * SHOWN) * found.numbers
    return round(SPARE * (kept + data + learning + looking) + READ)


def _fullest(moments: Iterable[tuple[int, int]], batch: int) -> int:
    return max((fixed + batch * each for fixed, each in moments), default=0)


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
