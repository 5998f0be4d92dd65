"""What pages tell of a run beyond its own files: other maps, their scores, errors of each digit.

Each kind of result is computed once and kept by content (`core.store.result_files`). A server
computes what is missing in a process of its own: `core.latent.compute`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.data.strata import stratified
from core.latent import sampling
from core.refusal import Refusal
from core.store import checkpoints, maps, records, result_files
from core.store.checkpoints import CODES, WEIGHTS, Run
from core.store.schema import WIDE

DIGITS = ("mnist-5k", "all")  # what a run is shown on where no other set is named
MOST_POINTS = 10_000  # of a map's scores, which look at all pairs


class AxesError(Refusal, ValueError):
    """A map of two dimensions that a code does not have; one sentence."""


Report = Callable[[float], None]
Found = tuple[dict[str, np.ndarray], dict[str, Any]]  # arrays, notes


@dataclass(frozen=True, eq=False)
class Subject:
    """A run on a set of images: what a result is of."""

    run: Run
    set_id: str | None = None  # of the user's own images; None is the held-out digits
    seed: int = 0
    _held: dict[str, Any] = field(default_factory=dict)

    @property
    def images(self) -> Any:
        """The set, a `core.data.dataset.Dataset`."""
        return self._once("images", self._load)

    @property
    def codes(self) -> np.ndarray:
        """Codes of the set (count, K) float32."""
        return self._once("codes", self._encode)

    @property
    def model(self) -> Any:
        """The run's model; loads torch."""
        from core.store import loading

        return self._once("model", lambda: loading.load_model(self.run))

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._held:
            self._held[name] = make()
        return self._held[name]

    def _load(self) -> Any:
        if self.set_id is None:
            from core import data

            return maps.shown(self.run) or data.load(*DIGITS)
        from core.store import image_sets

        return image_sets.open_set(self.set_id)

    def _encode(self) -> np.ndarray:
        from core.latent import coding

        if self.set_id is not None:
            return coding.encode(self.model, self.images.x, dial=_usual(self.model)).mean
        kept = checkpoints.read_tensors(self.run, CODES).get("codes")
        if kept is not None:
            return kept.astype(np.float32)
        return coding.encode(self.model, self.images.x, self.images.labels).mean


def _usual(model: Any) -> float | None:
    return model.dial.usual if model.capabilities.has_dial else None


# --- Kinds of results ---------------------------------------------------------------------------


def _umap(subject: Subject, report: Report) -> Found:
    from core.latent import projections

    return {"points": projections.umap(subject.codes, subject.seed, report)}, {}


def _tsne(subject: Subject, report: Report) -> Found:
    from core.latent import projections

    return {"points": projections.tsne(subject.codes, subject.seed, report)}, {}


def _plane(subject: Subject) -> np.ndarray:
    from core.latent import projections

    arrays = checkpoints.read_tensors(subject.run, CODES)
    return projections.Plane(arrays["plane_mean"], arrays["plane_basis"]).to_map(subject.codes)


def _scores_of(points: Callable[[Subject], np.ndarray]) -> Callable[[Subject, Report], Found]:
    def scores(subject: Subject, report: Report) -> Found:
        from core.measures import metrics

        images = subject.images
        part = stratified(images.labels, MOST_POINTS, subject.seed)
        found = metrics.map_scores(points(subject)[part], images.x[part], images.labels[part])
        return {}, found | {"count": len(part)}

    return scores


def _knot_scores(subject: Subject, report: Report) -> Found:
    """Scores of the run's map at each knot of its continuous knob, (knots,) each."""
    from core.measures import metrics

    images = subject.images
    found = []
    points = checkpoints.read_tensors(subject.run, CODES)["knot_points"]  # (knots, count, 2)
    for number, at in enumerate(points, 1):
        found.append(metrics.map_scores(at.astype(np.float32), images.x, images.labels))
        report(number / len(points))
    return {name: np.array([scores[name] for scores in found], np.float32) for name in found[0]}, {}


def _has_knob(run: Run) -> bool:
    return records.dial_of(run) is not None


def _is_narrow(run: Run) -> bool:
    """Whether full covariances can be told of the codes: they have K² numbers each."""
    return run.record.width <= WIDE


def _random_scores(subject: Subject, report: Report) -> Found:
    from core.latent import projections

    shuffled = projections.scattered(len(subject.images), subject.seed)
    return _scores_of(lambda _: shuffled)(subject, report)


def _top(subject: Subject) -> np.ndarray:
    """The codes' top level on the plane of its two main components: (count, 2)."""
    top = subject.codes[:, -subject.run.record.widths[-1] :].astype(np.float64)
    centred = top - top.mean(0)
    return centred @ np.linalg.eigh(centred.T @ centred)[1][:, :-3:-1]


def _has_top(run: Run) -> bool:
    """Whether a code has a top level with a plane of its own."""
    widths = run.record.widths
    return len(widths) > 1 and widths[-1] > 1 and run.record.width <= WIDE


