"""A run store: a torn, foreign or newer run gives one sentence, and nothing else suffers."""

import contextlib
import errno
import hashlib
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from core.config import TrainConfig
from core.models import variant
from core.store import checkpoints, weights
from core.store.checkpoints import CODES, RECORD, WEIGHTS, CheckpointError, DataRecord, RunRecord
from tests.digits import REPOSITORY

DATA = {"name": "small", "split": "all", "fingerprint": "f" * 64}
CONFIG = {"latent": 2, "network": "mlp", "hidden": [8, 4]}
TRAIN = {"epochs": 1.0, "seed": 0}


def record(variant="stacked_ae", config=None, **changes):
    config = config or CONFIG
    fields = {
        "software": "0.1.0",
        "id": checkpoints.run_id(variant, config, DATA, TRAIN),
        "variant": variant,
        "config": config,
        "data": DataRecord(**DATA, count=9, shape=(1, 4, 4), classes=10, kind="images"),
        "train": TRAIN,
        "status": "complete",
        "device": "cpu",
        "seconds": 1.5,
        "samples": 100,
        "history": ({"step": 1.0, "samples": 100.0, "loss": 2.5},),
        "metrics": {"small/all": {"squared_error": 3.5, "squared_error_mean_image": 4.5}},
    }
    return RunRecord(**{**fields, **changes})


def tensors(fill=1.0):
    return {
        WEIGHTS: {"a": np.full((3, 2), fill, np.float32), "b": np.arange(4, dtype=np.float16)},
        CODES: {
            "codes": np.full((5, 2), fill, np.float16),
            "plane_mean": np.zeros(2, np.float32),
            "plane_basis": np.eye(2, dtype=np.float32),
        },
    }


@pytest.fixture
def store(tmp_path):
    """A store with one whole run, `other`, beside which the tests put others."""
    folder = tmp_path / "runs"
    checkpoints.save(folder, record("vae"), tensors())
    return folder


@pytest.fixture
def run(store):
    return checkpoints.save(store, record(), tensors())


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def only_problem(store):
    """The one sentence that the store gives, while its other run goes on working."""
    listing = checkpoints.list_runs(store)
    (other,) = listing.runs.values()
    assert other.record.variant == "vae"
    assert checkpoints.read_tensors(other, WEIGHTS)["a"].shape == (3, 2)
    (sentence,) = listing.problems
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 500
    return sentence


def rewrite(run, change):
    path = run.folder / RECORD
    content = json.loads(path.read_text())
    content = change(content) or content
    path.write_text(json.dumps(content))


# --- A whole run --------------------------------------------------------------------------------


def test_saved_and_read_again(store, run):
    listing = checkpoints.list_runs(store)
    assert set(listing.runs) == {run.id, record("vae").id} and listing.problems == ()
    again = listing.runs[run.id]
    assert again.record == run.record
    assert again.record.history == record().history
    assert again.record.latent == 2
    for name, arrays in tensors().items():
        found = checkpoints.read_tensors(again, name)
        assert set(found) == set(arrays)
        for key, array in arrays.items():
            assert found[key].dtype == array.dtype
            np.testing.assert_array_equal(found[key], array)


def test_files_on_disk(store, run):
    assert set(os.listdir(run.folder)) == {RECORD, WEIGHTS, CODES}
    assert run.folder.stat().st_mode & 0o777 == 0o755
    assert [name for name in os.listdir(store) if name.startswith(".")] == []
    for name in (WEIGHTS, CODES):
        content = (run.folder / name).read_bytes()
        assert run.record.files[name].bytes == len(content)
        assert run.record.files[name].sha256 == hashlib.sha256(content).hexdigest()
    assert json.loads((run.folder / RECORD).read_text())["schema_version"] == 2


def test_a_run_of_the_same_id_is_replaced(store, run):
    newer = checkpoints.save(store, record(seconds=9.0), {WEIGHTS: tensors(7.0)[WEIGHTS]})
    assert newer.folder == run.folder
    found = checkpoints.list_runs(store)
    assert found.problems == () and found.runs[run.id].record.seconds == 9.0
    assert checkpoints.read_tensors(newer, WEIGHTS)["a"].max() == 7
    assert set(os.listdir(run.folder)) == {RECORD, WEIGHTS}
    assert [name for name in os.listdir(store) if name.startswith(".")] == []


def test_a_run_that_is_deleted_is_gone(store, run):
    checkpoints.delete(run)
    assert set(os.listdir(store)) == {record("vae").id}


def test_no_store_is_an_empty_store(tmp_path):
    assert checkpoints.list_runs(tmp_path / "nowhere") == checkpoints.Listing({}, ())


