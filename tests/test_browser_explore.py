"""The Explore page in a real browser: what a hand does, what the link says, what is on screen."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from core import data
from core.latent import coding
from core.store import loading
from explorer.language import LANGUAGES, Words, texts
from explorer.views import frame
from tests.browser import PHONE, Visit

pytestmark = pytest.mark.browser

# A canvas holds 256 steps of grey; the address bar holds z to three decimals.
ONE_STEP = 1.2 / 255


@pytest.fixture(scope="module")
def model_of(shipped):
    """The torch model of a shipped run, by variant and K (fully connected)."""

    def find(variant: str, k: int):
        for run in shipped.values():
            if (run.record.variant, run.record.latent) == (variant, k) and (
                frame.network_of(run) == "mlp"
            ):
                return loading.load_model(run)
        pytest.fail(f"no fully connected {variant} with K = {k} ships", pytrace=False)

    return find


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist-5k", "all")


def decoded(model, z) -> np.ndarray:
    return coding.decode(model, np.array([z], np.float32)).reshape(-1)


def assert_shows(visit: Visit, model, z) -> None:
    """The canvas holds torch's decode of z."""
    np.testing.assert_allclose(
        visit.pixels(), decoded(model, z).clip(0, 1), rtol=0, atol=1e-3 + ONE_STEP
    )


def drag(visit: Visit, path: list[tuple[float, float]]) -> list[tuple[str, bytes]]:
    """Press at the first place of the map, move over the others, and let go.

    Returns the label and the picture after the press and after each move.
    """
    seen = []
    mouse = visit.page.mouse
    mouse.move(*visit.at(*path[0]))
    mouse.down()
    seen.append((visit.label, visit.pixels().tobytes()))
    for place in path[1:]:
        mouse.move(*visit.at(*place))
        visit.wait_for_change(seen[-1][0])
        seen.append((visit.label, visit.pixels().tobytes()))
    return seen


def test_the_first_paint_shows_a_decoded_digit_and_asks_nobody_else(visit, app, model_of):
    first = visit()
    assert first.label.startswith("decoded digit, z = (")
    assert first.link["model"] == "vae"
    assert first.pixels().max() > 0.5
    exact = first.output.evaluate("canvas => Array.from(canvas.getRootNode().latentPad.z)")
    assert_shows(first, model_of("vae", 2), exact)
    assert first.z == pytest.approx(exact, abs=0.00501)
    first.page.locator(".katex").first.wait_for()
    assert first.page.locator(".katex-error").count() == 0
    assert first.hosts == {app.url.removeprefix("http://")}
    assert first.errors == []


def test_dragging_decodes_every_move_without_the_server_and_the_link_keeps_the_point(
    visit, model_of, held_out
):
    hand = visit(model="vae", k=2, digit=100)
    model = model_of("vae", 2)
    before = len(hand.frames)
    path = [(0.3 + 0.02 * i, 0.35 + 0.25 * np.sin(i / 3)) for i in range(20)]
    seen = drag(hand, path)
    assert len({label for label, _ in seen}) == len(path)
    assert len({picture for _, picture in seen}) == len(path)
    assert "z" not in hand.link, "the address bar is written on release"
    pressed_at = hand.z
    assert len(hand.frames) == before, "a message left for the server during the drag"
    hand.page.mouse.up()
    hand.wait_for_link("z")
    assert hand.linked_z == pytest.approx(pressed_at, abs=0.0051)
    assert_shows(hand, model, hand.linked_z)

    again = visit(**hand.link)
    assert again.link == hand.link
    assert again.label == hand.label
    np.testing.assert_allclose(again.pixels(), hand.pixels(), atol=2 * ONE_STEP)
    np.testing.assert_allclose(
        again.pixels(again.input), held_out.x[100].ravel() / 255, atol=ONE_STEP
    )
    assert again.errors == []


def test_hovering_previews_and_leaving_restores(live):
    hand = live(model="vae", k=2)
    kept, picture = hand.label, hand.pixels()
    link = hand.link
    hand.page.mouse.move(*hand.at(0.3, 0.3))
    hand.page.mouse.move(*hand.at(0.35, 0.3))
    assert hand.label != kept
    assert not np.array_equal(hand.pixels(), picture)
    x, y = hand.at(0.35, 0)
    hand.page.mouse.move(x, y - 40)
    assert hand.label == kept
    np.testing.assert_array_equal(hand.pixels(), picture)
    assert hand.link == link


