"""The command line: `python -m core COMMAND`; `--help` lists the commands.

Flags, ranges, defaults and help of what is trained are made from the knobs' declarations alone.
Whatever is wrong with a request is one sentence on stderr and exit code 2. torch is loaded by the
commands that compute, and by no other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import json
import math
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from core import data
from core.config import ConfigError, Knob, NetworkConfig, Settings, StoreConfig, TrainConfig
from core.data.dataset import reason
from core.measures import metrics
from core.models import VARIANTS, variant
from core.store import checkpoints

if TYPE_CHECKING:
    import numpy as np

    from core.store import checkpoints
    from core.training import loop

PROGRAM = "python -m core"
WIDTH_OF_A_FILE = 180
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
# Name and unit of each score that core.training.evaluate gives.
SCORES = {
    "squared_error": ("squared error", "/ image (sum over pixels)"),
    "elbo_binary": ("ELBO, binarised pixels", "nats / image"),
    "elbo": ("ELBO, a density of grey pixels", "nats / image"),
    "rate_binary": ("rate, binarised pixels", "nats / image"),
    "distortion_binary": ("distortion, binarised pixels", "nats / image"),
    "rate": ("rate", "nats / image"),
    "distortion": ("distortion, a density of grey pixels", "nats / image"),
    "cross_entropy_grey": ("cross-entropy, grey pixels (no likelihood)", "nats / image"),
    "active_units": ("active units", "latent dimensions"),
}
HEADLINES = ("squared_error", "elbo_binary", "elbo")


class CommandError(ValueError):
    """A request that can't be met; one sentence for a person."""


class StoppedError(Exception):
    """A training that a signal stopped, after what it came to was saved."""

    def __init__(self, last: loop.Progress | None, number: int) -> None:
        super().__init__(last, number)
        self.last = last
        self.exit_code = 128 + number


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for a bad request, 130 after Ctrl-C."""
    try:
        return _dispatch(COMMANDS, sys.argv[1:] if argv is None else argv, PROGRAM, __doc__)
    except (CommandError, ConfigError, data.DataError, checkpoints.CheckpointError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def _dispatch(
    commands: dict[str, Callable[[list[str], str], int]], argv: list[str], program: str, about: str
) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        print(f"{about.strip().splitlines()[0]}\n")
        for name, command in commands.items():
            print(f"  {program} {name:<11} {command.__doc__.splitlines()[0]}")
        print(f"\n{program} COMMAND --help tells more of one.")
        return 0
    name, *rest = argv
    if name not in commands:
        raise CommandError(_there_is_no("command", name, commands))
    return commands[name](rest, f"{program} {name}")


def _there_is_no(what: str, name: str, there: Any) -> str:
    close = difflib.get_close_matches(name, there, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return f"There is no {what} {name!r}; there are {', '.join(there)}{hint}"


# --- Flags --------------------------------------------------------------------------------------


def _parse(kind: type, argv: list[str], program: str) -> Any:
    """`kind` filled from flags; tyro's boxed complaint becomes one sentence."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(kind, args=argv, prog=program)
    except SystemExit as stop:
        if stop.code:
            raise CommandError(_sentence(complaint.getvalue(), program)) from None
        raise


def _sentence(box: str, program: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box).replace("│", " ").splitlines()[1:]
    words = []
    for line in plain:
        if line.strip().startswith(("──", "---")):  # ASCII where the terminal has nothing else
            if words:
                break
        elif not line.startswith(" " * 8):  # deeper lines repeat a flag's help
            words.append(line.strip())
    said = " ".join(" ".join(words).split()).rstrip(" .")
    return f"{said}; see {program} --help."


def _command(kind: type) -> Callable[[list[str], str], int]:
    """A command whose flags are the fields of `kind`, run by calling the parsed instance."""

    def command(argv: list[str], program: str) -> int:
        try:
            parsed = _parse(kind, argv, program)
        except SystemExit:
            return 0
        return parsed()

    command.__doc__ = kind.__doc__
    return command


def _flags(settings: type[Settings], taken: set[str]) -> type:
    """A class with one flag for each knob; a knob whose name is taken goes by its label."""
    fields = []
    for knob in settings.knobs():
        flag = _flag(knob, taken)
        declared = settings.model_fields[knob.name].annotation
        help_text = knob.help if knob.choices else f"{knob.help}{_range(knob)}"
        annotated = Annotated[declared, tyro.conf.arg(name=flag, help=help_text)]
        fields.append((knob.name, annotated, dataclasses.field(default=knob.default)))
    made = dataclasses.make_dataclass(settings.__name__, fields, frozen=True)
    made.__doc__ = settings.__doc__
    return made


