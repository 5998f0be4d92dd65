"""Scores of a model on a named split. Nothing here is taken on training data."""

from __future__ import annotations

import math

import numpy as np
import torch

from core.latent import coding
from core.measures import disentanglement, metrics
from core.measures.corruptions import LEVELS, NOISES
from core.measures.losses import squared_error
from core.measures.noise import CORRUPTIONS
from core.models.abilities import (
    Corrupting,
    Dialled,
    Discrete,
    Flowing,
    Generative,
    Observing,
    Probabilistic,
    Units,
)
from core.models.base import Autoencoder, Member
from core.models.signals import Condition, join


def evaluate(
    model: Member,
    x: np.ndarray,
    seed: int = 0,
    labels: np.ndarray | None = None,
    dial: float | None = None,
    observed: np.ndarray | None = None,
    factors: np.ndarray | None = None,
) -> dict[str, float]:
    """All scores that the model has, per example.

    Args:
        x: held-out examples (count, *shape), images as uint8 or in [0, 1].
        seed: fixes the draws of z and of binarised pixels.
        labels: (count,) of the images, which a conditional model takes.
        dial: value of the continuous knob of a model that has one.
        observed: (count, *shape) bool, of ratings: which are known.
        factors: (count, factors) levels of what made each image, of which the first has no order.

    Returns:
        Of images `squared_error` (sum over pixels, mean over images), `squared_error_mean_image`
        (the same for always answering these images' mean), for a model that is trained on
        corrupted inputs `squared_error_denoised` (the answer to inputs corrupted as in its
        training, against the clean images), for one whose code is made of entries of a codebook
        what `code_scores` returns, for one with units what `unit_scores` does, for a flow what
        `flow_scores` does, for a model with an ELBO what `rate_distortion` returns, and where
        factors are given what `factor_scores` does. Of sequences also both errors per frame
        (`…_frame`). Of ratings `rmse` over the known ones, beside `rmse_constant` of always
        answering their mean. Of a model without an encoder nothing.
    """
    if not isinstance(model, Autoencoder):
        return {}
    if model.signature.kind == "ratings":
        return _ratings(model, x, labels, observed)
    clean = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x
    error = metrics.squared_error_each(clean, coding.reconstruct(model, x, labels, dial=dial))
    scores = {
        "squared_error": float(error.mean()),
        "squared_error_mean_image": metrics.mean_image_error(clean),
    }
    if model.signature.kind == "sequences":
        scores |= {f"{name}_frame": value / x.shape[1] for name, value in scores.items()}
    if isinstance(model, Corrupting):
        scores["squared_error_denoised"] = own_denoising_error(model, x, seed, labels, dial)
    if isinstance(model, Discrete):
        scores |= code_scores(model, x, labels)
    if isinstance(model, Units):
        scores |= unit_scores(model, coding.encode(model, x, labels, dial=dial).mean)
    if factors is not None:
        scores |= factor_scores(coding.encode(model, x, labels, dial=dial).mean, factors)
    if isinstance(model, Flowing):
        scores |= flow_scores(model, x, seed, labels)
    if isinstance(model, Probabilistic):
        scores |= rate_distortion(model, x, seed, labels, dial)
        if model.likelihood.binary:
            scores["cross_entropy_floor"] = metrics.bernoulli_floor(clean)
            scores["cross_entropy_mean_image"] = metrics.bernoulli_cross_entropy(
                clean, clean.mean(0)
            )
    return scores


def _ratings(
    model: Autoencoder, x: np.ndarray, labels: np.ndarray | None, observed: np.ndarray | None
) -> dict[str, float]:
    known = np.ones(x.shape, bool) if observed is None else observed
    if not known.any():
        return {}
    answers = coding.reconstruct(model, x, labels)
    return {
        "rmse": metrics.root_mean_square(answers[known] - x[known]),
        "rmse_constant": float(x[known].std()),
    }


def unit_scores(model: Units, codes: np.ndarray) -> dict[str, float]:
    """Of codes (count, K): `active_share`, the mean over units and examples of how active a unit
    is, and `dead_share`, the share of the units that act for none of these examples."""
    each = model.activity(torch.from_numpy(codes))
    dead = each.amax(0) < 0.5
    return {"active_share": each.mean().item(), "dead_share": dead.float().mean().item()}


def factor_scores(codes: np.ndarray, factors: np.ndarray) -> dict[str, float]:
    """`mig`, `sap`, and of DCI `disentanglement`, `completeness` and `informativeness` of codes
    (count, K) beside the levels of known factors (count, factors); see `disentanglement`."""
    one, whole, told = disentanglement.dci(codes, factors)
    return {
        "mig": disentanglement.mig(codes, factors),
        "sap": disentanglement.sap(codes, factors, categorical=(0,)),
        "disentanglement": one,
        "completeness": whole,
        "informativeness": told,
    }


