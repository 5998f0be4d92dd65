"""The page PCA vs AE in a real browser: several models under one pointer, and what stands below."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from scipy.linalg import subspace_angles

from core import data
from core.config import TrainConfig
from core.latent import coding
from core.models import variant
from core.store import checkpoints, loading, own_runs
from core.store.schema import WIDE
from core.training import loop, runner
from explorer import assets, resources
from explorer.language import Words
from explorer.views import frame
from tests import browser as chromium
from tests.browser import DESKTOP, PATIENCE, PHONE, Visit

pytestmark = pytest.mark.browser

PAGE = "pca_vs_ae"
FIVE = ("pca", "linear_ae", "stacked_ae", "denoising_ae", "vae")
DIGIT = 1234
ONE_STEP = 1.2 / 255
WORDS = Words("en")


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist-5k", "all")


@pytest.fixture(scope="module")
def images(held_out):
    return held_out.x.reshape(5000, 784) / 255


@pytest.fixture(scope="module")
def trivial(images):
    """Squared error of the mean digit on each digit: (count,)."""
    return ((images - images.mean(0)) ** 2).sum(1)


@pytest.fixture(scope="module")
def five(shipped):
    """The runs that the page opens with, K = 2, in their order."""
    found = {}
    for run in shipped.values():
        if run.record.latent == 2 and frame.network_of(run) == "mlp":
            found.setdefault(run.record.variant, run)
    return [found[name] for name in FIVE]


@pytest.fixture(scope="module")
def models(five):
    return [loading.load_model(run) for run in five]


def arrays_of(run) -> dict[str, np.ndarray]:
    return checkpoints.read_tensors(run, checkpoints.CODES)


def points_of(five, i: int) -> np.ndarray:
    """Places (count, 2) of the digits on map i, laid over the first one."""
    points = resources.map_points(five[i])
    if i == 0:
        return points
    found = resources.alignment(five[i], five[0])
    rotation = np.array(found["rotation"]).reshape(2, 2)
    return found["scale"] * points @ rotation + found["shift"]


def within(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Whether each point (count, 2) lies in a closed path, by the angle that the path turns
    around it: ±2π inside, 0 outside."""
    spokes = polygon[None] - points[:, None]
    angles = np.arctan2(spokes[..., 1], spokes[..., 0])
    turns = np.diff(np.concatenate([angles, angles[:, :1]], 1), axis=1)
    return np.abs(((turns + np.pi) % (2 * np.pi) - np.pi).sum(1)) > np.pi


class Bench:
    """The pad of one visit."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.page = visit.page
        expect(self.root).to_have_count(1, timeout=1000 * PATIENCE)

    @property
    def root(self):
        return self.page.locator('.pad.compare[aria-busy="false"]')

    def part(self, name: str):
        return self.page.locator(f'.pad.compare [data-part="{name}"]')

    def output(self, i: int):
        return self.part(f"output-{i}")

    def map(self, i: int):
        return self.part(f"map-{i}").locator("canvas[tabindex='0']")

    @property
    def count(self) -> int:
        return self.page.locator(".pad.compare .answer").count()

    def labels(self) -> list[str]:
        return [self.output(i).get_attribute("aria-label") for i in range(self.count)]

    def error(self, i: int) -> float:
        return float(self.part(f"score-{i}").locator("b").inner_text())

    def press(self, name: str) -> None:
        """Press `mode-digit`, `mode-place`, `tool-move` or `tool-select`."""
        kind, value = name.split("-")
        self.page.locator(f'.pad button[data-{kind}="{value}"]').click()

    def at(self, i: int, x: float, y: float) -> tuple[float, float]:
        box = self.map(i).bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def pad(self, expression: str):
        """A value of the pad itself."""
        return chromium.told(
            self.root, f"e => {{ const pad = e.getRootNode().latentPad; return {expression}; }}"
        )

    def masks(self) -> list[np.ndarray]:
        """What each map brings out."""
        found = self.pad("pad.models.map(({ map }) => map.mask && Array.from(map.mask))")
        return [np.array(mask, bool) for mask in found]

    def wait_for_images(self) -> None:
        self.part("score-0").locator("b").wait_for()

    def wait_for_extremes(self) -> None:
        self.wait_for_images()
        button = self.page.locator(".pad.compare .extremes button[data-index]")
        expect(button).to_have_count(12 * self.count, timeout=1000 * PATIENCE)

    def drag(self, i: int, path: list[tuple[float, float]]) -> list[list[str]]:
        """Press and move; all labels after the press and after each move."""
        mouse = self.page.mouse
        mouse.move(*self.at(i, *path[0]))
        mouse.down()
        seen = [self.labels()]
        for place in path[1:]:
            mouse.move(*self.at(i, *place))
            self.visit.wait_for_change(seen[-1][0], self.output(0))
            seen.append(self.labels())
        return seen

    def stroke(self, i: int, path: list[tuple[float, float]]) -> None:
        mouse = self.page.mouse
        mouse.move(*self.at(i, *path[0]))
        mouse.down()
        for place in path[1:]:
            mouse.move(*self.at(i, *place))
        mouse.up()

    def selection(self) -> tuple[int, np.ndarray]:
        """Map and path of the address bar's selection."""
        index, *numbers = map(float, self.visit.link["sel"].split(","))
        if len(numbers) == 4:
            a, b, c, d = numbers
            numbers = [a, b, c, b, c, d, a, d]
        return int(index), np.array(numbers).reshape(-1, 2)


