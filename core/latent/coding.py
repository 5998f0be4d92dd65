"""What one does in a latent space: encode a set, traverse, interpolate, decode grids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.latent.projections import Plane, map_plane
from core.models.abilities import Conditional, Dialled, Flowing, Generative, Probabilistic
from core.models.base import Autoencoder, Member
from core.models.signals import Condition, join

PARALLEL = 1e-6  # sine of the angle below which two directions count as one line


@dataclass(frozen=True)
class Codes:
    """Codes of a whole set."""

    mean: np.ndarray  # (count, K) float32: the point, or the posterior's mean
    log_var: np.ndarray | None  # (count, K) float32 of the posterior


def to_tensor(x: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """uint8 images to floats in [0, 1]; floats stay as they are. Shape is kept."""
    tensor = torch.from_numpy(np.ascontiguousarray(x)).to(device)
    return tensor.float().div_(255) if tensor.dtype == torch.uint8 else tensor.float()


def batches(
    model: Member,
    x: np.ndarray,
    labels: np.ndarray | None,
    size: int = 1000,
    dial: float | None = None,
) -> Iterator[tuple[Tensor, Condition]]:
    """Parts of a set as float tensors on the model's device, with what the model is told of them.

    `dial` is the value (not the position) of a model's continuous knob.
    """
    device = device_of(model)
    for start in range(0, len(x), size):
        part = to_tensor(x[start : start + size], device)
        label = None if labels is None else torch.from_numpy(labels[start : start + size])
        told = model.condition(
            part, None if label is None else label.to(device), _positions(model, len(part), dial)
        )
        yield part, told


def device_of(model: Member) -> torch.device:
    """Where a model's numbers are."""
    return next(iter(model.state_dict().values())).device


@torch.no_grad()
def encode(
    model: Autoencoder,
    x: np.ndarray,
    labels: np.ndarray | None = None,
    batch: int = 1000,
    dial: float | None = None,
) -> Codes:
    """Codes of images x (count, *shape), without drawing z."""
    means, log_vars = [], []
    for part, condition in batches(model, x, labels, batch, dial):
        levels = model.encode(part, condition)
        means.append(join(levels).cpu())
        spread = [level.log_var for level in levels if level.log_var is not None]
        if len(spread) == len(levels):
            log_vars.append(torch.cat(spread, 1).cpu())
    return Codes(torch.cat(means).numpy(), torch.cat(log_vars).numpy() if log_vars else None)


def plane_of(model: Autoencoder, codes: np.ndarray) -> Plane:
    """The plane on which a model's codes (count, K) are drawn. Of a flow it lies in the first level
    of its code, and the other levels' mean is 0: these are what that level leaves open."""
    if not isinstance(model, Flowing):
        return map_plane(codes)
    first = map_plane(codes[:, : model.widths[0]])
    after = (0, model.width - model.widths[0])
    return Plane(np.pad(first.mean, after), np.pad(first.basis, ((0, 0), after)))


@torch.no_grad()
def entries(
    model: Autoencoder, x: np.ndarray, labels: np.ndarray | None = None, batch: int = 1000
) -> np.ndarray:
    """Which entries of its codebook the codes of images x (count, *shape) are made of, if of any:
    (count, places) int64."""
    parts = []
    for part, condition in batches(model, x, labels, batch):
        levels = model.encode(part, condition)
        index = [level.index for level in levels if level.index is not None]
        parts.append(torch.cat(index, 1).cpu())
    return torch.cat(parts).numpy()


@torch.no_grad()
def decode(
    model: Member,
    z: np.ndarray,
    labels: np.ndarray | None = None,
    batch: int = 1000,
    dial: float | None = None,
    x: np.ndarray | None = None,
) -> np.ndarray:
    """Mean images of codes z (count, width) → (count, *shape) float32 in pixel values.

    A conditional model is told `labels` (count,) or what it takes of images `x` (count, *shape);
    without either, what it is told where there are no data.
    """
    device = device_of(model)
    parts = []
    for start in range(0, len(z), batch):
        here = slice(start, start + batch)
        part = to_tensor(np.asarray(z[here], np.float32), device)
        condition = _told(model, len(part), device, labels, x, here, dial)
        parts.append(model.mean(model.decode(part, condition)).cpu())
    return torch.cat(parts).numpy()


@torch.no_grad()
def rate_each(
    model: Autoencoder,
    x: np.ndarray,
    labels: np.ndarray | None = None,
    batch: int = 1000,
    dial: float | None = None,
    seed: int = 0,
) -> np.ndarray | None:
    """What each image's rate is made of, in nats: (count, parts) float64, which are the latent
    dimensions where the rate falls into these; None for a model without a posterior.

    A rate without a closed form is taken at one draw of z, which `seed` fixes.
    """
    if not isinstance(model, Probabilistic):
        return None
    generator = torch.Generator(device_of(model)).manual_seed(seed)
    parts = [
        model.rate_each(model.encode(part, condition, generator), condition).cpu()
        for part, condition in batches(model, x, labels, batch, dial)
    ]
    return torch.cat(parts).double().numpy()


