"""What is known exactly of the linear-Gaussian VAE, and so of posterior collapse.

With a linear decoder, N(x̂, σ²I) pixels and weight β on the KL, the optimum is that of probabilistic
PCA: the direction of eigenvalue λ is used iff λ > βσ², and then carries ½ log(λ / βσ²) nats. Lucas
et al. (2019), Don't Blame the ELBO! A Linear VAE Perspective on Posterior Collapse.
"""

from __future__ import annotations

import math

import numpy as np


def optimal_rates(variances: np.ndarray, sigma: float, betas: np.ndarray) -> np.ndarray:
    """Nats per image that each direction carries at the optimum, 0 where it has collapsed.

    Args:
        variances: the data's largest eigenvalues (K,).
        sigma: standard deviation of the pixels given z.
        betas: weights of the KL term (count,).

    Returns:
        (count, K)
    """
    ratio = np.asarray(variances, float)[None] / (np.asarray(betas, float)[:, None] * sigma**2)
    return 0.5 * np.log(np.maximum(ratio, 1))


def optimal_distortion(
    variances: np.ndarray, latent: int, sigma: float, betas: np.ndarray
) -> np.ndarray:
    """Negative log-density in nats per image at the optimum: (count,).

    Args:
        variances: all eigenvalues of the data, largest first (pixels,).
        latent: K.
    """
    noise = np.asarray(betas, float)[:, None] * sigma**2
    variances = np.asarray(variances, float)
    left = np.minimum(variances[None, :latent], noise).sum(1) + variances[latent:].sum()
    constant = 0.5 * len(variances) * math.log(2 * math.pi * sigma**2)
    nats: np.ndarray = constant + left / (2 * sigma**2)
    return nats