@pytest.fixture
def bench(visit):
    def go(options=None, **link) -> Bench:
        found = Bench(visit(page=PAGE, language=None, options=options, **link))
        if link.get("mode") != "place":
            found.wait_for_images()
        return found

    return go


@pytest.fixture(scope="module")
def still(tabs, app):
    """One visit that several tests only look at."""
    opened = Visit.open(tabs.take(DESKTOP), app.link(PAGE, digit=DIGIT), None)
    found = Bench(opened)
    found.wait_for_extremes()
    yield found
    opened.leave()
    tabs.give_back(opened.page, DESKTOP)


@pytest.fixture(scope="module")
def moved(tabs, app):
    """One visit that several tests go on with: by digits, nothing selected, nothing sent yet."""
    opened = Visit.open(tabs.take(DESKTOP), app.link(PAGE, digit=DIGIT), None)
    found = Bench(opened)
    found.wait_for_extremes()

    def go() -> Bench:
        found.page.mouse.up()
        found.page.mouse.move(0, 0)
        found.press("mode-digit")
        opened.wait_for_link("at", None)
        found.press("tool-select")
        for i in range(found.count):
            found.map(i).focus()
            found.page.keyboard.press("Escape")
        opened.wait_for_link("sel", None)
        found.press("tool-move")
        found.page.locator(".stMain").evaluate("main => main.scrollTo(0, 0)")
        opened.console.clear()
        opened.frames.clear()
        return found

    yield go
    opened.leave()
    tabs.give_back(opened.page, DESKTOP)


def assert_decodes(bench: Bench, models, codes) -> None:
    for i, (model, code) in enumerate(zip(models, codes, strict=True)):
        expected = coding.decode(model, np.asarray(code, np.float32)[None]).reshape(-1).clip(0, 1)
        np.testing.assert_allclose(
            bench.visit.pixels(bench.output(i)), expected, rtol=0, atol=1e-3 + ONE_STEP
        )


def codes_of(five, index: int) -> list[np.ndarray]:
    return [arrays_of(run)["codes"][index].astype(np.float32) for run in five]


# --- Under one pointer --------------------------------------------------------------------------


def test_all_models_decode_the_linked_digit_on_one_error_scale(
    still, app, five, models, images, held_out, trivial
):
    names = [WORDS(f"variant.{name}.title") for name in FIVE]
    assert still.visit.link["models"] == ",".join(FIVE)
    for i, (name, label) in enumerate(zip(names, still.labels(), strict=True)):
        assert label.startswith(f"decoded digit by {name}, z = (")
        assert still.map(i).get_attribute("aria-label") == f"latent map, {name}"
    assert_decodes(still, models, codes_of(five, DIGIT))
    np.testing.assert_allclose(still.visit.pixels(still.part("real")), images[DIGIT], atol=ONE_STEP)
    assert still.part("real").get_attribute("aria-label") == (
        f"Real digit: {held_out.labels[DIGIT]}"
    )
    assert float(still.part("trivial").locator("b").inner_text()) == pytest.approx(
        trivial[DIGIT], abs=0.06
    )
    errors = []
    for code, model in zip(codes_of(five, DIGIT), models, strict=True):
        x_hat = coding.decode(model, code[None]).ravel()
        errors.append(((x_hat - images[DIGIT]) ** 2).sum())
    for i, error in enumerate(errors):
        assert still.error(i) == pytest.approx(error, abs=0.06)
        bar, track, mark = (
            still.page.locator(f'.answer:has([data-part="output-{i}"]) .bar{inner}').evaluate(
                "e => { const box = e.getBoundingClientRect(); return [box.left, box.width]; }"
            )
            for inner in (" i", "", " u")
        )
        assert bar[1] / track[1] == pytest.approx(error / trivial[DIGIT], abs=0.01)
        assert (mark[0] + 1 - track[0]) / track[1] == pytest.approx(
            errors[0] / trivial[DIGIT], abs=0.01
        ), "PCA's error is marked on every bar"
    assert len({round(float(error), 2) for error in errors}) == len(errors)
    assert still.visit.hosts == {app.url.removeprefix("http://")}
    assert still.visit.errors == []


