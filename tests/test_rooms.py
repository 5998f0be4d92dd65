"""docs.rooms: the README's diagram is that of today's imports."""

from pathlib import Path

import pytest

from docs import rooms


def test_the_readme_shows_today_s_rooms():
    readme = rooms.README.read_text(encoding="utf-8")
    assert rooms.shown(readme) == readme, "run `python -m docs.rooms`"


def test_imports_are_read():
    there = set(rooms.sources())
    assert Path("core/models/gaussian.py") in rooms.imported(Path("core/models/vae.py"), there)
    lazy = rooms.imported(Path("core/commands/train.py"), there)
    assert Path("core/training/runner.py") in lazy, "inside a function"
    assert Path("explorer/pad/parts/pad.js") in rooms.imported(
        Path("explorer/pad/pages/explore.js"), there
    )
    assert "core/training/" in rooms.uses()["core/judge/"]


def test_every_source_is_in_a_room():
    for file in rooms.sources():
        assert rooms.room_of(file) or file == Path("core/__init__.py"), file


def test_floors_and_what_follows():
    used = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert rooms.floors(used) == {"c": 0, "b": 1, "a": 2}
    assert rooms.reduced(used) == {"a": {"b"}, "b": {"c"}, "c": set()}
    with pytest.raises(ValueError, match="circle"):
        rooms.floors({"a": {"b"}, "b": {"a"}})


def test_a_readme_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="<!-- rooms -->"):
        rooms.shown("nothing")
