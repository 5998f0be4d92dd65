"""What the server computes of runs in the background: one process at a time, every visitor's first
before anybody's second. Of one visitor's, how far a map can be trusted waits for the maps
themselves, and scores of the same images share a process, which loads their libraries once. One
that is done stands by for the next results for a while.

A result that somebody asked for is computed even if everybody leaves the page meanwhile; it ends
early only when all who asked for it have given it up. Nothing is kept before it is whole, so a
process may be killed at any time and the result is asked for again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.latent import results
from core.refusal import Refusal, from_json
from core.store import image_sets, result_files
from core.store.checkpoints import Run
from core.training.jobs import VISITOR
from explorer import resources
from explorer.live import FOREVER, HEADER, MINE, NOW, asked_for, refused, words_of
from explorer.workers import ROOT

MOST = 400  # results that may be wanted at once; each takes seconds
MOST_EACH = 40  # of these by one visitor, who may look at six runs side by side
ENDED = "The process that computes it ended without a word; ask again."
STAND_BY = 60  # seconds
THREADS = str(max(1, (os.cpu_count() or 2) - 1))  # of one process; a core is left to the pages
BROKE = "It could not be computed ({reason}); ask again."

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Task:
    """A result that somebody wants."""

    subject: results.Subject
    kind: str
    askers: set[str] = field(default_factory=set)
    share: float = 0.0
    process: subprocess.Popen | None = None
    cancelled: bool = False

    @property
    def name(self) -> str:
        """The result's file name."""
        return results.file_name(self.subject, self.kind)

    @property
    def aside(self) -> bool:
        """Whether it waits for others."""
        return results.kind_of(self.kind).aside

    def shares_with(self, other: Task) -> bool:
        """Whether both may be computed by one process."""
        alike = all(
            getattr(self.subject, name) == getattr(other.subject, name)
            for name in ("run", "set_id", "seed")
        )
        return self is other or (alike and self.aside and other.aside)


