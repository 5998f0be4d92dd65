"""The run store: one folder a run, content-addressed, written atomically, never a pickle.

    <store>/<run-id>/run.json              what was asked, what came of it, and how to run it
    <store>/<run-id>/weights.safetensors   every parameter of the model
    <store>/<run-id>/codes.safetensors     the held-out digits' codes and the map's plane
    <store>/<run-id>/map.safetensors       the images of its map, where these are its own
    <store>/<run-id>/pictures.safetensors  what is shown of a model that no browser runs
    <store>/<run-id>/film.safetensors      how codes and decoded digits moved while it was trained

Importing this module needs no torch, so that a screen can list runs before torch is loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from platformdirs import user_data_path

from core.paths import AnyPath, path_of
from core.refusal import Refusal
from core.store import arrays, rights, weights
from core.store.plain_files import read_plain
from core.store.refusals import RECORD, CheckpointError
from core.store.schema import (
    CODES,
    FILM,
    LARGEST_RECORD,
    MAP,
    PICTURES,
    RUN_ID,
    WEIGHTS,
    DataRecord,
    FileRecord,
    Request,
    RunRecord,
    names_of,
    read_record,
    run_id,
)

__all__ = [
    "CODES",
    "FILM",
    "LARGEST_RECORD",
    "MAP",
    "PICTURES",
    "RECORD",
    "RUN_ID",
    "WEIGHTS",
    "CheckpointError",
    "DataRecord",
    "FileRecord",
    "Request",
    "RunRecord",
    "names_of",
    "run_id",
]

Array = npt.NDArray[Any]

NOTE = "note.json"  # what people say of a run; see `core.store.own_runs`


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

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Ids by ids that runs had formerly and that are no run's now."""
        found: dict[str, str] = {}
        for run in self.runs.values():
            for former in run.record.formerly:
                if former not in self.runs:
                    found.setdefault(former, run.id)
        return found

    def get(self, run_id: str) -> Run | None:
        """A run by its id or by one that it had formerly; None where there is none."""
        return self.runs.get(self.renamed.get(run_id, run_id))


@cache
def shipped_store() -> Path:
    """The runs that come with the software; only `python -m core bank` writes there."""
    return Path(__file__).resolve().parents[2] / "checkpoints"


def user_store() -> Path:
    """The user's own runs: the folder in LATENT_EXPLORER_RUNS, else in the user's data folder."""
    named = os.environ.get("LATENT_EXPLORER_RUNS")
    return Path(named).expanduser() if named else user_data_path("latent-explorer") / "runs"


def stores_of(stores: AnyPath | Iterable[AnyPath] | None = None) -> list[Path]:
    """One or several folders of runs; without any, the shipped ones and the user's own."""
    if stores is None:
        return [shipped_store(), user_store()]
    several = [stores] if isinstance(stores, str | os.PathLike) else stores
    return [path_of(store) for store in several]


def list_runs(
    stores: AnyPath | Iterable[AnyPath] | None = None,
    opened: Callable[[Path], Run] | None = None,
) -> Listing:
    """All runs of one or several stores, by default the shipped ones and the user's own; of two
    with the same id the first store's counts.

    Args:
        stores: folders of runs.
        opened: what opens a run's folder, `open_run` where there is nothing else.

    A folder that can't be read as a run is named in `problems` and stands in nobody's way.
    """
    runs: dict[str, Run] = {}
    refused: list[Refusal] = []
    for store in stores_of(stores):
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
                run = (opened or open_run)(folder)
            except CheckpointError as error:
                refused.append(error.bare())
            else:
                runs.setdefault(run.id, run)
    return Listing(runs, tuple(refused))


def open_run(folder: AnyPath) -> Run:
    """Read a run's record and see that its files have the sizes that it states.

    Raises:
        CheckpointError: torn, foreign or newer.
    """
    folder = path_of(folder)
    record = read_record(folder)
    arrays.check_sizes(folder, record)
    return Run(folder, record)


def check_arrays(run: Run, *files: str) -> None:
    """See by their headers that a run's files, by default all, hold the arrays that they must.

    Raises:
        CheckpointError: torn or foreign.
    """
    for file in files or tuple(run.record.files):
        arrays.check_header(run.path(file), run.record)