@torch.no_grad()
def flow_scores(
    model: Autoencoder,
    x: np.ndarray,
    seed: int = 0,
    labels: np.ndarray | None = None,
    batch: int = 1000,
) -> dict[str, float]:
    """How dense a flow is at images x (count, *shape), as it observes them, each with one draw of
    the noise that it takes.

    `log_density` in nats per image with a grey level as the pixels' unit, in the mean a lower
    bound; `bits_per_pixel`, the same as bits of one pixel, which is no less than what the 256 grey
    levels themselves cost; beside it `bits_per_pixel_alone`, what they cost where each pixel is
    drawn by itself, by its own shares in these images; and `inverse_error`, by how much a pixel
    at most comes back otherwise from its code, in values from 0 to 1.

    Raises:
        ValueError: for a model that is no flow.
    """
    if not isinstance(model, Flowing):
        raise ValueError("Only a flow says what it does to volume.")
    generator = torch.Generator(coding.device_of(model)).manual_seed(seed)
    nats, worst = 0.0, 0.0
    for clean, condition in coding.batches(model, x, labels, batch):
        seen = model.observe(clean, generator) if isinstance(model, Observing) else clean
        levels = model.encode(seen, condition, generator)
        nats += model.log_density(levels, condition).sum().item()
        levels = model.encode(clean, condition, generator)
        back = model.mean(model.decode(join(levels), condition))
        worst = max(worst, (back - clean).abs().max().item())
    each = nats / len(x)
    return {
        "log_density": each,
        "bits_per_pixel": -each / x[0].size / math.log(2),
        "bits_per_pixel_alone": metrics.grey_bits(x),
        "inverse_error": worst,
    }


@torch.no_grad()
def code_scores(
    model: Autoencoder, x: np.ndarray, labels: np.ndarray | None = None, batch: int = 1000
) -> dict[str, float]:
    """What the codes of images x (count, *shape) are made of, if of entries of a codebook.

    `perplexity` of the entries that all places of all images chose (exp of their entropy, from 1 to
    the size of the codebook), `entries_used` of them, `code_bits` of one code where all entries are
    equally probable, and of a model with a prior `code_bits_prior`: the mean of −log₂ p(code).

    Raises:
        ValueError: for a model without a codebook.
    """
    if not isinstance(model, Discrete):
        raise ValueError("Only a model with a codebook chooses entries.")
    chosen = coding.entries(model, x, labels, batch)
    counts = np.bincount(chosen.flatten())
    scores = {
        "perplexity": metrics.perplexity(counts),
        "entries_used": float(np.count_nonzero(counts)),
        "code_bits": chosen.shape[1] * math.log2(len(model.codebook())),
    }
    if isinstance(model, Generative):
        nats = sum(
            -model.log_prior(join(model.encode(part, condition)), condition).sum().item()
            for part, condition in coding.batches(model, x, labels, batch)
        )
        scores["code_bits_prior"] = nats / len(x) / math.log(2)
    return scores


@torch.no_grad()
def own_denoising_error(
    model: Autoencoder,
    x: np.ndarray,
    seed: int = 0,
    labels: np.ndarray | None = None,
    dial: float | None = None,
    batch: int = 1000,
) -> float:
    """Squared error against the clean images of the answers to such corrupted ones as the model was
    trained on: sum over pixels, mean over images. See `denoising_error`."""
    if not isinstance(model, Corrupting):
        raise ValueError("Only a model that is trained on corrupted inputs corrupts.")
    generator = torch.Generator(coding.device_of(model)).manual_seed(seed)
    total = 0.0
    for clean, condition in coding.batches(model, x, labels, batch, dial):
        answers = model.reconstruct(model.corrupt(clean, condition, generator), condition)
        total += squared_error(answers, clean).item() * len(clean)
    return total / len(x)


@torch.no_grad()
def denoising_error(
    model: Autoencoder,
    x: np.ndarray,
    noise: str,
    level: float,
    seed: int = 0,
    labels: np.ndarray | None = None,
    batch: int = 1000,
) -> float:
    """Squared error against the clean images of the answers to corrupted ones: sum over pixels,
    mean over images.

    Args:
        x: clean held-out images (count, *shape), uint8 or in [0, 1].
        noise: a name in `core.measures.noise.CORRUPTIONS`.
        level: of the noise. A model whose dial is a noise level is told it, as far as it knows it.
        seed: fixes the noise.
    """
    generator = torch.Generator(coding.device_of(model)).manual_seed(seed)
    told = None
    if isinstance(model, Dialled) and isinstance(model, Corrupting):
        told = min(model.dial.high, max(model.dial.low, level))
    total = 0.0
    for clean, condition in coding.batches(model, x, labels, batch, told):
        corrupted = CORRUPTIONS[noise](clean, level, generator)
        total += squared_error(model.reconstruct(corrupted, condition), clean).item() * len(clean)
    return total / len(x)


