"""Run folders and archives spoilt at random, and all that pages call with them.

`python -m benchmarks.mutations [--folders 10000] [--archives 2000] [--seed 0]`; half an hour on two
cores, in pieces with `--first`. A folder or an archive may be refused in one sentence; whatever
else is raised is a fault, and so is more than 2 s of computing or 300 MB for one of them. Every
hundredth time the last hundred folders stand in one store and every page is drawn over them. Ends
with 1 where there was a fault.

A spoilt run is a shipped one whose record has entries of other types, extremes, gaps or other
names, or whose files are cut off, reshaped, retyped, renamed, full of NaN, or no files at all; of
half of them the record agrees with the files, checksums included.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from core.refusal import Refusal
from core.store import checkpoints, loading, own_runs, records, transfer
from core.store.checkpoints import CODES, FILM, PICTURES, RECORD, WEIGHTS, Run
from core.store.own_runs import ShelfError

MOST_SECONDS, MOST_MEGABYTES = 2.0, 300.0
TOGETHER = 100  # folders in a store over which all pages are drawn
PAGES = ("explore", "compare", "noise", "beta", "generate", "family", "train")
BASES = (
    "vae-k2-4214f6c873",
    "vae-conv-k2-e2f37d7c3e",
    "multirate_vae-k2-7d72c27c83",
    "multirate_vae-k16-145daf98d1",
    "multilevel_dae-k2-18282dbfff",
    "multilevel_dae-k16-401a10ca53",
    "denoising_ae-k16-0a3df0c10a",
    "linear_ae-k2-bdcf102811",
    "pca-k2-6bbd6e9dc7",
    "vae-k16-7c51152bca",
)
EXTREMES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 7, 2**31, 2**63, 2**64, -(2**64), 10**300, 0.0, -0.0, 1e-320,
    1e30, -1e308, 1e308, float("inf"), float("-inf"), float("nan"), "", "0", "a" * 5000, "../../x",
    "\x00", "\ud800", "<img src=x onerror=alert(1)>", "![a](http://evil/p.png)", "{a}", "{0}", "β",
    [], [[]], [None], [1] * 5000, {}, {"": {}}, {"a": 1}, [1, 2**31, 28], [1, 28, 28], [0], [-5],
)  # fmt: skip
KNOBS = (
    "latent", "hidden", "channels", "network", "beta", "beta_warmup", "likelihood", "sigma",
    "noise", "level", "activation", "dense", "pixels", "level_low", "level_high", "beta_low",
)  # fmt: skip
PLACES = (  # that pages read, spoilt as often as all others together
    *((("config", name)) for name in KNOBS),
    ("data", "shape"), ("data", "count"), ("data", "kind"), ("data", "classes"), ("data", "name"),
    ("train", "epochs"), ("browser", "dial"), ("browser", "dial", "knob"), ("browser", "shape"),
    ("browser", "dial", "low"), ("browser", "dial", "log"), ("browser", "latent"),
    ("browser", "encoder"), ("browser", "decoder"), ("browser", "prior"), ("browser",),
    ("widths",), ("history",), ("history", 0), ("history", -1, "step"), ("history", -1, "samples"),
    ("history", 3, "kl"), ("metrics",), ("metrics", "mnist-5k/all"), ("roles",), ("formerly",),
    ("metrics", "mnist-5k/all", "squared_error"), ("metrics", "mnist/test", "squared_error"),
    ("metrics", "mnist-5k/all", "squared_error_mean_image"), ("capabilities",), ("variant",),
    ("metrics", "mnist-5k/all", "rate"), ("metrics", "mnist-5k/all", "active_units"), ("id",),
    ("capabilities", "closed_form"), ("capabilities", "has_posterior"), ("capabilities", "takes"),
    ("schema_version",), ("stored_as",), ("status",), ("samples",), ("seconds",), ("files",),
    ("files", CODES), ("files", WEIGHTS, "bytes"), ("teacher",), ("device",), ("software",),
)  # fmt: skip
ROLES = tuple(records.ROLES)
SPLITS = ("mnist/test", "mnist-5k/all", "mnist-5k/test", "a/b", "<b>")
SCORES = ("squared_error", "rate", "elbo_binary", "cross_entropy_grey", "rmse", "x", "active_units")


@dataclass
class Tally:
    """What came of it all."""

    tried: int = 0
    refused: int = 0
    taken: int = 0  # opened or imported; some are as good as the run that they were made of
    aside: int = 0  # set aside while a page was drawn
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    largest: float = 0.0  # megabytes that one of them took at its height
    sentences: Counter[str] = field(default_factory=Counter)

    def line(self, what: str) -> str:
        """All of it in one line."""
        return (
            f"{what}: {self.tried:,} tried, {self.refused:,} refused, {self.taken:,} taken, "
            f"{self.aside:,} set aside, {len(self.faults)} faults; at most {self.slowest:.2f} s "
            f"and {self.largest:.0f} MB for one"
        )


# --- How a run is spoilt --------------------------------------------------------------------------


def spoil_record(rng: random.Random, record: dict[str, Any]) -> None:
    """Change one to three entries of a record: those that pages read as often as any others."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        kind = rng.randrange(10)
        if kind < 5:
            _put(record, rng.choice(PLACES), _value(rng))
        elif kind < 6:
            record["roles"] = rng.sample(ROLES, 2)
        elif kind < 7:
            record["metrics"] = {
                rng.choice(SPLITS): {rng.choice(SCORES): rng.choice((1.0, 0.0, -3.0, 1e9))}
            }
        else:
            _anywhere(rng, record)


