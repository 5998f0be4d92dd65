"""The registry of variants; its order is the order on screen.

A variant's module is imported when the variant is asked for, so that a screen can list names and
order without loading torch.
"""

from __future__ import annotations

import difflib
import importlib
import warnings
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from core.config import ConfigError

if TYPE_CHECKING:
    from core.config import ModelConfig
    from core.data import Dataset
    from core.models.base import Member
    from core.models.signals import Signature

_CLASSES = {
    "pca": "core.models.pca.PCA",
    "linear_ae": "core.models.linear.LinearAutoencoder",
    "basic_ae": "core.models.basic.BasicAutoencoder",
    "stacked_ae": "core.models.stacked.StackedAutoencoder",
    "greedy_ae": "core.models.greedy.GreedyAutoencoder",
    "denoising_ae": "core.models.denoising.DenoisingAutoencoder",
    "multilevel_dae": "core.models.multilevel.MultiLevelAutoencoder",
    "overcomplete_ae": "core.models.overcomplete.OvercompleteAutoencoder",
    "sparse_ae": "core.models.sparse.SparseAutoencoder",
    "contractive_ae": "core.models.contractive.ContractiveAutoencoder",
    "vae": "core.models.vae.VAE",
    "beta_vae": "core.models.beta_vae.BetaVAE",
    "multirate_vae": "core.models.multirate.MultiRateVAE",
    "conditional_vae": "core.models.conditional_vae.ConditionalVAE",
    "completing_vae": "core.models.completing_vae.CompletingVAE",
    "vq_vae": "core.models.vq_vae.VQVAE",
    "iwae": "core.models.iwae.ImportanceWeightedAutoencoder",
    "augmented_flow": "core.models.augmented_flow.AugmentedFlow",
    "vamp_prior": "core.models.vamp_prior.VampPriorVAE",
    "ladder_vae": "core.models.ladder_vae.LadderVAE",
}


class _Registry(Mapping[str, "type[Member]"]):
    def __getitem__(self, name: str) -> type[Member]:
        module, _, kind = _CLASSES[name].rpartition(".")
        found: type[Member] = getattr(importlib.import_module(module), kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


VARIANTS: Mapping[str, type[Member]] = _Registry()


def variant(name: str) -> type[Member]:
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


def signature_of(dataset: Dataset) -> Signature:
    """What a model must know of a data set."""
    from core.models.signals import Signature

    return Signature(dataset.shape, dataset.classes, dataset.kind)


_outlining = Lock()


def outline(name: str, config: ModelConfig, signature: Signature) -> Member:
    """A model whose tensors have shapes and no numbers, and so take no memory.

    Raises:
        ConfigError: unknown variant, or knobs that don't fit the data.
    """
    import torch

    kind = variant(name)
    # A model that loads numbers of its own says once a tensor that these go nowhere.
    with _outlining, warnings.catch_warnings(), torch.device("meta"):
        warnings.filterwarnings("ignore", "for .*: copying from a non-meta parameter", UserWarning)
        return kind(config, signature)


def build(name: str, config: ModelConfig, signature: Signature, seed: int = 0) -> Member:
    """A fresh model with seeded weights.

    Raises:
        ConfigError: unknown variant, knobs that don't fit the data, or a kind of data that the
            variant doesn't work on.
    """
    import torch

    kind = variant(name)
    if signature.kind not in kind.kinds:
        raise ConfigError(
            "{model} works on {kinds}, not on {kind}.",
            model=kind.title,
            kinds=", ".join(kind.kinds),
            kind=signature.kind,
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind(config, signature)
