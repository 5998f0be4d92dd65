"""core.__main__ and core.commands: every command, and what bad input gets."""

import contextlib
import dataclasses
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib

import numpy as np
import pytest
import torch

import core
from core import __main__ as cli
from core import data
from core.commands import data as data_command
from core.commands import knobs as knobs_command
from core.commands import train as train_command
from core.config import StoreConfig, TrainConfig
from core.export import onnx_files
from core.latent import results
from core.models import VARIANTS
from core.store import checkpoints, result_files
from core.training import bank, loop, runner
from tests.digits import REPOSITORY

TINY = ["--hidden", "16", "--batch-size", "50", "--epochs", "0.5"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """These networks are too small to share among threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def stores(monkeypatch, tmp_path):
    """An empty shipped store and an empty store of the user's own."""
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    monkeypatch.setattr(checkpoints, "shipped_store", lambda: shipped)
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(own))
    return shipped, own


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with one trained VAE, its id, and what the command printed."""
    store = tmp_path_factory.mktemp("trained")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert cli.main(["train", "vae", *TINY, "--store", str(store)]) == 0
    (folder,) = store.iterdir()
    return store, folder.name, said.getvalue()


def refused(capsys, *argv) -> str:
    """The one sentence that bad input gets."""
    assert cli.main(list(argv)) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "Traceback" not in said.err
    return said.err


# --- Help and weight ----------------------------------------------------------------------------


def test_listing_needs_no_torch():
    program = (
        "import sys; from core.__main__ import main;"
        "codes = [main(argv) for argv in ([], ['list'], ['data', 'list'], ['list', '--help'])];"
        "print(codes, [m for m in ('torch', 'streamlit', 'sklearn', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[0, 0, 0, 0] []"


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"Latent Explorer {core.__version__}\n"
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared["project"]["version"] == core.__version__


@pytest.mark.parametrize("argv", [[], ["--help"]])
def test_help_names_every_command(argv, capsys):
    assert cli.main(argv) == 0
    said = capsys.readouterr().out
    assert all(f"python -m core {name} " in said for name in cli.COMMANDS)


@pytest.mark.parametrize(
    "name", [*cli.COMMANDS, *(f"data {name}" for name in data_command.COMMANDS)]
)
def test_every_command_has_help(name, capsys):
    assert cli.main([*name.split(), "--help"]) == 0
    said = capsys.readouterr()
    assert f"python -m core {name}" in said.out and said.err == ""


@pytest.mark.parametrize("name", VARIANTS)
def test_flags_are_made_from_the_knobs(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    assert cli.main(["train", name, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for knob in (*VARIANTS[name].Config.knobs(), *TrainConfig.knobs(), *StoreConfig.knobs()):
        flag = "--" + knob.name.replace("_", "-")
        assert f"{flag} " in said and knob.help in said
        if knob.low is not None:
            assert f"{knob.label} is {knob.allowed}." in said
    assert "--store PATH" in said


def test_every_flag_reaches_its_knob(monkeypatch):
    seen = []
    monkeypatch.setattr(train_command, "start", lambda *request: seen.append(request) or 0)
    model = "--latent 5 --hidden 9 8 --likelihood gaussian --beta 0.5 --beta-warmup 0.25"
    how = "--epochs 3 --learning-rate 0.01 --stored-as int8 --data mnist --split test"
    given = f"{model} {how}".split()
    assert cli.main(["train", "vae", *given]) == 0
    ((name, config, how, storing, options),) = seen
    assert (name, config.latent, config.hidden, config.likelihood) == ("vae", 5, (9, 8), "gaussian")
    assert (config.beta, config.beta_warmup, config.sigma) == (0.5, 0.25, 0.2)
    assert (how.epochs, how.learning_rate, storing.stored_as) == (3, 0.01, "int8")
    assert (options.data, options.split, options.store) == ("mnist", "test", None)


# --- Bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["trian"], "There is no command 'trian'; there are train, .*; did you mean train?"),
        (["train", "va"], "There is no variant 'va'; there are pca, .* Did you mean vae"),
        (["train", "--epochs", "1"], "Name the variant first"),
        (["train", "vae", "--beta", "x"], "--beta: could not convert string to float: 'x'"),
        (["train", "vae", "--network", "x"], "invalid choice 'x' .* --help"),
        (["train", "vae", "--level", "1"], "Unrecognized options: --level"),
        (["train", "vae", "--beta"], "Missing value for argument '--beta'"),
        (["train", "linear_ae", "--beta", "1"], "Unrecognized options: --beta"),
        (["train", "stacked_ae", "--hidden", "0"], r"Hidden units \(hidden\) must be .*1 and 4096"),
        (["train", "vae", "--network", "conv", "--channels", "8", "8", "8"], "fit images of shape"),
        (["train", "pca", "--data", "mnis"], "unknown data set 'mnis' .did you mean 'mnist'"),
        (["train", "pca", "--data", "images:/nowhere"], "/nowhere is not there"),
        (["train", "pca", "--split", "tset"], "unknown split of mnist-5k 'tset' .did you mean"),
        (["train", "pca", "--device", "gpu"], "invalid choice 'gpu'"),
        (["train", "pca", "--store", "/dev/null/runs"], "Runs can't be kept in /dev/null/runs"),
        (["evaluate"], "Missing from python -m core evaluate: RUN; see"),
        (["evaluate", "vae-k2"], "There is no run 'vae-k2'; the runs are: none"),
        (["export", "vae-k2", "--to", "x"], "There is no run 'vae-k2'"),
        (["export", "vae-k2"], "Missing from python -m core export: --to FOLDER; see"),
        (["data", "lst"], "There is no command 'lst'; there are list, info, download; did you"),
        (["data", "info", "mnis"], "unknown data set 'mnis'"),
        (["data", "download", "mnis"], "unknown data set 'mnis'"),
        (["data", "download", "images:x"], "only named data sets are downloaded"),
        (["bank", "--only", "va"], "There is no variant 'va'"),
        (["bank", "--store", "/dev/null/runs"], "Runs can't be kept in /dev/null/runs"),
        (["list", "all"], "Unrecognized options: all"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input(capsys, argv, sentence):
    assert re.search(sentence, refused(capsys, *argv))


BOUNDED = [
    pytest.param(name, knob, id=f"{name}-{knob.name}")
    for name in VARIANTS
    for knob in (*VARIANTS[name].Config.knobs(), *(TrainConfig.knobs() if name == "pca" else ()))
    if knob.low is not None
]


@pytest.mark.parametrize(("name", "knob"), BOUNDED)
def test_knob_out_of_range(capsys, name, knob):
    value = str(knob.kind(knob.low - 1))
    said = refused(capsys, "train", name, f"--{knob.name.replace('_', '-')}", value)
    assert f"{knob.label} ({knob.name}) must be {knob.allowed}; got {value}" in said


def test_bad_runs(capsys, trained, tmp_path):
    store, name, _ = trained
    where = ["--store", str(store)]
    assert "data set" in refused(capsys, "evaluate", name, "--data", "mnis", *where)
    assert "can't be written to" in refused(
        capsys, "export", name, "--to", "/dev/null/x", "--format", "browser", *where
    )
    np.savez(tmp_path / "own.npz", x=np.zeros((4, 28, 28), np.uint8))
    message = refused(capsys, "evaluate", name, "--data", f"images:{tmp_path}/own.npz", *where)
    assert "are the same; to split them" in message


def test_a_diverged_training_is_one_sentence(capsys, monkeypatch):
    def diverge(*request, **options):
        raise loop.TrainingError("Training diverged\nat step 3.")
        yield

    monkeypatch.setattr(runner, "run", diverge)
    assert refused(capsys, "train", "pca") == "Training diverged at step 3.\n"


# --- train, list, evaluate, export --------------------------------------------------------------


def test_train_says_what_came_of_it(trained):
    store, name, said = trained
    record = checkpoints.open_run(store / name).record
    assert record.status == "complete" and record.data.name == "mnist-5k"
    assert said.count("\n") == 1 and said.startswith(f"{name} is in {store / name} (2,000 samples")
    scores = record.metrics["mnist-5k/test"]
    assert (
        f"mnist-5k/test: squared error {scores['squared_error']:.4g} / image (sum over pixels), "
        f"trivial model {scores['squared_error_mean_image']:.4g}; ELBO, binarised pixels "
        f"{scores['elbo_binary']:.4g} nats / image, trivial model -" in said
    )


def test_the_map_is_drawn_but_only_what_is_held_out_is_scored(trained):
    store, name, _ = trained
    run = checkpoints.open_run(store / name)
    assert list(run.record.metrics) == ["mnist-5k/test"]
    assert len(checkpoints.read_tensors(run, checkpoints.CODES)["codes"]) == 5_000


def test_the_same_request_trains_once(trained, capsys, monkeypatch, stores):
    store, name, _ = trained
    monkeypatch.setattr(runner, "run", lambda *_, **__: pytest.fail("trained again"))
    assert cli.main(["train", "vae", *TINY, "--store", str(store)]) == 0
    assert capsys.readouterr().out.startswith(f"Run {name} is complete in {store / name} already")
    stores[0].mkdir()
    (stores[0] / name).symlink_to(store / name)
    assert cli.main(["train", "vae", *TINY]) == 0
    assert "nothing was trained" in capsys.readouterr().out


def test_own_images(tmp_path, capsys, stores):
    x = np.random.default_rng(0).integers(0, 256, (40, 20, 20), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", x=x)
    own = f"images:{tmp_path}/own.npz"
    assert cli.main(["train", "pca", "--data", own]) == 0
    assert f"{own}/test: squared error" in capsys.readouterr().out
    assert cli.main(["train", "pca", "--data", own, "--split", "all"]) == 0
    assert "no split is held out, so nothing is scored" in capsys.readouterr().out
    runs = checkpoints.list_runs(stores[1]).runs.values()
    assert {tuple(run.record.metrics) for run in runs} == {(f"{own}/test",), ()}


def test_list(trained, capsys):
    store, name, _ = trained
    torn = store / "vae-k2-0123456789"
    torn.mkdir()
    (torn / checkpoints.RECORD).write_text("{")
    try:
        assert cli.main(["list", "--store", str(store)]) == 0
        table = capsys.readouterr()
        assert cli.main(["list", "--json", "--store", str(store)]) == 0
        found = json.loads(capsys.readouterr().out)
    finally:
        (torn / checkpoints.RECORD).unlink()
        torn.rmdir()
    scores = checkpoints.open_run(store / name).record.metrics["mnist-5k/test"]
    (row,) = (line for line in table.out.splitlines() if name in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        name,
        "vae",
        "2",
        "mnist-5k/train",
        "complete",
        "mnist-5k/test",
        f"{scores['squared_error']:.2f} ({scores['squared_error_mean_image']:.2f})",
        f"{scores['elbo_binary']:.1f}",
    ]
    assert table.err.count("\n") == 1 and "vae-k2-0123456789 can't be read" in table.err
    assert [run["id"] for run in found["runs"]] == [name] and len(found["problems"]) == 1
    assert found["runs"][0]["metrics"]["mnist-5k/test"] == scores


def test_evaluate(trained, capsys):
    store, name, _ = trained
    assert cli.main(["evaluate", name[:-4], "--store", str(store)]) == 0
    said = capsys.readouterr().out
    scores = checkpoints.open_run(store / name).record.metrics["mnist-5k/test"]
    row = next(line for line in said.splitlines() if "ELBO" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells[1] == f"{scores['elbo_binary']:.4g}" and cells[3] == "nats / image"
    assert float(cells[2]) == pytest.approx(-209.8, abs=0.1)
    assert "NOT HELD OUT" not in said and "always answers the mean image" in said
    assert cli.main(["evaluate", name, "--split", "all", "--store", str(store)]) == 0
    assert "NOT HELD OUT: the run was trained on mnist-5k/train, " in capsys.readouterr().out


def test_export(trained, capsys, tmp_path):
    store, name, _ = trained
    given = ["--to", str(tmp_path / "b"), "--format", "browser", "--store", str(store)]
    assert cli.main(["export", name, *given]) == 0
    assert "program.json, weights.safetensors, codes.safetensors of" in capsys.readouterr().out
    program = json.loads((tmp_path / "b" / "program.json").read_text())
    assert program["run"] == name and program["encoder"] and program["decoder"]
    weights = checkpoints.WEIGHTS
    assert (tmp_path / "b" / weights).read_bytes() == (store / name / weights).read_bytes()


def test_export_to_onnx(trained, capsys, monkeypatch, tmp_path):
    """What the files hold is held by the tests of core.export.programs."""
    store, name, _ = trained
    seen = []

    def onnx(model, folder, run_id):
        seen.append((model.name, folder, run_id))
        return {"encoder": folder / "encoder.onnx", "decoder": folder / "decoder.onnx"}

    monkeypatch.setattr(onnx_files, "write", onnx)
    assert cli.main(["export", name, "--to", str(tmp_path / "new"), "--store", str(store)]) == 0
    assert capsys.readouterr().out.startswith(f"encoder.onnx, decoder.onnx of {name} are in ")
    assert seen == [("vae", tmp_path / "new", name)] and seen[0][1].is_dir()


@pytest.mark.parametrize("form", ["onnx", "browser"])
def test_export_of_what_no_list_of_layers_can_say(trained, capsys, tmp_path, form):
    """Such a variant's runs have no program for the browser: tests/test_seams.py holds that."""
    store, name, _ = trained
    shutil.copytree(store / name, tmp_path / name)
    record = json.loads((tmp_path / name / checkpoints.RECORD).read_text())
    record |= {"browser": None, "capabilities": record["capabilities"] | {"in_browser": False}}
    (tmp_path / name / checkpoints.RECORD).write_text(json.dumps(record))
    given = ["--to", str(tmp_path / "to"), "--format", form, "--store", str(tmp_path)]
    said = refused(capsys, "export", name, *given)
    assert f"Run {name} can't be exported" in said and "weights.safetensors" in said
    assert not (tmp_path / "to").exists()


