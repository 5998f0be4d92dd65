"""The images that a run is shown on, where these are its own: kept in the run's `map.safetensors`.

Runs of MNIST's digits are shown on the 5,000 held-out ones that every map shares, and keep none. A
run of other data keeps up to 5,000 images that were held out of it, prepared as in its training:
`x` (count, *shape) uint8 and `labels` (count,) int16, -1 where there is no class. Of images whose
factors are known `factors` (count, factors) uint8 stand in place of `x`, which is drawn from them.
"""

from __future__ import annotations

import numpy as np

from core.data import Dataset, Provenance, is_sheet, known_factors
from core.data.dataset import DataError
from core.store import checkpoints
from core.store.checkpoints import MAP, Array, CheckpointError, Run
from core.store.schema import ShownRecord

MOST_CLASSES = 254  # of which a map tells one from another; a label is one byte on its way
SEEN = ("images", "sequences")  # kinds of data
LONGEST_NAME = 60  # characters, of a class


def kept(shown: Dataset) -> tuple[dict[str, Array], ShownRecord] | None:
    """What a run keeps of the images, or sequences of images, that it is shown on; None of those
    that all maps share, and of what is no picture."""
    if is_sheet(shown) or shown.kind not in SEEN:
        return None
    names, labels = shown.class_names, shown.labels
    if len(names) > MOST_CLASSES:
        names, labels = (), np.full(len(shown), -1)
    record = ShownRecord(
        name=shown.name,
        split=shown.split,
        count=len(shown),
        class_names=tuple(name[:LONGEST_NAME] for name in names),
    )
    arrays: dict[str, Array] = {"labels": labels.astype(np.int16)}
    if shown.factors is not None and shown.name in known_factors.names():
        return arrays | {"factors": shown.factors.astype(np.uint8)}, record
    x = shown.x if shown.x.dtype == np.uint8 else np.rint(255 * shown.x).astype(np.uint8)
    return arrays | {"x": x}, record


def shown(run: Run) -> Dataset | None:
    """The images that a run keeps for its map; None where it is shown on those that all share.

    Raises:
        CheckpointError: where the file is torn or foreign.
    """
    told = run.record.shown
    if told is None or MAP not in run.record.files:
        return None
    arrays = checkpoints.read_tensors(run, MAP)
    try:
        if "factors" in arrays:
            levels = arrays["factors"].astype(np.int64)
            found = known_factors.of_levels(told.name, told.split, levels)
        else:
            found = Dataset(
                told.name,
                told.split,
                arrays["x"],
                arrays["labels"].astype(np.int64),
                told.class_names,
                Provenance(told.name, "see the run's data"),
                kind=run.record.data.kind,
            )
        if found.x.dtype != np.uint8 or found.shape != run.record.data.shape:
            raise ValueError(f"images of shape {found.shape}")
        if len(found) != told.count:
            raise ValueError(f"{len(found)} images for {told.count}")
    except (DataError, KeyError, ValueError) as error:
        raise CheckpointError(
            "Run {run}: {file} is foreign or torn ({reason}).",
            run=run.id,
            file=MAP,
            reason=str(error),
        ) from None
    return found


def fingerprint(run: Run) -> str:
    """What tells the images that a run is shown on from others: empty for those that all share."""
    return run.record.files[MAP].sha256 if MAP in run.record.files else ""
