"""What the README shows is so: its commands run, and its examples work."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest
import torch

from core import __main__ as cli
from core import data
from core.models.signals import Moment, Signature
from core.store import checkpoints
from tests import browser as chromium
from tests.digits import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PROGRAM = "uv run python -m core "

IMPORTS = """
from typing import final
from torch import nn
from core.config import NetworkConfig, knob
from core.models.deterministic import PointAutoencoder
from core.models.networks import decoder, encoder
"""


def test_the_example_of_a_variant_works(tmp_path):
    (code,) = re.findall(r"## Add a variant\n.*?```python\n(.*?)```", README, re.DOTALL)
    file = tmp_path / "sparse.py"
    file.write_text(IMPORTS + code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("sparse", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kind = module.SparseAutoencoder
    model = kind(kind.Config.checked({"hidden": (8,), "weight": 2.0}), Signature())
    generator = torch.Generator().manual_seed(0)
    batch = model.prepare(torch.rand(4, 1, 28, 28), generator=generator)
    output = model(batch)
    terms = model.loss_terms(batch, output, Moment())
    torch.testing.assert_close(terms["sparsity"], 2 * output.z.abs().sum(1).mean())
    sum(terms.values()).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_example_in_python_works(tmp_path):
    """In a process of its own, as somebody would run it, but with few steps."""
    (code,) = re.findall(r"## From Python\n.*?```python\n(.*?)```", README, re.DOTALL)
    brief = code.replace("epochs=20", "epochs=0.1")
    assert brief != code
    seen = """
import json
print(json.dumps([codes.shape, digits.shape, drawn.shape, elbo < 0, list(runs) == [folder.name]]))
x = torch.rand(3, 1, 28, 28)
mean, log_var = encoder(x)
torch.testing.assert_close(decoder(mean), model(x))
assert (same.transform(test.x) == codes).all()
"""
    (tmp_path / "example.py").write_text("import torch\n" + brief + seen, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "example.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = [[1000, 2], [1000, 1, 28, 28], [16, 1, 28, 28], True, True]
    assert json.loads(done.stdout) == said


# --- Commands -----------------------------------------------------------------------------------


def fenced(language: str) -> list[str]:
    """The lines of all blocks of a language, without their comments."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    lines = (line.partition("  #")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line]


COMMANDS = [part for line in fenced("sh") for part in line.split(" && ")]
OURS = [c.removeprefix(PROGRAM) for c in COMMANDS if c.startswith(PROGRAM)]
BRIEFLY = {"train": ["--epochs", "0.05"]}  # the last of a flag counts


def test_every_command_is_of_a_kind_that_is_run_here():
    others = {c.removeprefix("uv run ") for c in COMMANDS if not c.startswith(PROGRAM)}
    assert others == {
        "streamlit run explorer/app.py",
        "pytest",
        "pip install -e .",
        "pip install -e . --group dev",
    }
    assert {command.split()[0] for command in OURS} >= {"train", "list", "export"}


def test_the_commands_run_in_a_fresh_clone(tmp_path, monkeypatch, capsys):
    """One after the other, as somebody who reads on would."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    if not data.describe("mnist").here:
        monkeypatch.setattr(data, "download", lambda name, on_progress: tmp_path)
    said = {}
    for command in OURS:
        words = shlex.split(command)
        assert cli.main([*words, *BRIEFLY.get(words[0], [])]) == 0, command
        said[words[0]] = capsys.readouterr().out
    (run,) = checkpoints.list_runs(tmp_path / "runs").runs
    assert f"{run} is in" in said["train"] and run in said["list"]
    for command in OURS:
        words = shlex.split(command)
        if words[0] == "export":
            written = sorted(path.name for path in (tmp_path / words[-1]).iterdir())
            assert written == ["decoder.onnx", "encoder.onnx"]


def test_the_app_starts_by_its_command(tmp_path):
    (script,) = {c.partition("streamlit run ")[2] for c in COMMANDS if "streamlit" in c}
    with chromium.streamlit(Path(script), tmp_path / "log") as port:
        chromium.wait_until_healthy(f"http://127.0.0.1:{port}", tmp_path / "log")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
            assert page.status == 200 and b"<title>" in page.read()


def test_the_tests_start_by_their_command(request):
    """This very test does, so all that is to be seen is that it finds its settings alone."""
    assert "pytest" in {c.removeprefix("uv run ") for c in COMMANDS}
    assert request.config.inipath == REPOSITORY / "pyproject.toml"
    assert request.config.getini("testpaths") == ["tests"]


def test_what_pip_is_asked_for_is_declared():
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    (group,) = {c.rpartition("--group ")[2] for c in COMMANDS if "--group" in c}
    assert {line.partition(">")[0] for line in declared["dependency-groups"][group]} >= {"pytest"}
    packages = declared["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert all((REPOSITORY / package / "__init__.py").is_file() for package in packages)


INLINE = re.findall(r"`(?:uv run )?python -m ([^`]+)`", README)


@pytest.mark.parametrize("command", INLINE)
def test_what_is_named_in_passing_is_there(command):
    module, *words = command.split()
    if module != "core":
        assert importlib.util.find_spec(module)
    elif words:
        assert words[0] in {"--version", *cli.COMMANDS}
