"""explorer.live and explorer.workers: what a browser is told of a training, and who may stop it."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from core.refusal import Refusal
from core.training import jobs
from core.training.jobs import JobProgress, JobRequest
from core.training.limits import Limits
from explorer import live, workers
from explorer.language import Words

MINE, OTHER = "visitor-mine", "visitor-other"
ID = "vae-k2-00000000aa"


@pytest.fixture
def job(app):
    """A job of two visitors in the running app's queue that seems to be in a worker's hands."""
    request = JobRequest(
        id=ID,
        variant="vae",
        config={"latent": 2},
        data="mnist-5k",
        split="train",
        train={},
        samples=100,
        expected=10.0,
    )
    for visitor in (MINE, OTHER):
        jobs.submit(app.user_store, request, visitor, Limits())
    folder = app.user_store / jobs.QUEUE / ID
    (folder / jobs.BEAT).touch()
    history = tuple({"step": n, "samples": 10 * n, "kl": 1.0 / n} for n in (1, 2, 3))
    report = JobProgress(
        attempts=1, step=3, steps=10, samples=30, seconds=2.0, frames=1, history=history
    )
    jobs.write_progress(folder, report)
    (folder / jobs.FRAMES).mkdir()
    (folder / jobs.FRAMES / "0000.points").write_bytes(np.ones((5, 2), np.float16).tobytes())
    time.sleep(2 * live.FRESH)
    yield jobs.find(app.user_store, ID)
    jobs.dismiss(app.user_store, ID)
    time.sleep(2 * live.FRESH)


def test_where_a_training_is_and_its_frames(ask, job):
    status, headers, body = ask(f"/jobs/{ID}?since=1", MINE)
    told = json.loads(body)
    assert status == 200 and headers["Cache-Control"] == "no-store"
    assert (told["status"], told["mine"], told["askers"]) == ("running", True, 2)
    assert [entry["step"] for entry in told["history"]] == [2, 3]
    assert told["remaining"] == pytest.approx(2.0 * 7 / 3)
    assert json.loads(ask(f"/jobs/{ID}?since=nonsense")[2])["mine"] is False
    status, headers, body = ask(f"/jobs/{ID}/frames/0/points")
    assert status == 200
    assert np.frombuffer(body, np.float16).tolist() == [1.0] * 10
    for wrong in ("frames/0/grid", "frames/7/points", "frames/0/request.json"):
        assert ask(f"/jobs/{ID}/{wrong}")[0] == 404


def test_why_a_training_failed_is_told_in_the_page_s_language(ask, job):
    why = Refusal("There is nothing to train on: {data} has no examples.", data="mine")
    for report, korean in (
        (JobProgress(status="failed", message=str(why), refusal=why.as_json()), True),
        (JobProgress(status="failed", message=str(why)), False),  # of an earlier release
    ):
        jobs.write_progress(job.folder, report)
        time.sleep(2 * live.FRESH)
        told = {code: json.loads(ask(f"/jobs/{ID}", language=code)[2]) for code in ("en", "ko")}
        assert told["en"]["status"] == "failed" and told["en"]["message"] == str(why)
        assert told["ko"]["message"] == (Words("ko").refusal(why) if korean else str(why))


def test_only_askers_and_the_owner_stop(ask, app, job):
    ask(f"/jobs/{ID}/stop", MINE)
    assert jobs.find(app.user_store, ID).status == "running", "a link stopped it"
    assert ask(f"/jobs/{ID}/stop", None, "POST")[0] == 403
    assert ask(f"/jobs/{ID}/stop", "bad name!", "POST")[0] == 403
    assert jobs.find(app.user_store, ID).status == "running"
    # This test visits from the machine itself, so it is the owner.
    assert json.loads(ask(f"/jobs/{ID}/stop", MINE, "POST")[2]) == {"id": ID, "stops": True}
    assert jobs.find(app.user_store, ID).status == "stopping"


def test_what_is_no_longer_in_the_queue(ask, shipped):
    there = next(iter(shipped))
    assert json.loads(ask(f"/jobs/{there}")[2])["status"] == "complete"
    assert json.loads(ask("/jobs/vae-k2-0123456789")[2])["status"] == "gone"
    assert ask("/jobs/..%2F..%2Fetc")[0] in (400, 404)


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        (None, True),
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.0.7", False),
        ("", False),
    ],
)
def test_who_the_owner_is(monkeypatch, address, owner):
    monkeypatch.setattr(workers, "allowed", lambda: (Limits(), None))
    assert live.is_owner(address) is owner
    monkeypatch.setattr(workers, "allowed", lambda: (Limits(owner="nobody"), None))
    assert not live.is_owner(address)


def test_a_wrong_config_file_is_one_sentence_and_the_defaults_hold(monkeypatch, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("workers = -1")
    monkeypatch.setenv("LATENT_EXPLORER_CONFIG", str(file))
    found, wrong = workers.allowed()
    assert found == Limits() and "Workers (workers) must be between" in str(wrong)


class Dead:
    """A worker that dies as soon as it is born."""

    stdin = None

    def poll(self):
        return 1


def test_dead_workers_are_replaced_less_and_less_often(monkeypatch, tmp_path):
    born = []
    monkeypatch.setattr(workers, "LOOK", 0.01)
    monkeypatch.setattr(workers.Pool, "_spawn", lambda self, slot: born.append(slot) or Dead())
    pool = workers.Pool(tmp_path, Limits(workers=2))
    pool.start()
    time.sleep(1.5)
    pool.closing.set()
    assert set(born) == {0, 1}
    assert 2 <= len(born) <= 6, "a worker that can't live is not born again and again"
