"""What a session knows of the address bar: what came by it, what pages chose, what it must say."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from explorer.link import LONGEST, MOST, Link, read

NAMES = {"vae-k2-00000000aa": "vae-k2-00000000bb", "pca-k2-00000000aa": "pca-k2-00000000bb"}


def page(names):
    from explorer import state

    state.begin("train", names)
    for name in ("run", "models", "beside", "k"):
        state.pinned(name)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"run": "vae-k2-00000000aa"}, {"run": "vae-k2-00000000bb"}),
        (
            {"models": "vae,vae-k2-00000000aa,pca-k2-00000000aa", "k": "2"},
            {"models": "vae,vae-k2-00000000bb,pca-k2-00000000bb", "k": "2"},
        ),
        ({"beside": "vae-k2-00000000cc"}, {"beside": "vae-k2-00000000cc"}),
    ],
)
def test_a_link_says_today_s_name(said, expected):
    visit = AppTest.from_function(page, kwargs={"names": NAMES}, default_timeout=60)
    for name, value in ({"lang": "ko"} | said).items():
        visit.query_params[name] = value
    visit.run()
    assert not visit.exception
    assert visit.session_state["link"].shown == {"lang": "ko"} | expected


def test_addresses_are_bounded_before_they_are_read():
    assert read("http://h/noise?digit=3&z=1%2C2&digit=4#x") == {"digit": "4", "z": "1,2"}
    assert read("?k=") == {"k": ""} and read("") == {} and read("http://[") == {}
    assert read(f"?a={'x' * (LONGEST - 3)}") and read(f"?a={'x' * LONGEST}") == {}
    many = "&".join(f"a{i}=1" for i in range(MOST))
    assert len(read(f"?{many}")) == MOST and read(f"?{many}&b=1") == {}


def drawn(link: Link, page: str, **pickers: tuple[list[str], str]) -> dict:
    """One drawing of a page with pickers of some options and a default: what is told of it."""
    link.begin(page)
    for name, (options, default) in pickers.items():
        link.pick(name, options, default)
    told = link.told()
    link.end()
    return told


def test_a_choice_stays_through_a_page_that_has_no_such_picker():
    link = Link()
    link.adopt({"model": "dae", "k": "8"})
    sizes = ["2", "8", "32"]
    drawn(link, "explore", model=(["ae", "dae"], "ae"), k=(sizes, "2"))
    link.choose("k", "32")
    assert drawn(link, "noise")["said"] == {}
    assert drawn(link, "compare", k=(["2", "8"], "2"))["said"] == {"k": "2"}, "there is no 32"
    told = drawn(link, "generate", model=(["ae", "dae"], "ae"), k=(sizes, "2"))
    assert told["said"] == {"model": "dae", "k": "32"} and told["moved"]
    assert not drawn(link, "generate", k=(sizes, "2"))["moved"], "drawn anew, and nobody moved"


def test_back_shows_what_the_entry_says_and_in_the_language_chosen_since():
    link = Link()
    link.adopt({"lang": "en", "k": "2"})
    link.begin("explore")
    link.pin("set", "mine")
    link.begin("train")
    link.said["lang"] = "ko"
    link.adopt({"lang": "en", "k": "8"})
    assert link.said == {"lang": "ko", "k": "8"}, "the entry had no set"
    told = drawn(link, "explore", k=(["2", "8"], "2"))
    assert (told["said"], told["gone"], told["moved"]) == ({"k": "8"}, ["set"], False)


def test_only_an_address_can_ask_in_vain_and_only_once():
    link = Link()
    link.adopt({"k": "7"})
    link.begin("explore")
    assert link.pick("k", ["2", "8"], "2") == ("2", "7")
    assert link.pick("k", ["2", "8"], "2") == ("2", None)
    link.choose("k", "8")
    link.begin("generate")
    assert link.pick("k", ["2"], "2") == ("2", None), "no page's choice is a mistake of a link"


def test_what_there_is_one_of_leaves_no_other_in_the_address():
    link = Link()
    link.adopt({"k": "2", "run": "first"})
    drawn(link, "explore", k=(["2", "8"], "2"), run=(["first", "second"], "first"))
    link.choose("k", "8")
    link.begin("explore")
    link.pick("k", ["2", "8"], "2")
    assert link.only("run", "of-8") is None
    assert link.told()["said"] == {"k": "8"} and link.told()["gone"] == ["run"]
    link.adopt({"k": "8", "run": "of-8"})
    link.begin("explore")
    assert link.only("run", "of-8") is None
    assert link.told()["said"] == {"run": "of-8"} and link.told()["gone"] == []
    link.adopt({"k": "8", "run": "first"})
    link.begin("explore")
    assert link.only("run", "of-8") == "first"


def test_a_pad_begins_with_what_the_session_holds_where_the_page_has_it():
    link = Link()
    link.adopt({"k": "16"})
    drawn(link, "explore", k=(["2", "16"], "2"))
    for page, there, expected in (("beta", ["2", "16"], {"k": "16"}), ("other", ["2"], {})):
        link.begin(page)
        link.carry("k", among=there)
        assert link.told()["said"] == expected and link.told()["hands"] == {"k": ""}
