"""What a model can do is what it mixes in. `Capabilities` is read off that, and pages, loop, store
and scores ask it; none of them knows a variant's name.

A mixin holds no state and has no `__init__`; what it needs of a model it names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from core.models.dial import Dial
from core.models.likelihoods import Likelihood
from core.models.signals import NOTHING, Batch, Condition, Level, Moment, Output, join

# --- Of data and conditions ---------------------------------------------------------------------


class Corrupting(ABC):
    """Trained on corrupted inputs with clean targets."""

    @abstractmethod
    def corrupt(self, x: Tensor, condition: Condition, generator: torch.Generator | None) -> Tensor:
        """What the encoder sees of clean `x` while training: (batch, *shape) both ways."""


class Observing(ABC):
    """Sees the data as its likelihood wants them, not as they come."""

    @abstractmethod
    def observe(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """The clean data, such as grey pixels drawn anew as 0 or 1: (batch, *shape) both ways."""


class Conditional(ABC):
    """Told something beside the data: a label, a part of an image, attributes.

    `takes` names the fields of `Condition` that it uses, for pages to offer.
    """

    takes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def told(
        self, x: Tensor, label: Tensor | None, generator: torch.Generator | None = None
    ) -> Condition:
        """What the model is told of clean data `x` (batch, *shape) and its labels (batch,)."""

    @abstractmethod
    def untold(self, count: int, device: torch.device) -> Condition:
        """What it is told where there are no data, for `count` codes."""

    @abstractmethod
    def spelled(self, condition: Condition) -> Tensor:
        """What a condition says, as the numbers that layers see: (batch, width).

        Raises:
            ValueError: where it says nothing that the model takes.
        """


class Dialled(ABC):
    """A continuous knob is an input of its networks."""

    @property
    @abstractmethod
    def dial(self) -> Dial:
        """The knob, its trained range and its usual value."""

    def stands_at(self, condition: Condition, like: Tensor) -> Tensor:
        """Position of the dial for each example of `like`, its usual one where none is told:
        (batch,)."""
        if condition.dial is not None:
            return condition.dial
        return torch.full((len(like),), self.dial.position(self.dial.usual), device=like.device)


# --- Of codes and answers -----------------------------------------------------------------------


class Layered(ABC):
    """Runs in the browser: encoder and decoder are plain layer lists."""

    @abstractmethod
    def encoder_layers(self) -> nn.Sequential:
        """The encoder: (batch, *shape) → means, then log-variances if any."""

    @abstractmethod
    def decoder_layers(self) -> nn.Sequential:
        """The decoder, output nonlinearity included: (batch, width) → (batch, *shape)."""


class Units(ABC):
    """Its code is made of units that are active for some examples and not for others."""

    @property
    @abstractmethod
    def rho(self) -> float | None:
        """The mean activity that is wanted of each unit; None where none is."""

    @abstractmethod
    def activity(self, z: Tensor) -> Tensor:
        """How active each unit is, from 0 to 1: (batch, width) both ways. From a half on it counts
        as acting; one that acts for no example is dead."""


class Discrete(ABC):
    """Its code is made of entries of a codebook."""

    @abstractmethod
    def codebook(self) -> Tensor:
        """The entries: (entries, length of one)."""

    @abstractmethod
    def look_up(self, index: Tensor) -> Tensor:
        """The code of indices: (batch, positions) int64 → (batch, width)."""


class Flowing(ABC):
    """Its code is the example, moved by steps that are undone exactly, perhaps with noise beside
    it: the decoder gives back what the encoder got. Each level of a code says its `log_volume`."""

    if TYPE_CHECKING:

        def log_prior(self, z: Tensor, condition: Condition = NOTHING) -> Tensor: ...

    @abstractmethod
    def log_volume(self, levels: tuple[Level, ...]) -> Tensor:
        """log |det| of all that the encoder did, less log q of noise that was drawn, in nats:
        (batch,). Pixels are measured in grey levels."""

    def log_density(self, levels: tuple[Level, ...], condition: Condition = NOTHING) -> Tensor:
        """log p of the examples of these levels in nats, pixels measured in grey levels; where
        noise was drawn, in the mean a lower bound: (batch,)."""
        return self.log_prior(join(levels), condition) + self.log_volume(levels)


class Autoregressive(ABC):
    """A decoder that sees the entries before the one that it answers for.

    `decode` writes an example out entry by entry; a loss sees the target (`decode_seen`).
    """

    if TYPE_CHECKING:

        def mean(self, logits: Tensor) -> Tensor: ...

    @abstractmethod
    def decode_seen(self, z: Tensor, condition: Condition, seen: Tensor) -> Tensor:
        """Answer for every entry, given those before it of `seen`: (batch, *shape)."""

    @abstractmethod
    def blank(self, count: int, device: torch.device) -> Tensor:
        """An example of which nothing is written yet: (count, *shape)."""

    def write_out(
        self, z: Tensor, condition: Condition, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Write an example out, entry by entry, in the order of memory.

        With a generator each entry is drawn as 0 or 1; without, it is its mean.

        Returns:
            The example, and the answers that it came from: (batch, *shape) each.
        """
        written = self.blank(len(z), z.device)
        flat = written.flatten(1)
        answers = torch.zeros_like(flat)
        for entry in range(flat.shape[1]):
            logits = self.decode_seen(z, condition, flat.reshape(written.shape))
            mean = self.mean(logits).flatten(1)[:, entry]
            if generator is not None:
                drawn = torch.empty_like(mean).uniform_(generator=generator)
                mean = (drawn < mean).to(mean.dtype)
            flat = flat.clone()
            flat[:, entry] = mean
            answers[:, entry] = logits.flatten(1)[:, entry]
        return flat.reshape(written.shape), answers.reshape(written.shape)

    def decode(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        """The answers of an example written out, each entry its mean: (batch, *shape)."""
        return self.write_out(z, condition)[1]


class Probabilistic(ABC):
    """Has an ELBO: −(distortion + rate), both in nats per example."""

    likelihood: Likelihood

    @abstractmethod
    def rate_each(self, levels: tuple[Level, ...], condition: Condition = NOTHING) -> Tensor:
        """What KL(q(z|x) ‖ p(z)) is made of, in nats: (batch, parts), whose sum is the rate.

        Where it falls into the code's dimensions, the parts are these. A rate without a closed
        form is log q(z|x) − log p(z) at the drawn z, which is right in the mean.
        """

    @abstractmethod
    def log_posterior(self, levels: tuple[Level, ...]) -> Tensor:
        """log q(z|x) in nats at the levels' own z: (batch,)."""


class Generative(ABC):
    """Has a prior: codes that decode to examples can be drawn."""

    @abstractmethod
    def sample_prior(
        self,
        count: int,
        condition: Condition = NOTHING,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Codes drawn from p(z), all levels side by side: (count, width)."""

    @abstractmethod
    def log_prior(self, z: Tensor, condition: Condition = NOTHING) -> Tensor:
        """log p(z) in nats: (batch, width) → (batch,)."""

    @abstractmethod
    def prior_program(self, names: dict[int, str]) -> dict[str, Any]:
        """What a browser must know of p(z), as plain JSON with a `kind`, and layer lists:

        `normal`; `mixture`, of the posteriors of pseudo-inputs in equal parts, that names their
        tensor `inputs` (components, *shape), which are clamped to [0, 1]; `autoregressive`, of a
        grid of entries of a codebook, whose `layers` answer with the logits of each place's entry
        given those before it, row by row: (length, height, width) → (entries, height, width);
        `levels`, drawn from the top one down as the encoder's last layer, `levels`, goes down;
        `learned` where only this model itself can draw.

        Args:
            names: from id of a parameter or buffer to its name in the state dict.
        """


# --- Of training --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opponent:
    """A module that learns against the model, with an optimiser of its own.

    Attributes:
        name: its terms are logged as `adversary/<name>/<term>`.
        module: a part of the model that the model's own optimiser leaves alone.
        steps: of it before each of the model's, each on a fresh batch.
        learning_rate: by default the training's, with its schedule either way.
        betas: of Adam.
    """

    name: str
    module: nn.Module
    steps: int = 1
    learning_rate: float | None = None
    betas: tuple[float, float] = (0.9, 0.999)


class Adversarial(ABC):
    """Has one or more opponents."""

    @abstractmethod
    def opponents(self) -> tuple[Opponent, ...]:
        """Its opponents, in the order in which they step."""

    @abstractmethod
    def opponent_terms(
        self, name: str, batch: Batch, output: Output, moment: Moment
    ) -> dict[str, Tensor]:
        """An opponent's weighted loss terms, as scalars; `output` carries no gradient."""


@dataclass(frozen=True)
class Phase:
    """A part of a training.

    Attributes:
        name: of it.
        share: of the training's steps.
        parts: names of the modules or parameters that learn in it; all where there are none.
    """

    name: str
    share: float
    parts: tuple[str, ...] = ()


class Phased(ABC):
    """Trains in phases, each with a fresh optimiser."""

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The phases in their order; their shares sum to 1."""

    @abstractmethod
    def enter(self, phase: str, x: Tensor, generator: torch.Generator) -> None:
        """Begin a phase, with a look at the whole training set (count, *shape) in [0, 1]."""


class Centring(ABC):
    """Can start where it answers the mean of the data, so that it need not learn that first."""

    @abstractmethod
    def centre(self, mean: Tensor) -> None:
        """Move biases so that inputs are seen less the data's `mean` (*shape), in the data's own
        values, and so that the answer to it is that mean. Weights stay."""


class Averaging(ABC):
    """Has parts that follow the steps by themselves, such as moving averages."""

    @abstractmethod
    def after_step(self, batch: Batch, output: Output, moment: Moment) -> None:
        """Move them; `output` is what the step's loss was taken of, and carries no gradient."""


class ClosedForm(ABC):
    """Solved, not trained."""

    @abstractmethod
    def fit(self, x: Tensor) -> None:
        """Set all parameters from the whole training set: (count, *shape) in [0, 1]."""


class Taught(ABC):
    """Its loss needs another, trained network, whose fingerprint enters the run's id."""

    @abstractmethod
    def listen(self, teacher: nn.Module) -> None:
        """Take the teacher; it must become no part of the model's state."""


# --- What is read off ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Capabilities:
    """What a variant can do, read off what its class mixes in."""

    has_encoder: bool = True  # examples have codes
    has_prior: bool = False  # z can be sampled from a prior and decoded
    has_posterior: bool = False  # the encoder gives a distribution, not a point
    has_dial: bool = False  # a continuous knob is an input of the network: `model.dial`
    conditional: bool = False  # encoder and decoder are told something beside the data
    takes: tuple[str, ...] = ()  # what that is: label, image, attributes
    discrete: bool = False  # the code is made of entries of a codebook
    autoregressive: bool = False  # the decoder sees what it has written
    corrupts: bool = False  # trained on corrupted inputs with clean targets
    closed_form: bool = False  # fitted by `fit`, not by gradient steps
    adversarial: bool = False  # has opponents
    phased: bool = False  # trains in phases
    taught: bool = False  # its loss needs another trained network
    capturable: bool = True  # its step can be captured as a CUDA graph
    in_browser: bool = False  # encoder and decoder are plain layer lists
    kinds: tuple[str, ...] = ("images",)  # kinds of data it works on

    @classmethod
    def of(cls, kind: type, encodes: bool, kinds: tuple[str, ...], eager: str) -> Capabilities:
        """Those of a class of models; `eager` says why its step can't be captured, if so."""
        return cls(
            has_encoder=encodes,
            has_prior=issubclass(kind, Generative),
            has_posterior=issubclass(kind, Probabilistic),
            has_dial=issubclass(kind, Dialled),
            conditional=issubclass(kind, Conditional),
            takes=kind.takes if issubclass(kind, Conditional) else (),
            discrete=issubclass(kind, Discrete),
            autoregressive=issubclass(kind, Autoregressive),
            corrupts=issubclass(kind, Corrupting),
            closed_form=issubclass(kind, ClosedForm),
            adversarial=issubclass(kind, Adversarial),
            phased=issubclass(kind, Phased),
            taught=issubclass(kind, Taught),
            capturable=not eager,
            in_browser=issubclass(kind, Layered),
            kinds=kinds,
        )
