"""The page PCA vs AE in a real browser: two maps, one pointer, two decoders."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from core import checkpoints, data, latent, train
from explorer import resources
from explorer.language import Words
from explorer.views import frame
from tests.browser import DESKTOP, PATIENCE, PHONE, Visit

pytestmark = pytest.mark.browser

PAGE = "pca_vs_ae"
SIDES = ("left", "right")
ONE_STEP = 1.2 / 255


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist-5k", "all")


@pytest.fixture(scope="module")
def pair(shipped):
    """The runs that the page opens with: PCA and the stacked AE with K = 2."""
    found = {}
    for run in shipped.values():
        if run.record.latent == 2 and frame.network_of(run) == "mlp":
            found.setdefault(run.record.variant, run)
    assert {"pca", "stacked_ae"} <= set(found)
    return {"left": found["pca"], "right": found["stacked_ae"]}


@pytest.fixture(scope="module")
def models(pair):
    return {side: train.load(run) for side, run in pair.items()}


class Bench:
    """The pad of one visit."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        expect(visit.page.locator('.pad.compare[aria-busy="false"]')).to_have_count(
            1, timeout=1000 * PATIENCE
        )

    def part(self, name: str):
        return self.visit.page.locator(f'.pad.compare [data-part="{name}"]')

    def output(self, side: str):
        return self.part(f"output-{side}")

    def map(self, side: str):
        return self.part(f"map-{side}").locator("canvas[tabindex='0']")

    def label(self, side: str) -> str:
        return self.output(side).get_attribute("aria-label")

    def labels(self) -> tuple[str, str]:
        return tuple(self.label(side) for side in SIDES)

    def pixels(self, side: str) -> np.ndarray:
        return self.visit.pixels(self.output(side))

    def error(self, side: str) -> float:
        return float(self.part(f"score-{side}").locator("b").inner_text())

    def mode(self, name: str):
        return self.visit.page.locator(f'.pad button[data-mode="{name}"]')

    def at(self, side: str, x: float, y: float) -> tuple[float, float]:
        box = self.map(side).bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def wait_for_images(self) -> None:
        for side in SIDES:
            self.part(f"score-{side}").locator("b").wait_for()

    def drag(self, side: str, path: list[tuple[float, float]]) -> list[tuple[str, str]]:
        """Press and move; both labels after the press and after each move."""
        mouse = self.visit.page.mouse
        mouse.move(*self.at(side, *path[0]))
        mouse.down()
        seen = [self.labels()]
        for place in path[1:]:
            mouse.move(*self.at(side, *place))
            self.visit.wait_for_change(seen[-1][0], self.output("left"))
            seen.append(self.labels())
        return seen


@pytest.fixture
def bench(visit):
    def go(options=None, page=PAGE, **link) -> Bench:
        found = Bench(visit(page=page, language=None, options=options, **link))
        if link.get("mode") != "place":
            found.wait_for_images()
        return found

    return go


def assert_decodes(bench: Bench, models, codes) -> None:
    for side in SIDES:
        expected = latent.decode(models[side], codes[side][None]).reshape(-1).clip(0, 1)
        np.testing.assert_allclose(
            bench.pixels(side), expected, rtol=0, atol=1e-3 + ONE_STEP, err_msg=side
        )


def codes_of(pair, index: int) -> dict[str, np.ndarray]:
    return {
        side: checkpoints.read_tensors(run, checkpoints.CODES)["codes"][index].astype(np.float32)
        for side, run in pair.items()
    }


def test_both_models_decode_the_linked_digit_and_say_their_errors(
    bench, app, pair, models, held_out
):
    both = bench(digit=1234)
    for side in SIDES:
        assert both.label(side).startswith("decoded digit by ")
        assert both.map(side).get_attribute("aria-label") == f"latent map, {side}"
    assert_decodes(both, models, codes_of(pair, 1234))
    x = held_out.x[1234].ravel() / 255
    np.testing.assert_allclose(both.visit.pixels(both.part("real")), x, atol=ONE_STEP)
    assert str(held_out.labels[1234]) in both.part("real").get_attribute("aria-label")
    for side in SIDES:
        code = codes_of(pair, 1234)[side]
        error = ((latent.decode(models[side], code[None]).ravel() - x) ** 2).sum()
        assert both.error(side) == pytest.approx(error, abs=0.06)
    assert both.error("right") != both.error("left")
    trivial = ((held_out.x.reshape(5000, -1).mean(0) / 255 - x) ** 2).sum()
    assert f"{trivial:.1f}" in both.part("trivial").inner_text()

    chart = both.visit.page.locator(".js-plotly-plot")
    chart.wait_for()
    both.visit.page.get_by_role("heading", name=Words("en")("compare.curve_title")).wait_for()
    assert both.visit.hosts == {app.url.removeprefix("http://")}
    assert both.visit.errors == []


def test_one_pointer_moves_both_digits_without_the_server_and_the_link_keeps_them(
    bench, pair, models, held_out
):
    both = bench()
    before = len(both.visit.frames)
    seen = both.drag("left", [(0.25, 0.3), (0.4, 0.4), (0.55, 0.5), (0.7, 0.6)])
    assert len({left for left, _ in seen}) == len(seen)
    assert len({right for _, right in seen}) == len(seen)
    assert len(both.visit.frames) == before, "a message left for the server during the drag"
    both.visit.page.mouse.up()
    both.visit.wait_for_link("digit")
    index = int(both.visit.link["digit"])
    assert_decodes(both, models, codes_of(pair, index))
    real = both.part("real").get_attribute("aria-label")
    assert real == f"Real digit: {held_out.labels[index]}"

    kept = both.labels()
    both.visit.page.mouse.move(*both.at("right", 0.3, 0.7))
    both.visit.wait_for_change(kept[0], both.output("left"))
    both.visit.page.mouse.move(5, 5)
    assert both.labels() == kept, "leaving the map restores the pinned digit"

    again = bench(options=DESKTOP, **both.visit.link)
    assert again.labels() == kept
    assert again.visit.link == both.visit.link
    assert again.visit.errors == both.visit.errors == []