def _flag(knob: Knob, taken: set[str]) -> str:
    name = knob.label.lower() if knob.name in taken else knob.name
    return re.sub(r"[ _]+", "-", name)


def _range(knob: Knob) -> str:
    bounded = knob.low is not None or knob.high is not None
    return f" {knob.label} is {knob.allowed}." if bounded else ""


# --- Training -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainOptions:
    """What to train on, where, and where to keep it."""

    data: str = "mnist-5k"
    """Data set, one of those that `data list` shows, or images:PATH."""
    split: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Split to train on; else train-55k of mnist, which leaves mnist-5k held out, or train."""
    store: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Folder of runs; else LATENT_EXPLORER_RUNS, or one in your data folder."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes CUDA, else MPS, else the CPU."""


def train(argv: list[str], program: str) -> int:
    """Train a variant and keep the run: train VARIANT [flags made from its knobs]."""
    if not argv or argv[0] in ("-h", "--help"):
        print(f"usage: {program} VARIANT [FLAGS]\n\nThe variants are {', '.join(VARIANTS)}.")
        print(f"{program} VARIANT --help lists the flags of one.")
        return 0
    if argv[0].startswith("-"):
        raise CommandError(
            f"Name the variant first, as in {program} vae {argv[0]}; there are "
            f"{', '.join(VARIANTS)}."
        )
    name, *rest = argv
    kind = variant(name)
    taken = {field.name for field in dataclasses.fields(TrainOptions)}
    groups = {
        "knobs": _flags(kind.Config, taken),
        "training": _flags(TrainConfig, taken),
        "storing": _flags(StoreConfig, taken),
        "run": TrainOptions,
    }
    flags = dataclasses.make_dataclass(
        "Train",
        [
            (group, tyro.conf.OmitArgPrefixes[made], dataclasses.field(default_factory=made))
            for group, made in groups.items()
        ],
        frozen=True,
    )
    flags.__doc__ = f"Train: {kind.title}. {kind.__doc__ or ''}"
    try:
        parsed = _parse(flags, rest, f"{program} {name}")
    except SystemExit:
        return 0
    return _train(
        name,
        kind.Config.checked(dataclasses.asdict(parsed.knobs)),
        TrainConfig.checked(dataclasses.asdict(parsed.training)),
        StoreConfig.checked(dataclasses.asdict(parsed.storing)),
        parsed.run,
    )


def _train(
    name: str, config: Any, how: TrainConfig, storing: StoreConfig, options: TrainOptions
) -> int:
    from core.store import checkpoints
    from core.training import loop, runner

    device = _device(options.device)
    splits = data.describe(options.data).splits
    digits = data.load(
        options.data, options.split or ("train-55k" if "train-55k" in splits else "train")
    )
    request = checkpoints.Request(name, config, digits, how)
    store = _store(options.store)
    for run in _runs(store).runs.values():
        if run.id in request.names and run.record.status == "complete":
            print(f"Run {run.id} is complete in {run.folder} already; nothing was trained.")
            return 0
    _check_writable(store)
    held_out = "test" in splits and not data.may_share(
        digits.name, digits.split, digits.name, "test"
    )
    test = data.load(digits.name, "test") if held_out else None
    on_map = data.load("mnist-5k", "all") if digits.shape == (1, 28, 28) else None
    try:
        last = _follow(
            runner.run(
                request,
                store,
                test=test,
                on_map=on_map,
                device=device,
                stored_as=storing.stored_as,
            ),
            f"{name} K={config.latent}",
        )
    except loop.TrainingError as error:
        raise CommandError(str(error)) from None
    except StoppedError as stop:
        print(_how_far(stop, request.id, store))
        return stop.exit_code
    print(_made(request.id, store, last, test))
    return 0


def _device(name: str) -> Any:
    import torch

    from core.training.loop import best_device

    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name != "auto" and not there[name]:
        usable = ", ".join(kind for kind, here in there.items() if here)
        raise CommandError(f"There is no {name} device here; there are {usable}.")
    return best_device() if name == "auto" else torch.device(name)


