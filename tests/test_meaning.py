"""A record means what it says, or is refused: when a run is opened, read or loaded."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from core.models.abilities import Capabilities
from core.store import arrays, checkpoints, loading, meaning, own_runs, records, rights
from core.store.checkpoints import CODES, FILM, PICTURES, RECORD, WEIGHTS, CheckpointError

VAE, DIALLED, PLAIN = "vae-k2-4214f6c873", "multirate_vae-k2-7d72c27c83", "pca-k2-6bbd6e9dc7"
LEVELLED = "ladder_vae-k8-41a9ca9461"
COPYING = "overcomplete_ae-k900-555be63d95"  # too wide for its codes to be kept


@pytest.fixture
def copied(tmp_path):
    """A shipped run's folder in a store of its own, to be spoilt: `copied(id)`."""

    def copy(run_id=VAE):
        return shutil.copytree(checkpoints.shipped_store() / run_id, tmp_path / run_id)

    return copy


def spoilt(folder, change):
    content = json.loads((folder / RECORD).read_text())
    change(content)
    (folder / RECORD).write_text(json.dumps(content))


def rewritten(folder, file, change):
    """One file's arrays changed, and a record that agrees."""
    found = dict(from_bytes((folder / file).read_bytes())) if (folder / file).exists() else {}
    change(found)
    content = to_bytes({name: np.ascontiguousarray(array) for name, array in found.items()})
    (folder / file).write_bytes(content)
    told = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    spoilt(folder, lambda record: record["files"].update({file: told}))


def put(path, value):
    """A change of a record: the entry at a path, joined by dots or bars, is another, or gone where
    it is `...`."""

    def change(record):
        *parents, last = path.split("|" if "|" in path else ".")
        for name in parents:
            record = record[int(name) if isinstance(record, list) else name]
        key = int(last) if isinstance(record, list) else last
        if value is ...:
            del record[key]
        else:
            record[key] = value

    return change


# --- Records --------------------------------------------------------------------------------------

