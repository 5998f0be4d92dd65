"""The contract that every variant keeps, so that one loop, one store and one page serve all.

A leaf class sets `name`, `title` and `Config`, mixes in what it can do (`core.models.abilities`)
and implements the abstract methods; nothing concrete is overridden.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from core.config import ModelConfig
from core.models.abilities import (
    Autoregressive,
    Capabilities,
    Conditional,
    Corrupting,
    Dialled,
    Generative,
    Observing,
)
from core.models.signals import (
    NOTHING,
    Batch,
    Condition,
    Level,
    Moment,
    Output,
    Signature,
    join,
)


class Member(nn.Module, ABC):
    """A model of the family.

    Attributes:
        kinds: kinds of data that it works on.
        encodes: whether examples have codes.
        eager: why its training step can't be captured as a CUDA graph; empty where it can.
        widths: numbers in each level of its code, which the decoder takes side by side.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[ModelConfig]]
    kinds: ClassVar[tuple[str, ...]] = ("images",)
    encodes: ClassVar[bool] = True
    eager: ClassVar[str] = ""
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.capabilities = Capabilities.of(cls, cls.encodes, cls.kinds, cls.eager)

    def __init__(
        self, config: Any, signature: Signature, widths: tuple[int, ...] | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.signature = signature
        self.widths: tuple[int, ...] = widths or (config.latent,)

    @property
    @final
    def width(self) -> int:
        """Numbers in a code, all levels together."""
        return sum(self.widths)

    # Torch declares `forward` as an attribute, so those below can't be marked final; the contract
    # suite holds them like every other concrete method.
    @abstractmethod
    def forward(
        self, batch: Batch | Tensor, generator: torch.Generator | None = None
    ) -> Output | Tensor:
        """One training pass over a batch, an `Output`. Of plain examples (batch, *shape) instead
        what the model makes of them."""

    @abstractmethod
    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        """Decoder's answer before the output nonlinearity: (batch, width) → (batch, *shape)."""

    @abstractmethod
    def mean(self, logits: Tensor) -> Tensor:
        """Mean of the likelihood in the data's own values: (batch, *shape) both ways."""

    @abstractmethod
    def loss_terms(self, batch: Batch, output: Output, moment: Moment) -> dict[str, Tensor]:
        """The objective's terms, already weighted; the objective is their sum.

        Each is a scalar: a sum over the example's entries, a mean over the batch.
        """

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
        target = self.observe(x, generator) if isinstance(self, Observing) else x
        dial = None
        if isinstance(self, Dialled):
            dial = self.dial.draw(len(x), generator, x.device)
        condition = self.condition(target, label, dial, generator)
        seen = target
        if isinstance(self, Corrupting):
            seen = self.corrupt(target, condition, generator)
        return Batch(seen, target, condition, observed)

    @final
    def condition(
        self,
        x: Tensor,
        label: Tensor | None = None,
        dial: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Condition:
        """What this variant is told of data (batch, *shape); a missing dial stands at its usual
        value."""
        if not isinstance(self, Conditional):
            return Condition(dial=dial)
        return dataclasses.replace(self.told(x, label, generator), dial=dial)

    @final
    def position(self, condition: Condition, like: Tensor) -> Tensor | None:
        """Position of the dial for each example of `like`: (batch,), or None without a dial."""
        if isinstance(self, Dialled):
            return self.stands_at(condition, like)
        return condition.dial

    @final
    def hearing(self, condition: Condition, like: Tensor) -> Tensor | None:
        """What layers are told for each example of `like`: (batch, width), or None of a model that
        is told nothing. Where the condition says nothing, it is what the model is told without
        data."""
        if not isinstance(self, Conditional):
            return None
        if condition.label is None and condition.image is None and condition.attributes is None:
            condition = self.untold(len(like), like.device)
        return self.spelled(condition).to(like.dtype)

    @final
    def answer(self, z: Tensor, condition: Condition, target: Tensor) -> Tensor:
        """What a likelihood of `target` is taken of: the decoder's answer, which may see what
        comes before each entry of the target. (batch, width) → (batch, *shape)."""
        if isinstance(self, Autoregressive):
            return self.decode_seen(z, condition, target)
        return self.decode(z, condition)


class Autoencoder(Member):
    """A model with an encoder and a decoder."""

    @abstractmethod
    def encode(
        self,
        x: Tensor,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> tuple[Level, ...]:
        """Code of `x` (batch, *shape). With a generator z is drawn; without, z is the mean."""

    def forward(
        self, batch: Batch | Tensor, generator: torch.Generator | None = None
    ) -> Output | Tensor:
        """Encode the batch's input, draw z where the model is stochastic, decode: an `Output`.

        Of plain examples (batch, *shape) in [0, 1] their reconstructions, as `reconstruct` gives
        them; so `model(x)` is what it is of any torch module.
        """
        if isinstance(batch, Tensor):
            return self.reconstruct(batch, self.condition(batch))
        levels = self.encode(batch.input, batch.condition, generator)
        return Output(levels, self.answer(join(levels), batch.condition, batch.target))

    @final
    def reconstruct(self, x: Tensor, condition: Condition = NOTHING) -> Tensor:
        """Reconstruction through the code's mean, no noise: (batch, *shape) in pixel values."""
        return self.mean(self.decode(join(self.encode(x, condition)), condition))


class DecoderOnly(Generative, Member):
    """A model without an encoder: it decodes draws of its prior, and that is all."""

    encodes = False

    def forward(
        self, batch: Batch | Tensor, generator: torch.Generator | None = None
    ) -> Output | Tensor:
        """Decode as many draws of the prior as the batch has examples: an `Output`.

        Of plain codes (batch, width) the examples that they decode to.
        """
        if isinstance(batch, Tensor):
            return self.mean(self.decode(batch))
        z = self.sample_prior(len(batch.target), batch.condition, generator)
        return Output((Level(z),), self.decode(z, batch.condition))
