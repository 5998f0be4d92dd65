"""What a new member costs: lines of its file, and files that know of it."""

import re

import pytest

import core.models as models
from core.models import VARIANTS
from explorer import language
from tests import trials
from tests.digits import REPOSITORY

REGISTRY = "core/models/__init__.py"
BANK = "core/training/bank.py"
WRITTEN = {".py", ".js", ".css", ".toml", ".html"}


def files_that_name(*words: str) -> set[str]:
    """Files of core and explorer that say one of the words, or are called by it."""
    said = re.compile(rf"\b({'|'.join(map(re.escape, words))})\b")
    return {
        path.relative_to(REPOSITORY).as_posix()
        for room in ("core", "explorer")
        for path in (REPOSITORY / room).rglob("*")
        if path.suffix in WRITTEN
        and (path.stem in words or said.search(path.read_text(encoding="utf-8")))
    }


@pytest.mark.parametrize(
    ("name", "most"), [("weighted_vae", 25), ("l1_ae", 35), ("labelled_vae", 45)]
)
def test_lines_of_a_member(name, most):
    path = REPOSITORY / "tests" / "trials" / f"{trials.CLASSES[name].partition('.')[0]}.py"
    assert 0 < len(path.read_text(encoding="utf-8").splitlines()) <= most


def test_a_member_is_three_files():
    """Its own, one line of the registry, and its texts; that it ships is said where the bank is,
    and whose parent it is in these members' texts."""
    own = "core/models/basic.py"
    found = files_that_name("basic_ae", "BasicAutoencoder", "core.models.basic")
    of = {name: f"explorer/family/{name}.toml" for name in VARIANTS}
    children = {of[name] for name in VARIANTS if language.member(name).parent == "basic_ae"}
    assert found == {own, REGISTRY, BANK, of["basic_ae"]} | children


@pytest.mark.parametrize("name", VARIANTS)
def test_only_the_registry_knows_its_file(name):
    module = models._CLASSES[name].rpartition(".")[0]
    assert files_that_name(module) == {REGISTRY}
