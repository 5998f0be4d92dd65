"""parts/downloads.js in a real browser: what is downloaded, the menu, and failures."""

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

RUN = "pca-k2-6bbd6e9dc7"
DC = "{http://purl.org/dc/elements/1.1/}"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def page(browser, app):
    """A bare page of the app's own origin that has parts/downloads.js as `saves`."""
    context = browser.new_context(viewport={"width": 390, "height": 600}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(1000 * chromium.PATIENCE)
    page.goto(f"{app.url}/_stcore/health?run=x")
    page.evaluate(
        """async ([saves, engine, css]) => {
          globalThis.saves = await import(saves);
          const modules = await Promise.all(engine.map((one) => import(one)));
          globalThis.engine = Object.assign({}, ...modules);
          document.body.innerHTML = "";
          document.head.appendChild(document.createElement("style")).textContent = css;
        }""",
        [
            assets.module("parts/downloads.js"),
            [assets.module(f"engine/{one}.js") for one in ("fetching", "network", "safetensors")],
            (assets.PAD / "parts" / "downloads.css").read_text(encoding="utf-8"),
        ],
    )
    yield page
    context.close()


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


def test_a_film_is_saved_frame_by_frame(page):
    script = f"""() => saves.saveSequence([3, 90, 250].map((v) => (
      {{ width: 8, height: 4, pixels: new Uint8Array(32).fill(v) }})), 120, {ABOUT})"""
    name, content = downloaded(page, script)
    assert name.endswith(".gif")
    with Image.open(io.BytesIO(content)) as image:
        assert f"Run: {RUN}" in image.info["comment"].decode()
        values = []
        for n in range(image.n_frames):
            image.seek(n)
            values.append((np.unique(image.convert("L")).tolist(), image.info["duration"]))
    assert values == [([3], 120), ([90], 120), ([250], 120)]


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
def test_a_drawing_looks_the_same_outside_the_page(page, dark, tmp_path):
    name, content = downloaded(
        page,
        f"""(dark) => {{
          document.body.innerHTML = `<div class="host"><style>
            .host {{ --st-background-color: ${{dark ? "#101418" : "#fefefe"}};
              --ink: ${{dark ? "#e0e0ff" : "#202040"}}; --hue: #2563eb;
              background: var(--st-background-color); width: 200px; margin: 0 }}
            .host svg {{ display: block; overflow: visible; font-family: monospace }}
            .bar {{ fill: var(--hue); stroke: color-mix(in srgb, var(--hue) 50%, transparent) }}
            text {{ fill: color-mix(in srgb, var(--ink) 66%, transparent); font-size: 13px }}
            .gone {{ display: none }}
          </style><svg width="200" height="100" role="group" tabindex="0" onclick="alert(1)">
            <g class="bar" transform="translate(20 10)" data-title="secret"><title>7 &lt; 8</title>
              <rect width="40" height="60" rx="2"/></g>
            <path class="bar" d="M100 20H150V60" style="fill: none; stroke-width: 3px"/>
            <text x="10" y="95">가 a &amp; b</text><circle class="gone" r="50"/>
            <g hidden style="visibility: hidden"><circle cx="90" cy="50" r="9"/></g></svg></div>`;
          globalThis.shown = document.querySelector(".host");
          return saves.saveDrawing(document.querySelector("svg"), {ABOUT});
        }}""",
        dark,
    )
    assert name.endswith(".svg")
    source = content.decode()
    assert not re.search(r"var\(|color-mix|class=|onclick|secret|circle|oklab|color\(", source)
    root = ET.fromstring(content)
    assert root.tag == f"{SVG}svg" and root.get("viewBox") == "0 0 200 100"
    assert root.find(f"{SVG}title").text == "Title <&> 가"
    metadata = root.find(f"{SVG}metadata")
    assert [e.text for e in metadata.iter(f"{DC}identifier")] == [RUN]
    assert [e.text for e in metadata.iter(f"{DC}source")] == ["/_stcore/health?run=x"]
    rect = root.find(f"{SVG}g/{SVG}rect")
    assert "fill: rgb(37, 99, 235)" in rect.get("style")
    assert re.search(r"stroke-opacity: 0\.50?\d*", rect.get("style"))
    assert root.find(f"{SVG}text").text == "가 a & b"
    assert root.find(f"{SVG}g/{SVG}title").text == "7 < 8"
    # Drawn by itself it has the pixels that it had on the page.
    box = page.locator(".host").bounding_box()
    clip = {k: round(v) for k, v in (box | {"width": 200, "height": 100}).items()}
    on_page = shot(page, clip)
    file = tmp_path / "drawing.html"
    file.write_text(f"<body style='margin:0'>{source}</body>", encoding="utf-8")
    alone = page.context.new_page()
    alone.set_viewport_size(page.viewport_size)
    alone.goto(file.as_uri())
    difference = np.abs(on_page - shot(alone, {"x": 0, "y": 0, "width": 200, "height": 100}))
    assert on_page.std() > 20 and difference.mean() < 1.5


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
    """A menu of three, of which the second fails and the third waits until it is let go."""
    page.evaluate(
        """(text) => {
          document.body.innerHTML = `<p>above</p><div id="root"
            style="--st-background-color: white; padding-left: 250px"></div>`;
          globalThis.heard = [];
          document.body.addEventListener("keydown", (event) => heard.push(event.key));
          const items = [
            { label: "One", save: async () => "one.png" },
            { label: "Two", save: async () => { throw new Error("the disk is full."); } },
            { label: "Three", save: () => new Promise((go) => { globalThis.go = go; }) },
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
    entry = {name: menu.get_by_role("menuitem", name=name) for name in ("One", "Two", "Three")}
    menu.evaluate("() => heard.length = 0")
    for key, now in (
        ("ArrowDown", "Two"),
        ("ArrowDown", "Three"),
        ("ArrowDown", "One"),
        ("ArrowUp", "Three"),
        ("Home", "One"),
        ("End", "Three"),
    ):
        menu.keyboard.press(key)
        expect(entry[now]).to_be_focused()
    assert menu.evaluate("() => heard") == [], "the page moves by arrow keys as well"
    menu.keyboard.press("Escape")
    expect(menu.get_by_role("menu")).to_be_hidden()
    expect(button).to_be_focused()
    menu.keyboard.press("ArrowUp")
    expect(entry["Three"]).to_be_focused()
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
