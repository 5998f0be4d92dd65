"""`train`: a variant with flags made from its knobs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from core import data
from core.commands import flags, following, places, scores
from core.commands.flags import CommandError
from core.config import StoreConfig, TrainConfig
from core.models import VARIANTS, variant
from core.store import checkpoints, leftovers

if TYPE_CHECKING:
    from core.training import loop


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
    groups: dict[str, type] = {
        "knobs": flags.of_knobs(kind.Config, taken),
        "training": flags.of_knobs(TrainConfig, taken),
        "storing": flags.of_knobs(StoreConfig, taken),
        "run": TrainOptions,
    }
    asked = dataclasses.make_dataclass(
        "Train",
        [
            (group, _without_prefix(made), dataclasses.field(default_factory=made))
            for group, made in groups.items()
        ],
        frozen=True,
    )
    asked.__doc__ = f"Train: {kind.title}. {kind.__doc__ or ''}"
    try:
        parsed = flags.parse(asked, rest, f"{program} {name}")
    except SystemExit:
        return 0
    training = TrainConfig.checked(dataclasses.asdict(parsed.training))
    return start(
        name,
        kind.Config.checked(dataclasses.asdict(parsed.knobs)),
        training.solved() if kind.capabilities.closed_form else training,
        StoreConfig.checked(dataclasses.asdict(parsed.storing)),
        parsed.run,
    )


def _without_prefix(kind: type) -> Any:
    marker: Any = tyro.conf.OmitArgPrefixes
    return marker[kind]


def start(
    name: str, config: Any, how: TrainConfig, storing: StoreConfig, options: TrainOptions
) -> int:
    """Train what was asked for, draw it, and tell in one line what came of it."""
    from core.training import loop, runner

    device = _device(options.device)
    splits = data.describe(options.data).splits
    digits = data.load(
        options.data, options.split or ("train-55k" if "train-55k" in splits else "train")
    )
    request = checkpoints.Request(name, config, digits, how)
    store = places.store(options.store)
    for run in places.runs(store).runs.values():
        if run.id in request.names and run.record.status == "complete":
            print(f"Run {run.id} is complete in {run.folder} already; nothing was trained.")
            return 0
    places.check_writable(store)
    leftovers.sweep(store)
    held_out = "test" in splits and not data.may_share(
        digits.name, digits.split, digits.name, "test"
    )
    test = data.load(digits.name, "test") if held_out else None
    on_map = data.on_map_of(digits)
    try:
        last = following.follow(
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
    except following.StoppedError as stop:
        print(following.how_far(stop, request.id, store))
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


def _made(run_id: str, store: Path, last: loop.Progress, test: data.Dataset | None) -> str:
    """One line of what a training came to: id, folder, scores with units and trivial scores."""
    record = checkpoints.open_run(store / run_id).record
    scored = [
        f"{split}: {scores.headlines(found, scores.trivial(found, record, test))}"
        for split, found in record.metrics.items()
        if test is not None and split == f"{test.name}/{test.split}"
    ]
    return (
        f"{run_id} is in {store / run_id} ({last.samples:,} samples in {last.seconds:.1f} s); "
        f"{'; '.join(scored) or 'no split is held out, so nothing is scored'}."
    )
