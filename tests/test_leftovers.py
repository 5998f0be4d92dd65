"""core.store.leftovers: what killed processes leave is swept, what is alive is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from core.store import leftovers
from core.store.leftovers import INTERRUPTED, OLD, sweep
from tests.digits import REPOSITORY

ID = "vae-conv-k16-0123456789"

LEFT = (
    f".{ID}-x7_ab12c/weights.safetensors",  # of a save
    f".{ID}-deleted/run.json",
    f".{ID}-previous/run.json",  # beside the run that took its place
    ".import-q8_z/vae-k2-0123456789/run.json",
    ".queue/.gone-vae-k2-0123456789-4711-123456789/askers/somebody",
    ".queue/.new-abcdefgh/request.json",
    ".derived/.tmp1a2b3c",
    ".sets/.tmpz9_8y",
)
STAYS = (
    f"{ID}/run.json",
    f"{ID}/.run.json",
    ".queue/vae-k2-0123456789/request.json",
    ".queue/vae-k2-0123456789/.progress.json",
    ".queue/locks/vae-k2-0123456789",
    ".queue/worker-0.log",
    ".derived/umap-0123456789abcdef01234567.safetensors",
    ".sets/set-0123456789abcdef01234567.safetensors",
    ".Trash-1000/anything",
    ".nfs000000000001",
    "notes.txt",
)


@pytest.fixture
def later(monkeypatch):
    """Lets time pass for the sweeper: `later(seconds)`."""
    now = time.time()

    def pass_by(seconds):
        monkeypatch.setattr(leftovers.time, "time", lambda: now + seconds)

    return pass_by


def fill(store, names):
    for name in names:
        path = store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content")


def files(store):
    return {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}


def test_what_is_old_goes_and_nothing_else(tmp_path, later):
    fill(tmp_path, LEFT + STAYS)
    later(OLD - 60)
    assert sweep(tmp_path) == [] and files(tmp_path) == set(LEFT + STAYS), "it may be alive"
    later(OLD + 60)
    gone = sweep(tmp_path)
    assert files(tmp_path) == set(STAYS) and len(gone) == len(LEFT)
    assert not any(path.exists() for path in gone)
    assert sweep(tmp_path) == [] and sweep(tmp_path / "nowhere") == []


@pytest.mark.parametrize("name", LEFT)
def test_what_is_touched_inside_is_alive(tmp_path, later, name):
    """A folder's own time says nothing of what is written into a file of it."""
    fill(tmp_path, [name, f"{ID}/run.json"])
    later(OLD + 60)
    os.utime(tmp_path / name, (time.time() + OLD, time.time() + OLD))
    assert sweep(tmp_path) == [] and (tmp_path / name).exists()


def test_a_clock_that_was_set_back_sweeps_nothing(tmp_path, later):
    fill(tmp_path, LEFT + STAYS)
    later(-(10**8))
    assert sweep(tmp_path) == [] and files(tmp_path) == set(LEFT + STAYS)


def test_a_run_whose_replacing_was_killed_is_back(tmp_path, later):
    fill(tmp_path, [f".{ID}-previous/run.json", f".{ID}-abc_4567/run.json"])
    later(INTERRUPTED / 2)
    sweep(tmp_path)
    assert files(tmp_path) == {f".{ID}-previous/run.json", f".{ID}-abc_4567/run.json"}
    later(INTERRUPTED + 1)
    assert sweep(tmp_path) == []
    assert files(tmp_path) == {f"{ID}/run.json", f".{ID}-abc_4567/run.json"}


def test_a_link_is_taken_away_and_not_followed(tmp_path, later):
    store, other = tmp_path / "store", tmp_path / "other"
    fill(other, ["precious"])
    store.mkdir()
    (store / ".import-abc").symlink_to(other)
    later(OLD + 60)
    assert [path.name for path in sweep(store)] == [".import-abc"]
    assert files(other) == {"precious"}


KILLED = """
import os, signal, sys
from pathlib import Path
from core.store import checkpoints
from core.training import jobs
from core.training.limits import Limits
store = Path(sys.argv[1])
here = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "save":
    record = checkpoints.RunRecord.model_construct(id="vae-k2-0123456789")
    checkpoints.RunRecord.model_dump_json = here
    checkpoints.save(store, record, {"weights.safetensors": {}})
request = jobs.JobRequest(id="vae-k2-0123456789", variant="vae", config={"latent": 2},
    data="mnist-5k", split="train", train={}, samples=1, expected=1.0)
if sys.argv[2] == "ask":
    jobs.JobRequest.model_dump_json = here
jobs.submit(store, request, "visitor-a", Limits())
jobs.shutil.rmtree = here
jobs.dismiss(store, request.id)
"""


@pytest.mark.parametrize("during", ["save", "ask", "dismiss"])
def test_what_a_real_kill_leaves_has_these_names(tmp_path, later, during):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), during], cwd=REPOSITORY, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    left = set(tmp_path.rglob("*")) - {tmp_path / ".queue"}
    assert left
    later(OLD + 60)
    sweep(tmp_path)
    assert set(tmp_path.rglob("*")) - {tmp_path / ".queue"} == set()


def test_a_training_and_a_tidied_store_sweep(tmp_path, monkeypatch):
    from core.__main__ import main
    from core.store import own_runs

    swept = []
    monkeypatch.setattr(leftovers, "sweep", swept.append)
    own_runs.tidy(tmp_path / "a", 1)
    (tmp_path / "b").mkdir()
    command = ["train", "pca", "--split", "train", "--store", str(tmp_path / "b")]
    assert main(command) == 0
    assert swept == [tmp_path / "a", tmp_path / "b"]
