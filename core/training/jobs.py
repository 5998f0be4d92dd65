"""The queue of trainings. Its whole state is in the run store, so that a reload, another tab and a
restarted server see the same.

    <store>/.queue/<run-id>/request.json   what is asked for; the folder is made in one step
    <store>/.queue/<run-id>/askers/<name>  an empty file for each who asked; the owner's says so
    <store>/.queue/<run-id>/progress.json  where the training is, written by its worker
    <store>/.queue/<run-id>/frames/        the film as far as it goes
    <store>/.queue/<run-id>/beat           touched every second by the worker that has the job
    <store>/.queue/<run-id>/stop           there if the training is to stop
    <store>/.queue/locks/<run-id>          held by the worker that has the job

A job's folder goes when its run is in the store; a failed one stays until it is dismissed or asked
for again. Importing this module needs no torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from core.config import StoredAs
from core.refusal import Refusal
from core.store import checkpoints, rights
from core.store.plain_files import read_plain
from core.training.limits import Limits

QUEUE = ".queue"
REQUEST, PROGRESS, ASKERS, BEAT, STOP, FRAMES, LOCKS = (
    "request.json",
    "progress.json",
    "askers",
    "beat",
    "stop",
    "frames",
    "locks",
)
VISITOR = re.compile(r"[0-9a-zA-Z_-]{8,64}")
LARGEST_JOB = 2**20  # bytes that are read of what a job or its worker says
SILENCE = 5.0  # seconds without a beat after which a worker counts as gone
ATTEMPTS = 3  # times that a worker may die over a job before it counts as failed


class JobError(Refusal, ValueError):
    """A training that can't be queued; one sentence for a person."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobRequest(_Plain):
    """What is asked for: all that decides the run, its cost, and when it was asked."""

    id: str
    variant: str
    config: dict[str, Any]
    data: str
    split: str
    train: dict[str, Any]
    samples: int
    expected: float  # seconds of training
    parameters: int = 0
    memory: int = 0  # MiB that it is expected to take beside its process's own; 0 where unknown
    bounded: bool = False  # whether it is a visitor's, whose limits hold while it is trained, too
    asked_at: float = 0.0
    stored_as: StoredAs = "float32"
    formerly: tuple[str, ...] = ()  # other ids under which the run may be in a store

    @model_validator(mode="before")
    @classmethod
    def _upgraded(cls, content: Any) -> Any:
        """A job of an earlier version, in which the weights' format was a knob of the training."""
        train = content.get("train") if isinstance(content, dict) else None
        if not isinstance(train, dict) or "store" not in train:
            return content
        rest = {name: value for name, value in train.items() if name != "store"}
        return content | {"train": rest, "stored_as": train["store"]}

    @property
    def names(self) -> tuple[str, ...]:
        """All ids under which a store may hold the run."""
        return (self.id, *self.formerly)


class JobProgress(_Plain):
    """Where a training is, as its worker wrote it. A failed one says why: in `message`, and in
    `refusal` for other languages (`Refusal.as_json`)."""

    status: Literal["running", "saving", "failed"] = "running"
    attempts: int = 0
    message: str = ""
    refusal: dict[str, Any] | None = None
    step: int = 0
    steps: int = 0
    samples: int = 0
    seconds: float = 0.0
    frames: int = 0
    history: tuple[dict[str, float], ...] = ()


@dataclass(frozen=True)
class Job:
    """One training in the queue.

    Attributes:
        status: `waiting`, `running`, `saving`, `stopping` or `failed`.
        askers: the visitors who asked for it and have not withdrawn.
    """

    folder: Path
    request: JobRequest
    progress: JobProgress
    askers: tuple[str, ...]
    status: str

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def remaining(self) -> float:
        """Expected seconds of training that are left."""
        done = self.progress
        if self.status not in ("running", "stopping", "saving"):
            return self.request.expected
        if done.step and done.steps:
            return done.seconds * (done.steps - done.step) / done.step
        return self.request.expected


@dataclass(frozen=True)
class Place:
    """Where a waiting job stands: how many are before it, and when it is expected to begin."""

    before: int
    seconds: float


