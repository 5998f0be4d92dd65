"""`list`, `evaluate` and `export`: what is done with runs that are there."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.table import Table

from core import data
from core.commands import places, scores
from core.commands.flags import CommandError
from core.commands.scores import SCORES
from core.data.dataset import reason
from core.store import checkpoints


@dataclass(frozen=True)
class List:
    """List the shipped runs and your own."""

    json: bool = False
    """Print JSON instead of a table."""
    store: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Folder of runs beside the shipped ones; else your own."""

    def __call__(self) -> int:
        found = places.runs(places.store(self.store))
        if self.json:
            runs = [
                run.record.model_dump(mode="json", exclude={"history", "browser", "files"})
                | {"folder": str(run.folder)}
                for run in found.runs.values()
            ]
            print(json.dumps({"runs": runs, "problems": found.problems}, indent=1))
            return 0
        table = Table(caption="Mean image: the squared error of always answering the mean image.")
        for heading in ("Run", "Variant", "K", "Trained on", "Status", "Scored on"):
            table.add_column(heading, no_wrap=heading == "Run")
        table.add_column("Squared error / image (mean image)", justify="right")
        table.add_column("ELBO, nats / image", justify="right")
        for run in found.runs.values():
            table.add_row(run.id, *_listed(run.record))
        places.console().print(table)
        for problem in found.problems:
            print(problem, file=sys.stderr)
        return 0


def _listed(record: checkpoints.RunRecord) -> list[str]:
    split, found = next(iter(record.metrics.items()), ("nothing", {}))
    error, elbo = "", ""
    if "squared_error" in found:
        mean_image = found.get("squared_error_mean_image", math.nan)
        error = f"{found['squared_error']:.2f} ({mean_image:.2f})"
    if "elbo_binary" in found:
        elbo = f"{found['elbo_binary']:.1f}"
    elif "elbo" in found:
        elbo = f"{found['elbo']:.1f} (density)"
    trained_on = f"{record.data.name}/{record.data.split}"
    return [record.variant, str(record.latent), trained_on, record.status, split, error, elbo]


@dataclass(frozen=True)
class Evaluate:
    """Score a run on a split, beside what a trivial model scores."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """The run's id, or a beginning of it that no other run shares."""
    data: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Data set; else the one that the run was trained on."""
    split: str = "test"
    """Split of it. One that shares images with the training data is marked."""
    store: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Folder of runs beside the shipped ones; else your own."""

    def __call__(self) -> int:
        run = checkpoints.find(places.runs(places.store(self.store)), self.run)
        trained_on = run.record.data
        split = data.load(self.data or trained_on.name, self.split)
        if (split.kind, split.shape) != (trained_on.kind, trained_on.shape):
            raise CommandError(
                f"Run {run.id} works on {trained_on.kind} of shape {trained_on.shape}; "
                f"{split.name} has {split.kind} of shape {split.shape}."
            )
        from core.store import loading
        from core.training.evaluate import evaluate

        found = evaluate(
            loading.load_model(run),
            split.x,
            labels=split.labels,
            observed=split.observed,
            factors=split.factors,
        )
        trivial = scores.trivial(found, run.record, split)
        table = Table(title=f"{run.id} on {split.name}/{split.split} ({len(split):,} images)")
        for heading in ("Score", "Run", "Trivial model", "Unit"):
            table.add_column(heading, justify="right" if "model" in heading.lower() else "left")
        for name, (title, unit) in SCORES.items():
            if name in found:
                table.add_row(title, f"{found[name]:.4g}", f"{trivial[name]:.4g}", unit)
        places.console().print(table)
        print("The trivial model always answers the mean image of this split and codes nothing.")
        if data.may_share(split.name, split.split, trained_on.name, trained_on.split):
            print(
                f"NOT HELD OUT: the run was trained on {trained_on.name}/{trained_on.split}, which "
                f"shares images with {split.name}/{split.split}."
            )
        return 0


@dataclass(frozen=True)
class Export:
    """Write a run's encoder and decoder for other software."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """The run's id, or a beginning of it that no other run shares."""
    to: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Folder to write to, made if missing."""
    format: Literal["onnx", "browser"] = "onnx"
    """encoder.onnx and decoder.onnx, or the browser's layer list with its weights and codes."""
    store: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Folder of runs beside the shipped ones; else your own."""

    def __call__(self) -> int:
        run = checkpoints.find(places.runs(places.store(self.store)), self.run)
        if run.record.browser is None:
            raise CommandError(
                f"Run {run.id} can't be exported: what {run.record.variant} computes can't be "
                f"written as a list of layers. Its weights are in {run.path(checkpoints.WEIGHTS)}."
            )
        folder = Path(os.path.expanduser(self.to))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            written = _WRITERS[self.format](run, folder)
        except OSError as error:
            raise CommandError(f"{folder} can't be written to ({reason(error)}).") from None
        print(f"{', '.join(written)} of {run.id} are in {folder}.")
        return 0


def _write_onnx(run: checkpoints.Run, folder: Path) -> list[str]:
    from core.export import onnx_files, programs
    from core.store import loading

    try:
        written = onnx_files.write(loading.load_model(run), folder, run.id)
    except programs.ExportError as error:
        raise CommandError(str(error)) from None
    return [path.name for path in written.values()]


def _write_browser(run: checkpoints.Run, folder: Path) -> list[str]:
    for name in run.record.files:
        checkpoints.read_tensors(run, name)  # a torn file is not passed on
        shutil.copyfile(run.path(name), folder / name)
    program = {"run": run.id, **(run.record.browser or {})}
    (folder / "program.json").write_text(json.dumps(program, indent=1), encoding="utf-8")
    return ["program.json", *run.record.files]


_WRITERS = {"onnx": _write_onnx, "browser": _write_browser}
