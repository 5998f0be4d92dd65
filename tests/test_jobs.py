"""core.training.jobs: a fair queue whose whole state is in the run store; and its limits."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest

from core.config import ConfigError
from core.store import checkpoints
from core.training import jobs, limits
from core.training.jobs import JobError, JobProgress, JobRequest
from core.training.limits import Limits


def request(name="vae", number=1, **changes):
    fields = {
        "id": f"{name}-k2-{number:010x}",
        "variant": name,
        "config": {"latent": 2},
        "data": "mnist-5k",
        "split": "train",
        "train": {},
        "samples": 1000,
        "expected": 10.0,
    }
    return JobRequest(**{**fields, **changes})


def ask(store, visitor, number, owner=False, allowed=None, **changes):
    allowed = allowed or Limits(waiting=1000)
    return jobs.submit(store, request(number=number, **changes), visitor, allowed, owner)


def ids(store):
    return [int(job.id[-10:], 16) for job in jobs.jobs(store)]


def begin(store, number, **progress):
    """What a worker's first report leaves in the store."""
    job = jobs.find(store, request(number=number).id)
    (job.folder / jobs.BEAT).touch()
    jobs.write_progress(job.folder, JobProgress(attempts=1, **progress))
    return job


# --- Asking -------------------------------------------------------------------------------------


def test_what_is_asked_for_waits_and_can_be_read_again(tmp_path):
    assert ask(tmp_path, "visitor-a", 1)
    (job,) = jobs.jobs(tmp_path)
    assert (job.status, job.askers, job.request.samples) == ("waiting", ("visitor-a",), 1000)
    assert abs(job.request.asked_at - time.time()) < 60
    assert jobs.find(tmp_path, job.id) == job
    assert checkpoints.list_runs(tmp_path).runs == {}
    assert checkpoints.list_runs(tmp_path).problems == ()


def test_thirty_who_ask_for_the_same_at_once_get_one_job(tmp_path):
    barrier = threading.Barrier(30)

    def one(i):
        barrier.wait()
        ask(tmp_path, f"visitor-{i:02d}", 7)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (job,) = jobs.jobs(tmp_path)
    assert job.askers == tuple(f"visitor-{i:02d}" for i in range(30))
    assert not list((tmp_path / jobs.QUEUE).glob(".new-*"))


def test_a_finished_run_is_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "complete", lambda store, request: "a run")
    assert not ask(tmp_path, "visitor-a", 1)
    assert jobs.jobs(tmp_path) == []


def test_a_job_of_an_earlier_version_goes_on(tmp_path):
    assert ask(tmp_path, "visitor-a", 1)
    (job,) = jobs.jobs(tmp_path)
    told = json.loads((job.folder / jobs.REQUEST).read_text())
    for new in ("stored_as", "formerly"):
        told.pop(new)
    told["train"] = {"epochs": 2.0, "store": "float16"}
    (job.folder / jobs.REQUEST).write_text(json.dumps(told))
    (again,) = jobs.jobs(tmp_path)
    assert again.request.train == {"epochs": 2.0} and again.request.stored_as == "float16"
    assert again.request.names == (job.id,)


def test_a_run_that_is_there_under_an_earlier_id_is_not_trained_again(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(checkpoints, "complete", lambda stores, names: seen.append(names))
    assert ask(tmp_path, "visitor-a", 1, formerly=("vae-k2-00000000ee",))
    assert seen == [(request(number=1).id, "vae-k2-00000000ee")]


@pytest.mark.parametrize("name", ["", "short", "../../etc/passwd", "a" * 65, "with space"])
def test_a_visitor_whose_name_is_none(tmp_path, name):
    with pytest.raises(JobError, match="8 to 64 letters"):
        ask(tmp_path, name, 1)
    assert jobs.jobs(tmp_path) == []


# --- Turns --------------------------------------------------------------------------------------


def test_every_visitor_s_first_comes_before_anybody_s_second(tmp_path):
    for number in (1, 2, 3):
        ask(tmp_path, "visitor-a", number)
    ask(tmp_path, "visitor-b", 4)
    ask(tmp_path, "visitor-c", 5)
    ask(tmp_path, "visitor-b", 6)
    assert ids(tmp_path) == [1, 4, 5, 2, 6, 3]
    begin(tmp_path, 1)
    assert ids(tmp_path) == [1, 4, 5, 2, 6, 3], "what is in work counts as a turn"
    ask(tmp_path, "visitor-d", 7)
    ask(tmp_path, "visitor-d", 3)  # joins what is somebody else's third, as the first of its own
    assert ids(tmp_path) == [1, 3, 4, 5, 2, 6, 7]


def test_place_in_the_queue_and_when_it_begins(tmp_path):
    for number in (1, 2, 3):
        ask(tmp_path, f"visitor-{number}", number, expected=number * 10.0)
    begin(tmp_path, 1, step=25, steps=100, seconds=4.0)
    queued = jobs.jobs(tmp_path)
    assert jobs.place(queued, request(number=1).id, 1) is None
    assert jobs.place(queued, request(number=2).id, 1) == jobs.Place(0, 12.0)
    assert jobs.place(queued, request(number=3).id, 1) == jobs.Place(1, 32.0)
    assert jobs.place(queued, request(number=3).id, 2) == jobs.Place(1, 16.0)
    assert jobs.place(queued, request(number=9).id, 1) is None


# --- Limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"samples": 10**9}, "1,000,000,000 samples; .* at most 3,000,000"),
        ({"expected": 5e3}, "5,000 expected seconds; .* at most 900"),
        ({"parameters": 10**8}, "100,000,000 parameters; .* at most 10,000,000"),
    ],
)
def test_budgets_bind_everybody_but_the_owner(tmp_path, changes, sentence):
    with pytest.raises(JobError, match=sentence):
        ask(tmp_path, "visitor-a", 1, **changes)
    assert jobs.jobs(tmp_path) == []
    assert ask(tmp_path, "visitor-a", 1, owner=True, **changes)


