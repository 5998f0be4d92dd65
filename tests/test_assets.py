"""The app's own route: immutable files for those who ask rightly, one sentence for all others."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import posixpath
import shutil
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import pytest

from core import data
from core.config import TrainConfig
from core.models import variant
from core.store import checkpoints
from core.store.checkpoints import CODES, RECORD, WEIGHTS
from core.training import loop, runner
from explorer import assets, linker

FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@pytest.fixture(scope="module")
def get(app):
    """Asks the running app for exactly this path: nothing in it is tidied up on the way."""

    def ask(path: str) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    return ask


@pytest.fixture(scope="module")
def spec(shipped):
    return assets.run_spec(next(iter(shipped.values())))


def test_weights_and_codes_are_the_runs_own_files_and_may_be_kept_forever(get, shipped):
    for run in filter(assets.in_browser, shipped.values()):
        for key, name in (("weights", WEIGHTS), ("codes", CODES)):
            answer = get(assets.run_spec(run)[key])
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == FOREVER
            content = answer.body
            if answer.headers["Content-Encoding"] == "gzip":
                content = gzip.decompress(content)
            assert hashlib.sha256(content).hexdigest() == run.record.files[name].sha256


def test_a_run_is_served_under_an_id_that_it_had_too(get, spec, shipped):
    run, sha, name = spec["weights"].split("/")[-3:]
    (old,) = shipped[run].record.formerly
    assert old not in shipped
    answer = get(spec["weights"].replace(run, old))
    assert answer.status == 200
    assert hashlib.sha256(answer.body).hexdigest().startswith(sha)


def test_digits_arrive_packed_and_may_be_kept_forever(get):
    whole = data.load("mnist-5k", "all")
    for part, expected in (("labels", whole.labels.astype(np.uint8)), ("images", whole.x)):
        answer = get(assets.digits_spec()[part])
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == FOREVER
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.body) == expected.tobytes()
        assert len(answer.body) < expected.nbytes


def test_modules_are_scripts_and_may_be_kept_forever(get):
    for name in assets.MODULES:
        answer = get(assets.module(name))
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == FOREVER
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["Content-Encoding"] == "gzip"
        linked = linker.link(name.removesuffix(".js"), assets.sources())
        assert gzip.decompress(answer.body).decode() == linked


def test_every_module_that_a_pad_imports_is_served():
    imported = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), line.split('"')[1]))
        for name in assets.MODULES
        for line in (assets.PAD / name).read_text(encoding="utf-8").splitlines()
        if line.startswith(("import ", "} from ")) and '"./' in line.replace("../", "./")
    }
    assert {"engine/run.js", "parts/page.js"} <= imported
    assert imported <= set(assets.MODULES)


def refused(answer: Answer) -> str:
    """The one sentence of a refusal."""
    assert answer.status == 404
    assert "immutable" not in (answer.headers["Cache-Control"] or "")
    assert answer.headers["Content-Type"].startswith("text/plain")
    sentence = answer.body.decode()
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "/" not in sentence, "a path of this machine leaked"
    return sentence


def test_what_the_store_does_not_hold_gets_one_sentence(get, spec):
    run, sha, name = spec["weights"].split("/")[-3:]
    root = spec["weights"].removesuffix(f"/{run}/{sha}/{name}")
    assert "nobody" in refused(get(f"{root}/nobody-k2-0123456789/{sha}/{name}"))
    assert "load the page again" in refused(get(f"{root}/{run}/0123456789abcdef/{name}"))
    for unknown in ("run.json", "secret.txt", "weights.safetensors.bak", ".git"):
        assert unknown in refused(get(f"{root}/{run}/{sha}/{unknown}"))
    digits = assets.digits_spec()["labels"].rsplit("/", 2)[0]
    good = assets.digits_spec()["labels"].split("/")[-2]
    refused(get(f"{digits}/{good}/names"))
    refused(get(f"{digits}/0123456789abcdef/labels"))
    root, version = assets.module("engine/run.js").removesuffix("/engine/run.js").rsplit("/", 1)
    assert get(f"{root}/{version}/engine/run.js").status == 200
    refused(get(f"{root}/{version}/component.py"))
    for outside in ("engine/../component.py", "engine%2f..%2f..%2fassets.py"):
        assert get(f"{root}/{version}/{outside}").status in (400, 404)
    refused(get(f"{root}/{version}/engine"))
    refused(get(f"{root}/0123456789abcdef/engine/run.js"))


@pytest.mark.parametrize("steps", [1, 2, 3, 6])
@pytest.mark.parametrize("separator", ["%2f", "%2F", "/", "%5c", "%252f"])
def test_no_path_leads_out_of_a_run(get, spec, steps, separator):
    run, sha, name = spec["weights"].split("/")[-3:]
    root = spec["weights"].removesuffix(f"/{run}/{sha}/{name}")
    up = separator.join([".."] * steps)
    record = (checkpoints.shipped_store() / run / RECORD).read_bytes()
    for target in ("run.json", "pyproject.toml", "etc/passwd", f"{run}/run.json"):
        aim = target.replace("/", separator)
        for path in (
            f"{root}/{run}/{sha}/{up}{separator}{aim}",
            f"{root}/{up}{separator}{aim}/{sha}/{name}",
            f"{root}/{run}/{sha}/{separator}{aim}",
        ):
            answer = get(path)
            # What no route takes falls through to Streamlit's own empty page, which is harmless.
            harmless = answer.status == 200 and answer.body.lstrip().startswith(b"<!")
            assert answer.status in (400, 404) or harmless, path
            assert b"latent-explorer" not in answer.body, path
            assert b"root:" not in answer.body, path
            assert record[:200] not in answer.body, path


def test_a_part_of_a_checksum_is_no_address(get, spec):
    run, sha, name = spec["weights"].split("/")[-3:]
    root = spec["weights"].removesuffix(f"/{run}/{sha}/{name}")
    for short in (sha[:1], sha[:8]):
        refused(get(f"{root}/{run}/{short}/{name}"))


@pytest.fixture
def own_run(app):
    """Trains a small run into the app's user store: PCA with K = 3. Taken away afterwards."""
    digits = data.load("mnist-5k", "all")
    request = checkpoints.Request(
        "pca", variant("pca").Config.checked({"latent": 3}), digits, TrainConfig.checked({})
    )
    loop.drain(runner.run(request, app.user_store, on_map=digits))
    run = checkpoints.open_run(app.user_store / request.id)
    yield run
    shutil.rmtree(run.folder, ignore_errors=True)


