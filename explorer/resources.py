"""What pages and routes read, kept in memory: the runs on disk and the held-out digits.

Needs no torch, so that the first paint does not wait for it.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path, PurePath
from threading import Lock
from typing import Any

import numpy as np

from core import data
from core.data import images, known_factors
from core.latent import projections, results
from core.measures import metrics
from core.store import arrays, checkpoints, image_sets, maps, result_files
from core.store.checkpoints import CheckpointError, Listing, Run
from explorer import aside
from explorer.aside import RunError, of_run

_reading = Lock()
_packing = Lock()


def runs() -> Listing:
    """All runs but those that are set aside, shipped ones first; a store is read again when its
    folder changes, and what is kept in memory of a run stays for as long as its record does."""
    stores = (checkpoints.shipped_store(), checkpoints.user_store())
    return _both(tuple((store, _changed(store)) for store in stores), aside.count())


@lru_cache(maxsize=2)
def _both(stores: tuple[tuple[Path, int], ...], count: int) -> Listing:
    shipped, own = (_listing(*store) for store in stores)
    bad = aside.refusals()
    both = own.runs | shipped.runs
    ordered = [both[run_id] for run_id in dict.fromkeys((*shipped.runs, *own.runs))]
    there = {run.id: run for run in ordered if run not in bad}
    told = tuple(bad[run] for run in ordered if run in bad)
    return Listing(there, shipped.refused + own.refused + told)


@lru_cache(maxsize=4)
def _listing(store: Path, changed: int) -> Listing:
    return checkpoints.list_runs(store, _opened)


def _opened(folder: Path) -> Run:
    """A run; its record is read once for as long as it stays as it is."""
    try:
        found = (folder / checkpoints.RECORD).stat()
    except OSError:
        return checkpoints.open_run(folder)  # which says what is wrong
    run = _read_once(folder, (found.st_mtime_ns, found.st_size, found.st_ino))
    arrays.check_sizes(run.folder, run.record)
    return run


@lru_cache(maxsize=4096)
def _read_once(folder: Path, record: tuple[int, int, int]) -> Run:
    return checkpoints.open_run(folder)


def _changed(store: Path) -> int:
    try:
        return store.stat().st_mtime_ns
    except OSError:
        return 0


def written(run: Run) -> float:
    """When a run was put into its store; 0 where it is gone."""
    try:
        return (run.folder / checkpoints.RECORD).stat().st_mtime
    except OSError:
        return 0.0


@lru_cache(maxsize=8)
def facts(name: str, split: str) -> checkpoints.DataRecord:
    """What a run records of its data, without keeping the data."""
    found = data.load(name, split)
    return checkpoints.DataRecord(
        name=name,
        split=split,
        fingerprint=found.fingerprint,
        count=len(found),
        shape=found.shape,
        classes=found.classes,
        kind=found.kind,
    )


def digits() -> data.Dataset:
    """The 5,000 held-out digits that every map shows."""
    with _reading:
        return _digits()


@lru_cache(maxsize=1)
def _digits() -> data.Dataset:
    return data.load("mnist-5k", "all")


@lru_cache(maxsize=3)
def packed_digits(part: str) -> bytes:
    """Of the held-out digits `labels` (one byte each), `images` (784 bytes each) or their `mean`
    (784 float32 in [0, 1]), gzipped."""
    return _packed(digits(), part)


@lru_cache(maxsize=8)
def own_set(set_id: str) -> data.Dataset:
    """A set of own images.

    Raises:
        DataError: one that is not there or is damaged.
    """
    return image_sets.open_set(set_id)


def packed_set(set_id: str, part: str) -> bytes:
    """`labels` (one byte each, 255 for none) or `images` (784 bytes each) of own images, gzipped:
    once, also where a whole class asks for them at the same moment.

    Raises:
        DataError: a set that is not there or is damaged.
    """
    with _packing:
        return _packed_set(set_id, part)


@lru_cache(maxsize=8)
def _packed_set(set_id: str, part: str) -> bytes:
    return _packed(own_set(set_id), part)


def _packed(found: data.Dataset, part: str) -> bytes:
    if part == "mean":
        content = (found.x.mean(0) / 255).astype(np.float32)
    elif part == "factors" and found.factors is not None:
        content = found.factors.astype(np.uint8)
    elif part == "sweeps":
        content = known_factors.render(found.name, known_factors.sweeps(found.name))
    else:
        content = found.labels.astype(np.uint8) if part == "labels" else found.x
    return gzip.compress(content.tobytes(), 6, mtime=0)


@lru_cache(maxsize=8)
@of_run
def _own_map(run: Run) -> data.Dataset | None:
    return maps.shown(run)


def shown(run: Run) -> data.Dataset:
    """The images that a run is shown on: its own, or the held-out digits that all maps share.

    Raises:
        CheckpointError: where its own are torn.
    """
    return _own_map(run) or digits()


def on_digits(run: Run) -> bool:
    """Whether a run is shown on the held-out digits that all maps share."""
    return not maps.fingerprint(run)


def data_name(run: Run) -> str:
    """What people call the data that a run is of: of own images their folder or file alone."""
    name = run.record.data.name
    if name.startswith(images.PREFIX):
        return PurePath(name.removeprefix(images.PREFIX)).name or name
    return name


@lru_cache(maxsize=16)
def packed_map(run: Run, part: str) -> bytes:
    """Of the images that a run is shown on `labels` (one byte each, 255 for none), `images` (784
    bytes each) or their `mean` (784 float32 in [0, 1]); where their factors are known also
    `factors` (a byte for each level) and `sweeps` (an image for each level of each); gzipped.

    Raises:
        CheckpointError: where its own are torn.
    """
    try:
        return _packed(shown(run), part)
    except RunError as found:
        raise found.error from None


@lru_cache(maxsize=64)
@of_run
def map_points(run: Run) -> np.ndarray:
    """Map coordinates (count, 2) of the codes of the images that a run is shown on."""
    arrays = checkpoints.read_tensors(run, checkpoints.CODES)
    if "codes" not in arrays:  # too wide to be kept
        return arrays["points"].astype(np.float64)
    plane = projections.Plane(arrays["plane_mean"], arrays["plane_basis"])
    return plane.to_map(arrays["codes"].astype(np.float64))


def on_map(run: Run) -> bool:
    """Whether a run's codes are those of the images that it is shown on."""
    return checkpoints.CODES in run.record.files and len(map_points(run)) == len(shown(run))


