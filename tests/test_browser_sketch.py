"""Digits drawn by hand and own images, in a real browser, against Pillow, numpy and torch."""

from __future__ import annotations

import gzip
import http.client
import math
import re
from contextlib import closing
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from core import data
from core.data import centring, own_images
from core.latent import coding
from core.store import checkpoints, image_sets, loading
from core.store.checkpoints import CODES
from explorer import addresses, assets
from explorer.language import Words
from explorer.views import frame
from tests.browser import PATIENCE, PHONE, Visit
from tests.samples import encoded, npz, zipped

pytestmark = pytest.mark.browser
expect.set_options(timeout=1000 * PATIENCE)

TEXT = Words("en").group("sketchpad")
PEN, SMALLEST = 2.4, 0.15  # pixels; share of the canvas
SEVEN = [
    [(0.3 + 0.02 * i, 0.25) for i in range(21)]
    + [(0.7 - 0.012 * i, 0.25 + 0.025 * i) for i in range(21)]
]
DRAWINGS = {
    "seven": SEVEN,
    "zero": [[(0.5 + 0.2 * math.cos(t), 0.5 + 0.3 * math.sin(t)) for t in np.linspace(0, 6.3, 60)]],
    "four": [[(0.35, 0.2), (0.3, 0.5), (0.7, 0.5)], [(0.6, 0.2), (0.6, 0.85)]],
    "small": [[(0.1, 0.1), (0.2, 0.16), (0.14, 0.3)]],
    "scribble": [[(0.1 + 0.8 * (i % 2), 0.1 + 0.8 * i / 40) for i in range(41)]],
}


@pytest.fixture(scope="module")
def vae(shipped):
    """The run that Explore shows first."""
    return next(
        run
        for run in shipped.values()
        if (run.record.variant, run.record.latent) == ("vae", 2) and frame.network_of(run) == "mlp"
    )


@pytest.fixture(scope="module")
def model(vae):
    return loading.load_model(vae)


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist-5k", "all")


def rastered(strokes, side: int = 560) -> np.ndarray:
    """The same strokes drawn by Pillow, with a pen that is 2.4 pixels wide once they are fitted."""
    points = np.array([point for stroke in strokes for point in stroke])
    pen = PEN / (centring.BOX - PEN) * max(np.ptp(points, axis=0).max(), SMALLEST) * side
    image = Image.new("L", (side + 200, side + 200))
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        path = [(100 + x * side, 100 + y * side) for x, y in stroke]
        draw.line(path, fill=255, width=round(pen))
        for x, y in path:
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return np.asarray(image)


def test_strokes_are_centred_as_the_reference_centres_their_picture(browser, app, held_out):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{app.url}/_stcore/health")
    found = page.evaluate(
        """async ([url, drawings]) => {
          const { centred } = await import(url);
          return drawings.map((strokes) => Array.from(centred(strokes.map((stroke) =>
            stroke.map(([x, y]) => ({ x, y, pressure: 0.5 }))))));
        }""",
        [assets.module("engine/strokes.js"), [*DRAWINGS.values(), [[(0.3, 0.7)]], []]],
    )
    context.close()
    *images, dot, blank = np.array(found, np.float32).reshape(-1, 28, 28)
    places = np.arange(28)
    usual = np.quantile(held_out.x.mean((1, 2, 3)) / 255, [0.001, 0.999])
    for (name, strokes), image in zip(DRAWINGS.items(), images, strict=True):
        expected = centring.centre(rastered(strokes), whole_pixels=False) / 255
        assert np.abs(image - expected).mean() < 0.01, name
        weight = image / image.sum()
        mass = [(weight.sum(1) * places).sum(), (weight.sum(0) * places).sum()]
        assert np.abs(np.array(mass) - centring.CENTRE).max() < 0.1, name
        if name not in ("small", "scribble"):
            assert usual[0] < image.mean() < usual[1], "as much ink as MNIST's digits have"
    assert dot.sum() == pytest.approx(math.pi * (PEN / 2) ** 2, rel=0.1)
    assert dot.argmax() == 14 * 28 + 14
    assert not blank.any()


# --- Drawing ------------------------------------------------------------------------------------


def start_drawing(hand: Visit) -> None:
    hand.page.locator('[data-input="draw"]').click()
    expect(paper(hand)).to_be_visible()


