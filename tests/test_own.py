"""explorer.own: who is offered whose images."""

import dataclasses

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import data
from core.store import image_sets
from explorer import live, state


def page():
    from core.store import checkpoints
    from explorer import own
    from explorer.language import Words

    shipped = checkpoints.list_runs(checkpoints.shipped_store()).runs.values()
    own.panel(Words("en"), next(run for run in shipped if run.record.browser and own.fits(run)))


@pytest.fixture
def two_sets(tmp_path, monkeypatch):
    """Ids of two kept sets, one of ten images and one of twenty."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(tmp_path))
    held_out = data.load("mnist-5k", "all")

    def keep(count: int) -> str:
        some = dataclasses.replace(
            held_out, name=f"of {count}", x=held_out.x[:count], labels=held_out.labels[:count]
        )
        return image_sets.keep(some)

    return keep(10), keep(20)


def offered(visit: AppTest) -> set[str]:
    """Names of the sets that a visit may choose from."""
    assert not visit.exception
    return {
        name
        for box in visit.selectbox
        for name in box.options
        if name.startswith(("of 10", "of 20"))
    }


@pytest.mark.parametrize("owner", [True, False])
def test_only_the_owner_is_offered_what_others_brought(two_sets, monkeypatch, owner):
    monkeypatch.setattr(live, "is_owner", lambda address: owner)
    assert offered(AppTest.from_function(page, default_timeout=60).run()) == (
        {"of 10 (10)", "of 20 (20)"} if owner else set()
    )


def test_whoever_has_the_link_is_offered_that_set_from_then_on(two_sets, monkeypatch):
    monkeypatch.setattr(live, "is_owner", lambda address: False)
    visit = AppTest.from_function(page, default_timeout=60)
    visit.query_params["set"] = two_sets[1]
    assert offered(visit.run()) == {"of 20 (20)"}
    visit.selectbox[0].select_index(0)
    assert "set" in visit.run().session_state["link"].told()["gone"]
    assert offered(visit) == {"of 20 (20)"}, "back to the held-out digits, and it is still there"


def test_whoever_brings_images_is_offered_them(tmp_path, monkeypatch, two_sets):
    monkeypatch.setattr(live, "is_owner", lambda address: False)
    visit = AppTest.from_function(page, default_timeout=60).run()
    content = two_pixels()
    visit.file_uploader[0].upload("mine.npz", content, "application/zip")
    visit.run()
    names = {name for box in visit.selectbox for name in box.options}
    assert any(name.startswith("mine") for name in names)
    assert offered(visit) == set()


def test_whoever_brought_images_is_offered_them_in_every_visit(two_sets, monkeypatch):
    from core.store.rights import Person

    monkeypatch.setattr(live, "is_owner", lambda address: False)
    image_sets._hold(two_sets[0], Person.visitor("visitor-ann").mark, False)
    for name, sees in (("visitor-ann", {"of 10 (10)"}), ("visitor-ben", set())):
        monkeypatch.setattr(state, "visitor", lambda name=name: name)
        assert offered(AppTest.from_function(page).run()) == sees


def two_pixels() -> bytes:
    """An npz of two images."""
    import io

    x = np.zeros((2, 28, 28), np.uint8)
    x[0, 5:20, 13:15] = x[1, 10:12, 4:22] = 255
    packed = io.BytesIO()
    np.savez(packed, x=x)
    return packed.getvalue()
