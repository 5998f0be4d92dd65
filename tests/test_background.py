"""Results in the background, in the order of asking, until nobody wants them."""

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np
import pytest

from core.latent import results
from core.latent.results import Subject
from core.refusal import Refusal
from core.store import checkpoints, result_files
from explorer import background
from explorer.background import Deriver
from explorer.language import Words

MINE, OTHER = "visitor-mine", "visitor-other"


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path))
    return tmp_path / result_files.FOLDER


@pytest.fixture
def subject(shipped):
    run = next(run for run in shipped.values() if results.possible(run))
    return Subject(run, seed=99)  # nothing ships of this seed


@pytest.fixture
def deriver():
    """Makes one whose process is a script of ours; it is ended afterwards."""
    made = []

    def make(script):
        made.append(
            Deriver(lambda batch: [sys.executable, "-c", script, *(task.kind for task in batch)])
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


def until(holds, patience=30):
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < patience, "it never came"
        time.sleep(0.02)


TELLS = "import json, time; print(json.dumps({'kind': 'umap', 'share': 0.5}), flush=True); "


def test_a_result_is_waited_for_worked_on_and_ready(own, subject, deriver):
    one = deriver(TELLS + "time.sleep(1)")
    assert one.state(subject, "umap") == {"status": "absent"}
    assert one.ask(subject, "umap", MINE) and one.ask(subject, "tsne", MINE)
    until(lambda: one.state(subject, "umap") == {"status": "working", "share": 0.5})
    assert one.state(subject, "tsne") == {"status": "waiting", "before": 1}
    name = results.file_name(subject, "umap")
    result_files.write(own, name, {"points": np.zeros((5, 2), np.float32)}, {})
    until(lambda: one.state(subject, "umap") == {"status": "ready", "file": name})
    until(lambda: one.state(subject, "tsne")["status"] == "working")


def test_scores_wait_for_the_maps(own, subject, deriver):
    one = deriver(TELLS + "time.sleep(60)")
    one.ask(subject, "each", MINE)
    until(lambda: one.state(subject, "each")["status"] == "working")
    for kind in ("plane_scores", "umap", "random_scores", "tsne"):
        one.ask(subject, kind, MINE)
    before = {kind: one.state(subject, kind)["before"] for kind in ("umap", "tsne", "plane_scores")}
    assert before == {"umap": 1, "tsne": 2, "plane_scores": 3}
    one.give_up(subject, "each", MINE)
    until(lambda: one.state(subject, "umap")["status"] == "working")


def test_it_ends_when_nobody_wants_it_any_longer(own, subject, deriver):
    one = deriver(TELLS + "time.sleep(60)")
    for visitor in (MINE, OTHER):
        one.ask(subject, "umap", visitor)
    until(lambda: one.state(subject, "umap")["status"] == "working")
    process = next(iter(one.tasks.values())).process
    assert not one.give_up(subject, "umap", "visitor-else"), "who never asked gives up nothing"
    assert not one.give_up(subject, "umap", MINE), "another one still waits"
    assert process.poll() is None
    assert one.give_up(subject, "umap", OTHER)
    until(lambda: process.poll() is not None)
    until(lambda: one.state(subject, "umap") == {"status": "absent"})
    one.ask(subject, "tsne", MINE)
    one.ask(subject, "each", MINE)
    assert one.give_up(subject, "each", MINE), "before it has begun"
    assert one.state(subject, "each") == {"status": "absent"}


def test_who_comes_while_it_ends_has_it_computed_anew(own, subject, deriver):
    slow_end = "import signal; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), exit(1)));"
    one = deriver("import time;" + slow_end + TELLS + "time.sleep(60)")
    one.ask(subject, "umap", MINE)
    until(lambda: one.state(subject, "umap").get("share") == 0.5)
    one.give_up(subject, "umap", MINE)
    one.ask(subject, "umap", OTHER)
    until(lambda: one.state(subject, "umap").get("share") == 0.5)
    assert [task.askers for task in one.tasks.values()] == [{OTHER}]


EACH = """
import json, sys, time
for kind in sys.argv[1:]:
    print(json.dumps({"kind": kind, "share": 0.25}), flush=True)
    time.sleep(0.3)
    if kind == "%s":
        print(json.dumps({"failed": "It broke."}))
        sys.exit(1)
    print(json.dumps({"kind": kind, "done": True}), flush=True)
    time.sleep(0.3)
"""


def test_scores_of_the_same_images_share_a_process(own, subject, deriver, shipped):
    one = deriver(EACH % "plane_scores")
    other = Subject([run for run in shipped.values() if results.possible(run)][1], seed=99)
    with one.changed:
        for asked, kind in (
            (subject, "random_scores"),
            (other, "plane_scores"),
            (subject, "plane_scores"),
            (subject, "umap_scores"),
        ):
            one.ask(asked, kind, MINE)
    until(lambda: one.state(subject, "random_scores").get("share") == 0.25)
    with one.changed:
        together = {task.kind for task in one.tasks.values() if task.process is not None}
        assert together == {"random_scores", "plane_scores", "umap_scores"}
        assert {task.process for task in one.tasks.values() if task.subject is other} == {None}
    until(lambda: one.state(subject, "random_scores") == {"status": "absent"})  # it was done
    until(lambda: one.state(subject, "plane_scores").get("message") == "It broke.")
    until(lambda: one.state(subject, "umap_scores")["status"] == "working")  # anew, by itself
    until(lambda: one.state(subject, "umap_scores") == {"status": "absent"})
    until(lambda: one.state(other, "plane_scores")["status"] == "failed")


def test_a_shared_process_ends_when_nobody_wants_any_of_it(own, subject, deriver):
    one = deriver(TELLS + "time.sleep(60)")
    with one.changed:
        for kind in ("random_scores", "plane_scores"):
            one.ask(subject, kind, MINE)
    until(lambda: one.state(subject, "plane_scores")["status"] == "working")
    process = next(iter(one.tasks.values())).process
    assert one.give_up(subject, "random_scores", MINE)
    assert process.poll() is None and one.state(subject, "plane_scores")["status"] == "working"
    assert one.give_up(subject, "plane_scores", MINE)
    until(lambda: process.poll() is not None and not one.tasks)


STANDS_BY = """
import json, os, sys
kinds = sys.argv[1:]
while True:
    for kind in kinds:
        print(json.dumps({"kind": kind, "share": os.getpid()}), flush=True)
        sys.stdin.readline()
        print(json.dumps({"kind": kind, "done": True}), flush=True)
    print(json.dumps({"standing_by": True}), flush=True)
    line = sys.stdin.readline()
    if not line or LEAVES:
        sys.exit(3)
    kinds = json.loads(line)["kinds"]
"""


@pytest.mark.parametrize("leaves", [False, True])
def test_a_process_that_is_done_goes_on_with_the_next_unless_it_left(own, subject, deriver, leaves):
    one = deriver(STANDS_BY.replace("LEAVES", str(leaves)))

    def done_by(kind):
        """Ask for a result; gives which process does it, and lets it be done."""
        one.ask(subject, kind, MINE)
        until(lambda: one.state(subject, kind).get("share"))
        process = one.tasks[results.file_name(subject, kind)].process
        os.write(process.stdin.fileno(), b"go on\n")
        until(lambda: one.state(subject, kind)["status"] == "absent")
        return process

    first = done_by("umap")
    until(lambda: one.spare is first)
    second = done_by("tsne")
    assert (second is first) is not leaves
    until(lambda: one.spare is second)
    one.close()
    until(lambda: second.poll() is not None)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (TELLS + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", background.ENDED),
        (TELLS + "print('no json'); exit(3)", background.ENDED),
        ('print(\'{"failed": "UMAP needs more points."}\'); exit(1)', "UMAP needs more points."),
    ],
)
def test_a_failure_is_one_sentence_and_can_be_asked_for_again(own, subject, deriver, script, told):
    one = deriver(script)
    one.ask(subject, "umap", MINE)
    until(lambda: one.state(subject, "umap")["status"] == "failed")
    assert one.state(subject, "umap")["message"] == told
    one.ask(subject, "umap", MINE)
    assert one.state(subject, "umap")["status"] in ("waiting", "working", "failed")
    until(lambda: one.state(subject, "umap")["status"] == "failed")