def paper(hand: Visit):
    return hand.page.locator(".sketch .paper canvas")


def draw(hand: Visit, strokes=SEVEN) -> None:
    box = paper(hand).bounding_box()
    mouse = hand.page.mouse
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not i:
                mouse.down()
        mouse.up()
    rest(hand)


def rest(hand: Visit) -> None:
    """Two frames later, when what was drawn is shown."""
    hand.page.evaluate("new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)))")


def message(hand: Visit):
    return hand.page.locator(".drawn .message")


def test_a_drawn_digit_behaves_as_a_picked_one_and_is_undone_and_cleared(
    visit, vae, model, held_out
):
    hand = visit(model="vae", k=2, digit=100)
    start_drawing(hand)
    frames = len(hand.frames)
    draw(hand)
    pixels = np.array(hand.see("Array.from(pad.input)"), np.float32)
    expected = centring.centre(rastered(SEVEN), whole_pixels=False).ravel() / 255
    assert np.abs(pixels - expected).mean() < 0.02
    codes = coding.encode(model, pixels.reshape(1, 1, 28, 28))
    code = codes.mean[0]
    np.testing.assert_allclose(hand.see("Array.from(pad.z)"), code, atol=1e-3)
    output = coding.decode(model, code[None]).ravel()
    np.testing.assert_allclose(hand.pixels(), output.clip(0, 1), atol=1e-3 + 1.2 / 255)
    mark = hand.see("pad.map.marks.find((mark) => mark.kind === 'input')")
    np.testing.assert_allclose(mark["at"], code, atol=1e-3)
    sigma = np.exp(0.5 * codes.log_var[0])
    rings = np.array(mark["rings"])  # (2, 48, 2): one and two standard deviations
    np.testing.assert_allclose(np.abs(rings[0] - code).max(0), sigma, rtol=0.02)
    error, trivial = (
        float(((other - pixels) ** 2).sum()) for other in (output, held_out.x.mean(0).ravel() / 255)
    )
    score = hand.page.locator('[data-part="score"]').inner_text()
    assert float(score.split()[0]) == pytest.approx(error, abs=0.06)
    assert float(score.split()[-1]) == pytest.approx(trivial, abs=0.06)
    assert hand.input.get_attribute("aria-label") == TEXT["drawn"]
    hand.wait_for_link("z")
    assert hand.link["digit"] == "100"
    assert len(hand.frames) == frames, "a message left for the server while drawing"
    hand.page.mouse.click(*hand.at(0.4, 0.6))
    hand.wait_for_link("drawn")
    again = visit(language=None, **hand.link)
    again.wait_for_name(again.input, TEXT["drawn"])
    assert np.abs(again.pixels(again.input) - hand.pixels(hand.input)).max() < 0.2
    assert again.linked_z == hand.linked_z and again.link["drawn"] == hand.link["drawn"]
    again.page.close()
    torn = visit(model="vae", k=2, digit=100, drawn=hand.link["drawn"][:-3])
    expect(torn.page.locator('[data-part="message"]')).to_have_text(TEXT["bad_drawn"])
    assert torn.input.get_attribute("aria-label") == "input digit, a 0"
    undo_clear_a_scribble_and_keys(torn, vae, model)
    torn.page.close()

    hand.page.locator('[data-input="real"]').click()
    assert hand.input.get_attribute("aria-label") == "input digit, a 0"
    hand.page.locator('[data-input="draw"]').click()
    np.testing.assert_allclose(hand.see("Array.from(pad.z)"), code, atol=1e-3)
    assert hand.errors == []


def undo_clear_a_scribble_and_keys(hand: Visit, vae, model) -> None:
    start_drawing(hand)
    undone_and_cleared(hand)
    hand.page.locator('.sketch [data-action="clear"]').click()
    scribbled(hand, vae, model)
    hand.page.locator('.sketch [data-action="clear"]').click()
    drawn_by_keys(hand)
    assert hand.errors == []


