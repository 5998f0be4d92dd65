"""The run store: one folder a run, content-addressed, written atomically, never a pickle.

    <store>/<run-id>/run.json              what was asked, what came of it, and how to run it
    <store>/<run-id>/weights.safetensors   every parameter of the model
    <store>/<run-id>/codes.safetensors     the held-out digits' codes and the map's plane
    <store>/<run-id>/pictures.safetensors  what is shown of a model that no browser runs
    <store>/<run-id>/film.safetensors      how codes and decoded digits moved while it was trained

Importing this module needs no torch, so that a screen can list runs before torch is loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, ValidationError

from core.refusal import Refusal

if TYPE_CHECKING:
    from core.config import ModelConfig, TrainConfig
    from core.data import Dataset

SCHEMA_VERSION = 1
RUN_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}-[0-9a-f]{10}")
RECORD = "run.json"
WEIGHTS, CODES, FILM = "weights.safetensors", "codes.safetensors", "film.safetensors"
PICTURES = "pictures.safetensors"
NOTE = "note.json"  # what people say of a run; see `core.store.own_runs`
LARGEST_RECORD = 16 * 2**20


class CheckpointError(Refusal, ValueError):
    """A run that is missing, torn, foreign or newer than this software; one sentence."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecord(_Plain):
    """Which data a run was trained on."""

    name: str
    split: str
    fingerprint: str
    count: int
    shape: tuple[int, ...]
    classes: int
    kind: str


class FileRecord(_Plain):
    """A file of the run, by which a torn one is told."""

    sha256: str
    bytes: int


class RunRecord(_Plain):
    """The content of run.json."""

    schema_version: int = SCHEMA_VERSION
    software: str
    id: str
    variant: str
    config: dict[str, Any]
    data: DataRecord
    train: dict[str, Any]
    status: Literal["complete", "stopped"]
    device: str
    seconds: float
    samples: int
    history: tuple[dict[str, float], ...] = ()
    metrics: dict[str, dict[str, float]] = {}
    capabilities: dict[str, Any] = {}
    widths: tuple[int, ...] = ()
    browser: dict[str, Any] | None = None
    roles: tuple[str, ...] = ()  # see core.training.bank.Plan
    files: dict[str, FileRecord] = {}

    @property
    def latent(self) -> int:
        """K, the number of latent dimensions that was asked for."""
        return int(self.config["latent"])

    @property
    def width(self) -> int:
        """Numbers in a code, all levels together."""
        return sum(self.widths) or self.latent


@dataclass(frozen=True, eq=False)
class Run:
    """A run that is on disk and whole as far as its record says. Compared by identity."""

    folder: Path
    record: RunRecord

    @property
    def id(self) -> str:
        return self.record.id

    def path(self, name: str) -> Path:
        """Path of one of the run's own files.

        Raises:
            CheckpointError: where the record knows no such file.
        """
        if name not in self.record.files:
            raise CheckpointError(
                "Run {run} has no file {name!r}; it has {files}.",
                run=self.id,
                name=name,
                files=", ".join(self.record.files),
            )
        return self.folder / name


