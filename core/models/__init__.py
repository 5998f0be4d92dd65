"""The registry of variants; its order is the order on screen."""

from __future__ import annotations

import difflib

from core.config import ConfigError
from core.models.base import Autoencoder
from core.models.basic import BasicAutoencoder
from core.models.denoising import DenoisingAutoencoder
from core.models.linear import LinearAutoencoder
from core.models.pca import PCA
from core.models.stacked import StackedAutoencoder
from core.models.vae import VAE

VARIANTS: dict[str, type[Autoencoder]] = {
    variant.name: variant
    for variant in (
        PCA,
        LinearAutoencoder,
        BasicAutoencoder,
        StackedAutoencoder,
        DenoisingAutoencoder,
        VAE,
    )
}


def variant(name: str) -> type[Autoencoder]:
    """The class of a variant.

    Raises:
        ConfigError: naming the variants there are.
    """
    if name in VARIANTS:
        return VARIANTS[name]
    close = difflib.get_close_matches(name, VARIANTS, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise ConfigError(f"There is no variant {name!r}; there are {', '.join(VARIANTS)}.{hint}")