def test_sliders_follow_the_mouse_and_the_keys(live, model_of):
    hand = live(model="vae", k=2)
    model = model_of("vae", 2)
    slider = hand.slider(1)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    second = hand.z[1]
    frames = len(hand.frames)
    hand.page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    hand.page.mouse.down()
    seen = []
    for share in (0.55, 0.6, 0.65, 0.7, 0.75):
        hand.page.mouse.move(box["x"] + box["width"] * share, middle)
        seen.append((hand.z[0], hand.pixels().tobytes()))
    assert len(hand.frames) == frames
    hand.page.mouse.up()
    values = [value for value, _ in seen]
    assert values == sorted(set(values))
    assert len({picture for _, picture in seen}) == len(seen)
    hand.wait_for_link("z")
    assert hand.z[1] == second
    assert_shows(hand, model, hand.linked_z)

    slider.focus()
    for key, way in (("ArrowRight", 1), ("ArrowUp", 1), ("ArrowLeft", -1), ("ArrowDown", -1)):
        last = hand.z[0]
        hand.page.keyboard.press(key)
        assert way * (hand.z[0] - last) > 0, key
    last = hand.z[0]
    hand.page.keyboard.press("ArrowRight")
    small = hand.z[0] - last
    hand.page.keyboard.press("Shift+ArrowRight")
    assert hand.z[0] - last > 3 * small
    assert float(slider.input_value()) == pytest.approx(hand.z[0], abs=0.0051)
    hand.wait(
        "z => Math.abs(parseFloat(new URLSearchParams(location.search).get('z')) - z) < 0.0051",
        hand.z[0],
    )
    assert len(hand.frames) == frames


def test_arrow_keys_move_the_point_on_the_map(live):
    hand = live(model="vae", k=2)
    hand.map.focus()
    for key, axis, way in (
        ("ArrowRight", 0, 1),
        ("ArrowUp", 1, 1),
        ("ArrowLeft", 0, -1),
        ("ArrowDown", 1, -1),
    ):
        before, picture = hand.z, hand.pixels()
        hand.page.keyboard.press(key)
        assert way * (hand.z[axis] - before[axis]) > 0, key
        assert hand.z[1 - axis] == before[1 - axis], key
        assert not np.array_equal(hand.pixels(), picture), key
    hand.page.keyboard.press("ArrowRight")
    hand.wait_for_link("z")


def test_the_buttons_move_z_as_they_say(live, held_out):
    hand = live(model="vae", k=2)
    own = hand.label
    drag(hand, [(0.5, 0.5), (0.55, 0.5)])
    hand.page.mouse.up()
    assert hand.label != own

    hand.button("reset").click()
    assert hand.label == own
    hand.wait_for_link("z", None)

    exact = "canvas => Array.from(canvas.getRootNode().latentPad.z)"
    mean = hand.output.evaluate(exact)
    hand.button("resample").click()
    drawn = hand.output.evaluate(exact)
    assert drawn != mean
    hand.wait_for_link("z")
    hand.button("resample").click()
    assert hand.output.evaluate(exact) not in (drawn, mean)

    hand.button("prior").click()
    hand.wait_for_link("z")
    hand.button("prior").click()
    assert all(abs(value) < 6 for value in hand.z)

    hand.button("random").click()
    hand.wait_for_link("z", None)
    index = int(hand.link["digit"])
    assert hand.input.get_attribute("aria-label") == f"input digit, a {held_out.labels[index]}"
    np.testing.assert_allclose(
        hand.pixels(hand.input), held_out.x[index].ravel() / 255, atol=ONE_STEP
    )
    assert hand.errors == []


def test_picking_a_digit_encodes_it_and_shows_its_error_and_its_neighbour(live, model_of, held_out):
    hand = live(model="vae", k=2)
    model = model_of("vae", 2)
    page = hand.page
    for label in range(10):
        page.get_by_role("button", name=f"encode a random {label}").click()
        assert hand.input.get_attribute("aria-label") == f"input digit, a {label}"
        index = int(hand.link["digit"])
        assert held_out.labels[index] == label
    x = held_out.x[index : index + 1]
    code = coding.encode(model, x).mean
    assert_shows(hand, model, code[0])
    error = ((coding.decode(model, code) - x / 255.0) ** 2).sum()
    score = page.locator('[data-part="score"]').inner_text()
    assert float(score.split()[0]) == pytest.approx(error, abs=0.06)
    trivial = ((held_out.x.mean(0) / 255 - x / 255.0) ** 2).sum()
    assert score.split()[-1] == f"{trivial:.1f}"

    # The nearest held-out digit is this digit itself, so its reconstruction is the same picture.
    near, near_output = (page.locator(f'[data-part="{part}"]') for part in ("near", "near-output"))
    assert near.get_attribute("aria-label") == f"nearest real digit: {label}"
    np.testing.assert_array_equal(hand.pixels(near), hand.pixels(hand.input))
    np.testing.assert_allclose(hand.pixels(near_output), hand.pixels(), atol=0.03)
    near_score = page.locator('[data-part="near-score"]').inner_text()
    assert float(near_score.split()[-1]) == pytest.approx(error, abs=0.3)