def test_one_visitor_can_not_fill_the_queue_nor_all_together(tmp_path):
    allowed = Limits(waiting=2, queue=3)
    for number in (1, 2):
        ask(tmp_path, "visitor-a", number, allowed=allowed)
    with pytest.raises(JobError, match="You have 2 trainings in the queue"):
        ask(tmp_path, "visitor-a", 3, allowed=allowed)
    ask(tmp_path, "visitor-b", 3, allowed=allowed)
    with pytest.raises(JobError, match="queue is full: 3"):
        ask(tmp_path, "visitor-c", 4, allowed=allowed)
    assert ask(tmp_path, "visitor-c", 3, allowed=allowed), "who joins adds nothing"


def test_limits_from_the_owner_s_file(tmp_path, monkeypatch):
    file = tmp_path / "config.toml"
    monkeypatch.setenv("LATENT_EXPLORER_CONFIG", str(file))
    assert limits.read() == Limits()
    file.write_text("workers = 2\nsamples = 50_000\nowner = 'nobody'\n")
    assert limits.read() == Limits(workers=2, samples=50_000, owner="nobody")
    for text, sentence in (
        ("workers = 0", r"Workers \(workers\) must be between 1 and 64; got 0"),
        ("werkers = 1", "werkers is not a knob here"),
        ("workers = ", "config.toml: "),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=sentence) as caught:
            limits.read()
        assert "\n" not in str(caught.value)


# --- Stopping and failing -----------------------------------------------------------------------


def test_a_waiting_job_that_nobody_wants_any_longer_goes(tmp_path):
    ask(tmp_path, "visitor-a", 1)
    ask(tmp_path, "visitor-b", 1)
    assert not jobs.stop(tmp_path, request().id, "visitor-a")
    assert jobs.find(tmp_path, request().id).askers == ("visitor-b",)
    assert not jobs.stop(tmp_path, request().id, "visitor-c"), "a stranger's wish"
    assert jobs.stop(tmp_path, request().id, "visitor-b")
    assert jobs.jobs(tmp_path) == []


def test_the_owner_stops_what_others_asked_for(tmp_path):
    ask(tmp_path, "visitor-a", 1)
    begin(tmp_path, 1, step=1, steps=9)
    assert jobs.stop(tmp_path, request().id, "the-owner", owner=True)
    assert jobs.find(tmp_path, request().id).status == "stopping"
    ask(tmp_path, "visitor-b", 1)
    assert jobs.find(tmp_path, request().id).status == "running", "somebody wants it again"


def test_a_worker_without_a_beat_is_gone_and_its_job_waits_again(tmp_path):
    ask(tmp_path, "visitor-a", 1)
    job = begin(tmp_path, 1, step=5, steps=9)
    assert jobs.find(tmp_path, job.id).status == "running"
    long_ago = time.time() - jobs.SILENCE - 1
    os.utime(job.folder / jobs.BEAT, (long_ago, long_ago))
    assert jobs.find(tmp_path, job.id).status == "waiting"


def test_a_failed_job_stays_until_it_is_dismissed_or_asked_for_again(tmp_path):
    ask(tmp_path, "visitor-a", 1)
    begin(tmp_path, 1, status="failed", message="It diverged.")
    (job,) = jobs.jobs(tmp_path)
    assert (job.status, job.progress.message) == ("failed", "It diverged.")
    assert ask(tmp_path, "visitor-b", 1)
    (job,) = jobs.jobs(tmp_path)
    assert (job.status, job.askers) == ("waiting", ("visitor-b",))
    assert job.progress == JobProgress()
    begin(tmp_path, 1, status="failed")
    jobs.dismiss(tmp_path, job.id)
    jobs.dismiss(tmp_path, job.id)
    assert jobs.jobs(tmp_path) == []


# --- Faults -------------------------------------------------------------------------------------


def test_a_store_that_can_not_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(
        JobError, match="Nothing can be trained here: the run store .* \\("
    ) as caught:
        ask(tmp_path / "file", "visitor-a", 1)
    assert "\n" not in str(caught.value)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobs.tempfile, "mkdtemp", full)
    with pytest.raises(JobError, match="No space left on device"):
        ask(tmp_path, "visitor-a", 1)


def test_foreign_and_torn_folders_in_the_queue_stand_in_nobody_s_way(tmp_path):
    ask(tmp_path, "visitor-a", 1)
    queue = tmp_path / jobs.QUEUE
    (queue / "nonsense").mkdir()
    (queue / "vae-k2-00000000ff").mkdir()
    torn = queue / "vae-k2-00000000fe"
    torn.mkdir()
    (torn / jobs.REQUEST).write_text('{"id": "vae-k2-0000')
    (queue / request().id / jobs.PROGRESS).write_text("[]")
    assert ids(tmp_path) == [1]
    assert jobs.find(tmp_path, "../../etc") is None


def test_the_queue_needs_no_torch():
    import subprocess
    import sys

    program = "import sys, core.training.jobs, core.training.limits; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
