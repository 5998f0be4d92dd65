"""Where codes are drawn from beside a prior: a mixture fitted to codes, or a box around them.

A VAE is trained towards codes that fill N(0, I); a plain autoencoder is not, so what it decodes
from a box around its codes is often no digit, and a mixture fitted afterwards stands in for the
prior that it lacks (Ghosh et al., 2020, "From variational to deterministic autoencoders").
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from core.refusal import Refusal

COMPONENTS = 10
FITTED = "gaussian-mixture-1"  # another way of fitting gets another name, so no kept result stays
_STARTS = 3  # fits from different starts, of which the likeliest counts
_STEPS = 300
_RIDGE = 1e-6  # added to each covariance's diagonal, in parts of the codes' mean variance
_LEAST = 1e-12  # where the codes are all one point


class SamplingError(Refusal, ValueError):
    """Codes that nothing can be fitted to; one sentence."""


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture with full covariances: p(z) = Σ_c weights_c N(z; means_c, L_c L_cᵀ)."""

    weights: np.ndarray  # (C,) sums to 1
    means: np.ndarray  # (C, K)
    factors: np.ndarray  # (C, K, K), L: lower Cholesky factors of the covariances

    def sample(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Draws (count, K) float32: a component by its weight, then mean + L·ε."""
        weights = self.weights.astype(np.float64)
        chosen = generator.choice(len(weights), count, p=weights / weights.sum())
        noise = generator.standard_normal((count, self.means.shape[1]))
        moved = np.einsum("nij,nj->ni", self.factors[chosen], noise)
        return (self.means[chosen] + moved).astype(np.float32)

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """log p(z) in nats of codes (count, K) → (count,)."""
        latent = self.means.shape[1]
        each = np.empty((len(z), len(self.weights)))
        for c, (weight, mean, factor) in enumerate(
            zip(self.weights, self.means, self.factors.astype(np.float64), strict=True)
        ):
            whitened = np.linalg.solve(factor, (z - mean).T)  # (K, count)
            spread = np.log(np.diag(factor)).sum() + 0.5 * latent * np.log(2 * np.pi)
            each[:, c] = np.log(weight) - spread - 0.5 * (whitened**2).sum(0)
        most = each.max(1)
        return most + np.log(np.exp(each - most[:, None]).sum(1))

    def arrays(self) -> dict[str, np.ndarray]:
        """`weights`, `means` and `factors` as float32, to be kept or sent to a browser."""
        named = {"weights": self.weights, "means": self.means, "factors": self.factors}
        return {name: np.ascontiguousarray(a, np.float32) for name, a in named.items()}


def fit_mixture(codes: np.ndarray, seed: int = 0, components: int = COMPONENTS) -> Mixture:
    """Fit a Gaussian mixture by expectation-maximisation, started from k-means.

    Args:
        codes: (count, K), at least one.
        seed: fixes the starts; the same codes and seed give the same mixture.
        components: at most so many; fewer where there are not over K different codes for each.

    Raises:
        SamplingError: for codes of another shape, none, or such as are not finite.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    codes = _checked(codes)
    different = len(np.unique(codes, axis=0))
    centre = codes.mean(0)
    ridge = max(_LEAST, _RIDGE * float(codes.var(0).mean()))
    with warnings.catch_warnings():
        # Short of its optimum after so many steps it is a mixture all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = GaussianMixture(
            n_components=max(1, min(components, different // (codes.shape[1] + 1))),
            covariance_type="full",
            reg_covar=ridge,
            n_init=_STARTS,
            max_iter=_STEPS,
            random_state=seed,
        ).fit(np.repeat(codes - centre, 2, 0) if len(codes) == 1 else codes - centre)
    return Mixture(found.weights_, found.means_ + centre, np.linalg.cholesky(found.covariances_))


def box(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least box that holds codes (count, K): lowest and highest value of each dimension, (K,).

    Raises:
        SamplingError: as for `fit_mixture`.
    """
    codes = _checked(codes)
    return codes.min(0), codes.max(0)


def sample_box(
    count: int, low: np.ndarray, high: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Uniform draws (count, K) float32 between two corners (K,)."""
    return generator.uniform(low, high, (count, len(low))).astype(np.float32)


def _checked(codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not codes.size:
        raise SamplingError(
            "Codes must have the shape (count, K), both at least 1: {shape}.", shape=codes.shape
        )
    strange = int((~np.isfinite(codes)).any(1).sum())
    if strange:
        raise SamplingError(
            "{strange:,} of {count:,} codes are not finite numbers.",
            strange=strange,
            count=len(codes),
        )
    return codes
