"""explorer.bodies, processes and tables: what a small request may cost, and a large one."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

from core.data import own_images
from core.refusal import Refusal
from core.store.schema import RUN_ID
from explorer import bodies, downloads, processes, reading, resources, tables, uploads
from explorer.bodies import Permits
from tests.asking import asked, waited
from tests.digits import REPOSITORY

PNG = "/x/save/png?width=4&height=3&channels=1"
SAVE = {"X-Latent-Visitor": "save"}


@pytest.fixture
def app():
    return Starlette(routes=downloads.routes("/x"))


@pytest.fixture
def quick(monkeypatch):
    """Makes the file at once, so that only the way of the body is tried."""

    def run(module, told, given, seconds=None):
        made = io.BytesIO(json.dumps(told).encode())
        made.seek(0)
        return made

    monkeypatch.setattr(processes, "run", run)
    for name, seconds in (("SILENCE", 0.3), ("LONGEST", 0.8), ("PATIENCE", 5.0), ("LINGER", 0.1)):
        monkeypatch.setattr(bodies, name, seconds)


def post(app, target=PNG, parts=(b"x" * 12,), client="10.0.0.1", stalls=False, every=0.0, **more):
    headers = SAVE | {name.replace("_", "-"): value for name, value in more.items()}
    return asked(app, target, "POST", headers, parts, client, stalls, every)


# --- On the way ---------------------------------------------------------------------------------


def test_stalled_bodies_end_and_hold_up_nobody_else(app, quick):
    async def crowd():
        stalled = [
            asyncio.create_task(post(app, parts=(b"x",), client=f"10.0.0.{n % 2}", stalls=True))
            for n in range(2 * bodies.EACH)
        ]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        answer = await post(app, client="10.0.9.9")
        assert answer.status == 200 and time.monotonic() - began < 0.2
        assert {one.status for one in await asyncio.gather(*stalled)} == {408}
        assert (await post(app, client="10.0.0.1")).status == 200, "what was held is free again"

    waited(crowd())


def test_a_body_that_trickles_ends_too(app, quick):
    answer = waited(post(app, "/x/save/csv", [b"x"] * 60, every=0.05))
    assert answer.status == 408 and b"0.8" in answer.body


@pytest.mark.parametrize("stalls", [False, True])
def test_a_refused_body_goes_by_while_it_comes_so_that_its_sender_hears_why(app, quick, stalls):
    length = str(2**30)
    began = time.monotonic()
    answer = waited(post(app, parts=[b"x"] * 8, every=0.05, stalls=stalls, Content_Length=length))
    assert answer.status == 400 and b"there are more" in answer.body
    assert time.monotonic() - began > 0.4, "longer than one waits for it in silence"
    assert ("close" in answer.headers.get("Connection", "")) == stalls, "it has all come by"


def test_nothing_is_read_before_its_permit(app, quick, monkeypatch):
    """And who has many waits for his own, not for others'."""
    read = []
    into = bodies.Body.into

    async def counted(self, file, wanted):
        read.append(1)
        return await into(self, file, wanted)

    monkeypatch.setattr(bodies.Body, "into", counted)

    async def crowd():
        many = bodies.EACH + bodies.EACH_WAITING
        held = [asyncio.create_task(post(app, parts=(b"x",), stalls=True)) for _ in range(many)]
        await asyncio.sleep(0.1)
        assert len(read) == bodies.EACH
        over = await post(app)
        assert over.status == 503 and b"try again" in over.body
        assert (await post(app, client="10.0.0.2")).status == 200
        for one in held:
            one.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        assert (await post(app)).status == 200, "who left gives back what he held"

    waited(crowd())


def test_bodies_in_all_have_a_bound(monkeypatch):
    monkeypatch.setattr(bodies, "PATIENCE", 0.05)

    async def crowd():
        permits = Permits()
        held = [permits.one(f"visitor {n}", 2**24) for n in range(8)]
        for one in held:
            await one.__aenter__()
        with pytest.raises(bodies.BodyError, match="try again soon"):
            await permits.one("another", 1 + bodies.BYTES - 8 * 2**24).__aenter__()
        await held[0].__aexit__(None, None, None)
        async with permits.one("another", 2**24):
            assert permits.bytes == bodies.BYTES == 8 * 2**24
        for one in held[1:]:
            await one.__aexit__(None, None, None)
        assert permits.bytes == 0 and not permits.held and not permits.waiting

    waited(crowd())


