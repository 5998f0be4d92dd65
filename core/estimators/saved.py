"""Runs as estimators."""

from __future__ import annotations

from collections.abc import Iterable

from core.config import TrainConfig
from core.estimators.arrays import Form
from core.estimators.estimator import Estimator
from core.estimators.making import estimator
from core.paths import AnyPath
from core.store import loading
from core.store.checkpoints import Run
from core.training.loop import Progress


def load(wanted: Run | AnyPath, stores: AnyPath | Iterable[AnyPath] | None = None) -> Estimator:
    """The estimator of a run, by whatever names the run: its folder, or its id or the beginning of
    it among the shipped runs and the user's own, or those in `stores`.

    Raises:
        CheckpointError: see `core.store.loading.run_of` and `load_run`.
        ConfigError: where the variant or its knobs are unknown here.
    """
    run = loading.run_of(wanted, stores)
    record = run.record
    kind = estimator(record.variant)
    model = loading.load_run(run)
    how = TrainConfig.recorded(record.train)
    knobs = {name: getattr(model.config, name) for name in kind.knobs}
    training = {name: getattr(how, name) for name in kind.training}
    found = kind(**knobs, **training, random_state=how.seed)
    low, high = record.data.span or (0.0, 1.0)
    form = Form(record.data.given or record.data.shape, low, high)
    steps = int(record.history[-1]["step"]) if record.history else 1
    last = Progress(steps, steps, record.samples, record.seconds)
    return found.adopt(model, form, how, record.data, last, list(record.history))
