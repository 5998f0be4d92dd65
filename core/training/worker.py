"""A worker: a process of its own that trains what is queued in a run store, one job after another.

A crash or an end of memory here takes nothing else down. Its parent holds its standard input; when
the parent is gone, a worker finishes what it has in work and ends.
`python -m core.training.worker --help`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import filelock
import torch
import tyro

from core import data, models
from core.config import ConfigError, TrainConfig
from core.models import variant
from core.refusal import Refusal
from core.store import checkpoints, leftovers, own_runs
from core.store.rights import OWNER
from core.training import holding, jobs, limits, loop, runner
from core.training.film import Film
from core.training.jobs import BEAT, FRAMES, LOCKS, QUEUE, STOP, Job, JobProgress
from core.training.limits import Limits

PAUSE = 0.1  # seconds between looks at the queue and for a wish to stop


class StopTraining(BaseException):
    """Raised inside a training whose end is wished for; what it came to is kept."""


@dataclass
class Options:
    """Train what is queued in a run store until the parent process is gone."""

    store: Annotated[Path, tyro.conf.arg(help="Folder of runs, whose queue is worked off.")]
    slot: Annotated[int, tyro.conf.arg(help="Of as many as may train at once, which this is.")] = 0
    threads: Annotated[int, tyro.conf.arg(help="Threads of one training.")] = 1
    nice: Annotated[int, tyro.conf.arg(help="By how much pages go first; 0 for not at all.")] = 5


@dataclass
class Worker:
    """One worker's state: its store, its slot, and whether its parent is still there."""

    store: Path
    slot: int
    orphaned: threading.Event = field(default_factory=threading.Event)

    def work(self, idle: Callable[[], bool]) -> None:
        """Take jobs in their turn for as long as `idle`, asked between jobs, is true."""
        while idle():
            job = None
            with contextlib.suppress(OSError):  # a store that can't be written may be soon
                job = self.once()
            if job is None:
                time.sleep(PAUSE)

    def once(self) -> Job | None:
        """Train the first job that is nobody's, in this worker's slot; None where there is none."""
        waiting = [job for job in jobs.jobs(self.store) if job.status == "waiting"]
        if not waiting:
            return None
        locks = self.store / QUEUE / LOCKS
        with _held(locks / f"slot-{self.slot}") as mine:
            if not mine:
                return None  # a worker of an earlier server still has it
            for job in waiting:
                with _held(locks / job.id) as held:
                    now = jobs.find(self.store, job.id) if held else None
                    if now is None or now.status != "waiting":
                        continue
                    if (now.folder / STOP).exists():  # its worker died before it could stop
                        jobs.dismiss(self.store, now.id)
                        continue
                    self._train(now)
                    return now
        return None

    def _train(self, job: Job) -> None:
        attempts = job.progress.attempts + 1
        report = Reporter(job, attempts)
        if attempts > jobs.ATTEMPTS:
            gone = Refusal(
                "The training process ended {attempts} times without a word, so it was given up; "
                "it may have needed more memory than there is.",
                attempts=jobs.ATTEMPTS,
            )
            report.fail(gone)
            return
        report.write()
        first = jobs.maker(job.folder) or OWNER
        allowed = _limits() if job.request.bounded else None
        most = None if allowed is None else allowed.memory * holding.MIB
        with _beating(job.folder):
            try:
                with holding.held(most, torch.cuda.is_available()):
                    self._run(job, report, lambda: jobs.maker(job.folder) or first)
            except (
                loop.TrainingError,
                ConfigError,
                data.DataError,
                checkpoints.CheckpointError,
            ) as error:
                report.fail(error)
                return
            except (MemoryError, RuntimeError) as error:
                report.fail(_broke_off(error, allowed))
                return
            except FileNotFoundError:
                return  # nobody wants it any longer, so its folder is gone
            jobs.dismiss(self.store, job.id)
        own_runs.tidy(self.store, _limits().runs)

    def _run(self, job: Job, report: Reporter, maker: Callable[[], str]) -> None:
        asked = job.request
        dataset = data.load(asked.data, asked.split)
        request = checkpoints.Request(
            asked.variant,
            variant(asked.variant).Config.recorded(asked.config),
            dataset,
            TrainConfig.recorded(asked.train),
        )
        if job.id not in request.names:
            raise data.DataError(
                "{data}/{split} has changed since this training was asked for.",
                data=asked.data,
                split=asked.split,
            )
        digits = data.on_map_of(dataset)
        film = Film(digits, job.folder / FRAMES) if digits is not None else None
        training = runner.run(
            request,
            self.store,
            test=data.test_of(dataset),
            on_map=digits,
            film=film,
            on_save=report.saving,
            kept=job.folder,
            stored_as=asked.stored_as,
            maker=maker,
        )
        with _stoppable(job.folder, report), contextlib.closing(training):
            for progress in training:
                report.take(progress, len(film.points) if film else 0)