def test_a_failure_keeps_its_parts_for_other_languages(own, subject, deriver):
    why = Refusal("{name} needs finite codes; some of these are NaN or infinite.", name="UMAP")
    told = {"failed": str(why), "refusal": why.as_json(), "reason": "finite", "values": why.values}
    one = deriver(f"print({json.dumps(told)!r}); exit(1)")
    one.ask(subject, "umap", MINE)
    until(lambda: one.state(subject, "umap")["status"] == "failed")
    state = one.state(subject, "umap")
    assert (state["message"], state["reason"]) == (str(why), "finite")
    assert Words("ko").refusal(state["refusal"]) == Words("ko").refusal(why) != str(why)


def test_too_much_at_once_is_refused(own, subject, deriver, monkeypatch):
    monkeypatch.setattr(background, "MOST", 2)
    one = deriver("import time; time.sleep(60)")
    assert one.ask(subject, "umap", MINE) and one.ask(subject, "tsne", MINE)
    assert not one.ask(subject, "each", MINE)
    assert one.ask(subject, "tsne", OTHER), "what is wanted already may be wanted by more"


def runs_of(shipped, count):
    found = [Subject(run, seed=99) for run in shipped.values() if results.possible(run)]
    assert len(found) >= count
    return found[:count]


def test_every_visitor_s_first_comes_before_anybody_s_second(own, shipped, deriver):
    one = deriver(TELLS + "time.sleep(60)")
    first, *more = runs_of(shipped, 12)
    one.ask(first, "umap", MINE)
    until(lambda: one.state(first, "umap")["status"] == "working")
    for run in more:
        one.ask(run, "umap", MINE)
    late = more[5]
    for kind in ("plane_scores", "umap", "tsne"):
        one.ask(late, kind, OTHER)
    before = {kind: one.state(late, kind)["before"] for kind in ("umap", "tsne", "plane_scores")}
    assert before == {"umap": 1, "tsne": 3, "plane_scores": 5}, "one of mine between each"
    assert one.state(more[-1], "umap")["before"] == 13, "mine go on, in their order"


