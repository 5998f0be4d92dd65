"""The only training loop. A generator: its caller draws the progress and may stop at any step."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import __version__, checkpoints, export, latent
from core.config import ModelConfig, TrainConfig
from core.data import Dataset, may_share
from core.evaluate import evaluate, noise_matrix
from core.film import Film
from core.losses import kl_standard_normal_each
from core.models import variant
from core.models.base import Adversarial, Autoencoder, ClosedForm, Signature
from core.projections import Plane, map_plane
from core.refusal import Refusal

REPORTS = 200
KNOTS = 12
JUDGED = 1000  # digits of the map, its last, on which noises are tried: mnist-5k's test split


class TrainingError(Refusal, RuntimeError):
    """Training that can't go on; one sentence that says why."""


@dataclass(frozen=True)
class Progress:
    """Where a training is. `terms` are means since the last report, weighted as trained.

    `state()`, as long as the training stands at this report, gives all that `train` needs to go on
    from here as if it had never stopped.
    """

    step: int
    steps: int
    samples: int
    seconds: float
    terms: dict[str, float] = field(default_factory=dict)
    state: Callable[[], dict[str, Tensor]] = field(default=dict, compare=False, repr=False)

    @property
    def loss(self) -> float:
        """The objective: the sum of the model's own terms, the adversary's left out."""
        return sum(v for name, v in self.terms.items() if not name.startswith("adversary/"))


@dataclass(frozen=True)
class Request:
    """All that decides a run: the same request never trains twice."""

    variant: str
    config: ModelConfig
    data: Dataset
    train: TrainConfig

    @property
    def id(self) -> str:
        """The run's id, the same on every machine.

        Knobs at their defaults are left out of it, so that a new knob leaves all ids as they are.
        """
        return checkpoints.run_id(
            self.variant,
            self.config.model_dump(mode="json", exclude_defaults=True)
            | {"latent": self.config.latent},
            {
                "name": self.data.name,
                "split": self.data.split,
                "fingerprint": self.data.fingerprint,
            },
            self.train.model_dump(mode="json", exclude_defaults=True),
        )


