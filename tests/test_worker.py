"""core.training.worker: real processes that train what is queued, are stopped, and are killed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from core import data, models, refusal
from core.config import TrainConfig
from core.models import variant
from core.store import checkpoints, loading
from core.training import jobs, loop, runner, worker
from core.training.film import FRAMES, SIDE, Film
from core.training.limits import Limits
from tests.digits import QUICK, REPOSITORY, signature_of, small_config, small_data

LONG = {"epochs": 4000.0, "batch_size": 500}
SHORT = {"epochs": 4.0, "batch_size": 500}


def request(training, name="vae", **knobs):
    """A training on mnist-5k's 4,000, small and long or short."""
    digits = data.load("mnist-5k", "train")
    config = variant(name).Config.checked({"hidden": (16,), **knobs})
    asked = checkpoints.Request(name, config, digits, TrainConfig.checked(training))
    return jobs.JobRequest(
        id=asked.id,
        variant=name,
        config=config.model_dump(mode="json"),
        data="mnist-5k",
        split="train",
        train=asked.train.model_dump(mode="json"),
        samples=1000,
        expected=1.0,
    )


def submit(store, asked, visitor="visitor-a"):
    assert jobs.submit(store, asked, visitor, Limits(waiting=100))
    return asked.id


def until(condition, seconds=120, what="it"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come in {seconds} s")


def running(store, job_id, steps=1):
    def look():
        job = jobs.find(store, job_id)
        if job is not None and job.status == "failed":
            raise AssertionError(job.progress.message)
        return job is not None and job.status == "running" and job.progress.step >= steps

    return until(look, what="the training")


def stored(store, job_id):
    """The run, once its job has gone."""
    until(lambda: jobs.find(store, job_id) is None, what="the end of the training")
    return checkpoints.open_run(store / job_id)


class Processes:
    """Workers as real processes over stores; killed at the end of the test, whatever happens."""

    def __init__(self):
        self.all = []

    def start(self, store):
        process = subprocess.Popen(
            [sys.executable, "-m", "core.training.worker", "--store", str(store), "--nice", "0"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.all.append(process)
        return process


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def processes():
    found = Processes()
    yield found
    for process in found.all:
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.kill()
        process.wait(10)


def test_a_worker_s_whole_life(store, processes):
    """One process after the other over one store: train, stop, be killed, be orphaned."""
    first = processes.start(store)

    # It trains what is asked, and keeps film and scores.
    short = submit(store, request(SHORT))
    run = stored(store, short)
    assert run.record.status == "complete" and set(run.record.metrics) == {"mnist-5k/test"}
    film = checkpoints.read_tensors(run, checkpoints.FILM)
    frames = len(film["points"])
    assert film["points"].shape == (frames, 1000, 2) and film["points"].dtype == np.float16
    assert film["steps"][0] == 0 and film["steps"][-1] == 32 and (np.diff(film["steps"]) > 0).all()

    # A stop stops within a second and keeps the work; what others still want goes on.
    long = submit(store, request(LONG))
    submit(store, request(LONG), "visitor-b")
    running(store, long)
    assert not jobs.stop(store, long, "visitor-a")
    asked = time.monotonic()
    assert jobs.stop(store, long, "visitor-b")
    until(lambda: jobs.find(store, long) is None or jobs.find(store, long).status == "saving")
    assert time.monotonic() - asked < 1.0
    run = stored(store, long)
    assert run.record.status == "stopped" and run.record.samples > 0 and run.record.history
    assert loading.load_model(run) is not None

    # Diverging to NaN is one sentence; the worker goes on with the next.
    wild = {"epochs": 50.0, "batch_size": 50, "learning_rate": 1.0}
    gaussian = {"likelihood": "gaussian", "sigma": 1e-20}
    bad = submit(store, request(wild, **gaussian))
    failed = until(lambda: (jobs.find(store, bad).status == "failed") and jobs.find(store, bad))
    assert "diverged at step" in failed.progress.message
    assert "learning rate below 1." in failed.progress.message
    assert str(refusal.from_json(failed.progress.refusal)) == failed.progress.message
    assert first.poll() is None

    # Killed in mid-run: another worker does it again, from the start.
    again = submit(store, request({**SHORT, "epochs": 12.0, "seed": 1}))
    running(store, again)
    others = [processes.start(store), processes.start(store)]
    first.kill()
    first.wait(10)
    run = stored(store, again)
    assert run.record.status == "complete" and run.record.samples == 48_000

    # The server is gone, so nobody holds the workers' standard input: the one with a job ends it,
    # and a restarted server's worker waits for the slot until then.
    last = submit(store, request({**SHORT, "epochs": 12.0, "seed": 2}))
    running(store, last)
    next_one = submit(store, request({**SHORT, "seed": 3}), "visitor-b")
    for process in others:
        process.stdin.close()
    assert worker.Worker(store, 0).once() is None, "two trainings in one slot"
    assert stored(store, last).record.status == "complete"
    assert [process.wait(20) for process in others] == [0, 0]
    assert jobs.find(store, next_one).status == "waiting"
    work_off(store)
    assert stored(store, next_one).record.status == "complete"
    assert checkpoints.list_runs(store).problems == ()


# --- Parts of it in this process ----------------------------------------------------------------


def work_off(store):
    """Let a worker in this process do what is queued."""
    one = worker.Worker(store, 0)
    one.work(lambda: any(job.status == "waiting" for job in jobs.jobs(store)))


def test_a_worker_that_died_over_a_job_again_and_again_gives_it_up(tmp_path):
    job_id = submit(tmp_path, request(SHORT))
    folder = jobs.find(tmp_path, job_id).folder
    jobs.write_progress(folder, jobs.JobProgress(attempts=jobs.ATTEMPTS))
    work_off(tmp_path)
    (job,) = jobs.jobs(tmp_path)
    assert job.status == "failed" and "ended 3 times without a word" in job.progress.message


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "needs more memory than there is"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"), "more memory"),
        (RuntimeError("mat1 and mat2 can't\nbe multiplied"), "broke off: mat1 and mat2 can't"),
    ],
)
def test_what_breaks_in_a_training_is_one_sentence(tmp_path, monkeypatch, error, sentence):
    def breaks(*args, **kwargs):
        raise error
        yield

    monkeypatch.setattr(runner, "run", breaks)
    submit(tmp_path, request(SHORT))
    work_off(tmp_path)
    (job,) = jobs.jobs(tmp_path)
    assert job.status == "failed" and sentence in job.progress.message
    assert "\n" not in job.progress.message


def test_a_full_disk_at_the_end_is_one_sentence_and_nothing_else_is_lost(tmp_path, monkeypatch):
    kept = submit(tmp_path, request(SHORT))
    work_off(tmp_path)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "_write", full)
    submit(tmp_path, request({**SHORT, "seed": 1}))
    work_off(tmp_path)
    (job,) = jobs.jobs(tmp_path)
    assert job.status == "failed"
    assert "could not be saved" in job.progress.message and "No space left" in job.progress.message
    assert set(checkpoints.list_runs(tmp_path).runs) == {kept}


