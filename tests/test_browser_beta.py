"""The page β and K in a real browser: β is dragged and all follows without the server."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from core import data, latent, train
from explorer.language import LANGUAGES, texts
from tests.browser import DESKTOP, PHONE

pytestmark = pytest.mark.browser

PAGE = "beta_and_k"
ONE_STEP = 1.2 / 255


@pytest.fixture(scope="module")
def model(shipped):
    run = next(
        run
        for run in shipped.values()
        if run.record.capabilities.get("has_dial") and run.record.latent == 2
    )
    return train.load(run)


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist-5k", "all")


def beta(visit):
    return visit.page.get_by_label("β", exact=True)


def drag(visit, shares):
    slider = beta(visit)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    visit.page.mouse.move(box["x"] + box["width"] * shares[0], middle)
    visit.page.mouse.down()
    for share in shares[1:]:
        visit.page.mouse.move(box["x"] + box["width"] * share, middle)


def in_the_pad(visit, expression):
    return visit.output.evaluate(
        f"canvas => {{ const pad = canvas.getRootNode().latentPad; return {expression}; }}"
    )


def test_dragging_beta_moves_code_map_and_digit_without_the_server(visit, model, held_out):
    hand = visit(PAGE, digit=100, dial=0.1)
    points = np.array(in_the_pad(hand, "Array.from(pad.run.points)"))
    label, frames = hand.label, len(hand.frames)
    drag(hand, [0.2, 0.3, 0.5, 0.7, 0.9])
    hand.wait_for_change(label)
    assert len(hand.frames) == frames, "a message left for the server during the drag"
    hand.page.mouse.up()
    hand.wait_for_link("dial")
    value = in_the_pad(hand, "pad.run.value")
    assert value > 1
    assert float(hand.link["dial"]) == pytest.approx(value, rel=1e-3)
    moved = np.array(in_the_pad(hand, "Array.from(pad.run.points)"))
    assert np.abs(moved - points).max() > 0.1

    one = held_out.x[100:101]
    code = latent.encode(model, one, dial=value).mean
    assert in_the_pad(hand, "Array.from(pad.z)") == pytest.approx(code[0].tolist(), abs=2e-3)
    exact = in_the_pad(hand, "Array.from(pad.z)")
    x_hat = latent.decode(model, np.array([exact], np.float32), dial=value).reshape(-1)
    np.testing.assert_allclose(hand.pixels(), x_hat.clip(0, 1), rtol=0, atol=1e-3 + ONE_STEP)

    again = visit(PAGE, options=DESKTOP, **hand.link)
    assert in_the_pad(again, "pad.run.value") == pytest.approx(value, rel=1e-3)
    assert again.errors == []


def test_the_map_at_a_knot_is_where_the_encoder_puts_the_digits(visit, model, held_out):
    hand = visit(PAGE)
    value = in_the_pad(hand, "Math.exp(pad.run.knots.knots.data[8])")
    points = np.array(
        in_the_pad(
            hand,
            "(pad.run.turn(Math.exp(pad.run.knots.knots.data[8])), Array.from(pad.run.points))",
        )
    ).reshape(-1, 2)
    codes = latent.encode(model, held_out.x[:200], dial=value).mean
    np.testing.assert_allclose(points[:200], codes, atol=5e-3)


def test_beta_by_keyboard_and_its_numbers_move(visit):
    hand = visit(PAGE, dial=0.1)
    note = hand.page.locator('[data-part="dial"] p')
    before = note.inner_text()
    beta(hand).focus()
    hand.page.keyboard.press("End")
    expect(note).not_to_have_text(before)
    assert in_the_pad(hand, "pad.run.value") == pytest.approx(10, rel=1e-3)


@pytest.mark.parametrize("wrong", ["abc", "0", "1e9"])
def test_a_link_with_a_beta_that_is_none_gets_one_sentence(visit, wrong):
    hand = visit(PAGE, dial=wrong)
    expect(hand.page.locator(".pad .message")).to_contain_text("is not between 0.05 and 10")
    assert in_the_pad(hand, "pad.run.value") == pytest.approx(1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_and_a_phone(visit, language):
    hand = visit(PAGE, language, options=PHONE, lang=language)
    words = texts(language)
    expect(hand.page.get_by_text(words["beta.title"])).to_be_visible()
    for key in ("beta.curve_title", "beta.kl_title", "explore.equation_title"):
        expect(hand.page.get_by_role("heading", name=words[key])).to_be_attached()
    hand.page.locator(".katex").first.wait_for()
    assert hand.page.locator(".katex-error").count() == 0
    assert hand.page.locator(".js-plotly-plot").count() <= 2
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert hand.errors == []