def test_digits_and_maps_stand_in_columns_on_the_first_screen(still):
    outputs = [still.output(i).bounding_box() for i in range(5)]
    maps = [still.map(i).bounding_box() for i in range(5)]
    assert still.part("real").bounding_box()["x"] < outputs[0]["x"]
    for output, chart in zip(outputs, maps, strict=True):
        assert output["x"] == pytest.approx(chart["x"], abs=3)
        assert output["y"] + output["height"] < chart["y"]
        assert chart["y"] + chart["height"] < DESKTOP["viewport"]["height"]
    assert [box["x"] for box in maps] == sorted(box["x"] for box in maps)


def test_one_pointer_moves_all_digits_without_the_server_and_the_link_keeps_them(
    moved, five, models, held_out
):
    all_ = moved()
    before = len(all_.visit.frames)
    seen = all_.drag(2, [(0.35, 0.5), (0.45, 0.45), (0.55, 0.42), (0.65, 0.55)])
    for column in zip(*seen, strict=True):
        assert len(set(column)) == len(seen), "every model moves at every move"
    assert len(all_.visit.frames) == before, "a message left for the server during the drag"
    all_.page.mouse.up()
    all_.visit.wait_for_link("digit")
    index = int(all_.visit.link["digit"])
    assert_decodes(all_, models, codes_of(five, index))
    assert all_.part("real").get_attribute("aria-label") == f"Real digit: {held_out.labels[index]}"

    kept = all_.labels()
    all_.page.mouse.move(*all_.at(4, 0.4, 0.3))
    all_.visit.wait_for_change(kept[0], all_.output(0))
    all_.page.mouse.move(5, 5)
    assert all_.labels() == kept, "leaving the map restores the pinned digit"
    assert len(all_.visit.frames) == before
    assert len(all_.pad("pad.timings")) >= 5

    worst_is_shown_by_all(all_, five, models)
    assert all_.visit.errors == []


def test_the_same_place_is_decoded_exactly_by_all(moved, bench, five, models):
    all_ = moved()
    all_.press("mode-place")
    all_.visit.wait_for_link("mode", "place")
    all_.drag(3, [(0.45, 0.45), (0.5, 0.55)])
    all_.page.mouse.up()
    all_.visit.wait_for_link("at")
    at = np.array([float(part) for part in all_.visit.link["at"].split(",")])
    codes = [at]
    for run in five[1:]:
        alignment = resources.alignment(run, five[0])
        rotation = np.array(alignment["rotation"]).reshape(2, 2)
        codes.append(((at - alignment["shift"]) / alignment["scale"]) @ rotation.T)
    assert_decodes(all_, models, codes)
    for i in range(5):
        assert all_.part(f"score-{i}").locator("b").count() == 0, "no real digit, so no error"

    again = bench(**all_.visit.link)
    assert again.labels() == all_.labels()

    for i in (0, 4):
        all_.map(i).focus()
        for key in ("ArrowRight", "ArrowUp", "Shift+ArrowLeft", "ArrowDown"):
            before = all_.labels()
            all_.page.keyboard.press(key)
            assert all(a != b for a, b in zip(all_.labels(), before, strict=True)), (i, key)
    all_.press("mode-digit")
    all_.visit.wait_for_link("at", None)
    all_.wait_for_images()
    assert all_.visit.errors == []


# --- Linked selection ---------------------------------------------------------------------------


def assert_selected(bench: Bench, five, held_out, trivial) -> np.ndarray:
    """The address bar's path selects on every map, and in the table, what lies within it."""
    i, polygon = bench.selection()
    expected = within(points_of(five, i), polygon)
    assert 0 < expected.sum() < 5000
    for mask in bench.masks():
        # a digit whose place is rounded to float32 may lie on the very line
        assert (mask != expected).sum() <= 1
    mask = bench.masks()[0]
    count = int(mask.sum())
    title = bench.part("selection").locator("h2").inner_text()
    name = WORDS(f"variant.{FIVE[i]}.title")
    assert title == f"Selected on the map of {name}: {count:,} of 5,000 digits ({count / 50:.1f}%)"
    shares = bench.page.locator(".classes tbody tr").first.locator("td").all_inner_texts()
    for label, share in enumerate(shares):
        here = 100 * (held_out.labels[mask] == label).mean()
        assert float(share.rstrip("%")) == pytest.approx(here, abs=0.51)
    rows = bench.page.locator(".selection .errors tbody tr").all()
    errors = [trivial, *(arrays_of(run)["squared_error"].astype(np.float64) for run in five)]
    for row, error in zip(rows, errors, strict=True):
        here, everywhere = (float(text) for text in row.locator("td").all_inner_texts())
        assert here == pytest.approx(error[mask].mean(), abs=0.051)
        assert everywhere == pytest.approx(error.mean(), abs=0.051)
    return mask


