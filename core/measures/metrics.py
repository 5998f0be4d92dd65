"""Pure scores on arrays. Each says what is summed and what is averaged."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np


def squared_error_each(x: np.ndarray, x_hat: np.ndarray) -> np.ndarray:
    """Squared error of each image, summed over its pixels in [0, 1]: (count, ...) → (count,)."""
    difference = (x.astype(np.float64) - x_hat).reshape(len(x), -1)
    each: np.ndarray = np.einsum("ij,ij->i", difference, difference)
    return each


def root_mean_square(errors: np.ndarray) -> float:
    """Root of the mean square of errors (any shape), in their own unit."""
    return float(np.sqrt(np.square(errors, dtype=np.float64).mean()))


def mean_image_error(x: np.ndarray, mean: np.ndarray | None = None) -> float:
    """Squared error per image of always answering the mean image: the trivial model's score.

    `mean` is the training set's mean image; without it the images' own mean, whose score is the
    total variance.
    """
    return float(
        squared_error_each(x, x.mean(0, dtype=np.float64) if mean is None else mean).mean()
    )


def bernoulli_floor(x: np.ndarray) -> float:
    """Entropy in nats per image of pixels in [0, 1] read as probabilities: the least possible
    cross-entropy against these grey targets."""
    grey = x[(x > 0) & (x < 1)].astype(np.float64)  # of all others it is 0
    entropy = grey * np.log(grey) + (1 - grey) * np.log1p(-grey)
    return float(-entropy.sum() / len(x))


def bernoulli_cross_entropy(x: np.ndarray, probability: np.ndarray | float) -> float:
    """Cross-entropy in nats per image of pixels against constant or given probabilities."""
    p = np.clip(np.asarray(probability, np.float64), 1e-12, 1 - 1e-12)
    each = -(x * np.log(p) + (1 - x) * np.log1p(-p))
    return float(each.reshape(len(x), -1).sum(1).mean())


def trivial_scores(x: np.ndarray, sigma: float | None = None) -> dict[str, float]:
    """Scores of the model that codes nothing and always answers the mean image.

    Args:
        x: images (count, ...), uint8.
        sigma: the Gaussian likelihood's; without it the likelihood is Bernoulli, whose
            cross-entropy is the same for grey pixels and for their binarisation.
    """
    clean = x / 255
    error = mean_image_error(clean)
    scores = {"squared_error": error, "rate": 0.0, "active_units": 0.0}
    if sigma is None:
        nats = bernoulli_cross_entropy(clean, clean.mean(0))
        return scores | {
            "cross_entropy_grey": nats,
            "rate_binary": 0.0,
            "distortion_binary": nats,
            "elbo_binary": -nats,
        }
    pixels = clean[0].size
    nats = error / (2 * sigma**2) + pixels * (math.log(sigma) + math.log(2 * math.pi) / 2)
    return scores | {"distortion": nats, "elbo": -nats}


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Fréchet distance between Gaussians fitted to two sets of points (count, width), each of more
    than one: |m₁ − m₂|² + tr(S₁ + S₂ − 2 (S₁S₂)^½) (Dowson & Landau, 1982)."""
    first, second = (np.atleast_2d(np.cov(points, rowvar=False)) for points in (one, other))
    values, vectors = np.linalg.eigh(first)
    half = (vectors * np.sqrt(values.clip(0))) @ vectors.T  # a root that a singular S has too
    shared = np.sqrt(np.linalg.eigvalsh(half @ second @ half).clip(0)).sum()
    apart = ((one.mean(0) - other.mean(0)) ** 2).sum()
    return float(apart + np.trace(first) + np.trace(second) - 2 * shared)


LEAST_NATS = 0.05  # of mean KL per image; below it a latent dimension is inactive


def active_dimensions(kl: np.ndarray) -> np.ndarray:
    """How many latent dimensions are active: kl is their mean KL in nats (..., K), the count (...).

    This is what pages mean by the word. `active_units` counts by another rule, which others report.
    """
    count: np.ndarray = (np.asarray(kl) >= LEAST_NATS).sum(-1)
    return count


def perplexity(counts: np.ndarray) -> float:
    """exp of the entropy of how often each of some entries was chosen (entries,): from 1, where all
    chose one, to their number, where all are chosen equally often; 1 where nothing was chosen."""
    share = counts[counts > 0] / max(counts.sum(), 1)
    return float(np.exp(-(share * np.log(share)).sum()))


def grey_bits(x: np.ndarray) -> float:
    """Bits of one pixel where each is drawn by itself from its own shares of the 256 grey levels in
    images x (count, *shape), uint8 or in [0, 1]: the mean of the pixels' entropies."""
    levels = x if x.dtype == np.uint8 else np.rint(255 * x.clip(0, 1)).astype(np.uint8)
    levels = levels.reshape(len(x), -1).astype(np.int64)
    pixels = levels.shape[1]
    counts = np.bincount((levels + 256 * np.arange(pixels)).ravel(), minlength=256 * pixels)
    share = counts[counts > 0] / len(x)
    return float(-(share * np.log2(share)).sum() / pixels)


def active_units(means: np.ndarray, threshold: float = 0.01) -> int:
    """Latent dimensions whose posterior mean varies over the data by more than `threshold`
    (Burda et al., 2015): means is (count, K)."""
    return int((means.var(0) > threshold).sum())