class Reporter:
    """Writes where a training is, at most ten times a second, and always the first and the last."""

    def __init__(self, job: Job, attempts: int) -> None:
        self.folder = job.folder
        self.history = list(job.progress.history)  # of an attempt that this one may go on from
        self.now = JobProgress(attempts=attempts)
        self.before = job.progress.step  # how far the last attempt had come
        self.interruptible = False
        self.written = 0.0

    def take(self, progress: loop.Progress, frames: int) -> None:
        """One report of the training loop."""
        while self.history and self.history[-1]["step"] >= progress.step:
            self.history.pop()
        self.history.append(
            {"step": progress.step, "samples": progress.samples}
            | {name: float(f"{value:.6g}") for name, value in progress.terms.items()}
        )
        self.now = self.now.model_copy(
            update={
                # A process that comes further than the last one did not die of this training.
                "attempts": 1 if progress.step > self.before > 0 else self.now.attempts,
                "step": progress.step,
                "steps": progress.steps,
                "samples": progress.samples,
                "seconds": progress.seconds,
                "frames": frames,
                "history": tuple(self.history),
            }
        )
        if time.monotonic() - self.written > 0.1 or progress.step == progress.steps:
            self.write()

    def saving(self) -> None:
        """The training is over: from here on nothing may interrupt it."""
        self.interruptible = False
        self.now = self.now.model_copy(update={"status": "saving"})
        self.write()

    def fail(self, refusal: Refusal) -> None:
        self.interruptible = False
        self.now = self.now.model_copy(
            update={
                "status": "failed",
                "message": " ".join(str(refusal).split()),
                "refusal": refusal.as_json(),
            }
        )
        with contextlib.suppress(FileNotFoundError):
            self.write()

    def write(self) -> None:
        self.written = time.monotonic()
        jobs.write_progress(self.folder, self.now)


def _limits() -> Limits:
    """What the machine's owner allows now; the defaults where that can't be read."""
    try:
        return limits.read()
    except ConfigError:
        return Limits()


def _broke_off(error: MemoryError | RuntimeError, allowed: Limits | None) -> Refusal:
    """Why a training could not go on; of what torch raises the first line, unless it is memory."""
    memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "memory" in str(error)
    if memory and allowed is not None:
        return Refusal(
            "This training needs more memory than there is, or than the {most:,} MiB that a "
            "visitor's may have here: take a smaller network or smaller batches.",
            most=allowed.memory,
        )
    if memory:
        return Refusal("This training needs more memory than there is.")
    return Refusal("The training broke off: {reason}", reason=str(error).splitlines()[0])


@contextlib.contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Hold a lock file if nobody does; the system frees it when a process dies."""
    lock = filelock.FileLock(path)  # makes the folder, too
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextlib.contextmanager
def _beating(folder: Path) -> Iterator[None]:
    """Touch the job's beat every second, so that others see that it is in work."""
    over = threading.Event()

    def beat() -> None:
        while True:
            with contextlib.suppress(OSError):
                (folder / BEAT).touch()
            if over.wait(1):
                return

    (folder / BEAT).touch()
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        (folder / BEAT).unlink(missing_ok=True)


@contextlib.contextmanager
def _stoppable(folder: Path, report: Reporter) -> Iterator[None]:
    """Break off what runs inside, in this very thread, when the job's stop file appears.

    The interrupt is an ordinary SIGINT whose handler runs between two bytecodes of the main
    thread; while a run is being saved it does nothing.
    """
    import _thread
    import signal

    def interrupt(number, frame) -> None:
        if report.interruptible and wished():
            report.interruptible = False
            raise StopTraining

    def wished() -> bool:
        return (folder / STOP).exists() or not folder.exists()

    over = threading.Event()

    def watch() -> None:
        while not over.wait(PAUSE):
            if wished():
                _thread.interrupt_main(signal.SIGINT)

    before = signal.signal(signal.SIGINT, interrupt)
    report.interruptible = True
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    except StopTraining:
        pass
    finally:
        over.set()
        thread.join()
        report.interruptible = False
        signal.signal(signal.SIGINT, before)


def warm() -> None:
    """Do once what makes the first training slow: torch's first operations, the usual digits."""
    digits = data.load("mnist-5k", "all")
    few = digits.subset(list(range(64)), "warm")
    config = variant("vae").Config.checked({"hidden": (4,)})
    model = models.build("vae", config, models.signature_of(few))
    steps = TrainConfig.checked({"epochs": 2, "batch_size": 32})
    loop.drain(loop.train(model, few, steps, loop.best_device()))


def give_way(nice: int) -> None:
    """Let pages go first where processors are short.

    Linux shares them by session, so a session's own niceness has to be told as well.
    """
    if not nice:
        return
    with contextlib.suppress(OSError, AttributeError):
        os.nice(nice)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice))


def main(argv: list[str] | None = None) -> None:
    """Warm up, then work until standard input ends."""
    options = tyro.cli(Options, args=argv, prog="python -m core.training.worker")
    torch.set_num_threads(options.threads)
    give_way(options.nice)
    worker = Worker(options.store, options.slot)

    def wait_for_the_end() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        worker.orphaned.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    leftovers.sweep(options.store)
    warm()
    worker.work(lambda: not worker.orphaned.is_set())


if __name__ == "__main__":
    main()