def test_a_box_or_a_lasso_on_one_map_selects_on_all_and_the_link_keeps_it(
    moved, bench, five, held_out, trivial
):
    all_ = moved()
    all_.drag(2, [(0.35, 0.5), (0.45, 0.45)])
    all_.page.mouse.up()
    all_.visit.wait("() => new URLSearchParams(location.search).get('digit') !== null")
    all_.page.mouse.move(5, 5)
    frames = len(all_.visit.frames)
    kept = all_.labels()
    all_.press("tool-select")
    all_.stroke(2, [(0.3, 0.65), (0.4, 0.55), (0.5, 0.45)])
    all_.visit.wait_for_link("sel")
    assert len(all_.visit.link["sel"].split(",")) == 5, "straight across is a box"
    box = assert_selected(all_, five, held_out, trivial)

    around = [(0.5 + 0.2 * np.cos(t), 0.5 + 0.2 * np.sin(t)) for t in np.linspace(0, 6, 40)]
    all_.stroke(0, around)
    all_.visit.wait("() => new URLSearchParams(location.search).get('sel')?.startsWith('0,')")
    assert 6 < len(all_.visit.link["sel"].split(",")) <= 81
    lasso = assert_selected(all_, five, held_out, trivial)
    assert (lasso != box).any()
    assert all_.pad("pad.models.map(({ lasso }) => lasso.polygon !== null)") == [True] + 4 * [False]
    assert len(all_.visit.frames) == frames, "a message left for the server"
    all_.page.mouse.move(5, 5)
    assert all_.labels() == kept, "to select moves no point"

    link = all_.visit.link
    again = bench(**link)
    again.wait_for_extremes()
    assert again.visit.link == link
    assert again.labels() == kept, "the digit that the hand found"
    np.testing.assert_array_equal(assert_selected(again, five, held_out, trivial), lasso)

    again.page.get_by_role("button", name=WORDS("compare.clear"), exact=True).click()
    again.visit.wait_for_link("sel", None)
    assert again.pad("pad.models.every(({ map }) => !map.mask && !map.path)")
    expect(again.part("selection")).to_be_hidden()

    all_.stroke(0, [(0.1, 0.1), (0.1, 0.1)])
    all_.visit.wait_for_link("sel", None)
    keyboard_selects(all_, five, held_out, trivial)
    assert again.visit.errors == all_.visit.errors == []


def test_highlighted_digits_stand_out_by_size_and_the_others_fade(bench):
    all_ = bench(models="pca,vae", sel="0,-2,-2,0,0")

    def ink(polygon):
        """Mean darkness of map 1 around the selected and the other digits."""
        return all_.pad(f"""(() => {{
          const {{ map }} = pad.models[1];
          const {{ width, height }} = map.base;
          const mask = pad.models[0].map.mask;
          map.select({polygon});
          const {{ data }} = map.base.getContext("2d").getImageData(0, 0, width, height);
          const sums = [[0, 0], [0, 0]];
          for (let i = 0; i < mask.length; i++) {{
            const {{ screen }} = map.paper;
            const x = Math.round(screen[2 * i]), y = Math.round(screen[2 * i + 1]);
            if (x < 4 || y < 4 || x >= width - 4 || y >= height - 4) continue;
            for (const [dx, dy] of [[-3, -3], [3, -3], [-3, 3], [3, 3], [0, 0]]) {{
              const at = 4 * ((y + dy) * width + x + dx);
              sums[mask[i]][0] += 765 - data[at] - data[at + 1] - data[at + 2];
              sums[mask[i]][1] += 1;
            }}
          }}
          return sums.map(([sum, count]) => sum / count);
        }})()""")

    plain_others, plain_chosen = ink("null")
    others, chosen = ink("pad.models[0].map.mask")
    assert chosen > 1.1 * plain_chosen
    assert others < 0.8 * plain_others


