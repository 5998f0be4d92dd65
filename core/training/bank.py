"""The runs that ship with the software, and the one command that makes them.

`python -m core bank` trains what is missing, brings what is there to what its plan says today, and
computes what pages tell of the runs; stopped half-way, it goes on with what is missing the next
time.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core import data
from core.config import StoredAs, TrainConfig
from core.latent import results
from core.measures.corruptions import LEVELS, NOISES
from core.models import variant
from core.store import checkpoints, loading, result_files, weights
from core.training import loop, runner


@dataclass(frozen=True)
class Plan:
    """One run to ship: a variant, its knobs, its training and its data, what pages use it for (of
    `core.store.records.ROLES`) and how its weights are stored."""

    variant: str
    config: dict[str, Any]
    train: dict[str, Any]
    data: str = "mnist"
    split: str = "train-55k"
    roles: tuple[str, ...] = ()
    stored_as: StoredAs = "int8"


@dataclass(frozen=True)
class Order:
    """A plan, and with its data what a store holds it by."""

    plan: Plan
    request: checkpoints.Request

    def found(self, store: Path) -> checkpoints.Run | None:
        """The complete run in the store, if it is there."""
        return checkpoints.complete([store], self.request.names)


# How runs were trained that are older than what is usual today.
_THEN = {"schedule": "cosine", "start": "plain"}
_LINEAR = _THEN | {"epochs": 20, "batch_size": 256, "learning_rate": 1e-2}
_DEEP = _THEN | {"epochs": 60, "batch_size": 128, "learning_rate": 1e-3}
_CONV = _THEN | {"epochs": 15, "batch_size": 128, "learning_rate": 1.5e-3}
_BRISK = _THEN | {"epochs": 20, "batch_size": 128, "learning_rate": 2e-3}
_WIDE = {"epochs": 20, "batch_size": 256}
_SMALL = {"hidden": (256, 128)}
_CHANNELS = {"network": "conv", "channels": (16, 32)}

# Where one network for all values stands beside networks trained for one value each.
BETAS = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)

SHIPPED = (
    Plan("vae", {"latent": 2}, _DEEP, roles=("usual", "beside")),
    # The next two are too small to gain from int8.
    Plan("pca", {"latent": 2}, _THEN, roles=("beside",), stored_as="float16"),
    Plan("linear_ae", {"latent": 2}, _LINEAR, roles=("beside",), stored_as="float16"),
    Plan("stacked_ae", {"latent": 2}, _DEEP, roles=("beside",)),
    Plan("denoising_ae", {"latent": 2}, _DEEP, roles=("beside",)),
    Plan("vae", {"latent": 16}, _DEEP, roles=("beside",)),
    Plan("stacked_ae", {"latent": 16}, _DEEP, roles=("beside",)),
    Plan("pca", {"latent": 16}, _THEN, roles=("beside",)),
    Plan("pca", {"latent": 64}, _THEN),
    Plan("linear_ae", {"latent": 16}, _LINEAR, roles=("beside",)),
    Plan("vae", {"latent": 2, **_CHANNELS}, _CONV),
    Plan("vae", {"latent": 16, **_CHANNELS}, _CONV),
    # As int8 its error would be 1.3 % larger; those that are stored so lose less than 1 %.
    Plan("denoising_ae", {"latent": 16}, _DEEP, roles=("beside",), stored_as="float16"),
    *(
        Plan(
            "multirate_vae",
            {"latent": latent, **_SMALL},
            _BRISK | {"epochs": 40},
            # As int8 the one with two codes would lose 0.7 nats of its ELBO, the others up to 0.05.
            stored_as="float16" if latent == 2 else "int8",
        )
        for latent in (2, 16, 4, 8)
    ),
    Plan(  # with 32 codes a digit the map takes more of a checkpoint's size, the network less
        "multirate_vae",
        {"latent": 32, "hidden": (240, 120)},
        _BRISK | {"epochs": 40},
    ),
    *(
        Plan(
            "multilevel_dae",
            {"latent": 16, "noise": noise, **_SMALL},
            _BRISK | {"epochs": 40},
        )
        for noise in NOISES
    ),
    *(
        Plan(
            "vae",
            {"latent": latent, "beta": beta, **_SMALL},
            _BRISK,
        )
        for latent in (2, 16)
        for beta in BETAS
    ),
    *(
        Plan(
            "denoising_ae",
            {"latent": 16, "noise": noise, "level": level, **_SMALL},
            _BRISK,
            roles=("matrix",),
        )
        for noise in NOISES
        for level in LEVELS
    ),
    Plan("stacked_ae", {"latent": 16, **_SMALL}, _BRISK, roles=("plain",)),
    *(  # convolutions with as many weights, within 0.2 %, as fully connected layers of 256 and 128
        Plan(name, {"latent": 16, **_CHANNELS, "dense": 143, **noise}, {"epochs": 6})
        for name, noise in (("stacked_ae", {}), ("denoising_ae", {"level": 0.3}))
    ),
    *(  # how β rises, beside β from the first step
        Plan("vae", {"latent": 16, "beta": 4.0, **annealing, **_SMALL}, _BRISK)
        for annealing in (
            {"beta_warmup": 0.5},
            {"beta_warmup": 0.5, "cycles": 4},
            {"free_bits": 0.5},
        )
    ),
    Plan(
        "vae",
        {"latent": 2, "likelihood": "gaussian", **_SMALL},
        _BRISK,
    ),
    Plan("beta_vae", {"latent": 2, "beta": 4.0, **_SMALL}, {"epochs": 20}),
    *(  # which dimension holds which of the factors that made the data
        Plan(kind, {"latent": 10, **_SMALL}, {"epochs": 20}, "known-shapes", "train")
        for kind in ("vae", "beta_vae")
    ),
    Plan("basic_ae", {"latent": 32}, {"epochs": 20}),
    *(
        Plan(variant, {"latent": latent, **_SMALL}, {"epochs": 20})
        for variant in ("greedy_ae", "vamp_prior")
        for latent in (2, 16)
    ),
    Plan("iwae", {"latent": 2, **_SMALL}, {"epochs": 20}),
    Plan("vq_vae", {"latent": 4, "entries": 32}, {"epochs": 20}),
    Plan("ladder_vae", {"latent": 8, **_SMALL}, {"epochs": 40}),
    Plan("augmented_flow", {"latent": 16}, {"epochs": 10, "learning_rate": 1e-3}),
    Plan("contractive_ae", {"latent": 2, **_SMALL}, {"epochs": 10}),
    # As wide as each other, each with what keeps it from copying, if anything does.
    Plan("overcomplete_ae", {"latent": 900}, _WIDE),
    Plan("sparse_ae", {"latent": 900}, _WIDE),
    Plan(
        "denoising_ae",
        {
            "latent": 900,
            "hidden": (),
            "noise": "gaussian",
            "code_activation": "sigmoid",
            "decoder_weights": "tied",
        },
        _WIDE | {"epochs": 10},
    ),
    Plan("contractive_ae", {"latent": 900, "hidden": (), "code_activation": "sigmoid"}, _WIDE),
    Plan("completing_vae", {"latent": 16, **_SMALL}, {"epochs": 20}),
    *(Plan("conditional_vae", {"latent": k, **_SMALL}, {"epochs": 20}) for k in (2, 16)),
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
        _LINEAR | {"epochs": 30},
        roles=("theory",),
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
        _LINEAR | {"epochs": 200},
        data="curve-2d",
        split="train",
        roles=("toy",),
        stored_as="float32",
    ),
)


def orders(plans: tuple[Plan, ...] = SHIPPED) -> list[Order]:
    """What the plans ask for; by default trained on MNIST's training set without the 5,000 of
    mnist-5k.

    Raises:
        DataError: where MNIST is not at the data root.
    """
    load = cache(data.load)
    return [
        Order(
            plan,
            checkpoints.Request(
                plan.variant,
                variant(plan.variant).Config.checked(plan.config),
                load(plan.data, plan.split),
                TrainConfig.checked(plan.train),
            ),
        )
        for plan in plans
    ]


def missing(wanted: list[Order], store: Path) -> list[Order]:
    """The orders that the store doesn't hold as complete runs."""
    return [order for order in wanted if order.found(store) is None]


