"""Runs named, kept, deleted, and handed over as a zip; what hostile and torn archives come to."""

import dataclasses
import io
import json
import stat
import struct
import zipfile

import numpy as np
import pytest
import torch
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes
from torch import nn

from core.config import TrainConfig
from core.models import variant
from core.store import checkpoints, loading, own_runs, transfer
from core.store.checkpoints import CODES, FILM, NOTE, RECORD, WEIGHTS
from core.store.own_runs import ShelfError
from core.training import estimate, loop, runner
from core.training.film import Film


@pytest.fixture(scope="module")
def digits():
    from core import data

    return data.load("mnist-5k", "all")


def trained(store, digits, on_map=True, stored_as="float32", **knobs):
    """A tiny VAE, with its map and its film or without, in a store."""
    config = variant("vae").Config.checked({"hidden": (6,), **knobs})
    request = checkpoints.Request(
        "vae", config, digits.subset(np.arange(64), "few"), TrainConfig(epochs=2, batch_size=32)
    )
    more = {"on_map": digits, "film": Film(digits)} if on_map else {}
    loop.drain(runner.run(request, store, stored_as=stored_as, **more))
    return checkpoints.open_run(store / request.id)


@pytest.fixture(scope="module")
def run(tmp_path_factory, digits):
    return trained(tmp_path_factory.mktemp("runs"), digits)


@pytest.fixture(scope="module")
def archive(run):
    return transfer.export_run(run)


@pytest.fixture
def copy(run, tmp_path):
    """The run in a store of its own."""
    found = transfer.import_run(transfer.export_run(run), tmp_path / "copy")
    return found


