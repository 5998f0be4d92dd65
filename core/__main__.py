"""The command line: `python -m core COMMAND`; `--help` lists the commands.

Flags, ranges, defaults and help of what is trained are made from the knobs' declarations alone.
Whatever is wrong with a request is one sentence on stderr and exit code 2. torch is loaded by the
commands that compute, and by no other.
"""

from __future__ import annotations

import sys

from core import __version__
from core.commands import bank, classifier, data, flags, knobs, runs, train
from core.config import ConfigError
from core.data import DataError
from core.store.checkpoints import CheckpointError

COMMANDS = {
    "train": train.train,
    "list": flags.command(runs.List),
    "evaluate": flags.command(runs.Evaluate),
    "export": flags.command(runs.Export),
    "data": data.command,
    "bank": flags.command(bank.Bank),
    "classifier": flags.command(classifier.Classifier),
    "knobs": flags.command(knobs.Knobs),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for a bad request, 130 after Ctrl-C."""
    argv = sys.argv[1:] if argv is None else argv
    if argv == ["--version"]:
        print(f"Latent Explorer {__version__}")
        return 0
    try:
        return flags.dispatch(COMMANDS, argv, flags.PROGRAM, __doc__)
    except (flags.CommandError, ConfigError, DataError, CheckpointError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
