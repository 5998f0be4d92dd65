"""Saving in a real browser: what is downloaded, the menu, its dialog, and failures."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import onnx
import pytest
from PIL import Image
from playwright.sync_api import expect

from core import data
from core.judge import classifier
from core.refusal import Refusal
from explorer import assets
from explorer.language import LANGUAGES, Words
from tests import browser as chromium

pytestmark = pytest.mark.browser

PARTS = ("downloads", "save_menu", "slide", "film", "picture", "theme")
RUN = "pca-k2-6bbd6e9dc7"
DC = "{http://purl.org/dc/elements/1.1/}"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def tab(browser):
    """The tab that each test loads anew, which costs half of a new one."""
    context = browser.new_context(viewport={"width": 390, "height": 600}, accept_downloads=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab, app):
    """A bare page of the app's own origin that has the modules of saving as `saves`."""
    page = tab
    page.set_default_timeout(1000 * chromium.PATIENCE)
    page.goto(f"{app.url}/_stcore/health?run=x")
    page.evaluate(
        """async ([saves, engine, css]) => {
          const parts = await Promise.all(saves.map((one) => import(one)));
          globalThis.saves = Object.assign({}, ...parts);
          const modules = await Promise.all(engine.map((one) => import(one)));
          globalThis.engine = Object.assign({}, ...modules);
          document.body.innerHTML = "";
          document.head.appendChild(document.createElement("style")).textContent = css;
        }""",
        [
            [assets.module(f"parts/{one}.js") for one in PARTS],
            [assets.module(f"engine/{one}.js") for one in ("fetching", "network", "safetensors")],
            (assets.PAD / "parts" / "downloads.css").read_text(encoding="utf-8"),
        ],
    )
    yield page
    page.unroute_all()
    page.goto("about:blank")


def downloaded(page, script, argument=None):
    """Name and bytes of what a script has the browser save."""
    with page.expect_download() as found:
        name = page.evaluate(script, argument)
    download = found.value
    assert download.suggested_filename == name
    return name, download.path().read_bytes()


ABOUT = "{ name: 'a/b  prior 가', run: ['pca-k2-6bbd6e9dc7'], title: 'Title <&> 가' }"


# --- Files ----------------------------------------------------------------------------------------


def test_a_picture_is_saved_pixel_by_pixel(page):
    script = f"""() => {{
      const pixels = Uint8Array.from({{ length: 256 }}, (_, i) => i);
      return saves.savePicture({{ width: 16, height: 16, pixels }}, {ABOUT});
    }}"""
    name, content = downloaded(page, script)
    assert name == "a-b-prior-가.png"
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "L" and np.asarray(image).ravel().tolist() == list(range(256))
        assert image.text["Run"] == RUN and image.text["Title"] == "Title <&> 가"
        assert image.text["Page"] == "/_stcore/health?run=x"


def test_a_canvas_is_saved_as_it_is_seen(page):
    script = f"""() => {{
      const canvas = document.createElement("canvas");
      canvas.width = 3; canvas.height = 2;
      const context = canvas.getContext("2d");
      context.fillStyle = "rgb(10, 200, 30)";
      context.fillRect(1, 0, 2, 1);
      return saves.savePicture(saves.canvasPicture(canvas), {ABOUT});
    }}"""
    with Image.open(io.BytesIO(downloaded(page, script)[1])) as image:
        assert image.mode == "RGBA"
        ink, none = [10, 200, 30, 255], [0, 0, 0, 0]
        assert np.asarray(image).tolist() == [[none, ink, ink], [none, none, none]]