def test_the_first_store_counts(store, run, tmp_path):
    second = tmp_path / "second"
    checkpoints.save(second, record(seconds=9.0), tensors())
    checkpoints.save(second, record("pca"), tensors())
    listing = checkpoints.list_runs([store, second])
    assert len(listing.runs) == 3
    assert listing.runs[run.id].record.seconds == 1.5


def test_user_store_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path / "mine"))
    assert checkpoints.user_store() == tmp_path / "mine"
    monkeypatch.delenv("LATENT_EXPLORER_RUNS")
    assert checkpoints.user_store().name == "runs"
    assert checkpoints.shipped_store() == REPOSITORY / "checkpoints"


def test_listing_needs_no_torch():
    program = "import sys, core.store.checkpoints, core.models; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# --- The id -------------------------------------------------------------------------------------


def test_id_is_readable_and_stable():
    assert checkpoints.run_id("vae", CONFIG, DATA, TRAIN) == "vae-k2-7948e5190c"
    conv = checkpoints.run_id("vae", {**CONFIG, "network": "conv"}, DATA, TRAIN)
    assert conv.startswith("vae-conv-k2-")
    assert checkpoints.RUN_ID.fullmatch(conv)


def test_id_does_not_hang_on_order():
    def turned(table):
        return dict(reversed(table.items()))

    assert checkpoints.run_id("vae", turned(CONFIG), turned(DATA), turned(TRAIN)) == (
        checkpoints.run_id("vae", CONFIG, DATA, TRAIN)
    )


def test_id_hangs_on_everything_asked_for():
    asked = [
        ("vae", CONFIG, DATA, TRAIN),
        ("pca", CONFIG, DATA, TRAIN),
        ("vae", {**CONFIG, "latent": 3}, DATA, TRAIN),
        ("vae", {**CONFIG, "hidden": [8, 5]}, DATA, TRAIN),
        ("vae", CONFIG, {**DATA, "split": "test"}, TRAIN),
        ("vae", CONFIG, {**DATA, "fingerprint": "e" * 64}, TRAIN),
        ("vae", CONFIG, DATA, {**TRAIN, "seed": 1}),
    ]
    assert len({checkpoints.run_id(*parts) for parts in asked}) == len(asked)
    extra = {**DATA, "count": 10}
    assert checkpoints.run_id("vae", CONFIG, extra, TRAIN) == checkpoints.run_id(*asked[0])


# --- Finding one --------------------------------------------------------------------------------


def test_find(store, run):
    checkpoints.save(store, record(config={**CONFIG, "latent": 3}), tensors())
    listing = checkpoints.list_runs(store)
    assert checkpoints.find(listing, run.id).id == run.id
    assert checkpoints.find(listing, "vae").record.variant == "vae"
    with pytest.raises(CheckpointError, match="Several runs begin with 'stacked_ae'") as caught:
        checkpoints.find(listing, "stacked_ae")
    assert run.id in str(caught.value) and "vae" not in str(caught.value)
    with pytest.raises(CheckpointError, match="There is no run 'nonsense'; the runs are: ") as none:
        checkpoints.find(listing, "nonsense")
    assert all(name in str(none.value) for name in listing.runs)
    with pytest.raises(CheckpointError, match="the runs are: none"):
        checkpoints.find(checkpoints.Listing({}, ()), "vae")


# --- Torn and foreign runs ----------------------------------------------------------------------


def test_truncated_weights(store, run):
    path = run.folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-7])
    assert f"{run.id} is torn: {WEIGHTS} has" in only_problem(store)


def test_missing_weights(store, run):
    (run.folder / WEIGHTS).unlink()
    assert f"{run.id} is torn: {WEIGHTS} is missing" in only_problem(store)


def test_missing_record(store, run):
    (run.folder / RECORD).unlink()
    assert f"{run.id} is no run: it has no {RECORD}" in only_problem(store)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"schema_version": 1, "software"',
        b"not JSON at all",
        b"\xff\xfe\x00\x80",
        b"[" * 200_000,
        b'{"schema_version": ' + b"1" * 6000 + b"}",
    ],
    ids=["empty", "cut", "text", "binary", "deep", "long number"],
)
def test_record_that_is_no_json(store, run, content):
    (run.folder / RECORD).write_bytes(content)
    sentence = only_problem(store)
    assert run.id in sentence and f"its {RECORD} is torn" in sentence


