"""Distributions of an example given its code: what a decoder's answer means, in nats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

from torch import Tensor

from core.measures import losses


class Likelihood(ABC):
    """p(x|z), its parameters given by the decoder's answer ("logits")."""

    name: str
    binary: bool  # whether it is one of pixels of 0 and 1 alone

    @abstractmethod
    def mean(self, logits: Tensor) -> Tensor:
        """Mean of x: (batch, *shape) both ways."""

    @abstractmethod
    def nll(self, logits: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """−log p(x|z) in nats: sum over an example's entries, mean over the batch; a scalar."""

    @abstractmethod
    def nll_each(self, logits: Tensor, target: Tensor) -> Tensor:
        """−log p(x|z) in nats of each example, summed over its entries: (batch,)."""

    @abstractmethod
    def program(self) -> dict[str, Any]:
        """What a browser must know to do the same: `kind`, and `sigma` of a Gaussian."""


@final
class Bernoulli(Likelihood):
    """Pixels are 0 or 1 with probability σ(logits); of grey pixels it is a cross-entropy, no
    likelihood."""

    name, binary = "bernoulli", True

    def mean(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def nll(self, logits: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        return losses.bernoulli_nll(logits, target, observed)

    def nll_each(self, logits: Tensor, target: Tensor) -> Tensor:
        return losses.bernoulli_nll_each(logits, target)

    def program(self) -> dict[str, Any]:
        return {"kind": self.name}


@final
class Gaussian(Likelihood):
    """Pixels are N(logits, σ²): a density, which can't be compared with a Bernoulli likelihood."""

    name, binary = "gaussian", False

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def mean(self, logits: Tensor) -> Tensor:
        return logits

    def nll(self, logits: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        return losses.gaussian_nll(logits, target, self.sigma, observed)

    def nll_each(self, logits: Tensor, target: Tensor) -> Tensor:
        return losses.gaussian_nll_each(logits, target, self.sigma)

    def program(self) -> dict[str, Any]:
        return {"kind": self.name, "sigma": self.sigma}
