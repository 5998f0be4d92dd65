"""The page Family in a browser: the tree by mouse, keys and finger, the card, and the link."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from explorer.language import Words
from tests.browser import PHONE

pytestmark = pytest.mark.browser

STILL = PHONE | {"reduced_motion": "reduce"}


def ready(hand):
    hand.page.locator('.family[aria-busy="false"]').wait_for()
    hand.page.locator(".equation .katex").first.wait_for()


def title(hand):
    return hand.page.locator('[data-part="title"]')


def member(hand, name):
    return hand.page.locator(f'[role=treeitem][data-member="{name}"]')


def test_a_member_by_mouse_and_keys_and_its_link(visit):
    hand = visit("family", None, member="denoising_ae", digit=11)
    page, keys = hand.page, hand.page.keyboard
    ready(hand)
    expect(title(hand)).to_have_text("Denoising AE")
    expect(page.locator(".equation .fbox")).to_have_count(1)
    assert hand.link["digit"] == "11"

    before = hand.pixels()  # the picture moves by itself, until it is told to stand
    page.wait_for_timeout(1200)
    assert np.abs(hand.pixels() - before).max() > 0.05
    assert hand.label.startswith("decoded digit")
    hand.button("play").click()
    still = hand.pixels()
    page.wait_for_timeout(200)
    assert (hand.pixels() == still).all()

    hand.frames.clear()
    member(hand, "vae").click()
    hand.wait_for_link("member", "vae")
    expect(title(hand)).to_have_text("VAE")
    expect(member(hand, "vae")).to_have_attribute("aria-selected", "true")
    expect(page.locator('[data-part="figures"] thead')).to_contain_text("Stacked AE")
    keys.press("ArrowRight")
    keys.press("Enter")
    hand.wait_for_link("member", "beta_vae")
    expect(page.locator(".pad > .spoken")).to_contain_text("β-VAE")
    keys.press("ArrowLeft")
    expect(member(hand, "vae")).to_be_focused()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    focused = page.locator('[role=treeitem][tabindex="0"]')
    expect(focused).to_be_focused()
    keys.press("Home")
    expect(member(hand, "stacked_ae")).to_be_focused()
    to_come = page.locator('[role=treeitem][aria-disabled="true"]').first
    to_come.focus()
    keys.press("Enter")
    expect(title(hand)).to_have_text("β-VAE")
    assert hand.frames == [], "choosing asks nothing of the server"

    page.locator("summary").last.click()
    code = page.locator("pre")
    expect(code).to_contain_text("import torch")
    assert not re.search(r"\{[a-z_]+\}", code.inner_text())
    page.reload()
    ready(hand)
    expect(title(hand)).to_have_text("β-VAE")

    link = page.locator('[data-part="open"]').get_attribute("href")
    assert re.fullmatch(r"\./\?run=beta_vae-k2-\w+&digit=11&lang=en", link)
    assert hand.errors == []


def test_on_a_phone_in_korean_it_is_a_list_in_which_the_card_stands(visit):
    hand = visit("family", None, STILL, lang="ko", member="nobody")
    page, words = hand.page, Words("ko")
    ready(hand)
    expect(page.locator('[data-part="message"]')).to_contain_text("stacked_ae")
    expect(title(hand)).to_have_text("VAE")
    before = hand.pixels()
    page.wait_for_timeout(1200)
    assert (hand.pixels() == before).all(), "nothing moves by itself where that is asked"
    assert hand.label.startswith("디코딩된 숫자")
    for name in ("linear_ae", "vae"):
        member(hand, name).tap()
        hand.wait_for_link("member", name)
        expect(title(hand)).to_have_text(words(f"variant.{name}.title"))
        item, card = member(hand, name).bounding_box(), page.locator(".card").bounding_box()
        assert 0 < card["y"] - (item["y"] + item["height"]) < 24, "it opens right below"
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0 and card["x"] >= 0 and card["x"] + card["width"] <= 390
        inside = page.locator(".card").evaluate("card => card.scrollWidth - card.clientWidth")
        assert inside <= 0
    heights = page.locator("[role=treeitem]").evaluate_all("all => all.map(e => e.offsetHeight)")
    assert min(heights) >= 44
    assert hand.torn == [] and hand.errors == []
