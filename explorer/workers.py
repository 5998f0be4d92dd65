"""The server's worker processes: as many as its owner allows, kept warm, replaced when they die."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import core
from core.config import ConfigError
from core.store import checkpoints
from core.training import jobs, limits

ROOT = Path(core.__file__).resolve().parents[1]
LOOK = 0.5  # seconds between looks at the workers

_log = logging.getLogger(__name__)


class Pool:
    """Worker processes over one run store.

    A worker that dies is replaced, less and less often if it dies at once. When the server goes,
    their standard input ends and they end too, each after the job that it has in work.
    """

    def __init__(self, store: Path, allowed: limits.Limits) -> None:
        self.store = store
        self.allowed = allowed
        self.workers: dict[int, subprocess.Popen] = {}
        self.born: dict[int, float] = {}
        self.pause = dict.fromkeys(range(allowed.workers), 0.0)
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def close(self) -> None:
        """Let the workers end: the idle ones now, the others after their job."""
        self.closing.set()
        for worker in self.workers.values():
            with contextlib.suppress(OSError):
                worker.stdin.close()

    def _watch(self) -> None:
        while not self.closing.is_set():
            try:
                self._look()
            except Exception:
                _log.exception("The workers could not be looked after; they will be in a moment.")
            self.closing.wait(LOOK)

    def _look(self) -> None:
        """Start what workers are missing."""
        for slot in range(self.allowed.workers):
            worker = self.workers.get(slot)
            if worker is not None and worker.poll() is None:
                continue
            now = time.monotonic()
            if worker is not None and now - self.born[slot] < self.pause[slot]:
                continue
            lived = now - self.born.get(slot, -1e9)
            self.pause[slot] = min(60.0, 2 * self.pause[slot] + 1) if lived < 30 else 0.0
            self.born[slot] = now
            with contextlib.suppress(OSError):
                self.workers[slot] = self._spawn(slot)

    def _spawn(self, slot: int) -> subprocess.Popen:
        command = [sys.executable, "-m", "core.training.worker", "--store", str(self.store)]
        command += ["--slot", str(slot), "--threads", str(self.allowed.threads_each)]
        log = subprocess.DEVNULL
        with contextlib.suppress(OSError):
            (self.store / jobs.QUEUE).mkdir(parents=True, exist_ok=True)
            log = (self.store / jobs.QUEUE / f"worker-{slot}.log").open("wb")
        try:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at the server is not meant for them
            )
        finally:
            if log is not subprocess.DEVNULL:
                log.close()


_pool: Pool | None = None
_starting = threading.Lock()


def ensure() -> Pool:
    """The server's pool of workers over the user's store, started by whoever needs it first."""
    global _pool
    with _starting:
        if _pool is None:
            _pool = Pool(checkpoints.user_store(), allowed()[0])
            _pool.start()
        return _pool


def close() -> None:
    """Let the workers end."""
    global _pool
    with _starting:
        if _pool is not None:
            _pool.close()
        _pool = None


def allowed() -> tuple[limits.Limits, ConfigError | None]:
    """The owner's limits, and where their file is wrong what is; the defaults hold then."""
    try:
        return limits.read(), None
    except ConfigError as error:
        return limits.Limits(), error
