"""What runs say of themselves, read off their records and stored arrays. Needs no torch but
where it says so.

Here a network that takes a continuous knob is held against networks that were trained for one
value of it, and a training's history is read in the unit of its page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.config import ModelConfig, NetworkConfig
from core.data import toys
from core.measures.corruptions import LEVELS, NOISES
from core.store import checkpoints
from core.store.checkpoints import CODES, Run, RunRecord

HELD_OUT = "mnist-5k/all"
_SIZES = tuple(knob for knob in NetworkConfig.knobs() if knob not in ModelConfig.knobs())
SIZES = tuple(knob.name for knob in _SIZES)  # knobs that make a network's size, beside K

# What pages use shipped runs for. A run is given its roles by its plan in `core.training.bank`;
# where none is, `by_role` takes what fits by its capabilities.
ROLES = {
    "usual": "what pages open with",
    "beside": "what PCA vs AE opens with at its K",
    "plain": "the autoencoder without noise beside the denoising ones of its size, on Noise",
    "matrix": "a denoising autoencoder for one noise and level, of the matrix on Noise",
    "theory": "the linear Gaussian network for all β, beside what theory says, on β and K",
    "toy": "the denoising network of points in the plane, on Noise",
}


@dataclass(frozen=True)
class Trade:
    """Where a run stands between rate and distortion: nats per image, on the map's digits."""

    beta: float
    rate: float
    distortion: float

    @property
    def objective(self) -> float:
        """D + βR, what a training at this β minimises."""
        return self.distortion + self.beta * self.rate


@dataclass(frozen=True)
class Gap:
    """A network for all values of a knob beside one that was trained for a single value."""

    value: float
    here: float
    dedicated: float

    @property
    def percent(self) -> float:
        """By how much the network for all values is worse (above 0) or better."""
        return 100 * (self.here / self.dedicated - 1)


def by_role(runs: Iterable[Run], role: str) -> list[Run]:
    """Runs for a role: those that were declared for it (one of `ROLES`), then those
    that fit it by what they can do, so that a store of somebody's own shows something too."""
    runs = list(runs)
    declared = [run for run in runs if role in run.record.roles and _NEEDED[role](run)]
    return declared + [run for run in runs if run not in declared and _FITS[role](run)]


def alike(one: Run, other: Run) -> bool:
    """Whether two runs differ in no knob that both have, but for those that don't act and one that
    either takes as an input, and were trained on the same data for terms of the same names."""
    dials = {dial["knob"] for run in (one, other) if (dial := dial_of(run))}
    idle = set(SIZES) - sizes(one).keys()
    same = not differing(one, other) - dials - idle and _data(one) == _data(other)
    return same and _terms(one) == _terms(other)


def sizes(run: Run) -> dict[str, Any]:
    """What makes the size of a run's network, beside K: the knobs that it has and that act."""
    config = run.record.config
    return {k.name: config[k.name] for k in _SIZES if k.name in config and k.acts(config)}


def same_size(one: Run, other: Run) -> bool:
    """Whether two runs have networks of the same size and the same data."""
    a, b = ((run.record.latent, sizes(run), _data(run)) for run in (one, other))
    return a == b


def is_linear(run: Run) -> bool:
    """Whether a network has layers but no hidden ones: encoder and decoder are linear."""
    config = run.record.config
    return config.get("network", "mlp") == "mlp" and not config.get("hidden", True)


def differing(one: Run, other: Run) -> set[str]:
    """Names of the knobs in which two runs differ; one that an older record lacks is no
    difference."""
    a, b = one.record.config, other.record.config
    return {name for name in a.keys() & b.keys() if a[name] != b[name]}


def dial_of(run: Run) -> dict[str, Any] | None:
    """The run's continuous knob (`knob`, `low`, `high`, `log`, `usual`), if it has one."""
    return (run.record.browser or {}).get("dial")


def trade_at(run: Run, beta: float) -> Trade:
    """Rate and distortion of a multi-rate run at a β within its range: the cubic through the four
    nearest knots, in log β."""
    arrays = checkpoints.read_tensors(run, CODES)
    rate, distortion = (
        _between(arrays["knots"], arrays[f"knot_{name}"], math.log(beta))
        for name in ("rate", "distortion")
    )
    return Trade(beta, rate, distortion)


def trade_of(run: Run) -> Trade | None:
    """Rate and distortion of a run that was trained for one β; None where none were scored."""
    scores = run.record.metrics.get(HELD_OUT, {})
    distortion = scores.get("cross_entropy_grey", scores.get("distortion"))
    if distortion is None or "rate" not in scores:
        return None
    if "beta" not in run.record.config or dial_of(run):
        return None
    return Trade(float(run.record.config["beta"]), scores["rate"], distortion)


def dedicated(run: Run, runs: Iterable[Run]) -> dict[float, Run]:
    """The runs of the same size that were trained for one β in a multi-rate run's range, by β."""
    dial = dial_of(run)
    found: dict[float, Run] = {}
    for other in runs:
        trade = trade_of(other) if alike(run, other) else None
        plain = not other.record.config.get("beta_warmup")
        if trade and plain and dial and dial["low"] <= trade.beta <= dial["high"]:
            found.setdefault(trade.beta, other)
    return dict(sorted(found.items()))