def test_the_same_place_is_decoded_exactly_by_both(bench, pair, models):
    both = bench()
    both.mode("place").click()
    both.visit.wait_for_link("mode", "place")
    assert both.mode("place").get_attribute("aria-pressed") == "true"
    both.drag("right", [(0.45, 0.45), (0.5, 0.55)])
    both.visit.page.mouse.up()
    both.visit.wait_for_link("at")
    at = np.array([float(part) for part in both.visit.link["at"].split(",")])
    alignment = resources.alignment(pair["right"], pair["left"])
    rotation = np.array(alignment["rotation"]).reshape(2, 2)
    right = ((at - alignment["shift"]) / alignment["scale"]) @ rotation.T
    assert_decodes(both, models, {"left": at.astype(np.float32), "right": right.astype(np.float32)})
    assert both.part("score-left").locator("b").count() == 0, "no real digit, so no error"

    again = bench(options=DESKTOP, **both.visit.link)
    assert again.labels() == both.labels()

    both.mode("digit").click()
    both.visit.wait_for_link("at", None)
    both.wait_for_images()
    assert both.visit.errors == []


def test_keys_and_picks_move_both(bench, held_out):
    both = bench()
    both.mode("place").click()
    for side in SIDES:
        both.map(side).focus()
        for key in ("ArrowRight", "ArrowUp", "Shift+ArrowLeft", "ArrowDown"):
            before = both.labels()
            both.visit.page.keyboard.press(key)
            after = both.labels()
            assert after[0] != before[0] and after[1] != before[1], (side, key)
    both.mode("digit").click()
    for label in (0, 5, 9):
        both.visit.page.get_by_role("button", name=f"encode a random {label}").click()
        assert both.part("real").get_attribute("aria-label") == f"Real digit: {label}"
        assert held_out.labels[int(both.visit.link["digit"])] == label
    assert both.visit.errors == []


def test_nonsense_in_the_link_gets_one_sentence_each(bench):
    both = bench(left="zzz", k="99", mode="place", at="abc", digit="-5")
    page = both.visit.page
    for words in ("left = zzz", "k = 99", "place is not two numbers"):
        sentence = page.get_by_text(words)
        sentence.first.wait_for()
        assert sentence.count() == 1
    both.visit.wait_for_link("left", "pca")
    both.visit.wait_for_link("k", "2")
    before = both.labels()
    both.drag("left", [(0.4, 0.6), (0.45, 0.6)])
    page.mouse.up()
    assert both.labels() != before
    assert page.locator("[data-testid=stException]").count() == 0
    assert both.visit.errors == []


def test_the_picker_changes_one_side_and_keeps_the_digit(bench, visit):
    both = bench(digit=77)
    both.visit.page.get_by_role("button", name="encode a random 6").click()
    digit = both.visit.link["digit"]
    left = both.label("left")
    words = Words("en")
    both.visit.page.get_by_role("combobox", name=words("picker.right")).click()
    both.visit.page.get_by_role("option", name=words("variant.vae.title"), exact=True).click()
    both.visit.wait_for_link("right", "vae")
    both.visit.wait_for_name(both.output("right"), f"by {words('variant.vae.title')},")
    assert both.label("left") == left
    both.visit.wait_for_link("digit", digit)

    page = both.visit.page
    page.get_by_role("link", name=words("page.explore")).click()
    both.visit.wait_for_pad()
    page.get_by_role("link", name=words("page.compare")).click()
    again = Bench(both.visit)
    again.visit.wait_for_name(again.output("right"), f"by {words('variant.vae.title')},")
    assert again.visit.link["right"] == "vae", "the choice outlives a change of pages"
    assert both.visit.errors == []


def test_korean_on_a_phone_by_touch(bench):
    both = bench(options=PHONE, lang="ko")
    page = both.visit.page
    words = Words("ko")
    page.get_by_role("heading", name=words("compare.title")).wait_for()
    assert words("pad.output") in both.label("left")
    assert page.get_by_text(words("compare.same_place"), exact=True).count() == 1
    wide = page.evaluate(
        "[document.documentElement.scrollWidth, "
        "...[...document.querySelectorAll('.stMain')].map(e => e.scrollWidth)]"
    )
    assert max(wide) <= 390
    tops = [
        e.evaluate("e => e.getBoundingClientRect().top")
        for e in (both.output("left"), both.map("left"))
    ]
    assert tops == sorted(tops)

    both.map("left").scroll_into_view_if_needed()
    session = page.context.new_cdp_session(page)
    frames = len(both.visit.frames)
    seen = []
    for i, kind in enumerate(["touchStart", *["touchMove"] * 5]):
        last = both.label("left")
        x, y = both.at("left", 0.2 + 0.1 * i, 0.3 + 0.05 * i)
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        both.visit.wait_for_change(last, both.output("left"))
        seen.append(both.labels())
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert len({left for left, _ in seen}) == len(seen)
    assert len({right for _, right in seen}) == len(seen)
    assert len(both.visit.frames) == frames
    both.visit.wait_for_link("digit")
    assert both.visit.errors == []