HELD_OUT = "metrics.mnist-5k/all"
BAD = [  # run, path, value, what the sentence names
    (VAE, "config.hidden", 2**64, "config.hidden"),
    (VAE, "config.hidden", [0], "config.hidden.0"),
    (VAE, "config.beta", "4", "config.beta"),
    (VAE, "config.beta", float("nan"), "config.beta"),
    (VAE, "config.network", "conv", "id"),
    (VAE, "config.latent", 16, "id"),
    (VAE, "config.sigma", True, "config.sigma"),
    (VAE, "config.likelihood", "poisson", "config.likelihood"),
    (VAE, "config.new", {"a": 1}, "config.new"),
    (VAE, "config.new", 10**400, "config.new"),
    (VAE, "config.new", "a\nb", "config.new"),
    (VAE, "variant", "../vae", "variant"),
    (VAE, "variant", "gan", "id"),
    (VAE, "train.epochs", ..., "train.epochs"),
    (VAE, "train.epochs", "many", "train.epochs"),
    (VAE, "data.shape", [1, 2**31, 28], "data.shape.1"),
    (VAE, "data.shape", [1000, 1000, 28], "data.shape"),
    (VAE, "data.shape", [1, 28, 30], "browser.shape"),
    (VAE, "data.count", -1, "data.count"),
    (VAE, "seconds", float("inf"), "seconds"),
    (VAE, "samples", 10**20, "samples"),
    (VAE, "samples", 5, "history"),
    (VAE, "status", "done", "status"),
    (VAE, "history.3.step", 2**31, "history"),
    (VAE, "history.3.step", 1, "history"),
    (VAE, "history.3.samples", ..., "history"),
    (VAE, "history.3.kl", float("-inf"), "history.3.kl"),
    (VAE, "history.3", {"<b>": 1.0, "step": 512.0, "samples": 65536.0}, "history.<b>"),
    (VAE, f"{HELD_OUT}.squared_error", -1.0, "squared_error"),
    (VAE, f"{HELD_OUT}.squared_error_mean_image", ..., "squared_error"),
    (VAE, f"{HELD_OUT}.cross_entropy_mean_image", ..., "cross_entropy_grey"),
    (VAE, f"{HELD_OUT}.active_units", ..., "rate"),
    (VAE, f"{HELD_OUT}.active_units", 3.0, "active_units"),
    (VAE, f"{HELD_OUT}.active_units", 1e300, "active_units"),
    (PLAIN, "metrics.mnist/test.rate", 1.0, "rate"),
    (VAE, "capabilities.has_posterior", "yes", "capabilities.has_posterior"),
    (VAE, "capabilities.has_prior", False, "capabilities.has_prior"),
    (VAE, "capabilities.takes", "label", "capabilities.takes"),
    (VAE, "capabilities.new", 3, "capabilities.new"),
    (VAE, "browser", None, "browser"),
    (VAE, "browser.shape", [28, 28], "browser.shape"),
    (VAE, "browser.latent", 3, "browser.latent"),
    (VAE, "browser.encoder", [], "browser.encoder"),
    (VAE, "browser.encoder.1.op", "<img>", "browser.encoder.1.op"),
    (VAE, "browser.encoder.1.weight", ..., "browser.encoder.1"),
    (VAE, "browser.log_var_range", [1.0], "browser.log_var_range"),
    (VAE, "browser.dial", {"knob": "beta"}, "browser.dial"),
    (DIALLED, "browser.dial", None, "capabilities.has_dial"),
    (DIALLED, "browser.dial.knob", "gamma", "browser.dial.knob"),
    (DIALLED, "browser.dial.low", 0.0, "browser.dial.low"),
    (DIALLED, "browser.dial.low", 20.0, "browser.dial.usual"),
    (DIALLED, "browser.dial.usual", 0.001, "browser.dial.usual"),
    (DIALLED, "browser.dial.high", "10", "browser.dial.high"),
    (LEVELLED, "browser.encoder.5.widths", [8, 7], "browser.encoder.widths"),
    (LEVELLED, "browser.encoder.5.descents", [], "browser.encoder.descents"),
    (LEVELLED, "browser.encoder.5.log_var_range", ..., "browser.encoder.5"),
    (LEVELLED, "browser.encoder.5.rises.0.0", {"op": "levels"}, "browser.encoder.5.rises.0.0.op"),
    (LEVELLED, "browser.encoder.5.estimates.1.0.weight", ..., "browser.encoder.estimates.1.0"),
    (LEVELLED, "browser.encoder.4", {"op": "levels", "widths": [8, 8]}, "browser.encoder"),
    (LEVELLED, "browser.encoder.5", {"op": "gelu"}, "browser.prior"),
    (VAE, "widths", [0], "widths.0"),
    (VAE, "widths", [10**6], "widths"),
    (VAE, "widths", [3], "active"),
    (VAE, "roles", ["<b>"], "roles.0"),
    (VAE, "formerly", [3], "formerly.0"),
    (VAE, f"files|{WEIGHTS}|sha256", "0", "sha256"),
    (VAE, f"files|{CODES}|bytes", -1, "bytes"),
]


@pytest.mark.parametrize(("run_id", "path", "value", "named"), BAD)
def test_a_record_that_does_not_mean_what_it_says_is_refused(copied, run_id, path, value, named):
    folder = copied(run_id)
    assert checkpoints.open_run(folder)
    spoilt(folder, put(path, value))
    with pytest.raises(CheckpointError) as refused:
        checkpoints.open_run(folder)
    told = str(refused.value)
    assert run_id in told and told.endswith(".") and "\n" not in told and len(told) < 500
    if named != "active":
        assert named in told, told


def test_what_no_page_needs_may_be_left_out(copied):
    folder = copied()
    for path in ("history", "metrics", "roles", "formerly", "capabilities.phased"):
        spoilt(folder, put(path, ...))
    run = checkpoints.open_run(folder)
    assert not run.record.history and not run.record.metrics
    spoilt(folder, lambda record: record.update(metrics={"mine/own split": {"a/new score": 1.0}}))
    with pytest.raises(CheckpointError, match="no name of a term"):
        checkpoints.open_run(folder)
    spoilt(folder, lambda record: record.update(metrics={"mine/own split": {"new_score": 1.0}}))
    assert checkpoints.open_run(folder).record.metrics["mine/own split"] == {"new_score": 1.0}


def test_a_member_of_a_newer_release_is_taken(copied):
    folder = copied()
    newer = folder.rename(folder.with_name("newer_vae-k2-4214f6c873"))
    spoilt(newer, lambda record: record.update(variant="newer_vae", id=newer.name))
    spoilt(newer, put("config.gamma", [0.5, 2.0]))
    spoilt(newer, put("capabilities.dreams", True))
    assert checkpoints.open_run(newer).record.config["gamma"] == [0.5, 2.0]