def _put(record: Any, place: tuple[Any, ...], value: Any) -> None:
    *parents, last = place
    for name in parents:
        try:
            record = record[name]
        except (KeyError, IndexError, TypeError):
            return
    spot = isinstance(last, int) and isinstance(record, list) and len(record) > last
    if spot or isinstance(record, dict):
        record[last] = value


def _value(rng: random.Random) -> Any:
    found = rng.choice(EXTREMES)
    if rng.random() < 0.2:
        found = [found] * rng.choice((1, 2, 40))
    return {rng.choice(KNOBS): found} if rng.random() < 0.1 else found


def _anywhere(rng: random.Random, record: Any) -> None:
    """Walk down a random way and drop, rename, double or replace what is there."""
    while True:
        keys = list(record) if isinstance(record, dict) else list(range(len(record)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = record[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.75:
            record = inner
            continue
        kind = rng.randrange(5)
        if kind == 0:
            del record[key]
        elif kind == 1 and isinstance(record, dict):
            record[rng.choice((f"{key}_", "", "samples", "<b>", "k" * 300))] = record.pop(key)
        elif kind == 2 and isinstance(inner, int | float) and not isinstance(inner, bool):
            record[key] = inner * rng.choice((-1, 0, 1e-9, 1000, 1e15, 1.5))
        elif kind == 3 and isinstance(record, list):
            record.extend([inner] * rng.choice((1, 30)))
        else:
            record[key] = _value(rng)
        return


def spoil_arrays(rng: random.Random, content: bytes) -> bytes:
    """A safetensors file with one or two arrays reshaped, retyped, renamed, filled or gone."""
    arrays = dict(from_bytes(content))
    for _ in range(rng.choice((1, 1, 2))):
        if not arrays:
            break
        name = rng.choice(sorted(arrays))
        array = arrays[name]
        kind = rng.randrange(9)
        if kind == 0:
            del arrays[name]
        elif kind == 1:
            arrays[rng.choice(("x", "codes", "knots", "steps", name + ".scale"))] = arrays.pop(name)
        elif kind == 2:
            arrays[name] = array.reshape(-1)
        elif kind == 3:
            arrays[name] = array[: rng.choice((0, 1, 3))] if array.ndim else array.reshape(1)
        elif kind == 4:
            arrays[name] = array.astype(rng.choice(("i4", "u1", "f8", "bool", "f2")))
        elif kind == 5:
            filled = rng.choice((np.nan, np.inf, 0.0, -6e4, 6e4))
            with np.errstate(all="ignore"):
                arrays[name] = np.full(array.shape, filled).astype(array.dtype)
        elif kind == 6:
            arrays[name] = np.repeat(array.reshape(1, *array.shape), 2, 0)
        elif kind == 7:
            arrays[name] = array.T
        else:
            arrays[name] = np.sort(array.reshape(-1))[::-1].reshape(array.shape)
    with np.errstate(all="ignore"):
        return to_bytes({key: np.ascontiguousarray(a) for key, a in arrays.items()})


def spoil_bytes(rng: random.Random, content: bytes) -> bytes:
    """Bytes cut off, flipped, or with another beginning; at times one that promises much."""
    found = bytearray(content)
    kind = rng.randrange(5)
    if kind == 0:
        del found[rng.randrange(len(found) + 1) :]
    elif kind == 1:
        for _ in range(rng.randrange(1, 20)):
            found[rng.randrange(min(len(found), rng.choice((100, 10**9))))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        found[:8] = rng.choice((0, 2**20, 2**40, 2**63)).to_bytes(8, "little")
    elif kind == 3:
        found += bytes(rng.randrange(1, 1000))
    else:
        header = json.dumps({"codes": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}})
        found = bytearray(len(header).to_bytes(8, "little") + header.encode() + bytes(4))
    return bytes(found)


def film() -> bytes:
    """A small film, which shipped runs have none of."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (12, 24)).save(stream, "PNG")
    return to_bytes(
        {
            "points": np.zeros((2, 5, 2), np.float16),
            "steps": np.array([0, 9], np.float32),
            "samples": np.array([0, 99], np.float32),
            "bounds": np.ones((2, 4), np.float32),
            "sheet": np.frombuffer(stream.getvalue(), np.uint8),
        }
    )


def spoilt(rng: random.Random, name: str = "") -> dict[str, bytes]:
    """The files of a spoilt run by name; its id ends with `name`, where that is given."""
    source = checkpoints.shipped_store() / rng.choice(BASES)
    files = {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}
    record = json.loads(files.pop(RECORD))
    stem = record["id"].rpartition("-")[0]
    record["id"] = f"{stem}-{name}" if name else record["id"]
    if rng.random() < 0.3:
        files[FILM] = film()
    if rng.random() < 0.1:
        files[PICTURES] = to_bytes({"samples": from_bytes(film())["sheet"]})
    kind = rng.randrange(10)
    file = rng.choice(sorted(files))
    if kind in (5, 6, 7):
        files[file] = spoil_arrays(rng, files[file])
    elif kind == 8:
        files[file] = spoil_bytes(rng, files[file])
    record["files"] = {
        one: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for one, content in files.items()
    }
    if kind < 5 or rng.random() < 0.2:
        spoil_record(rng, record)
    told = json.dumps(record).encode()
    if kind == 9:
        if rng.random() < 0.5:
            files.pop(file)
        told = spoil_bytes(rng, told) if rng.random() < 0.6 else _endless(rng, told)
    return files | {RECORD: told}


def _endless(rng: random.Random, told: bytes) -> bytes:
    return rng.choice(
        (
            b"[" * 10**6,
            told[:-1] + b',"history":[' + b"{}," * 300_000 + b"{}]}",
            told[:-1] + b',"config":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
            told[:-1] + b',"metrics":{' + b",".join(b'"%d":{}' % i for i in range(90_000)) + b"}}",
            told[:-1] + b',"samples":' + b"9" * 5000 + b"}",
        )
    )


def put_folder(rng: random.Random, store: Path, number: int) -> Path:
    """Write a spoilt run into a store; gives its folder."""
    name = f"{rng.getrandbits(40):010x}"
    files = spoilt(rng, name)
    try:
        run_id = json.loads(files[RECORD])["id"]
        good = isinstance(run_id, str) and checkpoints.RUN_ID.fullmatch(run_id)
    except (ValueError, KeyError, TypeError, RecursionError):
        good = False
    folder = store / (run_id if good else f"vae-k2-{name}")
    if folder.exists():
        folder = store / f"vae-k2-{number:010x}"
    folder.mkdir()
    for file, content in files.items():
        (folder / file).write_bytes(content)
    if rng.random() < 0.03:
        odd = folder / rng.choice((RECORD, WEIGHTS, CODES, own_runs.NOTE))
        odd.unlink(missing_ok=True)
        rng.choice((odd.mkdir, lambda: os.mkfifo(odd), lambda: odd.symlink_to("/dev/zero")))()
    if rng.random() < 0.05 and not (folder / own_runs.NOTE).exists():
        note = rng.choice((b"{", b'{"title": 3}', b'{"title": "' + b"x" * 10**6 + b'"}'))
        (folder / own_runs.NOTE).write_bytes(note)
    return folder


# --- Archives -------------------------------------------------------------------------------------


def archive(rng: random.Random) -> bytes:
    """A spoilt run as a zip, or a whole one as a spoilt zip, or both."""
    tricks = rng.random() < 0.5
    files = _whole(rng) if tricks and rng.random() < 0.7 else spoilt(rng)
    try:
        run_id = str(json.loads(files[RECORD])["id"])[:100]
    except (ValueError, KeyError, TypeError, RecursionError):
        run_id = BASES[0]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for file, content in files.items():
            packed = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            with contextlib.suppress(UnicodeError, ValueError):
                opened.writestr(f"{run_id}/{file}", content, packed)
        if tricks:
            _trick(rng, opened, run_id)
    found = stream.getvalue()
    return spoil_bytes(rng, found) if tricks and rng.random() < 0.6 else found


def _whole(rng: random.Random) -> dict[str, bytes]:
    source = checkpoints.shipped_store() / rng.choice(BASES)
    return {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}


def _trick(rng: random.Random, opened: zipfile.ZipFile, run_id: str) -> None:
    names = (
        f"../{run_id}/{RECORD}", f"/{run_id}/{RECORD}", f"{run_id}/../x", "C:/x", "x\\..\\y",
        f"{run_id}/{FILM}", f"{run_id}/weights.pkl", f"{run_id}/", "__MACOSX/x",
        f"{run_id}/{RECORD}",
    )  # fmt: skip
    info = zipfile.ZipInfo(rng.choice(names))
    info.external_attr = rng.choice((0, 0o120777 << 16, 0o020666 << 16, 0o100644 << 16))
    info.compress_type = rng.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    content = rng.choice((b"", b"{}", bytes(3_000_000), b"x" * 100))
    opened.writestr(info, content)


@contextlib.contextmanager
def _nothing_ships() -> Iterator[None]:
    """Shipped runs are archives like any others, which they aren't where they are there already."""
    held = checkpoints.shipped_store
    checkpoints.shipped_store = lambda: Path("/nonexistent")
    try:
        yield
    finally:
        checkpoints.shipped_store = held


@lru_cache(maxsize=1)
def _shipped() -> tuple[Run, ...]:
    return tuple(checkpoints.list_runs(checkpoints.shipped_store()).runs.values())


# --- What pages call ------------------------------------------------------------------------------


def calls(run: Run) -> Iterator[Callable[[], Any]]:
    """All that pages and routes call with one run that was opened, each by itself."""
    from core.latent import results
    from core.training import estimate
    from explorer import assets, background, naming, own, resources
    from explorer.language import Words
    from explorer.views import beta, compare, frame, noise, train_beside, train_film, train_shelf

    words = Words("en")
    shipped = list(_shipped())
    others = [run, *shipped]
    yield lambda: train_shelf.rows(words, [run])
    yield lambda: naming.apart(words, others[:4], ("K",))
    yield lambda: train_beside.heads(words, (run, shipped[0]))
    yield lambda: train_beside._all_knobs(words, (run, shipped[0]))
    yield lambda: (frame.name_of(words, run), frame.scored_on(run), own.fits(run))
    yield lambda: frame.told_apart(words, others[:4])
    yield lambda: [records.by_role([run], role) for role in records.ROLES]
    yield lambda: (records.dial_of(run), records.trade_of(run), records.is_linear(run))
    yield lambda: [records.alike(run, other) for other in shipped]
    yield lambda: (beta.pair(others), beta.annealed(others), noise._dial(run))
    yield lambda: (background.spec(run), results.kinds_of(run), results.possible(run))
    yield lambda: estimate.cost(
        run.record.variant, checkpoints_config(), schedule(), 4000, 1000, False, [run]
    )
    yield lambda: transfer.export_run(run)
    yield lambda: loading.load_model(run)
    if records.logs_rate(run) and records.trade_of(run):
        yield lambda: records.rate_history(run.record)
    if assets.showable(run):
        yield lambda: resources.pictures(run)
    if not assets.in_browser(run):
        return
    yield lambda: assets.run_spec(run)
    yield lambda: resources.map_points(run)
    yield lambda: resources.alignment(run, shipped[0])
    yield lambda: train_film.side(words, run)
    yield lambda: compare._curve(words, [run])
    yield lambda: resources.subspace(run)
    if records.dial_of(run):
        yield lambda: resources.knots(run)
        yield lambda: records.dedicated(run, shipped)
    if run.record.width == run.record.latent and records.trade_of(run):
        yield lambda: beta.stops(others)
    yield lambda: noise._errors(run)


def checkpoints_config() -> Any:
    """Any configuration, of which an estimate asks its network."""
    from core.config import NetworkConfig

    return NetworkConfig()


def schedule() -> Any:
    """Any training, whose cost is estimated."""
    from core.config import TrainConfig

    return TrainConfig()


def _peak(reset: bool = False) -> float:
    """The process's largest memory in megabytes, since it was last reset."""
    if reset:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextlib.contextmanager
def measured(tally: Tally, what: str) -> Iterator[None]:
    """Count one try; what it takes at its height, and how long."""
    before, began = _peak(reset=True), time.process_time()
    try:
        yield
    except Exception:
        tally.faults.append(f"{what}\n{traceback.format_exc()}")
    seconds, megabytes = time.process_time() - began, _peak() - before
    tally.tried += 1
    tally.slowest, tally.largest = max(tally.slowest, seconds), max(tally.largest, megabytes)
    if seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES:
        tally.faults.append(f"{what}: {seconds:.1f} s, {megabytes:.0f} MB")


def try_folder(tally: Tally, folder: Path, what: str) -> None:
    """Open a folder and call with its run all that pages call."""
    from explorer import aside

    with measured(tally, what):
        try:
            run = checkpoints.open_run(folder)
        except Refusal as refusal:
            tally.refused += 1
            tally.sentences[_said(refusal)] += 1
            return
        tally.taken += 1
        for call in calls(run):
            try:
                call()
            except aside.RunError as error:
                if not isinstance(error.error, Refusal):
                    raise error.error from None
                tally.sentences[_said(error.error)] += 1
            except Refusal as refusal:
                tally.sentences[_said(refusal)] += 1
        if run in aside.refusals():
            tally.aside += 1
            if "can't be shown" in str(aside.refusals()[run]):
                raise RuntimeError(str(aside.refusals()[run]))


def _said(refusal: Refusal) -> str:
    told = str(refusal)
    if len(told) > 1000 or "\n" in told:
        raise RuntimeError(f"No sentence: {told[:200]!r}")
    return refusal.template


def try_archive(tally: Tally, content: bytes, store: Path, what: str) -> None:
    """Import an archive into an empty store; if that works, call all with the run."""
    shutil.rmtree(store, ignore_errors=True)
    with measured(tally, what):
        try:
            with _nothing_ships():
                run = transfer.import_run(content, store, "The archive")
        except ShelfError as refusal:
            tally.refused += 1
            tally.sentences[_said(refusal)] += 1
            left = list(store.iterdir()) if store.exists() else []
            if left:
                raise RuntimeError(f"It left {left}.") from None
            return
        tally.taken += 1
        for call in calls(run):
            call()


def try_pages(tally: Tally, store: Path, what: str) -> None:
    """Draw every page over a store of spoilt runs."""
    from streamlit.testing.v1 import AppTest

    from explorer import live, resources, state, workers

    held = workers.ensure, state.visitor, live.is_owner
    workers.ensure, state.visitor, live.is_owner = (
        lambda: None,
        lambda: "0" * 24,
        lambda address: True,
    )
    os.environ["LATENT_EXPLORER_RUNS"] = str(store)
    try:
        for page in PAGES:
            began = time.process_time()
            app = AppTest.from_function(_draw, kwargs={"page": page}, default_timeout=120)
            app.query_params["lang"] = "en"
            app.run()
            tally.tried += 1
            tally.slowest = max(tally.slowest, time.process_time() - began)
            if app.exception:
                tally.faults.append(f"{what}, {page}: {app.exception[0].stack_trace}")
        for run in list(resources.runs().runs.values())[-8:]:
            app = AppTest.from_function(_draw, kwargs={"page": "train"}, default_timeout=120)
            app.query_params["lang"], app.query_params["run"] = "ko", run.id
            app.run()
            tally.tried += 1
            if app.exception:
                tally.faults.append(f"{what}, train?run={run.id}: {app.exception[0].stack_trace}")
        tally.refused += len(resources.runs().refused)
        tally.taken += sum(map(resources.is_own, resources.runs().runs.values()))
    finally:
        workers.ensure, state.visitor, live.is_owner = held


def _draw(page: str) -> None:
    import importlib

    importlib.import_module(f"explorer.views.{page}").show()


def warm_up() -> None:
    """Read once what every page has read already: libraries, digits, shipped runs."""
    warnings.filterwarnings("ignore", "Duplicate name", UserWarning)
    for run in _shipped()[:2]:
        for call in calls(run):
            call()


def run_folders(seed: int, first: int, count: int, pages: bool = True) -> tuple[Tally, Tally]:
    """Try so many folders, each fixed by the seed and its number; gives what came of them, and of
    the pages over each hundred of them."""
    tally, drawn = Tally(), Tally()
    with tempfile.TemporaryDirectory() as place:
        store = Path(place) / "store"
        store.mkdir()
        for number in range(first, first + count):
            rng = random.Random(f"{seed}/{number}")
            try_folder(tally, put_folder(rng, store, number), f"folder {number}")
            if (number + 1) % TOGETHER == 0 or number + 1 == first + count:
                if pages:
                    try_pages(drawn, store, f"folders to {number}")
                shutil.rmtree(store)
                store.mkdir()
    return tally, drawn


def run_archives(seed: int, first: int, count: int) -> Tally:
    """Try so many archives, each fixed by the seed and its number."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as place:
        for number in range(first, first + count):
            content = archive(random.Random(f"{seed}/archive/{number}"))
            try_archive(tally, content, Path(place) / "store", f"archive {number}")
    return tally


def main() -> int:
    """Try all and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folders", type=int, default=10_000)
    parser.add_argument("--archives", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-pages", action="store_true")
    parser.add_argument("--show", type=int, default=5, help="faults that are printed in full")
    asked = parser.parse_args()
    warm_up()
    folders, drawn = run_folders(asked.seed, asked.first, asked.folders, not asked.no_pages)
    tallies = {"Folders": folders, "Pages over them": drawn}
    tallies["Archives"] = run_archives(asked.seed, asked.first, asked.archives)
    for what, tally in tallies.items():
        print(tally.line(what))
        for sentence, count in tally.sentences.most_common(12):
            print(f"    {count:6,}  {sentence}")
        for fault in tally.faults[: asked.show]:
            print(fault)
    return int(any(tally.faults for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
