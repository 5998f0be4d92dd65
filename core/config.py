"""Configurations: every knob is declared once, and everything else is made from that declaration.

A knob carries its default, its range or choices, its label and its help. Validation, the
command line's flags, the widgets and the README's table all read the same declaration.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from core.refusal import Refusal


class ConfigError(Refusal, ValueError):
    """A knob that is unknown or out of range; the message is one sentence for a person."""


_SAME = object()


def knob(
    default: Any,
    *,
    label: str,
    help: str,
    ge: float | None = None,
    le: float | None = None,
    gt: float | None = None,
    advanced: bool = False,
    when: tuple[str, Any] | None = None,
    formerly: Any = _SAME,
) -> Any:
    """Declare one knob of a configuration class.

    Ranges are inclusive (`ge`, `le`) or open below (`gt`). Choices are written as a `Literal`
    annotation on the field itself. With `when=("network", "mlp")` it acts only where that other
    knob has that value; elsewhere a screen leaves it out of sight, at its default.

    `formerly` is the first default that the knob had, or how things were before there was the knob:
    what a record means that doesn't name it, and what ids leave out. So a default may change and a
    knob may be new without any run getting another name or another meaning.
    """
    extra: dict[str, Any] = {"advanced": advanced, "when": when}
    if formerly is not _SAME:
        extra["formerly"] = formerly
    return Field(
        default,
        title=label,
        description=help,
        ge=ge,
        le=le,
        gt=gt,
        allow_inf_nan=False if isinstance(default, float) else None,
        json_schema_extra=extra,
    )


@dataclass(frozen=True)
class Knob:
    """What a screen or a table needs to know of one knob."""

    name: str
    label: str
    help: str
    default: Any
    kind: type
    low: float | None
    high: float | None
    low_is_open: bool
    choices: tuple[str, ...]
    advanced: bool
    when: tuple[str, Any] | None = None
    items: str = "int"  # type of what is in a list
    formerly: Any = None  # what a record means that doesn't name it, and ids leave out

    def acts(self, values: Mapping[str, Any]) -> bool:
        """Whether it changes anything beside the other knobs' values."""
        if self.when is None or self.when[0] not in values:
            return True
        return bool(values[self.when[0]] == self.when[1])

    @property
    def allowed(self) -> str:
        """The allowed values in words: `between 0 and 20`, or `one of mlp, conv`."""
        return str(self.range)

    @property
    def range(self) -> Refusal:
        """The allowed values as a part of the sentence that refuses others."""
        low, high = self.low, self.high
        if self.choices:
            return Refusal("one of {choices}", choices=", ".join(map(str, self.choices)))
        if self.kind is bool:
            return Refusal("true or false")
        if low is not None and high is not None:
            return Refusal(
                "above {low:.10g} and at most {high:.10g}"
                if self.low_is_open
                else "between {low:.10g} and {high:.10g}",
                low=low,
                high=high,
            )
        if low is not None:
            return Refusal(
                "above {low:.10g}" if self.low_is_open else "at least {low:.10g}", low=low
            )
        if high is not None:
            return Refusal("at most {high:.10g}", high=high)
        if self.kind is tuple:
            return Refusal("a list of texts" if self.items == "str" else "a list of whole numbers")
        return Refusal("of type {kind}", kind=self.kind.__name__)