def undone_and_cleared(hand: Visit) -> None:
    undo, clear = (hand.page.locator(f'.sketch [data-action="{a}"]') for a in ("undo", "clear"))
    expect(undo).to_be_disabled()
    expect(clear).to_be_disabled()
    draw(hand, SEVEN)
    seven = hand.label
    draw(hand, [[(0.3, 0.55), (0.7, 0.55)]])
    crossed = hand.label
    assert crossed != seven
    undo.click()
    rest(hand)
    assert hand.label == seven
    paper(hand).focus()
    hand.page.keyboard.press("Control+Shift+Z")
    rest(hand)
    assert hand.label == crossed
    clear.click()
    expect(message(hand)).to_have_text(TEXT["blank"])
    assert hand.label == crossed, "the last digit stays"
    hand.page.keyboard.press("Tab")
    paper(hand).focus()
    hand.page.keyboard.press("Control+z")
    rest(hand)
    expect(message(hand)).to_have_text("")
    assert len(hand.see("pad.taken.pixels")) == 784


def scribbled(hand: Visit, vae, model) -> None:
    """What is strange is said to be so by measured numbers."""
    draw(hand, DRAWINGS["scribble"])
    expect(message(hand)).to_contain_text("Unlike the digits that it knows")
    errors = np.sort(checkpoints.read_tensors(vae, CODES)["squared_error"])
    pixels = np.array(hand.see("Array.from(pad.input)"), np.float32)
    code = coding.encode(model, pixels.reshape(1, 1, 28, 28)).mean
    error = ((coding.decode(model, code).ravel() - pixels) ** 2).sum()
    told = [float(number) for number in re.findall(r"\d+\.\d", message(hand).inner_text())]
    usual = float(errors[int(0.99 * len(errors))])  # kept in half precision
    assert told[:2] == pytest.approx([float(error), usual], abs=0.06)
    hand.page.locator('.sketch [data-action="clear"]').click()
    draw(hand, SEVEN)
    expect(message(hand)).to_have_text("")
    hand.page.wait_for_timeout(400)
    expect(message(hand)).to_have_text("")


def drawn_by_keys(hand: Visit) -> None:
    before = hand.label
    keyboard = hand.page.keyboard
    said = hand.page.locator(".sketch .said")
    paper(hand).focus()
    for _ in range(5):
        keyboard.press("ArrowUp")
    assert hand.label == before, "the pen is up"
    keyboard.press(" ")
    expect(said).to_have_text(TEXT["pen_down"])
    for key in ["ArrowRight"] * 6 + ["Shift+ArrowDown"] * 5:
        keyboard.press(key)
    keyboard.press("Enter")
    expect(said).to_have_text(TEXT["pen_up"])
    keyboard.press("ArrowRight")
    rest(hand)
    assert hand.label != before
    pixels = np.array(hand.see("Array.from(pad.input)")).reshape(28, 28)
    rows, columns = (np.flatnonzero(pixels.max(axis) > 0.3) for axis in (1, 0))
    assert np.ptp(rows) in (18, 19, 20) and 5 < np.ptp(columns) < 12, "an angle, higher than wide"
    assert "%" in paper(hand).get_attribute("aria-description")
    hand.wait_for_link("z")


def test_a_finger_draws_on_a_phone_and_nothing_scrolls(visit):
    hand = visit(options=PHONE, model="vae", k=2)
    start_drawing(hand)
    paper(hand).scroll_into_view_if_needed()
    box, before = paper(hand).bounding_box(), hand.label
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    session = hand.page.context.new_cdp_session(hand.page)

    def send(kind, *points):
        places = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in points
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    send("touchStart", SEVEN[0][0])
    for point in SEVEN[0][1:]:
        send("touchMove", point)
    send("touchEnd")
    session.detach()
    hand.wait_for_change(before)
    assert paper(hand).bounding_box() == box, "the page stayed under the finger"
    assert hand.see("pad.taken !== null")
    wide = hand.page.evaluate("document.querySelector('.stMain').scrollWidth")
    assert wide <= 390
    assert hand.errors == []


# --- Own images ---------------------------------------------------------------------------------


