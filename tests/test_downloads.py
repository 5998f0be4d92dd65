"""Downloads: every kind of file opened again by its own format's library, and bad requests."""

from __future__ import annotations

import csv
import dataclasses
import http.client
import io
import json
import shutil
import sys
import time
from urllib.parse import urlencode, urlsplit

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image, ImageSequence

from core.export import onnx_files
from core.latent import coding
from core.store import checkpoints, loading
from explorer import bodies, downloads, exporting, live

RUN = "vae-k2-4214f6c873"
OTHER = "pca-k2-6bbd6e9dc7"
TITLE = "Draws of the prior · 사전분포에서 뽑은 숫자"
ABOUT = {"run": [RUN], "title": TITLE, "page": "/generate?model=vae&k=2"}


@pytest.fixture(scope="module")
def ask(app):
    """Asks the running app: `ask(path, body=None, guard=True)` gives status, headers and body."""

    def ask(path, body=None, guard=True):
        connection = http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=120)
        try:
            headers = {live.HEADER: "save"} if guard else {}
            method = "GET" if body is None else "POST"
            connection.request(method, f"/latent/save/{path}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    return ask


def query(kind, **values):
    return f"{kind}?{urlencode(ABOUT | values, doseq=True)}"


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


# --- Pictures and films ---------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (4, "RGBA")])
def test_a_picture_comes_back_as_it_was_and_says_its_run(ask, channels, mode):
    pixels = noise(30, 50, channels)
    path = query("png", width=50, height=30, channels=channels)
    status, headers, body = ask(path, pixels.tobytes())
    assert status == 200 and headers["Content-Type"] == "image/png"
    assert headers["Cache-Control"] == "no-store"
    with Image.open(io.BytesIO(body)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", mode, (50, 30))
        np.testing.assert_array_equal(np.asarray(image).reshape(pixels.shape), pixels)
        assert image.text == {
            "Title": TITLE,
            "Run": RUN,
            "Software": downloads.SOFTWARE,
            "Page": ABOUT["page"],
        }


def test_a_picture_of_several_runs_and_one_of_none(ask):
    path = query("png", width=1, height=1, channels=1, run=[RUN, OTHER])
    with Image.open(io.BytesIO(ask(path, b"\x07")[2])) as image:
        assert image.text["Run"] == f"{RUN} {OTHER}"
    with Image.open(io.BytesIO(ask("png?width=1&height=1&channels=1", b"\x07")[2])) as image:
        assert image.text == {"Software": downloads.SOFTWARE}


def film(body):
    with Image.open(io.BytesIO(body)) as image:
        assert image.format == "GIF" and image.info["loop"] == 0
        comment = image.info["comment"].decode()
        frames = [(f.convert("RGB"), f.info["duration"]) for f in ImageSequence.Iterator(image)]
    return comment, [np.asarray(frame) for frame, _ in frames], [time for _, time in frames]


def test_a_grey_film_comes_back_as_it_was_and_says_its_run(ask):
    pixels = noise(5, 28, 20)
    pixels[3] = pixels[2]
    pixels[3, 0, 0] ^= 255  # frames of which only a part is new
    path = query("gif", width=20, height=28, channels=1, frames=5, milliseconds=80)
    status, headers, body = ask(path, pixels.tobytes())
    assert status == 200 and headers["Content-Type"] == "image/gif"
    comment, frames, times = film(body)
    assert times == [80] * 5
    np.testing.assert_array_equal(np.stack(frames), np.repeat(pixels[..., None], 3, 3))
    assert comment.splitlines() == [
        f"Title: {TITLE}",
        f"Run: {RUN}",
        f"Software: {downloads.SOFTWARE}",
        f"Page: {ABOUT['page']}",
    ]


def test_a_film_of_a_palette_holds_its_ends_and_comes_back(ask):
    pixels = noise(4, 30, 24) % 3
    colours = np.array([[18, 21, 31], [143, 168, 255], [255, 255, 255]], np.uint8)
    path = query(
        "gif",
        width=24,
        height=30,
        channels=1,
        frames=4,
        milliseconds=60,
        hold=800,
        back=1,
        palette=colours.tobytes().hex(),
    )
    status, _, body = ask(path, pixels.tobytes())
    assert status == 200
    _, frames, times = film(body)
    assert times == [800, 60, 60, 800, 60, 60]
    np.testing.assert_array_equal(np.stack(frames), colours[pixels[[0, 1, 2, 3, 2, 1]]])


def test_a_coloured_film_keeps_up_to_256_colours_and_lies_on_white(ask):
    colours = noise(200, 4, seed=1)
    colours[:, 3] = 255
    colours[0] = (10, 20, 30, 0)  # nothing of it is seen
    pixels = colours[np.random.default_rng(2).integers(0, 200, (3, 24, 24))]
    path = query("gif", width=24, height=24, channels=4, frames=3, milliseconds=25)
    comment, frames, times = film(ask(path, pixels.tobytes())[2])
    assert times == [20] * 3, "in hundredths of a second"
    expected = np.where(pixels[..., 3:] == 255, pixels[..., :3], 255)
    np.testing.assert_array_equal(np.stack(frames), expected)


def test_a_film_of_many_colours_gets_those_that_fit_best(ask):
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.empty((2, 64, 64, 4), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = ramp[:, None], ramp[None], 90
    pixels[1, ..., 2] = 200
    pixels[..., 3] = 255
    path = query("gif", width=64, height=64, channels=4, frames=2, milliseconds=500)
    _, frames, _ = film(ask(path, pixels.tobytes())[2])
    off = np.abs(np.stack(frames).astype(int) - pixels[..., :3])
    assert 0 < off.mean() < 6 and off.max() < 40


def test_a_picture_that_stays_makes_the_one_before_it_longer(ask):
    pixels = np.repeat(noise(2, 9, 9), 2, 0)
    path = query("gif", width=9, height=9, channels=1, frames=4, milliseconds=50)
    _, frames, times = film(ask(path, pixels.tobytes())[2])
    assert times == [100, 100] and len(frames) == 2


# --- Tables ---------------------------------------------------------------------------------------


def read(body):
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def test_a_table_says_its_run_in_every_row(ask):
    rows = [[1, 0.1, 'a "quoted", text'], [2, -1e-7, "둘째\n줄"], [True, None, ""]]
    columns = ["index", "squared error / image", "이름"]
    status, headers, body = ask("csv", json.dumps(ABOUT | {"columns": columns, "rows": rows}))
    assert status == 200 and headers["Content-Type"].startswith("text/csv")
    found = read(body)
    assert found[0] == ["run", *columns]
    assert found[1:] == [
        [RUN, "1", "0.1", rows[0][2]],
        [RUN, "2", "-1e-07", rows[1][2]],
        [RUN, "True", "", ""],
    ]
    assert float(found[2][2]) == rows[1][1]


def test_a_table_may_bring_its_own_runs_and_may_be_long(ask):
    rows = [[RUN, n / 7] for n in range(5000)]
    _, _, body = ask("csv", json.dumps({"columns": ["run", "value"], "rows": rows}))
    found = read(body)
    assert found[0] == ["run", "value"] and len(found) == 5001
    assert [float(value) for _, value in found[1:]] == [value for _, value in rows]


def test_a_table_runs_no_formula_in_a_spreadsheet(ask):
    formulas = ["=1+1", "+cmd|'/c calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=", "- 5"]
    texts = ["-5", "+1.5e3", "-1e-7", "a=b", " =1", "", "'=1", "−5"]
    rows = [[text, -0.5] for text in formulas + texts]
    _, _, body = ask("csv", json.dumps(ABOUT | {"columns": ["=a", "-1"], "rows": rows}))
    found = read(body)
    assert found[0] == ["run", "'=a", "-1"]
    assert [row[1] for row in found[1:]] == [f"'{text}" for text in formulas] + texts
    assert {tuple(row[::2]) for row in found[1:]} == {(RUN, "-0.5")}


# --- Bad requests ---------------------------------------------------------------------------------

SIZE = {"width": 4, "height": 3, "channels": 1}
FILM = SIZE | {"frames": 2, "milliseconds": 40}


@pytest.mark.parametrize(
    ("kind", "values", "body", "status", "sentence"),
    [
        ("png", SIZE | {"width": 0}, b"", 400, "width must be 1 to 4096 pixels; got '0'."),
        ("png", SIZE | {"height": 4097}, b"", 400, "height must be 1 to 4096 pixels; got '4097'."),
        ("png", SIZE | {"width": "wide"}, b"", 400, "width must be 1 to 4096 pixels; got 'wide'."),
        ("png", {"width": 4}, b"", 400, "height is missing; it must be 1 to 4096 pixels."),
        (
            "png",
            SIZE | {"channels": 3},
            b"",
            400,
            "channels must be 1 (grey) or 4 (RGBA); got '3'.",
        ),
        (
            "png",
            {"width": 4096, "height": 4096, "channels": 4},
            b"x",
            413,
            "A picture or film may have up to 32 MiB of pixels; this one has 64.0 MiB.",
        ),
        (
            "png",
            SIZE,
            b"x" * 11,
            400,
            "A size of 4 × 3 pixels with 1 channel needs 12 bytes; there are 11.",
        ),
        (
            "png",
            SIZE,
            b"x" * 5_000_000,
            400,
            "A size of 4 × 3 pixels with 1 channel needs 12 bytes; there are more.",
        ),
        (
            "gif",
            FILM,
            b"x" * 12,
            400,
            "A size of 4 × 3 pixels with 1 channel needs 24 bytes for 2 pictures; there are 12.",
        ),
        ("gif", FILM | {"frames": 601}, b"", 400, "frames must be 1 to 600 pictures; got '601'."),
        (
            "gif",
            FILM | {"milliseconds": "nan"},
            b"",
            400,
            "milliseconds must be 20 to 10000 milliseconds; got 'nan'.",
        ),
        (
            "gif",
            FILM | {"width": 1000, "height": 1000, "frames": 600},
            b"",
            413,
            "A picture or film may have up to 32 MiB of pixels; this one has 572.2 MiB.",
        ),
        (
            "gif",
            FILM | {"palette": "ff00"},
            b"",
            400,
            "palette must be up to 256 colours of six hexadecimal digits each, for 1 channel; "
            "got 'ff00'.",
        ),
        ("png", SIZE | {"run": "../x"}, b"", 400, "run must be up to 32 ids of runs; got '../x'."),
        (
            "png",
            SIZE | {"title": "t" * 501},
            b"",
            400,
            f"title must be a text of up to 500 characters; got '{'t' * 56}….",
        ),
        (
            "png",
            SIZE | {"quality": 3},
            b"",
            400,
            "quality is nothing here; there are run, title, page, width, height, channels.",
        ),
    ],
)
def test_a_bad_picture_is_one_sentence(ask, kind, values, body, status, sentence):
    found, _, told = ask(f"{kind}?{urlencode(values)}", body)
    assert (found, told.decode()) == (status, sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "That is no JSON of run, title, page, columns, rows."),
        ({"rows": []}, "columns is missing; it must be 1 to 1000 names of up to 200 characters."),
        (
            {"columns": [], "rows": []},
            "columns must be 1 to 1000 names of up to 200 characters; got [].",
        ),
        ({"columns": ["a", "b"], "rows": [[1, 2], [3]]}, "Row 2 has 1 values for 2 columns."),
        (
            {"columns": ["a"], "rows": [[{"b": 1}]]},
            "rows must be up to 100000 rows of numbers and texts of up to 2000 characters; got "
            '{"b": 1}.',
        ),
        (
            {"columns": ["a"], "rows": [], "x": 1},
            "x is nothing here; there are run, title, page, columns, rows.",
        ),
    ],
)
def test_a_bad_table_is_one_sentence(ask, content, sentence):
    status, _, told = ask("csv", content if isinstance(content, str) else json.dumps(content))
    assert (status, told.decode()) == (400, sentence)


def test_a_table_that_is_too_large_is_one_sentence(ask):
    status, _, told = ask("csv", b" " * (downloads.LARGEST_TABLE + 1))
    assert (status, told.decode()) == (413, "A table may have up to 16 MiB.")


def test_no_form_of_another_site_can_send_it(ask):
    for path in (query("png", **SIZE), query("gif", **FILM), "csv"):
        status, _, told = ask(path, b"x" * 12, guard=False)
        assert (status, told.decode()) == (403, "To save needs the header X-Latent-Visitor.")
    assert ask(f"onnx/{RUN}/decoder", guard=False)[0] == 403


def test_nothing_of_it_stays_on_disk(ask, app):
    def kept():  # but for what the workers of trainings keep meanwhile
        return {path for path in app.user_store.glob("**/*") if ".queue" not in path.parts}

    before = kept()
    assert ask(query("png", **SIZE), b"x" * 12)[0] == 200
    assert ask("csv", json.dumps({"columns": ["a"], "rows": [[1]]}))[0] == 200
    assert kept() <= before


# --- Decoders -------------------------------------------------------------------------------------


def check_onnx(content, run, part):
    """A session over a file's bytes, after onnx has checked it and it has said what it is."""
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.key: entry.value for entry in model.metadata_props} == {"run": run, "part": part}
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def test_a_decoder_is_made_once_and_kept(ask, app, shipped):
    folder = app.user_store / exporting.KEPT / exporting.kept(shipped[RUN]).name
    shutil.rmtree(folder, ignore_errors=True)  # a browser of this server may have saved it
    began = time.monotonic()
    status, headers, content = ask(f"onnx/{RUN}/decoder")
    assert status == 202 and content == b"It is being made."
    while status == 202:
        assert time.monotonic() - began < exporting.PATIENCE
        time.sleep(0.5)
        status, headers, content = ask(f"onnx/{RUN}/decoder")
    assert status == 200
    session = check_onnx(content, RUN, "decoder")
    z = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    expected = coding.decode(loading.load_model(shipped[RUN]), z)
    np.testing.assert_allclose(session.run(["x_hat"], {"z": z})[0], expected, atol=1e-5)
    # The other part came with it, and nothing is made again.
    status, _, other = ask(f"onnx/{RUN}/encoder")
    assert status == 200
    check_onnx(other, RUN, "encoder")
    assert sorted(path.name for path in folder.iterdir()) == ["decoder.onnx", "encoder.onnx"]
    assert ask(f"onnx/{RUN}/decoder")[2] == content
    assert checkpoints.list_runs(app.user_store).problems == ()


