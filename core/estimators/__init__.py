"""The family with scikit-learn's habits.

    from core.estimators import VAE
    vae = VAE(latent=2, beta=4, random_state=0).fit(x)

There is one class for each variant, under the name of its own class (`PCA`, `VAE`, …), whose
parameters are the variant's knobs and the training's; `estimator("vae")` gives it by the variant's
name. A new variant is here as soon as it is registered.
"""

from __future__ import annotations

from typing import Any

from core.estimators.estimator import Estimator, NotFittedError
from core.estimators.making import class_names, estimator, named
from core.estimators.saved import load

__all__ = ["Estimator", "NotFittedError", "estimator", "load"]


def __getattr__(name: str) -> Any:
    return named(name)


def __dir__() -> list[str]:
    return sorted([*__all__, *class_names()])