def _axes(i: int, j: int) -> Callable[[Subject], np.ndarray]:
    def points(subject: Subject) -> np.ndarray:
        latent = subject.codes.shape[1]
        if j > latent:
            raise AxesError(
                "The map's axes are {i} and {j}; a code has {latent} dimensions.",
                i=i,
                j=j,
                latent=latent,
            )
        return subject.codes[:, [i - 1, j - 1]]

    return points


def _map_of(kind: str) -> Callable[[Subject], np.ndarray]:
    return lambda subject: get(subject, kind)[0]["points"]


def _each(subject: Subject, report: Report) -> Found:
    """Squared error (sum over pixels) and rate in nats of each image, and the mean KL in nats of
    each part of the rate, which are the latent dimensions where it falls into these; rate and KL
    where the run has a posterior."""
    from core.latent import coding
    from core.measures import metrics

    model, x = subject.model, subject.images.x
    dial = _usual(model)
    error, rate, kl = [], [], []
    for start in range(0, len(x), 500):
        part = x[start : start + 500]
        labels = subject.images.labels[start : start + 500]
        x_hat = coding.reconstruct(model, part, labels, dial=dial)
        error.append(metrics.squared_error_each(part / 255, x_hat))
        nats = coding.rate_each(model, part, labels, dial=dial)
        if nats is not None:
            rate.append(nats.sum(1))
            kl.append(nats.sum(0))
        report((start + len(part)) / len(x))
    arrays = {"error": np.concatenate(error)}
    if rate:
        arrays |= {"rate": np.concatenate(rate), "kl": np.sum(kl, 0) / len(x)}
    return {name: array.astype(np.float32) for name, array in arrays.items()}, {}


def _mixture(subject: Subject, report: Report) -> Found:
    return sampling.fit_mixture(subject.codes, subject.seed).arrays(), {}


@dataclass(frozen=True)
class Kind:
    """How a result is computed, and on what it depends."""

    compute: Callable[[Subject, Report], Found]
    of_run: bool = True  # else of the images alone
    applies: Callable[[Run], bool] = lambda run: True
    aside: bool = False  # what somebody looks at comes first
    version: str = "1"


KINDS: dict[str, Kind] = {
    "umap": Kind(_umap),
    "tsne": Kind(_tsne),
    "each": Kind(_each),
    "mixture": Kind(_mixture, version=sampling.FITTED, applies=_is_narrow),
    "plane_scores": Kind(_scores_of(_plane), aside=True),
    "umap_scores": Kind(_scores_of(_map_of("umap")), aside=True),
    "tsne_scores": Kind(_scores_of(_map_of("tsne")), aside=True),
    "random_scores": Kind(_random_scores, of_run=False, aside=True),
    "top_scores": Kind(_scores_of(_top), aside=True, applies=_has_top),
    "knot_scores": Kind(_knot_scores, aside=True, applies=_has_knob),
}


_AXES = re.compile(r"axes_([1-9]\d{0,2})_([1-9]\d{0,2})_scores")


def kind_of(name: str) -> Kind:
    """One of KINDS, or `axes_I_J_scores`: those of the map of two latent dimensions, 1 ≤ I < J.

    Raises:
        KeyError: where there is none of that name.
    """
    axes = _AXES.fullmatch(name)
    if axes is None:
        return KINDS[name]
    i, j = int(axes[1]), int(axes[2])
    if i >= j:
        raise KeyError(name)
    return Kind(_scores_of(_axes(i, j)), aside=True, applies=lambda run: j <= run.record.latent)


def kinds_of(run: Run) -> list[str]:
    """Names of KINDS that there are of a run."""
    return [name for name, kind in KINDS.items() if kind.applies(run)]


# --- Keeping them -------------------------------------------------------------------------------


def file_name(subject: Subject, kind: str) -> str:
    """Name under which a result is kept; says the same on every machine.

    Raises:
        KeyError: for a kind that there is none of.
    """
    settings: dict[str, Any] = {
        "version": kind_of(kind).version,
        "seed": subject.seed,
        "images": subject.set_id or maps.fingerprint(subject.run) or "/".join(DIGITS),
    }
    if kind_of(kind).of_run:
        files = subject.run.record.files
        settings["run"] = [files[name].sha256 for name in (WEIGHTS, CODES) if name in files]
    return result_files.file_name(kind, {}, settings)


def possible(run: Run) -> bool:
    """Whether there is anything to derive: the run has codes of the held-out digits."""
    return CODES in run.record.files


def find(subject: Subject, kind: str) -> Path | None:
    """Path of a result that is there."""
    return result_files.find(file_name(subject, kind))


def get(
    subject: Subject, kind: str, report: Report = lambda _: None, folder: Path | None = None
) -> Found:
    """A result: read if it is there and whole, else computed and kept.

    Args:
        subject: run, images and seed.
        kind: a name that `kind_of` knows.
        report: is told the share that is done.
        folder: to keep it in; by default it is looked for everywhere and kept in the user's.

    Raises:
        ProjectionError, AxesError, CheckpointError, DataError: one sentence.
        OSError: where it can't be kept.
    """
    name = file_name(subject, kind)
    path = folder / name if folder else result_files.find(name)
    found = result_files.read(path) if path else None
    if found is None:
        found = kind_of(kind).compute(subject, report)
        result_files.write(folder or result_files.folders()[1], name, *found)
    return found
