"""What a training needs to go on after its process was killed, kept on disk."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from torch import Tensor

from core import __version__
from core.training.loop import Progress


class Keeper:
    """Keeps on disk what a training needs to go on after its process was killed.

    Args:
        folder: where; None for nowhere.
        names: the run's id, and others that it had; what another run kept is passed over.
    """

    EVERY = 10.0  # seconds
    NAME = "resume.safetensors"

    def __init__(self, folder: Path | None, *names: str) -> None:
        self.path = None if folder is None else folder / self.NAME
        self.names = names
        self.last = time.monotonic()

    def found(self) -> tuple[dict[str, Tensor] | None, list[dict[str, float]]]:
        """The state to go on from and the reports until then; (None, []) where there is none."""
        from safetensors import SafetensorError, safe_open

        if self.path is None or not self.path.is_file():
            return None, []
        try:
            with safe_open(self.path, "pt") as file:
                told = file.metadata()
                if told["run"] not in self.names or told["software"] != __version__:
                    return None, []
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return state, json.loads(told["history"])
        except (SafetensorError, OSError, KeyError, ValueError, TypeError):
            return None, []

    def keep(self, progress: Progress, history: list[dict[str, float]]) -> None:
        """Keep this report, if it is time to; a full disk keeps nobody from training."""
        from safetensors.torch import save_file

        if self.path is None or time.monotonic() - self.last < self.EVERY:
            return
        self.last = time.monotonic()
        state = {name: t.detach().cpu().contiguous() for name, t in progress.state().items()}
        written = self.path.with_name(f".{self.NAME}")
        told = {"run": self.names[0], "software": __version__, "history": json.dumps(history)}
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(state, written, told)
            written.replace(self.path)

    def forget(self) -> None:
        """The run is saved, so there is nothing to go on from."""
        if self.path is not None:
            with contextlib.suppress(OSError):  # a folder with more in it stays
                self.path.unlink(missing_ok=True)
                self.path.parent.rmdir()