def best_device() -> torch.device:
    """CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def signature_of(dataset: Dataset) -> Signature:
    """What a model must know of a data set."""
    return Signature(dataset.shape, dataset.classes, dataset.kind)


def build(name: str, config: ModelConfig, signature: Signature, seed: int = 0) -> Autoencoder:
    """A fresh model with seeded weights.

    Raises:
        ConfigError: unknown variant, or knobs that don't fit the data.
        TrainingError: where the variant doesn't work on this kind of data.
    """
    kind = variant(name)
    if signature.kind not in kind.capabilities.kinds:
        raise TrainingError(
            "{model} works on {kinds}, not on {kind}.",
            model=kind.title,
            kinds=", ".join(kind.capabilities.kinds),
            kind=signature.kind,
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind(config, signature)


def train(
    model: Autoencoder,
    dataset: Dataset,
    config: TrainConfig,
    device: torch.device | None = None,
    resume: Mapping[str, Tensor] | None = None,
) -> Iterator[Progress]:
    """Train a model in place, yielding about 200 times.

    The data set is moved to the device once, as it is; batches are index selections there,
    scaled and corrupted there. On the CPU the same seed gives the same weights bit for bit.

    Args:
        resume: what a report's `state` gave; the training goes on behind that report.

    Raises:
        TrainingError: for an empty data set, and when the loss or a weight is no longer finite;
            the weights are then those of the last report, which were good.
    """
    if not len(dataset):
        raise TrainingError(
            "There is nothing to train on: {data} has no examples.", data=dataset.name
        )
    device = device or best_device()
    model.to(device).train()
    resident = _Resident(dataset, device)
    started = time.perf_counter()
    if isinstance(model, ClosedForm):
        model.fit(resident.all())
        yield Progress(1, 1, resident.count, time.perf_counter() - started)
        return
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    generator = torch.Generator(device).manual_seed(config.seed)
    batch_size = min(config.batch_size, resident.count)
    steps = max(1, round(config.epochs * resident.count / batch_size))
    report_every = max(1, steps // REPORTS)
    opponent = model.adversary if isinstance(model, Adversarial) else None
    theirs = {id(p) for p in opponent.parameters()} if opponent is not None else set()
    optimiser = _adam([p for p in model.parameters() if id(p) not in theirs], config, device)
    rival = _adam(list(opponent.parameters()), config, device) if opponent is not None else None
    order = torch.empty(0, dtype=torch.long, device=device)
    sums: dict[str, Tensor] = {}
    since = 0
    begin = 0
    if resume is not None:
        begin, order = int(resume["step"]), resume["order"].to(device)
        generator.set_state(resume["generator"])
        model.load_state_dict(_below("model", resume))
        for name, one in (("optimiser", optimiser), ("rival", rival)):
            if one is not None:
                _restore(one, _below(name, resume))
        started -= float(resume["seconds"])

    def state() -> dict[str, Tensor]:
        found = {"step": torch.tensor(step + 1), "order": order, "generator": generator.get_state()}
        found["seconds"] = torch.tensor(time.perf_counter() - started)
        found |= {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        for name, one in (("optimiser", optimiser), ("rival", rival)):
            for i, slots in one.state_dict()["state"].items() if one is not None else ():
                found |= {f"{name}.{i}.{slot}": tensor for slot, tensor in slots.items()}
        return found

    with _LastGood(model) as good:
        for step in range(begin, steps):
            progress = step / steps
            rate = _rate(progress, config)
            if len(order) < batch_size:
                order = torch.cat([order, resident.shuffled(generator)])
            index, order = order[:batch_size], order[batch_size:]
            x, label, observed = resident.batch(index)
            batch = model.prepare(x, label, observed, generator)
            output = model(batch, generator)
            terms = model.loss_terms(batch, output, progress)
            _step(optimiser, sum(terms.values()), rate)
            if rival is not None:
                rival_terms = model.adversary_terms(batch, output)
                _step(rival, sum(rival_terms.values()), rate)
                terms = terms | {f"adversary/{name}": term for name, term in rival_terms.items()}
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term.detach()
            since += 1
            if (step + 1) % report_every == 0 or step + 1 == steps:
                means = {name: float(total) / since for name, total in sums.items()}
                wrong: Any = ", ".join(name for name, v in means.items() if not math.isfinite(v))
                if not wrong and not good.live_is_finite():
                    wrong = Refusal("a weight")
                if wrong:
                    raise TrainingError(
                        "Training diverged at step {step} of {steps} ({wrong} is no longer a "
                        "finite number); try a learning rate below {rate:g}.",
                        step=step + 1,
                        steps=steps,
                        wrong=wrong,
                        rate=config.learning_rate,
                    )
                good.keep()
                sums, since = {}, 0
                seconds = time.perf_counter() - started
                yield Progress(step + 1, steps, (step + 1) * batch_size, seconds, means, state)


def run(
    request: Request,
    store: Path,
    *,
    test: Dataset | None = None,
    on_map: Dataset | None = None,
    device: torch.device | None = None,
    film: Film | None = None,
    on_save: Callable[[], None] | None = None,
    kept: Path | None = None,
) -> Iterator[Progress]:
    """Train what is asked and save it, also when the training is stopped half-way.

    A stopped training never takes the place of the same run's complete one. One whose process is
    killed goes on from `kept`, with the result that it would have had.

    Args:
        request: the run.
        store: folder of runs.
        test: split whose scores go into the record, if it is held out.
        on_map: digits whose codes are drawn on the map; scored too, if they are held out.
        film: takes its frames while the training runs, and is kept in the run.
        on_save: called when the training is over and scoring and saving begin.
        kept: folder where all that is needed to go on is put every ten seconds; emptied at the end.

    Raises:
        TrainingError, CheckpointError: see `train` and `checkpoints.save`.
    """
    model = build(request.variant, request.config, signature_of(request.data), request.train.seed)
    device = device or best_device()
    keeper = Keeper(kept, request.id)
    resume, history = keeper.found()
    last = Progress(0, 1, 0, 0.0)
    if film is not None and not film.begin(model.to(device), resume is not None):
        film = None
    try:
        for last in train(model, request.data, request.train, device, resume):
            if film is not None:
                film.look(model, last.step, last.steps, last.samples)
            history.append({"step": last.step, "samples": last.samples, **last.terms})
            keeper.keep(last, history)
            yield last
    finally:
        if on_save is not None:
            on_save()
        if last.step == last.steps or (last.samples and not _is_complete(store, request.id)):
            save(model, request, store, last, history, str(device), test, on_map, film)
        keeper.forget()


def save(
    model: Autoencoder,
    request: Request,
    store: Path,
    last: Progress,
    history: list[dict[str, float]],
    device: str = "cpu",
    test: Dataset | None = None,
    on_map: Dataset | None = None,
    film: Film | None = None,
) -> checkpoints.Run:
    """Round the weights as they are stored, score the rounded model, and write the run."""
    model.eval().to("cpu")
    half = request.train.store == "float16"
    if half:
        with torch.no_grad():
            for tensor in filter(torch.is_floating_point, model.state_dict().values()):
                tensor.copy_(tensor.half())
    tensors: dict[str, dict[str, np.ndarray]] = {
        checkpoints.WEIGHTS: {
            name: (t.half() if half and t.is_floating_point() else t).detach().numpy()
            for name, t in model.state_dict().items()
        }
    }
    metrics: dict[str, dict[str, float]] = {}
    for split in (test, on_map):
        if split is not None and split.kind == "images" and _held_out(split, request.data):
            metrics[f"{split.name}/{split.split}"] = evaluate(model, split.x, labels=split.labels)
    if on_map is not None:
        tensors[checkpoints.CODES] = map_arrays(model, on_map)
        judged = on_map.subset(np.arange(len(on_map))[-JUDGED:], "test")
        if not model.capabilities.has_posterior and _held_out(judged, request.data):
            tensors[checkpoints.CODES]["noise_error"] = noise_matrix(model, judged.x, judged.labels)
    if film is not None and film.points:
        tensors[checkpoints.FILM] = film.arrays()
    record = checkpoints.RunRecord(
        software=__version__,
        id=request.id,
        variant=request.variant,
        config=request.config.model_dump(mode="json"),
        data=checkpoints.DataRecord(
            name=request.data.name,
            split=request.data.split,
            fingerprint=request.data.fingerprint,
            count=len(request.data.x),
            shape=request.data.shape,
            classes=request.data.classes,
            kind=request.data.kind,
        ),
        train=request.train.model_dump(mode="json"),
        status="complete" if last.step == last.steps else "stopped",
        device=device,
        seconds=round(last.seconds, 3),
        samples=last.samples,
        history=tuple({k: float(f"{v:.6g}") for k, v in entry.items()} for entry in history),
        metrics={
            split: {k: float(f"{v:.6g}") for k, v in scores.items() if math.isfinite(v)}
            for split, scores in metrics.items()
        },
        capabilities=_plain(model.capabilities),
        browser=export.browser_program(model),
    )
    return checkpoints.save(store, record, tensors)


def map_arrays(model: Autoencoder, digits: Dataset) -> dict[str, np.ndarray]:
    """What the map draws: `codes` (count, K) float16, `plane_mean` (K,) and `plane_basis` (2, K)
    float32, and `squared_error` (count,) float16 of each digit's reconstruction or, where a knob
    changes it, what `knot_arrays` returns."""
    codes = latent.encode(model, digits.x, digits.labels).mean
    plane = map_plane(codes)
    x = latent.to_tensor(digits.x).numpy()
    x_hat = latent.reconstruct(model, digits.x, digits.labels)
    error = ((x - x_hat) ** 2).reshape(len(x), -1).sum(1)
    arrays = {
        "codes": codes.astype(np.float16),
        "plane_mean": plane.mean.astype(np.float32),
        "plane_basis": plane.basis.astype(np.float32),
    }
    if model.dial is not None:  # one digit's error changes with the knob; its mean is at the knots
        return arrays | knot_arrays(model, digits, plane)
    return arrays | {"squared_error": error.astype(np.float16)}


def knot_arrays(model: Autoencoder, digits: Dataset, plane: Plane) -> dict[str, np.ndarray]:
    """The map at knots of the continuous knob, between which a screen interpolates.

    `knots` (knots,) positions, `knot_points` (knots, count, 2) float16 on the usual value's plane,
    `knot_squared_error` (knots,) per image (of a model that is trained on corrupted inputs the
    error of its answer to such), and for a model with an ELBO `knot_rate`,
    `knot_distortion` (knots,) in nats per image of grey pixels and `knot_kl` (knots, K) in nats.
    """
    ends = [float(model.dial.position(end)) for end in (model.dial.low, model.dial.high)]
    knots = torch.linspace(*ends, KNOTS)
    found: dict[str, list] = {}
    for position in knots:
        value = float(model.dial.value(position))
        codes = latent.encode(model, digits.x, digits.labels, dial=value)
        scores = evaluate(model, digits.x, labels=digits.labels, dial=value)
        found.setdefault("knot_points", []).append(plane.to_map(codes.mean))
        error = scores.get("squared_error_denoised", scores["squared_error"])
        found.setdefault("knot_squared_error", []).append(error)
        if codes.log_var is not None:
            each = kl_standard_normal_each(*map(torch.from_numpy, (codes.mean, codes.log_var)))
            found.setdefault("knot_kl", []).append(each.mean(0).numpy())
            found.setdefault("knot_rate", []).append(scores["rate"])
            distortion = scores.get("cross_entropy_grey", scores.get("distortion"))
            found.setdefault("knot_distortion", []).append(distortion)
    arrays = {name: np.asarray(values, np.float32) for name, values in found.items()}
    arrays["knot_points"] = arrays["knot_points"].astype(np.float16)
    return arrays | {"knots": knots.numpy()}


def load(found: checkpoints.Run) -> Autoencoder:
    """The model of a run, on the CPU, ready to use.

    Raises:
        CheckpointError: where the weights are torn or don't fit the variant.
        ConfigError: where the variant or its knobs are unknown here.
    """
    record = found.record
    kind = variant(record.variant)
    signature = Signature(record.data.shape, record.data.classes, record.data.kind)
    model = build(record.variant, kind.Config.checked(record.config), signature)
    arrays = checkpoints.read_tensors(found, checkpoints.WEIGHTS)
    try:
        model.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in arrays.items()})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise checkpoints.CheckpointError(
            "Run {run}: its weights don't fit {model} ({reason}).",
            run=found.id,
            model=kind.title,
            reason=reason,
        ) from None
    return model.eval()


def drain(progress: Iterator[Progress], on_progress: Callable[[Progress], None] | None = None):
    """Run a training to its end; returns the last progress."""
    last = None
    for last in progress:
        if on_progress is not None:
            on_progress(last)
    return last


class _Resident:
    """A data set on the device, uint8 as it came; one batch is one index selection."""

    def __init__(self, dataset: Dataset, device: torch.device) -> None:
        self.count = len(dataset.x)
        self.x = torch.from_numpy(np.ascontiguousarray(dataset.x)).to(device)
        self.label = torch.from_numpy(np.ascontiguousarray(dataset.labels)).to(device)
        self.observed = (
            None
            if dataset.observed is None
            else torch.from_numpy(np.ascontiguousarray(dataset.observed)).to(device)
        )

    def shuffled(self, generator: torch.Generator) -> Tensor:
        return torch.randperm(self.count, generator=generator, device=self.x.device)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        observed = None if self.observed is None else self.observed[index].float()
        return _scaled(self.x[index]), self.label[index], observed

    def all(self) -> Tensor:
        return _scaled(self.x)


def _scaled(x: Tensor) -> Tensor:
    return x / 255 if x.dtype == torch.uint8 else x.float()


def _adam(parameters: list[Tensor], config: TrainConfig, device: torch.device):
    return torch.optim.AdamW(
        parameters,
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=device.type in ("cpu", "cuda"),
    )


def _step(optimiser: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def _rate(progress: float, config: TrainConfig) -> float:
    rise = min(1.0, (progress + 1e-3) / config.warmup) if config.warmup else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else 1.0
    return config.learning_rate * rise * fall


def _below(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}


def _restore(optimiser: torch.optim.Optimizer, slots: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in slots.items():
        number, slot = key.split(".")
        state.setdefault(int(number), {})[slot] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


class Keeper:
    """Keeps on disk what a training needs to go on after its process was killed.

    Args:
        folder: where; None for nowhere.
        run_id: of the run; what another run kept is passed over.
    """

    EVERY = 10.0  # seconds
    NAME = "resume.safetensors"

    def __init__(self, folder: Path | None, run_id: str) -> None:
        self.path = None if folder is None else folder / self.NAME
        self.run_id = run_id
        self.last = time.monotonic()

    def found(self) -> tuple[dict[str, Tensor] | None, list[dict[str, float]]]:
        """The state to go on from and the reports until then; (None, []) where there is none."""
        from safetensors import SafetensorError, safe_open

        if self.path is None or not self.path.is_file():
            return None, []
        try:
            with safe_open(self.path, "pt") as file:
                told = file.metadata()
                if told["run"] != self.run_id or told["software"] != __version__:
                    return None, []
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return state, json.loads(told["history"])
        except (SafetensorError, OSError, KeyError, ValueError, TypeError):
            return None, []

    def keep(self, progress: Progress, history: list[dict[str, float]]) -> None:
        """Keep this report, if it is time to; a full disk keeps nobody from training."""
        from safetensors.torch import save_file

        if self.path is None or time.monotonic() - self.last < self.EVERY:
            return
        self.last = time.monotonic()
        state = {name: t.detach().cpu().contiguous() for name, t in progress.state().items()}
        written = self.path.with_name(f".{self.NAME}")
        told = {"run": self.run_id, "software": __version__, "history": json.dumps(history)}
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(state, written, told)
            written.replace(self.path)

    def forget(self) -> None:
        """The run is saved, so there is nothing to go on from."""
        if self.path is not None:
            with contextlib.suppress(OSError):  # a folder with more in it stays
                self.path.unlink(missing_ok=True)
                self.path.parent.rmdir()


class _LastGood:
    """The weights of the last report, kept beside the model's own, copied in one pass.

    Whatever breaks off between two reports leaves the model with them.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self.live = list(model.state_dict().values())
        self.kept = [tensor.detach().clone() for tensor in self.live]

    def __enter__(self) -> _LastGood:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            torch._foreach_copy_(self.live, self.kept)

    def keep(self) -> None:
        torch._foreach_copy_(self.kept, self.live)

    def live_is_finite(self) -> bool:
        # A step's loss is taken before its update, so a finite loss proves nothing of the weights.
        floating = [tensor for tensor in self.live if tensor.is_floating_point()]
        return bool(torch.stack(torch._foreach_norm(floating)).isfinite().all())


def _held_out(split: Dataset, trained_on: Dataset) -> bool:
    return not may_share(split.name, split.split, trained_on.name, trained_on.split)


def _is_complete(store: Path, run_id: str) -> bool:
    try:
        return checkpoints.open_run(store / run_id).record.status == "complete"
    except checkpoints.CheckpointError:
        return False


def _plain(capabilities: Any) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in vars(capabilities).items()
    }
