"""Names and units of the scores that `core.training.evaluate` gives, and a trivial model's."""

from __future__ import annotations

import math

from core import data
from core.measures import metrics
from core.store import checkpoints

SCORES = {
    "squared_error": ("squared error", "/ image (sum over pixels)"),
    "elbo_binary": ("ELBO, binarised pixels", "nats / image"),
    "elbo": ("ELBO, a density of grey pixels", "nats / image"),
    "rate_binary": ("rate, binarised pixels", "nats / image"),
    "distortion_binary": ("distortion, binarised pixels", "nats / image"),
    "rate": ("rate", "nats / image"),
    "distortion": ("distortion, a density of grey pixels", "nats / image"),
    "cross_entropy_grey": ("cross-entropy, grey pixels (no likelihood)", "nats / image"),
    "active_units": ("active units (variance of the mean above 0.01)", "latent dimensions"),
    "mig": ("MIG", "share of a factor's entropy"),
    "sap": ("SAP", "of 1"),
    "disentanglement": ("disentanglement (DCI)", "of 1"),
    "completeness": ("completeness (DCI)", "of 1"),
    "informativeness": ("informativeness (DCI)", "of 1"),
    "squared_error_frame": ("squared error", "/ frame (sum over pixels)"),
    "rmse": ("root mean square error", "of known ratings"),
}
FACTORS = ("mig", "sap", "disentanglement", "completeness", "informativeness")
HEADLINES = ("squared_error", "elbo_binary", "elbo", "rmse")


def headlines(scores: dict[str, float], trivial: dict[str, float]) -> str:
    """The scores that one looks at first, each with its unit and beside a trivial model's."""
    parts = []
    for name in HEADLINES:
        if name in scores:
            title, unit = SCORES[name]
            parts.append(f"{title} {scores[name]:.4g} {unit}, trivial model {trivial[name]:.4g}")
    return "; ".join(parts)


def trivial(
    scores: dict[str, float], record: checkpoints.RunRecord, split: data.Dataset
) -> dict[str, float]:
    """What a model that codes nothing scores on this split, with the run's likelihood."""
    if split.kind == "ratings":
        return {"rmse": scores.get("rmse_constant", math.nan)}
    found = metrics.trivial_scores(split.x, record.config["sigma"] if "elbo" in scores else None)
    if split.kind == "sequences":
        found["squared_error_frame"] = found["squared_error"] / split.x.shape[1]
    if split.factors is not None:
        found |= dict.fromkeys(FACTORS, 0.0)
    return found