@pytest.mark.parametrize(
    ("variant", "network"), [("pca", None), ("vae", "conv"), ("multirate_vae", "mlp")]
)
def test_decoders_of_all_kinds_equal_torch(variant, network, shipped, tmp_path):
    run = next(
        run
        for run in shipped.values()
        if run.record.variant == variant and run.record.config.get("network") == network
    )
    model = loading.load_model(run)
    paths = onnx_files.write(model, tmp_path, run.id)
    z = np.random.default_rng(0).standard_normal((4, run.record.latent)).astype(np.float32)
    session = check_onnx(paths["decoder"].read_bytes(), run.id, "decoder")
    expected = coding.decode(model, z)
    np.testing.assert_allclose(session.run(["x_hat"], {"z": z})[0], expected, atol=2e-5)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("vae-k2-0123456789/decoder", "There is no run 'vae-k2-0123456789'."),
        ("..%2F..%2Fetc/decoder", None),
        (f"{RUN}/weights", "A run has encoder and decoder."),
    ],
)
def test_there_is_no_such_decoder(ask, path, sentence):
    status, _, told = ask(f"onnx/{path}")
    assert status in (400, 404)
    assert sentence is None or told.decode() == sentence


@pytest.fixture
def run(shipped, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path / "runs"))
    return shipped[RUN]


