"""A training from what is asked for to the run in its store."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator

import numpy as np
import torch
from torch import nn

from core import __version__
from core.config import StoredAs
from core.data import Dataset, few_of, is_sheet, may_share
from core.measures.corruptions import JUDGED
from core.models import build, signature_of
from core.models.abilities import Layered, Taught
from core.models.base import Autoencoder, Member
from core.paths import AnyPath, path_of
from core.store import checkpoints, loading, maps, weights
from core.store.checkpoints import Request
from core.store.rights import OWNER
from core.training import loop
from core.training.continuation import Keeper
from core.training.evaluate import evaluate, noise_matrix
from core.training.film import Film
from core.training.loop import Progress, TrainingError, best_device
from core.training.maps import map_arrays
from core.training.pictures import pictures


def run(
    request: Request,
    store: AnyPath,
    *,
    test: Dataset | None = None,
    on_map: Dataset | None = None,
    device: torch.device | None = None,
    film: Film | None = None,
    on_save: Callable[[], None] | None = None,
    kept: AnyPath | None = None,
    teacher: nn.Module | None = None,
    stored_as: StoredAs = "float32",
    maker: Callable[[], str] | None = None,
) -> Generator[Progress, None, None]:
    """Train what is asked and save it, also when the training is stopped half-way.

    A stopped training never takes the place of the same run's complete one. One whose process is
    killed goes on from `kept`, with the result that it would have had.

    Args:
        request: the run.
        store: folder of runs.
        test: split whose scores go into the record, if it is held out.
        on_map: digits whose codes are drawn on the map; scored too, if they are held out.
        film: takes its frames while the training runs, and is kept in the run.
        on_save: called when the training is over and scoring and saving begin.
        kept: folder where all that is needed to go on is put every ten seconds; emptied at the end.
        teacher: the network whose fingerprint the request names, for a variant that is taught.
        stored_as: number format of the stored weights.
        maker: gives the mark of who asked for it, when it is saved; else it is the owner's.

    Raises:
        TrainingError, CheckpointError: see `train` and `checkpoints.save`.
    """
    model = build(request.variant, request.config, signature_of(request.data), request.train.seed)
    device = device or best_device()
    if isinstance(model, Taught):
        if teacher is None or not request.teacher:
            raise TrainingError(
                "{model} learns from another network, and none was given.", model=model.title
            )
        model.listen(teacher.to(device))
    keeper = Keeper(None if kept is None else path_of(kept), *request.names)
    resume, history = keeper.found()
    last = Progress(0, 1, 0, 0.0)
    if film is not None and not film.begin(model.to(device), resume is not None):
        film = None
    try:
        for last in loop.train(model, request.data, request.train, device, resume):
            if film is not None and isinstance(model, Autoencoder):
                film.look(model, last.step, last.steps, last.samples)
            history.append({"step": last.step, "samples": last.samples, **last.terms})
            keeper.keep(last, history)
            yield last
    finally:
        if on_save is not None:
            on_save()
        if last.step == last.steps or (
            last.samples and not checkpoints.complete([store], request.names)
        ):
            mark = OWNER if maker is None else maker()
            told = (str(device), test, on_map, film, stored_as, mark)
            save(model, request, store, last, history, *told)
        keeper.forget()


def save(
    model: Member,
    request: Request,
    store: AnyPath,
    last: Progress,
    history: list[dict[str, float]],
    device: str = "cpu",
    test: Dataset | None = None,
    on_map: Dataset | None = None,
    film: Film | None = None,
    stored_as: StoredAs = "float32",
    maker: str = OWNER,
) -> checkpoints.Run:
    """Round the weights as they are stored, score the rounded model, and write the run."""
    data = checkpoints.DataRecord.of(request.data)
    model.eval().to("cpu")
    packed = weights.pack(loading.arrays_of(model), stored_as)
    loading.fill(model, weights.unpack(packed))
    tensors: dict[str, dict[str, np.ndarray]] = {checkpoints.WEIGHTS: packed}
    metrics: dict[str, dict[str, float]] = {}
    for split in (test, on_map):
        key = "" if split is None else f"{split.name}/{split.split}"
        if split is not None and key not in metrics and _held_out(split, request.data):
            scores = evaluate(
                model,
                split.x,
                labels=split.labels,
                observed=split.observed,
                factors=split.factors,
            )
            if scores:
                metrics[key] = scores
    shown = on_map or test
    kept = None if on_map is None else maps.kept(on_map)
    if kept is not None:
        tensors[checkpoints.MAP] = kept[0]
    if on_map is not None and isinstance(model, Autoencoder):
        tensors[checkpoints.CODES] = map_arrays(model, on_map)
        judged = few_of(on_map, JUDGED)[1]
        points = is_sheet(on_map) and not model.capabilities.has_posterior
        if points and _held_out(judged, request.data):
            tensors[checkpoints.CODES]["noise_error"] = noise_matrix(model, judged.x, judged.labels)
    if shown is not None and not isinstance(model, Layered):
        drawn = pictures(model, shown)
        if drawn:
            tensors[checkpoints.PICTURES] = drawn
    if film is not None and film.points:
        if isinstance(model, Autoencoder) and film.samples[-1] < last.samples:  # it was stopped
            film.look(model, last.step, last.step, last.samples)
        tensors[checkpoints.FILM] = film.arrays()
    record = checkpoints.RunRecord(
        software=__version__,
        id=request.id,
        variant=request.variant,
        config=request.config.model_dump(mode="json"),
        data=data,
        train=request.train.model_dump(mode="json"),
        status="complete" if last.step == last.steps else "stopped",
        device=device,
        seconds=round(last.seconds, 3),
        samples=last.samples,
        history=tuple(map(_rounded, history)),
        metrics={
            split: {k: float(f"{v:.6g}") for k, v in scores.items() if math.isfinite(v)}
            for split, scores in metrics.items()
        },
        **loading.told_of(model),
        formerly=request.formerly,
        teacher=request.teacher,
        stored_as=stored_as,
        shown=None if kept is None else kept[1],
    )
    return checkpoints.save(store, record, tensors, maker)


def _rounded(entry: dict[str, float]) -> dict[str, float]:
    """An entry of a history in six figures; steps and samples are counted exactly."""
    counts = ("step", "samples")
    return {k: float(v if k in counts else f"{v:.6g}") for k, v in entry.items()}


def _held_out(split: Dataset, trained_on: Dataset | checkpoints.DataRecord) -> bool:
    return not may_share(split.name, split.split, trained_on.name, trained_on.split)
