"""What axe-core finds on the pages: names, roles, contrast; on a light screen and a dark phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser import DESKTOP, PHONE

pytestmark = pytest.mark.browser

PAGES = ("", "pca_vs_ae", "noise", "beta_and_k", "train", "generate")
VIEWS = {"screen": DESKTOP, "phone": PHONE | {"color_scheme": "dark"}}
TABS = ("traverse", "walk", "arithmetic", "grid")  # of Generate, after its first

# A matrix that is wider than a phone: a finger moves it, and it holds nothing to step to.
LEFT_OUT = {("noise", "scrollable-region-focusable", "st-key-noise-matrix")}


def in_the_way(hand, page: str) -> list[tuple[str, ...]]:
    """What is serious or worse on the page as it stands: page, rule, element and what to do."""
    return [
        (page, violation["id"], node["html"][:120], node["failureSummary"])
        for violation in Axe().run(hand.page).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
        if not any(
            (page, violation["id"]) == (at, rule) and name in node["html"]
            for at, rule, name in LEFT_OUT
        )
    ]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("page", PAGES)
def test_nothing_stands_in_the_way(visit, page, view):
    hand = visit(page, None, VIEWS[view])
    hand.page.locator('.pad[aria-busy="false"]').first.wait_for()
    hand.page.wait_for_timeout(500)  # for what fades in
    found = in_the_way(hand, page)
    for tab in TABS if page == "generate" else ():
        hand.page.locator(f"#tab-{tab}").click()
        found += in_the_way(hand, f"{page}, {tab}")
    assert not found, "\n".join(map(str, found))


def test_it_would_be_found(visit):
    hand = visit("", None)
    hand.page.locator('.pad[aria-busy="false"]').first.wait_for()
    hand.page.evaluate("document.querySelector('.stMain').append(document.createElement('button'))")
    assert {rule for _, rule, *_ in in_the_way(hand, "")} == {"button-name"}
