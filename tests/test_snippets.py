"""explorer.snippets: each member's code in plain PyTorch runs as it is, and learns."""

import ast
import math
import runpy

import pytest
import torch

from core.config import TrainConfig
from core.models import VARIANTS
from core.models.networks import ACTIVATIONS
from explorer import language, snippets
from explorer.views import family

SMALL = {"latent": 3, "hidden": (24, 12)}
QUICK = TrainConfig.checked({"batch_size": 64, "learning_rate": 0.01}).model_dump()


def cases():
    """(variant, knobs): small ones, none of the hidden layers, and each choice that codes tell."""
    for name in VARIANTS:
        there = {knob.name for knob in VARIANTS[name].Config.knobs()}
        small = {knob: value for knob, value in SMALL.items() if knob in there}
        yield name, small
        if "hidden" in there:
            yield name, small | {"hidden": ()}
        for knob, told in language.member(name).choices.items():
            yield from ((name, small | {knob: choice}) for choice in told)


@pytest.mark.parametrize(("name", "knobs"), list(cases()))
def test_it_runs_as_it_is_and_its_loss_falls(name, knobs, tmp_path, capsys):
    code = snippets.filled(name, VARIANTS[name].Config.checked(knobs).model_dump(), QUICK)
    assert code and not snippets.places(code)
    path = tmp_path / "snippet.py"
    path.write_text(code, encoding="utf-8")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        left = runpy.run_path(str(path))
    losses = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert len(losses) >= 2 and all(map(math.isfinite, losses))
    assert losses[-1] < losses[0] and left["loss"].item() == losses[-1]


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_short_plain_pytorch(name):
    told = language.member(name)
    code = snippets.filled(name, {}, {})  # at the defaults
    assert not snippets.places(code)
    lines = [line for line in code.splitlines() if line]
    assert len(lines) <= 25 and max(map(len, lines)) <= 100
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in ([ast.alias(node.module)] if isinstance(node, ast.ImportFrom) else node.names)
    }
    assert "torch" in imported <= {"torch", "math"}
    knobs = {knob.name: knob for knob in VARIANTS[name].Config.knobs()}
    known = knobs.keys() | {knob.name for knob in TrainConfig.knobs()}
    assert set(snippets.places(told.code)) <= known
    for knob, choices in told.choices.items():
        assert set(choices) == set(knobs[knob].choices) and f"{{{knob}}}" in told.code


def test_every_activation_is_a_module_of_torch():
    assert snippets.MODULES.keys() >= ACTIVATIONS.keys()
    assert all(issubclass(getattr(torch.nn, name), torch.nn.Module)
               for name in snippets.MODULES.values())  # fmt: skip


def test_a_run_s_own_knobs_are_filled_in(shipped):
    shown = family.shown_runs()
    assert {name for name in VARIANTS if name in shown} == {
        run.record.variant for run in shipped.values() if run.record.data.name == "mnist"
    }
    for name, run in shown.items():
        code = snippets.filled(name, run.record.config, run.record.train)
        assert str(run.record.latent) in code and not snippets.places(code)


def test_what_is_not_known_leaves_no_half_filled_code(monkeypatch):
    told = language.Member(code="x = {nonsense}", there=True)
    monkeypatch.setattr(language, "member", lambda name: told)
    assert snippets.filled("vae", {}, {}) == ""