def test_every_capability_is_known():
    assert set(vars(Capabilities())) - {"takes", "kinds"} <= {
        *meaning._Able.model_fields,
        *(name for name, value in vars(Capabilities()).items() if isinstance(value, bool)),
    }
    told = meaning._Able.model_validate(json.loads(json.dumps(vars(Capabilities()))))
    assert told.kinds == ["images"] and told.takes == []


def test_the_browser_s_layers_are_those_that_are_written():
    from core.export import programs

    class Any:
        stride = padding = seen = moved = (2, 2)
        kind, unflattened_size, count, divides = "root", (1, 2), 3, True
        widths = log_var_range = (2, 3)

    made = (write(Any()) for write in programs._LAYERS.values())
    written = {layer["op"] for layer in made if layer}
    plain = set(meaning._Layer.model_fields["op"].annotation.__args__)
    assert written == plain | {"levels"}
    (told,) = set(meaning._LayerOfEncoder.model_fields["op"].annotation.__args__) - {meaning._Op}
    assert told.__args__ == ("levels",)
    assert set(meaning._NEEDED) <= written


def test_a_record_without_end_costs_little(copied):
    folder = copied()
    for content in (
        b'{"schema_version":2,"history":[' + b"{}," * 300_000 + b"{}]}",
        b'{"schema_version":2,"config":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"schema_version":2,"files":{' + b",".join(b'"%d":1' % i for i in range(90_000)) + b"}}",
        b'{"schema_version":' + b"9" * 4000 + b"}",
        b"[" * 500_000,
    ):
        (folder / RECORD).write_bytes(content)
        with pytest.raises(CheckpointError) as refused:
            checkpoints.open_run(folder)
        assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", [RECORD, WEIGHTS])
def test_a_file_that_never_ends_is_not_read(copied, name):
    folder = copied()
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(CheckpointError, match="torn"):
        checkpoints.open_run(folder)
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    with pytest.raises(CheckpointError, match="torn"):
        checkpoints.open_run(folder)


