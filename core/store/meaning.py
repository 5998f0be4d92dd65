"""Whether a run's record means what it says: all that pages and loading rely on, checked once.

`check` looks at the record alone, each time that a run is opened, and costs microseconds;
`core.store.arrays` looks at what the files say of their arrays. What a run may leave out is what
no page needs: a run without scores has no scores, but a score has beside it what it would be for a
trivial model, and a knob that a page names has a value of its kind.

What a variant that is not known here says of itself is bounded and typed, and taken.
"""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, ValidationError

from core.measures.corruptions import NOISES
from core.refusal import Refusal
from core.store.refusals import RECORD, CheckpointError, foreign

if TYPE_CHECKING:
    from core.store.schema import RunRecord

LARGEST_EXAMPLE = 10**6  # entries of one example
LARGEST_CODE = 10**5  # numbers in a code

_MOST = 1e30
_TERM = re.compile(r"[\w/.-]{1,80}")

Word = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
Name = Annotated[str, Field(pattern=r"^[\w.-]{1,120}$")]  # of a tensor
Finite = Annotated[float, Field(ge=-1e30, le=1e30, allow_inf_nan=False)]
_Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
_Widths = Annotated[list[Annotated[int, Field(ge=1, le=10**6)]], Field(max_length=32)]
_Span = Annotated[
    list[Annotated[int, Field(ge=0, le=10**6)]], Field(min_length=2, max_length=2)
]  # of numbers side by side: the first, and the one after the last
_Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
_Value = StrictBool | _Whole | Finite | _Text | None
_Values = Annotated[list[_Value], Field(max_length=64)]


def _noise(name: str) -> str:
    if name not in NOISES:
        raise ValueError(f"there are {', '.join(NOISES)}")
    return name