def choose(visit: Visit, picker: str, option: str) -> None:
    """Pick an option of one of Streamlit's pickers."""
    visit.page.get_by_role("combobox", name=picker).click()
    visit.page.get_by_role("option", name=option, exact=True).click()


def test_the_picker_changes_the_model_and_the_link_and_keeps_the_digit(visit, shipped, model_of):
    hand = visit(model="vae", k=2, digit=321)
    picture = hand.pixels()
    words = Words("en")
    others = {
        run.record.variant
        for run in shipped.values()
        if run.record.latent == 2 and run.record.variant != "vae"
    }
    assert {"pca", "stacked_ae"} <= others
    for variant in ("pca", "stacked_ae"):
        choose(hand, "Model", words(f"variant.{variant}.title"))
        hand.wait_for_link("model", variant)
        hand.wait(
            "id => [...document.querySelectorAll('*')].some("
            "e => e.shadowRoot?.latentPad?.run?.id.startsWith(id))",
            f"{variant}-k2-",
        )
        assert hand.input.get_attribute("aria-label").startswith("input digit, a ")
        assert hand.link["digit"] == "321", "the link lost the digit"
        for _ in range(50):  # the run is there a moment before it is drawn
            if not np.array_equal(hand.pixels(), picture):
                break
            hand.page.wait_for_timeout(100)
        assert not np.array_equal(hand.pixels(), picture)
        picture = hand.pixels()
    assert hand.button("prior").count() == 0, "a stacked AE has no prior to sample"
    assert hand.button("resample").count() == 0
    page = visit(**hand.link)
    assert page.label == hand.label
    assert hand.errors == []


def test_a_code_of_sixteen_has_sixteen_sliders_and_a_plane(visit, shipped, model_of):
    deep = [run for run in shipped.values() if run.record.latent == 16]
    assert deep, "no run with K = 16 ships"
    run = next((run for run in deep if run.record.variant == "vae"), deep[0])
    hand = visit(model=run.record.variant, k=16, net=frame.network_of(run))
    assert hand.page.locator(".sliders input[type=range]").count() == 16
    assert len(hand.z) == 16
    assert "plane" in hand.page.locator('[data-part="map-title"]').inner_text()
    model = loading.load_model(run)
    drag(hand, [(0.4, 0.4), (0.5, 0.45)])
    hand.page.mouse.up()
    hand.wait_for_link("z")
    assert len(hand.linked_z) == 16
    assert_shows(hand, model, hand.linked_z)
    before = hand.z
    hand.slider(16).focus()
    hand.page.keyboard.press("ArrowRight")
    assert hand.z[15] > before[15]
    assert hand.z[:15] == before[:15]
    hand.map.focus()
    hand.page.keyboard.press("ArrowUp")
    assert hand.z != before
    assert hand.errors == []


NONSENSE = [
    (
        {"model": "zzz", "k": "99", "lang": "xx", "z": "abc", "digit": "-5"},
        ["model = zzz", "k = 99", "lang = xx", "not 2 numbers"],
        {"model": "vae", "k": "2", "lang": "en"},
    ),
    ({"z": "nan,Infinity", "digit": "999999999"}, ["not 2 numbers"], {}),
]


@pytest.mark.parametrize("link, said, corrected", NONSENSE, ids=["pickers and pad", "pad"])
def test_a_link_with_nonsense_gets_one_sentence_and_a_working_page(visit, link, said, corrected):
    hand = visit(**link)
    for words in said:
        sentence = hand.page.get_by_text(words)
        sentence.first.wait_for()
        assert sentence.count() == 1
    assert hand.page.locator("[data-testid=stException]").count() == 0
    for name, value in corrected.items():
        hand.wait_for_link(name, value)
    assert hand.input.get_attribute("aria-label") == "input digit, a 7"
    before = hand.label
    drag(hand, [(0.4, 0.6), (0.45, 0.6)])
    hand.page.mouse.up()
    assert hand.label != before
    hand.page.get_by_role("button", name="encode a random 3").click()
    assert hand.input.get_attribute("aria-label") == "input digit, a 3"
    assert hand.errors == []