class Deriver:
    """The queue of wanted results, and the thread that works it off."""

    def __init__(self, command: Callable[[list[Task]], list[str]] | None = None) -> None:
        self.command = command or _command
        self.tasks: dict[str, Task] = {}  # by file name, in the order of asking
        self.failed: dict[str, dict[str, Any]] = {}
        self.changed = threading.Condition()
        self.spare: subprocess.Popen | None = None  # stands by; the thread's own affair
        self.again: subprocess.Popen | None = None  # stood by and has new work
        self.thread: threading.Thread | None = None
        self.closing = False

    def ask(self, subject: results.Subject, kind: str, visitor: str) -> bool:
        """Want a result; False where too much is wanted already, by this visitor or by all."""
        name = results.file_name(subject, kind)
        with self.changed:
            task = self.tasks.get(name)
            wants = task is not None and visitor in task.askers
            if not wants and self._wanted_by(visitor) >= MOST_EACH:
                return False
            if name not in self.tasks:
                if len(self.tasks) >= MOST:
                    return False
                self.failed.pop(name, None)
                self.tasks[name] = Task(subject, kind)
            self.tasks[name].askers.add(visitor)
            if self.thread is None and not self.closing:
                self.thread = threading.Thread(target=self._work, daemon=True)
                self.thread.start()
            self.changed.notify()
        return True

    def too_many(self, visitor: str) -> Refusal:
        """Why a visitor who may want no more may not."""
        with self.changed:
            most = MOST_EACH if self._wanted_by(visitor) >= MOST_EACH else MOST
        return Refusal(
            "{most} results are being computed or waited for; ask again in a minute.", most=most
        )

    def _wanted_by(self, visitor: str) -> int:
        return sum(visitor in task.askers for task in self.tasks.values())

    def give_up(self, subject: results.Subject, kind: str, visitor: str) -> bool:
        """Want it no longer; True where nobody else does, so that it ends."""
        name = results.file_name(subject, kind)
        with self.changed:
            task = self.tasks.get(name)
            if task is None or visitor not in task.askers:
                return False
            task.askers.discard(visitor)
            if task.askers:
                return False
            task.cancelled = True
            if task.process is None:
                self.tasks.pop(name)
            elif all(one.cancelled for one in self._of(task.process)):
                task.process.terminate()
        return True

    def state(self, subject: results.Subject, kind: str) -> dict[str, Any]:
        """`status` (ready, working, waiting, failed or absent) and what belongs to it; of a failed
        one `message` and, for other languages, `refusal`."""
        name = results.file_name(subject, kind)
        with self.changed:
            task = self.tasks.get(name)
            if task is not None and not task.cancelled:
                if task.process is not None:
                    return {"status": "working", "share": task.share}
                return {"status": "waiting", "before": self._turns().index(name)}
            failure = self.failed.get(name)
        if result_files.find(name):
            return {"status": "ready", "file": name}
        return {"status": "failed", **failure} if failure else {"status": "absent"}

    def close(self) -> None:
        """End what is in work; it is computed again when it is asked for again."""
        with self.changed:
            self.closing = True
            for task in self.tasks.values():
                if task.process is not None:
                    task.process.terminate()
            self.changed.notify()

    def _of(self, process: subprocess.Popen) -> list[Task]:
        return [task for task in self.tasks.values() if task.process is process]

    def _turns(self) -> list[str]:
        """Names of the wanted results in the order in which they are computed: what is in work,
        then every visitor's first before anybody's second; a visitor's maps before their scores,
        else in the order of asking."""
        in_work = [name for name, task in self.tasks.items() if task.process is not None]
        waiting = [name for name in self.tasks if name not in in_work]
        wanted = Counter(visitor for name in in_work for visitor in self.tasks[name].askers)
        turn: dict[str, int] = {}
        for name in sorted(waiting, key=lambda name: self.tasks[name].aside):
            askers = self.tasks[name].askers
            turn[name] = min((wanted[visitor] for visitor in askers), default=0)
            wanted.update(askers)
        return in_work + sorted(turn, key=lambda name: turn[name])

    def _next(self) -> list[Task]:
        """The tasks of the next process; what is there already is done."""
        for name, task in list(self.tasks.items()):
            if result_files.find(name) and task.process is None:
                self.tasks.pop(name)
        tasks = [self.tasks[name] for name in self._turns()]
        return [task for task in tasks if task.shares_with(tasks[0])]

    def _work(self) -> None:
        """Work off what is wanted for as long as the server lives, whatever one result does."""
        while True:
            with self.changed:
                while not self.tasks and not self.closing:
                    self.changed.wait()
                if self.closing:
                    self._dismiss()
                    return
            batch: list[Task] = []
            try:
                with self.changed:
                    batch = self._next()
                    process = self._started(batch) if batch else None
                if process is not None:
                    self._end(process, self._follow(process, batch))
            except Exception as error:
                _log.exception("A result could not be computed: %s", [one.name for one in batch])
                self._give_in(batch, error)

    def _started(self, batch: list[Task]) -> subprocess.Popen:
        process = self._spare_for(batch) or subprocess.Popen(
            self.command(batch),
            cwd=ROOT,
            env={"OMP_NUM_THREADS": THREADS} | os.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        for task in batch:
            task.process = process
        return process

    def _spare_for(self, batch: list[Task]) -> subprocess.Popen | None:
        """The process that stands by, told to go on with these; None where none does."""
        if self.spare is None:
            return None
        subject = batch[0].subject
        asked = {"run": subject.run.id, "kinds": [task.kind for task in batch]}
        line = json.dumps(asked | {"set": subject.set_id}) + "\n"
        try:
            os.write(self.spare.stdin.fileno(), line.encode())
        except OSError:  # it has left
            self._dismiss()
            return None
        self.again, self.spare = self.spare, None
        return self.again

    def _dismiss(self) -> None:
        """The process that stands by ends."""
        spare, self.spare = self.spare, None
        if spare is not None:
            with spare:
                spare.kill()

    def _end(self, process: subprocess.Popen, failure: dict[str, Any] | None) -> None:
        """Take what a process has done off the list; what it did not come to is asked for anew."""
        with self.changed:
            for task in self._of(process):
                self.tasks.pop(task.name)
                if failure and not task.cancelled and not self.closing:
                    self.failed[task.name] = failure
                    failure = None  # it was the first; the others were not begun
                elif task.askers and process.returncode:  # or asked for while it was ending
                    self.tasks[task.name] = Task(task.subject, task.kind, task.askers)

    def _give_in(self, batch: list[Task], error: Exception) -> None:
        """Let all that was begun together fail, and whatever process they have end."""
        why = _failure(Refusal(BROKE, reason=type(error).__name__))
        if isinstance(error, OSError):
            why = _failure(
                Refusal("No process can be started ({reason}).", reason=error.strerror or error)
            )
        with self.changed:
            for name, task in list(self.tasks.items()):
                if task in batch or not batch:
                    self.tasks.pop(name)
                    self.failed[name] = why
                    if task.process is not None and task.process.poll() is None:
                        task.process.kill()

    def _follow(self, process: subprocess.Popen, batch: list[Task]) -> dict[str, Any] | None:
        """Hear what a process tells until it ends; gives what it could not do."""
        told: dict[str, Any] = {}
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                heard = json.loads(line)
                if isinstance(heard, dict):
                    told = heard
                    self._hear(told, batch)
                    if heard.get("standing_by"):
                        self.spare = process
                        return None
        with process:
            pass  # it ends
        if process.returncode == 0 or (process is self.again and not told):
            return None  # or it left before it heard of this: that is computed by another
        if "failed" not in told:
            return _failure(Refusal(ENDED), reason="ended")
        sentence, made_of = told.pop("failed"), told.pop("refusal", None)
        refusal = from_json(made_of) if made_of else Refusal("{sentence}", sentence=sentence)
        return _failure(refusal, **told)

    def _hear(self, told: dict[str, Any], batch: list[Task]) -> None:
        for task in batch:
            if task.kind == told.get("kind"):
                task.share = told.get("share", task.share)
                if told.get("done"):
                    with self.changed:
                        self.tasks.pop(task.name, None)


def _failure(refusal: Refusal, **more: Any) -> dict[str, Any]:
    return {"message": str(refusal), "refusal": refusal, **more}


def spec(run: Run) -> dict[str, str | None]:
    """By kind the name of the file of a run's result, None where it is not there yet."""
    subject = results.Subject(run)
    found = {kind: results.find(subject, kind) for kind in results.kinds_of(run)}
    return {kind: path.name if path else None for kind, path in found.items()}


def _command(batch: list[Task]) -> list[str]:
    subject = batch[0].subject
    command = [sys.executable, "-m", "core.latent.compute", "--run", subject.run.id]
    command += ["--kinds", *(task.kind for task in batch), "--stand-by", str(STAND_BY)]
    return command + (["--set", subject.set_id] if subject.set_id else [])


_deriver = Deriver()


def close() -> None:
    """End the background process with the server; a later one begins anew."""
    global _deriver
    _deriver.close()
    _deriver = Deriver()


def _asked(request: Request) -> tuple[results.Subject, str] | Response:
    asked = request.path_params
    run = resources.runs().get(asked["run"])
    try:
        kind = results.kind_of(asked["kind"])
    except KeyError:
        kinds = ", ".join([*results.KINDS, "axes_1_2_scores"])
        return PlainTextResponse(f"There are the results {kinds}.", 404)
    if run is None or not results.possible(run):  # deleted while a page shows it, which goes on
        gone = Refusal("There is no run {run!r} with codes.", run=asked["run"])
        return _answer(request, {"status": "failed", **_failure(gone, reason="gone")})
    if not kind.applies(run):
        return PlainTextResponse(f"Of {run.id} there is no {asked['kind']}.", 404)
    own = asked_for(request, "set")
    if own is not None and not image_sets.is_there(own):
        none = Refusal("there is no set of images {id!r} here; choose another one.", id=own[:40])
        return _answer(request, {"status": "failed", **_failure(none, reason="gone")})
    return results.Subject(run, own), asked["kind"]


def _answer(request: Request, told: dict[str, Any]) -> Response:
    """A state as JSON, with what was refused in the language of the page that asks."""
    if "refusal" in told:
        told["message"] = words_of(request).refusal(told.pop("refusal"))
    return JSONResponse(told, headers=NOW)


def _state(request: Request) -> Response:
    found = _asked(request)
    if isinstance(found, Response):
        return found
    return _answer(request, _deriver.state(*found))


def _ask(request: Request) -> Response:
    found = _asked(request)
    if isinstance(found, Response):
        return found
    visitor = request.headers.get(HEADER, "")
    if not VISITOR.fullmatch(visitor):
        return PlainTextResponse(f"Asking needs the header {HEADER}.", 403)
    if not results.find(*found) and not _deriver.ask(*found, visitor):
        busy = _deriver.too_many(visitor)
        return _answer(request, {"status": "failed", **_failure(busy, reason="busy")})
    return _answer(request, _deriver.state(*found))


def _give_up(request: Request) -> Response:
    found = _asked(request)
    if isinstance(found, Response):
        return found
    ends = _deriver.give_up(*found, request.headers.get(HEADER, ""))
    return _answer(request, {"ends": ends} | _deriver.state(*found))


def _file(request: Request) -> Response:
    path = result_files.find(request.path_params["name"])
    if path is not None and result_files.read(path) is None:  # torn: the next who asks has it anew
        with contextlib.suppress(OSError):
            path.unlink()
        path = None
    if path is None:
        return refused(request, Refusal("There is no such result; load the page again."))
    ships = path.parent == result_files.folders()[0]
    keep = FOREVER if ships else MINE  # of own images or of a run that somebody trained
    return FileResponse(path, media_type="application/octet-stream", headers=keep)


def routes(root: str) -> list[Route]:
    """The routes to mount below `root`."""
    place = f"{root}/derive/{{run}}/{{kind}}"
    return [
        Route(place, _state),
        Route(place, _ask, methods=["POST"]),
        Route(place, _give_up, methods=["DELETE"]),
        Route(f"{root}/derived/{{name}}", _file),
    ]
