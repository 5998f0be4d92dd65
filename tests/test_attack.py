"""What anybody may send to any route: an answer below 500, and nothing that ends a thread.

Routes are the app's own list, so that a new one is tried by being registered.
"""

from __future__ import annotations

import random
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.latent import results
from core.store import checkpoints, image_sets, result_files
from core.training.limits import Limits
from explorer import assets, background, exporting, live, resources, workers
from explorer.background import Deriver
from explorer.guard import Guard
from tests import odd
from tests.asking import asked, waited


@pytest.fixture
def app(monkeypatch, tmp_path):
    """The app's own routes behind its guard, without what costs a process."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(background, "_deriver", Deriver(lambda batch: [sys.executable, "-c", ""]))
    monkeypatch.setattr(exporting._Exports, "ask", lambda self, run, folder: None)
    yield Starlette(routes=assets.routes(), middleware=[Middleware(Guard)])
    background._deriver.close()


def test_every_route_answers_whatever_is_sent(app, shipped):
    choose = random.Random(11)
    tried = []
    for address in odd.addresses(assets.routes(), odd.usual(shipped)):
        tried.append((address, choose.choice(("GET", "POST", choose.choice(odd.METHODS)))))
    assert len(tried) > 600

    async def all_of_them():
        for address, method in tried:
            headers, body = choose.choice(odd.HEADERS), choose.choice(odd.BODIES)
            answer = await asked(app, address, method, headers, (body,))
            assert 200 <= answer.status < 500 and answer.raised is None, (
                f"{answer.status} {answer.raised!r}: {method} {address[:200]} {headers}"
            )
            assert b"Traceback" not in answer.body
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    waited(all_of_them())
    assert background._deriver.thread is None or background._deriver.thread.is_alive()


@pytest.mark.parametrize(
    "breaks",
    [ValueError("embedded null byte"), OSError(7, "Argument list too long"), KeyError("kind")],
)
def test_deriving_goes_on_after_whatever_one_result_does(shipped, breaks, monkeypatch, tmp_path):
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path))
    run = next(run for run in shipped.values() if results.possible(run))
    begun = []

    def command(batch):
        begun.append(batch[0].kind)
        if batch[0].kind == "umap":
            raise breaks
        return [sys.executable, "-c", "print('[1]'); print(b'\\xff'.decode('latin-1')); exit(3)"]

    deriver = Deriver(command)
    subject = results.Subject(run, seed=7)
    for kind in ("umap", "tsne", "umap"):
        assert deriver.ask(subject, kind, "visitor-a")
        end = time.monotonic() + 30
        while deriver.state(subject, kind)["status"] != "failed":
            assert time.monotonic() < end and deriver.thread.is_alive()
            time.sleep(0.01)
    assert begun == ["umap", "tsne", "umap"]
    deriver.close()


def test_a_set_that_nobody_brought_takes_no_place_in_the_queue(app, shipped):
    run = next(run for run in shipped.values() if results.possible(run))
    for wrong in ("%00", "0" * 24, "..%2f..", "%ff", "x" * 5000):
        target = f"{assets.root()}/derive/{run.id}/umap?set={wrong}"
        answer = waited(asked(app, target, "POST", {live.HEADER: "visitor-a"}))
        assert answer.status == 200 and b'"failed"' in answer.body and b'"gone"' in answer.body
    assert not background._deriver.tasks and background._deriver.thread is None


def test_an_export_that_breaks_in_an_unknown_way_is_told_and_not_too_many_wait(
    shipped, monkeypatch, caplog
):
    held = threading.Event()

    def export(run, folder):
        assert held.wait(30)
        raise KeyError("what nobody thought of")

    monkeypatch.setattr(exporting, "export", export)
    run, exports = next(iter(shipped.values())), exporting._Exports()
    folders = [Path(f"/nowhere/{number}") for number in range(exporting.MOST)]
    assert [exports.ask(run, folder) for folder in folders] == [None] * len(folders)
    assert exports.ask(run, folders[3]) is None, "who asks again waits on"
    over = exports.ask(run, Path("/nowhere/over"))
    assert over.status == 503 and "try again soon" in str(over)
    held.set()
    end = time.monotonic() + 30
    while exports._under_way:
        assert time.monotonic() < end
        time.sleep(0.01)
    why = exports.ask(run, folders[0])
    assert why.status == 422 and f"The export of run {run.id} broke off" in str(why)
    assert "what nobody thought of" in caplog.text


def test_workers_are_looked_after_whatever_one_look_does(monkeypatch, tmp_path, caplog):
    looks = []

    def look(self):
        looks.append(1)
        raise RuntimeError("what nobody thought of")

    monkeypatch.setattr(workers, "LOOK", 0.01)
    monkeypatch.setattr(workers.Pool, "_look", look)
    pool = workers.Pool(tmp_path, Limits())
    pool.start()
    end = time.monotonic() + 30
    while len(looks) < 3:
        assert time.monotonic() < end and pool.thread.is_alive()
        time.sleep(0.01)
    pool.closing.set()
    assert "what nobody thought of" in caplog.text


def test_what_people_brought_or_trained_is_kept_by_their_browser_alone(app, shipped, tmp_path):
    def keeps(address):
        answer = waited(asked(app, address))
        assert answer.status == 200, address
        return answer.headers["Cache-Control"].partition(",")[0]

    set_id = image_sets.keep(resources.digits().subset(range(3), "some"))
    spec = assets.digits_spec(set_id)
    assert {keeps(spec["labels"]), keeps(spec["images"])} == {"private"}
    assert keeps(spec["mean"]) == keeps(assets.digits_spec()["images"]) == "public"

    run = next(run for run in shipped.values() if results.possible(run))
    result_files.folders()[1].mkdir()
    for kind in ("umap", "each"):
        subject = results.Subject(run)
        ships = results.find(subject, kind)
        assert keeps(f"{assets.root()}/derived/{ships.name}") == "public"
        own = results.file_name(results.Subject(run, set_id), kind)
        shutil.copyfile(ships, result_files.folders()[1] / own)
        assert keeps(f"{assets.root()}/derived/{own}") == "private"

    assert keeps(assets.run_spec(run)["codes"]) == "public"
    trained = run.record.model_copy(update={"id": f"{run.id.rpartition('-')[0]}-00000000aa"})
    tensors = {name: checkpoints.read_tensors(run, name) for name in run.record.files}
    mine = checkpoints.save(checkpoints.user_store(), trained, tensors)
    assert keeps(assets._address(mine, checkpoints.CODES)) == "private"