@pytest.mark.parametrize("name", [own_runs.NOTE, rights.MAKER])
def test_a_note_that_never_ends_is_no_note(copied, name):
    folder = copied()
    run = checkpoints.open_run(folder)
    for make in (os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")):
        make(folder / name)
        assert own_runs.note(run) == own_runs.Note()
        assert rights.maker_of(folder) == rights.OWNER
        (folder / name).rmdir() if (folder / name).is_dir() else (folder / name).unlink()


# --- Arrays ---------------------------------------------------------------------------------------


def without(name):
    return lambda found: found.pop(name)


def as_(name, make):
    return lambda found: found.update({name: make(found[name])})


ARRAYS = [
    (VAE, CODES, without("plane_mean"), r"plane_mean .* shape \(2\)"),
    (VAE, CODES, without("codes"), "codes .* shape"),
    (VAE, CODES, as_("codes", lambda a: a[:, :1]), r"codes .* shape \(5000, 2\)"),
    (VAE, CODES, as_("codes", lambda a: a[:0]), "codes .* shape"),
    (VAE, CODES, as_("codes", lambda a: a.astype(np.int32)), "type I32"),
    (VAE, CODES, as_("codes", lambda a: a * np.float16(np.nan)), "finite"),
    (VAE, CODES, as_("plane_basis", lambda a: a.T.ravel()), "plane_basis"),
    (VAE, CODES, lambda found: found.update(noise_error=np.ones((9, 9), "f4")), "noise_error"),
    (DIALLED, CODES, without("knots"), "knots"),
    (DIALLED, CODES, without("knot_kl"), "knot_kl"),
    (DIALLED, CODES, as_("knots", lambda a: a[::-1]), "rising"),
    (DIALLED, CODES, as_("knots", lambda a: a + 90), "rising"),
    (DIALLED, CODES, as_("knot_points", lambda a: a[:3]), "knot_points"),
    (COPYING, CODES, without("points"), "codes .* shape"),
    (COPYING, CODES, as_("points", lambda a: a[:7]), "squared_error"),
    (COPYING, CODES, as_("points", lambda a: a[:, :1]), r"points .* shape \(5000, 2\)"),
    (COPYING, CODES, as_("code_range", lambda a: a[0]), r"code_range .* shape \(2, 900\)"),
    (VAE, CODES, lambda found: found.update(points=found.pop("codes")), "codes .* shape"),
    (VAE, WEIGHTS, without("decoder.0.bias"), "decoder.0.bias"),
    (VAE, WEIGHTS, as_("decoder.0.weight", lambda a: a.ravel()), "decoder.0.weight"),
    (VAE, WEIGHTS, as_("decoder.2.weight.scale", lambda a: a[:2]), "scale"),
    (VAE, FILM, lambda found: found.update(points=np.ones((1, 2, 2), "f4")), "steps"),
    (VAE, PICTURES, lambda found: found.update(samples=np.ones(99, "u1")), "no picture"),
    (VAE, PICTURES, lambda found: found.update(samples=np.ones((9, 9), "u1")), "samples"),
]


@pytest.mark.parametrize(("run_id", "file", "change", "sentence"), ARRAYS)
def test_arrays_that_are_not_as_they_must_be_are_refused(copied, run_id, file, change, sentence):
    folder = copied(run_id)
    rewritten(folder, file, change)
    run = checkpoints.open_run(folder)
    with pytest.raises(CheckpointError, match=sentence):
        checkpoints.read_tensors(run, file)


HEADERS = {
    "nothing": b"",
    "a length alone": b"\xff" * 8,
    "no JSON": b"\x04" + bytes(7) + b"abcd",
    "a list": b"\x02" + bytes(7) + b"[]",
    "no arrays": b"\x07" + bytes(7) + b'{"a":1}',
}


@pytest.mark.parametrize("kind", HEADERS)
def test_what_is_no_header_is_refused(tmp_path, kind):
    (tmp_path / "file").write_bytes(HEADERS[kind])
    with pytest.raises(ValueError, match="header|expected value"):
        arrays.header(tmp_path / "file")


@pytest.mark.parametrize(
    "told",
    [
        {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 2**60]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [8, 0]},
        {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": 2, "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": "08"},
        None,
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, told):
    start = json.dumps({"a": told}).encode()
    (tmp_path / "file").write_bytes(len(start).to_bytes(8, "little") + start + bytes(8))
    with pytest.raises(ValueError, match="header"):
        arrays.header(tmp_path / "file")


def test_a_header_says_what_the_file_holds(shipped):
    run = shipped[VAE]
    for file in run.record.files:
        found = checkpoints.read_tensors(run, file)
        assert {name: shape for name, (_, shape) in arrays.header(run.path(file)).items()} == {
            name: array.shape for name, array in found.items()
        }


# --- Loading, and what pages make of it -----------------------------------------------------------


def test_a_model_larger_than_its_file_is_never_built(copied, monkeypatch):
    folder = copied()
    spoilt(folder, put("config.hidden", [4096] * 8))
    monkeypatch.setattr(loading, "build", lambda *more: pytest.fail("it was built"))
    with pytest.raises(CheckpointError, match="don't fit VAE"):
        loading.load_model(checkpoints.open_run(folder))


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.37, 1.0])
@pytest.mark.parametrize("ends", [(3, 4, 9, 20), (1, 200, 1000), (7,)])
def test_the_mean_of_a_warm_up_is_that_of_its_steps(warmup, ends):
    steps, before = ends[-1], 0
    for end in ends:
        progress = np.arange(before, end) / steps
        exact = np.minimum(1, progress / warmup).mean() if warmup else 1.0
        assert records._mean_rise(before, end, warmup, steps, 1) == pytest.approx(exact, abs=1e-12)
        before = end


def test_a_history_of_any_length_costs_nothing(shipped):
    record = shipped["vae-k2-4214f6c873"].record
    long = ({"step": 2.0**40, "samples": 2.0**50, "kl": 3.0},)
    config = record.config | {"beta_warmup": 0.5}
    record = record.model_copy(update={"history": long, "config": config})
    assert records.rate_history(record)[1] == [pytest.approx(4.0)]


def test_a_role_is_nobody_s_who_lacks_what_its_page_reads(shipped):
    plain = shipped[PLAIN]
    for role in records.ROLES:
        record = plain.record.model_copy(update={"roles": (role,)})
        claims = checkpoints.Run(plain.folder, record)
        taken = records.by_role([claims], role)
        assert (claims in taken) == (role in ("usual", "beside", "plain")), role