def objective_gap(run: Run, other: Run) -> Gap:
    """D + βR of a multi-rate run at the β of a run that was trained for it alone."""
    trade = trade_of(other)
    if trade is None:
        raise ValueError(f"{other.id} was not trained for one β, or never scored.")
    return Gap(trade.beta, trade_at(run, trade.beta).objective, trade.objective)


def noise_gaps(run: Run, runs: Iterable[Run]) -> list[Gap]:
    """Squared error of a level-conditional denoising run beside runs of the same size that were
    trained for its noise at one level, at that level on the digits of mnist-5k's test split."""
    if CODES not in run.record.files:
        return []  # of data that no map shows
    noise = run.record.config["noise"]
    row = NOISES.index(noise)
    errors = checkpoints.read_tensors(run, CODES)["noise_error"][row]
    found: dict[float, Gap] = {}
    for other in runs:
        config = other.record.config
        level = config.get("level")
        if dial_of(other) or config.get("noise") != noise or not alike(run, other):
            continue
        if level in LEVELS:
            column = LEVELS.index(level)
            own = float(checkpoints.read_tensors(other, CODES)["noise_error"][row, column])
            found.setdefault(level, Gap(level, float(errors[column]), own))
    return [found[level] for level in sorted(found)]


def rate_history(record: RunRecord) -> tuple[list[int], list[float]]:
    """A VAE's rate in nats per image against the samples seen, β taken out of the logged term; of
    one with free nats what is counted of it, at least these for each dimension.

    Each number is a mean over the steps since the last one; the β that it is divided by is the
    mean over the same steps, so that a warm-up from β = 0 needs no other treatment.
    """
    beta, warmup = record.config["beta"], record.config.get("beta_warmup", 0.0)
    cycles = record.config.get("cycles", 1)
    steps = record.history[-1]["step"] if record.history else 0
    samples, rates = [], []
    before = 0.0
    for entry in record.history:
        weight = beta * _mean_rise(before, entry["step"], warmup, steps, cycles)
        before = entry["step"]
        if weight > 0:
            samples.append(int(entry["samples"]))
            rates.append(float(entry["kl"] / weight))
    return samples, rates


def logs_rate(run: Run) -> bool:
    """Whether a run's history holds what `rate_history` reads."""
    return all("kl" in entry for entry in run.record.history)


def _mean_rise(first: float, end: float, share: float, steps: float, cycles: int) -> float:
    """Mean over the steps first, first + 1, …, end − 1 of a rise from 0 to 1 over this share of
    each of so many cycles (`Moment.rise`). Summed in closed form for each cycle, since a record may
    state any number of steps."""
    if share <= 0:
        return 1.0
    length = steps / cycles  # of a cycle
    total = 0.0
    for cycle in range(int(first // length), min(cycles, math.ceil(end / length))):
        begin = cycle * length
        low, high = max(first, math.ceil(begin)), min(end, math.ceil(begin + length))
        top = min(high, math.ceil(begin + share * length))  # steps before it rise
        rising = max(0.0, top - low)
        total += rising * (low - begin + (rising - 1) / 2) / (share * length)
        total += max(0.0, high - low) - rising
    return total / (end - first)


def _can(run: Run, what: str) -> bool:
    return bool(run.record.capabilities.get(what))


def _data(run: Run) -> tuple[str, str]:
    return run.record.data.name, run.record.data.split


def _terms(run: Run) -> set[str]:
    """Names of the terms of a run's objective; empty of one that was solved."""
    history = run.record.history
    return set(history[-1]) - {"step", "samples"} if history else set()


def _has_dial(run: Run, knob: str) -> bool:
    return (dial_of(run) or {}).get("knob") == knob


# Who may stand in for a role where no run, or not enough, were declared for it.
_FITS: dict[str, Callable[[Run], bool]] = {
    "usual": lambda run: _can(run, "has_prior") and not dial_of(run),
    "beside": lambda run: not dial_of(run) and run.record.config.get("network") != "conv",
    "plain": lambda run: (
        _terms(run) == {"reconstruction"}
        and not (_can(run, "corrupts") or _can(run, "has_posterior") or dial_of(run))
    ),
    "matrix": lambda run: (
        _can(run, "corrupts") and not dial_of(run) and {"noise", "level"} <= set(run.record.config)
    ),
    "theory": lambda run: (
        _has_dial(run, "beta")
        and is_linear(run)
        and run.record.config.get("likelihood") == "gaussian"
    ),
    "toy": lambda run: _has_dial(run, "level") and run.record.data.name == toys.CURVE_2D,
}


# What a run must have for a role even where it was declared for it: the page reads it.
_NEEDED: dict[str, Callable[[Run], bool]] = dict.fromkeys(ROLES, lambda run: True) | {
    "matrix": lambda run: {"noise", "level"} <= set(run.record.config),
    "theory": lambda run: _has_dial(run, "beta") and "sigma" in run.record.config,
    "toy": lambda run: _has_dial(run, "level"),
}


def _between(knots: np.ndarray, values: np.ndarray, position: float) -> float:
    """The cubic through the four knots nearest to a position (Lagrange)."""
    count = min(4, len(knots))
    first = int(np.searchsorted(knots, position)) - count // 2
    first = min(max(0, first), len(knots) - count)
    x, y = knots[first : first + count].astype(float), values[first : first + count].astype(float)
    total = 0.0
    for i in range(count):
        others = np.delete(x, i)
        total += y[i] * np.prod((position - others) / (x[i] - others))
    return float(total)
