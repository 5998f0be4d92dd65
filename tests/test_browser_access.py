"""What stands in somebody's way on the pages: whatever axe-core finds on a light screen and a dark
phone; what moves while a page arrives; a long way by keys, and keys whose work is not told; letters
and pads that do not grow with a screen; on a phone pages that cannot be seen or moved."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from explorer import assets, serving
from tests.browser import PHONE, told
from tests.test_language import NOT_TOUCHED

pytestmark = pytest.mark.browser

PAGES = ("", "pca_vs_ae", "noise", "beta_and_k", "train", "generate", "family")
DARK_PHONE = PHONE | {"color_scheme": "dark"}
TABS = ("traverse", "walk", "arithmetic", "grid")  # of Generate, after its first

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
        if (element.closest("details:not([open]) > :not(summary)")) continue;
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


# How far what was seen moved while the page came (layout shift), from the browser's own buffer.
_MOVED = """() => new Promise((done) => {
  let moved = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) moved += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(moved), 100);
})"""

# What axe-core finds against the page, or against what its pads have by a selector.
_AGAINST = """async (within) => {
  const parts = [...document.querySelectorAll("*")].flatMap(
    (host) => [...(host.shadowRoot?.querySelectorAll(within || null) ?? [])]);
  const { violations } = await axe.run(within ? parts : document, { resultTypes: ["violations"] });
  return violations;
}"""

# What has the focus, in a pad or out of one: is it a map's, in a pad, and how is it framed?
_FOCUS = """() => {
  let at = document.activeElement;
  while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  return {
    skip: at.matches(".past-menu"), map: Boolean(at.closest(".map-view")),
    pad: Boolean(at.closest(".pad")), menu: at.matches('[data-testid="stTopNavLink"]'),
    framed: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
  };
}"""


def in_the_way(hand, page: str, within: str = "") -> list[tuple[str, ...]]:
    """What is wrong on the page as it stands, or in parts of its pads: page, rule, element and what
    to do."""
    if not hand.page.evaluate("'axe' in globalThis"):
        hand.page.evaluate(Axe().axe_script)
    return [
        (page, violation["id"], node["html"][:120], node["failureSummary"])
        for violation in told(hand.page, _AGAINST, within)
        for node in violation["nodes"]
    ]


def in_all_its_parts(hand, page: str) -> list[tuple[str, ...]]:
    """What is wrong on the page, Generate's other tabs with their parts included; of the samples
    that it would go on to draw some stand there already."""
    if page == "generate":
        pad = hand.page.locator('.pad.generate[aria-busy="false"]')
        pad.evaluate("element => element.getRootNode().latentPad.chores.drop('samples')")
    found = in_the_way(hand, page)
    for tab in TABS if page == "generate" else ():
        hand.page.locator(f"#tab-{tab}").click()
        shown = hand.page.locator("[data-panel]:not([hidden])")
        expect(shown).to_have_attribute("data-panel", tab)
        found += in_the_way(hand, f"{page}, {tab}", "[data-panel]:not([hidden]), [role=tablist]")
    return found


def by_keys(hand, page: str) -> None:
    """Two keys lead past the menu, whose links show the focus; what a key then changes is said."""
    keys = hand.page.keyboard
    keys.press("Tab")
    assert hand.page.evaluate(_FOCUS)["skip"]
    for _ in range(2):  # past Streamlit's own way to the page's beginning
        keys.press("Tab")
    focus = hand.page.evaluate(_FOCUS)
    assert focus["menu"] and focus["framed"], focus
    for _ in range(2):
        keys.press("Shift+Tab")
    keys.press("Enter")
    focus = hand.page.evaluate(_FOCUS)
    assert focus["map"] or (page in ("train", "family") and focus["pad"])
    if page == "train":
        return
    spoken = hand.page.locator(".pad > .spoken").first
    assert spoken.text_content() == ""
    moves = ("ArrowRight", "ArrowDown", "ArrowRight")
    for key in ("ArrowDown", "Enter") if page == "family" else moves:
        keys.press(key)
    expect(spoken).not_to_be_empty()
    if page == "family":
        return
    said = spoken.text_content()
    box = hand.map.bounding_box()
    hand.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    hand.page.wait_for_timeout(700)  # longer than it waits after a key
    assert spoken.text_content() == said


def by_finger(hand) -> None:
    """All pages are in sight or a move away, this one in sight; the words are for a finger."""
    links = hand.page.locator('[data-testid="stSidebarNavLink"]')
    expect(links).to_have_count(len(PAGES))
    expect(hand.page.locator('[data-testid="stSidebarNavLink"][aria-current]')).to_be_in_viewport()
    assert (
        sum(
            box["x"] >= 0 and box["x"] + box["width"] < 350 and box["height"] >= 44
            for box in (link.bounding_box() for link in links.all())
        )
        >= 4
    )
    seen = re.sub("keyboard_[a-z_]+", "", hand.page.locator(".stMain").inner_text())  # an icon
    assert not NOT_TOUCHED.search(seen)


def two_fingers(hand) -> None:
    """They move the page where one moves the point."""
    client = hand.page.context.new_cdp_session(hand.page)
    x, y = hand.at(0.4, 0.5)

    def move(fingers: int) -> float:
        for step in range(9):
            points = [{"x": x + 80 * i, "y": y - 20 * step, "id": i} for i in range(fingers)]
            kind = "touchMove" if step else "touchStart"
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            hand.page.wait_for_timeout(16)
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        hand.page.wait_for_timeout(100)
        return hand.page.locator(".stMain").evaluate("main => main.scrollTop")

    before = hand.label
    assert move(1) == 0
    moved = hand.label
    assert moved != before
    assert move(2) > 100
    assert hand.label == moved


def fetched_ahead_and_used(hand, page: str) -> None:
    """What the answer names for the browser to fetch is fetched once, so it is what the page uses;
    how soon is the machine's affair."""
    asked = hand.page.evaluate(
        "performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)"
    )
    for address in (assets.module(serving.ENTRIES[page]), *assets.digits_spec().values()):
        assert asked.count(address) == 1, address
    ahead = [line for line in hand.console if "preload" in line]
    assert not [line for line in ahead if "within a few seconds" not in line]