def _follow(progress: Iterator[loop.Progress], label: str) -> loop.Progress:
    """Draw a training to its end.

    Raises:
        StoppedError: after SIGINT or SIGTERM, when the run has saved what there was.
    """
    last = None
    with _training_bar() as bar:
        task = bar.add_task(label, total=None, terms="")
        said = 0
        try:
            with _one_interrupt(bar.console) as ignore, contextlib.closing(progress):
                for last in progress:
                    if last.step == last.steps:
                        ignore()
                    terms = " + ".join(f"{name} {v:.4g}" for name, v in last.terms.items())
                    bar.update(task, total=last.steps, completed=last.step, terms=terms)
                    tenth = 10 * last.step // last.steps
                    if not bar.console.is_terminal and tenth > said:
                        said = tenth
                        bar.console.print(f"{label}: step {last.step:,} of {last.steps:,}, {terms}")
        except KeyboardInterrupt as stop:
            raise StoppedError(last, next(iter(stop.args), signal.SIGINT)) from None
    return last


def _training_bar() -> Progress:
    console = Console(stderr=True, soft_wrap=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[terms]}"),
        console=console,
        disable=not console.is_terminal,
    )


@contextlib.contextmanager
def _one_interrupt(console: Console) -> Iterator[Callable[[], None]]:
    """Let a signal interrupt once, and never what is being saved; yields what ignores the rest."""

    def ignore() -> None:
        for number in INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)

    def stop(number: int, frame: Any) -> None:
        ignore()
        console.print("Stopping: what was trained is scored and kept.")
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, stop) for number in INTERRUPTS}
    try:
        yield ignore
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _how_far(stop: StoppedError, run_id: str, store: Path) -> str:
    last = stop.last
    if last is None:
        return "Stopped before the first report of the training; nothing is kept."
    return (
        f"Stopped at step {last.step:,} of {last.steps:,} ({last.step / last.steps:.0%}, "
        f"{last.samples:,} samples); kept as {run_id} in {store / run_id}."
    )


def _made(run_id: str, store: Path, last: loop.Progress, test: data.Dataset | None) -> str:
    """One line of what a training came to: id, folder, scores with units and trivial scores."""
    record = checkpoints.open_run(store / run_id).record
    scored = [
        f"{split}: {_headlines(scores, _trivial(scores, record, test))}"
        for split, scores in record.metrics.items()
        if test is not None and split == f"{test.name}/{test.split}"
    ]
    return (
        f"{run_id} is in {store / run_id} ({last.samples:,} samples in {last.seconds:.1f} s); "
        f"{'; '.join(scored) or 'no split is held out, so nothing is scored'}."
    )


def _headlines(scores: dict[str, float], trivial: dict[str, float]) -> str:
    parts = []
    for name in HEADLINES:
        if name in scores:
            title, unit = SCORES[name]
            parts.append(f"{title} {scores[name]:.4g} {unit}, trivial model {trivial[name]:.4g}")
    return "; ".join(parts)


# --- Scores -------------------------------------------------------------------------------------


def trivial_scores(x: np.ndarray, sigma: float | None = None) -> dict[str, float]:
    """Scores of the model that codes nothing and always answers the mean image.

    Args:
        x: images (count, ...), uint8.
        sigma: the Gaussian likelihood's; without it the likelihood is Bernoulli, whose
            cross-entropy is the same for grey pixels and for their binarisation.
    """
    clean = x / 255
    error = metrics.mean_image_error(clean)
    scores = {"squared_error": error, "rate": 0.0, "active_units": 0.0}
    if sigma is None:
        nats = metrics.bernoulli_cross_entropy(clean, clean.mean(0))
        return scores | {
            "cross_entropy_grey": nats,
            "rate_binary": 0.0,
            "distortion_binary": nats,
            "elbo_binary": -nats,
        }
    pixels = clean[0].size
    nats = error / (2 * sigma**2) + pixels * (math.log(sigma) + math.log(2 * math.pi) / 2)
    return scores | {"distortion": nats, "elbo": -nats}