class Settings(BaseModel):
    """Base of all configurations: immutable, validated, JSON both ways."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=False)

    @classmethod
    def checked(cls, values: dict[str, Any] | None = None) -> Self:
        """Build from plain values.

        Raises:
            ConfigError: in one sentence that names the knob and what it allows.
        """
        try:
            return cls.model_validate(values or {})
        except ValidationError as error:
            raise explain(error, cls) from None

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Self:
        """Build from what a record holds: a knob that it doesn't name stood as it formerly did.

        Raises:
            ConfigError: as `checked` does.
        """
        return cls.checked({knob.name: knob.formerly for knob in cls.knobs()} | dict(values))

    def named(self) -> dict[str, Any]:
        """The knobs that make a run's id, as plain JSON: those that don't stand as they formerly
        did."""
        given = self.model_dump(mode="json")
        usual = self.model_copy(update={knob.name: knob.formerly for knob in self.knobs()})
        left_out = usual.model_dump(mode="json")
        return {name: value for name, value in given.items() if value != left_out[name]}

    def solved(self) -> Self:
        """What a request says whose model is solved and not trained: what stands at its default
        changes nothing, and so stands as it formerly did, and the run keeps its name."""
        return self.recorded(self.model_dump(exclude_defaults=True))

    @classmethod
    def knobs(cls) -> tuple[Knob, ...]:
        """All knobs, in the order of declaration, parents first."""
        return tuple(_read_knob(name, field) for name, field in cls.model_fields.items())


class ModelConfig(Settings):
    """What every variant has: the number of latent dimensions."""

    latent: int = knob(2, ge=1, le=784, label="K", help="Number of latent dimensions.")


def _hidden(when: tuple[str, Any] | None = None) -> Any:
    return knob(
        (320, 160),
        label="Hidden units",
        help="Widths of the encoder's hidden layers; the decoder mirrors them.",
        advanced=True,
        when=when,
    )


class LayersConfig(ModelConfig):
    """Encoder and decoder made of several fully connected layers."""

    hidden: tuple[int, ...] = _hidden()
    activation: Literal["gelu", "relu", "silu", "tanh", "sigmoid"] = knob(
        "gelu", label="Activation", help="Nonlinearity between the layers.", advanced=True
    )


class NetworkConfig(LayersConfig):
    """Encoder and decoder made of several layers, fully connected or convolutional."""

    hidden: tuple[int, ...] = _hidden(when=("network", "mlp"))
    network: Literal["mlp", "conv"] = knob(
        "mlp", label="Network", help="Fully connected layers, or convolutions with stride 2."
    )
    channels: tuple[int, ...] = knob(
        (32, 64),
        label="Channels",
        help="Channels of the encoder's convolutions, each of stride 2; the decoder mirrors them.",
        advanced=True,
        when=("network", "conv"),
    )
    dense: int = knob(
        128,
        ge=1,
        le=4096,
        label="Dense units",
        help="Width of the fully connected layer between a convolutional network and the code.",
        advanced=True,
        when=("network", "conv"),
    )


StoredAs = Literal["float32", "float16", "int8"]


class TrainConfig(Settings):
    """How long and how a model is trained. The optimiser is Adam with decoupled weight decay."""

    epochs: float = knob(
        20.0, gt=0, le=5000, label="Epochs", help="Passes over the training set; may be a part."
    )
    batch_size: int = knob(128, ge=1, le=65536, label="Batch size", help="Images per step.")
    learning_rate: float = knob(
        2e-3, gt=0, le=1, label="Learning rate", help="Adam's largest step size."
    )
    schedule: Literal["fitted", "cosine", "constant"] = knob(
        "fitted",
        label="Schedule",
        help="How the learning rate goes: along a half cosine to zero, begun higher the fewer "
        "steps there are (fitted) or as it is given (cosine), or constant.",
        advanced=True,
        formerly="cosine",
    )
    warmup: float = knob(
        0.02,
        ge=0,
        le=1,
        label="Warm-up",
        help="Share of training in which the learning rate rises from zero.",
        advanced=True,
    )
    start: Literal["centred", "plain"] = knob(
        "centred",
        label="Start",
        help="Where it begins: inputs seen less their mean and the mean image answered, or "
        "neither.",
        advanced=True,
        formerly="plain",
    )
    weight_decay: float = knob(
        0.0, ge=0, le=1, label="Weight decay", help="Decoupled weight decay.", advanced=True
    )
    seed: int = knob(
        0, ge=0, le=2**31 - 1, label="Seed", help="Fixes the weights, order and noise."
    )


class StoreConfig(Settings):
    """How a run is written to disk; no part of what makes it, and so not of its id."""

    stored_as: StoredAs = knob(
        "float32",
        label="Stored as",
        help="Number format of the stored weights (int8 by row); metrics are taken after rounding.",
        advanced=True,
    )


def explain(error: ValidationError, config: type[Settings]) -> ConfigError:
    """The first complaint of a validation error as one sentence for a person."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    by_name = {k.name: k for k in config.knobs()}
    if first["type"] == "extra_forbidden" or name not in by_name:
        return ConfigError(
            "{name} is not a knob here; the knobs are {knobs}.",
            name=name or Refusal("That"),
            knobs=", ".join(by_name),
        )
    found = by_name[name]
    return ConfigError(
        "{label} ({name}) must be {allowed}; got {given}.",
        label=found.label,
        name=name,
        allowed=found.range,
        given=repr(first["input"]),
    )


def _read_knob(name: str, field: FieldInfo) -> Knob:
    annotation = field.annotation
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    limits: dict[str, float] = {}
    for entry in field.metadata:
        for key in ("ge", "gt", "le", "lt"):
            if getattr(entry, key, None) is not None:
                limits[key] = getattr(entry, key)
    given = field.json_schema_extra
    extra: dict[str, Any] = given if isinstance(given, dict) else {}
    return Knob(
        name=name,
        label=field.title or name,
        help=field.description or "",
        default=field.default,
        kind=_plain_type(annotation),
        low=limits.get("ge", limits.get("gt")),
        high=limits.get("le", limits.get("lt")),
        low_is_open="gt" in limits,
        choices=choices,
        advanced=bool(extra.get("advanced", False)),
        when=extra.get("when"),
        items="str" if str in get_args(annotation) else "int",
        formerly=extra.get("formerly", field.default),
    )


def _plain_type(annotation: Any) -> type:
    origin = get_origin(annotation)
    if origin is Literal:
        return type(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _plain_type(next(a for a in get_args(annotation) if a is not type(None)))
    found: type = origin or annotation
    return found