def keyboard_selects(all_: Bench, five, held_out, trivial) -> None:
    """A box; and Escape clears it."""
    chart = all_.map(4)
    assert chart.get_attribute("aria-description") == WORDS("compare.tool_select_keys")
    chart.focus()
    kept = all_.labels()
    sizes = []
    for key in ("Shift+ArrowUp", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowUp"):
        all_.page.keyboard.press(key)
        sizes.append(int(all_.masks()[0].sum()))
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0] > 0
    held = int(all_.visit.link["digit"])
    assert all_.masks()[0][held], "the box begins at the point in hand"
    all_.page.wait_for_timeout(700)  # longer than the address waits after a key
    all_.visit.wait_for_link("sel")
    before = assert_selected(all_, five, held_out, trivial)
    first = all_.visit.link["sel"]
    all_.page.keyboard.press("ArrowLeft")
    all_.visit.wait("before => new URLSearchParams(location.search).get('sel') !== before", first)
    assert (assert_selected(all_, five, held_out, trivial) != before).any()
    all_.page.keyboard.press("Shift+ArrowDown")
    assert all_.labels() == kept, "the keys moved the box and not the point"
    all_.page.keyboard.press("Escape")
    all_.visit.wait_for_link("sel", None)
    all_.page.keyboard.press("ArrowRight")
    all_.visit.wait_for_change(kept[4], all_.output(4))
    all_.press("tool-move")
    assert chart.get_attribute("aria-description") is None


def test_points_in_a_path_and_its_text(still):
    generator = np.random.default_rng(0)
    points = generator.uniform(-1, 1, (400, 2)).astype(np.float32)
    angles = np.sort(generator.uniform(0, 2 * np.pi, 17))
    star = np.stack([np.cos(angles), np.sin(angles)], 1) * generator.uniform(0.2, 1, (17, 1))
    script = """async ([url, points, polygon]) => {
      const lasso = await import(url);
      const text = lasso.toText(polygon);
      return {
        inside: Array.from(lasso.inside(new Float32Array(points), polygon)),
        none: Array.from(lasso.inside(new Float32Array(points), null)),
        text, back: lasso.fromText(text),
        box: lasso.toText(lasso.fromText("-1,2,3,-4")),
        bad: ["", "1,2", "1,2,3", "a,b,c,d", "1,2,3,4,5", "1,2,3,4,5,99999", "1,,2,3",
          Array(82).fill(1).join(), null].map(lasso.fromText),
      };
    }"""
    url = assets.module("engine/polygon.js")
    found = still.page.evaluate(script, [url, points.ravel().tolist(), star.tolist()])
    np.testing.assert_array_equal(np.array(found["inside"], bool), within(points, star))
    assert not any(found["none"])
    np.testing.assert_allclose(found["back"], star, rtol=5e-4)
    assert found["box"] == "-1,2,3,-4"
    assert found["bad"] == [None] * 9


# --- Below the maps -----------------------------------------------------------------------------


def test_principal_angles_against_scipy_beside_random_ones(still, five):
    columns = [
        checkpoints.read_weights(run)["decoder.0.weight"].astype(np.float64) for run in five[:2]
    ]
    angles = np.degrees(np.sort(subspace_angles(*columns)))
    titles = (
        still.part("angles")
        .locator(".point")
        .evaluate_all("points => points.map(point => point.dataset.title)")
    )
    values = [float(re.search(r": ([\d.]+)°", title)[1]) for title in titles]
    assert len(values) == 4
    np.testing.assert_allclose(values[:2], angles, atol=0.006)
    generator = np.random.default_rng(1)
    draws = [subspace_angles(*generator.standard_normal((2, 784, 2))) for _ in range(200)]
    np.testing.assert_allclose(values[2:], np.degrees(np.sort(draws).mean(0)), atol=0.5)
    told = still.part("angles").locator(".found").inner_text()
    assert f"the largest angle is {values[1]:.2f}°" in told and f"{values[3]:.1f}°" in told


def test_best_and_worst_digits_are_those_of_the_codes(still, five, models, images, trivial):
    for i, run in enumerate(five):
        error = arrays_of(run)["squared_error"].astype(np.float64)
        order = np.lexsort((np.arange(5000), error))
        row = still.page.locator(".extremes .one").nth(i)
        for end, expected in (("best", order[:6]), ("worst", order[:-7:-1])):
            buttons = row.locator(f".{end} button")
            shown = buttons.evaluate_all("all => all.map(one => Number(one.dataset.index))")
            assert shown == expected.tolist()
            told = [float(text) for text in buttons.locator("span").all_inner_texts()]
            np.testing.assert_allclose(told, error[expected], atol=0.051)
        note = row.locator("small").inner_text()
        assert f"{error.mean():.1f}" in note and f"{trivial.mean():.1f}" in note
        first = row.locator(".worst button").first
        index = int(order[-1])
        real, answer = first.locator("canvas").all()
        expect(answer).to_have_attribute("width", "28")
        np.testing.assert_allclose(still.visit.pixels(real), images[index], atol=ONE_STEP)
        code = arrays_of(run)["codes"][index].astype(np.float32)
        expected = coding.decode(models[i], code[None]).ravel().clip(0, 1)
        np.testing.assert_allclose(
            still.visit.pixels(answer), expected, rtol=0, atol=1e-3 + ONE_STEP
        )


