"""explorer.serving: what a page's answer says of its pad, and routes that are there at once."""

import time
import urllib.request

import pytest

from explorer import assets, serving


def link_of(app, page: str) -> str | None:
    with urllib.request.urlopen(f"{app.url}/{page}", timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/html")
        return answer.headers["Link"]


@pytest.mark.parametrize("page", serving.ENTRIES)
def test_a_page_s_answer_names_what_its_pad_asks_for(app, page):
    end = time.monotonic() + 30
    while (link := link_of(app, page)) is None:  # the server answers before it has read its code
        assert time.monotonic() < end
        time.sleep(0.05)
    assert f"<{assets.module(serving.ENTRIES[page])}>; rel=modulepreload" in link
    for address in assets.digits_spec().values():
        assert f"<{address}>; rel=preload; as=fetch; crossorigin" in link


def test_other_answers_name_nothing(app):
    address = app.url + assets.module("pages/explore.js")
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert answer.headers["Link"] is None


@pytest.mark.browser
@pytest.mark.parametrize("page", serving.ENTRIES)
def test_what_is_fetched_ahead_is_what_the_page_uses(visit, page):
    hand = visit(page, None)
    hand.page.locator('.pad[aria-busy="false"]').first.wait_for()
    asked = hand.page.evaluate(
        "performance.getEntriesByType('resource').map(e => new URL(e.name).pathname)"
    )
    assert asked.count(assets.module(serving.ENTRIES[page])) == 1, "once, and used"
    for address in assets.digits_spec().values():
        assert asked.count(address) == 1
    hand.page.wait_for_timeout(100)
    assert not [line for line in hand.console if "preload" in line]
