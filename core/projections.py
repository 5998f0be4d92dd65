"""Projections of codes to the plane: array → array, seeded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