def _trivial(
    scores: dict[str, float], record: checkpoints.RunRecord, split: data.Dataset
) -> dict[str, float]:
    return trivial_scores(split.x, record.config["sigma"] if "elbo" in scores else None)


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
        run = checkpoints.find(_runs(_store(self.store)), self.run)
        trained_on = run.record.data
        split = data.load(self.data or trained_on.name, self.split)
        if (split.kind, split.shape) != (trained_on.kind, trained_on.shape):
            raise CommandError(
                f"Run {run.id} works on {trained_on.kind} of shape {trained_on.shape}; "
                f"{split.name} has {split.kind} of shape {split.shape}."
            )
        from core.store import loading
        from core.training.evaluate import evaluate

        scores = evaluate(loading.load_model(run), split.x, labels=split.labels)
        trivial = _trivial(scores, run.record, split)
        table = Table(title=f"{run.id} on {split.name}/{split.split} ({len(split):,} images)")
        for heading in ("Score", "Run", "Trivial model", "Unit"):
            table.add_column(heading, justify="right" if "model" in heading.lower() else "left")
        for name, (title, unit) in SCORES.items():
            if name in scores:
                table.add_row(title, f"{scores[name]:.4g}", f"{trivial[name]:.4g}", unit)
        _console().print(table)
        print("The trivial model always answers the mean image of this split and codes nothing.")
        if data.may_share(split.name, split.split, trained_on.name, trained_on.split):
            print(
                f"NOT HELD OUT: the run was trained on {trained_on.name}/{trained_on.split}, which "
                f"shares images with {split.name}/{split.split}."
            )
        return 0


# --- The stores ---------------------------------------------------------------------------------


def _store(given: Path | None) -> Path:
    return Path(os.path.expanduser(given)) if given else checkpoints.user_store()


def _runs(store: Path) -> checkpoints.Listing:
    return checkpoints.list_runs(dict.fromkeys((checkpoints.shipped_store(), store)))


def _check_writable(store: Path) -> None:
    """Raise CommandError before, not after, hours of training for a folder that takes no run."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=store):
            pass
    except OSError as error:
        raise CommandError(f"Runs can't be kept in {store} ({reason(error)}).") from None


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)


@dataclass(frozen=True)
class List:
    """List the shipped runs and your own."""

    json: bool = False
    """Print JSON instead of a table."""
    store: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Folder of runs beside the shipped ones; else your own."""

    def __call__(self) -> int:
        found = _runs(_store(self.store))
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
        _console().print(table)
        for problem in found.problems:
            print(problem, file=sys.stderr)
        return 0


def _listed(record: checkpoints.RunRecord) -> list[str]:
    split, scores = next(iter(record.metrics.items()), ("nothing", {}))
    error, elbo = "", ""
    if "squared_error" in scores:
        mean_image = scores.get("squared_error_mean_image", math.nan)
        error = f"{scores['squared_error']:.2f} ({mean_image:.2f})"
    if "elbo_binary" in scores:
        elbo = f"{scores['elbo_binary']:.1f}"
    elif "elbo" in scores:
        elbo = f"{scores['elbo']:.1f} (density)"
    trained_on = f"{record.data.name}/{record.data.split}"
    return [record.variant, str(record.latent), trained_on, record.status, split, error, elbo]


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
        run = checkpoints.find(_runs(_store(self.store)), self.run)
        folder = Path(os.path.expanduser(self.to))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            written = (_write_onnx if self.format == "onnx" else _write_browser)(run, folder)
        except OSError as error:
            raise CommandError(f"{folder} can't be written to ({reason(error)}).") from None
        print(f"{', '.join(written)} of {run.id} are in {folder}.")
        return 0


def _write_onnx(run: checkpoints.Run, folder: Path) -> list[str]:
    from core.export import onnx_files, programs
    from core.store import loading

    try:
        return [
            path.name for path in onnx_files.write(loading.load_model(run), folder, run.id).values()
        ]
    except programs.ExportError as error:
        raise CommandError(str(error)) from None


def _write_browser(run: checkpoints.Run, folder: Path) -> list[str]:
    if run.record.browser is None:
        raise CommandError(f"Run {run.id} is of a variant that no browser runs; export it as onnx.")
    for name in run.record.files:
        checkpoints.read_tensors(run, name)  # a torn file is not passed on
        shutil.copyfile(run.path(name), folder / name)
    program = {"run": run.id, **run.record.browser}
    (folder / "program.json").write_text(json.dumps(program, indent=1), encoding="utf-8")
    return ["program.json", *run.record.files]


# --- Data sets ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class DataList:
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
        _console().print(table)
        return 0


