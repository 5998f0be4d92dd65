"""core.training.estimate: what a training will cost, and that no odd run of a store spoils it."""

from __future__ import annotations

import math
import os

import pytest

from core.config import TrainConfig
from core.models import VARIANTS, build, variant
from core.models.signals import Signature
from core.store import checkpoints
from core.store.checkpoints import FILM, WEIGHTS, Run, RunRecord
from core.training import estimate, footprint, jobs
from core.training.limits import Limits

CONFIG = variant("vae").Config.checked({})
USUAL = TrainConfig()
COUNT, SIZE = 4000, 635_000


def cost(runs=(), name="vae", config=CONFIG, train=USUAL, count=COUNT, size=SIZE):
    return estimate.cost(name, config, train, count, size, runs=runs)


@pytest.fixture
def ran(tmp_path):
    """Makes runs of a store that say how long they took; the last made is the latest."""
    made = []

    def run(seconds, samples=80_000, batch=128, count=COUNT, size=SIZE, film=True, **config):
        record = RunRecord.model_construct(
            variant="vae",
            config={"latent": 2, "network": "mlp"} | config,
            data=checkpoints.DataRecord.model_construct(count=count),
            train={"batch_size": batch},
            seconds=seconds,
            samples=samples,
            stored_as="float32",
            files={
                name: checkpoints.FileRecord(sha256="0" * 64, bytes=4 * size)
                for name in (WEIGHTS, *([FILM] if film else []))
            },
        )
        folder = tmp_path / str(len(made))
        folder.mkdir()
        os.utime(folder, (1e9 + len(made), 1e9 + len(made)))
        made.append(Run(folder, record))
        return made[-1]

    return run


def test_samples_and_parameters_are_counted():
    model = build("vae", CONFIG, Signature())
    size = estimate.parameters("vae", CONFIG, Signature())
    found = cost(size=size)
    assert found.parameters == size == sum(p.numel() for p in model.parameters())
    assert found.samples == 20 * 4000 // 128 * 128 and 1 < found.seconds < 100


def test_a_machine_s_pace_is_learnt_from_similar_runs(ran):
    usual = cost().seconds
    for pace in (0.1, 1.0, 3.0):
        told = estimate.START + pace * (usual - estimate.START)
        assert cost([ran(told)]).seconds == pytest.approx(told, rel=0.01)
        twice = cost([ran(told)], train=TrainConfig(epochs=40)).seconds
        assert 1.4 * told < twice < 2.0 * told, "less than twice: the fixed cost is there once"
    conv = variant("vae").Config.checked({"network": "conv"})
    assert cost([ran(10 * usual)], config=conv) == cost(config=conv), "of another kind of network"
    assert cost([ran(10 * usual)], name="stacked_ae") == cost(name="stacked_ae")


# What a store may hold that says nothing of the machine, or lies: seconds, samples, batch, count.
ODD = {
    "three images, the usual epochs": (6.0, 60, 128, 3),
    "one step": (2.0, 128, 128, 4000),
    "one step of a huge batch": (3.0, 4000, 65536, 4000),
    "no seconds": (0.0, 80_000, 128, 4000),
    "less than none: the clock was set back": (-7200.0, 80_000, 128, 4000),
    "a year: the clock was set": (3.2e7, 80_000, 128, 4000),
    "no number": (math.nan, 80_000, 128, 4000),
    "infinitely long": (math.inf, 80_000, 128, 4000),
    "no samples": (5.0, 0, 128, 4000),
    "one example at a time": (30.0, 3000, 1, 3),
    "nobody could be so quick": (1e-6, 10**12, 128, 4000),
}


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_run_locks_nobody_out(ran, odd):
    usual = cost().seconds
    seconds, samples, batch, count = ODD[odd]
    alone = cost([ran(seconds, samples, batch, count)]).seconds
    low, high = estimate.PLAUSIBLE
    assert low * usual <= alone <= high * usual < 900, "what a visitor may ask for"
    ordinary = [ran(usual), ran(1.1 * usual), ran(0.9 * usual)]
    among = [*ordinary, ran(seconds, samples, batch, count)]
    assert cost(among).seconds == pytest.approx(usual, rel=0.15)