class _Plain(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Knobs(_Plain):
    """Knobs of a configuration: those that pages and records name, and any others."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[Word, _Value | _Values]

    latent: int = Field(ge=1, le=1024)
    network: Literal["mlp", "conv"] = "mlp"
    hidden: _Widths = []
    channels: _Widths = []
    dense: int = Field(1, ge=1, le=10**6)
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    sigma: Finite = Field(1.0, gt=0)
    beta: Finite = Field(1.0, ge=0)
    beta_warmup: Finite = Field(0.0, ge=0, le=1)
    noise: Annotated[str, AfterValidator(_noise)] = NOISES[0]
    level: Finite = Field(0.0, ge=0)


class _Schedule(_Plain):
    """Knobs of a training: the one that a page names, and any others."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[Word, _Value | _Values]

    epochs: Finite = Field(gt=0)


class _Able(_Plain):
    """Capabilities: what `core.models.abilities.Capabilities` has, and what a newer one may."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[Word, bool]

    takes: Annotated[list[Word], Field(max_length=10)] = []
    kinds: Annotated[list[Word], Field(max_length=10)] = []
    has_prior: bool | None = None
    has_posterior: bool | None = None
    has_dial: bool | None = None
    in_browser: bool | None = None


_Op = Literal[
    "linear", "linear_transpose", "conv", "conv_transpose", "gate", "shift", "told", "kept",
    "nearest", "place", "stretch", "squash", "beside", "without", "couple", "reshape", "largest",
    "gelu", "relu", "silu", "tanh", "sigmoid",
]  # fmt: skip


class _Numbers(_Plain):
    op: str
    weight: Name | None = None
    bias: Name | None = None
    kind: Word | None = None
    stride: Annotated[int, Field(ge=1, le=64)] | None = None
    padding: Annotated[int, Field(ge=0, le=64)] | None = None
    shape: _Widths | None = None
    count: Annotated[int, Field(ge=1, le=10**6)] | None = None
    seen: _Span | None = None
    moved: _Span | None = None
    divides: StrictBool | None = None
    layers: Annotated[list[_Layer], Field(min_length=1, max_length=50)] | None = None


class _Layer(_Numbers):
    """One layer of a program; see `core.export.programs`."""

    op: _Op


_Layers = Annotated[list[_Layer], Field(min_length=1, max_length=500)]
_Networks = Annotated[list[_Layers], Field(max_length=32)]


class _LayerOfEncoder(_Numbers):
    """One that may also make the levels of a code; see `core.models.levels`."""

    op: _Op | Literal["levels"]
    widths: _Widths | None = None
    log_var_range: Annotated[list[Finite], Field(min_length=2, max_length=2)] | None = None
    rises: _Networks = []
    estimates: _Networks = []
    descents: _Networks = []


_Encoder = Annotated[list[_LayerOfEncoder], Field(min_length=1, max_length=500)]
_NEEDED = {  # of a layer beside its `op`
    "linear": ("weight", "bias"),
    "linear_transpose": ("weight", "bias"),
    "conv": ("weight", "bias", "stride", "padding"),
    "conv_transpose": ("weight", "bias", "stride", "padding"),
    "gate": ("weight", "bias", "kind"),
    "shift": ("weight", "bias"),
    "told": ("weight",),
    "kept": ("kind",),
    "nearest": ("weight",),
    "place": ("bias",),
    "largest": ("count",),
    "levels": ("widths", "log_var_range"),
    "beside": ("count",),
    "without": ("count",),
    "couple": ("seen", "moved", "divides", "layers"),
}


class _Likelihood(_Plain):
    kind: Word
    sigma: Annotated[Finite, Field(gt=0)] | None = None


class _Prior(_Plain):
    kind: Literal["normal", "mixture", "learned", "autoregressive", "levels"]
    inputs: Name | None = None
    layers: _Layers | None = None


class _Dial(_Plain):
    knob: Word
    low: Finite
    high: Finite
    log: bool
    usual: Finite


class _Program(_Plain):
    """What a browser runs."""

    shape: _Widths
    latent: int
    encoder: _Encoder
    decoder: _Layers
    log_var_range: Annotated[list[Finite], Field(min_length=2, max_length=2)] | None = None
    likelihood: _Likelihood | None = None
    prior: _Prior | None = None
    dial: _Dial | None = None
    takes: Annotated[list[Word], Field(max_length=10)] = []
    rho: Annotated[Finite, Field(gt=0, le=1)] | None = None


# What stands beside a score: without it the score says nothing.
_BESIDE = {
    "squared_error": ("squared_error_mean_image",),
    "squared_error_denoised": ("squared_error", "squared_error_mean_image"),
    "dead_share": ("active_share",),
    "rate": ("active_units",),
    "cross_entropy_grey": ("rate", "cross_entropy_floor", "cross_entropy_mean_image"),
    "distortion": ("rate",),
    "elbo": ("rate", "distortion"),
    "elbo_binary": ("cross_entropy_floor", "cross_entropy_mean_image"),
    "rmse": ("rmse_constant",),
    "bits_per_pixel": ("bits_per_pixel_alone",),
}
_OF_POSTERIORS = {"rate", "distortion", "elbo", "rate_binary", "distortion_binary", "elbo_binary"}
_NOT_BELOW_0 = {
    "squared_error", "squared_error_mean_image", "squared_error_denoised", "rmse", "rmse_constant",
    "active_units", "active_share", "dead_share", "bits_per_pixel_alone", "inverse_error",
}  # fmt: skip


def check(record: RunRecord) -> None:
    """See that a record's parts fit each other and hold what pages rely on.

    Raises:
        CheckpointError: naming the first part that doesn't.
    """
    _typed(record, "config", _Knobs, record.config)
    _typed(record, "train", _Schedule, record.train)
    able = _typed(record, "capabilities", _Able, record.capabilities)
    conv = "-conv" if record.config.get("network") == "conv" else ""
    if not record.id.startswith(f"{record.variant}{conv}-k{record.latent}-"):
        _unfit(record, "id", "variant, network, latent")
    if math.prod(record.data.shape) > LARGEST_EXAMPLE:
        _wrong(record, "data.shape", Refusal("at most {most:,} in all", most=LARGEST_EXAMPLE))
    if record.width > LARGEST_CODE:
        _wrong(record, "widths", Refusal("at most {most:,} in all", most=LARGEST_CODE))
    if (record.shown is None) != ("map.safetensors" not in record.files):
        _unfit(record, "shown", "files")
    _check_history(record)
    for split, scores in record.metrics.items():
        _check_scores(record, f"metrics.{split}", scores, able.has_posterior)
    program = record.browser
    if program is not None:
        _check_program(record, _typed(record, "browser", _Program, program), able)
    elif able.in_browser:
        _unfit(record, "browser", "capabilities.in_browser")


def _typed(record: RunRecord, where: str, kind: type[Any], values: Any) -> Any:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise foreign(record.id, error, where) from None


def _check_history(record: RunRecord) -> None:
    history = record.history
    if not history:
        return
    for name in set().union(*history):
        _check_name(record, "history", name)
    try:
        steps, samples = ([entry[name] for entry in history] for name in ("step", "samples"))
    except KeyError as error:
        _wrong(record, "history", Refusal("{what} is missing", what=error.args[0]))
    if steps[0] < 1 or any(map(operator.ge, steps, steps[1:])):
        _wrong(record, "history", Refusal("its steps do not rise"))
    if any(map(operator.gt, steps, samples)) or samples[-1] > 1.001 * record.samples + 1:
        _unfit(record, "history", "samples")


def _check_name(record: RunRecord, where: str, name: str) -> None:
    if not _TERM.fullmatch(name):
        _wrong(record, f"{where}.{name}", Refusal("no name of a term"))


def _check_scores(
    record: RunRecord, where: str, scores: dict[str, float], posterior: bool | None
) -> None:
    for name, value in scores.items():
        _check_name(record, where, name)
        if not abs(value) < _MOST:
            _wrong(record, f"{where}.{name}", Refusal("no finite number"))
        for beside in _BESIDE.get(name, ()):
            if beside not in scores:
                _wrong(record, f"{where}.{name}", Refusal("{what} is missing", what=beside))
        if name in _NOT_BELOW_0 and value < 0:
            _wrong(record, f"{where}.{name}", Refusal("below 0"))
        if name in _OF_POSTERIORS and posterior is False:
            _unfit(record, f"{where}.{name}", "capabilities.has_posterior")
    if scores.get("active_units", 0) > record.width:
        _unfit(record, f"{where}.active_units", "widths")


def _check_program(record: RunRecord, program: _Program, able: _Able) -> None:
    if tuple(program.shape) != record.data.shape:
        _unfit(record, "browser.shape", "data.shape")
    if program.latent != record.width:
        _unfit(record, "browser.latent", "widths")
    for what, told, there in (
        ("in_browser", able.in_browser, True),
        ("has_prior", able.has_prior, program.prior is not None),
        ("has_posterior", able.has_posterior, program.likelihood is not None),
        ("has_dial", able.has_dial, program.dial is not None),
    ):
        if told is not None and told != there:
            _unfit(record, "browser", f"capabilities.{what}")
    for part, layers in _networks(record, program).items():
        for number, layer in enumerate(layers):
            for needed in _NEEDED.get(layer.op, ()):
                if getattr(layer, needed) is None:
                    where = f"browser.{part}.{number}"
                    _wrong(record, where, Refusal("{what} is missing", what=needed))
    dial = program.dial
    if dial is None:
        return
    if dial.knob not in record.config:
        _unfit(record, "browser.dial.knob", "config")
    if not (dial.low < dial.high and dial.low <= dial.usual <= dial.high):
        _unfit(record, "browser.dial.usual", "low, high")
    if dial.log and dial.low <= 0:
        _unfit(record, "browser.dial.low", "log")


def _networks(
    record: RunRecord, program: _Program
) -> dict[str, list[_Layer] | list[_LayerOfEncoder]]:
    """The layer lists of a program by their names."""
    found: dict[str, list[_Layer] | list[_LayerOfEncoder]]
    found = {"encoder": program.encoder, "decoder": program.decoder}
    *others, last = program.encoder
    if any(layer.op == "levels" for layer in others):
        _wrong(record, "browser.encoder", Refusal("its levels are not its last layer"))
    if last.op == "levels":
        found |= _networks_of_levels(record, last)
    elif program.prior is not None and program.prior.kind == "levels":
        _unfit(record, "browser.prior", "browser.encoder")
    if program.prior is not None and program.prior.kind == "autoregressive":
        if program.prior.layers is None:
            _wrong(record, "browser.prior", Refusal("{what} is missing", what="layers"))
        found["prior.layers"] = program.prior.layers
    for part, layers in list(found.items()):
        for number, layer in enumerate(layers):
            if layer.op == "couple" and layer.layers is not None:
                where = f"{part}.{number}.layers"
                if any(inner.op == "couple" for inner in layer.layers):
                    _wrong(record, f"browser.{where}", Refusal("couplings in couplings"))
                found[where] = layer.layers
    return found


def _networks_of_levels(record: RunRecord, levels: _LayerOfEncoder) -> dict[str, list[_Layer]]:
    parts = {"rises": levels.rises, "estimates": levels.estimates, "descents": levels.descents}
    if tuple(levels.widths or ()) != record.widths:
        _unfit(record, "browser.encoder.widths", "widths")
    for part, networks in parts.items():
        if len(networks) != len(record.widths) - (part != "estimates"):
            _unfit(record, f"browser.encoder.{part}", "widths")
    return {
        f"encoder.{part}.{number}": layers
        for part, networks in parts.items()
        for number, layers in enumerate(networks)
    }


def _unfit(record: RunRecord, where: str, other: str) -> NoReturn:
    _wrong(record, where, Refusal("it doesn't fit {other}", other=other))


def _wrong(record: RunRecord, where: str, reason: Refusal) -> NoReturn:
    raise CheckpointError(
        "Run {run} is foreign or torn: {where} in its {record} is wrong ({reason}).",
        run=record.id,
        where=where[:80],
        record=RECORD,
        reason=reason,
    )