@pytest.mark.parametrize("content", ["[]", "[1, 2]", "3", "null", '"run"', "{}", '{"a": 1}'])
def test_record_that_is_no_run(store, run, content):
    (run.folder / RECORD).write_text(content)
    assert f"{run.id} is no run: its {RECORD} states no schema_version" in only_problem(store)


def test_record_of_a_newer_schema(store, run):
    rewrite(run, lambda content: {"schema_version": 3, "shape": "unheard of"})
    sentence = only_problem(store)
    assert f"{run.id} has schema version 3; this software reads up to 2" in sentence


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda c: c.update(variant=3), "variant"),
        (lambda c: c.update(status="half"), "status"),
        (lambda c: c.update(unheard="of"), "unheard"),
        (lambda c: c.pop("data"), "data"),
        (lambda c: c["data"].update(shape="big"), "data.shape"),
        (lambda c: c.update(metrics={"a": {"b": "c"}}), "metrics.a.b"),
        (lambda c: c.update(config={}), "config.latent"),
        (lambda c: c.update(config={"latent": "two"}), "config.latent"),
        (lambda c: c.update(files={}), f"names no {WEIGHTS}"),
    ],
)
def test_record_with_a_wrong_entry(store, run, change, expected):
    def changed(content):
        change(content)
        return content

    rewrite(run, changed)
    sentence = only_problem(store)
    assert f"{run.id} is foreign or torn" in sentence and expected in sentence


def test_record_as_large_as_a_disk(store, run):
    with (run.folder / RECORD).open("r+b") as file:
        file.truncate(checkpoints.LARGEST_RECORD + 1)
    assert f"{run.id} has a {RECORD} of over 1 MiB" in only_problem(store)


def test_folder_that_is_not_called_as_its_run(store, run):
    run.folder.rename(store / "vae-k2-0123456789")
    assert f"vae-k2-0123456789 holds a run that calls itself '{run.id}'" in only_problem(store)


def test_id_that_is_a_path(store):
    folder = store / "a b"
    checkpoints.save(store, record(id="a b"), tensors())
    assert folder.is_dir()
    assert "'a b'" in only_problem(store)


@pytest.mark.parametrize("name", ["../other", "/etc/passwd", "other.bin", RECORD])
def test_record_that_names_a_file_that_no_run_has(store, run, name):
    (run.folder.parent / "other").write_bytes(b"12345")
    foreign = {"sha256": hashlib.sha256(b"12345").hexdigest(), "bytes": 5}
    rewrite(run, lambda content: content["files"].update({name: foreign}))
    sentence = only_problem(store)
    assert f"names a file that no run has: {name!r}" in sentence


def test_paths_are_only_of_files_in_the_record(run):
    assert run.path(WEIGHTS) == run.folder / WEIGHTS
    for name in ("../vae", "run.json", "", "/etc/passwd"):
        with pytest.raises(CheckpointError, match="has no file .*; it has weights"):
            run.path(name)


def test_file_that_stands_where_runs_do(store, run):
    (store / "notes.txt").write_text("mine")
    (store / ".hidden").mkdir()
    assert checkpoints.list_runs(store).problems == ()


def test_store_that_can_not_be_read(store, run, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", refuse)
        listing = checkpoints.list_runs(store)
    assert listing.runs == {}
    assert listing.problems == (f"The run store {store} can't be read (Permission denied).",)


# --- Weights that are not what they were --------------------------------------------------------


def test_checksum_of_a_file_of_the_right_size(store, run):
    path = run.folder / WEIGHTS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert checkpoints.list_runs(store).problems == ()
    with pytest.raises(CheckpointError, match=f"{run.id} is torn: the checksum of {WEIGHTS}"):
        checkpoints.read_tensors(run, WEIGHTS)
    assert checkpoints.read_tensors(run, CODES)["codes"].shape == (5, 2)


def planted(run, content):
    """The run with other weights, of which the record knows size and checksum."""
    (run.folder / WEIGHTS).write_bytes(content)
    known = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    rewrite(run, lambda record: record["files"].update({WEIGHTS: known}))
    return checkpoints.open_run(run.folder)


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_in_disguise_is_never_unpickled(run, tmp_path):
    trap = tmp_path / "sprung"
    found = planted(run, pickle.dumps({"a": Payload(trap)}))
    with pytest.raises(CheckpointError, match="is no safetensors file"):
        checkpoints.read_tensors(found, WEIGHTS)
    assert not trap.exists()
    pickle.loads((run.folder / WEIGHTS).read_bytes())
    assert trap.exists(), "the trap itself must work"


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "nonsense"])
def test_number_format_that_numpy_has_not(run, kind):
    size = {"BF16": 4, "F8_E4M3": 2}.get(kind, 2)
    entry = {"a": {"dtype": kind, "shape": [2], "data_offsets": [0, size]}}
    header = json.dumps(entry).encode()
    found = planted(run, struct.pack("<Q", len(header)) + header + bytes(size))
    with pytest.raises(CheckpointError, match="is no safetensors file") as caught:
        checkpoints.read_tensors(found, WEIGHTS)
    assert "\n" not in str(caught.value)


