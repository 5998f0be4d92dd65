"""Projections of codes to the plane: array → array, seeded."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.refusal import Refusal

NEIGHBOURS = 15  # that UMAP looks at
PERPLEXITY = 30.0  # of t-SNE: the effective number of neighbours

Report = Callable[[float], None]  # is told the share that is done


class ProjectionError(Refusal, ValueError):
    """Codes that can't be laid out; one sentence.

    `reason` (`shape`, `finite`, `few` or `same`) and `values` are for who says it in other words.
    """

    def __init__(self, template: str, *, reason: str, **values: object) -> None:
        super().__init__(template, **values)
        self.reason = reason


@dataclass(frozen=True)
class Plane:
    """A plane in latent space that a map is drawn on.

    A point p of the map stands for the latent z = mean + p·basis, so every point of the map can
    be decoded exactly.
    """

    mean: np.ndarray  # (K,)
    basis: np.ndarray  # (2, K), orthonormal rows

    def to_map(self, z: np.ndarray) -> np.ndarray:
        """(count, K) → (count, 2), dropping what lies off the plane."""
        return (z - self.mean) @ self.basis.T

    def to_latent(self, p: np.ndarray) -> np.ndarray:
        """(count, 2) → (count, K)."""
        return self.mean + p @ self.basis


def native_plane(latent: int) -> Plane:
    """The latent axes themselves, for K = 2; for K = 1 the second axis stands for nothing."""
    basis = np.zeros((2, latent))
    basis[0, 0] = 1
    if latent > 1:
        basis[1, 1] = 1
    return Plane(np.zeros(latent), basis)


def pca_plane(codes: np.ndarray) -> Plane:
    """The plane of the codes' two leading principal components, signed by their largest entry."""
    mean = codes.mean(0, dtype=np.float64)
    centred = codes - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    basis = vectors[:, :-3:-1].T  # (2, K), largest variance first
    largest = np.abs(basis).argmax(1)
    return Plane(mean, basis * np.sign(basis[[0, 1], largest])[:, None])


def map_plane(codes: np.ndarray) -> Plane:
    """The plane on which codes (count, K) are drawn: native up to K = 2, else the PCA plane."""
    return native_plane(codes.shape[1]) if codes.shape[1] <= 2 else pca_plane(codes)


@dataclass(frozen=True)
class Alignment:
    """A similarity of the plane: p → scale · p · rotation + shift."""

    rotation: np.ndarray  # (2, 2), orthogonal, reflections allowed
    scale: float
    shift: np.ndarray  # (2,)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return self.scale * points @ self.rotation + self.shift


def procrustes(points: np.ndarray, onto: np.ndarray) -> Alignment:
    """The similarity that brings points (count, 2) nearest to `onto` (count, 2), least squares.

    Schönemann (1966). Rows correspond: the same digit in both maps.
    """
    from_centre, to_centre = points.mean(0), onto.mean(0)
    a, b = points - from_centre, onto - to_centre
    u, s, vt = np.linalg.svd(a.T @ b)
    rotation = u @ vt
    spread = float((a**2).sum())
    scale = float(s.sum() / spread) if spread > 0 else 1.0
    return Alignment(rotation, scale, to_centre - scale * from_centre @ rotation)


def umap(codes: np.ndarray, seed: int = 0, report: Report | None = None) -> np.ndarray:
    """UMAP of codes (count, K) → (count, 2) float32. McInnes et al. (2018).

    Raises:
        ProjectionError: for codes that are not finite, all the same, or too few.
    """
    why = Refusal("its {neighbours} neighbours of each point", neighbours=NEIGHBOURS)
    _checked(codes, "UMAP", NEIGHBOURS + 1, why)
    with warnings.catch_warnings():  # of an optional part of it that needs another library
        warnings.simplefilter("ignore", ImportWarning)
        import umap as library

    watched = {"tqdm_kwds": _told(report)} if report else {}
    found = library.UMAP(n_neighbors=NEIGHBOURS, random_state=seed, n_jobs=1, **watched)
    return found.fit_transform(np.asarray(codes, np.float32))


def tsne(codes: np.ndarray, seed: int = 0, report: Report | None = None) -> np.ndarray:
    """t-SNE of codes (count, K) → (count, 2) float32, begun at their principal components. Van der
    Maaten & Hinton (2008), by Barnes and Hut's approximation.

    Raises:
        ProjectionError: for codes that are not finite, all the same, or too few.
    """
    why = Refusal("its perplexity of {perplexity:.0f}", perplexity=PERPLEXITY)
    _checked(codes, "t-SNE", int(PERPLEXITY) + 1, why)
    from sklearn.manifold import TSNE

    steps = 1000
    layout = TSNE(perplexity=PERPLEXITY, init="pca", max_iter=steps, random_state=seed, verbose=2)
    with contextlib.redirect_stdout(_Printed(report, r"Iteration (\d+):()", steps)):
        return layout.fit_transform(np.asarray(codes, np.float32))


def scattered(count: int, seed: int = 0) -> np.ndarray:
    """A map that knows nothing: normal draws (count, 2), beside which every other map's scores are
    told."""
    return np.random.default_rng(seed).standard_normal((count, 2)).astype(np.float32)


def _checked(codes: np.ndarray, name: str, least: int, why: Refusal) -> None:
    count = len(codes)
    if codes.ndim != 2 or not codes.size:
        raise ProjectionError(
            "{name} needs codes of shape (count, K), not {shape}.",
            reason="shape",
            name=name,
            shape=codes.shape,
        )
    if not np.isfinite(codes).all():
        raise ProjectionError(
            "{name} needs finite codes; some of these are NaN or infinite.",
            reason="finite",
            name=name,
        )
    if count < least:
        raise ProjectionError(
            "{name} needs at least {least} points for {why}; there are {count}.",
            reason="few",
            name=name,
            least=least,
            why=why,
            count=count,
        )
    if (codes == codes[0]).all():
        raise ProjectionError(
            "{name} has nothing to lay out: all {count} codes are the same.",
            reason="same",
            name=name,
            count=count,
        )


def _told(report: Report) -> dict:
    """How umap-learn's progress bar is made to tell its share."""
    return {
        "disable": False,
        "file": _Printed(report, r"(\d+)/(\d+)"),
        "bar_format": "{n_fmt}/{total_fmt} ",
        "mininterval": 0.2,
    }


class _Printed:
    """A file that a library prints its progress to; what is done is read from it."""

    def __init__(self, report: Report | None, pattern: str, steps: int = 0) -> None:
        self.report = report
        self.pattern = re.compile(pattern)
        self.steps = steps

    def write(self, text: str) -> int:
        report = self.report
        if report is None:
            return len(text)
        for done, of in self.pattern.findall(text):
            report(int(done) / (int(of) if of else self.steps))
        return len(text)

    def flush(self) -> None: ...
