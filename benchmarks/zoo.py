"""The members beside each other at one budget, trained and scored alike.

`python -m benchmarks.zoo [--only NAME ...] [--latent K ...] [--seeds N ...] [--passes N]
[--theirs]`. Runs are kept in the user's run store and those that ship are taken as they are, so
what was trained once is only read again; stopped, it goes on there the next time. On a GPU where
there is one. By default one seed: some fifteen minutes on two quiet cores.

`--theirs` trains those members that pythae has once more, in the loop of its examples (see
`benchmarks.recipes`): the same network, likelihood and number of images, its optimiser, rate,
batches and initialisation.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from rich.progress import Progress as Bar

from benchmarks import recipes
from core import data
from core.config import TrainConfig
from core.data import Dataset
from core.judge import frechet
from core.latent import coding
from core.measures.metrics import neighbour_accuracy
from core.models import VARIANTS, build, signature_of, variant
from core.models.abilities import ClosedForm, Generative, Probabilistic
from core.models.base import Autoencoder
from core.store import checkpoints, loading
from core.store.checkpoints import Run
from core.training import loop, runner
from core.training.evaluate import evaluate, importance_bounds

PASSES = 20  # over the 55,000 training digits
NETWORK = {"hidden": (256, 128)}  # where a member has such layers
LATENTS = (2, 16)
DRAWS = 100
BOUNDED = 1000  # test digits whose bound is taken
DRAWN = 5000  # pictures of which FID is taken
SCORED_APART = {"multirate_vae", "multilevel_dae"}  # one network for many values: benchmarks.gaps
OWN_WIDTH = {"overcomplete_ae": 900, "sparse_ae": 900, "vq_vae": 4}  # whatever K is asked for
PYTHAE = ("stacked_ae", "vae", "beta_vae", "iwae", "vamp_prior")  # it has these as well
# Of the papers, each with its own network and code, and so no goal of this table.
PUBLISHED = {
    "stacked_ae": "3.00 squared error, K = 30 (2006)",
    "vae": "NLL 86.76, K = 50 (2015)",
    "iwae": "NLL 84.78, K = 50, 50 draws (2015)",
    "vamp_prior": "NLL 82.43, VAE 84.45 (2018)",
    "ladder_vae": "NLL 81.74 (2016)",
}
Row = dict[str, float]


def request_of(
    name: str, latent: int, seed: int, passes: float, digits: Dataset
) -> checkpoints.Request:
    """What is trained of a member at the budget; one that is solved takes none of it."""
    kind = variant(name)
    knobs = {knob.name for knob in kind.Config.knobs()}
    config = {"latent": OWN_WIDTH.get(name, latent)}
    config |= {key: v for key, v in NETWORK.items() if key in knobs}
    if "upper" in knobs:  # a code of two levels is as wide as the others' codes
        config |= {"latent": latent - latent // 2, "upper": (latent // 2,)}
    train = {} if issubclass(kind, ClosedForm) else {"epochs": passes, "seed": seed}
    return checkpoints.Request(
        name, kind.Config.checked(config), digits, TrainConfig.checked(train)
    )


def trained(request: checkpoints.Request, test: Dataset) -> Run:
    """The run of a request, trained now if neither the user's store nor the shipped one has it."""
    own = checkpoints.user_store()
    found = checkpoints.complete([own, checkpoints.shipped_store()], request.names)
    if found is not None:
        return found
    with Bar(disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(request.id, total=None)
        last = None
        for last in runner.run(request, own, test=test):
            bar.update(task, total=last.steps, completed=last.step)
    assert isinstance(last, loop.Progress)
    print(f"{request.id}: {last.seconds:.0f} s", file=sys.stderr, flush=True)
    run = checkpoints.complete([own], request.names)
    assert run is not None
    return run


def binarised(test: Dataset) -> np.ndarray:
    """Pixels of the first test digits, each drawn once as 0 or 1: (count, *shape) uint8."""
    x = test.x[:BOUNDED]
    return (np.random.default_rng(0).random(x.shape) < x / 255).astype(np.uint8)


def scores(run: Run, test: Dataset) -> Row:
    """A run's row: what its record says of the official test set, its size, its training's wall
    time, the accuracy of its codes' nearest neighbours, for a member with an ELBO bounds from
    draws, and FIDs of what it draws and of what it gives back."""
    model = loading.load_model(run)
    told = run.record.metrics["mnist/test"]
    row = {"parameters": float(sum(p.numel() for p in model.parameters()))}
    row["seconds"] = run.record.seconds
    wanted = ("squared_error", "rate_binary", "distortion_binary", "active_units")
    row |= {key: told[key] for key in wanted if key in told}
    codes = coding.encode(model, test.x[:DRAWN], test.labels[:DRAWN]).mean
    row["neighbours"] = neighbour_accuracy(codes, test.labels[:DRAWN])
    if isinstance(model, Probabilistic) and isinstance(model, Generative):
        bounds = importance_bounds(model, binarised(test), (1, DRAWS))
        row |= {f"bound_{k}": float(bound.mean()) for k, bound in bounds.items()}
    back = coding.reconstruct(model, test.x[:DRAWN], test.labels[:DRAWN])
    row["fid_back"] = frechet.fid(back, test.x)
    if isinstance(model, Generative):
        row["fid_drawn"] = frechet.fid(drawn(model, test), test.x)
    return row


@torch.no_grad()
def drawn(model: Autoencoder, test: Dataset) -> np.ndarray:
    """Pictures decoded from draws of the prior; one that is told something is told what the test
    digits say: (count, *shape)."""
    generator = torch.Generator().manual_seed(0)
    parts = []
    for _, condition in coding.batches(model, test.x[:DRAWN], test.labels[:DRAWN], 500):
        z = model.sample_prior(500, condition, generator)
        parts.append(model.mean(model.decode(z, condition)).numpy())
    return np.concatenate(parts)


def in_their_loop(
    name: str, latent: int, seed: int, passes: float, digits: Dataset, test: Dataset
) -> Row:
    """Squared error and, of a member with an ELBO, this of a training in pythae's loop."""
    request = request_of(name, latent, seed, passes, digits)
    model = build(name, request.config, signature_of(digits), seed)
    recipes.theirs(model, digits, round(passes * len(digits)), seed)
    model.eval()
    found = evaluate(model, test.x, labels=test.labels)
    return {f"theirs_{key}": found[key] for key in ("squared_error", "elbo_binary") if key in found}


def table(found: dict[tuple[int, str], Sequence[Row]]) -> Iterator[str]:
    """Lines of the table: means over the seeds, ± their standard deviation where there are some."""
    heads = {
        "parameters": ("parameters", 0),
        "seconds": ("seconds", 0),
        "squared_error": ("squared error", 2),
        "rate_binary": ("rate", 2),
        "distortion_binary": ("distortion", 2),
        "bound_1": ("L₁", 2),
        f"bound_{DRAWS}": (f"L₁₀₀ of {BOUNDED:,}", 2),
        "active_units": ("active", 1),
        "neighbours": ("5-NN", 3),
        "fid_back": ("FID back", 1),
        "fid_drawn": ("FID drawn", 1),
        "theirs_squared_error": ("pythae's loop: squared error", 2),
        "theirs_elbo_binary": ("its ELBO", 2),
    }
    known = {key for rows in found.values() for row in rows for key in row}
    heads = {key: head for key, head in heads.items() if key in known}
    names = " | ".join(head for head, _ in heads.values())
    yield f"| K | member | seeds | {names} | published |"
    yield "|--:|---|--:|" + "--:|" * len(heads) + "---|"
    for (latent, name), rows in found.items():
        cells = []
        for key, (_, places) in heads.items():
            values = [row[key] for row in rows if key in row]
            cell = f"{statistics.mean(values):,.{places}f}" if values else "–"
            if len(values) > 1 and places:
                cell += f" ± {statistics.stdev(values):.{places}f}"
            cells.append(cell)
        told = PUBLISHED.get(name, "–")
        yield f"| {latent} | {variant(name).title} | {len(rows)} | {' | '.join(cells)} | {told} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    members = [name for name in VARIANTS if name not in SCORED_APART]
    parser.add_argument("--only", nargs="*", default=members, choices=members)
    parser.add_argument("--latent", type=int, nargs="*", default=list(LATENTS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--passes", type=float, default=PASSES)
    parser.add_argument("--theirs", action="store_true")
    asked = parser.parse_args()
    digits, test = data.load("mnist", "train-55k"), data.load("mnist", "test")
    found: dict[tuple[int, str], list[Row]] = {}
    for latent in asked.latent:
        for name in asked.only:
            if name in OWN_WIDTH and latent != asked.latent[0]:
                continue
            seeds = asked.seeds[:1] if issubclass(variant(name), ClosedForm) else asked.seeds
            for seed in seeds:
                request = request_of(name, latent, seed, asked.passes, digits)
                row = scores(trained(request, test), test)
                if asked.theirs and name in PYTHAE:
                    row |= in_their_loop(name, latent, seed, asked.passes, digits, test)
                found.setdefault((OWN_WIDTH.get(name, latent), name), []).append(row)
    print(
        f"{asked.passes:g} passes over the 55,000 digits of MNIST's training set without those of"
    )
    print("mnist-5k, 784-256-128 and back, the usual recipe. Official test set: squared error per")
    print("image; rate and bounds in nats per image, pixels drawn as 0 or 1; accuracy of the class")
    print(f"of a code's five nearest, among 5,000. FID of {DRAWN:,} pictures against the 10,000 of")
    print(f"the test set, by {frechet.NETWORK};")
    real = frechet.fid(digits.x[:DRAWN], test.x)
    print(f"of {DRAWN:,} training digits it is {real:.1f}.")
    print()
    for line in table(found):
        print(line)


if __name__ == "__main__":
    main()
