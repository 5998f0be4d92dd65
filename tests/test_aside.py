"""One bad run never takes a page: it is told in one sentence, and the rest is drawn."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes
from streamlit.testing.v1 import AppTest

from core.store import checkpoints
from core.store.checkpoints import CODES, RECORD
from explorer import aside, live, resources, state, workers
from explorer.language import LANGUAGES, Words
from explorer.views import train_shelf

GOOD, BAD = "vae-k2-aaaaaaaaaa", "vae-k2-bbbbbbbbbb"
PAGES = ("explore", "generate", "train")


def draw(page):
    import importlib

    importlib.import_module(f"explorer.views.{page}").show()


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A user's store with two runs; nothing of them is remembered afterwards."""
    for name in (GOOD, BAD):
        folder = shutil.copytree(checkpoints.shipped_store() / "vae-k2-4214f6c873", tmp_path / name)
        record = json.loads((folder / RECORD).read_text()) | {"id": name, "roles": []}
        (folder / RECORD).write_text(json.dumps(record))
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path))
    monkeypatch.setattr(workers, "ensure", lambda: None)
    monkeypatch.setattr(state, "visitor", lambda: "0" * 24)
    monkeypatch.setattr(live, "is_owner", lambda address: True)
    return tmp_path


def spoil(folder):
    """Codes without their plane, which no record tells."""
    arrays = dict(from_bytes((folder / CODES).read_bytes()))
    arrays["plane_mean"] = np.zeros(9, np.float32)
    content = to_bytes(arrays)
    (folder / CODES).write_bytes(content)
    record = json.loads((folder / RECORD).read_text())
    told = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    record["files"][CODES] = told
    (folder / RECORD).write_text(json.dumps(record))


def visit(page, code="en", **link):
    app = AppTest.from_function(draw, kwargs={"page": page}, default_timeout=60)
    for name, value in {"lang": code, **link}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_a_run_with_bad_arrays_is_one_sentence(store, page, code):
    spoil(store / BAD)
    assert BAD in resources.runs().runs, "its record says nothing of it"
    app = visit(page, code, model="vae", k="2", run=BAD)
    told = [box.value for box in app.warning if BAD in box.value.replace("\\", "")]
    assert any("plane" in sentence for sentence in told)
    assert BAD not in resources.runs().runs and GOOD in resources.runs().runs
    assert any("plane_mean" in str(refusal) for refusal in resources.runs().refused)
    assert not app.error


def test_a_row_that_raises_leaves_the_others(store, monkeypatch, caplog):
    row = train_shelf._row

    def raising(words, run, *more):
        if run.id == BAD:
            raise ZeroDivisionError("no reason")
        return row(words, run, *more)

    monkeypatch.setattr(train_shelf, "_row", raising)
    app = visit("train", run=GOOD)
    shown = "\n".join(box.value for box in app.text)
    assert f"Run {BAD} can't be shown (ZeroDivisionError: no reason)." in shown
    assert "ZeroDivisionError" in caplog.text, "whoever runs the server sees where"
    assert GOOD in resources.runs().runs


def test_a_page_s_own_fault_and_a_shipped_run_s_stay_faults(store, shipped):
    error = ValueError("of the page")
    assert aside.whose(error, resources.runs().runs.values()) == []
    run = next(iter(shipped.values()))
    with pytest.raises(ValueError, match="of the page"):
        aside.whose(aside.RunError(run, error), ())
    with pytest.raises(ZeroDivisionError):
        aside.each([run], lambda run: 1 // 0)
    assert run not in aside.refusals()


def test_a_run_that_was_mended_is_shown_again(store):
    (run,) = [run for run in resources.runs().runs.values() if run.id == BAD]
    assert aside.each([run], lambda run: 1 // 0) == []
    assert BAD not in resources.runs().runs
    mended = json.loads((store / BAD / RECORD).read_text()) | {"seconds": 1.0}
    shutil.rmtree(store / BAD)
    shutil.copytree(store / GOOD, store / BAD)
    (store / BAD / RECORD).write_text(json.dumps(mended))
    assert resources.runs().get(BAD).record.seconds == 1.0
    assert Words("en").refusal(aside.refusals()[run]).startswith(f"Run {BAD} can't be shown")


def test_a_run_is_read_once_for_as_long_as_its_record_stays(store):
    before = resources.runs().get(GOOD)
    (store / "new").mkdir()
    assert resources.runs().get(GOOD) is before
    (store / GOOD / CODES).write_bytes(b"")
    (store / "newer").mkdir()
    assert resources.runs().get(GOOD) is None, "its files are looked at each time"
