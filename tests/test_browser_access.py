"""What stands in somebody's way on the pages: names, roles, contrast, as axe-core finds them on a
light screen and a dark phone; and letters and pads that do not grow with a screen."""

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

WIDE = {"width": 1920, "height": 1080}

# Of all letters in pads that are seen the share of up to 12 pixels, as charts show them too, and of
# the window's width what the page's pads take.
_SIZES = """() => {
  let small = 0, all = 0, left = innerWidth, right = 0;
  for (const host of document.querySelectorAll("*")) {
    for (const pad of host.shadowRoot?.querySelectorAll(".pad") ?? []) {
      const box = pad.getBoundingClientRect();
      left = Math.min(left, box.left);
      right = Math.max(right, box.right);
      const words = document.createTreeWalker(pad, NodeFilter.SHOW_TEXT);
      while (words.nextNode()) {
        const element = words.currentNode.parentElement;
        const range = document.createRange();
        range.selectNodeContents(words.currentNode);
        const seen = range.getBoundingClientRect();
        const count = words.currentNode.textContent.trim().length;
        if (!count || seen.width < 2 || seen.height < 2) continue;
        const { a = 1, b = 0 } = element.getScreenCTM?.() ?? {};
        const size = parseFloat(getComputedStyle(element).fontSize) * Math.hypot(a, b);
        all += count;
        if (size <= 12.01) small += count;
      }
    }
  }
  return { small: small / all, used: (right - left) / innerWidth };
}"""


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
    if view == "screen":
        sizes = {1280: hand.page.evaluate(_SIZES)}
        hand.page.set_viewport_size(WIDE)
        hand.page.wait_for_timeout(100)
        sizes[1920] = hand.page.evaluate(_SIZES)
        assert all(found["small"] <= 0.01 for found in sizes.values()), sizes
        assert all(found["used"] >= 0.85 for found in sizes.values()), sizes
        assert hand.page.evaluate("document.documentElement.scrollWidth") <= WIDE["width"]


def test_it_would_be_found(visit):
    hand = visit("", None)
    hand.page.locator('.pad[aria-busy="false"]').first.wait_for()
    hand.page.evaluate("document.querySelector('.stMain').append(document.createElement('button'))")
    assert {rule for _, rule, *_ in in_the_way(hand, "")} == {"button-name"}