def worst_is_shown_by_all(all_: Bench, five, models) -> None:
    """At a press or a key."""
    row = all_.page.locator(".extremes .one").nth(1)
    button = row.locator(".worst button").first
    index = int(button.get_attribute("data-index"))
    button.click()
    all_.visit.wait_for_link("digit", str(index))
    assert_decodes(all_, models, codes_of(five, index))
    assert button.get_attribute("aria-pressed") == "true"
    answers = all_.page.locator(".answers").bounding_box()
    assert 0 < answers["y"] < 120, "the digits stay in sight above what was pressed"

    first = row.locator(".best button").first
    assert first.get_attribute("tabindex") == "0"
    first.focus()
    all_.page.keyboard.press("ArrowRight")
    second = row.locator(".best button").nth(1)
    expect(second).to_be_focused()
    all_.page.keyboard.press("Enter")
    index = int(second.get_attribute("data-index"))
    all_.visit.wait_for_link("digit", str(index))
    assert_decodes(all_, models, codes_of(five, index))


def test_a_shifted_digit_is_what_each_network_makes_of_it(still, models, images):
    section = still.page.locator(".compare .shifted")
    section.scroll_into_view_if_needed()
    section.locator("svg").first.wait_for()  # the errors at all shifts
    slider = section.locator("input")
    slider.fill("-4")
    index = still.page.locator(".pad.compare").evaluate(
        "(pad) => pad.getRootNode().latentPad.digit"
    )
    image = np.zeros((28, 28), np.float32)
    image[:, :-4] = images[index].reshape(28, 28)[:, 4:]
    told = [float(text) for text in section.locator("figcaption b").all_inner_texts()[1:]]
    for model, error in zip(models, told, strict=True):
        answer = coding.reconstruct(model, image[None, None]).ravel()
        assert error == pytest.approx(((answer - image.ravel()) ** 2).sum(), abs=0.06)


def test_weights_as_pictures_equal_the_weights(still, five):
    for i, run in enumerate(five):
        tensors = checkpoints.read_weights(run)
        if i < 2:
            rows = tensors["decoder.0.weight"].astype(np.float64).T
            names = ["z1", "z2"]
        else:
            weights = tensors["encoder.1.weight"].astype(np.float64)
            order = np.argsort(-(weights**2).sum(1), kind="stable")[:16]
            rows, names = weights[order], [str(unit + 1) for unit in order]
        most = np.abs(rows).max()
        block = still.page.locator(".filters .one").nth(i)
        assert block.locator("figcaption").all_inner_texts() == names
        assert f"+{float(f'{most:.2g}'):g}" in block.locator(".scale").inner_text()
        for k in (0, len(rows) - 1):
            pixels = np.array(
                chromium.told(
                    block.locator("figure canvas").nth(k),
                    """canvas => canvas.getContext("2d")
                      .getImageData(0, 0, canvas.width, canvas.height).data""",
                )
            ).reshape(84, 84, 4)
            shares = rows[k].reshape(28, 28) / most
            above, below = np.array([10, 60, 150]), np.array([200, 80, 0])
            ink = np.where(shares[..., None] < 0, below, above)
            expected = 255 + np.abs(shares)[..., None] * (ink - 255)
            np.testing.assert_allclose(pixels[::3, ::3, :3], expected, atol=1)
            centres = pixels[1::3, 1::3, :3]
            assert (centres[shares < 0] == 255).all(), "a negative weight has a hole"
            np.testing.assert_allclose(centres[shares >= 0], expected[shares >= 0], atol=1)


def test_the_curve_holds_every_shipped_k_and_the_trivial_score(still, shipped, trivial):
    titles = (
        still.part("curve")
        .locator(".point")
        .evaluate_all("points => points.map(point => point.dataset.title)")
    )
    for run in shipped.values():
        scores = run.record.metrics.get("mnist-5k/all")
        if scores is None or frame.network_of(run) == "conv":
            continue
        name, k = WORDS(f"variant.{run.record.variant}.title"), run.record.width
        told = [title for title in titles if title.startswith(f"{name}, K = {k}:")]
        beyond = k > WIDE or (name == "PCA" and k == 64)
        assert len(told) == (0 if beyond else 1), (name, k)
    pca = next(run for run in shipped.values() if run.id.startswith("pca-k16"))
    error = pca.record.metrics["mnist-5k/all"]["squared_error"]
    assert f"PCA, K = 16: {error:.1f} per image" in titles
    legend = still.part("curve").locator(".legend").inner_text()
    assert f"the mean digit, {trivial.mean():.1f}" in legend


# --- What is chosen -----------------------------------------------------------------------------


