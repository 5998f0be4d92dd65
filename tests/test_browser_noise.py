"""The page Noise in a real browser: the level is dragged and all follows without the server."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor
from playwright.sync_api import expect

from core import data
from core.data import toys
from core.measures import noise
from core.store import loading
from explorer.language import texts
from explorer.views.noise import toy_data
from tests.browser import PHONE, saved

pytestmark = pytest.mark.browser

PAGE = "noise"
ONE_STEP = 1.2 / 255
DIGIT = 100


def settings(run):
    return run.record.config


@pytest.fixture(scope="module")
def models(shipped):
    """The page's networks: by noise, by (noise, level), and the plain one."""
    digits = [run for run in shipped.values() if run.record.data.shape == (1, 28, 28)]
    told = [run for run in digits if (run.record.browser.get("dial") or {}).get("knob") == "level"]
    found = {settings(run)["noise"]: loading.load_model(run) for run in told}
    for run in digits:
        config, capabilities = settings(run), run.record.capabilities
        alike = all(
            config.get(name) == settings(told[0])[name] for name in ("latent", "network", "hidden")
        )
        if alike and not capabilities["has_dial"] and not capabilities["has_posterior"]:
            corrupts = capabilities["corrupts"]
            key = (config["noise"], config["level"]) if corrupts else "plain"
            found[key] = loading.load_model(run)
    return found


@pytest.fixture(scope="module")
def toy(shipped):
    return loading.load_model(
        next(run for run in shipped.values() if run.record.data.name == toys.CURVE_2D)
    )


def numbers(visit, expression):
    return np.array(visit.see(f"Array.from({expression})"), np.float32)


def slider(visit, part="level"):
    return visit.page.locator(f'input[data-part="{part}"]')


def drag(visit, shares, part="level"):
    handle = slider(visit, part)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    middle = box["y"] + box["height"] / 2
    visit.page.mouse.move(box["x"] + box["width"] * shares[0], middle)
    visit.page.mouse.down()
    for share in shares[1:]:
        visit.page.mouse.move(box["x"] + box["width"] * share, middle)


def choose(visit, kind):
    visit.page.locator(f'button[data-noise="{kind}"]').click()
    visit.wait_for_link("noise", kind)


def wait_for_dedicated(visit):
    visit.wait(
        """() => [...document.querySelectorAll("*")].some((element) =>
             element.shadowRoot?.latentPad?.answers?.dedicated
             || element.latentPad?.answers?.dedicated)"""
    )


def corrupted_here(visit, kind, level, clean):
    """What core.measures.noise's definition makes of the pad's own draws."""
    uniform, gauss = numbers(visit, "pad.noise.uniform"), numbers(visit, "pad.noise.gauss")
    if kind == "gaussian":
        return clean + np.float32(level) * gauss
    extreme = np.where(uniform < level / 2, 0, 1) if kind == "salt_and_pepper" else 0
    return np.where(uniform < level, extreme, clean)


@torch.no_grad()
def answer(model, pixels, level):
    x = torch.from_numpy(pixels).reshape(1, 1, 28, 28)
    told = torch.full((1,), float(level)) if model.capabilities.has_dial else None
    return model.reconstruct(x, model.condition(x, dial=told)).reshape(-1).numpy()


