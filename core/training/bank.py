"""The runs that ship with the software, and the one command that makes them.

`python -m core bank` trains what is missing, computes what pages tell of the runs, and leaves what
is there; stopped half-way, it goes on with what is missing the next time.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core import data
from core.config import TrainConfig
from core.latent import results
from core.measures.corruptions import LEVELS, NOISES
from core.models import variant
from core.store import checkpoints, result_files
from core.training import loop, runner


@dataclass(frozen=True)
class Plan:
    """One run to ship: a variant, its knobs, its training and its data."""

    # Roles that a run may be declared for, so that pages need no variant's name. Where none is,
    # `core.store.records.by_role` takes what fits by its capabilities.
    #   usual   what pages open with: the VAE of K = 2
    #   beside  what PCA vs AE opens with at its K: PCA, linear, stacked and denoising AE, VAE
    #   plain   the AE without noise beside the denoising ones of its size, on Noise
    #   matrix  a denoising AE for one noise and level, a row of the matrix on Noise
    #   theory  the linear Gaussian network for all β, beside what theory says, on β and K
    #   toy     the denoising network of the 2-D toy, on Noise

    variant: str
    config: dict
    train: dict
    data: str = "mnist"
    split: str = "train-55k"


_LINEAR = {"epochs": 20, "batch_size": 256, "learning_rate": 1e-2, "store": "float16"}
_DEEP = {"epochs": 60, "batch_size": 128, "learning_rate": 1e-3, "store": "float16"}
_CONV = {"epochs": 15, "batch_size": 128, "learning_rate": 1.5e-3, "store": "float16"}
_BRISK = {"epochs": 20, "batch_size": 128, "learning_rate": 2e-3, "store": "float16"}
_SMALL = {"hidden": (256, 128)}
_CHANNELS = {"network": "conv", "channels": (16, 32)}

# Where one network for all values stands beside networks trained for one value each.
BETAS = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)

SHIPPED = (
    Plan("vae", {"latent": 2}, _DEEP),
    Plan("pca", {"latent": 2}, {"store": "float16"}),
    Plan("linear_ae", {"latent": 2}, _LINEAR),
    Plan("stacked_ae", {"latent": 2}, _DEEP),
    Plan("denoising_ae", {"latent": 2}, _DEEP),
    Plan("vae", {"latent": 16}, _DEEP),
    Plan("stacked_ae", {"latent": 16}, _DEEP),
    Plan("pca", {"latent": 16}, {"store": "float16"}),
    Plan("pca", {"latent": 64}, {"store": "float16"}),
    Plan("linear_ae", {"latent": 16}, _LINEAR),
    Plan("vae", {"latent": 2, **_CHANNELS}, _CONV),
    Plan("vae", {"latent": 16, **_CHANNELS}, _CONV),
    Plan("denoising_ae", {"latent": 16}, _DEEP),
    *(
        Plan("multirate_vae", {"latent": latent, **_SMALL}, _BRISK | {"epochs": 40})
        for latent in (2, 16, 4, 8)
    ),
    # With 32 codes a digit the map takes more of a checkpoint's size, so the network has less.
    Plan("multirate_vae", {"latent": 32, "hidden": (240, 120)}, _BRISK | {"epochs": 40}),
    *(
        Plan("multilevel_dae", {"latent": 16, "noise": noise, **_SMALL}, _BRISK | {"epochs": 40})
        for noise in NOISES
    ),
    *(
        Plan("vae", {"latent": latent, "beta": beta, **_SMALL}, _BRISK)
        for latent in (2, 16)
        for beta in BETAS
    ),
    *(
        Plan("denoising_ae", {"latent": 16, "noise": noise, "level": level, **_SMALL}, _BRISK)
        for noise in NOISES
        for level in LEVELS
    ),
    Plan("stacked_ae", {"latent": 16, **_SMALL}, _BRISK),
    Plan("vae", {"latent": 16, "beta": 4.0, "beta_warmup": 0.5, **_SMALL}, _BRISK),
    Plan("vae", {"latent": 2, "likelihood": "gaussian", **_SMALL}, _BRISK),
    Plan(  # linear and Gaussian, where theory says which dimension collapses at which β
        "multirate_vae",
        {
            "latent": 16,
            "hidden": (),
            "likelihood": "gaussian",
            "sigma": 0.5,
            "gate": "root",
            "beta_low": 0.3,
            "beta_high": 30.0,
        },
        {"epochs": 30, "batch_size": 256, "learning_rate": 1e-2, "store": "float16"},
    ),
    Plan(
        "multilevel_dae",
        {
            "latent": 2,
            "noise": "gaussian",
            "hidden": (64, 64),
            "activation": "tanh",
            "level": 0.1,
            "level_low": 0.03,
            "level_high": 0.3,
        },
        {"epochs": 200, "batch_size": 256, "learning_rate": 1e-2},
        data="curve-2d",
        split="train",
    ),
)


def requests(plans: tuple[Plan, ...] = SHIPPED) -> list[checkpoints.Request]:
    """What the plans ask for; by default trained on MNIST's training set without the 5,000 of
    mnist-5k.

    Raises:
        DataError: where MNIST is not at the data root.
    """
    load = cache(data.load)
    return [
        checkpoints.Request(
            plan.variant,
            variant(plan.variant).Config.checked(plan.config),
            load(plan.data, plan.split),
            TrainConfig.checked(plan.train),
        )
        for plan in plans
    ]


def missing(wanted: list[checkpoints.Request], store: Path) -> list[checkpoints.Request]:
    """The requests that the store doesn't hold as complete runs."""
    runs = checkpoints.list_runs(store).runs
    return [
        request
        for request in wanted
        if request.id not in runs or runs[request.id].record.status != "complete"
    ]


def make(request: checkpoints.Request, store: Path) -> Generator[loop.Progress, None, None]:
    """Train one run of the bank, with its scores on the test set and, of digits, its map."""
    return runner.run(
        request,
        store,
        test=data.test_of(request.data),
        on_map=data.on_map_of(request.data),
        kept=store / f".{request.id}",
    )


def underived(store: Path) -> list[tuple[results.Subject, str]]:
    """What pages want to know of a store's runs on digits and is not yet kept beside them."""
    runs = [run for run in checkpoints.list_runs(store).runs.values() if results.possible(run)]
    runs.sort(key=lambda run: -run.record.samples)
    wanted = {
        results.file_name(subject, kind): (subject, kind)
        for subject in map(results.Subject, runs)
        for kind in results.kinds_of(subject.run)
    }
    folder = store / result_files.FOLDER
    return [each for name, each in wanted.items() if not (folder / name).exists()]