@pytest.mark.parametrize("odd", ["three images, the usual epochs", "one step", "no samples"])
def test_what_is_too_short_to_tell_says_nothing(ran, odd):
    assert cost([ran(*ODD[odd])]) == cost()


def test_only_recent_runs_tell(ran):
    usual = cost().seconds
    slow = [ran(8 * usual) for _ in range(9)]
    quick = [ran(usual) for _ in range(estimate.RECENT)]
    assert cost([*quick, *slow]).seconds == pytest.approx(usual, rel=0.05)
    tiny = [ran(*ODD["three images, the usual epochs"]) for _ in range(9)]
    assert cost([*quick, *slow, *tiny]).seconds == pytest.approx(usual, rel=0.05)


def test_a_run_that_was_deleted_meanwhile(ran):
    gone = ran(5.0)
    gone.folder.rmdir()
    assert cost([gone]).seconds > 0


def test_records_of_any_training_are_read(ran):
    for train in ({}, {"batch_size": "many"}, {"batch_size": 0}):
        run = ran(5.0)
        record = run.record.model_copy(update={"train": train})
        assert 0 < cost([Run(run.folder, record)]).seconds < 900


# --- Memory -------------------------------------------------------------------------------------

MIB = 2**20


def counted(name, **knobs):
    return footprint.footprint(name, variant(name).Config.checked(knobs), Signature())


def test_a_footprint_says_what_any_batch_holds():
    """Against the very tensors of a step with a batch that it was not counted with."""
    config = variant("vae").Config.checked({"hidden": (32,)})
    found = footprint.footprint("vae", config, Signature())
    model = build("vae", config, Signature())
    for batch in (1, 50, 200):
        entries = footprint._entries(
            lambda count: footprint._learn(model, Signature(), count, True), batch
        )
        told = max(fixed + batch * each for fixed, each in found.step)
        assert max(entries) <= told <= 1.02 * max(entries) + 4096


def test_a_footprint_without_numbers_is_that_with_them(monkeypatch):
    knobs = {"network": "conv", "channels": (8, 16)}
    made = counted("stacked_ae", **knobs)
    monkeypatch.setattr(footprint, "LARGEST", 0)
    outlined = counted("stacked_ae", **knobs)
    assert outlined.parameters == made.parameters and outlined.state == made.state
    for batch in (128, 4096):
        one, other = (
            max(fixed + batch * each for fixed, each in found.step) for found in (made, outlined)
        )
        assert 0.7 * one < other < 1.6 * one


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_memory_is_known_of_every_variant(name):
    found = counted(name)
    model = build(name, variant(name).Config(), Signature())
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert found.step and found.look and found.numbers == 784
    small, large = (
        estimate.memory(found, TrainConfig(batch_size=batch), 60_000) for batch in (128, 65536)
    )
    assert 50 * MIB < small <= large and small < 700 * MIB
    if not found.whole:
        assert large > 600 * MIB


def test_a_visitor_can_not_ask_for_more_memory_than_there_is(tmp_path):
    """The training that was let through: two wide convolutions and all digits in one batch."""
    found = counted("vae", network="conv", channels=(512, 512))
    asked = estimate.memory(found, TrainConfig(batch_size=65536), 4000, 1000)
    assert asked > 9 * 1024 * MIB
    request = jobs.JobRequest(
        id="vae-k2-00000000aa",
        variant="vae",
        config={"latent": 2},
        data="mnist-5k",
        split="train",
        train={},
        samples=1,
        expected=1.0,
        memory=asked // MIB,
    )
    with pytest.raises(jobs.JobError, match="MiB of memory; .* at most 2,048"):
        jobs.submit(tmp_path, request, "visitor-a", Limits())
    assert jobs.submit(tmp_path, request, "the-owner", Limits(), owner=True)
    usual = counted("vae", network="conv")
    assert estimate.memory(usual, USUAL, 55_000, 10_000) < Limits().memory * MIB
