"""`data list`, `data info` and `data download`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from core import data
from core.commands import flags, places
from core.commands.flags import PROGRAM


@dataclass(frozen=True)
class List:
    """List the named data sets, their splits and whether they are here."""

    def __call__(self) -> int:
        table = Table(caption=f"Downloads go to {data.data_root()}.")
        for heading in ("Name", "What it is", "Splits", "Here", "Licence"):
            table.add_column(heading, no_wrap=heading == "Name")
        for name in data.names():
            found = data.describe(name)
            here = "yes" if found.here else f"no, {found.download_megabytes} MB to download"
            licence = found.provenance.licence
            table.add_row(name, found.title, ", ".join(found.splits), here, licence)
        places.console().print(table)
        return 0


@dataclass(frozen=True)
class Info:
    """Tell what is known of one data set."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """One of those that `data list` shows, or images:PATH."""

    def __call__(self) -> int:
        found = data.describe(self.name)
        counts = [
            f"{split} ({found.counts[split]:,})" if split in found.counts else split
            for split in found.splits
        ]
        where = f"no; {PROGRAM} data download {self.name} fetches {found.download_megabytes} MB"
        if found.here or not found.download_megabytes:
            where = "yes" if found.here else "no"
        for title, value in {
            found.name: found.title,
            "splits": ", ".join(counts),
            "here": where,
            "source": found.provenance.source,
            "licence": found.provenance.licence,
            "note": found.provenance.note,
        }.items():
            if value:
                print(f"{title}: {value}")
        return 0


@dataclass(frozen=True)
class Download:
    """Download what is missing of a data set, verified by its checksums."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """One of those that `data list` shows."""

    def __call__(self) -> int:
        console = Console(stderr=True)
        tasks: dict[str, Any] = {}
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        ) as bar:

            def draw(file: str, done: int, total: int | None) -> None:
                if file not in tasks:
                    tasks[file] = bar.add_task(file, total=total)
                bar.update(tasks[file], completed=done)

            folder = data.download(self.name, on_progress=draw)
        print(f"{self.name} is in {folder}.")
        return 0


COMMANDS = {
    "list": flags.command(List),
    "info": flags.command(Info),
    "download": flags.command(Download),
}


def command(argv: list[str], program: str) -> int:
    """List, describe and download data sets: data list | info NAME | download NAME."""
    return flags.dispatch(COMMANDS, argv, program, "Named data sets, and your own images.")