def low_windows(hand) -> None:
    """Of a window that is low the map still shows a part that can be used."""
    for low in ({"width": 844, "height": 390}, {"width": 640, "height": 400}):  # or 1280 twice
        hand.page.set_viewport_size(low)
        hand.page.wait_for_timeout(100)
        hand.page.locator(".stMain").evaluate("main => main.scrollTo(0, 0)")
        box = hand.map.bounding_box()
        seen = min(box["y"] + box["height"], low["height"]) - box["y"]
        assert seen >= 150, (low, box)


def stands(hand) -> None:
    """The page is drawn whole, under one heading."""
    hand.page.locator('.pad[aria-busy="false"]').first.wait_for()
    hand.page.wait_for_timeout(500)  # for what fades in
    assert hand.errors == []
    expect(hand.page.locator("h1")).to_have_count(1)


@pytest.mark.parametrize("page", PAGES)
def test_nothing_stands_in_the_way(visit, page):
    hand = visit(page, None)
    stands(hand)
    assert hand.page.evaluate(_MOVED) <= 0.05
    fetched_ahead_and_used(hand, page)
    sizes = {1280: hand.page.evaluate(_SIZES)}
    by_keys(hand, page)
    found = in_all_its_parts(hand, page)
    assert not found, "\n".join(map(str, found))
    if page == "":  # and what stands in the way would be found
        main = hand.page.locator(".stMain")
        main.evaluate("main => main.append(document.createElement('button'))")
        assert {rule for _, rule, *_ in in_the_way(hand, page)} == {"button-name"}
        main.evaluate("main => main.lastElementChild.remove()")
    if page == "generate":  # nor does it pass by in a pad
        panel = hand.page.locator("[data-panel]:not([hidden])")
        panel.evaluate("panel => panel.append(document.createElement('button'))")
        parts = in_the_way(hand, page, "[data-panel]:not([hidden]), [role=tablist]")
        assert {rule for _, rule, *_ in parts} == {"button-name"}
        panel.evaluate("panel => panel.lastElementChild.remove()")
    hand.page.set_viewport_size(WIDE)
    hand.page.wait_for_timeout(100)
    sizes[1920] = hand.page.evaluate(_SIZES)
    assert all(found["small"] <= 0.01 for found in sizes.values()), sizes
    assert all(found["used"] >= 0.85 for found in sizes.values()), sizes
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= WIDE["width"]
    if page == "":
        low_windows(hand)


def test_nothing_stands_in_the_way_on_a_dark_phone(visit):
    """From page to page by the menu; the first one is loaded, and does not move meanwhile."""
    hand = visit("", None, DARK_PHONE)
    found = []
    for page in PAGES:
        if page:
            hand.page.locator(f'[data-testid="stSidebarNavLink"][href$="/{page}"]').tap()
            hand.page.wait_for_url(re.compile(rf"/{page}(\?|$)"))
            hand.page.locator('[data-test-script-state="notRunning"]').wait_for(state="attached")
        stands(hand)
        if page == "":
            assert hand.page.evaluate(_MOVED) <= 0.05
            fetched_ahead_and_used(hand, page)
        by_finger(hand)
        found += in_all_its_parts(hand, page)
        if page == "train":  # what is watched, and the button that begins it
            expect(hand.page.locator(".st-key-train-go button")).to_be_in_viewport(ratio=1)
            expect(hand.page.locator(".map-view").first).to_be_in_viewport(ratio=1)
        if page == "":
            two_fingers(hand)
            size = hand.page.viewport_size
            low_windows(hand)
            hand.page.set_viewport_size(size)
    assert not found, "\n".join(map(str, found))