# --- data ---------------------------------------------------------------------------------------


def test_data_list_and_info(capsys):
    assert cli.main(["data", "list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in data.names()) and "Downloads go to" in said
    assert cli.main(["data", "info", "mnist-5k"]) == 0
    said = capsys.readouterr().out
    assert "splits: all (5,000), train (4,000), test (1,000)" in said
    assert "here: yes" in said and "licence: CC BY-SA 3.0" in said


def test_data_info_of_what_can_t_be_read(capsys, tmp_path):
    (tmp_path / "train.csv").write_text("1,2")
    assert cli.main(["data", "info", f"images:{tmp_path}/train.csv"]) == 0
    said = capsys.readouterr().out
    assert "here: no" in said and "a file of another kind; allowed are a folder" in said


def test_data_download(capsys, monkeypatch, tmp_path):
    assert cli.main(["data", "download", "mnist-5k"]) == 0
    assert "mnist-5k is in " in capsys.readouterr().out

    def download(name, root=None, on_progress=None):
        on_progress("file", 1, None)
        on_progress("file", 2, 2)
        return tmp_path

    monkeypatch.setattr(data, "download", download)
    assert cli.main(["data", "download", "mnist"]) == 0
    assert capsys.readouterr().out == f"mnist is in {tmp_path}.\n"

    def stopped(name, root=None, on_progress=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "download", stopped)
    assert cli.main(["data", "download", "mnist"]) == 130


# --- Interruptions and the bank -----------------------------------------------------------------


def test_ctrl_c_keeps_the_work(tmp_path):
    """A real process, a real signal, in the middle of a training."""
    argv = ["train", "vae", "--hidden", "16", "--epochs", "80", "--store", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "core", *argv],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    out, err = process.communicate(timeout=60)
    took = time.monotonic() - sent
    assert "vae K=2: step " in first and took < 20
    assert process.returncode == 130 and "Traceback" not in err
    (run,) = checkpoints.list_runs(tmp_path).runs.values()
    assert run.record.status == "stopped" and "mnist-5k/test" in run.record.metrics
    assert out.count("\n") == 1 and out.startswith("Stopped at step ")
    assert f"{run.record.samples:,} samples); kept as {run.id} in {run.folder}." in out
    assert [path.name for path in tmp_path.iterdir()] == [run.id]


def interrupt_after(monkeypatch, reports, times=1, number=signal.SIGINT):
    """Ctrl-C `times` times in mid-training, once each training has reported so often."""
    original, left = loop.train, [times]

    def train(*arguments):
        for count, progress in enumerate(original(*arguments), 1):
            yield progress
            if count == reports and left[0]:
                left[0] -= 1
                signal.raise_signal(number)

    monkeypatch.setattr(loop, "train", train)


def test_a_second_ctrl_c_does_not_tear_the_save(monkeypatch, capsys, stores):
    original, handlers = checkpoints.save, signal.getsignal(signal.SIGINT)

    def save(*arguments):
        signal.raise_signal(signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(checkpoints, "save", save)
    interrupt_after(monkeypatch, 2)
    assert cli.main(["train", "vae", *TINY]) == 130
    assert "Stopped at step 2 of 40 (5%, 100 samples); kept as vae-" in capsys.readouterr().out
    (run,) = checkpoints.list_runs(stores[1]).runs.values()
    assert run.record.status == "stopped"
    assert signal.getsignal(signal.SIGINT) is handlers
    assert cli.main(["train", "vae", *TINY]) == 0
    (run,) = checkpoints.list_runs(stores[1]).runs.values()
    assert run.record.status == "complete"


def test_a_stop_before_the_first_report_keeps_nothing(monkeypatch, capsys, stores):
    def train(*arguments):
        signal.raise_signal(signal.SIGTERM)
        yield

    monkeypatch.setattr(loop, "train", train)
    assert cli.main(["train", "vae", *TINY]) == 143
    assert "nothing is kept" in capsys.readouterr().out
    assert list(stores[1].iterdir()) == []


@pytest.fixture
def tiny_bank(monkeypatch):
    shrink(monkeypatch)


def shrink(monkeypatch):
    """Three small plans, and mnist-5k's digits in the place of MNIST's."""
    whole = data.load("mnist-5k", "all")
    small = {
        ("mnist", "train-55k"): whole.subset(np.arange(400), "train-55k"),
        ("mnist", "test"): whole.subset(np.arange(400, 500), "test"),
        ("mnist-5k", "all"): whole.subset(np.arange(500, 600), "all"),
    }
    named = {key: dataclasses.replace(part, name=key[0]) for key, part in small.items()}
    monkeypatch.setattr(data, "load", lambda name, split: named[name, split])
    # What pages tell of the runs takes minutes, and its libraries change torch's last digits.
    monkeypatch.setattr(results, "KINDS", {})
    how = {"epochs": 1, "batch_size": 40}
    plans = (
        bank.Plan("pca", {"latent": 2}, {}),
        bank.Plan("vae", {"latent": 2, "hidden": (16,)}, how),
        bank.Plan("stacked_ae", {"latent": 2, "hidden": (16,)}, how),
    )
    monkeypatch.setattr(bank, "SHIPPED", plans)


def test_an_interrupted_bank_trains_only_what_is_missing(tiny_bank, monkeypatch, capsys, stores):
    interrupt_after(monkeypatch, 3)
    assert cli.main(["bank"]) == 130
    said = capsys.readouterr().out
    assert "0 of 3 runs are complete" in said and "Stopped at step 3 of 10" in said
    runs = {run.record.variant: run for run in checkpoints.list_runs(stores[0]).runs.values()}
    assert {name: run.record.status for name, run in runs.items()} == {
        "pca": "complete",
        "vae": "stopped",
    }
    written = (runs["pca"].folder / checkpoints.RECORD).stat().st_mtime_ns
    assert cli.main(["bank"]) == 0
    assert "1 of 3 runs are complete" in capsys.readouterr().out
    again = {run.record.variant: run for run in checkpoints.list_runs(stores[0]).runs.values()}
    assert {run.record.status for run in again.values()} == {"complete"} and len(again) == 3
    assert (runs["pca"].folder / checkpoints.RECORD).stat().st_mtime_ns == written
    assert set(again["vae"].record.metrics) == {"mnist/test", "mnist-5k/all"}
    assert cli.main(["bank"]) == 0
    assert capsys.readouterr().out == f"3 of 3 runs are complete in {stores[0]}.\n"


KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
import numpy as np, pytest
from core import __main__ as cli
from core.training import continuation, loop
from tests import test_cli
patch = pytest.MonkeyPatch()
test_cli.shrink(patch)
continuation.Keeper.EVERY = 0
original = loop.train
def train(model, *rest):
    for count, progress in enumerate(original(model, *rest), 1):
        yield progress
        if count == 6:
            os.kill(os.getpid(), signal.SIGKILL)
patch.setattr(loop, "train", train)
cli.main(["bank", "--store", {store!r}])
"""


def test_a_bank_computes_what_pages_tell_of_its_runs(tiny_bank, capsys, monkeypatch, tmp_path):
    kind = results.Kind(lambda subject, tell: ({"codes": subject.codes[:3]}, {}))
    kinds = {"each": kind, "mixture": kind}
    monkeypatch.setattr(results, "KINDS", kinds)
    assert cli.main(["bank", "--store", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    runs = checkpoints.list_runs(tmp_path).runs.values()
    for kind in kinds:
        assert all(f"{kind} of {run.id}" in told for run in runs)
        names = {results.file_name(results.Subject(run), kind) for run in runs}
        assert all(result_files.read(tmp_path / result_files.FOLDER / name) for name in names)
    assert cli.main(["bank", "--store", str(tmp_path)]) == 0
    assert " of pca" not in capsys.readouterr().out, "what is there is left"


def test_a_bank_that_was_killed_and_resumed_is_the_same_bank(tiny_bank, capsys, tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    program = KILLED.format(root=str(REPOSITORY), store=str(killed))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    assert process.returncode == -signal.SIGKILL
    assert len(checkpoints.list_runs(killed).runs) == 1, "killed in the second of three"
    assert len(list(killed.glob(".vae-*/resume.safetensors"))) == 1, "it had kept its work"
    assert cli.main(["bank", "--store", str(killed)]) == 0
    assert "1 of 3 runs are complete" in capsys.readouterr().out
    assert cli.main(["bank", "--store", str(whole)]) == 0
    assert not list(killed.glob(".*"))
    one, other = checkpoints.list_runs(killed), checkpoints.list_runs(whole)
    assert set(one.runs) == set(other.runs) and len(one.runs) == 3 and not one.problems
    for run_id, run in one.runs.items():
        assert run.record.files == other.runs[run_id].record.files, "the same bytes"
        assert run.record.metrics == other.runs[run_id].record.metrics
        assert run.record.history == other.runs[run_id].record.history


def test_a_bank_of_version_1_becomes_one_of_today_and_nothing_is_trained(
    tiny_bank, capsys, tmp_path, monkeypatch
):
    kinds = {"each": results.Kind(results._each)}
    plans = [dataclasses.replace(p, stored_as="float16", roles=("usual",)) for p in bank.SHIPPED]
    plans[0] = dataclasses.replace(plans[0], stored_as="float32")
    monkeypatch.setattr(bank, "SHIPPED", tuple(plans))
    monkeypatch.setattr(results, "KINDS", kinds)
    assert cli.main(["bank", "--store", str(tmp_path)]) == 0
    before = checkpoints.list_runs(tmp_path).runs
    for run in before.values():
        (old,) = run.record.formerly
        told = json.loads((run.folder / checkpoints.RECORD).read_text())
        for new in ("stored_as", "formerly", "roles"):
            told.pop(new)
        told |= {"schema_version": 1, "id": old, "metrics": {}}
        if run.record.stored_as == "float16":
            told["train"]["store"] = "float16"
        (run.folder / checkpoints.RECORD).write_text(json.dumps(told))
        run.folder.rename(tmp_path / old)
    assert set(checkpoints.list_runs(tmp_path).runs).isdisjoint(before)

    plans[2] = dataclasses.replace(plans[2], stored_as="int8", roles=("toy",))
    monkeypatch.setattr(bank, "SHIPPED", tuple(plans))
    monkeypatch.setattr(loop, "train", None)
    capsys.readouterr()
    assert cli.main(["bank", "--store", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.count("its record is refreshed") == 2
    after = checkpoints.list_runs(tmp_path)
    assert set(after.runs) == set(before) and not after.problems
    for name, run in after.runs.items():
        old, new = before[name].record, run.record
        assert after.get(old.formerly[0]) is run
        assert new.history == old.history and new.seconds == old.seconds
        if new.variant != "stacked_ae":
            assert new.files == old.files and new.metrics == {} and new.roles == ("usual",)
            continue
        assert (new.stored_as, new.roles) == ("int8", ("toy",))
        assert f"{name}: stored as int8, coded and scored anew." in said
        assert new.files[checkpoints.WEIGHTS].bytes < 0.6 * old.files[checkpoints.WEIGHTS].bytes
        assert set(new.metrics) == set(old.metrics) != set()
        for split, scores in new.metrics.items():
            assert scores == pytest.approx(old.metrics[split], rel=0.02) and scores != old.metrics
    kept = {path.name for path in (tmp_path / result_files.FOLDER).iterdir()}
    assert kept == {
        results.file_name(results.Subject(run), "each") for run in after.runs.values()
    }, "what was of other weights is gone"
    assert cli.main(["bank", "--store", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"3 of 3 runs are complete in {tmp_path}.\n"


def test_bank_of_one_variant_elsewhere(tiny_bank, capsys, tmp_path):
    assert cli.main(["bank", "--only", "vae", "--store", str(tmp_path / "other")]) == 0
    assert "0 of 1 runs are complete" in capsys.readouterr().out
    (run,) = checkpoints.list_runs(tmp_path / "other").runs.values()
    assert run.record.variant == "vae"


# --- The README ---------------------------------------------------------------------------------


def test_knobs_are_all_in_the_table(capsys):
    assert cli.main(["knobs"]) == 0
    said = capsys.readouterr().out
    for name in VARIANTS:
        for knob in (*VARIANTS[name].Config.knobs(), *TrainConfig.knobs(), *StoreConfig.knobs()):
            assert knob.help in said and f"| {knob.label} |" in said


def test_the_readme_shows_the_table():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    _, opened, rest = readme.partition("<!-- knobs -->")
    table, closed, _ = rest.partition("<!-- /knobs -->")
    assert opened and closed, "README.md must hold <!-- knobs --> and <!-- /knobs -->"
    assert table.strip() == knobs_command.knob_tables().strip(), "run `python -m core knobs`"