@lru_cache(maxsize=16)
@of_run
def pictures(run: Run) -> dict[str, bytes]:
    """The run's pictures by name, each a PNG three times as large, so that pixels stay square; none
    where it kept none or they are torn."""
    if checkpoints.PICTURES not in run.record.files:
        return {}
    from PIL import Image

    found = {}
    for name, content in checkpoints.read_tensors(run, checkpoints.PICTURES).items():
        picture = Image.open(io.BytesIO(content.tobytes()))
        size = (3 * picture.width, 3 * picture.height)
        stream = io.BytesIO()
        picture.resize(size, Image.Resampling.NEAREST).save(stream, "PNG")
        found[name] = stream.getvalue()
    return found


@lru_cache(maxsize=64)
@of_run
def alignment(run: Run, onto: Run) -> dict:
    """The similarity that lays one run's map over another's, as plain JSON for a pad."""
    found = projections.procrustes(map_points(run), map_points(onto))
    return {
        "rotation": found.rotation.ravel().tolist(),
        "scale": found.scale,
        "shift": found.shift.tolist(),
    }


@lru_cache(maxsize=64)
@of_run
def subspace(run: Run) -> np.ndarray:
    """What a linear decoder can reach, but for its shift: its matrix (pixels, K), whose columns
    span it; empty of a decoder that is not linear."""
    layers = [layer for layer in run.record.browser["decoder"] if layer["op"] != "reshape"]
    if [layer["op"] for layer in layers] != ["linear"]:
        return np.zeros((0, 0))
    tensors = checkpoints.read_weights(run)
    return tensors[layers[0]["weight"]].astype(np.float64)


