"""`classifier`: the judge of what models draw."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from core import data
from core.commands import following, places
from core.commands.flags import CommandError


@dataclass(frozen=True)
class Classifier:
    """Train the classifier that judges what models draw: is it a digit?"""

    epochs: float = 10.0
    """Passes over the training set; may be a part."""
    seed: int = 0
    """Fixes the weights, order and noise."""
    to: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """File to write; else the one that ships with the software."""

    def __call__(self) -> int:
        if not 0 < self.epochs <= 1000:
            raise CommandError(f"Epochs must be above 0 and at most 1000; got {self.epochs:g}.")
        from core.judge import classifier, exposure

        path = Path(os.path.expanduser(self.to)) if self.to else classifier.file()
        places.check_writable(path.parent)
        digits = data.load("mnist", "train-55k")
        test, held_out = data.load("mnist", "test"), data.load("mnist-5k", "all")
        with following.training_bar() as bar:
            task = bar.add_task("classifier", total=None, terms="")
            for progress in exposure.make(path, digits, test, held_out, self.epochs, self.seed):
                terms = " + ".join(f"{name} {v:.4g}" for name, v in progress.terms.items())
                bar.update(task, total=progress.steps, completed=progress.step, terms=terms)
        found = classifier.facts(path)
        print(
            f"{path} answers {found.accuracy:.2%} of MNIST's test set rightly (chance: 10 %). At "
            f"least {found.threshold:g} sure, it calls digits: {found.share_real:.1%} of the test "
            f"set, {found.shares['blend']:.1%} of even blends of two digits, "
            f"{found.shares['noise']:.1%} of uniform noise."
        )
        return 0
