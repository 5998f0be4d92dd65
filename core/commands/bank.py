"""`bank`: the runs to ship, and what pages tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from core.commands import following, places
from core.commands.flags import CommandError
from core.models import variant


@dataclass(frozen=True)
class Bank:
    """Train the runs to ship that are missing, bring the others to what their plans say, and
    compute what pages tell of them.

    Stopped, it goes on there the next time.
    """

    store: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Folder of runs; else the one that ships with the software."""
    only: Annotated[str | None, tyro.conf.arg(metavar="VARIANT")] = None
    """Only the runs of this variant."""

    def __call__(self) -> int:
        if self.only is not None:
            variant(self.only)
        from core.latent import results
        from core.store import checkpoints, result_files
        from core.training import bank, loop

        plans = tuple(p for p in bank.SHIPPED if self.only in (None, p.variant))
        store = places.store(self.store) if self.store else checkpoints.shipped_store()
        places.check_writable(store)
        wanted = bank.orders(plans)
        missing = bank.missing(wanted, store)
        print(f"{len(wanted) - len(missing)} of {len(wanted)} runs are complete in {store}.")
        for number, order in enumerate(missing, 1):
            request = order.request
            label = f"{number} of {len(missing)}: {request.variant} K={request.config.latent}"
            try:
                last = following.follow(bank.make(order, store), label)
            except loop.TrainingError as error:
                raise CommandError(f"{request.id}: {error}") from None
            except following.StoppedError as stop:
                print(following.how_far(stop, request.id, store))
                return stop.exit_code
            print(f"{request.id}: {last.samples:,} samples in {last.seconds:.1f} s.")
        for order in wanted:
            done = bank.settle(order, store)
            if done:
                print(f"{order.request.id}: {done}.", flush=True)
        underived = bank.underived(store)
        for number, (subject, kind) in enumerate(underived, 1):
            print(f"{number} of {len(underived)}: {kind} of {subject.run.id}", flush=True)
            results.get(subject, kind, folder=store / result_files.FOLDER)
        return 0