@pytest.fixture
def torn_runs(app):
    """Folders in the user store that are no runs; the sentence about each names it."""
    made = {
        "vae-k2-1111111111": '{"schema_version": 1, "id": "vae-',
        "vae-k2-2222222222": json.dumps({"schema_version": 99}),
        "holiday-pictures": None,
    }
    for name, record in made.items():
        (app.user_store / name).mkdir(parents=True)
        if record is not None:
            (app.user_store / name / RECORD).write_text(record)
    yield made
    for name in made:
        shutil.rmtree(app.user_store / name)


@pytest.mark.browser
def test_torn_runs_are_named_on_the_page_and_the_others_work(visit, torn_runs):
    hand = visit(model="vae", k=2)
    page = hand.page
    page.get_by_text("3 runs could not be read").click()
    for name in torn_runs:
        sentence = page.locator("[data-testid=stText]").filter(has_text=name)
        sentence.wait_for()
        assert sentence.count() == 1
    before = hand.label
    hand.button("prior").click()
    assert hand.label != before
    assert hand.errors == []


@pytest.mark.browser
def test_a_run_that_is_removed_while_its_page_is_open_breaks_nothing(visit, get, own_run):
    spec = assets.run_spec(own_run)
    assert get(spec["weights"]).status == 200
    hand = visit(model="pca", k=3)
    assert len(hand.z) == 3
    shutil.rmtree(own_run.folder)

    before = hand.label
    hand.map.focus()
    hand.page.keyboard.press("ArrowUp")
    assert hand.label != before, "what is in the browser goes on working"
    assert own_run.id in refused(get(spec["weights"]))

    hand.page.get_by_text("한국어").click()
    hand.wait_for_link("k", "2")
    hand.wait_for_link("lang", "ko")
    hand.wait("() => document.querySelectorAll('[data-testid=stException]').length === 0")
    hand.wait(
        "() => [...document.querySelectorAll('*')].some("
        "e => e.shadowRoot?.latentPad?.run?.id.startsWith('pca-k2-'))"
    )
    assert hand.errors == []


@pytest.mark.parametrize(
    ("path", "to"), [("/explore", "./"), ("/explore?k=16&lang=ko", "./?k=16&lang=ko")]
)
def test_explore_is_found_by_its_name_too(get, path, to):
    answer = get(path)
    assert answer.status == 307 and answer.headers["Location"] == to