def find(listing: Listing, wanted: str) -> Run:
    """A run by its id or by an unambiguous beginning of it; also by an id that it had formerly.

    Raises:
        CheckpointError: naming the runs there are.
    """
    exact = listing.get(wanted)
    matches = [run for name, run in listing.runs.items() if name.startswith(wanted)]
    if exact is None and not matches:
        names = {name for former, name in listing.renamed.items() if former.startswith(wanted)}
        matches = [run for name, run in listing.runs.items() if name in names]
    if exact is not None or len(matches) == 1:
        return exact or matches[0]
    raise CheckpointError(
        "Several runs begin with {wanted!r}; the runs are: {runs}."
        if matches
        else "There is no run {wanted!r}; the runs are: {runs}.",
        wanted=wanted,
        runs=", ".join(run.id for run in (matches or listing.runs.values())) or Refusal("none"),
    )


def complete(stores: AnyPath | Iterable[AnyPath], names: Iterable[str]) -> Run | None:
    """The run that one of the stores holds, trained to its end, under one of its names."""
    for store in stores_of(stores):
        for name in names:
            with contextlib.suppress(CheckpointError):
                run = open_run(store / name)
                if run.record.status == "complete":
                    return run
    return None


def read_weights(run: Run) -> dict[str, Array]:
    """The model's tensors, out of whatever format they are stored in: see `core.store.weights`.

    Raises:
        CheckpointError: where the file is torn or foreign.
    """
    try:
        return weights.unpack(read_tensors(run, WEIGHTS))
    except ValueError as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            "Run {run}: {file} is foreign or torn ({reason}).",
            run=run.id,
            file=WEIGHTS,
            reason=str(error),
        ) from None


def read_tensors(run: Run, name: str) -> dict[str, Array]:
    """The arrays of one of the run's files as they are stored, after names, shapes and checksum
    were verified, and of all but the weights that their numbers are finite.

    Raises:
        CheckpointError: where the file is torn or foreign.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    check_arrays(run, name)
    expected = run.record.files[name]
    try:
        content = read_plain(run.path(name), expected.bytes + 1)
    except OSError as error:
        raise arrays.unreadable(run.record, name, error) from None
    if hashlib.sha256(content).hexdigest() != expected.sha256:
        raise CheckpointError(
            "Run {run} is torn: the checksum of {file} doesn't match.", run=run.id, file=name
        )
    try:
        found = load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(
            "Run {run}: {file} is no safetensors file ({reason}).",
            run=run.id,
            file=name,
            reason=str(error)[:200],
        ) from None
    if name != WEIGHTS:
        arrays.check_numbers(run.record, name, found)
    return found


def save(
    store: AnyPath,
    record: RunRecord,
    tensors: Mapping[str, Mapping[str, Array]],
    maker: str = rights.OWNER,
) -> Run:
    """Write a run beside its place and rename it into place; an older one of the same id goes.

    Args:
        store: folder of runs, made if missing.
        record: what to say of it; its `files` are filled in here.
        tensors: per file name (`weights.safetensors`, `codes.safetensors`) the named arrays,
            weights packed as the record's `stored_as` says.
        maker: mark of who asked for it (`core.store.rights`).

    Raises:
        CheckpointError: where the disk is full or read-only; the store is left as it was.
    """
    from safetensors.numpy import save as to_bytes

    store = path_of(store)
    final = store / record.id
    temporary: Path | None = None
    try:
        store.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{record.id}-", dir=store))
        files = {}
        for name, arrays in tensors.items():
            content = to_bytes({key: np.asarray(a, order="C") for key, a in arrays.items()})
            files[name] = FileRecord(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
            _write(temporary / name, content)
        record = record.model_copy(update={"files": files})
        _write(temporary / RECORD, record.model_dump_json().encode())
        rights.write_maker(temporary, maker)
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


def rewrite(run: Run, **changes: Any) -> Run:
    """Change fields of a run's record and nothing else, in one step; `files` stay.

    Raises:
        CheckpointError: where the disk is full or read-only; the record is left as it was.
    """
    record = run.record.model_copy(update={**changes, "files": run.record.files})
    written = run.folder / f".{RECORD}"
    try:
        _write(written, record.model_dump_json().encode())
        written.replace(run.folder / RECORD)
    except OSError as error:
        with contextlib.suppress(OSError):
            written.unlink()
        raise CheckpointError(
            "Run {run} could not be saved in {store} ({reason}); what was there before is "
            "unchanged.",
            run=run.id,
            store=run.folder.parent,
            reason=error.strerror or str(error),
        ) from error
    return Run(run.folder, record)


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
    rights.write_maker(temporary, rights.maker_of(final))  # and so does whose it is
    previous = final.with_name(f".{final.name}-previous")
    shutil.rmtree(previous, ignore_errors=True)
    final.rename(previous)
    try:
        temporary.rename(final)
    except OSError:
        previous.rename(final)
        raise
    shutil.rmtree(previous, ignore_errors=True)