@torch.no_grad()
def sample(
    model: Member, count: int, seed: int = 0, dial: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draws of a model's prior, and their mean images: (count, width) and (count, *shape).

    Raises:
        ValueError: for a model without a prior.
    """
    if not isinstance(model, Generative):
        raise ValueError("Draws need a prior.")
    device = device_of(model)
    generator = torch.Generator(device).manual_seed(seed)
    condition = _told(model, count, device, None, None, slice(0, count), dial)
    z = model.sample_prior(count, condition, generator)
    return z.cpu().numpy(), model.mean(model.decode(z, condition)).cpu().numpy()


@torch.no_grad()
def reconstruct(
    model: Autoencoder,
    x: np.ndarray,
    labels: np.ndarray | None = None,
    batch: int = 1000,
    dial: float | None = None,
) -> np.ndarray:
    """Mean reconstructions of images x (count, *shape), uint8 or in [0, 1] → float32."""
    parts = [
        model.reconstruct(part, condition).cpu()
        for part, condition in batches(model, x, labels, batch, dial)
    ]
    return torch.cat(parts).numpy()


def _positions(model: Member, count: int, dial: float | None) -> Tensor | None:
    if dial is None or not isinstance(model, Dialled):
        return None
    return torch.full((count,), model.dial.position(dial), device=device_of(model))


def _told(
    model: Member,
    count: int,
    device: torch.device,
    labels: np.ndarray | None,
    x: np.ndarray | None,
    here: slice,
    dial: float | None,
) -> Condition:
    positions = _positions(model, count, dial)
    if not isinstance(model, Conditional):
        return Condition(dial=positions)
    if labels is None and x is None:
        return replace(model.untold(count, device), dial=positions)
    label = None if labels is None else torch.from_numpy(labels[here]).to(device)
    shape = (count, *model.signature.shape)
    image = torch.zeros(shape, device=device) if x is None else to_tensor(x[here], device)
    return model.condition(image, label, positions)


def traverse(z: np.ndarray, dimension: int, values: np.ndarray) -> np.ndarray:
    """Copies of z (K,) with one dimension set to each value: (steps, K)."""
    out = np.repeat(np.asarray(z, np.float32)[None], len(values), axis=0)
    out[:, dimension] = values
    return out


def interpolate(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Codes on the straight line from a to b, ends included: (steps, K)."""
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    return (1 - share) * a + share * b


def great_circle(
    a: np.ndarray, b: np.ndarray, steps: int, centre: np.ndarray | None = None
) -> np.ndarray:
    """Codes on the great circle from a to b around a centre, ends included: (steps, K) float64.

    The direction turns at an even pace (Shoemake, 1985: "Animating rotation with quaternion
    curves") and the distance from the centre, by default the origin, changes evenly from |a| to
    |b|. Where no great circle is told apart by its ends, one is chosen:

    - a or b is the centre, or both lie in one direction from it: the straight line.
    - a and b lie in opposite directions: over the axis of which a has least (the first of these);
      with K = 1 there is no way round, so the straight line.
    """
    centre = np.zeros(len(a)) if centre is None else np.asarray(centre, np.float64)
    a, b = np.asarray(a, np.float64) - centre, np.asarray(b, np.float64) - centre
    share = np.linspace(0, 1, steps)[:, None]
    line = (1 - share) * a + share * b + centre
    from_norm, to_norm = np.linalg.norm(a), np.linalg.norm(b)
    if from_norm == 0 or to_norm == 0:
        return line
    u, v = a / from_norm, b / to_norm
    angle = 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))
    aside = v - (u @ v) * u
    if np.linalg.norm(aside) < PARALLEL:
        if angle < 1 or len(a) == 1:
            return line
        axis = np.abs(u).argmin()
        aside = np.eye(len(a))[axis] - u[axis] * u
    aside /= np.linalg.norm(aside)
    norm = (1 - share) * from_norm + share * to_norm
    return norm * (np.cos(share * angle) * u + np.sin(share * angle) * aside) + centre


def analogy(a: np.ndarray, b: np.ndarray, c: np.ndarray, amount: float = 1.0) -> np.ndarray:
    """The code a − b + c: the step from b to c, taken `amount` times from a (Mikolov, 2013)."""
    return a + amount * (c - b)


def grid(low: np.ndarray, high: np.ndarray, side: int) -> np.ndarray:
    """Points of a square grid between two corners (2,), row by row from the top: (side², 2)."""
    xs = np.linspace(low[0], high[0], side)
    ys = np.linspace(high[1], low[1], side)
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)


def prior_grid(side: int) -> np.ndarray:
    """A grid for K = 2 whose rows and columns are equally probable under the prior N(0, I), row by
    row from the top: (side², 2) float64.

    Coordinates are the normal quantiles of (i + ½)/side (Kingma and Welling, 2014, appendix A).
    """
    shares = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    at = torch.special.ndtri(shares).numpy()
    return np.stack(np.meshgrid(at, at[::-1]), axis=-1).reshape(-1, 2)