def assert_no_keys(visit: Visit) -> None:
    """No text's key and no unfilled place stands where words should."""
    shown = " ".join(visit.page.locator(part).first.inner_text() for part in (".stApp", ".pad"))
    assert [key for key in texts("en") if key in shown.split()] == []
    places = set(re.findall(r"\{(\w+)\}", " ".join(texts("en").values())))
    assert [place for place in places if f"{{{place}}}" in shown] == []


def test_the_language_switch_changes_page_pad_and_link_and_keeps_the_point(visit):
    assert LANGUAGES == ("en", "ko")
    hand = visit(model="vae", k=2, digit=55, lang="en")
    assert_no_keys(hand)
    drag(hand, [(0.4, 0.4), (0.45, 0.4)])
    hand.page.mouse.up()
    hand.wait_for_link("z")
    z, link = hand.z, hand.link
    hand.page.get_by_role("radio", name="한국어").or_(
        hand.page.get_by_role("button", name="한국어")
    ).click()
    hand.wait_for_link("lang", "ko")
    words = Words("ko")
    hand.page.get_by_role("heading", name=words("explore.title")).wait_for()
    expect(hand.page.locator(".pad")).to_have_count(1, timeout=30_000)
    hand.wait_for_name(hand.output, f"^{words('pad.output')}")
    assert hand.z == z
    hand.wait_for_link("z", link["z"])
    assert hand.link == link | {"lang": "ko"}, "the link lost something"
    hand.page.get_by_role("button", name=words("pad.reset"), exact=True).wait_for()
    for key in ("explore.equation_title", "explore.numbers_title"):
        hand.page.get_by_role("heading", name=words(key)).wait_for()
    hand.page.locator(".katex").first.wait_for()
    assert hand.page.locator(".katex-error").count() == 0
    assert hand.map.get_attribute("aria-label") == words("pad.map")
    assert_no_keys(hand)
    assert hand.torn == []
    assert hand.errors == []


def test_a_dark_phone_has_output_and_map_first_and_never_scrolls_sideways(visit):
    hand = visit(options=PHONE | {"color_scheme": "dark"}, model="vae", k=2)
    page = hand.page
    is_dark(hand)
    wide = page.evaluate(
        "[document.documentElement.scrollWidth, "
        "...[...document.querySelectorAll('.stMain, .stAppViewContainer')].map(e => e.scrollWidth)]"
    )
    assert max(wide) <= 390
    tops = [
        element.evaluate("e => e.getBoundingClientRect().top")
        for element in (hand.output, hand.map, hand.slider(1), hand.button("reset"))
    ]
    assert tops == sorted(tops)
    box = hand.map.bounding_box()
    assert box["y"] + 0.7 * box["height"] < PHONE["viewport"]["height"], "on the first screen"
    for element in page.locator(".pad button:visible, .pad input[type=range]:visible").all():
        box = element.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390

    hand.map.scroll_into_view_if_needed()
    frames = len(hand.frames)
    seen = touch(hand, [(0.3 + 0.03 * i, 0.4) for i in range(10)])
    assert len(hand.frames) == frames
    assert len({label for label, _ in seen}) == len(seen)
    assert len({picture for _, picture in seen}) == len(seen)
    hand.wait_for_link("z")
    assert hand.linked_z == pytest.approx(hand.z, abs=0.0051)
    assert hand.errors == []


def touch(visit: Visit, path: list[tuple[float, float]]) -> list[tuple[str, bytes]]:
    """A finger over the map; the label and the picture after each move."""
    session = visit.page.context.new_cdp_session(visit.page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
        )

    seen = []
    send("touchStart", visit.at(*path[0]))
    last = visit.label
    for place in path[1:]:
        send("touchMove", visit.at(*place))
        visit.wait_for_change(last)
        last = visit.label
        seen.append((visit.label, visit.pixels().tobytes()))
    send("touchEnd")
    session.detach()
    return seen


def is_dark(hand: Visit) -> None:
    red = np.array(
        hand.output.evaluate(
            """canvas => Array.from(canvas.getContext("2d").getImageData(0, 0, 28, 28).data
              .filter((_, i) => i % 4 === 0))"""
        )
    )
    assert red[0] < 60, "the digit's paper is light on a dark page"
    assert red.max() > 150
    page = hand.page.locator(".stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert max(int(part) for part in page.removeprefix("rgb(").rstrip(")").split(",")) < 60
