"""What a run says of itself: the content of its run.json, its versions, and its id.

Importing this module needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError
from pydantic_core import from_json

from core.config import StoredAs
from core.paths import AnyPath, path_of
from core.store import meaning
from core.store.meaning import Finite, Word
from core.store.plain_files import read_plain
from core.store.refusals import RECORD, CheckpointError, foreign

if TYPE_CHECKING:
    from core.config import ModelConfig, TrainConfig
    from core.data import Dataset

SCHEMA_VERSION = 2
RUN_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}-[0-9a-f]{10}")
WEIGHTS, CODES, FILM = "weights.safetensors", "codes.safetensors", "film.safetensors"
PICTURES = "pictures.safetensors"  # of a model that no browser runs
MAP = "map.safetensors"  # the images of its map, where these are its own
LARGEST_RECORD = 2**20
WIDE = 64  # numbers in a code beyond which codes are encoded where they are wanted, not kept
MOST = 5000  # entries of a list in a record

_Text = Annotated[str, Field(max_length=300)]
_Shape = Annotated[
    tuple[Annotated[int, Field(ge=1, le=10**6)], ...], Field(min_length=1, max_length=4)
]
_Count = Annotated[int, Field(ge=0, le=10**15)]


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecord(_Plain):
    """Which data a run was trained on."""

    name: _Text
    split: _Text
    fingerprint: _Text
    count: _Count
    shape: _Shape
    classes: Annotated[int, Field(ge=0, le=10**6)]
    kind: Word
    given: _Shape | None = None  # shape of an example of an array, as it came
    span: tuple[Finite, Finite] | None = None  # its values that became 0 and 1

    @classmethod
    def of(cls, data: Dataset | DataRecord) -> DataRecord:
        """What is said of a data set."""
        if isinstance(data, DataRecord):
            return data
        return cls(
            name=data.name,
            split=data.split,
            fingerprint=data.fingerprint,
            count=len(data),
            shape=data.shape,
            classes=data.classes,
            kind=data.kind,
        )


class ShownRecord(_Plain):
    """The images of a run's own map; see `core.store.maps`."""

    name: _Text
    split: _Text
    count: Annotated[int, Field(ge=1, le=10**6)]
    class_names: Annotated[
        tuple[Annotated[str, Field(max_length=60)], ...], Field(max_length=254)
    ] = ()


class FileRecord(_Plain):
    """A file of the run, by which a torn one is told."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0, le=2**40)]


class RunRecord(_Plain):
    """The content of run.json."""

    schema_version: int = SCHEMA_VERSION
    software: _Text
    id: _Text
    variant: Word
    config: dict[str, Any]
    data: DataRecord
    train: dict[str, Any]
    status: Literal["complete", "stopped"]
    device: _Text
    seconds: Annotated[Finite, Field(ge=0)]
    samples: _Count
    history: Annotated[tuple[dict[str, FiniteFloat], ...], Field(max_length=MOST)] = ()
    metrics: dict[_Text, dict[str, float]] = {}
    capabilities: dict[str, Any] = {}
    browser: dict[str, Any] | None = None
    # Numbers in each level of a code.
    widths: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(max_length=64)] = ()
    teacher: _Text = ""  # fingerprint of the network that it learned from
    roles: Annotated[tuple[Word, ...], Field(max_length=20)] = ()  # what pages use this run for
    # Ids that it was or would have been known by.
    formerly: Annotated[tuple[_Text, ...], Field(max_length=20)] = ()
    stored_as: StoredAs = "float32"
    shown: ShownRecord | None = None
    files: dict[str, FileRecord] = {}

    @property
    def latent(self) -> int:
        """K, the number of latent dimensions that was asked for."""
        return int(self.config["latent"])

    @property
    def width(self) -> int:
        """Numbers in a code, all levels together."""
        return sum(self.widths) or self.latent


def run_id(
    variant: str,
    config: Mapping[str, Any],
    data: Mapping[str, Any],
    train: Mapping[str, Any],
    teacher: str = "",
) -> str:
    """Readable slug and short hash of the canonical JSON of what is asked for."""
    canonical = json.dumps(
        {
            "variant": variant,
            "config": config,
            "data": {key: data[key] for key in ("name", "split", "fingerprint")},
            "train": train,
        }
        | ({"teacher": teacher} if teacher else {}),
        sort_keys=True,
        separators=(",", ":"),
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:10]
    network = "-conv" if config.get("network") == "conv" else ""
    return f"{variant}{network}-k{config['latent']}-{digest}"


@dataclass(frozen=True)
class Request:
    """All that decides a run: the same request never trains twice."""

    variant: str
    config: ModelConfig
    data: Dataset
    train: TrainConfig
    teacher: str = ""  # fingerprint of the network that it learns from

    @property
    def names(self) -> tuple[str, ...]:
        """All ids under which a store may hold the run, today's first."""
        return names_of(self.variant, self.config, self.data, self.train, self.teacher)

    @property
    def id(self) -> str:
        """The run's id, the same on every machine."""
        return self.names[0]

    @property
    def formerly(self) -> tuple[str, ...]:
        """Ids that the same request had in earlier versions."""
        return self.names[1:]