def test_a_film_is_as_wide_as_asked_and_in_its_colours(page):
    """Ink in dark colours from a light page; the ends stay, and it goes back as it came."""
    script = f"""() => {{
      const grey = (v) => ({{ width: 28, height: 28, pixels: new Uint8Array(784).fill(v) }});
      const shades = [0, 128, 255];
      const figure = {{
        about: {ABOUT}, width: 28, height: 28, whole: true,
        frames: 3, milliseconds: 120, back: true,
        paint: (pen, colours, frame) => saves.tiled([grey(shades[frame])], 1).paint(pen, colours),
      }};
      const colours = saves.side(document.body, true);
      const choice = {{ width: 480, colours, title: "가", legend: true, pace: 2 }};
      return saves.saveFilm(figure, choice, figure.about);
    }}"""
    name, content = downloaded(page, script)
    assert name.endswith(".gif")
    with Image.open(io.BytesIO(content)) as image:
        assert image.size[0] == 480 and image.size[1] > 480
        assert f"Run: {RUN}" in image.info["comment"].decode()
        found = []
        for n in range(image.n_frames):
            image.seek(n)
            frame = image.convert("RGB")
            found.append((frame.getpixel((240, 260)), image.info["duration"]))
            assert frame.getpixel((2, 2)) == (18, 21, 31)
    assert [time for _, time in found] == [900, 60, 900, 60]
    expected = [(22, 27, 38), (133, 137, 147), (244, 246, 255), (133, 137, 147)]
    off = np.abs(np.subtract([colour for colour, _ in found], expected))
    assert off.max() <= 2