def members(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {entry.filename: opened.read(entry) for entry in opened.infolist()}


def packed(contents, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as opened:
        for name, content in contents.items():
            opened.writestr(name, content)
    return stream.getvalue()


# --- Notes ----------------------------------------------------------------------------------------


def test_a_note_is_written_and_read(copy):
    assert own_runs.note(copy) == own_runs.Note()
    own_runs.write_note(copy, title="  first \n try ")
    own_runs.write_note(copy, kept=True)
    assert own_runs.note(copy) == own_runs.Note(title="first try", kept=True)
    assert checkpoints.open_run(copy.folder).record == copy.record


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"title": 3}', b'{"title": "' + b"x" * 99]
)
def test_a_torn_or_foreign_note_is_none(copy, content):
    (copy.folder / NOTE).write_bytes(content)
    assert own_runs.note(copy) == own_runs.Note()


def test_a_name_that_is_too_long_gets_one_sentence(copy):
    with pytest.raises(ShelfError, match="at most 80 letters; this one has 81"):
        own_runs.write_note(copy, title="x" * 81)
    assert own_runs.note(copy) == own_runs.Note()


def test_a_name_outlives_another_training(tmp_path, digits):
    run = trained(tmp_path, digits, on_map=False)
    own_runs.write_note(run, title="mine")
    again = trained(tmp_path, digits, on_map=False)
    assert again.id == run.id and own_runs.note(again).title == "mine"


def test_a_run_that_ships_or_is_gone_can_be_neither_named_nor_deleted(copy, shipped):
    for change in (lambda run: own_runs.write_note(run, title="x"), own_runs.delete):
        with pytest.raises(ShelfError, match="comes with the software"):
            change(next(iter(shipped.values())))
    own_runs.delete(copy)
    assert list(copy.folder.parent.iterdir()) == []
    for change in (
        lambda run: own_runs.write_note(run, title="x"),
        own_runs.delete,
        transfer.export_run,
    ):
        with pytest.raises(ShelfError, match="no longer in the store"):
            change(copy)


# --- Out and in again -----------------------------------------------------------------------------


def test_export_and_import_give_the_same_run(run, archive, tmp_path):
    assert transfer.export_run(run) == archive
    assert set(members(archive)) == {f"{run.id}/{n}" for n in (RECORD, WEIGHTS, CODES, FILM)}
    path = tmp_path / "run.zip"
    path.write_bytes(archive)
    for source, store in ((archive, tmp_path / "a"), (path, tmp_path / "b")):
        found = transfer.import_run(source, store)
        assert found.record == run.record
        for file in run.record.files:
            assert found.path(file).read_bytes() == run.path(file).read_bytes()
        assert [entry.name for entry in store.iterdir()] == [run.id]
        assert stat.S_IMODE(found.folder.stat().st_mode) == 0o755
    with pytest.raises(ShelfError, match="in the store already"):
        transfer.import_run(archive, tmp_path / "a")


def test_every_shipped_run_can_be_exported_and_imported(shipped, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "shipped_store", lambda: tmp_path / "none")
    for run in list(shipped.values())[::4]:
        found = transfer.import_run(transfer.export_run(run), tmp_path / "store").record
        assert found == run.record.model_copy(update={"roles": ()}), "a page's role is the bank's"


def test_what_ships_is_not_imported_again(shipped, tmp_path):
    with pytest.raises(ShelfError, match="in the store already"):
        transfer.import_run(transfer.export_run(next(iter(shipped.values()))), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_browser_runs_is_made_anew(run, archive, tmp_path):
    def forge(record):
        (first, *_) = (layer for layer in record["browser"]["encoder"] if layer["op"] == "gelu")
        first["op"] = "tanh"
        record["capabilities"] |= {"corrupts": True, "takes": ["label"]}

    found = transfer.import_run(with_record(archive, forge), tmp_path)
    assert found.record.browser == run.record.browser
    assert found.record.capabilities == run.record.capabilities


# --- Hostile, torn and foreign archives -----------------------------------------------------------


def with_record(archive, change):
    contents = members(archive)
    name = next(name for name in contents if name.endswith(RECORD))
    record = json.loads(contents[name])
    change(record)
    return packed(contents | {name: json.dumps(record)})


def with_tensors(archive, file, change):
    """The archive with one file's arrays changed, and a record that agrees."""
    import hashlib

    contents = members(archive)
    name = next(name for name in contents if name.endswith(file))
    arrays = dict(from_bytes(contents[name]))
    change(arrays)
    content = to_bytes({key: np.ascontiguousarray(array) for key, array in arrays.items()})

    def agree(record):
        digest = hashlib.sha256(content).hexdigest()
        record["files"][file] = {"sha256": digest, "bytes": len(content)}

    return with_record(packed(contents | {name: content}), agree)


def entry(name, mode=0, flags=0, content=b"x"):
    """A zip with one entry of this mode."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        opened.writestr(info, content)
    found = bytearray(stream.getvalue())
    if flags:
        for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            struct.pack_into("<H", found, found.index(signature) + offset, flags)
    return bytes(found)


def setting(path, value):
    def change(record):
        *parents, last = path.split(".")
        for name in parents:
            record = record[name]
        record[last] = value

    return change


def unpacked(archive):
    return members(bytes(archive)).items()


def as_gan(name, content):
    """A run's record as if it were of a variant that is not known here."""
    return content.replace(b'"vae', b'"gan') if name.endswith(RECORD) else content


RUN = "vae-k2-0123456789"
HOSTILE = {
    "nothing": (lambda a: b"", "not a whole zip"),
    "text": (lambda a: b"hello", "not a whole zip"),
    "cut off": (lambda a: a[:-40], "not a whole zip"),
    "empty": (lambda a: packed({}), "holds no run"),
    "foreign": (lambda a: packed({"readme.txt": "hello"}), "and nothing else"),
    "no record": (lambda a: packed({f"{RUN}/{WEIGHTS}": b""}), "must be one folder"),
    "above": (lambda a: packed({f"../{RUN}/{RECORD}": b"{}"}), "points nowhere inside it"),
    "absolute": (lambda a: packed({f"/{RUN}/{RECORD}": b"{}"}), "points nowhere inside it"),
    "drive": (lambda a: packed({f"C:/{RUN}/{RECORD}": b"{}"}), "points nowhere inside it"),
    "deeper": (lambda a: packed({f"a/{RUN}/{RECORD}": b"{}"}), "and nothing else"),
    "a pickle": (lambda a: packed(members(a) | {f"{RUN}/weights.pkl": b""}), "and nothing else"),
    "a note": (lambda a: packed(members(a) | {f"{RUN}/{NOTE}": b"{}"}), "and nothing else"),
    "link": (lambda a: entry(f"{RUN}/{RECORD}", stat.S_IFLNK | 0o777), "a link or a device"),
    "encrypted": (lambda a: entry(f"{RUN}/{RECORD}", flags=1), "is encrypted"),
    "two runs": (lambda a: packed({f"{RUN}/{RECORD}": b"", f"{RUN[:-1]}8/{WEIGHTS}": b""}), "one"),
    "many": (lambda a: packed({f"{i}/": b"" for i in range(9)}), "more than 8 entries"),
    "bomb": (lambda a: packed({f"{RUN}/{RECORD}": b" " * 3_000_000}), "to 1; allowed"),
    "torn record": (lambda a: packed({f"{RUN}/{RECORD}": b"{"}), "is torn"),
    "deep record": (lambda a: packed({f"{RUN}/{RECORD}": b"[" * 9999}), "is torn"),
    "newer": (lambda a: with_record(a, setting("schema_version", 99)), "needs a newer release"),
    "no weights": (
        lambda a: packed({n: c for n, c in members(a).items() if WEIGHTS not in n}),
        "weights.safetensors is missing",
    ),
    "changed weights": (
        lambda a: packed({n: c if WEIGHTS not in n else c[:-1] + b"?" for n, c in unpacked(a)}),
        "checksum",
    ),
    "no weights at all": (
        lambda a: packed({n: c if WEIGHTS not in n else c[::-1] for n, c in unpacked(a)}),
        "no safetensors file",
    ),
    "another id": (
        lambda a: packed({f"{RUN}/{n.split('/')[1]}": c for n, c in members(a).items()}),
        "calls itself",
    ),
    "other knobs": (lambda a: with_record(a, setting("config.beta", 4.0)), "id is not that"),
    "other data": (lambda a: with_record(a, setting("data.split", "all")), "id is not that"),
    "no such knob": (lambda a: with_record(a, setting("config.deep", 1)), "not a knob here"),
    "no such variant": (
        lambda a: packed({n.replace("vae", "gan"): as_gan(n, c) for n, c in unpacked(a)}),
        "no variant 'gan'",
    ),
    "another variant": (lambda a: with_record(a, setting("variant", "gan")), "doesn't fit variant"),
    "markup": (lambda a: with_record(a, setting("device", "![x](//evil)")), "says what no run"),
    "markup in a term": (
        lambda a: with_record(a, setting("history", [{"step": 1, "samples": 1, "<b>": 1.0}])),
        "no name of a term",
    ),
    "no number": (
        lambda a: with_record(
            a, setting("history", [{"step": 1, "samples": 1, "kl": float("nan")}])
        ),
        "finite number",
    ),
    "infinite": (
        lambda a: with_record(a, setting("seconds", float("inf"))),
        "finite number",
    ),
    "weights of another": (
        lambda a: with_tensors(a, WEIGHTS, lambda t: t.pop(next(iter(t)))),
        "in its weights.safetensors is not of the shape",
    ),
    "weights of none": (
        lambda a: with_tensors(a, WEIGHTS, lambda t: next(iter(t.values())).fill(np.nan)),
        "no finite numbers",
    ),
    "a short map": (
        lambda a: with_tensors(a, CODES, lambda t: t.update(codes=t["codes"][:7])),
        "squared_error in its codes.safetensors is not of the shape",
    ),
    "errors below 0": (
        lambda a: with_tensors(a, CODES, lambda t: t["squared_error"].__setitem__(3, -0.5)),
        "squared_error in its codes.safetensors is no list of numbers from 0 on",
    ),
    "a film without a picture": (
        lambda a: with_tensors(a, FILM, lambda t: t.update(sheet=np.zeros(99, np.uint8))),
        "sheet in its film.safetensors is no picture",
    ),
    "a film as large as a wall": (
        lambda a: with_tensors(
            a, FILM, lambda t: t["sheet"].__setitem__(slice(16, 24), np.full(8, 127, np.uint8))
        ),
        "is no picture of up to 64,000,000 pixels",
    ),
    "a film that jumps off": (
        lambda a: with_tensors(a, FILM, lambda t: t["points"].fill(np.inf)),
        "no list of finite numbers",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_bad_archive_gets_one_sentence_and_leaves_nothing(kind, archive, tmp_path):
    make, sentence = HOSTILE[kind]
    with pytest.raises(ShelfError, match=sentence) as caught:
        transfer.import_run(make(bytes(archive)), tmp_path / "store", label="visit.zip")
    told = str(caught.value)
    assert told.startswith("visit.zip") and told.endswith(".") and "\n" not in told, told
    left = list((tmp_path / "store").iterdir()) if (tmp_path / "store").exists() else []
    assert left == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_comes_twice(archive, run, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for _ in range(2):
            opened.writestr(f"{run.id}/{RECORD}", b"{}")
    with pytest.raises(ShelfError, match="run.json twice"):
        transfer.import_run(stream.getvalue(), tmp_path)


def test_networks_beyond_all_memory_are_refused_before_they_are_made(archive, tmp_path):
    hostile = with_record(archive, setting("config.hidden", [10**12, 10**12]))
    with pytest.raises(ShelfError):
        transfer.import_run(hostile, tmp_path)
    hostile = with_record(archive, setting("data.shape", [1, 10**9, 10**9]))
    with pytest.raises(ShelfError, match=r"data\.shape\.1 in its run\.json is wrong"):
        transfer.import_run(hostile, tmp_path)
    hostile = with_record(archive, setting("config.hidden", [10**6, 10**6]))
    with pytest.raises(ShelfError, match="id is not that|don't fit VAE"):
        transfer.import_run(hostile, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_archives_that_are_too_large_or_not_there(tmp_path, monkeypatch):
    with pytest.raises(ShelfError, match="can't be read"):
        transfer.import_run(tmp_path / "none.zip", tmp_path / "store")
    small = dataclasses.replace(transfer.BOUNDS, archive_bytes=10)
    monkeypatch.setattr(transfer, "BOUNDS", small)
    with pytest.raises(ShelfError, match="has 11 bytes; a run's archive has at most 10"):
        transfer.import_run(b"x" * 11, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_store_that_cannot_be_written(archive, tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(ShelfError, match="can't be written"):
        transfer.import_run(archive, tmp_path / "store")


# --- Archives of version 1, and what weights may be -----------------------------------------------


def of_version_1(run, **train):
    """The archive that version 1 would have made of the run, under the id that it had there."""
    (old,) = run.record.formerly
    contents = {
        name.replace(run.id, old): c for name, c in members(transfer.export_run(run)).items()
    }
    record = json.loads(contents[f"{old}/{RECORD}"])
    for new in ("stored_as", "formerly", "roles"):
        record.pop(new)
    record |= {"schema_version": 1, "id": old, "train": record["train"] | train}
    return packed(contents | {f"{old}/{RECORD}": json.dumps(record)})


def test_an_archive_of_version_1_comes_in_under_today_s_id_and_once(run, tmp_path):
    archive = of_version_1(run, store="float16")
    found = transfer.import_run(archive, tmp_path)
    assert found.record == run.record.model_copy(update={"stored_as": "float16"})
    assert [entry.name for entry in tmp_path.iterdir()] == [run.id]
    listing = checkpoints.list_runs(tmp_path)
    assert listing.get(run.record.formerly[0]).id == run.id
    for again in (archive, transfer.export_run(run)):
        with pytest.raises(ShelfError, match=f"holds run {run.id}, which is in the store already"):
            transfer.import_run(again, tmp_path)
    assert json.loads((found.folder / RECORD).read_text())["schema_version"] == 2


def test_no_archive_takes_a_role_or_another_run_s_name(run, archive, tmp_path):
    def claim(record):
        record["roles"], record["formerly"] = ["usual"], ["vae-k2-0123456789"]

    found = transfer.import_run(with_record(archive, claim), tmp_path)
    assert found.record == run.record


@pytest.mark.parametrize("stored_as", ["float16", "int8"])
def test_a_run_of_smaller_weights_is_handed_over_as_it_is(stored_as, digits, tmp_path):
    run = trained(tmp_path, digits, on_map=False, stored_as=stored_as, hidden=(16,))
    kinds = {array.dtype.name for array in checkpoints.read_tensors(run, WEIGHTS).values()}
    assert kinds == {"float16"} | {stored_as}
    found = transfer.import_run(transfer.export_run(run), tmp_path / "other")
    assert found.record == run.record and found.record.stored_as == stored_as
    assert found.path(WEIGHTS).read_bytes() == run.path(WEIGHTS).read_bytes()
    short = with_tensors(
        transfer.export_run(run), WEIGHTS, lambda t: t.update({k: t[k][:2] for k in t if "sc" in k})
    )
    if stored_as == "int8":
        with pytest.raises(
            ShelfError, match="scale in its weights.safetensors is not of the shape"
        ):
            transfer.import_run(short, tmp_path / "third")


def test_counters_masks_and_what_a_model_loads_itself_travel(digits, tmp_path, monkeypatch):
    """Buffers without a dimension, whole numbers, truth values; and a model that reads numbers of
    its own when it is built, which an import builds without numbers."""
    kind = variant("vae")
    build = kind.__init__

    def built(self, config, signature):
        build(self, config, signature)
        self.norm = nn.BatchNorm1d(4)
        self.norm.load_state_dict({n: torch.from_numpy(a) for n, a in own.items()})
        self.register_buffer("seen", torch.tensor(7))
        self.register_buffer("mask", torch.tensor([True, False]))

    own = {n: np.asarray(t.numpy() + 1) for n, t in nn.BatchNorm1d(4).state_dict().items()}
    with pytest.warns(UserWarning, match="copying from a non-meta parameter"), torch.device("meta"):
        nn.BatchNorm1d(4).load_state_dict({n: torch.from_numpy(a) for n, a in own.items()})
    monkeypatch.setattr(kind, "__init__", built)
    run = trained(tmp_path, digits, on_map=False, stored_as="int8", hidden=(16,))
    found = transfer.import_run(transfer.export_run(run), tmp_path / "other")
    model = loading.load_model(found)
    assert model.norm.num_batches_tracked.shape == () and int(model.norm.num_batches_tracked) == 1
    assert (int(model.seen), model.mask.tolist()) == (7, [True, False])
    assert model.norm.running_var.tolist() == [2] * 4
    signature = model.signature
    plain = variant("linear_ae").Config.checked({"latent": 2})
    assert estimate.parameters("linear_ae", plain, signature) == 2 * 784 * 2 + 784 + 2
    assert estimate.parameters("vae", model.config, signature) == sum(
        p.numel() for p in model.parameters()
    )