def test_forty_of_one_visitor_shut_nobody_out(own, shipped, deriver, monkeypatch):
    monkeypatch.setattr(background, "MOST_EACH", 5)
    one = deriver("import time; time.sleep(60)")
    subjects = runs_of(shipped, 9)
    asked = [one.ask(subject, "umap", MINE) for subject in subjects]
    assert asked == [True] * 5 + [False] * 4
    assert str(one.too_many(MINE)).startswith("5 results")
    assert one.ask(subjects[0], "umap", MINE), "what one wants already one may ask for again"
    for subject in subjects[4:9]:
        assert one.ask(subject, "umap", OTHER)
    assert not one.ask(subjects[3], "umap", OTHER), "joining counts as wanting"
    one.give_up(subjects[4], "umap", MINE)
    assert one.ask(subjects[5], "umap", MINE)


# --- The routes ---------------------------------------------------------------------------------


def test_the_routes(app, ask, shipped):
    run = next(run for run in shipped.values() if results.possible(run))
    place = f"/derive/{run.id}/umap"
    status, headers, body = ask(place)
    assert status == 200 and headers["Cache-Control"] == "no-store"
    told = json.loads(body)
    assert told["status"] == "ready"
    status, headers, body = ask(f"/derived/{told['file']}")
    assert status == 200 and "immutable" in headers["Cache-Control"]
    assert body == results.find(Subject(run), "umap").read_bytes()
    assert ask(place, method="POST")[0] == 403, "no form of another site may ask"
    assert json.loads(ask(place, MINE, "POST")[2])["status"] == "ready"
    assert not json.loads(ask(place, MINE, "DELETE")[2])["ends"]
    gone = json.loads(ask("/derive/vae-k2-0000000000/umap", MINE, "POST")[2])
    assert gone["status"] == "failed" and gone["reason"] == "gone"
    assert "'vae-k2-0000000000'" in gone["message"]
    there_is_none = Refusal("There is no run {run!r} with codes.", run="vae-k2-0000000000")
    gone = json.loads(ask("/derive/vae-k2-0000000000/umap", MINE, "POST", "ko-KR,ko;q=0.9")[2])
    assert gone["message"] == Words("ko").refusal(there_is_none) != str(there_is_none)
    assert set(gone) == {"status", "message", "reason"}
    for wrong in (
        f"/derive/{run.id}/nonsense",
        f"/derive/{run.id}/axes_2_1_scores",
        f"/derive/{run.id}/axes_1_999_scores",
        f"/derive/{run.id}/knot_scores",
        "/derived/nonsense",
        "/derived/..%2F..%2Frun.json",
    ):
        status, _, body = ask(wrong)
        assert status in (400, 404) and len(body) < 400


def test_a_torn_result_is_taken_away_so_that_it_is_computed_again(app, ask, shipped):
    run = next(run for run in shipped.values() if results.possible(run))
    folder = app.user_store / result_files.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = results.file_name(Subject(run, seed=7), "umap")
    (folder / name).write_bytes(b"torn")
    assert ask(f"/derived/{name}")[0] == 404
    assert not (folder / name).exists()
    assert checkpoints.list_runs(app.user_store).problems == ()