def test_data_that_changed_since_it_was_asked_for(tmp_path):
    asked = request(SHORT).model_copy(update={"id": "vae-k2-0123456789"})
    submit(tmp_path, asked)
    work_off(tmp_path)
    (job,) = jobs.jobs(tmp_path)
    assert "mnist-5k/train has changed since" in job.progress.message


def test_a_stop_that_its_worker_did_not_live_to_see(tmp_path):
    job_id = submit(tmp_path, request(SHORT))
    (jobs.find(tmp_path, job_id).folder / jobs.STOP).touch()
    work_off(tmp_path)
    assert jobs.jobs(tmp_path) == [] and checkpoints.list_runs(tmp_path).runs == {}


# --- The film -----------------------------------------------------------------------------------


@pytest.mark.parametrize("latent", [1, 2, 3])
def test_a_film_changes_no_training(latent):
    digits = small_data("images")
    config = small_config("vae", latent=latent)

    def trained(film):
        model = models.build("vae", config, signature_of(digits))
        for progress in loop.train(model, digits, QUICK, torch.device("cpu")):
            if film is not None:
                film.look(model, progress.step, progress.steps, progress.samples)
        return model.state_dict()

    film = Film(digits)
    plain, filmed = trained(None), trained(film)
    assert all(torch.equal(plain[name], filmed[name]) for name in plain)
    arrays = film.arrays()
    assert 2 <= len(arrays["points"]) <= FRAMES
    assert arrays["steps"][-1] == 20 and len(set(arrays["steps"])) == len(arrays["steps"])


def test_frames_are_published_whole_and_the_sheet_is_a_picture(tmp_path):
    import io

    from PIL import Image

    digits = small_data("images")
    (tmp_path / "stale.points").write_bytes(b"of an earlier attempt")
    film = Film(digits, tmp_path)
    model = models.build("stacked_ae", small_config("stacked_ae"), signature_of(digits))
    assert film.begin(model, resumed=False)
    for step in range(1, 5):
        film.look(model, step, 4, step)
    count = len(film.points)
    names = {f"{i:04d}.{part}" for i in range(count) for part in ("points", "grid")}
    assert {path.name for path in tmp_path.iterdir()} == names | {"frames.json"}
    points = np.frombuffer((tmp_path / "0000.points").read_bytes(), np.float16).reshape(-1, 2)
    np.testing.assert_array_equal(points, film.arrays()["points"][0])
    sheet = Image.open(io.BytesIO(film.arrays()["sheet"].tobytes()))
    assert sheet.size == (SIDE * 12, count * SIDE * 12)
    again = Film(digits, tmp_path)
    assert again.begin(model, resumed=True)
    again.look(model, 3, 4, 3)  # resumed a little before its last frame
    for name, array in film.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)
    (tmp_path / "0001.grid").write_bytes(b"torn")
    assert not Film(digits, tmp_path).begin(model, resumed=True)


def test_only_deaths_on_the_spot_count_against_a_training(tmp_path):
    """Who comes further than the last attempt did not die of this training."""
    submit(tmp_path, request(SHORT))
    for killed_at, counted in ((8, 1), (8, 2), (8, 3), (9, 1), (3, 2), (4, 1)):
        (job,) = jobs.jobs(tmp_path)
        report = worker.Reporter(job, job.progress.attempts + 1)
        for step in range(1, killed_at + 1):
            report.take(loop.Progress(step, 32, step, 0.1, {"kl": 1.0}), 0)
        report.write()
        assert jobs.find(tmp_path, job.id).progress.attempts == counted