@dataclass(frozen=True)
class Listing:
    """What a store holds: the runs, and a refusal of each folder that is none."""

    runs: dict[str, Run]
    refused: tuple[Refusal, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What is refused and why, one sentence each."""
        return tuple(map(str, self.refused))


def shipped_store() -> Path:
    """The runs that come with the software; only `python -m core bank` writes there."""
    return Path(__file__).resolve().parents[2] / "checkpoints"


def user_store() -> Path:
    """The user's own runs: the folder in LATENT_EXPLORER_RUNS, else in the user's data folder."""
    named = os.environ.get("LATENT_EXPLORER_RUNS")
    return Path(named).expanduser() if named else user_data_path("latent-explorer") / "runs"


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
    def id(self) -> str:
        """The run's id, the same on every machine."""
        return id_of(self.variant, self.config, self.data, self.train, self.teacher)


def id_of(
    variant: str,
    config: ModelConfig,
    data: Dataset | DataRecord,
    train: TrainConfig,
    teacher: str = "",
) -> str:
    """The id of the run that this request makes; the data need not be loaded.

    Knobs at their defaults are left out of it, so that a new knob leaves all ids as they are.
    """
    return run_id(
        variant,
        config.model_dump(mode="json", exclude_defaults=True) | {"latent": config.latent},
        {"name": data.name, "split": data.split, "fingerprint": data.fingerprint},
        train.model_dump(mode="json", exclude_defaults=True),
        teacher,
    )


def list_runs(stores: Path | Iterable[Path]) -> Listing:
    """All runs of one or several stores; of two with the same id the first store's counts.

    A folder that can't be read as a run is named in `problems` and stands in nobody's way.
    """
    runs: dict[str, Run] = {}
    refused: list[Refusal] = []
    for store in [stores] if isinstance(stores, Path) else stores:
        try:
            folders = sorted(store.iterdir()) if store.is_dir() else []
        except OSError as error:
            refused.append(
                Refusal(
                    "The run store {store} can't be read ({reason}).",
                    store=store,
                    reason=error.strerror,
                )
            )
            continue
        for folder in folders:
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            try:
                run = open_run(folder)
            except CheckpointError as error:
                refused.append(error.bare())
            else:
                runs.setdefault(run.id, run)
    return Listing(runs, tuple(refused))


def open_run(folder: Path) -> Run:
    """Read a run's record and see that its files have the sizes that it states.

    Raises:
        CheckpointError: torn, foreign or newer.
    """
    name = folder.name
    try:
        path = folder / RECORD
        if path.stat().st_size > LARGEST_RECORD:
            raise CheckpointError(
                "Run {run} has a {record} of over {most} MiB.",
                run=name,
                record=RECORD,
                most=LARGEST_RECORD >> 20,
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            "Folder {folder} is no run: it has no {record}.", folder=name, record=RECORD
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            "Run {run} can't be read: its {record} is torn ({reason}).",
            run=name,
            record=RECORD,
            reason=str(error),
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
            version=version,
            most=SCHEMA_VERSION,
        )
    try:
        record = RunRecord.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CheckpointError(
            "Run {run} is foreign or torn: {where} in its {record} is wrong ({reason}).",
            run=name,
            where=where,
            record=RECORD,
            reason=first["msg"],
        ) from None
    if record.id != name or not RUN_ID.fullmatch(name):
        raise CheckpointError(
            "Folder {folder} holds a run that calls itself {id!r}.", folder=name, id=record.id
        )
    if not isinstance(record.config.get("latent"), int):
        raise CheckpointError(
            "Run {run} is foreign or torn: its {record} states no latent.", run=name, record=RECORD
        )
    if WEIGHTS not in record.files:
        raise CheckpointError(
            "Run {run} is foreign or torn: its {record} names no {file}.",
            run=name,
            record=RECORD,
            file=WEIGHTS,
        )
    for file, expected in record.files.items():
        if file not in (WEIGHTS, CODES, FILM, PICTURES):
            raise CheckpointError(
                "Run {run} names a file that no run has: {file!r}.", run=name, file=file
            )
        try:
            size = (folder / file).stat().st_size
        except OSError:
            raise CheckpointError(
                "Run {run} is torn: {file} is missing.", run=name, file=file
            ) from None
        if size != expected.bytes:
            raise CheckpointError(
                "Run {run} is torn: {file} has {size} bytes instead of {expected}.",
                run=name,
                file=file,
                size=size,
                expected=expected.bytes,
            )
    return Run(folder, record)


def find(listing: Listing, wanted: str) -> Run:
    """A run by its id or by an unambiguous beginning of it.

    Raises:
        CheckpointError: naming the runs there are.
    """
    matches = [run for name, run in listing.runs.items() if name.startswith(wanted)]
    exact = [run for run in matches if run.id == wanted]
    if exact or len(matches) == 1:
        return (exact or matches)[0]
    raise CheckpointError(
        "Several runs begin with {wanted!r}; the runs are: {runs}."
        if matches
        else "There is no run {wanted!r}; the runs are: {runs}.",
        wanted=wanted,
        runs=", ".join(run.id for run in (matches or listing.runs.values())) or Refusal("none"),
    )


def read_tensors(run: Run, name: str) -> dict[str, np.ndarray]:
    """The arrays of one of the run's files, after its checksum was verified.

    Raises:
        CheckpointError: where the file is torn or foreign.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = run.path(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            "Run {run}: {file} can't be read ({reason}).", run=run.id, file=name, reason=str(error)
        ) from None
    if hashlib.sha256(content).hexdigest() != run.record.files[name].sha256:
        raise CheckpointError(
            "Run {run} is torn: the checksum of {file} doesn't match.", run=run.id, file=name
        )
    try:
        return load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(
            "Run {run}: {file} is no safetensors file ({reason}).",
            run=run.id,
            file=name,
            reason=str(error),
        ) from None


def save(store: Path, record: RunRecord, tensors: Mapping[str, Mapping[str, np.ndarray]]) -> Run:
    """Write a run beside its place and rename it into place; an older one of the same id goes.

    Args:
        store: folder of runs, made if missing.
        record: what to say of it; its `files` are filled in here.
        tensors: per file name (`weights.safetensors`, `codes.safetensors`) the named arrays.

    Raises:
        CheckpointError: where the disk is full or read-only; the store is left as it was.
    """
    from safetensors.numpy import save as to_bytes

    final = store / record.id
    temporary: Path | None = None
    try:
        store.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{record.id}-", dir=store))
        files = {}
        for name, arrays in tensors.items():
            content = to_bytes({key: np.ascontiguousarray(a) for key, a in arrays.items()})
            files[name] = FileRecord(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
            _write(temporary / name, content)
        record = record.model_copy(update={"files": files})
        _write(temporary / RECORD, record.model_dump_json().encode())
        temporary.chmod(0o755)
        _replace(temporary, final)
    except OSError as error:
        raise CheckpointError(
            "Run {run} could not be saved in {store} ({reason}); what was there before is "
            "unchanged.",
            run=record.id,
            store=store,
            reason=error.strerror or str(error),
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return Run(final, record)


def delete(run: Run) -> None:
    """Remove a run from its store in one step."""
    doomed = run.folder.with_name(f".{run.id}-deleted")
    shutil.rmtree(doomed, ignore_errors=True)  # of a deletion that was killed half-way
    run.folder.rename(doomed)
    shutil.rmtree(doomed)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(temporary: Path, final: Path) -> None:
    if not final.exists():
        temporary.rename(final)
        return
    if (final / NOTE).exists():  # a name outlives another training
        shutil.copyfile(final / NOTE, temporary / NOTE)
    previous = final.with_name(f".{final.name}-previous")
    shutil.rmtree(previous, ignore_errors=True)
    final.rename(previous)
    try:
        temporary.rename(final)
    except OSError:
        previous.rename(final)
        raise
    shutil.rmtree(previous, ignore_errors=True)