def fails(run, pattern):
    """That an export fails in one sentence and leaves nothing behind."""
    folder = exporting.kept(run)
    with pytest.raises(bodies.BodyError, match=pattern) as error:
        exporting.export(run, folder)
    assert "\n" not in str(error.value)
    assert not folder.parent.is_dir() or list(folder.parent.iterdir()) == []


def test_an_export_that_is_killed_leaves_nothing_and_may_be_tried_again(run, monkeypatch, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nkill -9 $$\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    fails(run, f"The export of run {RUN} broke off; save it again to try anew.")
    exports = exporting._Exports()
    folder = exporting.kept(run)
    told = []
    for _ in range(2):  # it is told once, and then tried again
        assert exports.ask(run, folder) is None
        for _ in range(100):
            time.sleep(0.05)
            problem = exports.ask(run, folder) if folder not in exports._under_way else None
            if problem:
                told.append(str(problem))
                break
    assert len(told) == 2 and all("broke off" in sentence for sentence in told)


def test_an_export_that_hangs_is_ended(run, monkeypatch, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(exporting, "PATIENCE", 0.3)
    fails(run, r"The export of run .* took over 0\.3 seconds\.")


def test_a_torn_run_is_one_sentence(run, tmp_path):
    record = json.loads((run.folder / checkpoints.RECORD).read_text())
    folder = tmp_path / "runs" / "vae-k2-00000000aa"
    folder.mkdir(parents=True)
    (folder / checkpoints.RECORD).write_text(json.dumps(record | {"id": folder.name}))
    for name in record["files"]:
        (folder / name).write_bytes((run.folder / name).read_bytes()[:-1] + b"\0")
    torn = checkpoints.open_run(folder)
    fails(torn, "is torn: the checksum of weights.safetensors doesn't match")


def test_a_store_that_takes_no_files_is_one_sentence(run, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path / "file"))
    with pytest.raises(bodies.BodyError, match=r"can't be kept in \.onnx of the run store"):
        exporting.export(run, exporting.kept(run))


def test_other_weights_have_another_place(run):
    weights = run.record.files[checkpoints.WEIGHTS]
    other = weights.model_copy(update={"sha256": "0" * 64})
    record = run.record.model_copy(
        update={"files": run.record.files | {"weights.safetensors": other}}
    )
    assert exporting.kept(dataclasses.replace(run, record=record)) != exporting.kept(run)
