"""The variants' cards and the sizes of their models, from a process that has torch.

So that the server itself need not load it: that takes seconds in which no page is answered, and
half a gigabyte. Cards are kept in the user's cache folder for as long as the sources are the same.
Where the server has torch already, or no process can be started, it reads the classes itself.
"""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.config import ConfigError, ModelConfig
from core.data import folders
from core.data.fetching import written_beside
from core.models import VARIANTS, cards
from core.models.cards import Card
from core.refusal import from_json
from core.store.schema import DataRecord
from core.training.estimate import Footprint, read_footprint
from explorer.workers import ROOT

COMMAND = (sys.executable, "-m", "core.training.catalogue")
MOST = 1000  # sizes that are kept
WAITING = 50  # questions without an answer; the rest are asked again
PATIENCE = 1.0  # seconds that a page waits for a size from a process that is there
TRIES = 3  # processes that may end before they told anything

_log = logging.getLogger(__name__)


class Catalogue:
    """Cards, sizes, and the process that they come from."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self.command = command
        self.changed = threading.Condition()
        self.found: dict[str, Card] | None = None
        self.sizes: OrderedDict[str, dict[str, Any]] = OrderedDict()  # answers by question
        self.asked: list[str] = []  # questions without an answer yet, in order
        self.process: subprocess.Popen[str] | None = None
        self.told = False  # whether the process has told the cards, and so answers at once
        self.failures = 0
        self.closing = False

    @property
    def alone(self) -> bool:
        """Whether the server reads the classes itself."""
        return "torch" in sys.modules or self.failures >= TRIES

    def cards(self) -> Mapping[str, Card] | None:
        """All cards by variant, in the registry's order; None while they are being read."""
        if self.alone:
            return {variant: cards.of(variant) for variant in VARIANTS}
        with self.changed:
            if self.found is None:
                self.found = _kept()
            if self.found is None:
                self._start()
            return self.found

    def parameters(self, variant: str, config: ModelConfig, data: DataRecord) -> int | None:
        """Trainable numbers of a model; None while they are being counted.

        Raises:
            ConfigError: for knobs that don't fit the data.
        """
        found = self.footprint(variant, config, data)
        return None if found is None else found.parameters

    def footprint(self, variant: str, config: ModelConfig, data: DataRecord) -> Footprint | None:
        """What a training of a model holds in memory; None while that is being counted. Of a usual
        model the parameters alone are there at once, with no `numbers` until the rest is.

        Raises:
            ConfigError: for knobs that don't fit the data.
        """
        if self.alone:
            from core.models.signals import Signature
            from core.training.footprint import footprint

            return footprint(variant, config, Signature(data.shape, data.classes, data.kind))
        card = (self.cards() or {}).get(variant)
        usual = card.sized(config, (data.shape, data.classes, data.kind)) if card else None
        question = json.dumps(
            {
                "variant": variant,
                "config": config.model_dump(mode="json"),
                "shape": data.shape,
                "classes": data.classes,
                "kind": data.kind,
            },
            sort_keys=True,
        )
        with self.changed:
            self._ask(question)
            if self.told:
                self.changed.wait_for(lambda: question in self.sizes, PATIENCE)
            answer = self.sizes.get(question)
        if answer is None:
            return None if usual is None else Footprint(usual)
        if "refusal" in answer:
            error = from_json(answer["refusal"])
            raise ConfigError(error.template, **error.values)
        return read_footprint(answer)

    def start(self) -> None:
        """Have the process ready before somebody asks."""
        if not self.alone:
            with self.changed:
                self._start()

    def close(self) -> None:
        """Let the process end."""
        with self.changed:
            self.closing = True
            if self.process is not None and self.process.stdin is not None:
                with contextlib.suppress(OSError):
                    self.process.stdin.close()

    def _ask(self, question: str) -> None:
        if question in self.sizes:
            self.sizes.move_to_end(question)
            return
        self._start()
        if question in self.asked or len(self.asked) >= WAITING:
            return
        if self.process is None or self.process.stdin is None:
            return
        self.asked.append(question)
        with contextlib.suppress(OSError):  # it has just ended; whoever asks again starts another
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()

    def _start(self) -> None:
        if self.process is not None:
            return
        try:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,  # Ctrl-C at the server is not meant for it
            )
        except OSError:
            self.failures = TRIES
            return
        threading.Thread(target=self._hear, args=(self.process,), daemon=True).start()

    def _hear(self, process: subprocess.Popen[str]) -> None:
        """Take what a process tells until it ends."""
        began = time.monotonic()
        with process:
            try:
                self._take(iter(process.stdout or ()))
            except Exception as error:
                if not self.closing:
                    _log.warning("The process that counts models ended: %r", error)
                process.kill()  # so that whoever asks next starts another
        with self.changed:
            if not self.told and time.monotonic() - began < 60:
                self.failures += 1
            self.process, self.told = None, False
            self.asked.clear()
            self.changed.notify_all()

    def _take(self, lines: Iterator[str]) -> None:
        """The cards, then the answers; ValueError, KeyError, TypeError or IndexError of others."""
        line = next(lines, "")
        found = cards.read(json.loads(line))
        with self.changed:
            self.found, self.told = found, True
            self.changed.notify_all()
        _keep(line)
        for line in lines:
            with self.changed:
                self.sizes[self.asked.pop(0)] = json.loads(line)
                while len(self.sizes) > MOST:
                    self.sizes.popitem(last=False)
                self.changed.notify_all()


def _file() -> Path:
    return folders.cache() / "cards" / f"{cards.fingerprint()}.json"


def _kept() -> dict[str, Card] | None:
    try:
        return cards.read(json.loads(_file().read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(line: str) -> None:
    with contextlib.suppress(OSError):  # without it the next server waits for its process
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in path.parent.glob("*.json"):
            if stale != path:
                stale.unlink(missing_ok=True)
        with written_beside(path) as stream:
            stream.write(line.encode())


_catalogue = Catalogue()


def all_cards() -> Mapping[str, Card] | None:
    """The server's cards; None while they are being read."""
    return _catalogue.cards()


def footprint(variant: str, config: ModelConfig, data: DataRecord) -> Footprint | None:
    """What a training of a model holds in memory; None while that is being counted. Of a usual
    model the parameters alone are there at once, with no `numbers` until the rest is.

    Raises:
        ConfigError: for knobs that don't fit the data.
    """
    return _catalogue.footprint(variant, config, data)


def start() -> None:
    """Have the process ready before somebody asks."""
    _catalogue.start()


def close() -> None:
    """Let the process end with the server; a later one begins anew."""
    global _catalogue
    _catalogue.close()
    _catalogue = Catalogue()
