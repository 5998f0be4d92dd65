"""The process that has torch for those who haven't: `python -m core.training.catalogue`.

It writes the cards of all variants (`core.models.cards`) as one line of JSON. Then each line on its
standard input asks for the size of a model, {"variant", "config", "shape", "classes", "kind"}, and
is answered by a footprint (`core.training.estimate`) or {"refusal"}, in order. It ends with its
input, or when nobody has asked for long.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from dataclasses import asdict
from typing import Any

from core.config import ConfigError
from core.models import cards, variant
from core.models.signals import Signature
from core.training.footprint import footprint

IDLE = 1800.0  # seconds without a question after which half a gigabyte is given back
NICE = 10  # pages go first


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """What a training of the model that was asked for holds (`estimate.Footprint`), or what is
    wrong with the question."""
    try:
        config = variant(question["variant"]).Config.checked(question["config"])
        signature = Signature(tuple(question["shape"]), question["classes"], question["kind"])
        return asdict(footprint(question["variant"], config, signature))
    except ConfigError as error:
        return {"refusal": error.as_json()}


def main() -> None:
    """Tell the cards, then answer until the input ends."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICE)
    print(json.dumps(cards.written()), flush=True)
    clock = _clock()
    for line in sys.stdin:
        clock.cancel()
        print(json.dumps(answer(json.loads(line))), flush=True)
        clock = _clock()


def _clock() -> threading.Timer:
    clock = threading.Timer(IDLE, os._exit, (0,))
    clock.daemon = True
    clock.start()
    return clock


if __name__ == "__main__":
    main()