def test_dragging_the_level_corrupts_and_cleans_without_the_server(visit, models):
    hand = visit(PAGE, noise="salt_and_pepper", level=0.1, digit=DIGIT)
    clean = data.load("mnist-5k", "all").x[DIGIT].reshape(-1).astype(np.float32) / 255
    assert hand.see("[pad.kind, pad.level, pad.digit]") == ["salt_and_pepper", 0.1, DIGIT]
    label, frames = hand.label, len(hand.frames)
    drag(hand, [0.2, 0.3, 0.5, 0.7, 0.8])
    hand.wait_for_change(label)
    assert len(hand.frames) == frames, "a message left for the server during the drag"
    hand.page.mouse.up()
    hand.wait_for_link("noise", "salt_and_pepper")
    level = hand.see("pad.level")
    assert level > 0.5 and float(hand.link["level"]) == pytest.approx(level, abs=0.005)
    assert hand.see("pad.timings.length") >= 4

    trivial = ((data.load("mnist-5k", "all").x.reshape(5000, -1) / 255).mean(0) - clean) ** 2
    for kind in noise.NOISES:
        choose(hand, kind)
        wait_for_dedicated(hand)
        corrupted = numbers(hand, "pad.corrupted")
        np.testing.assert_allclose(corrupted, corrupted_here(hand, kind, level, clean), atol=1e-6)
        near = hand.see("pad.kinds.get(pad.kind).dedicated.map((spec) => spec.level)")
        nearest = min(near, key=lambda trained: abs(trained - level))
        expected = {
            "plain": answer(models["plain"], corrupted, level),
            "output": answer(models[kind], corrupted, level),
            "dedicated": answer(models[kind, nearest], corrupted, level),
        }
        for name, x_hat in expected.items():
            canvas = hand.page.locator(f'canvas[data-part="{name}"]')
            np.testing.assert_allclose(
                hand.pixels(canvas), x_hat.clip(0, 1), rtol=0, atol=1e-3 + ONE_STEP
            )
            error = hand.see(f"pad.errors.{name}")
            assert error == pytest.approx(((x_hat - clean) ** 2).sum(), rel=2e-3)
            said = canvas.get_attribute("aria-label")
            assert f"squared error {error:.1f}" in said and f"has {trivial.sum():.1f}" in said
        gap = 100 * (hand.see("pad.errors.output / pad.errors.dedicated") - 1)
        note = hand.page.locator('[data-part="note-dedicated"]').inner_text()
        assert f"trained at {nearest:.1f}" in note and f"{abs(gap):.0f}\u00a0%" in note

    hand.see("pad.map.root.style.display = 'none'")  # as a page that is not laid out yet
    choose(hand, next(iter(noise.NOISES)))
    hand.see("pad.map.root.style.display = ''")
    two_frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    hand.see(two_frames)
    drawn = hand.see("pad.map.base.toDataURL()")
    hand.see("pad.map.resize(true)")
    assert hand.see("pad.map.base.toDataURL()") == drawn
    choose(hand, kind)

    masked = numbers(hand, "pad.corrupted")
    hand.button("pattern").click()
    assert not np.array_equal(masked, numbers(hand, "pad.corrupted"))
    uniform = numbers(hand, "pad.noise.uniform")
    assert (uniform < level).mean() == pytest.approx(level, abs=4 * np.sqrt(0.25 / 784))
    gauss = numbers(hand, "pad.noise.gauss")
    assert abs(gauss.mean()) < 4 / 28 and gauss.std() == pytest.approx(1, abs=4 / np.sqrt(1568))

    slider(hand).focus()
    hand.page.keyboard.press("Home")
    hand.wait_for_link("level", "0.00")
    np.testing.assert_array_equal(numbers(hand, "pad.corrupted"), clean)
    own = numbers(hand, "pad.run.toMap(pad.run.encode(pad.clean).mean)")
    np.testing.assert_allclose(
        own, numbers(hand, f"pad.run.points.slice({2 * DIGIT}, {2 * DIGIT + 2})"), atol=0.02
    )
    hand.map.focus()
    hand.page.keyboard.press("ArrowRight")
    hand.wait(f"() => !location.search.includes('digit={DIGIT}')")
    assert hand.errors == []