def noise_matrix(model: Autoencoder, x: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """`denoising_error` at each noise and level of `core.measures.corruptions`: rows in the order
    of `NOISES`, columns of `LEVELS`, (3, 4) float32."""
    return np.array(
        [
            [denoising_error(model, x, noise, level, labels=labels) for level in LEVELS]
            for noise in NOISES
        ],
        np.float32,
    )


@torch.no_grad()
def rate_distortion(
    model: Autoencoder,
    x: np.ndarray,
    seed: int = 0,
    labels: np.ndarray | None = None,
    dial: float | None = None,
    batch: int = 1000,
) -> dict[str, float]:
    """Rate, distortion and ELBO in nats per image, one draw of z per image.

    A Bernoulli likelihood is scored on dynamically binarised pixels (`rate_binary`,
    `distortion_binary`, `elbo_binary`: the encoder sees the binarised image too), and, apart
    from that, by its cross-entropy on grey pixels (`rate`, `cross_entropy_grey`), which is no
    likelihood. A Gaussian likelihood is a density of grey pixels (`rate`, `distortion`, `elbo`).

    Raises:
        ValueError: for a model without a posterior.
    """
    if not isinstance(model, Probabilistic):
        raise ValueError("Rate and distortion need a posterior.")
    generator = torch.Generator(coding.device_of(model)).manual_seed(seed)
    binary = model.likelihood.binary
    totals: dict[str, float] = {}
    means = []

    def add(name: str, value: float) -> None:
        totals[name] = totals.get(name, 0.0) + value

    def score(target: torch.Tensor, condition: Condition) -> tuple[float, float, torch.Tensor]:
        levels = model.encode(target, condition, generator)
        rate = model.rate_each(levels, condition).sum().item()
        logits = model.answer(join(levels), condition, target)
        distortion = model.likelihood.nll(logits, target).item() * len(target)
        return rate, distortion, torch.cat([level.gaussian[0] for level in levels], 1)

    for grey, condition in coding.batches(model, x, labels, batch, dial):
        rate, distortion, mean = score(grey, condition)
        means.append(mean.cpu())
        add("rate", rate)
        add("cross_entropy_grey" if binary else "distortion", distortion)
        if binary:
            drawn = (torch.empty_like(grey).uniform_(generator=generator) < grey).float()
            rate, distortion, _ = score(drawn, condition)
            add("rate_binary", rate)
            add("distortion_binary", distortion)
    scores = {name: total / len(x) for name, total in totals.items()}
    suffix = "_binary" if binary else ""
    scores[f"elbo{suffix}"] = -scores[f"rate{suffix}"] - scores[f"distortion{suffix}"]
    scores["active_units"] = float(metrics.active_units(torch.cat(means).numpy()))
    return scores


@torch.no_grad()
def importance_bounds(
    model: Autoencoder,
    x: np.ndarray,
    draws: tuple[int, ...] = (1, 5, 50),
    seed: int = 0,
    labels: np.ndarray | None = None,
    dial: float | None = None,
) -> dict[int, np.ndarray]:
    """Lower bounds on log p(x) from k draws of z: L_k = E log (1/k) Σ p(x, z_i) / q(z_i|x).

    L_1 is the ELBO, and L_k rises to log p(x) with k (Burda et al., 2016). All bounds are taken
    from the same draws, as many as the largest k, in groups: so none is below a smaller k's if
    each k divides the next.

    Args:
        model: with Gaussian latents, a prior and a likelihood.
        x: images (count, *shape) under the model's own likelihood: for a Bernoulli one pixels of 0
            and 1, since grey pixels have no such likelihood.
        draws: the k's.
        seed: fixes the draws of z.
        labels, dial: what the model takes beside the image.

    Returns:
        By k the bound for each image, in nats: (count,).

    Raises:
        ValueError: for a model without such latents, or grey pixels under a Bernoulli likelihood.
    """
    if not (isinstance(model, Probabilistic) and isinstance(model, Generative)):
        raise ValueError("Importance bounds need a posterior and a prior.")
    if model.likelihood.binary and not np.isin(np.unique(x), (0, 1)).all():
        raise ValueError("A Bernoulli likelihood needs pixels of 0 and 1; these are grey.")
    generator = torch.Generator(coding.device_of(model)).manual_seed(seed)
    found: dict[int, list[np.ndarray]] = {k: [] for k in draws}
    exact = x.astype(np.float32) if x.dtype == np.uint8 else x  # 0 and 1, not 0 and 1/255
    for part, condition in coding.batches(model, exact, labels, 100, dial):
        part = part.to(next(model.parameters()).dtype)
        log_weights = []
        for _ in range(max(draws)):
            levels = model.encode(part, condition, generator)
            z = join(levels)
            log_ratio = model.log_prior(z, condition) - model.log_posterior(levels)
            nats = model.likelihood.nll_each(model.answer(z, condition, part), part)
            log_weights.append(log_ratio - nats)
        each = torch.stack(log_weights)  # (draws, batch)
        for k in draws:
            groups = each[: len(each) // k * k].unflatten(0, (-1, k))
            found[k].append((groups.logsumexp(1) - math.log(k)).mean(0).cpu().numpy())
    return {k: np.concatenate(parts) for k, parts in found.items()}