@pytest.mark.parametrize(
    ("parts", "headers", "status", "told"),
    [
        ((b"x" * 12,), {"Content-Length": "12"}, 200, ""),
        ((b"x" * 5, b"", b"x" * 7), {}, 200, ""),
        ((b"x" * 11,), {}, 400, "there are 11."),
        ((), {"Content-Length": "13"}, 400, "there are more."),
        ((), {"Content-Length": "9" * 4301}, 400, "there are more."),
        ((), {"Content-Length": "-1"}, 400, "a whole number of bytes"),
        ((), {"Content-Length": "\xb2"}, 400, "a whole number of bytes"),
        ((b"x" * 12, b"x"), {"Content-Length": "12"}, 400, "there are more."),
        ((b"x" * 12, b"x" * 10**6), {}, 400, "there are more."),
    ],
)
def test_a_body_is_as_long_as_it_may_be(app, quick, parts, headers, status, told):
    answer = waited(post(app, parts=parts or (b"",), **headers))
    assert answer.status == status and told in answer.body.decode()


def test_a_full_disk_is_one_sentence(app, quick, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(processes, "run", full)
    answer = waited(post(app))
    assert answer.status == 507 and b"No space left" in answer.body


def test_one_household_is_one_visitor():
    class Request:
        def __init__(self, host):
            self.client = type("Client", (), {"host": host})() if host else None

    given = ("2001:db8:1:2::7", "2001:db8:1:2:ffff::1", "2001:db8:1:3::7", "10.0.0.7", "x", None)
    found = [bodies.visitor_of(Request(host)) for host in given]
    assert found == ["2001:db8:1:2::/64"] * 2 + ["2001:db8:1:3::/64", "10.0.0.7", "x", ""]


# --- In a process of its own --------------------------------------------------------------------


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_a_bad_table_costs_no_more_than_its_own_size(app):
    cells = b",".join([b"{}"] * 200_000)
    body = b'{"columns":["a"],"rows":[[' + cells + b"]]}"
    parts = [body[at : at + 2**16] for at in range(0, len(body), 2**16)]

    async def meanwhile():
        task = asyncio.create_task(post(app, "/x/save/csv", parts))
        longest, last = 0.0, time.monotonic()
        while not task.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return task.result(), longest

    before = resident()
    answer, longest = waited(meanwhile())
    assert answer.status == 400 and answer.body.decode().endswith("characters; got {}.")
    assert resident() - before < 16 * 2**20 and longest < 0.25


def test_what_a_process_can_t_do_is_one_sentence(tmp_path, monkeypatch, caplog):
    (tmp_path / "worker.py").write_text(
        "import sys, time\nif 'sleep' in sys.argv[1]: time.sleep(60)\nsys.exit('it broke')"
    )
    monkeypatch.setattr(processes, "ROOT", tmp_path)
    with (
        open("/dev/null", "rb") as nothing,
        pytest.raises(bodies.BodyError, match="could not be done") as raised,
    ):
        processes.run("worker", {}, nothing)
    assert raised.value.status == 422 and "it broke" in caplog.text
    monkeypatch.setattr(processes, "SECONDS", 0.3)
    with (
        open("/dev/null", "rb") as nothing,
        pytest.raises(bodies.BodyError, match="more than 0.3 seconds"),
    ):
        processes.run("worker", {"sleep": 1}, nothing)


# --- Tables -------------------------------------------------------------------------------------


def written(content: bytes | str | dict) -> list[list[str]]:
    if isinstance(content, dict):
        content = json.dumps(content)
    made = io.BytesIO()
    tables.write(content.encode() if isinstance(content, str) else content, made)
    return list(csv.reader(io.StringIO(made.getvalue().decode("utf-8-sig"), newline="")))


def test_a_table_is_read_as_json_reads_it():
    choose = random.Random(3)
    texts = [
        "",
        "]",
        "[",
        '"',
        "\\",
        "},{",
        "a,b",
        "줄\n바꿈",
        "\u2028",
        "😀",
        "null",
        "e\t",
        "]]}",
    ]
    cells = [*texts, 0, -1, 1.5, -1e-7, 1e300, 10**18, True, False, None]
    for width in (1, 2, 7):
        rows = [[choose.choice(cells) for _ in range(width)] for _ in range(40)]
        columns = [f"c{n}" for n in range(width)]
        table = {"rows": rows, "title": "]}", "columns": columns, "page": ""}
        for options in ({}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (",", ":")}):
            found = written(json.dumps(table, **options))
            expected = [["" if c is None else str(c) for c in row] for row in rows]
            plain = [[c.removeprefix("'") for c in row[1:]] for row in found[1:]]
            assert plain == expected and found[0] == ["run", *table["columns"]]
    assert written({"columns": ["a"], "rows": []}) == [["run", "a"]]


