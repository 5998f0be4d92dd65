"""The contract that every variant keeps, so that one loop, one store and one page serve all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from core.config import ModelConfig
from core.models.dial import Dial


@dataclass(frozen=True)
class Signature:
    """What a model must know of its data.

    Attributes:
        shape: shape of one example: (channels, height, width) for images, (time, channels,
            height, width) for sequences, (items,) for ratings.
        classes: number of labels, 0 where there are none.
        kind: `images`, `sequences` or `ratings`.
    """

    shape: tuple[int, ...] = (1, 28, 28)
    classes: int = 10
    kind: str = "images"

    @property
    def size(self) -> int:
        """Number of entries of one example."""
        size = 1
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True)
class Capabilities:
    """What a variant can do. The screen asks these and never compares a variant's name."""

    has_prior: bool = False  # z can be sampled from a prior and decoded
    has_posterior: bool = False  # the encoder gives a distribution, not a point
    has_dial: bool = False  # a continuous knob is an input of the network: `model.dial`
    conditional: bool = False  # encoder and decoder take a label
    discrete: bool = False  # the code is an index into a codebook
    levels: int = 1  # groups of latent variables
    corrupts: bool = False  # trained on corrupted inputs with clean targets
    closed_form: bool = False  # fitted by `fit`, not by gradient steps
    in_browser: bool = True  # encoder and decoder are plain layer lists
    kinds: tuple[str, ...] = ("images",)  # kinds of data it works on


@dataclass(frozen=True)
class Condition:
    """What encoder and decoder are told beside the data; each variant uses what it takes."""

    label: Tensor | None = None  # (batch,) int64
    dial: Tensor | None = None  # (batch,) position of a continuous knob, such as log β


NOTHING = Condition()


@dataclass(frozen=True)
class Batch:
    """One step's data on the device. `input` may be corrupted; `target` stays clean."""

    input: Tensor  # (batch, *shape) in [0, 1] before corruption
    target: Tensor  # (batch, *shape)
    condition: Condition = NOTHING
    observed: Tensor | None = None  # (batch, *shape): 1 where a rating is known


@dataclass(frozen=True)
class Level:
    """One group of latent variables of a batch: a point, a Gaussian or a code index."""

    z: Tensor  # (batch, K): what the decoder gets
    mean: Tensor | None = None  # (batch, K) of the posterior
    log_var: Tensor | None = None  # (batch, K) of the posterior
    index: Tensor | None = None  # (batch, positions) into a codebook


@dataclass(frozen=True)
class Output:
    """What one pass gives: the levels of the code, and the decoder's answer before its output
    nonlinearity."""

    levels: tuple[Level, ...]
    logits: Tensor  # (batch, *shape)

    @property
    def z(self) -> Tensor:
        """All levels side by side: (batch, K in total)."""
        return join(self.levels)


def join(levels: tuple[Level, ...]) -> Tensor:
    """The code as the decoder takes it: all levels' z side by side, (batch, K in total)."""
    return torch.cat([level.z for level in levels], dim=1)


class Autoencoder(nn.Module, ABC):
    """A model with an encoder and a decoder.

    A leaf class sets `name`, `title`, `Config` and `capabilities` and implements the abstract
    methods; nothing concrete is overridden. A variant with an opponent builds `self.adversary`
    and implements `Adversarial`; the training loop then runs a second optimiser.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[ModelConfig]]
    capabilities: ClassVar[Capabilities]
    dial: Dial | None = None

    def __init__(self, config: Any, signature: Signature) -> None:
        super().__init__()
        self.config = config
        self.signature = signature

    @abstractmethod
    def corrupt(self, x: Tensor, condition: Condition, generator: torch.Generator | None) -> Tensor:
        """What the encoder sees of clean `x` while training: (batch, *shape) both ways."""

    @abstractmethod
    def observe(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """The clean data as this model's likelihood wants it (grey, or binarised anew)."""

    @abstractmethod
    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        """Code of `x` (batch, *shape). With a generator z is drawn; without, z is the mean."""

    @abstractmethod
    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        """Decoder's answer before the output nonlinearity: (batch, all K) → (batch, *shape)."""

    @abstractmethod
    def mean(self, logits: Tensor) -> Tensor:
        """Mean of the likelihood in pixel values: (batch, *shape) both ways."""

    @abstractmethod
    def loss_terms(self, batch: Batch, output: Output, progress: float) -> dict[str, Tensor]:
        """The objective's terms, already weighted; the objective is their sum.

        Each is a scalar: a sum over the example's entries, a mean over the batch. `progress`
        goes from 0 to 1 over the training and drives schedules.
        """

    @abstractmethod
    def encoder_layers(self) -> nn.Sequential:
        """The encoder as a plain layer list for the browser: mean, then log-variance if any."""

    @abstractmethod
    def decoder_layers(self) -> nn.Sequential:
        """The decoder as a plain layer list for the browser, output nonlinearity included."""

    @final
    def prepare(
        self,
        x: Tensor,
        label: Tensor | None = None,
        observed: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """Turn clean data (batch, *shape) into a training batch: observed, then corrupted.

        A variant with a dial gets a position of it for each example, drawn anew.
        """
        target = self.observe(x, generator)
        dial = self.dial.draw(len(x), generator, x.device) if self.dial else None
        condition = self.condition(label, dial)
        return Batch(self.corrupt(target, condition, generator), target, condition, observed)

    @final
    def condition(self, label: Tensor | None = None, dial: Tensor | None = None) -> Condition:
        """What of labels and dial this variant takes; a missing dial stands at its usual value."""
        return Condition(label if self.capabilities.conditional else None, dial)

    @final
    def position(self, condition: Condition, like: Tensor) -> Tensor | None:
        """Position of the dial for each example of `like`: (batch,), or None without a dial."""
        if self.dial is None or condition.dial is not None:
            return condition.dial
        return torch.full((len(like),), self.dial.position(self.dial.usual), device=like.device)

    @final
    def forward(self, batch: Batch, generator: torch.Generator | None = None) -> Output:
        """Encode the batch's input, draw z where the model is stochastic, decode."""
        levels = self.encode(batch.input, batch.condition, generator)
        return Output(levels, self.decode(join(levels), batch.condition))

    @final
    def reconstruct(self, x: Tensor, condition: Condition = NOTHING) -> Tensor:
        """Reconstruction through the code's mean, no noise: (batch, *shape) in pixel values."""
        return self.mean(self.decode(join(self.encode(x, condition)), condition))


class Probabilistic(ABC):
    """Mixed into a variant with an ELBO: −(distortion + rate), both in nats per image."""

    @abstractmethod
    def rate_each(self, levels: tuple[Level, ...], condition: Condition = NOTHING) -> Tensor:
        """KL from posterior to prior of each latent dimension: (batch, K in total)."""

    @abstractmethod
    def distortion(self, target: Tensor, logits: Tensor) -> Tensor:
        """−log p(x|z): sum over pixels, mean over the batch."""

    @abstractmethod
    def distortion_each(self, target: Tensor, logits: Tensor) -> Tensor:
        """−log p(x|z) of each example: (batch,), summed over its pixels."""


class Adversarial(ABC):
    """Mixed into a variant that has an opponent: a second module with its own optimiser."""

    adversary: nn.Module

    @abstractmethod
    def adversary_terms(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """The opponent's weighted loss terms, as scalars; gradients reach only `adversary`."""


class ClosedForm(ABC):
    """Mixed into a variant that is solved, not trained."""

    @abstractmethod
    def fit(self, x: Tensor) -> None:
        """Set all parameters from the whole training set: (count, *shape) in [0, 1]."""