def test_a_table_is_saved_row_by_row(page):
    script = f"""() => saves.saveTable(["name", "value"],
      [["가, b", 0.5], ["c", null], Float32Array.from([1, 2])], {ABOUT})"""
    name, content = downloaded(page, script)
    assert name.endswith(".csv")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows == [
        ["run", "name", "value"],
        [RUN, "가, b", "0.5"],
        [RUN, "c", ""],
        [RUN, "1", "2"],
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_a_drawing_looks_as_it_would_on_such_a_page(page, dark, tmp_path):
    """In light and in dark, from a light page; with its title and its legend, as no reader needs
    the page for."""
    name, content = downloaded(
        page,
        f"""async (dark) => {{
          document.body.innerHTML = `<style>
            .pad {{ --ink: color-mix(in srgb, var(--st-text-color) 66%, transparent);
              --hue: var(--st-primary-color); --st-background-color: #fff }}
            svg {{ display: block; overflow: visible; font-family: Arial }}
            .bar {{ fill: var(--hue); stroke: color-mix(in srgb, var(--hue) 50%, transparent) }}
            text {{ fill: var(--ink); font-size: 13px }} .gone {{ display: none }}
          </style><div class="pad"></div>`;
          const draw = (host) => {{
            host.innerHTML = `<ul class="legend"><li><svg width="22" height="14"><g class="bar"
              transform="translate(11 7)"><rect x="-4" y="-4" width="8" height="8"/></g></svg>33.2
              </li></ul>
            <svg width="200" height="100" role="group" tabindex="0" onclick="alert(1)">
            <g class="bar" transform="translate(20 10)" data-title="secret"><title>7 &lt; 8</title>
              <rect width="40" height="60" rx="2"/></g>
            <path class="bar" d="M100 20H150V60" style="fill: none; stroke-width: 3px"/>
            <text x="10" y="95">가 a &amp; b</text><circle class="gone" r="50"/>
            <g hidden style="visibility: hidden"><circle cx="90" cy="50" r="9"/></g></svg>`;
            return {{ svg: host.lastElementChild, host, destroy() {{}} }};
          }};
          const root = document.querySelector(".pad");
          const colours = saves.side(root, dark);
          const figure = {{ about: {ABOUT}, chart: draw }};
          const choice = {{ width: 960, colours, title: "squared error", legend: true }};
          const made = saves.drawn(figure, choice, root);
          if (document.querySelectorAll(".pad").length > 1) throw new Error("the copy stays");
          return saves.saveDrawing(made, figure.about);
        }}""",
        dark,
    )
    assert name.endswith(".svg")
    source = content.decode()
    assert not re.search(r"var\(|color-mix|class=|onclick|secret|circle|oklab|color\(", source)
    root = ET.fromstring(content)
    assert root.tag == f"{SVG}svg" and root.get("width") == "960"
    assert root.find(f"{SVG}title").text == "squared error"
    metadata = root.find(f"{SVG}metadata")
    assert [e.text for e in metadata.iter(f"{DC}identifier")] == [RUN]
    assert [e.text for e in metadata.iter(f"{DC}source")] == ["/_stcore/health?run=x"]
    paper, ink, accent = (
        ("#12151F", "#EEF1FB", "rgb(143, 168, 255)") if dark
        else ("#fff", "#1a1a2e", "rgb(37, 99, 235)")
    )  # fmt: skip
    assert root.find(f"{SVG}rect").get("fill") == paper
    texts = {text.text: text for text in root.iter(f"{SVG}text")}
    assert set(texts) == {"squared error", "33.2", "가 a & b"}
    assert texts["squared error"].get("fill") == texts["33.2"].get("fill") == ink
    bars = [one.get("style") for one in root.iter(f"{SVG}rect") if one.get("style")]
    assert len(bars) == 2 and all(f"fill: {accent}" in style for style in bars)
    assert all(re.search(r"stroke-opacity: 0\.50?\d*", style) for style in bars)
    # Drawn by itself it shows the bar where it was drawn, in that colour.
    file = tmp_path / "drawing.html"
    file.write_text(f"<body style='margin:0'>{source}</body>", encoding="utf-8")
    alone = page.context.new_page()
    alone.set_viewport_size({"width": 960, "height": 560})
    alone.goto(file.as_uri())
    pixel = shot(alone, {"x": 0, "y": 0, "width": 960, "height": 560})
    alone.close()
    assert pixel[2, 2].tolist() == ([18, 21, 31] if dark else [255, 255, 255])
    wanted = [int(part) for part in re.findall(r"\d+", accent)]
    scale = 904 / 200
    x, y = (round(28 + 40 * scale), round(28 + 34 + 14 + 40 * scale))
    assert np.abs(pixel[y, x] - wanted).max() <= 2


def shot(page, clip):
    with Image.open(io.BytesIO(page.screenshot(clip=clip))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_decoder_is_saved_when_it_is_made(page):
    script = "(run) => saves.saveDecoder(run, 'decoder')"
    page.set_default_timeout(200_000)
    name, content = downloaded(page, script, RUN)
    assert name == f"{RUN}-decoder.onnx"
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model)
    assert {e.key: e.value for e in model.metadata_props} == {"run": RUN, "part": "decoder"}


# --- The menu -------------------------------------------------------------------------------------


@pytest.fixture
def menu(page):
    """A menu of four: the second fails, the third waits until it is let go, the fourth can't."""
    page.evaluate(
        """(text) => {
          document.body.innerHTML = `<p>above</p><div id="root"
            style="--st-background-color: white; padding-left: 250px"></div>`;
          globalThis.heard = [];
          globalThis.because = "Nothing is drawn yet.";
          document.body.addEventListener("keydown", (event) => heard.push(event.key));
          const items = [
            { label: "One", save: async () => "one.png" },
            { label: "Two", save: async () => { throw new Error("the disk is full."); } },
            { label: "Three", save: () => new Promise((go) => { globalThis.go = go; }) },
            { label: "Four", save: async () => heard.push("four"), why: () => globalThis.because },
          ];
          globalThis.menu = saves.saveMenu(document.querySelector("#root"), items, text);
        }""",
        Words("en").group("savespad"),
    )
    return page


def test_the_menu_by_keyboard(menu):
    button = menu.get_by_role("button", name="Save")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(menu.get_by_role("menu")).to_be_hidden()
    button.focus()
    menu.keyboard.press("ArrowDown")
    expect(button).to_have_attribute("aria-expanded", "true")
    entry = {
        name: menu.get_by_role("menuitem", name=name) for name in ("One", "Two", "Three", "Four")
    }
    menu.evaluate("() => heard.length = 0")
    for key, now in (
        ("ArrowDown", "Two"),
        ("ArrowDown", "Three"),
        ("ArrowDown", "Four"),
        ("ArrowDown", "One"),
        ("ArrowUp", "Four"),
        ("Home", "One"),
        ("End", "Four"),
    ):
        menu.keyboard.press(key)
        expect(entry[now]).to_be_focused()
    assert menu.evaluate("() => heard") == [], "the page moves by arrow keys as well"
    menu.keyboard.press("Escape")
    expect(menu.get_by_role("menu")).to_be_hidden()
    expect(button).to_be_focused()
    menu.keyboard.press("ArrowUp")
    expect(entry["Four"]).to_be_focused()
    menu.keyboard.press("Home")
    menu.keyboard.press("Enter")
    expect(menu.get_by_role("status")).to_have_text("Saved as one.png.")
    expect(button).to_be_focused()


def test_the_menu_by_hand(menu):
    button = menu.get_by_role("button", name="Save")
    button.click()
    shown = menu.get_by_role("menu")
    expect(shown).to_be_visible()
    box = shown.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390, "it is cut off"
    for target in (button, *menu.get_by_role("menuitem").all()):
        assert target.bounding_box()["height"] >= 40
    menu.get_by_text("above").click()
    expect(shown).to_be_hidden()
    button.click()
    menu.get_by_role("menuitem", name="Two").click()
    status = menu.get_by_role("status")
    expect(status).to_have_text("This could not be saved: the disk is full.")
    button.click()
    menu.get_by_role("menuitem", name="Three").click()
    expect(status).to_have_text("Making the file …")
    expect(button).to_have_attribute("aria-busy", "true")
    button.click(force=True)
    expect(shown).to_be_hidden()
    menu.evaluate("() => go('three.gif')")
    expect(status).to_have_text("Saved as three.gif.")
    expect(button).not_to_have_attribute("aria-busy", "true")
    menu.evaluate("() => menu.destroy()")
    expect(button).to_have_count(0)


def test_what_cannot_be_saved_yet_says_why(menu):
    menu.get_by_role("button", name="Save").click()
    entry = menu.get_by_role("menuitem", name="Four", exact=True)
    expect(entry).to_have_attribute("aria-disabled", "true")
    expect(entry).to_have_accessible_description("Nothing is drawn yet.")
    expect(entry.get_by_text("Nothing is drawn yet.")).to_be_visible()
    entry.click(force=True)
    expect(menu.get_by_role("menu")).to_be_visible()
    assert menu.evaluate("() => heard") == []
    menu.evaluate("() => { because = null; }")
    expect(entry).to_have_attribute("aria-disabled", "false")  # by itself, while the menu is open
    entry.click()
    expect(menu.get_by_role("menu")).to_be_hidden()
    assert menu.evaluate("() => heard") == ["four"]


def test_the_dialog_by_keyboard(page):
    """A dark file with legend from a light page; Escape leaves the dialog and nothing else, and the
    focus is where it was."""
    page.evaluate(
        f"""(text) => {{
          document.body.innerHTML = `<div class="pad" style="--st-background-color: white"></div>`;
          globalThis.heard = [];
          document.body.addEventListener("keydown", (event) => heard.push(event.key));
          const paint = (pen, {{ accent }}) => (pen.fillStyle = accent, pen.fillRect(0, 0, 4, 3));
          const legend = ({{ palette }}) => [{{ words: "class", glyph: "7", colour: palette[7] }}];
          const figure = () => ({{ about: {ABOUT}, width: 4, height: 3, paint, legend }});
          saves.saveMenu(document.querySelector(".pad"), [{{ label: "One", figure }}], text);
        }}""",
        Words("en").group("savespad"),
    )
    button = page.get_by_role("button", name="Save").first
    dialog = page.get_by_role("dialog")
    for key in ("Escape", "Enter"):
        button.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("button", name="Save")).to_be_focused()
        page.evaluate("() => heard.length = 0")
        if key == "Enter":
            expect(dialog.get_by_role("textbox", name="Title")).to_have_value("Title <&> 가")
            chromium.choose(page.locator(".saves"), title="A\u00a0title", side="dark", width="480")
            assert dialog.get_by_role("checkbox").is_checked()
            expect(dialog.get_by_role("img", name="Preview: A\u00a0title")).to_be_visible()
            expect(dialog).to_contain_text("480 × 4")
            dialog.get_by_role("button", name="Save").focus()
            with page.expect_download() as download:
                page.keyboard.press(key)
        else:
            page.keyboard.press("ArrowDown")
            page.keyboard.press(key)
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()
        assert set(page.evaluate("() => heard")) <= {"Escape"} - {key}, "the page hears its keys"
    with Image.open(download.value.path()) as image:
        assert image.text["Title"] == "A\u00a0title" and image.text["Run"] == RUN
        picture = np.asarray(image.convert("RGB")).astype(int)
    assert picture.shape[1] == 480 and picture[2, 2].tolist() == [18, 21, 31]
    inner = 480 - 2 * 14
    head = next(y for y in range(len(picture)) if picture[y, 240].tolist() == [143, 168, 255])
    assert np.abs(picture[14 : head - 3] - [18, 21, 31]).max() > 200, "a title stands above"
    tall = round(inner * 3 / 4)
    assert (picture[head + 2 : head + tall - 2, 20:460] == [143, 168, 255]).all()
    below = picture[head + tall + 2 :].reshape(-1, 3)
    assert (np.abs(below - [255, 143, 171]).max(1) < 12).any(), "the class in its colour for dark"


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_cannot_be_saved_is_one_sentence(page, code):
    page.evaluate(
        f"""(text) => {{
          const bad = {{ width: 5000, height: 1, pixels: new Uint8Array(5000) }};
          const root = document.body.appendChild(document.createElement("div"));
          saves.saveMenu(root, [{{ label: "PNG", save: () => saves.savePicture(bad, {ABOUT}) }},
            {{ label: "ONNX", save: () => saves.saveDecoder("vae-k2-0123456789", "decoder") }}],
            text);
        }}""",
        Words(code).group("savespad"),
    )
    words = Words(code)
    button = page.get_by_role("button", name=words("savespad.save"))
    for item, reason in (
        ("PNG", "width must be 1 to 4096 pixels; got '5000'."),
        ("ONNX", "There is no run 'vae-k2-0123456789'."),
    ):
        button.click()
        page.get_by_role("menuitem", name=item).click()
        expected = words("savespad.save_failed", error=reason)
        expect(page.get_by_role("status")).to_have_text(expected)
    page.evaluate("(code) => history.replaceState(null, '', `?lang=${code}`)", code)
    none = words.refusal(Refusal("There is no run {run!r}.", run="vae-k2-0123456789"))
    button.click()
    page.get_by_role("menuitem", name="ONNX").click()
    expected = words("savespad.save_failed", error=none)
    expect(page.get_by_role("status")).to_have_text(expected)
    page.route("**/save/png*", lambda route: route.abort())
    button.click()
    page.get_by_role("menuitem", name="PNG").click()
    expect(page.get_by_role("status")).to_have_text(words("savespad.save_unreached"))