def submit(
    store: Path, request: JobRequest, visitor: str, limits: Limits, owner: bool = False
) -> bool:
    """Ask for a training. Who asks for one that is in the queue already joins it.

    Returns:
        False where the run is in the store already, complete; nothing is queued then.

    Raises:
        JobError: beyond the limits, or where the store can't be written.
    """
    if not VISITOR.fullmatch(visitor):
        raise JobError("A visitor's name is 8 to 64 letters, digits, - or _.")
    if complete(store, request) is not None:
        return False
    queued = jobs(store)
    existing = next((job for job in queued if job.id == request.id), None)
    failed = existing if existing is not None and existing.status == "failed" else None
    if (existing is None or failed) and not owner:
        _check(request, visitor, limits, queued)
    try:
        if failed:  # what it had kept of the work stays
            shutil.rmtree(failed.folder / ASKERS)
            (failed.folder / ASKERS).mkdir()
            (failed.folder / PROGRESS).unlink()
            (failed.folder / BEAT).unlink(missing_ok=True)
        _enter(store, request.model_copy(update={"bounded": not owner}), visitor, owner)
    except OSError as error:
        raise JobError(
            "Nothing can be trained here: the run store {store} can't be written ({reason}).",
            store=store,
            reason=error.strerror or str(error),
        ) from None
    return True


def _check(request: JobRequest, visitor: str, limits: Limits, queued: Sequence[Job]) -> None:
    for what, asked, most in (
        (Refusal("samples"), request.samples, limits.samples),
        (Refusal("expected seconds"), round(request.expected), limits.seconds),
        (Refusal("parameters"), request.parameters, limits.parameters),
        (Refusal("MiB of memory"), request.memory, limits.memory),
    ):
        if asked > most:
            raise JobError(
                "This training asks for {asked:,} {what}; on this server a visitor's may have at "
                "most {most:,.10g}.",
                asked=asked,
                what=what,
                most=most,
            )
    live = [job for job in queued if job.status != "failed"]
    if sum(visitor in job.askers for job in live) >= limits.waiting:
        raise JobError(
            "You have {most} trainings in the queue, the most that one visitor may; "
            "wait for one or stop one.",
            most=limits.waiting,
        )
    if len(live) >= limits.queue:
        raise JobError(
            "The queue is full: {most} trainings are in it; try again in a while.",
            most=limits.queue,
        )


def _enter(store: Path, request: JobRequest, visitor: str, owner: bool) -> None:
    queue = store / QUEUE
    queue.mkdir(parents=True, exist_ok=True)
    folder = queue / request.id
    for _ in range(10):
        with contextlib.suppress(FileNotFoundError):  # there is none, or it goes this moment
            _ask(folder, visitor, owner)
            (folder / STOP).unlink(missing_ok=True)
            return
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=queue))
        try:
            (fresh / ASKERS).mkdir()
            _ask(fresh, visitor, owner)
            asked = request.model_copy(update={"asked_at": time.time()})
            (fresh / REQUEST).write_text(asked.model_dump_json(), encoding="utf-8")
            fresh.chmod(0o755)
            fresh.rename(folder)  # fails where another one was quicker
            return
        except FileExistsError:
            continue
        except OSError as error:
            if not folder.exists():
                raise error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    raise OSError(f"{folder} comes and goes")


def _ask(folder: Path, visitor: str, owner: bool) -> None:
    """Enter somebody who asks; who has asked already keeps the place."""
    with contextlib.suppress(FileExistsError), (folder / ASKERS / visitor).open("x") as file:
        file.write(rights.OWNER if owner else "")


def maker(folder: Path) -> str | None:
    """The mark of who asked for a job first and still wants it; None where nobody does."""
    found = []
    with contextlib.suppress(OSError):
        for entry in (folder / ASKERS).iterdir():
            with contextlib.suppress(OSError):
                owns = read_plain(entry, rights.LARGEST_MARK) == rights.OWNER.encode()
                mark = rights.OWNER if owns else rights.mark_of(entry.name)
                found.append((entry.stat().st_mtime_ns, entry.name, mark))
    return min(found)[2] if found else None


