"""The registry of variants; its order is the order on screen.

A variant's module is imported when the variant is asked for, so that a screen can list names and
order without loading torch.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from core.config import ConfigError

if TYPE_CHECKING:
    from core.models.base import Autoencoder

_CLASSES = {
    "pca": "pca.PCA",
    "linear_ae": "linear.LinearAutoencoder",
    "basic_ae": "basic.BasicAutoencoder",
    "stacked_ae": "stacked.StackedAutoencoder",
    "denoising_ae": "denoising.DenoisingAutoencoder",
    "multilevel_dae": "multilevel.MultiLevelAutoencoder",
    "vae": "vae.VAE",
    "multirate_vae": "multirate.MultiRateVAE",
}


class _Registry(Mapping[str, "type[Autoencoder]"]):
    def __getitem__(self, name: str) -> type[Autoencoder]:
        module, _, cls = _CLASSES[name].partition(".")
        return getattr(importlib.import_module(f"core.models.{module}"), cls)

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


VARIANTS: Mapping[str, type[Autoencoder]] = _Registry()


def variant(name: str) -> type[Autoencoder]:
    """The class of a variant.

    Raises:
        ConfigError: naming the variants there are.
    """
    if name in _CLASSES:
        return VARIANTS[name]
    close = difflib.get_close_matches(name, VARIANTS, n=1)
    raise ConfigError(
        "There is no variant {name!r}; there are {variants}. Did you mean {close}?"
        if close
        else "There is no variant {name!r}; there are {variants}.",
        name=name,
        variants=", ".join(VARIANTS),
        close=next(iter(close), None),
    )