@pytest.fixture
def kept(app, monkeypatch):
    """Keeps images (count, 28, 28) with labels and class names in the app's store; gives the id."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(app.user_store))

    def keep(x, labels, names) -> str:
        return image_sets.keep(
            data.Dataset(
                "mine",
                "all",
                x[:, None],
                np.asarray(labels, np.int64),
                tuple(names),
                data.Provenance("made here", "MIT"),
            )
        )

    return keep


def upload(hand: Visit, name: str, content: bytes) -> None:
    hand.page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def test_uploads_good_and_bad(visit, model, held_out):
    hand = visit(model="vae", k=2)
    label = hand.label
    hand.page.get_by_role("button", name="Own images").click()
    alert = hand.page.locator("[data-testid=stAlert]")
    for name, content, said in (
        ("renamed.png", b"text", "renamed.png holds no image that can be read"),
        ("nan.npz", npz(x=np.full((3, 28, 28), np.nan)), "NaN or infinity"),
    ):
        upload(hand, name, content)
        expect(alert).to_contain_text(said)
        assert "set" not in hand.link and hand.label == label, "what was shown stays"
        hand.page.get_by_role("button", name=f"Remove {name}").click()
        expect(alert).to_have_count(0)

    chosen = [i for i in range(200) if held_out.labels[i] in (3, 8)]
    on_paper = {
        f"{held_out.labels[i]}/{i:03}.png": encoded(
            np.pad(255 - held_out.x[i, 0], 6, constant_values=255)
        )
        for i in chosen
    }
    upload(hand, "mine.zip", zipped(on_paper))
    hand.wait_for_link("set")
    hand.wait(
        "count => [...document.querySelectorAll('*')].some("
        "e => e.shadowRoot?.latentPad?.run?.count === count)",
        len(chosen),
    )
    order = sorted(chosen, key=lambda i: (held_out.labels[i], i))
    x = np.stack([centring.centre(held_out.x[i, 0]) for i in order])[:, None]
    codes = np.array(hand.see("Array.from(pad.run.codes)")).reshape(-1, 2)
    np.testing.assert_allclose(codes, coding.encode(model, x).mean, atol=2e-3)
    labels = hand.see("Array.from(pad.digits.labels)")
    assert labels == held_out.labels[order].tolist()
    np.testing.assert_allclose(hand.see("Array.from(pad.map.points)"), codes.ravel(), atol=2e-3)
    assert hand.see("pad.map.others.length") == 10_000, "the held-out digits lie below"
    hand.page.keyboard.press("Escape")
    for digit in range(10):
        button = hand.page.get_by_role("button", name=f"encode a random {digit}")
        assert button.is_enabled() == (digit in (3, 8))
    hand.page.get_by_role("button", name="encode a random 8").click()
    assert hand.input.get_attribute("aria-label") == "input digit, a 8"
    assert held_out.labels[order][int(hand.link["digit"])] == 8
    trivial = ((held_out.x.mean(0) / 255 - x[int(hand.link["digit"])] / 255) ** 2).sum()
    score = hand.page.locator('[data-part="score"]').inner_text()
    assert float(score.split()[-1]) == pytest.approx(trivial, abs=0.06), "the held-out mean digit"

    again = visit(**hand.link)
    assert again.see("pad.run.count") == len(chosen)
    assert again.link == hand.link and again.label == hand.label
    assert hand.errors == [] and again.errors == []


def test_korean_words_and_refusals(visit):
    words = Words("ko")
    hand = visit(lang="ko", language="ko")
    hand.page.locator('[data-input="draw"]').click()
    for key in ("start", "undo", "clear", "seen"):
        hand.page.get_by_text(words(f"sketchpad.{key}"), exact=True).wait_for()
    hand.page.get_by_role("button", name=words("own.title")).click()
    hand.page.get_by_text(words("own.upload")).wait_for()
    name, content = "blank.png", encoded(np.full((30, 30), 255, np.uint8))
    with pytest.raises(data.DataError) as raised:
        own_images.read([(name, content)])
    upload(hand, name, content)
    alert = hand.page.locator("[data-testid=stAlert]")
    expect(alert).to_have_text(words("own.refused", reason=words.refusal(raised.value)))
    assert not re.search("[a-z]{3,}", alert.inner_text().replace(name, ""))
    assert hand.errors == []


def shown(visit, **link) -> Visit:
    hand = visit(language=None, **link)
    hand.page.locator('.pad[aria-busy="false"]').wait_for()
    hand.wait_for_name(hand.input, "^input digit, ")
    return hand


def test_sets_of_one_image_of_the_same_and_of_named_classes_and_one_that_is_gone(
    visit, kept, held_out
):
    one = kept(held_out.x[7:8, 0], [-1], [])
    same = kept(np.repeat(held_out.x[3:4, 0], 4, 0), [5] * 4, "0123456789")
    odd = '<img src="/nowhere" onerror="window.foreign = 1">'
    named = kept(held_out.x[:6, 0], [0, 1, 2, 0, 1, -1], ["bird", odd, "dog"])
    hand = shown(visit, model="vae", k=2, set=one, digit=0)
    for set_id, label, picks in ((one, "–", 0), (same, "5", 10), (named, "bird", 3)):
        if set_id != one:
            hand.go(model="vae", k=2, set=set_id, digit=0)
        hand.wait_for_name(hand.input, f"^input digit, a {label}$")
        hand.page.locator('.pad[aria-busy="false"]').wait_for()
        assert hand.see("pad.run.count") == {one: 1, same: 4, named: 6}[set_id]
        assert hand.page.locator(".picks button").count() == picks
        for name in ("points", "centre", "spans"):
            assert all(map(math.isfinite, hand.see(f"Array.from(pad.map.{name})")))
        assert all(map(math.isfinite, hand.see("[pad.map.unit, ...pad.run.low, ...pad.run.high]")))
        before = hand.label
        hand.page.mouse.click(*hand.at(0.4, 0.4))
        hand.wait_for_change(before)
        if picks == 3:
            hand.page.locator(".picks button").nth(1).click()
            hand.wait_for_name(hand.input, odd[:10])
            hand.page.locator('[data-part="near-label"]', has_text=odd).wait_for()
        assert hand.errors == [] and not hand.page.evaluate("window.foreign")

    hand.go(model="vae", k=2, set="0" * 24)
    hand.page.get_by_text("There is no set of images 0000").wait_for()
    hand.wait_for_link("set", None)
    hand.wait(
        "() => [...document.querySelectorAll('*')].some("
        "(e) => e.shadowRoot?.latentPad?.run?.count === 5000)"
    )


def test_own_images_follow_the_knob(visit, kept, held_out, shipped):
    run = next(
        run
        for run in shipped.values()
        if (run.record.variant, run.record.latent) == ("multirate_vae", 2)
    )
    set_id = kept(held_out.x[:40, 0], held_out.labels[:40], "0123456789")
    hand = shown(visit, model="multirate_vae", k=2, set=set_id)
    dial = hand.page.locator('[data-part="dial"] input')
    dial.focus()
    for _ in range(4):
        hand.page.keyboard.press("ArrowRight")
    hand.wait(
        "() => [...document.querySelectorAll('*')].some((e) => {"
        "  const run = e.shadowRoot?.latentPad?.run;"
        "  return run && run.value !== run.dial.usual && run.codesKnown; })"
    )
    beta = hand.see("pad.run.value")
    expected = coding.encode(loading.load_model(run), held_out.x[:40], dial=beta).mean
    codes = np.array(hand.see("Array.from(pad.run.codes)")).reshape(-1, 2)
    np.testing.assert_allclose(codes, expected, atol=2e-3)
    np.testing.assert_allclose(hand.see("Array.from(pad.map.points)"), codes.ravel(), atol=1e-5)
    assert hand.errors == []


def test_the_route_of_sets_serves_what_is_kept_and_nothing_else(app, kept, held_out):
    set_id = kept(held_out.x[:3, 0], [0, -1, 2], "0123456789")

    def get(path):
        with closing(
            http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=60)
        ) as connection:
            connection.request("GET", f"{addresses.PREFIX}/sets/{path}")
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    for part, expected in (("labels", bytes([0, 255, 2])), ("images", held_out.x[:3].tobytes())):
        status, headers, body = get(f"{set_id}/{part}")
        assert status == 200 and gzip.decompress(body) == expected
        assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
    for path in (
        f"{'0' * 24}/labels",
        "nonsense/images",
        f"{set_id}/mean",
        f"{set_id}/x",
        "..%2f..%2fx/labels",
    ):
        status, headers, body = get(path)
        assert status in (400, 404) and "immutable" not in (headers["Cache-Control"] or "")
        assert len(body) < 200, "a sentence and no file"
