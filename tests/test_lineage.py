"""explorer.lineage: parents, the drawing's layout, and members that are still to come."""

import shutil
import subprocess
import sys

import pytest

import core.models as models
from core.models import VARIANTS
from explorer import language, lineage, members
from explorer.language import LANGUAGES, Words
from explorer.lineage import Place
from tests.digits import REPOSITORY
from tests.trials import CLASSES

WORDS = {code: Words(code) for code in LANGUAGES}


def test_a_first_child_stands_beside_its_parent_and_the_others_below():
    found = {"lone": "", "a": "", "b": "a", "c": "b", "d": "a", "e": "b"}
    assert lineage.places(found, ["a", "b", "lone"]) == [
        Place("a", "", level=0, row=0, last=2, here=True),
        Place("b", "a", level=1, row=0, last=1, here=True),
        Place("c", "b", level=2, row=0, last=0, here=False),
        Place("e", "b", level=2, row=1, last=1, here=False),
        Place("d", "a", level=1, row=2, last=2, here=False),
        Place("lone", "", level=0, row=3, last=3, here=True),
    ]
    assert lineage.places({}, []) == []


def test_all_members_have_places_of_their_own():
    found = lineage.parents()
    assert set(found) == {*VARIANTS, *language.coming()}
    places = lineage.places(found, VARIANTS)
    assert len({(place.row, place.level) for place in places}) == len(places) == len(found)
    seen = set()
    for place in places:
        assert not place.parent or place.parent in seen, "a parent comes first"
        seen.add(place.name)
    assert sorted({place.row for place in places}) == list(range(places[-1].row + 1))
    assert [place.name for place in places if place.here and not place.parent] == ["stacked_ae"]
    assert max(place.level for place in places) <= 3, "a screen has room for no more"


def test_the_tree_is_drawn_without_torch():
    program = """
import sys
from core.models import VARIANTS
from explorer import lineage, members, snippets
from explorer.language import Words
for place in lineage.places(lineage.parents(), VARIANTS):
    lineage.title(Words("en"), place.name), lineage.adds(Words("en"), place.name)
    if place.here:
        members.missing(Words("en"), place.name), snippets.filled(place.name, {"latent": 2}, {})
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "False"


@pytest.fixture
def family(tmp_path, monkeypatch):
    """A copy of the family's files, which a test may change before it asks."""
    folder = tmp_path / "family"
    shutil.copytree(language.FAMILY, folder)
    monkeypatch.setattr(language, "FAMILY", folder)
    return folder


def test_an_unknown_parent_and_a_circle_end_at_a_root(family):
    for name, parent in (("pca", "nobody"), ("stacked_ae", "vae"), ("basic_ae", "basic_ae")):
        path = family / f"{name}.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith("parent = ")]
        path.write_text("\n".join([f'parent = "{parent}"', *kept]), encoding="utf-8")
    found = lineage.parents()
    assert found["pca"] == found["stacked_ae"] == found["basic_ae"] == ""
    assert found["vae"] == "stacked_ae"
    assert len(lineage.places(found, VARIANTS)) == len(found)


@pytest.mark.parametrize("code", LANGUAGES)
def test_who_is_to_come_says_where_it_will_stand(code):
    known = {*VARIANTS, *language.coming()}
    for name, told in language.coming().items():
        assert lineage.title(WORDS[code], name) != name
        assert told.parent in known | {""}
        assert bool(told.parent) == bool(lineage.adds(WORDS[code], name))
        assert set(told.texts) == set(LANGUAGES)
        assert len(lineage.adds(WORDS[code], name)) <= 26


def test_who_is_registered_is_no_longer_to_come(monkeypatch):
    """By its registry's line alone: its file may still be on its way."""
    name = next(name for name in language.coming() if name in CLASSES and name not in VARIANTS)
    before = {place.name: place for place in lineage.places(lineage.parents(), VARIANTS)}
    assert not before[name].here
    monkeypatch.setitem(models._CLASSES, name, f"tests.trials.{CLASSES[name]}")
    after = {place.name: place for place in lineage.places(lineage.parents(), VARIANTS)}
    assert after[name].here and after[name].parent == before[name].parent
    assert after.keys() == before.keys()
    assert lineage.title(WORDS["ko"], name) == VARIANTS[name].title
    assert lineage.adds(WORDS["ko"], name) == language.coming()[name].texts["ko"]["adds"]
    assert "parent" in members.lacks(name) and "ko.differs" in members.lacks(name)
