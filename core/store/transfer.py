"""A run as a zip: handed over, and taken in from anybody.

An archive comes from anybody. It is read within bounds, unpacked beside the store under names that
a run has, and put in place only after its checksums hold, its weights fit its variant and its id
is that of what it says it is; what a browser would run is made anew, never taken over.

Importing this module needs no torch.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import data
from core.config import ConfigError, TrainConfig
from core.data import archives
from core.data.archives import MIB, Bounds
from core.data.dataset import DataError
from core.paths import AnyPath, path_of
from core.store import checkpoints, maps
from core.store.checkpoints import (
    CODES,
    FILM,
    MAP,
    PICTURES,
    RECORD,
    WEIGHTS,
    CheckpointError,
    Run,
    RunRecord,
)
from core.store.own_runs import ShelfError, gone

BOUNDS = Bounds(files=8, archive_bytes=256 * MIB, archive_entries=8, decoded_bytes=512 * MIB)
FILES = (WEIGHTS, CODES, FILM, PICTURES, MAP)
_PLAIN_TEXT = re.compile(r"[\w.+:/\\ -]{1,200}")  # nothing that a page could take for markup
_TERM = re.compile(r"[a-z0-9_/-]{1,80}")


def export_run(run: Run) -> bytes:
    """The run as a zip, the same bytes every time: its folder with its record and its files.

    Raises:
        ShelfError: where a file is gone or torn.
    """
    stream = io.BytesIO()
    try:
        with zipfile.ZipFile(stream, "w") as archive:
            for name in (RECORD, *sorted(run.record.files)):
                entry = zipfile.ZipInfo(f"{run.id}/{name}", (1980, 1, 1, 0, 0, 0))
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                packed = zipfile.ZIP_DEFLATED if name == RECORD else zipfile.ZIP_STORED
                archive.writestr(entry, (run.folder / name).read_bytes(), packed)
    except FileNotFoundError:
        raise gone(run) from None
    except OSError as error:
        raise ShelfError(
            "Run {run} can't be read ({reason}).", run=run.id, reason=error.strerror
        ) from None
    return stream.getvalue()


def import_run(archive: bytes | AnyPath, store: AnyPath, label: str = "The archive") -> Run:
    """Take a run from a zip that `export_run` or anybody made.

    Args:
        archive: the zip's bytes, or its path.
        store: where the run goes.
        label: what to call the archive.

    Raises:
        ShelfError: whatever is wrong with it; the store is left as it was.
    """
    store = path_of(store)
    archive = archive if isinstance(archive, bytes) else path_of(archive)
    temporary: Path | None = None
    try:
        with _opened(archive, label) as opened:
            store.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".import-", dir=store))
            found = _unpacked(opened, label, temporary, store)
        record = _verified(found, label)
        names = (record.id, *record.formerly)
        there = checkpoints.list_runs((checkpoints.shipped_store(), store))
        same = next(filter(None, map(there.get, names)), None)
        if same is not None:
            raise _already(label, same.id)
        _place(found, record, store)
        return checkpoints.open_run(store / record.id)
    except (DataError, CheckpointError, ConfigError) as error:
        if str(error).startswith(label):
            raise ShelfError(error.template, **error.values) from None
        raise ShelfError("{label} can't be imported: {cause}.", label=label, cause=error) from None
    except OSError as error:
        raise ShelfError(
            "{label} can't be imported: the run store {store} can't be written ({reason}).",
            label=label,
            store=store,
            reason=error.strerror or str(error),
        ) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _opened(archive: bytes | Path, label: str) -> Iterator[zipfile.ZipFile]:
    with contextlib.ExitStack() as stack:
        if isinstance(archive, Path):
            try:
                size = archive.stat().st_size
                stream: Any = stack.enter_context(archive.open("rb"))
            except OSError as error:
                raise ShelfError(
                    "{label} can't be read ({reason}).", label=label, reason=error.strerror
                ) from None
        else:
            size, stream = len(archive), io.BytesIO(archive)
        if size > BOUNDS.archive_bytes:
            raise ShelfError(
                "{label} has {size:,} bytes; a run's archive has at most {most:,}.",
                label=label,
                size=size,
                most=BOUNDS.archive_bytes,
            )
        if not zipfile.is_zipfile(stream):
            raise ShelfError("{label} is not a whole zip archive.", label=label)
        yield stack.enter_context(archives.opened_zip(stream, label, BOUNDS))


def _unpacked(archive: zipfile.ZipFile, label: str, temporary: Path, store: Path) -> Run:
    """The archive's run in a folder of its own beside the store."""
    files: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for member in archive.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ShelfError(
                "{label} holds a link or a device, {name!r}; no run does.",
                label=label,
                name=member.filename[:200],
            )
        if member.is_dir():
            continue
        folder, _, name = member.filename.rpartition("/")
        if name not in (RECORD, *FILES) or not checkpoints.RUN_ID.fullmatch(folder):
            raise ShelfError(
                "{label} holds {name!r}; a run's archive holds one folder with {record} and any "
                "of {files}, and nothing else.",
                label=label,
                name=member.filename[:200],
                record=RECORD,
                files=", ".join(FILES),
            )
        if name in files:
            raise ShelfError("{label} holds {name} twice.", label=label, name=name)
        files[name] = member
        folders.add(folder)
    if len(folders) != 1 or RECORD not in files:
        raise ShelfError(
            "{label} holds no run: there must be one folder with a {record}.",
            label=label,
            record=RECORD,
        )
    run_id = folders.pop()
    for place in (checkpoints.shipped_store(), store):
        if (place / run_id).exists():
            raise _already(label, run_id)
    if files[RECORD].file_size > checkpoints.LARGEST_RECORD:
        raise ShelfError(
            "{label} has a {record} of over {most} MiB.",
            label=label,
            record=RECORD,
            most=checkpoints.LARGEST_RECORD // MIB,
        )
    place = temporary / run_id
    place.mkdir()
    for name, member in files.items():
        try:
            (place / name).write_bytes(archives.read_member(archive, member))
        except archives.UnreadableFileError as error:
            raise ShelfError(
                "{label} is torn: {name} can't be read ({cause}).",
                label=label,
                name=name,
                cause=error,
            ) from None
    found = checkpoints.open_run(place)
    extra = set(files) - {RECORD} - set(found.record.files)
    if extra:
        raise ShelfError(
            "{label} holds {names}, of which its record is silent.",
            label=label,
            names=", ".join(sorted(extra)),
        )
    return found