def test_weights_that_vanish(run):
    (run.folder / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match=f"{run.id}: {WEIGHTS} can't be read"):
        checkpoints.read_tensors(run, WEIGHTS)


# --- A save that fails --------------------------------------------------------------------------


def failing(number, error):
    """A stand-in for `os.fsync` that fails at its number-th call."""
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == number:
            raise OSError(error, os.strerror(error))

    return fsync


@pytest.mark.parametrize("number", [1, 2, 3])
def test_disk_full_in_mid_save(store, run, monkeypatch, number):
    before = contents(store)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.os, "fsync", failing(number, errno.ENOSPC))
        with pytest.raises(CheckpointError) as caught:
            checkpoints.save(store, record(seconds=9.0), tensors(7.0))
        with pytest.raises(CheckpointError):
            patch.setattr(checkpoints.os, "fsync", failing(number, errno.ENOSPC))
            checkpoints.save(store, record("pca"), tensors(7.0))
    assert str(caught.value) == (
        f"Run {run.id} could not be saved in {store} (No space left on device); "
        "what was there before is unchanged."
    )
    assert contents(store) == before
    assert checkpoints.read_tensors(checkpoints.open_run(run.folder), WEIGHTS)["a"].max() == 1


@pytest.mark.parametrize("number", [1, 2])
def test_rename_that_fails_leaves_the_older_run(store, run, monkeypatch, number):
    before, rename, calls = contents(store), Path.rename, []

    def refuse(self, target):
        calls.append(target)
        if len(calls) == number:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(CheckpointError, match="Input/output error"):
            checkpoints.save(store, record(seconds=9.0), tensors(7.0))
    assert contents(store) == before


def test_save_that_is_interrupted_leaves_nothing(store, run, monkeypatch):
    before = contents(store)

    def interrupt(descriptor):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.save(store, record(seconds=9.0), tensors(7.0))
    assert contents(store) == before


def test_store_that_is_read_only(store, run, monkeypatch):
    before = contents(store)

    def refuse(**options):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.tempfile, "mkdtemp", refuse)
        with pytest.raises(CheckpointError, match=r"could not be saved in .*Read-only file system"):
            checkpoints.save(store, record("pca"), tensors())
    assert contents(store) == before
    assert len(checkpoints.list_runs(store).runs) == 2