def make(order: Order, store: Path) -> Generator[loop.Progress, None, None]:
    """Train one run of the bank, with its scores on the test set and, of digits, its map."""
    request = order.request
    return runner.run(
        request,
        store,
        test=data.test_of(request.data),
        on_map=data.on_map_of(request.data),
        kept=store / f".{request.id}",
        stored_as=order.plan.stored_as,
    )


def settle(order: Order, store: Path) -> str | None:
    """Bring a complete run to what its plan says today, without training it: its weights' format,
    with codes and scores taken anew after rounding; its id; and what its record tells.

    Returns:
        What was done; None where all was as it should be.
    """
    run = order.found(store)
    if run is None:
        return None
    if weights.WIDTH[order.plan.stored_as] < weights.WIDTH[run.record.stored_as]:
        _refresh(order, _store_anew(order, run))
        return f"stored as {order.plan.stored_as}, coded and scored anew"
    return _refresh(order, run)


def _store_anew(order: Order, run: checkpoints.Run) -> checkpoints.Run:
    record, trained_on = run.record, order.request.data
    steps = int(record.history[-1]["step"]) if record.history else 1
    found = runner.save(
        loading.load_model(run),
        order.request,
        run.folder.parent,
        loop.Progress(steps, steps, record.samples, record.seconds),
        list(record.history),
        record.device,
        data.test_of(trained_on),
        data.on_map_of(trained_on),
        stored_as=order.plan.stored_as,
    )
    for name in _results_of(run) - _results_of(found):  # of weights and codes that were
        (run.folder.parent / result_files.FOLDER / name).unlink(missing_ok=True)
    if run.id != found.id:
        checkpoints.delete(run)
    return found


def _results_of(run: checkpoints.Run) -> set[str]:
    kinds = results.kinds_of(run) if results.possible(run) else []
    return {results.file_name(results.Subject(run), kind) for kind in kinds}


def _refresh(order: Order, run: checkpoints.Run) -> str | None:
    """Let the record tell what plan and code say today; scores and files stay."""
    request = order.request
    told = loading.told_of(loading.load_model(run))
    changes = {"id": request.id, "formerly": request.formerly, "roles": order.plan.roles, **told}
    record = run.record.model_copy(update=changes)
    if record.model_dump_json().encode() == (run.folder / checkpoints.RECORD).read_bytes():
        return None
    if run.id == request.id:
        checkpoints.rewrite(run, **changes)
    else:
        files = {name: checkpoints.read_tensors(run, name) for name in record.files}
        checkpoints.save(run.folder.parent, record, files)
        checkpoints.delete(run)
    return "its record is refreshed"


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