@lru_cache(maxsize=64)
@of_run
def angles(run: Run, other: Run) -> np.ndarray:
    """Principal angles in radians (K,) between what two linear decoders can reach, least first."""
    return metrics.principal_angles(subspace(run), subspace(other))


@lru_cache(maxsize=16)
@of_run
def knots(run: Run) -> dict[str, list]:
    """What was scored at the knots of a run's continuous knob: its values under the knob's own
    name, `rate`, `distortion` in nats per image and `kl` (knots, K)."""
    arrays = checkpoints.read_tensors(run, checkpoints.CODES)
    dial = run.record.browser["dial"]
    values = np.exp(arrays["knots"]) if dial["log"] else arrays["knots"]
    scores = ("rate", "distortion", "kl", "squared_error")
    return {dial["knob"]: values.tolist()} | {
        name: arrays[f"knot_{name}"].tolist() for name in scores if f"knot_{name}" in arrays
    }


def mean_kl(run: Run) -> np.ndarray | None:
    """Mean KL in nats of each latent dimension on the held-out digits (K,), where that has been
    computed, as it has of all runs that ship."""
    path = results.find(results.Subject(run), "each")
    found = result_files.read(path) if path else None
    return found[0].get("kl") if found else None


def variances() -> tuple[np.ndarray, int]:
    """Eigenvalues of the training digits, largest first, as far as the largest run that was solved
    and kept them knows them, and the number of those images; none where there is no such run."""
    for run in _solved(filter(on_digits, runs().runs.values())):
        found = _solution(run).get("variance")
        if found is not None:
            return found.astype(np.float64), run.record.data.count
    return np.zeros(0), 0


def pca_curve(among: Iterable[Run]) -> list[float]:
    """Squared error per image of PCA at K = 0, 1, … on the images that these runs are shown on,
    from the largest PCA among them, one that ships first: what its leading K codes leave
    unexplained. K = 0 is the mean image."""
    for run in _solved(among):
        if _mean_image(run) is not None:
            return _pca_curve(run)
    return []


def _solved(among: Iterable[Run]) -> list[Run]:
    """Runs that were solved in closed form: those that ship first, of these the largest."""
    solved = [
        run
        for run in among
        if run.record.capabilities.get("closed_form") and checkpoints.CODES in run.record.files
    ]
    return sorted(solved, key=lambda run: (is_own(run), -run.record.latent))


@lru_cache(maxsize=8)
def _solution(run: Run) -> dict[str, np.ndarray]:
    """A solved run's tensors; none where they are torn."""
    try:
        return checkpoints.read_weights(run)
    except CheckpointError:
        return {}


def _mean_image(run: Run) -> np.ndarray | None:
    """The mean of the images that it was solved for, where it kept it."""
    mean, there = _solution(run).get("decoder.0.bias"), shown(run)
    if mean is None or mean.size != there.x[0].size:
        return None
    return mean.reshape(there.shape)


@lru_cache(maxsize=4)
@of_run
def _pca_curve(run: Run) -> list[float]:
    codes = checkpoints.read_tensors(run, checkpoints.CODES)["codes"].astype(np.float64)
    trivial = metrics.mean_image_error(shown(run).x / 255, _mean_image(run))
    explained = np.cumsum((codes**2).mean(0))
    return [trivial, *(trivial - explained).tolist()]


_figures: dict[tuple[str, str], Any] = {}


def figure(draw: Callable, *arguments: Any) -> Any:
    """A figure of `explorer.figures`, drawn once for the same arguments whoever asks; plotly takes
    a third of a second for a large one."""
    key = (draw.__name__, repr(arguments))
    if key not in _figures:
        while len(_figures) >= 64:
            _figures.pop(next(iter(_figures)), None)
        _figures[key] = draw(*arguments)
    return _figures[key]


def is_own(run: Run) -> bool:
    """Whether a run is of this server's users, not one that ships."""
    return run.folder.parent != checkpoints.shipped_store()
