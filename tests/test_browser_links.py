"""The address bar in a browser: one entry a page, Back and Forward, and what the menu keeps."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser import PATIENCE

pytestmark = pytest.mark.browser


def test_back_and_forward_go_by_pages_and_each_shows_its_own_state(visit):
    """Over all pages, with a model, a digit, a point, a K and a language chosen on the way."""
    hand = visit("beta_and_k", None, fresh=True, digit=11)
    page = hand.page
    entries = []

    def arrive() -> dict[str, str]:
        page.locator('.pad[aria-busy="false"]').first.wait_for()
        hand.wait_for_link("lang")
        page.locator('[data-test-script-state="notRunning"]').wait_for(state="attached")
        return hand.link

    def arrive_at(path: str, link: dict[str, str]) -> None:
        """By the history: soon the address is this again, and it stays so once all is drawn."""
        page.wait_for_url(re.compile(rf"{path}(\?|$)"))
        wanted = link | {"lang": "ko"}
        end = time.monotonic() + PATIENCE
        while arrive() != wanted and time.monotonic() < end:
            page.wait_for_timeout(50)
        assert arrive() == wanted, path

    def by_menu(name: str, path: str) -> dict[str, str]:
        entries.append((page.evaluate("location.pathname"), hand.link, pickers()))
        page.locator('[data-testid="stTopNavLink"]', has_text=name).click()
        page.wait_for_url(re.compile(rf"/{path}(\?|$)"))
        return arrive()

    def pickers() -> list[str]:
        return [box.input_value() for box in page.locator(".st-key-bar .stSelectbox input").all()]

    def choose(label: str, option: str) -> None:
        page.get_by_label(label).first.click()
        page.get_by_role("option", name=option, exact=True).click()

    assert arrive()["digit"] == "11"
    length = page.evaluate("history.length")
    for k in ("2", "16"):
        page.locator(f'button[data-k="{k}"]').click()
        hand.wait_for_link("k", k)
    assert by_menu("Explore", "")["digit"] == "11"
    hand.wait_for_link("k", "16")  # as it was beside β; by itself it opens with 2
    choose("Model", "Stacked AE")
    hand.wait_for_link("model", "stacked_ae")
    choose("K (dimensions)", "2")
    hand.wait_for_link("k", "2")
    page.locator('.pad[aria-busy="false"]').first.wait_for()
    before = hand.label
    hand.page.locator(".picks button").nth(6).click()
    hand.wait_for_change(before)
    page.mouse.click(*hand.at(0.3, 0.4))
    hand.wait_for_link("z")
    explored = hand.link
    assert by_menu("Noise", "noise")["digit"] == explored["digit"]
    by_menu("Train", "train")
    by_menu("Family", "family")
    by_menu("Generate", "generate")
    hand.wait_for_link("z", explored["z"])
    made = hand.link
    assert {name: made.get(name) for name in ("model", "k", "digit", "z")} == {
        name: explored[name] for name in ("model", "k", "digit", "z")
    }
    assert hand.page.locator("html").get_attribute("lang") == "en"
    page.get_by_text("한국어", exact=True).click()
    hand.wait_for_link("lang", "ko")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator(".st-key-bar .stSelectbox input").first).to_have_value("적층 AE")
    by_menu("PCA", "pca_vs_ae")
    assert page.evaluate("history.length") == length + 6, "one entry a page"
    for path, link, chosen in reversed(entries):
        page.go_back()
        arrive_at(path, link)
        if chosen:
            assert pickers()[1] == chosen[1]  # K; the model's title is in another language now
    for path, link, _ in entries[1:3]:
        page.go_forward()
        arrive_at(path, link)
    assert not hand.errors