def test_nonsense_in_the_link_gets_one_sentence_each(bench):
    all_ = bench(
        models="pca,zzz", k="99", mode="place", at="abc", digit="-5", sel="0,1,x", left="vae"
    )
    for words in (
        "models = zzz",
        "k = 99",
        "place is not two numbers",
        "digit is not a whole number below 5000",
        "selection is not the number of a map",
    ):
        sentence = all_.page.get_by_text(words)
        sentence.first.wait_for()
        assert sentence.count() == 1, words
    all_.visit.wait_for_link("models", ",".join(FIVE))
    all_.visit.wait_for_link("k", "2")
    before = all_.labels()
    all_.drag(0, [(0.4, 0.6), (0.45, 0.6)])
    all_.page.mouse.up()
    assert all_.labels() != before
    assert all_.page.locator("[data-testid=stException]").count() == 0
    assert all_.visit.errors == []


def test_the_picker_changes_the_models_and_keeps_digit_and_selection(bench, five):
    all_ = bench(models="stacked_ae,pca", sel="0,-3,-3,0.5,0.5")
    all_.page.get_by_role("button", name="encode a random 6").click()
    assert all_.part("real").get_attribute("aria-label") == "Real digit: 6"
    digit = all_.visit.link["digit"]
    assert all_.count == 2
    before = all_.masks()[0]
    label = all_.labels()[0]
    picker = all_.page.get_by_role("combobox", name=re.compile("Models"))
    picker.click()
    conv = f"{WORDS('variant.vae.title')}, {WORDS('picker.conv').lower()}"
    all_.page.get_by_role("option", name=conv, exact=True).click()
    all_.page.keyboard.press("Escape")  # the open list hides the rest from assistive technology
    all_.visit.wait_for_link("models", "stacked_ae,pca,vae-conv")
    all_.visit.wait_for_name(all_.output(2), f"by {conv},")
    assert all_.labels()[0] == label
    all_.visit.wait_for_link("digit", digit)
    all_.visit.wait_for_link("sel", "0,-3,-3,0.5,0.5")
    assert len(all_.masks()) == 3
    for mask in all_.masks():
        np.testing.assert_array_equal(mask, before)
    kernels = all_.page.locator(".filters .kernels figure canvas")
    assert kernels.count() == 16 and kernels.first.get_attribute("width") == "12"
    assert all_.part("angles").inner_text().count(WORDS("compare.angles_none")) == 1
    expect(all_.part("angles").locator(".saves")).to_be_hidden()

    all_.page.get_by_role("button", name="Remove Stacked AE").click()
    all_.visit.wait_for_link("models", "pca,vae-conv")
    all_.page.get_by_role("button", name="Remove PCA").click()
    all_.page.get_by_text("2 to 6 models").wait_for()
    all_.visit.wait_for_link("models", "pca,vae-conv")
    all_.visit.wait_for_name(all_.output(0), "by PCA,")
    all_.visit.wait_for_link("sel", None)
    assert all_.count == 2

    all_.page.get_by_role("link", name=WORDS("page.explore"), exact=True).click()
    all_.visit.wait_for_pad()
    all_.page.get_by_role("link", name=WORDS("page.compare"), exact=True).click()
    again = Bench(all_.visit)
    again.visit.wait_for_name(again.output(1), f"by {conv},")
    assert again.visit.link["models"] == "pca,vae-conv", "the choice outlives a change of pages"

    again.visit.go(models="pca," * 3)  # too few: one sentence and the usual ones
    again.visit.wait_for_link("models", ",".join(FIVE))
    again.page.get_by_text(re.compile("2 to 6 models|models = ,")).first.wait_for()
    again.visit.wait_for_name(again.output(4), f"by {WORDS('variant.vae.title')},")
    assert again.count == 5
    assert all_.visit.errors == []


@pytest.fixture
def fresh(app, held_out):
    """Two models with K = 3 that were just trained, in the app's own store."""
    some = held_out.subset(np.arange(600), "some")
    runs = []
    for name, knobs in (("pca", {}), ("multirate_vae", {"hidden": (8,)})):
        config = variant(name).Config.checked({"latent": 3, **knobs})
        request = checkpoints.Request(name, config, some, TrainConfig(epochs=1, batch_size=200))
        loop.drain(runner.run(request, app.user_store, on_map=held_out))
        runs.append(checkpoints.open_run(app.user_store / request.id))
    yield runs
    for run in runs:
        own_runs.delete(run)


def test_freshly_trained_runs_and_those_with_a_knob_are_compared_alike(bench, fresh, images):
    all_ = bench(k=3, digit=DIGIT)
    all_.visit.wait_for_link("models", "pca,multirate_vae")
    models = [loading.load_model(run) for run in fresh]
    assert_decodes(all_, models, codes_of(fresh, DIGIT))
    all_.wait_for_extremes()
    codes = arrays_of(fresh[1])["codes"].astype(np.float32)
    error = ((coding.decode(models[1], codes).reshape(5000, 784) - images) ** 2).sum(1)
    row = all_.page.locator(".extremes .one").nth(1)
    told = [float(text) for text in row.locator("button span").all_inner_texts()]
    order = np.sort(error)
    np.testing.assert_allclose(told, [*order[:6], *order[:-7:-1]], atol=0.06)
    assert all_.visit.errors == []