def _already(label: str, run_id: str) -> ShelfError:
    return ShelfError(
        "{label} holds run {run}, which is in the store already.", label=label, run=run_id
    )


def _verified(found: Run, label: str) -> RunRecord:
    """The record to keep, after all that it says was compared with what is there."""
    from core.models import variant
    from core.models.signals import Signature
    from core.store import checkpoints, loading

    record = found.record
    foreign = ShelfError(
        "{label} holds a run whose {record} says what no run does.", label=label, record=RECORD
    )
    texts = [record.software, record.device, record.data.name, record.data.split]
    texts += [record.data.fingerprint, record.data.kind]
    if not all(_PLAIN_TEXT.fullmatch(text) for text in texts):
        raise foreign
    for scores in (*record.history, *record.metrics.values()):
        if not all(_TERM.fullmatch(name) for name in scores):
            raise foreign
    if not all(_PLAIN_TEXT.fullmatch(split) for split in record.metrics):
        raise foreign
    kind = variant(record.variant)
    config = kind.Config.recorded(record.config)
    schedule = TrainConfig.recorded(record.train)
    names = checkpoints.names_of(record.variant, config, record.data, schedule, record.teacher)
    if record.id not in names:
        raise ShelfError(
            "{label} holds a run whose id is not that of what it says it is.", label=label
        )
    signature = Signature(record.data.shape, record.data.classes, record.data.kind)
    if signature.kind not in kind.kinds:
        raise foreign
    model = loading.load_model(found)
    if not all(parameter.isfinite().all() for parameter in model.state_dict().values()):
        raise ShelfError("{label} holds weights that are no finite numbers.", label=label)
    for file in record.files.keys() - {WEIGHTS, MAP}:
        arrays = checkpoints.read_tensors(found, file)
        count = len(arrays.get("codes", arrays.get("points", ())))
        if file == CODES and count != _count_on_map(found):
            raise ShelfError(
                "{label} holds a map of {count:,} images; a run's map is of the {most:,} images "
                "that it is shown on.",
                label=label,
                count=count,
                most=_count_on_map(found),
            )
    return record.model_copy(
        update={
            "id": names[0],
            "formerly": names[1:],
            "roles": (),  # these are given to runs that ship
            **loading.told_of(model),
        }
    )


def _count_on_map(found: Run) -> int:
    """How many images a run is shown on: its own, which must be whole, or those all maps share."""
    own = maps.shown(found)
    return data.describe("mnist-5k").counts["all"] if own is None else len(own)


def _place(found: Run, record: RunRecord, store: Path) -> None:
    (found.folder / RECORD).write_text(record.model_dump_json(), encoding="utf-8")
    found.folder.chmod(0o755)
    try:
        found.folder.rename(store / record.id)
    except OSError:
        if (store / record.id).exists():
            raise ShelfError("Run {run} came into the store meanwhile.", run=record.id) from None
        raise