def test_a_link_with_nonsense_and_the_toy_s_arrows(visit, toy):
    hand = visit(PAGE, noise="fog", level="7", digit="99999")
    message = hand.page.locator(".noise .message")
    expect(message).to_contain_text("The link's noise is none of gaussian (Gaussian), ")
    expect(message).to_contain_text(
        "noise level is not a number from 0 to 0.8, so it stands at 0.3"
    )
    expect(message).to_contain_text("digit is not a whole number below 5000")
    assert hand.see("[pad.kind, pad.level]") == ["gaussian", 0.3]
    hand.page.locator('.pad.toy canvas[aria-busy="false"]').wait_for()

    def in_the_toy(expression):
        return hand.page.locator('canvas[data-part="plane"]').evaluate(
            f"canvas => {{ const pad = canvas.getRootNode().toyPad; return {expression}; }}"
        )

    frames = len(hand.frames)
    drag(hand, [0.3, 0.25, 0.2], "sigma")
    assert len(hand.frames) == frames, "a message left for the server during the drag"
    hand.page.mouse.up()
    sigma = in_the_toy("pad.sigma")
    assert 0.05 < sigma < 0.12
    arrows = in_the_toy("pad.arrows.map(({ point, ours, best }) => [point, ours, best])")
    points, ours, best = np.array(arrows).transpose(1, 0, 2)
    density = toys.arc()
    np.testing.assert_allclose(best, sigma**2 * density.score(points, sigma), atol=1e-5)

    def field(points):
        x = torch.tensor(points, dtype=torch.float32).reshape(-1, 1, 1, 2)
        with torch.no_grad():
            told = toy.condition(x, dial=torch.full((len(x),), sigma))
            return toy.reconstruct(x, told).reshape(-1, 2).numpy() - points

    np.testing.assert_allclose(ours, field(points), atol=1e-4)
    given = toy_data()
    corrupted = np.array(given["clean"]) + sigma * np.array(given["gauss"])
    best = sigma**2 * density.score(corrupted, sigma)
    expected = toys.agreement(field(corrupted), best)
    trivial = toys.agreement(density.means.mean(0) - corrupted, best)
    hand.wait_for_name(slider(hand, "sigma"), r"\bs\b")
    assert in_the_toy("pad.agreement") == pytest.approx(expected, rel=1e-2, abs=1e-2)
    assert in_the_toy("pad.trivial") == pytest.approx(trivial, rel=1e-2, abs=1e-2)
    assert expected["cosine"] > 0.95 > trivial["cosine"]
    shown = hand.page.locator('[data-part="cosine"]')
    expect(shown).to_have_text(f"{in_the_toy('pad.agreement.cosine'):.3f}")
    before = in_the_toy("pad.probe[0]")
    hand.page.locator('canvas[data-part="plane"]').focus()
    hand.page.keyboard.press("ArrowLeft")
    assert in_the_toy("pad.probe[0]") == pytest.approx(before - 0.02)

    # Saved, the plane has the points, and both kinds of arrows in their colours.
    file = saved(hand.page.locator(".toy .saves"), "The plane with its arrows (PNG)")
    picture = np.asarray(Image.open(file.path()).convert("RGB"), float)
    assert picture.shape[1] >= 480
    for hue in in_the_toy("[pad.colours.accent, pad.colours.palette[6]]"):
        there = np.abs(picture - np.array(ImageColor.getrgb(hue))).max(2) < 12
        assert there.sum() > 50, hue
    assert hand.errors == []


def test_both_languages_and_a_phone(visit):
    hand = visit(PAGE, options=PHONE, noise="masking", level=0.5)
    in_its_language(hand, "en")
    hand.speak("ko", "한국어")
    in_its_language(hand, "ko")
    label = hand.label
    slider(hand).scroll_into_view_if_needed()
    box = slider(hand).bounding_box()
    hand.page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    hand.wait_for_change(label)
    assert hand.see("pad.level") > 0.6
    before = hand.see("pad.digit")
    hand.map.scroll_into_view_if_needed()
    hand.page.touchscreen.tap(*hand.at(0.4, 0.4))
    hand.wait_for_link("digit")
    assert hand.see("pad.digit") != before
    assert hand.errors == []


def in_its_language(hand, language):
    words = texts(language)
    expect(hand.page.get_by_text(words["noise.try"]).filter(visible=True)).to_be_visible()
    for key in ("noise.equation_title", "noise.matrix_title", "noise.gap_title", "toy.title"):
        expect(hand.page.get_by_role("heading", name=words[key])).to_be_attached()
    hand.wait_for_pad(language)
    hand.page.locator('.pad.toy canvas[aria-busy="false"]').wait_for()
    expect(hand.page.locator("table.matrix tbody tr")).to_have_count(1 + 5 * len(noise.NOISES))
    assert hand.page.locator(".js-plotly-plot").count() == 0, "what no pad needs comes first"
    rows = hand.page.locator(".stMarkdown table tr")
    expect(rows).to_have_count(1 + len(noise.NOISES))
    expect(rows.nth(1)).to_contain_text("%")
    assert hand.page.locator(".katex-error").count() == 0
    assert hand.torn == []
    hand.page.locator(".fbox, .boxpad").first.wait_for(state="attached")
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= 390