# --- Saving -------------------------------------------------------------------------------------


def save(bench: Bench, place: str, label: str, folder: Path, **choices) -> Path:
    download = chromium.saved(bench.page.locator(f"{place} .saves"), label, **choices)
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def test_pictures_drawings_and_tables_are_saved(bench, five, held_out, tmp_path):
    all_ = bench(digit=DIGIT, sel="4,-1,-1,1,1")
    all_.wait_for_extremes()
    ids = [run.id for run in five]
    for place, label in (
        ('[data-part="save"]', WORDS("compare.save_digits")),
        ('[data-part="save"]', WORDS("compare.save_maps")),
        (".extremes", WORDS("savespad.save_png")),
        (".filters", WORDS("savespad.save_png")),
    ):
        path = save(all_, place, label, tmp_path)
        with Image.open(path) as picture:
            assert picture.width == 960 and picture.height > 200
            assert len(picture.convert("L").getcolors()) > 50, "a picture and not bare paper"
            assert all(run in " ".join(map(str, picture.text.values())) for run in ids)
    drawing = ElementTree.parse(
        save(all_, '[data-part="curve"]', WORDS("savespad.save_svg"), tmp_path, format="svg")
    ).getroot()
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}path"))) > 10
    written = {one.text for one in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {WORDS("compare.curve_title"), WORDS("compare.curve_pca")} <= written, "title and legend"
    with save(all_, ".selection", WORDS("compare.save_selected"), tmp_path).open(
        newline="", encoding="utf-8-sig"
    ) as file:
        rows = [row for row in csv.reader(file) if row]
    head = next(i for i, row in enumerate(rows) if WORDS("compare.save_index") in row)
    at = rows[head].index(WORDS("compare.save_index"))
    chosen = [int(row[at]) for row in rows[head + 1 :]]
    np.testing.assert_array_equal(chosen, np.flatnonzero(all_.masks()[0]))
    assert all_.visit.errors == []


# --- Phones -------------------------------------------------------------------------------------


def touch(bench: Bench, i: int, path: list[tuple[float, float]]) -> list[list[str]]:
    """A finger along a path; all labels after the touch and after each move."""
    session = bench.page.context.new_cdp_session(bench.page)
    seen = []
    for step, place in enumerate(path):
        x, y = bench.at(i, *place)
        kind = "touchMove" if step else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        bench.page.evaluate("new Promise(requestAnimationFrame)")
        seen.append(bench.labels())
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    return seen


def test_korean_on_a_phone_by_touch(bench):
    all_ = bench(options=PHONE, lang="ko")
    words = Words("ko")
    all_.page.get_by_role("heading", name=words("compare.title")).wait_for()
    all_.wait_for_extremes()
    assert words("pad.output") in all_.labels()[0]
    assert all_.page.get_by_text(words("compare.mode_place"), exact=True).count() == 1
    wide = all_.page.evaluate(
        "[document.documentElement.scrollWidth, "
        "...[...document.querySelectorAll('.stMain')].map(e => e.scrollWidth)]"
    )
    assert max(wide) <= 390
    right = all_.root.evaluate(
        "e => Math.max(...Array.from(e.querySelectorAll('*'),"
        " c => c.getBoundingClientRect().right))"
    )
    assert right <= 390
    assert all_.visit.torn == []

    all_.map(3).evaluate("e => e.scrollIntoView({ block: 'end' })")
    for i in range(5):
        box = all_.output(i).bounding_box()
        assert 0 < box["y"] < 844, "all digits stay in sight above the thumb"
    frames = len(all_.visit.frames)
    seen = touch(all_, 3, [(0.3 + 0.08 * i, 0.4 + 0.04 * i) for i in range(6)])
    for column in zip(*seen, strict=True):
        assert len(set(column)) >= 4
    assert len(all_.visit.frames) == frames
    all_.visit.wait_for_link("digit")

    all_.press("tool-select")
    all_.map(0).evaluate("e => e.scrollIntoView({ block: 'end' })")
    touch(all_, 0, [(0.3, 0.3), (0.5, 0.5), (0.7, 0.7)])
    all_.visit.wait_for_link("sel")
    counts = {int(mask.sum()) for mask in all_.masks()}
    assert len(counts) == 1 and counts.pop() > 100
    assert all_.part("selection").locator("h2").inner_text().startswith("PCA")
    assert all_.visit.errors == []
