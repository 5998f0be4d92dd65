"""What a run keeps for its map: codes or their places, a plane to see them on, errors, and knots of
its knob."""

from __future__ import annotations

import numpy as np
import torch

from core.data import Dataset
from core.latent import coding
from core.latent.projections import Plane
from core.models.abilities import ClosedForm, Dialled, Discrete, Layered
from core.models.base import Autoencoder
from core.models.dial import Dial
from core.store.schema import WIDE
from core.training.evaluate import evaluate

KNOTS = 12


def map_arrays(model: Autoencoder, digits: Dataset) -> dict[str, np.ndarray]:
    """What the map draws: `codes` (count, K) float16, `plane_mean` (K,) and `plane_basis` (2, K)
    float32, and `squared_error` (count,) float16 of each digit's reconstruction or, where a knob
    changes it, what `knot_arrays` returns.

    A code of more than WIDE numbers would take many times what its network does, so that whoever
    holds the network encodes again; in place of `codes` stand `points` (count, 2), their places on
    the plane, and `code_range` (2, K), least and most of each number, float16 both; and of one
    that is made of entries of a codebook these, `entries` (count, places) uint8."""
    codes = coding.encode(model, digits.x, digits.labels).mean
    plane = coding.plane_of(model, codes)
    x = coding.to_tensor(digits.x).numpy()
    off = (x - coding.reconstruct(model, digits.x, digits.labels)) ** 2
    if digits.observed is not None:  # what nobody rated is no error
        off = off * digits.observed
    error = off.reshape(len(x), -1).sum(1)
    arrays: dict[str, np.ndarray] = {
        "plane_mean": plane.mean.astype(np.float32),
        "plane_basis": plane.basis.astype(np.float32),
    }
    # PCA's curve of errors over K is read off its codes, and a knob's knots stand for them alone.
    needed = isinstance(model, ClosedForm | Dialled) or not isinstance(model, Layered)
    if codes.shape[1] > WIDE and not needed:
        arrays["points"] = plane.to_map(codes).astype(np.float16)
        arrays["code_range"] = np.stack([codes.min(0), codes.max(0)]).astype(np.float16)
        if isinstance(model, Discrete):
            arrays["entries"] = coding.entries(model, digits.x, digits.labels).astype(np.uint8)
    else:
        arrays["codes"] = codes.astype(np.float16)
    if isinstance(
        model, Dialled
    ):  # one digit's error changes with the knob; its mean is at the knots
        return arrays | knot_arrays(model, model.dial, digits, plane)
    return arrays | {"squared_error": error.astype(np.float16)}


def knot_arrays(
    model: Autoencoder, dial: Dial, digits: Dataset, plane: Plane
) -> dict[str, np.ndarray]:
    """The map at knots of the model's continuous knob, between which a screen interpolates.

    `knots` (knots,) positions, `knot_points` (knots, count, 2) float16 on the usual value's plane,
    `knot_squared_error` (knots,) per image (of a model that is trained on corrupted inputs the
    error of its answer to such), and for a model with an ELBO `knot_rate`,
    `knot_distortion` (knots,) in nats per image of grey pixels and `knot_kl` (knots, K) in nats.
    """
    knots = torch.linspace(dial.position(dial.low), dial.position(dial.high), KNOTS)
    found: dict[str, list] = {}
    for position in knots:
        value = float(dial.value(position))
        codes = coding.encode(model, digits.x, digits.labels, dial=value)
        scores = evaluate(model, digits.x, labels=digits.labels, dial=value)
        found.setdefault("knot_points", []).append(plane.to_map(codes.mean))
        error = scores.get("squared_error_denoised", scores["squared_error"])
        found.setdefault("knot_squared_error", []).append(error)
        nats = coding.rate_each(model, digits.x, digits.labels, dial=value)
        if nats is not None:
            found.setdefault("knot_kl", []).append(nats.mean(0))
            found.setdefault("knot_rate", []).append(scores["rate"])
            distortion = scores.get("cross_entropy_grey", scores.get("distortion"))
            found.setdefault("knot_distortion", []).append(distortion)
    arrays = {name: np.asarray(values, np.float32) for name, values in found.items()}
    arrays["knot_points"] = arrays["knot_points"].astype(np.float16)
    return arrays | {"knots": knots.numpy()}
