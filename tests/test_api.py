"""The public names of core: paths may be strings, and runs go by whatever names them."""

import inspect
import os
from pathlib import Path

import numpy as np
import pytest
import torch

import core
from core.config import TrainConfig
from core.export import onnx_files
from core.latent import coding
from core.store import checkpoints, loading, own_runs, rights, transfer
from core.training import loop, runner
from tests.digits import small_config, small_digits


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store that `core.run` made of a string."""
    folder = tmp_path_factory.mktemp("runs")
    request = core.Request("vae", small_config("vae"), small_digits(60), TrainConfig(epochs=1))
    loop.drain(core.run(request, str(folder), kept=str(folder / ".kept")))
    return folder


@pytest.fixture
def run(store):
    (found,) = core.list_runs(str(store)).runs.values()
    return found


def test_every_public_name_is_there():
    assert all(getattr(core, name) is not None for name in core.__all__)
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        core.trian  # noqa: B018


def takes_paths():
    """Functions that people call from Python, and their parameters that are paths."""
    public = {getattr(core, name) for name in core.__all__ if name not in ("VARIANTS",)}
    modules = (checkpoints, loading, own_runs, transfer, onnx_files, runner)
    for module in modules:
        public |= {f for name, f in vars(module).items() if not name.startswith("_")}
    ours = [f for f in public if inspect.isfunction(f) and f.__module__.startswith("core.")]
    for function in sorted(ours, key=lambda f: (f.__module__, f.__qualname__)):
        for parameter in inspect.signature(function).parameters.values():
            said = str(parameter.annotation)
            if "Path" in said and "Callable" not in said:
                yield pytest.param(parameter, id=f"{function.__qualname__}-{parameter.name}")


PATHS = list(takes_paths())


def test_there_are_such_functions():
    assert len(PATHS) >= 12


@pytest.mark.parametrize("parameter", PATHS)
def test_a_path_may_be_a_string(parameter):
    assert "AnyPath" in str(parameter.annotation) or "PathLike" in str(parameter.annotation)


def test_runs_go_by_whatever_names_them(store, run, monkeypatch):
    x = torch.rand(3, 1, 12, 12)
    expected = core.load_run(run)(x)
    for name in (run.id, run.id[:6], str(run.folder), run.folder, f"{run.folder}{os.sep}"):
        torch.testing.assert_close(core.load_run(name, str(store))(x), expected)
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(store))
    monkeypatch.setattr(checkpoints, "shipped_store", lambda: store / "nothing")
    torch.testing.assert_close(core.load_run(run.id)(x), expected)
    for name in ("nonsense", str(store), store):
        with pytest.raises(checkpoints.CheckpointError):
            core.load_run(name, [store])


def test_a_model_of_examples_reconstructs_them(run):
    model = core.load_run(run.folder)
    x = small_digits(5).x
    with torch.no_grad():
        answer = model(coding.to_tensor(x))
    np.testing.assert_allclose(answer, coding.reconstruct(model, x), atol=1e-6)


def test_strings_do_what_paths_do(store, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    written = onnx_files.write(core.load_run(run), "~/networks", run.id)
    assert written["encoder"] == Path(tmp_path, "networks", "encoder.onnx").resolve()
    Path("run.zip").write_bytes(transfer.export_run(run))
    taken = transfer.import_run("run.zip", "elsewhere")
    assert core.list_runs(["elsewhere"]).runs[run.id].folder == taken.folder
    assert checkpoints.complete("elsewhere", [run.id]) is not None
    (taken.folder / rights.MAKER).write_text(rights.Person.visitor("somebody").mark)
    assert own_runs.tidy("elsewhere", 0) == [run.id]