@dataclass(frozen=True)
class DataInfo:
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
class DataDownload:
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


# --- The bank -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bank:
    """Train the runs to ship that are missing, bring the others to what their plans say, and
    compute what pages tell of them; stopped, it goes on there the next time."""

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
        store = _store(self.store) if self.store else checkpoints.shipped_store()
        _check_writable(store)
        wanted = bank.orders(plans)
        missing = bank.missing(wanted, store)
        print(f"{len(wanted) - len(missing)} of {len(wanted)} runs are complete in {store}.")
        for number, order in enumerate(missing, 1):
            request = order.request
            label = f"{number} of {len(missing)}: {request.variant} K={request.config.latent}"
            try:
                last = _follow(bank.make(order, store), label)
            except loop.TrainingError as error:
                raise CommandError(f"{request.id}: {error}") from None
            except StoppedError as stop:
                print(_how_far(stop, request.id, store))
                return stop.exit_code
            print(f"{request.id}: {last.samples:,} samples in {last.seconds:.1f} s.")
        for order in wanted:
            done = bank.settle(order, store)
            if done:
                print(f"{order.request.id}: {done}.", flush=True)
        wanted = bank.underived(store)
        for number, (subject, kind) in enumerate(wanted, 1):
            print(f"{number} of {len(wanted)}: {kind} of {subject.run.id}", flush=True)
            results.get(subject, kind, folder=store / result_files.FOLDER)
        return 0


@dataclass(frozen=True)
class TrainClassifier:
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
        _check_writable(path.parent)
        digits = data.load("mnist", "train-55k")
        test, held_out = data.load("mnist", "test"), data.load("mnist-5k", "all")
        with _training_bar() as bar:
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


# --- The README's table -------------------------------------------------------------------------


def knob_tables() -> str:
    """Markdown tables of the variants and of all knobs, made from their declarations."""
    lines = ["| Variant | Name | Its own knobs |", "|---|---|---|"]
    shared = {knob.name for knob in NetworkConfig.knobs()}
    users: dict[Knob, list[str]] = {}
    for name, kind in VARIANTS.items():
        knobs = kind.Config.knobs()
        own = ", ".join(f"`--{_flag(k, set())}`" for k in knobs if k.name not in shared)
        lines.append(f"| {kind.title} | `{name}` | {own or '–'} |")
        for knob in knobs:
            users.setdefault(knob, []).append(f"`{name}`")
    taken = {field.name for field in dataclasses.fields(TrainOptions)}
    lines += ["", "| Knob | Flag | Default | Allowed | What it does | Where |", "|" + "---|" * 6]
    for knob, where in users.items():
        lines.append(_knob_row(knob, taken, "all" if len(where) == len(VARIANTS) else where))
    lines += [_knob_row(knob, taken, "training") for knob in TrainConfig.knobs()]
    lines += [_knob_row(knob, taken, "storing") for knob in StoreConfig.knobs()]
    return "\n".join(lines) + "\n"


def _knob_row(knob: Knob, taken: set[str], where: str | list[str]) -> str:
    default = knob.default
    if isinstance(default, tuple):
        default = " ".join(map(str, default))
    places = where if isinstance(where, str) else ", ".join(where)
    allowed = "whole numbers" if knob.kind is tuple else knob.allowed
    flag = f"`--{_flag(knob, taken)}`"
    return f"| {knob.label} | {flag} | {default} | {allowed} | {knob.help} | {places} |"


@dataclass(frozen=True)
class Knobs:
    """Print the README's tables of variants and knobs."""

    def __call__(self) -> int:
        print(knob_tables(), end="")
        return 0


DATA_COMMANDS = {
    "list": _command(DataList),
    "info": _command(DataInfo),
    "download": _command(DataDownload),
}


def data_sets(argv: list[str], program: str) -> int:
    """List, describe and download data sets: data list | info NAME | download NAME."""
    return _dispatch(DATA_COMMANDS, argv, program, "Named data sets, and your own images.")


COMMANDS = {
    "train": train,
    "list": _command(List),
    "evaluate": _command(Evaluate),
    "export": _command(Export),
    "data": data_sets,
    "bank": _command(Bank),
    "classifier": _command(TrainClassifier),
    "knobs": _command(Knobs),
}


if __name__ == "__main__":
    sys.exit(main())
