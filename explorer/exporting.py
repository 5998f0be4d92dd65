"""The app's own route of encoders and decoders as ONNX.

    GET  /save/onnx/<run>/<encoder or decoder>     → ONNX, or 202 while it is being made

They are made from a run by a process of its own, because loading torch takes seconds and much
memory, and are kept in the user's store, since a run's weights never change.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

import core
from core.refusal import Refusal
from core.store import checkpoints
from core.store.checkpoints import Run
from explorer import resources
from explorer.bodies import BodyError, too_busy
from explorer.live import HEADER, NOW, refused

KEPT = ".onnx"  # in the user's store: <run>-<beginning of the weights' checksum>/decoder.onnx
PARTS = ("encoder", "decoder")
PATIENCE = 180.0  # seconds until an export counts as hung
MOST = 20  # runs whose export is under way or waits for its turn
BROKE_OFF = "The export of run {run} broke off; save it again to try anew."

_log = logging.getLogger(__name__)


class _Exports:
    """Decoders that are being made: one process at a time, each run at most once."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._changing = threading.Lock()
        self._under_way: set[Path] = set()
        self._failed: dict[Path, BodyError] = {}

    def ask(self, run: Run, folder: Path) -> BodyError | None:
        """See that a run's files are being made; why if the last try failed, told once, so that
        whoever asks again has it tried again."""
        with self._changing:
            if folder in self._failed:
                return self._failed.pop(folder)
            if folder not in self._under_way:
                if len(self._under_way) >= MOST:
                    return too_busy()
                self._under_way.add(folder)
                threading.Thread(target=self._make, args=(run, folder), daemon=True).start()
        return None

    def _make(self, run: Run, folder: Path) -> None:
        problem = None
        with self._turn:
            try:
                export(run, folder)
            except BodyError as error:
                problem = BodyError(error.template, status=422, **error.values)
            except Exception:
                _log.exception("The export of run %s broke off.", run.id)
                problem = BodyError(BROKE_OFF, status=422, run=run.id)
            finally:
                with self._changing:
                    self._under_way.discard(folder)
                    if problem:
                        self._failed[folder] = problem


def export(run: Run, folder: Path) -> None:
    """Write a run's encoder.onnx and decoder.onnx into a folder that appears when both are whole.

    Raises:
        BodyError: where the run can't be exported or the process died; nothing is left behind.
    """
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
        command = [sys.executable, "-m", "core", "export", run.id, "--to", str(temporary)]
        done = subprocess.run(
            [*command, "--store", str(run.folder.parent)],
            cwd=Path(core.__file__).resolve().parents[1],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode == 2 and done.stderr.strip():
            said = done.stderr.strip().splitlines()[-1]
            raise BodyError("{said}", status=422, said=said)
        if done.returncode:
            raise BodyError(BROKE_OFF, run=run.id)
        temporary.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)  # of which somebody has removed a part
        temporary.rename(folder)
    except subprocess.TimeoutExpired:
        raise BodyError(
            "The export of run {run} took over {most:g} seconds.", run=run.id, most=PATIENCE
        ) from None
    except OSError as error:
        raise BodyError(
            "The export of run {run} can't be kept in {folder} of the run store ({reason}).",
            run=run.id,
            folder=folder.parent.name,
            reason=error.strerror or str(error),
        ) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


_exports = _Exports()


def kept(run: Run) -> Path:
    """Folder of a run's ONNX files; other weights of the same run have another one."""
    weights = run.record.files[checkpoints.WEIGHTS].sha256[:16]
    return checkpoints.user_store() / KEPT / f"{run.id}-{weights}"


def _onnx(request: Request) -> Response:
    asked = request.path_params
    run = resources.runs().get(asked["run"])
    if run is None:
        return refused(request, Refusal("There is no run {run!r}.", run=asked["run"]))
    if asked["part"] not in PARTS:
        return PlainTextResponse(f"A run has {' and '.join(PARTS)}.", 404)
    if HEADER not in request.headers:
        return PlainTextResponse(f"To save needs the header {HEADER}.", 403)
    folder = kept(run)
    file = folder / f"{asked['part']}.onnx"
    if file.is_file():
        return FileResponse(file, media_type="application/octet-stream", headers=NOW)
    problem = _exports.ask(run, folder)
    if problem:
        return refused(request, problem, problem.status)
    return PlainTextResponse("It is being made.", 202, headers=NOW)


def routes(root: str) -> list[Route]:
    """The routes to mount below `root`."""
    return [Route(f"{root}/save/onnx/{{run}}/{{part}}", _onnx)]