def names_of(
    variant: str,
    config: ModelConfig,
    data: Dataset | DataRecord,
    train: TrainConfig,
    teacher: str = "",
) -> tuple[str, ...]:
    """The id of the run that this request makes, then those that it had in earlier versions; the
    data need not be loaded.

    Knobs that stand as they formerly did are left out of it, so that neither a new knob nor a new
    default changes an id. Until version 2 weights of half precision made another run.
    """
    knobs = config.named() | {"latent": config.latent}
    source = {"name": data.name, "split": data.split, "fingerprint": data.fingerprint}
    schedule = train.named()
    return tuple(
        run_id(variant, knobs, source, schedule | more, teacher)
        for more in ({}, {"store": "float16"})
    )


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """The plain content of a run.json of any version as this version writes it; what is wrong with
    it stays wrong."""
    train = content.get("train")
    if content["schema_version"] >= 2 or not isinstance(train, dict):
        return content
    # Until version 2 the weights' format was a knob of the training, and every prior N(0, I).
    rest = {name: value for name, value in train.items() if name != "store"}
    told = {"schema_version": 2, "train": rest, "stored_as": train.get("store", "float32")}
    able, config, program = (content.get(name) for name in ("capabilities", "config", "browser"))
    if isinstance(able, dict) and isinstance(config, dict) and isinstance(program, dict):
        more: dict[str, Any] = {}
        if able.get("has_prior"):
            more["prior"] = {"kind": "normal"}
        if able.get("has_posterior"):
            gaussian = config.get("likelihood") == "gaussian"
            sigma = {"sigma": config.get("sigma")} if gaussian else {}
            more["likelihood"] = {"kind": config.get("likelihood")} | sigma
        told["browser"] = more | program
    return content | told


def read_record(folder: AnyPath) -> RunRecord:
    """The record in a run's folder, of this version or an earlier one.

    Raises:
        CheckpointError: torn, foreign or newer.
    """
    folder = path_of(folder)
    name = folder.name
    try:
        told = read_plain(folder / RECORD, LARGEST_RECORD + 1)
        if len(told) > LARGEST_RECORD:
            raise CheckpointError(
                "Run {run} has a {record} of over {most} MiB.",
                run=name,
                record=RECORD,
                most=LARGEST_RECORD >> 20,
            )
        content = from_json(told)
    except FileNotFoundError:
        raise CheckpointError(
            "Folder {folder} is no run: it has no {record}.", folder=name, record=RECORD
        ) from None
    except CheckpointError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            "Run {run} can't be read: its {record} is torn ({reason}).",
            run=name,
            record=RECORD,
            reason=str(error)[:200],
        ) from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise CheckpointError(
            "Folder {folder} is no run: its {record} states no schema_version.",
            folder=name,
            record=RECORD,
        )
    if version > SCHEMA_VERSION:
        raise CheckpointError(
            "Run {run} has schema version {version}; this software reads up to {most}, so it "
            "needs a newer release.",
            run=name,
            version=str(version)[:20],
            most=SCHEMA_VERSION,
        )
    if any(isinstance(part, list | dict) and len(part) > MOST for part in content.values()):
        raise CheckpointError(
            "Run {run} is foreign or torn: a part of its {record} has over {most:,} entries.",
            run=name,
            record=RECORD,
            most=MOST,
        )
    try:
        record = RunRecord.model_validate(upgraded(content))
    except ValidationError as error:
        raise foreign(name, error) from None
    if record.id != name or not RUN_ID.fullmatch(name):
        raise CheckpointError(
            "Folder {folder} holds a run that calls itself {id!r}.", folder=name, id=record.id
        )
    if WEIGHTS not in record.files:
        raise CheckpointError(
            "Run {run} is foreign or torn: its {record} names no {file}.",
            run=name,
            record=RECORD,
            file=WEIGHTS,
        )
    meaning.check(record)
    return record