def jobs(store: Path) -> list[Job]:
    """All jobs: those in work first, then the waiting ones in the order in which their turn comes,
    then the failed ones. Foreign folders are passed over."""
    queue = store / QUEUE
    try:
        folders = [entry for entry in queue.iterdir() if checkpoints.RUN_ID.fullmatch(entry.name)]
    except OSError:
        return []
    found = [job for job in map(_read, folders) if job is not None]
    active = sorted(
        (job for job in found if job.status not in ("waiting", "failed")),
        key=lambda job: job.request.asked_at,
    )
    failed = sorted((job for job in found if job.status == "failed"), key=lambda job: job.id)
    waiting = in_turn((job for job in found if job.status == "waiting"), active)
    return [*active, *waiting, *failed]


def in_turn(waiting: Iterable[Job], active: Iterable[Job]) -> list[Job]:
    """Waiting jobs in a fair order: every visitor's first before anybody's second, where what a
    visitor has in work counts too; among equals who asked first."""
    busy = Counter(visitor for job in active for visitor in job.askers)
    by_age = sorted(waiting, key=lambda job: (job.request.asked_at, job.id))
    turn: dict[str, int] = {}
    for job in by_age:
        ranks = []
        for visitor in job.askers:
            ranks.append(busy[visitor])
            busy[visitor] += 1
        turn[job.id] = min(ranks, default=0)
    return sorted(by_age, key=lambda job: turn[job.id])


def find(store: Path, job_id: str) -> Job | None:
    """One job, or None."""
    if not checkpoints.RUN_ID.fullmatch(job_id):
        return None
    return _read(store / QUEUE / job_id)


def place(queued: Sequence[Job], job_id: str, workers: int) -> Place | None:
    """Where a waiting job stands in what `jobs` returned; None where it doesn't wait."""
    ahead = 0.0
    before = 0
    for job in queued:
        if job.id == job_id:
            return Place(before, ahead / workers) if job.status == "waiting" else None
        ahead += job.remaining
        before += job.status == "waiting"
    return None


def stop(store: Path, job_id: str, visitor: str, owner: bool = False) -> bool:
    """Withdraw a visitor's wish; a training that nobody else waits for, or whose stop the machine's
    owner asks for, stops and keeps its work.

    Returns:
        Whether the training stops: False where others still want it, or the visitor never did.
    """
    job = find(store, job_id)
    if job is None or not (owner or visitor in job.askers):
        return False
    if VISITOR.fullmatch(visitor):
        (job.folder / ASKERS / visitor).unlink(missing_ok=True)
    if not owner and set(job.askers) - {visitor}:
        return False
    with contextlib.suppress(FileNotFoundError):
        (job.folder / STOP).touch()
    if job.status in ("waiting", "failed"):
        dismiss(store, job_id)
    return True


def dismiss(store: Path, job_id: str) -> None:
    """Take a job that is not in work out of the queue."""
    folder = store / QUEUE / job_id
    doomed = folder.with_name(f".gone-{job_id}-{os.getpid()}-{time.monotonic_ns()}")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def write_progress(folder: Path, progress: JobProgress) -> None:
    """Put a worker's report in place in one step."""
    written = folder / f".{PROGRESS}"
    written.write_text(progress.model_dump_json(), encoding="utf-8")
    written.replace(folder / PROGRESS)


def complete(store: Path, request: JobRequest) -> checkpoints.Run | None:
    """The run that is asked for, if one of the stores holds it, trained to its end."""
    return checkpoints.complete((checkpoints.shipped_store(), store), request.names)


def _read(folder: Path) -> Job | None:
    try:
        request = JobRequest.model_validate_json(read_plain(folder / REQUEST, LARGEST_JOB))
        askers = tuple(sorted(entry.name for entry in (folder / ASKERS).iterdir()))
    except (OSError, ValidationError):
        return None
    if request.id != folder.name:
        return None
    try:
        progress = JobProgress.model_validate(
            json.loads(read_plain(folder / PROGRESS, LARGEST_JOB))
        )
    except (OSError, ValueError):
        progress = JobProgress()
    try:
        beats = time.time() - (folder / BEAT).stat().st_mtime < SILENCE
    except OSError:
        beats = False
    if progress.status == "failed":
        status = "failed"
    elif not beats:
        status = "waiting"
    elif progress.status == "saving":
        status = "saving"
    else:
        status = "stopping" if (folder / STOP).exists() else "running"
    return Job(folder, request, progress, askers, status)