def elbo_surgery(
    mean: np.ndarray, log_var: np.ndarray, seed: int = 0, draws: int = 1
) -> dict[str, float]:
    """The two parts of a VAE's rate, in nats: mean KL(q(z|x)‖p) = I(x; z) + KL(q(z)‖p).

    q(z) is the mean of the given posteriors, so I(x; z) is at most log N: with more nats of rate
    than that it is at its bound and the rest stands in the other part. Hoffman & Johnson (2016).

    Args:
        mean, log_var: posteriors of N examples (N, K).
        seed: fixes the draws of z.
        draws: of z for each example.

    Returns:
        `rate` in closed form, and by Monte Carlo `information` and `marginal_kl`.
    """
    mean, log_var = mean.astype(np.float64), log_var.astype(np.float64)
    count = len(mean)
    generator = np.random.default_rng(seed)
    precision = np.exp(-log_var)
    # log q(z|x_j) = offset_j + z·(m_j/v_j) − ½ z²·(1/v_j), for all j by two matrix products
    offset = -0.5 * (log_var + mean**2 * precision + np.log(2 * np.pi)).sum(1)
    information, marginal = [], []
    for _ in range(draws):
        noise = generator.standard_normal(mean.shape)
        z = mean + np.exp(0.5 * log_var) * noise
        log_own = -0.5 * (log_var + noise**2 + np.log(2 * np.pi)).sum(1)
        log_prior = -0.5 * (z**2 + np.log(2 * np.pi)).sum(1)
        for start in range(0, count, 500):
            part = slice(start, start + 500)
            each = offset + z[part] @ (mean * precision).T - 0.5 * z[part] ** 2 @ precision.T
            most = each.max(1)
            log_all = most + np.log(np.exp(each - most[:, None]).mean(1))
            information.append(log_own[part] - log_all)
            marginal.append(log_all - log_prior[part])
    rate = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(1)
    return {
        "rate": float(rate.mean()),
        "information": float(np.concatenate(information).mean()),
        "marginal_kl": float(np.concatenate(marginal).mean()),
    }


def principal_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angles in radians between the column spaces of a and b, (pixels, K) each, smallest first."""
    qa, qb = np.linalg.qr(a)[0], np.linalg.qr(b)[0]
    angles: np.ndarray = np.arccos(np.clip(np.linalg.svd(qa.T @ qb, compute_uv=False), -1, 1))
    return angles


@lru_cache(maxsize=16)
def random_angles(pixels: int, latent: int, seed: int = 0, draws: int = 64) -> np.ndarray:
    """What `principal_angles` is of two random K-dimensional subspaces: radians (K,), smallest
    first, each the mean over `draws` pairs from a generator of this seed.

    Only where one lies relative to the other matters, so one is held at the first K axes.

    Raises:
        ValueError: where K is not between 1 and `pixels`.
    """
    if not 1 <= latent <= pixels:
        raise ValueError(f"A subspace has 1 to {pixels} dimensions, not {latent}.")
    generator = np.random.default_rng(seed)
    total = np.zeros(latent)
    for _ in range(draws):
        basis = np.linalg.qr(generator.standard_normal((pixels, latent)))[0]
        cosines = np.linalg.svd(basis[:latent], compute_uv=False)
        total += np.arccos(np.clip(cosines, -1, 1))
    return total / draws


def neighbour_accuracy(codes: np.ndarray, labels: np.ndarray, k: int = 5) -> float:
    """Share of points whose k nearest other codes vote for their own label (leave one out)."""
    from sklearn.neighbors import NearestNeighbors

    votes = labels[NearestNeighbors(n_neighbors=k).fit(codes).kneighbors(return_distance=False)]
    winners = np.array([np.bincount(row).argmax() for row in votes])
    return float((winners == labels).mean())


FEWEST = 5  # neighbourhoods' worth of points, below which a map's scores tell nothing


def map_scores(
    points: np.ndarray, images: np.ndarray, labels: np.ndarray | None = None, k: int = 10
) -> dict[str, float]:
    """How far a map can be trusted: its neighbourhoods against those of the images themselves.

    `trustworthiness` falls with images that are neighbours on the map alone, `continuity` with
    neighbours among the images that the map tears apart: both 1 at best (Venna & Kaski, 2001).
    `agreement` is the share of points whose k nearest on the map vote for their own class.

    Args:
        points: of the map (count, 2).
        images: the same count of anything that can be flattened, compared by Euclidean distance.
        labels: (count,) classes, -1 where unknown; with fewer than two there is no `agreement`.
        k: size of a neighbourhood.

    Returns:
        The scores; none at all for fewer than five times as many points as a neighbourhood has: a
        map of three is "trustworthy" whatever it shows.
    """
    from sklearn.manifold import trustworthiness

    if len(points) < FEWEST * k:
        return {}
    flat = images.reshape(len(images), -1).astype(np.float32)
    scores = {
        "trustworthiness": float(trustworthiness(flat, points, n_neighbors=k)),
        "continuity": float(trustworthiness(points, flat, n_neighbors=k)),
    }
    if labels is None:
        return scores
    known = labels >= 0
    if known.sum() > k and len(np.unique(labels[known])) > 1:
        scores["agreement"] = neighbour_accuracy(points[known], labels[known], k)
    return scores