# --- The classifier -------------------------------------------------------------------------------


def test_the_classifier_answers_in_the_browser_as_it_does_in_torch(page):
    digits = data.load("mnist-5k", "all").x[:40]
    noise = np.random.default_rng(0).random((10, 1, 28, 28), np.float32)
    images = np.concatenate([digits / np.float32(255), noise, 0.5 * digits[:10] / np.float32(255)])
    spec = assets.classifier_spec()
    assert {"weights", "program", "threshold", "accuracy", "share_real"} <= set(spec)
    answers = page.evaluate(
        """async ({ spec, images }) => {
          const { Network, readTensors, fetchBytes } = engine;
          const { layers, shape } = spec.program;
          const network = new Network(layers, readTensors(await fetchBytes(spec.weights)), shape);
          return images.map((image) => {
            const logits = Array.from(network.run(Float32Array.from(image)));
            const most = Math.max(...logits);
            const each = logits.map((v) => Math.exp(v - most));
            const sum = each.reduce((a, b) => a + b, 0);
            return each.map((v) => v / sum);
          });
        }""",
        {"spec": spec, "images": images.reshape(len(images), -1).tolist()},
    )
    expected = classifier.load().probabilities(images.astype(np.float32))
    np.testing.assert_allclose(answers, expected, atol=1e-3)
    assert (expected[:40].max(1) >= spec["threshold"]).mean() > 0.9


def test_another_classifier_s_address_is_refused(page, app):
    address = assets.classifier_spec()["weights"]
    found = page.request.get(app.url.split("/_")[0] + address)
    assert found.status == 200 and "immutable" in found.headers["cache-control"]
    wrong = page.request.get(app.url + address[:-16] + "0" * 16)
    assert wrong.status == 404
    assert wrong.text() == "The classifier has changed; load the page again."
