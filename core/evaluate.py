"""Scores of a model on a named split. Nothing here is taken on training data."""

from __future__ import annotations

import numpy as np
import torch

from core import latent, metrics
from core.losses import gaussian_sample, kl_standard_normal_each
from core.models.base import Autoencoder
from core.models.gaussian import GaussianAutoencoder


def evaluate(
    model: Autoencoder, x: np.ndarray, seed: int = 0, labels: np.ndarray | None = None
) -> dict[str, float]:
    """All scores that the model has, per image.

    Args:
        x: held-out images (count, *shape), uint8 or in [0, 1].
        seed: fixes the draws of z and of binarised pixels.
        labels: (count,) of the images, which a conditional model takes.

    Returns:
        `squared_error` (sum over pixels, mean over images), `squared_error_mean_image` (the same
        for always answering these images' mean), and for a Gaussian posterior what
        `rate_distortion` returns.
    """
    clean = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x
    error = metrics.squared_error_each(clean, latent.reconstruct(model, x, labels))
    scores = {
        "squared_error": float(error.mean()),
        "squared_error_mean_image": metrics.mean_image_error(clean),
    }
    if isinstance(model, GaussianAutoencoder):
        scores |= rate_distortion(model, x, seed, labels)
    return scores


@torch.no_grad()
def rate_distortion(
    model: GaussianAutoencoder,
    x: np.ndarray,
    seed: int = 0,
    labels: np.ndarray | None = None,
    batch: int = 1000,
) -> dict[str, float]:
    """Rate, distortion and ELBO in nats per image, one draw of z per image.

    A Bernoulli likelihood is scored on dynamically binarised pixels (`rate_binary`,
    `distortion_binary`, `elbo_binary`: the encoder sees the binarised image too), and, apart
    from that, by its cross-entropy on grey pixels (`rate`, `cross_entropy_grey`), which is no
    likelihood. A Gaussian likelihood is a density of grey pixels (`rate`, `distortion`, `elbo`).
    """
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    bernoulli = model.config.likelihood == "bernoulli"
    totals: dict[str, float] = {}
    means = []

    def add(name: str, value: float) -> None:
        totals[name] = totals.get(name, 0.0) + value

    def score(
        target: torch.Tensor, label: torch.Tensor | None
    ) -> tuple[float, float, torch.Tensor]:
        (level,) = model.encode(target, label)
        z = gaussian_sample(level.mean, level.log_var, generator)
        rate = kl_standard_normal_each(level.mean, level.log_var).sum().item()
        distortion = model.distortion(target, model.decode(z, label)).item() * len(target)
        return rate, distortion, level.mean

    for grey, label in latent.batches(model, x, labels, batch):
        rate, distortion, mean = score(grey, label)
        means.append(mean.cpu())
        add("rate", rate)
        add("cross_entropy_grey" if bernoulli else "distortion", distortion)
        if bernoulli:
            binary = (torch.empty_like(grey).uniform_(generator=generator) < grey).float()
            rate, distortion, _ = score(binary, label)
            add("rate_binary", rate)
            add("distortion_binary", distortion)
    scores = {name: total / len(x) for name, total in totals.items()}
    suffix = "_binary" if bernoulli else ""
    scores[f"elbo{suffix}"] = -scores[f"rate{suffix}"] - scores[f"distortion{suffix}"]
    scores["active_units"] = float(metrics.active_units(torch.cat(means).numpy()))
    return scores