@contextlib.contextmanager
def without_privileges():
    """As anybody else where root runs the tests, since root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_store_without_the_right_to_write(store, run):
    with tempfile.TemporaryDirectory() as parent:  # pytest's own folders are root's alone
        Path(parent).chmod(0o755)
        theirs = shutil.copytree(store, Path(parent) / "store")
        theirs.chmod(0o555)
        try:
            with without_privileges():
                with pytest.raises(CheckpointError, match="Permission denied"):
                    checkpoints.save(theirs, record("pca"), tensors())
                assert len(checkpoints.list_runs(theirs).runs) == 2
        finally:
            theirs.chmod(0o755)


def test_store_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CheckpointError, match="could not be saved"):
        checkpoints.save(tmp_path / "file", record(), tensors())
    with pytest.raises(CheckpointError, match="could not be saved"):
        checkpoints.save(tmp_path / "file" / "runs", record(), tensors())
    assert (tmp_path / "file").read_text() == "mine"


# --- Names that runs had, and records of version 1 ------------------------------------------------


def older(run, name, **train):
    """The run as version 1 wrote it: the weights' format among the training's knobs."""

    def change(content):
        for new in ("stored_as", "formerly", "roles"):
            content.pop(new)
        content["train"].update(train)
        return content | {"schema_version": 1, "id": name}

    rewrite(run, change)
    return checkpoints.open_run(run.folder.rename(run.folder.with_name(name)))


@pytest.mark.parametrize("stored_as", ["float32", "float16"])
def test_a_record_of_version_1_is_read_as_one_of_today(store, run, stored_as):
    train = {} if stored_as == "float32" else {"store": stored_as}
    found = older(run, "stacked_ae-k2-00000000aa", **train)
    assert found.record.stored_as == stored_as
    expected = run.record.model_copy(update={"id": found.id, "stored_as": stored_as})
    assert found.record == expected
    assert checkpoints.list_runs(store).problems == ()
    assert checkpoints.read_weights(found)["b"].dtype == np.float32


def test_a_record_of_version_1_with_a_format_that_is_none(store, run):
    with pytest.raises(CheckpointError, match="foreign or torn: stored_as"):
        older(run, "stacked_ae-k2-00000000aa", store="float8")


def test_how_weights_are_stored_is_no_part_of_an_id_and_was_one():
    config = variant("vae").Config.checked({"latent": 2})
    asked = checkpoints.Request("vae", config, DataRecord(**MNIST), TrainConfig.recorded(DEEP))
    assert asked.names == ("vae-k2-4214f6c873", "vae-k2-e07b00a7ea")
    assert asked.names == (asked.id, *asked.formerly)


MNIST = {
    "name": "mnist",
    "split": "train-55k",
    "fingerprint": "ceca8f444116992d1b6069947df906044e26deaf5cfb1b9cb753662f146ae975",
    "count": 55_000,
    "shape": (1, 28, 28),
    "classes": 10,
    "kind": "images",
}
DEEP = {"epochs": 60, "batch_size": 128, "learning_rate": 1e-3}
OLD = "stacked_ae-k2-00000000bb"


def test_a_run_is_found_by_a_name_that_it_had(store):
    run = checkpoints.save(store, record(formerly=(OLD, record("vae").id)), tensors())
    listing = checkpoints.list_runs(store)
    assert listing.renamed == {OLD: run.id}, "no name is taken from a run that has it"
    assert listing.get(OLD) is listing.get(run.id) is listing.runs[run.id]
    assert listing.get("stacked_ae-k2-00000000cc") is None
    assert checkpoints.find(listing, OLD).id == run.id
    assert checkpoints.find(listing, OLD[:-2]).id == run.id
    assert checkpoints.find(listing, "stacked_ae").id == run.id
    assert checkpoints.find(listing, record("vae").id).record.variant == "vae"
    with pytest.raises(CheckpointError, match="There is no run"):
        checkpoints.find(listing, OLD + "0")


def test_a_whole_run_is_found_under_any_of_its_names(store, run, tmp_path):
    found = older(run, OLD)
    names = ("stacked_ae-k2-00000000cc", OLD)
    assert checkpoints.complete([tmp_path / "none", store], names).folder == found.folder
    assert checkpoints.complete([store], names[:1]) is None
    rewrite(found, lambda content: content.update(status="stopped"))
    assert checkpoints.complete([store], names) is None


def test_a_record_is_rewritten_and_nothing_else(store, run, monkeypatch):
    before = contents(store)
    found = checkpoints.rewrite(run, roles=("usual",), files={})
    assert found.record == run.record.model_copy(update={"roles": ("usual",)})
    assert checkpoints.open_run(run.folder).record == found.record
    after = contents(store)
    assert {name for name in before if before[name] != after[name]} == {f"{run.id}/{RECORD}"}
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.os, "fsync", failing(1, errno.ENOSPC))
        with pytest.raises(CheckpointError, match="No space left on device"):
            checkpoints.rewrite(run, roles=())
    assert contents(store) == after


# --- Tensors of every kind ------------------------------------------------------------------------


def test_numbers_alone_whole_numbers_and_truth_values_come_back_as_they_were(store):
    arrays = {
        "seen": np.array(3),
        "share": np.array(0.5, np.float32),
        "index": np.arange(6).reshape(2, 3),
        "mask": np.array([True, False]),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    }
    run = checkpoints.save(store, record(), {WEIGHTS: arrays})
    for found in (checkpoints.read_tensors(run, WEIGHTS), checkpoints.read_weights(run)):
        for name, array in arrays.items():
            assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype), name
            np.testing.assert_array_equal(found[name], array)


def test_weights_of_int8_are_read_as_what_they_stand_for(store):
    wide = {"a": np.random.default_rng(0).normal(size=(64, 256)).astype(np.float32)}
    packed = weights.pack(wide, "int8")
    run = checkpoints.save(store, record(stored_as="int8"), {WEIGHTS: packed})
    assert checkpoints.read_tensors(run, WEIGHTS)["a"].dtype == np.int8
    assert np.array_equal(checkpoints.read_weights(run)["a"], weights.unpack(packed)["a"])
    wrong = packed | {"a.scale": packed["a.scale"][:3]}
    run = checkpoints.save(store, record(stored_as="int8"), {WEIGHTS: wrong})
    with pytest.raises(CheckpointError, match=f"a.scale in its {WEIGHTS} is not of the shape .64"):
        checkpoints.read_weights(run)
