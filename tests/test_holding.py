"""core.training.holding: the operating system ends a training that takes too much."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.training import holding
from tests.digits import REPOSITORY

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

MIB = 2**20
PROGRAM = """
import sys
from pathlib import Path
import torch
from core import data
from core.config import TrainConfig
from core.models import variant
from core.store import checkpoints, own_runs, rights
from core.training import jobs, limits, loop, worker
from core.training.limits import Limits

store = Path(sys.argv[1])
torch.set_num_threads(1)
limits.read = lambda: Limits(memory=256)
real = loop.train
blocks = []

def greedy(*args, **kwargs):  # a wrong estimate: each report takes 100 MiB more
    for progress in real(*args, **kwargs):
        blocks.append(torch.ones(100 * 2**18))
        yield progress
    blocks.clear()

def ask(seed, owner=False):
    digits = data.load("mnist-5k", "train")
    config = variant("vae").Config.checked({"hidden": (4,)})
    how = TrainConfig.checked({"epochs": 2, "batch_size": 800, "seed": seed})
    asked = checkpoints.Request("vae", config, digits, how)
    request = jobs.JobRequest(id=asked.id, variant="vae", config=config.model_dump(mode="json"),
        data="mnist-5k", split="train", train=how.model_dump(mode="json"), samples=1, expected=1.0)
    assert jobs.submit(store, request, "visitor-ann", Limits(), owner)
    return asked.id

one = worker.Worker(store, 0)
for seed, owner, wrong in ((1, False, True), (2, False, False), (3, True, True)):
    loop.train = greedy if wrong else real
    job_id = ask(seed, owner)
    one.once()
    blocks.clear()
    job = jobs.find(store, job_id)
    run = None if job else checkpoints.open_run(store / job_id)
    whose = run and rights.maker_of(run.folder)
    print(job.progress.message if job else f"{run.record.status} of {whose}")
print(rights.mark_of("visitor-ann"))
"""


def test_a_training_that_takes_too_much_ends_and_the_next_one_goes_on(tmp_path):
    """A visitor's beyond the limit, another one within it, and the owner's, who may have all."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    broke_off, trained, owners, mark = done.stdout.splitlines()
    assert broke_off.startswith(
        "This training needs more memory than there is, or than the 256 MiB"
    )
    assert (trained, owners) == (f"complete of {mark}", "complete of owner")


def test_what_is_free_bounds_whoever_has_no_other_bound(monkeypatch):
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    told = {"VmData": 100 * MIB, "MemAvailable": 1000 * MIB}
    monkeypatch.setattr(holding, "_told", lambda file, name: told[name])
    monkeypatch.setattr(resource, "setrlimit", lambda what, bound: set_to.append(bound[0]))
    set_to = []
    for most in (None, 500 * MIB, 5000 * MIB):
        with holding.held(most) as held:
            assert held
    room = 100 * MIB + holding.STACKS
    wanted = [room + 900 * MIB, room + 500 * MIB, room + 900 * MIB]
    assert set_to[::2] == wanted and set(set_to[1::2]) == {before[0]}, "and is let go again"


def test_where_nothing_can_be_held_nothing_is(monkeypatch):
    with holding.held(1, on_cuda=True) as held:
        assert not held and len(bytearray(50 * MIB)) == 50 * MIB
    monkeypatch.setattr(holding, "_told", lambda file, name: None)
    with holding.held(1) as held:
        assert not held