A_ROW = '{"columns":["a"],"rows":['


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (A_ROW + "[" * 10_000, "got [[["),
        (A_ROW + "[" + '{"b":[1,{"c":2}]}' * 9, 'got {"b":[1,'),
        (A_ROW + '["a","b",[1,2]]]}', "got [1,2]."),
        (A_ROW + '["]", {"x": "}"}]]}', 'got {"x": "}.'),
        (A_ROW + "[" + "9" * 4301 + "]]}", "got [999"),
        (A_ROW + '["' + "x" * 2001 + '"]]}', "got 'xxx"),
        (A_ROW + '["' + "x" * 300_000 + '"]]}', "more than 256 KiB"),
        (A_ROW + "[" + '"",' * 200_000 + "0]]}", "more than 256 KiB"),
        (A_ROW + "1]}", "got 1]}"),
        (A_ROW + "null]}", "got null"),
        (A_ROW + "[NaN]]}", "no JSON"),
        (A_ROW + "[Infinity]]}", "no JSON"),
        (A_ROW + "[tru]]}", "no JSON"),
        (A_ROW + "[1 2]]}", "no JSON"),
        (A_ROW + "[1,]]}", "no JSON"),
        (A_ROW + "[1]", "no JSON"),
        (A_ROW + "[1],]}", "must be"),
        (A_ROW + '["\x00"]]}', "must be"),
        (A_ROW + "[1]]}x", "no JSON"),
        (A_ROW + "[1]]}{}", "no JSON"),
        (A_ROW + "[1,2]]}", "Row 1 has 2 values for 1 columns."),
        (A_ROW + "[1],[]]}", "Row 2 has 0 values for 1 columns."),
        ('{"columns":' + json.dumps(["a"] * 1001) + ',"rows":[]}', "1 to 1000 names"),
        ('{"columns":["' + "a" * 201 + '"],"rows":[]}', "1 to 1000 names"),
        ('{"columns":["a",1],"rows":[]}', "1 to 1000 names"),
        ('{"columns":{"a":1},"rows":[]}', "1 to 1000 names"),
        ('{"columns":"a","rows":[]}', "got 'a'."),
        ('{"columns":["a"],"rows":{}}', "rows must be"),
        ('{"columns":["a"],"rows":"[]"}', "rows must be"),
        ('{"columns":["a"]}', "rows is missing"),
        ('{"rows":[]}', "columns is missing"),
        ('{"columns":["a"],"rows":[],"run":["../x"]}', "got ['../x']."),
        ('{"columns":["a"],"rows":[],"title":7}', "got 7."),
        ('{"columns":["a"],"rows":[],"page":"' + "x" * 4001 + '"}', "up to 4000 characters"),
        ('{"columns":["a"],"rows":[],"' + "k" * 5000 + '":1}', "kkk… is nothing here"),
        ('{"columns":["a"] "rows":[]}', "no JSON"),
        ('["columns"]', "no JSON"),
        ("", "no JSON"),
        ("\x00", "no JSON"),
        ("{" * 5000, "no JSON"),
        (b'{"columns":["\xff"],"rows":[]}', "no JSON"),
        (b'{"columns":["a"],"rows":[["\xed\xa0\x80"]]}', "no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_one_short_sentence(content, told):
    with pytest.raises(Refusal) as raised:
        written(content)
    assert told in str(raised.value) and len(str(raised.value)) < 300
    assert "\n" not in str(raised.value)


def test_there_are_not_more_rows_than_may_be(monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    assert len(written(A_ROW + "[1],[1],[1]]}")) == 4
    with pytest.raises(Refusal, match="got more"):
        written(A_ROW + "[1],[1],[1],[1]]}")


def test_rows_are_read_in_time_that_grows_with_them():
    row = "[" + ",".join(["0.125"] * 50) + "]"
    columns = json.dumps([f"c{n}" for n in range(50)])
    times = []
    for count in (40, 400):
        content = f'{{"columns":{columns},"rows":[{",".join([row] * count)}]}}'.encode()
        began = time.process_time()
        tables.write(content, io.BytesIO())
        times.append(time.process_time() - began)
    assert times[1] < 40 * times[0] + 0.05


def test_the_table_s_ids_are_the_store_s():
    assert RUN_ID.pattern == tables.RUN_ID


def test_what_writes_files_loads_next_to_nothing():
    program = "import sys, explorer.writing\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=processes.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"streamlit", "pydantic", "numpy", "starlette", "PIL", "asyncio"}
    assert not heavy & set(done.stdout.split())


# --- Uploads, which Streamlit's own route takes -------------------------------------------------

PLACE = "/_stcore/upload_file/session-1/file-1"


@pytest.fixture
def streamlits(quick, monkeypatch):
    """A route like Streamlit's, behind what bounds it."""
    monkeypatch.setattr(uploads, "_kept", dict)

    async def put(request):
        size = 0
        async for part in request.stream():
            size += len(part)
        return Response(str(size))

    place = "/demo/_stcore/upload_file/{session}/{file}"
    routes = [Route(path, put, methods=["PUT"]) for path in (place.removeprefix("/demo"), place)]
    return Starlette(routes=routes, middleware=[Middleware(uploads.Uploads)])


def test_an_upload_goes_through_as_it_was_sent(streamlits):
    for place in (PLACE, f"/demo{PLACE}"):
        answer = waited(asked(streamlits, place, "PUT", {}, [b"x" * 70_000] * 3))
        assert (answer.status, answer.body) == (200, b"210000")


def test_an_upload_that_stalls_or_is_too_large_ends(streamlits, monkeypatch):
    stalled = waited(asked(streamlits, PLACE, "PUT", {}, [b"x"], stalls=True))
    assert stalled.status == 408 and stalled.headers["Connection"] == "close"
    large = {"Content-Length": str(uploads.LARGEST + uploads.AROUND + 1), "Accept-Language": "ko"}
    answer = waited(asked(streamlits, PLACE, "PUT", large))
    assert answer.status == 413 and "48 MiB" in answer.body.decode()
    monkeypatch.setattr(uploads, "LONGEST", 0.4)
    trickled = waited(asked(streamlits, PLACE, "PUT", {}, [b"x"] * 40, every=0.05))
    assert trickled.status == 408


def test_what_pages_keep_has_a_bound(streamlits, monkeypatch):
    def put(session, size):
        headers = {"Content-Length": str(size)}
        return waited(asked(streamlits, f"/_stcore/upload_file/{session}/f", "PUT", headers))

    monkeypatch.setattr(uploads, "_kept", lambda: {"mine": 60 * 2**20, "other": 100 * 2**20})
    assert put("mine", 2**20).status == 200
    assert put("mine", 10 * 2**20).status == 413
    assert put("new", 40 * 2**20).status == 200
    monkeypatch.setattr(uploads, "_kept", lambda: dict.fromkeys("abcdef", 60 * 2**20))
    assert put("new", 40 * 2**20).status == 503


def test_streamlit_s_limit_is_ours():
    settings = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["maxUploadSize"] * 2**20 == uploads.LARGEST
    assert own_images.BOUNDS.archive_bytes == uploads.LARGEST


def test_images_are_read_by_another_process_as_by_this_one():
    digits, files = resources.digits(), []
    for number in range(3):
        stream = io.BytesIO()
        Image.fromarray(digits.x[number, 0]).save(stream, "PNG")
        files.append((f"수 {number}.png", stream.getvalue()))
    found = reading.read(files, "bright", True)
    expected = own_images.read(files, "bright", True)
    assert found.fingerprint == expected.fingerprint and found.name == expected.name
    assert (found.class_names, found.provenance) == (expected.class_names, expected.provenance)
    wrong = [("a.png", b"no image"), ("b.png", b"")]
    with pytest.raises(Refusal) as here:
        own_images.read(wrong)
    with pytest.raises(Refusal) as there:
        reading.read(wrong, "auto", True)
    assert str(there.value) == str(here.value) and there.value.template == here.value.template
