"""The page Generate in a real browser: five ways to choose z, each held against core and torch."""

from __future__ import annotations

import csv
import functools
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from core import data
from core.config import TrainConfig
from core.export import onnx_files
from core.judge import classifier
from core.latent import coding, sampling
from core.models import variant
from core.store import checkpoints, loading, own_runs
from core.training import loop, runner
from explorer import assets, exporting
from explorer.language import Words, texts
from explorer.views import frame
from tests import browser
from tests.browser import PHONE, Visit, native

pytestmark = pytest.mark.browser

PAGE = "generate"
PARTS = ("samples", "traverse", "walk", "arithmetic", "grid")
WORDS = Words("en")
ONE_STEP = 1.2 / 255
STILL = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist-5k", "all")


@pytest.fixture(scope="module")
def found(shipped):
    """The usual run by (variant, K)."""
    runs = {}
    for run in shipped.values():
        if run.record.data.shape == (1, 28, 28) and frame.network_of(run) == "mlp":
            runs.setdefault((run.record.variant, run.record.latent), run)
    return runs


@pytest.fixture(scope="module")
def models(found):
    """The trained model of a run, by (variant, K)."""
    kept = {}

    def get(*key):
        if key not in kept:
            kept[key] = loading.load_model(found[key])
        return kept[key]

    return get


@pytest.fixture(scope="module")
def judge():
    return classifier.load()


class Pad:
    """The pad of one visit."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.page = visit.page
        expect(self.root).to_have_count(1, timeout=1000 * browser.PATIENCE)

    @property
    def root(self):
        return self.page.locator('.pad.generate[aria-busy="false"]')

    @property
    def message(self):
        return self.page.locator('.pad.generate [data-part="message"]')

    def panel(self, selector: str):
        """What the shown part has by a selector."""
        return self.page.locator(f"[data-panel]:not([hidden]) {selector}")

    def see(self, expression: str):
        """A value of the pad, its shown part as `part`; typed arrays as lists."""
        return browser.told(
            self.root,
            f"""(element) => {{
              const pad = element.getRootNode().latentPad;
              const part = pad.parts[pad.doing];
              return ({expression});
            }}""",
        )

    def array(self, expression: str) -> np.ndarray:
        return np.array(self.see(expression), np.float64)

    def wait(self, expression: str) -> None:
        """Until an expression of the pad is true."""
        self.root.evaluate(
            f"""(element, [told, limit]) => new Promise((done, failed) => {{
              const began = performance.now();
              const look = () => {{
                const pad = element.getRootNode().latentPad;
                const part = pad.parts[pad.doing];
                if ({expression}) done();
                else if (performance.now() - began > limit) failed(Error(`never ${{told}}`));
                else setTimeout(look, 30);
              }};
              look();
            }})""",
            [expression, 1000 * browser.PATIENCE],
        )

    def open(self, name: str) -> None:
        self.page.locator(f'[data-tab="{name}"]').click()
        self.visit.wait_for_link("do", name)

    def idle(self) -> None:
        """Until nothing waits to be computed."""
        self.wait("pad.chores.steps.size === 0")

    def tiles(self, sheet: str) -> np.ndarray:
        """A sheet's digits (count, 784) in [0, 1]."""
        grey = self.array(f"{sheet}.grey")
        columns, rows, count = self.see(f"[{sheet}.columns, {sheet}.rows, {sheet}.count]")
        cut = grey.reshape(rows, 28, columns, 28).transpose(0, 2, 1, 3)
        return cut.reshape(rows * columns, 784)[:count] / 255

    def save(self, label: str, **choices) -> tuple[str, bytes]:
        """Name and content of what one of the menu's items saves."""
        menu = self.page.locator(".saves")
        download = browser.saved(menu, label, **choices)
        expect(menu.locator("> p")).to_contain_text(download.suggested_filename)
        return download.suggested_filename, download.path().read_bytes()

    def picture(self, label: str, run, **choices) -> Image.Image:
        """A saved picture, bare of title and legend; it names its run."""
        image = Image.open(io.BytesIO(self.save(label, title="", side="light", **choices)[1]))
        assert run.id in image.text["Run"]
        return image

    def table(self, label: str, run) -> list[dict[str, str]]:
        """A saved table's rows, each of which names its run."""
        text = self.save(label)[1].decode("utf-8-sig")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        rows = list(csv.DictReader(lines))
        assert rows and all(row["run"] == run.id for row in rows)
        return rows

    def frames(self, label: str, run) -> tuple[int, bytes]:
        """Number of frames of a saved film, and their size; its comment names the run."""
        with Image.open(io.BytesIO(self.save(label)[1])) as film:
            assert run.id in film.info["comment"].decode()
            return film.n_frames, film.size


@pytest.fixture
def pad(visit):
    def go(options=None, language="en", **link) -> Pad:
        return Pad(visit(PAGE, None, options, lang=language, **link))

    return go


def decoded(model, codes, **options) -> np.ndarray:
    """Torch's digits (count, 784) of codes (count, K)."""
    found = coding.decode(model, np.asarray(codes, np.float32), **options)
    return found.reshape(len(codes), 784).clip(0, 1)


def assert_same_digits(shown, expected) -> None:
    np.testing.assert_allclose(shown, expected, rtol=0, atol=1e-3 + ONE_STEP)


def latents(row: dict[str, str]) -> list[float]:
    return [float(row[name]) for name in row if re.fullmatch(r"z\d+", name)]


# --- The numerics by themselves -----------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tabs, app):
    """JavaScript on a page of the app's own origin with the pad's modules and nothing else."""
    page = tabs.take(browser.DESKTOP)
    page.goto(f"{app.url}/_stcore/health")
    names = ("arithmetic", "numbers", "prior", "sampling", "spacing")
    page.evaluate(
        """async (addresses) => {
          for (const [name, address] of Object.entries(addresses)) {
            globalThis[name] = await import(address);
          }
        }""",
        {name: assets.module(f"engine/{name}.js") for name in names},
    )
    yield functools.partial(browser.told, page)
    tabs.give_back(page, browser.DESKTOP)


def test_line_and_great_circle_equal_core(bare):
    generator = np.random.default_rng(3)
    pairs = [tuple(generator.normal(size=(2, k))) for k in (1, 2, 16, 64) for _ in range(3)]
    pairs += [
        (np.array([3.0, 1, 1]), np.array([-3.0, -1, -1])),
        (np.array([0.0, 0]), np.array([1.0, 2])),
        (np.array([1.0, 2]), np.array([0.0, 0])),
        (np.array([1.0, 2]), np.array([2.0, 4])),
        (np.array([1.0]), np.array([-2.0])),
    ]
    for a, b in pairs:
        for centre in (None, generator.normal(size=len(a))):
            line, circle = bare(
                """([a, b, centre]) => [arithmetic.line, arithmetic.greatCircle].map((way) =>
                     Array.from({ length: 7 }, (_, i) => Array.from(way(a, b, i / 6, centre))))""",
                [a.tolist(), b.tolist(), None if centre is None else centre.tolist()],
            )
            np.testing.assert_allclose(line, coding.interpolate(a, b, 7), atol=1e-6)
            expected = coding.great_circle(a, b, 7, centre)
            np.testing.assert_allclose(circle, expected, atol=1e-9)


def test_quantiles_of_the_prior_equal_torch(bare):
    shares = [1e-12, 1e-5, 0.01, 0.05, 0.2, 0.49, 0.5, 0.7, 0.93, 0.999, 1 - 1e-9]
    found = bare("(shares) => shares.map(spacing.normalQuantile)", shares)
    expected = torch.special.ndtri(torch.tensor(shares, dtype=torch.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12)
    for side in (5, 12, 60):
        at = np.array(bare("spacing.probableValues", side))
        np.testing.assert_allclose(at, coding.prior_grid(side)[:side, 0], rtol=1e-9, atol=1e-12)


def test_arithmetic_and_traits_equal_core_and_numpy(bare, held_out):
    a, b, c = np.random.default_rng(5).normal(size=(3, 16)).astype(np.float32)
    for amount in (0, 1, -1.5):
        found = bare(
            "([a, b, c, s]) => Array.from(arithmetic.analogy(a, b, c, s))",
            [a.tolist(), b.tolist(), c.tolist(), amount],
        )
        np.testing.assert_allclose(found, coding.analogy(a, b, c, amount), atol=1e-6)
    for image in [*(held_out.x[:6, 0] / 255), np.zeros((28, 28))]:
        found = bare("arithmetic.traits", image.ravel().tolist())
        rows, columns = np.mgrid[:28, :28]
        ink = image.sum()
        slant = 0.0
        if ink:
            up = -(rows - (image * rows).sum() / ink)
            right = columns - (image * columns).sum() / ink
            slant = (image * right * up).sum() / (image * up**2).sum()
        assert found["weight"] == pytest.approx(ink) and found["slant"] == pytest.approx(slant)


def test_samplers_draw_from_what_they_say(bare, found):
    count, size = 20_000, 3
    draw = f"{count}, {size}"
    drawn = "(seed, count) => Array.from(prior.priorOf({kind: 'normal'}, %d)"
    drawn = f"{drawn % size}.draw(count, numbers.seeded(seed)))"
    prior = np.array(bare(f"() => ({drawn})(1, {count})")).reshape(count, size)
    sure = 5 / np.sqrt(count)  # five standard errors of a mean of unit variance
    np.testing.assert_allclose(prior.mean(0), 0, atol=sure)
    np.testing.assert_allclose(np.cov(prior.T), np.eye(size), atol=2 * sure)
    assert (np.abs(prior) < 1.96).mean() == pytest.approx(0.95, abs=0.01)
    again = bare(f"() => [1, 1, 2].map((seed) => ({drawn})(seed, 2))")
    assert again[0] == again[1] != again[2]

    low, high = [-1.0, 0.0, 5.0], [1.0, 3.0, 5.5]
    box = np.array(
        bare(
            f"""([low, high]) => Array.from(sampling.drawBox({draw}, {{ low, high }},
                  numbers.seeded(2)))""",
            [low, high],
        )
    ).reshape(count, size)
    low, high = np.array(low), np.array(high)
    np.testing.assert_allclose(box.mean(0), (low + high) / 2, atol=(high - low).max() * sure)
    np.testing.assert_allclose(box.var(0), (high - low) ** 2 / 12, rtol=0.05)
    assert (box >= low - 1e-6).all() and (box <= high + 1e-6).all()

    codes = checkpoints.read_tensors(found["vae", 2], checkpoints.CODES)["codes"]
    mixture = sampling.fit_mixture(codes[:500], components=3)
    arrays = {name: array.ravel().tolist() for name, array in mixture.arrays().items()}
    drawn = np.array(
        bare(
            f"""({{ weights, means, factors }}) => Array.from(sampling.drawMixture({count}, 2,
                  {{ weights: {{ data: weights }}, means: {{ data: means }},
                     factors: {{ data: factors }} }}, numbers.seeded(4)))""",
            arrays,
        )
    ).reshape(count, 2)
    mean = mixture.weights @ mixture.means
    each = mixture.factors @ mixture.factors.transpose(0, 2, 1)
    apart = mixture.means - mean
    spread = np.einsum("c,cij->ij", mixture.weights, each + np.einsum("ci,cj->cij", apart, apart))
    np.testing.assert_allclose(drawn.mean(0), mean, atol=sure * np.sqrt(spread.max()))
    np.testing.assert_allclose(np.cov(drawn.T), spread, atol=0.06 * spread.max())
    ours = mixture.log_density(mixture.sample(count, np.random.default_rng(0)))
    theirs = mixture.log_density(drawn)
    assert theirs.mean() == pytest.approx(ours.mean(), abs=sure * ours.std() * 2)

    own = np.array(
        bare(
            """(codes) => Array.from(sampling.drawOwn(50, 2, new Float32Array(codes),
                 numbers.seeded(0)))""",
            codes.astype(np.float32).ravel().tolist(),
        )
    ).reshape(50, 2)
    kept = {tuple(row) for row in codes.astype(np.float32).tolist()}
    assert len({tuple(row) for row in own.tolist()} & kept) > 40


# --- Samples ------------------------------------------------------------------------------------


def draw_enough(page: Pad, *names: str, least: int = 64) -> None:
    """Until of each sampler so many are counted; then it rests, instead of decoding and judging
    the thousands that no assertion asks for."""
    enough = f"{list(names)}.every((name) => part.sets[name]?.done >= {least})"
    page.wait(f"{enough} && (pad.chores.drop('samples'), true)")


def assert_counted(page: Pad, name: str, model, judge) -> None:
    """A sampler's tiles are torch's digits, its verdicts torch's classifier's, its share theirs."""
    parts = "{ codes, verdicts, done, called }"
    seen = page.see(f"(({parts}) => ({parts}))(part.sets.{name})")
    codes = np.array(seen["codes"], np.float32).reshape(1000, -1)[: seen["done"]]
    verdicts = np.array(seen["verdicts"])[: seen["done"]]
    digits = decoded(model, codes)
    assert_same_digits(page.tiles(f"part.sheets.{name}"), digits[:64])
    likely = judge.probabilities(digits.reshape(-1, 1, 28, 28))
    sure = likely.max(1) >= judge.facts.threshold
    near = np.abs(likely.max(1) - judge.facts.threshold) < 2e-3  # may fall on either side
    expected = np.where(sure, likely.argmax(1), 10)
    np.testing.assert_array_equal(verdicts[~near], expected[~near])
    assert seen["called"] == (verdicts != 10).sum()


def test_samples_of_a_vae_and_what_is_called_a_digit(pad, app, found, models, judge):
    page = pad()
    run, model = found["vae", 2], models("vae", 2)
    assert page.see("part.names") == ["prior", "mixture", "box"]
    draw_enough(page, "prior", "mixture", "box")
    for name in ("prior", "mixture", "box"):
        assert_counted(page, name, model, judge)
    codes = checkpoints.read_tensors(run, checkpoints.CODES)["codes"].astype(np.float64)
    low, high = sampling.box(codes)
    drawn = page.array("part.sets.box.codes").reshape(1000, 2)
    assert (drawn >= low - 1e-3).all() and (drawn <= high + 1e-3).all()

    facts = judge.facts
    note = page.panel('[data-samples="note"]')
    expect(note).to_contain_text(f"{100 * facts.accuracy:.2f} %")
    expect(note).to_contain_text(f"at least {100 * facts.threshold:.0f} %")
    rows = page.panel(".shares tr")
    expect(page.panel('tr[data-row="real"]')).to_contain_text(f"{100 * facts.share_real:.1f} %")
    for name in ("noise", "crumbled"):
        share = f"{100 * facts.shares[name]:.1f} %"
        expect(page.panel(f'tr[data-row="{name}"]')).to_contain_text(share)
    one = page.panel('tr[data-row="mean"]')
    expect(one).to_contain_text(texts("en")["generate_pad.one_not"])
    expect(one).not_to_contain_text("±")
    assert rows.count() == 8
    share, error, count, told = page.root.evaluate(
        """(e) => {
          const { rows } = e.getRootNode().latentPad.parts.samples;
          const row = rows.find(({ row }) => row === "prior");
          const line = e.querySelector('tr[data-row="prior"]').innerText;
          return [row.share, Math.sqrt((row.share * (1 - row.share)) / row.count), row.count, line];
        }"""
    )
    assert f"{100 * share:.1f} %" in told and f"± {100 * error:.1f}" in told
    assert f"of {count:,}" in told

    frames = len(page.visit.frames)
    before = page.array("part.sets.prior.codes")
    page.visit.button("again").click()
    page.visit.wait_for_link("seed", "1")
    draw_enough(page, "prior")
    assert not np.array_equal(page.array("part.sets.prior.codes"), before)
    page.panel('[data-on="box"]').click()
    page.visit.wait_for_link("on", "box")
    expect(page.panel('[data-on="box"]')).to_have_attribute("aria-pressed", "true")

    sheet = page.panel('[data-sampler="prior"] canvas[tabindex="0"]')
    box = sheet.bounding_box()
    page.page.mouse.click(box["x"] + 2.5 / 8 * box["width"], box["y"] + 1.5 / 8 * box["height"])
    chosen = page.array("part.sets.prior.codes").reshape(1000, 2)[10]
    np.testing.assert_allclose(page.array("pad.z"), chosen, atol=1e-6)
    assert_same_digits(page.visit.pixels(), decoded(models("vae", 2), chosen[None])[0])
    sheet.press("ArrowRight")
    np.testing.assert_allclose(
        page.array("pad.z"), page.array("part.sets.prior.codes").reshape(1000, 2)[11], atol=1e-6
    )
    page.visit.wait_for_link("z")
    assert len(page.visit.frames) == frames, "a message left for the server"
    link = page.visit.link
    assert page.visit.hosts == {app.url.removeprefix("http://")} and page.visit.errors == []

    again = pad(**{name: link[name] for name in ("seed", "on", "z")})
    assert again.see("[part.seed, part.onMap]") == [1, "box"]
    np.testing.assert_allclose(
        again.array("pad.z"), [float(value) for value in link["z"].split(",")], atol=1e-6
    )
    np.testing.assert_array_equal(
        again.array("part.sets.prior.codes"), page.array("part.sets.prior.codes")
    )


def test_a_plain_ae_has_no_prior_and_its_holes_are_counted(
    pad, app, found, models, judge, monkeypatch
):
    run, model = found["stacked_ae", 16], models("stacked_ae", 16)
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(app.user_store))
    folder = exporting.kept(run)  # as if it had been saved before: other tests see it being made
    onnx_files.write(model, folder, run.id)
    page = pad(model="stacked_ae", k=16)
    assert page.see("[part.names, part.onMap]") == [["own", "mixture", "box"], "box"]
    draw_enough(page, "own", "mixture", "box", least=200)
    for name in ("own", "mixture", "box"):
        assert_counted(page, name, model, judge)
    shares = {
        name: page.see(f"part.sets.{name}.called / part.sets.{name}.done")
        for name in ("own", "mixture", "box")
    }
    assert shares["box"] < shares["mixture"] < shares["own"]

    shown = page.picture("Box around the codes, sheet (PNG)", run)
    assert shown.width == 960
    grey = page.array("part.sheets.box.grey").reshape(8, 28, 8, 28) / 255
    ink = np.pad(native(shown, 238, 238), (0, 2)).reshape(8, 30, 8, 30)[:, :28, :, :28]
    np.testing.assert_allclose(ink, grey, atol=0.01)
    table = page.table("Shares (CSV)", run)
    assert {row["samples"] for row in table} == {
        *("own", "mixture", "box", "real", "noise", "crumbled", "mean")
    }
    real = next(row for row in table if row["samples"] == "real")
    assert float(real["called a digit with confidence"]) == judge.facts.share_real
    rows = page.table("Codes of the samples (CSV)", run)
    assert len(rows) == 3000
    np.testing.assert_allclose(latents(rows[0]), page.array("part.sets.own.codes")[:16], rtol=1e-6)
    digit = page.picture("Decoded digit (PNG)", run)
    assert_same_digits(native(digit, 28, 28).ravel(), decoded(model, [page.array("pad.z")])[0])
    assert np.asarray(page.picture("Map as it is shown (PNG)", run)).std() > 5
    for part in ("Decoder", "Encoder"):
        name, content = page.save(f"{part} (ONNX)")
        proto = onnx.load_from_string(content)
        onnx.checker.check_model(proto)
        assert {p.key: p.value for p in proto.metadata_props}["run"] == run.id
        assert name == f"{run.id}-{part.lower()}.onnx"
    assert page.visit.errors == []


# --- Traverse -----------------------------------------------------------------------------------


def rows_of(page: Pad, k: int) -> np.ndarray:
    return page.tiles(f"part.lanes[{k}].sheet")


def test_traversals_sorted_by_kl(pad, found, models, held_out):
    page = pad(do="traverse", k=16, digit=100)
    run, model = found["vae", 16], models("vae", 16)
    codes = coding.encode(model, held_out.x)
    variance = np.exp(codes.log_var)
    kl = 0.5 * (codes.mean**2 + variance - 1 - codes.log_var).mean(0)
    page.wait("part.byKl")
    np.testing.assert_allclose(page.array("part.weights"), kl, rtol=2e-3, atol=2e-3)
    order = page.see("part.order")
    assert (np.diff(kl[order]) <= 2e-3).all()
    names = page.panel(".lane .name").all_inner_texts()
    assert [name.replace("\n", "") for name in names] == [f"z{k + 1}" for k in order]
    first = page.panel(".lane").first
    expect(first).to_contain_text(f"{kl[order[0]]:.2f} nats")
    dead = (kl < 0.05).sum()
    expect(page.panel(".lane.dead")).to_have_count(int(dead))
    note = page.panel('[data-traverse="note"]')
    expect(note).to_contain_text(f"{kl.sum():.1f} nats per image in all; {16 - dead} of 16")

    page.idle()
    z = page.array("pad.z")
    np.testing.assert_allclose(z, codes.mean[100], atol=1e-3)
    low, high = page.array("part.run.low"), page.array("part.run.high")
    for k in (order[0], order[7], order[15]):
        walk = coding.traverse(z, k, np.linspace(low[k], high[k], 11))
        assert_same_digits(rows_of(page, k), decoded(model, walk))

    def change(k):
        walk = coding.traverse(z, k, np.linspace(low[k], high[k], 11))
        here = coding.decode(model, z[None].astype(np.float32)).reshape(-1)
        return ((coding.decode(model, walk).reshape(11, -1) - here) ** 2).sum(1).max()

    told = re.findall(r"up to (\d+\.\d+)", note.inner_text())
    idle = max(change(k) for k in order if kl[k] < 0.05)
    assert [float(number) for number in told] == pytest.approx([change(order[0]), idle], abs=0.06)
    assert 0 < idle < change(order[0])

    frames = len(page.visit.frames)
    k = order[1]
    slider = page.visit.slider(k + 1)
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + 0.5 * box["width"], middle)
    page.page.mouse.down()
    for share in (0.55, 0.7, 0.9):
        page.page.mouse.move(box["x"] + share * box["width"], middle)
    moved = page.array("pad.z")
    assert moved[k] == pytest.approx(low[k] + 0.9 * (high[k] - low[k]), rel=0.05)
    assert np.array_equal(np.delete(moved, k), np.delete(z, k))
    assert_same_digits(page.visit.pixels(), decoded(model, moved[None])[0])
    page.idle()
    other = order[0]
    walk = coding.traverse(moved, other, np.linspace(low[other], high[other], 11))
    assert_same_digits(rows_of(page, other), decoded(model, walk))
    assert len(page.visit.frames) == frames, "a message left for the server during the drag"
    page.page.mouse.up()
    page.visit.wait_for_link("z")
    slider.press("ArrowLeft")
    assert page.array("pad.z")[k] == pytest.approx(moved[k] - 0.02 * (high[k] - low[k]), rel=1e-4)
    page.idle()

    picture = page.picture("All rows (PNG)", run)
    assert picture.width == 960 and np.asarray(picture).std() > 5
    count, size = page.frames("First row as a film (GIF)", run)
    assert count == 20 and size[0] == 480 < size[1]
    table = page.table("What each dimension carries (CSV)", run)
    assert [int(row["dimension"]) for row in table] == [k + 1 for k in order]
    column = "mean KL (nats per image)"
    np.testing.assert_allclose(
        [float(row[column]) for row in table], kl[order], rtol=5e-3, atol=2e-3
    )
    assert page.visit.errors == []


def test_a_knob_turns_the_rows(pad, models):
    page = pad(do="traverse", model="multirate_vae", k=4, beta=1, digit=7)
    dial = page.page.get_by_role("slider", name="β", exact=True)
    before = page.array("part.weights")
    frames = len(page.visit.frames)
    dial.focus()
    dial.press("End")
    page.visit.wait_for_link("beta")
    value = page.see("part.run.value")
    assert value == pytest.approx(page.see("part.run.dial.high"), rel=1e-3)
    assert page.array("part.weights").sum() < before.sum()
    page.idle()
    z, k = page.array("pad.z"), page.see("part.order[0]")
    model = models("multirate_vae", 4)
    np.testing.assert_allclose(
        z, coding.encode(model, data.load("mnist-5k", "all").x[7:8], dial=value).mean[0], atol=2e-3
    )
    low, high = page.array("part.run.low"), page.array("part.run.high")
    walk = coding.traverse(z, k, np.linspace(low[k], high[k], 11))
    assert_same_digits(rows_of(page, k), decoded(model, walk, dial=value))
    assert len(page.visit.frames) == frames, "a message left for the server"
    page.open("samples")
    resting = page.panel('[data-sampler="mixture"] p')
    expect(resting).to_contain_text("fitted at β = 1")
    assert page.visit.errors == []


# --- Walk ---------------------------------------------------------------------------------------


def test_walks_by_line_and_by_great_circle(pad, found, models, held_out):
    page = pad(STILL, do="walk", k=16, walk="12,3456", steps=9)
    run, model = found["vae", 16], models("vae", 16)
    assert page.see("part.playing") is None, "nothing plays by itself where that is not wanted"
    ends = coding.encode(model, held_out.x[[12, 3456]]).mean.astype(np.float64)
    paths = {"line": coding.interpolate(*ends, 9), "circle": coding.great_circle(*ends, 9)}
    page.idle()
    for name, path in paths.items():
        assert_same_digits(page.tiles(f"part.strips.{name}"), decoded(model, path))
    norms = np.linalg.norm(coding.interpolate(*ends, 25), axis=1)
    note = page.panel('[data-walk="note"]')
    expect(note).to_contain_text(f"as near as {norms.min():.2f} to the origin")
    expect(note).to_contain_text("√K = 4.00")

    scrub = page.page.get_by_role("slider", name=WORDS("generate_pad.scrub"))
    for _ in range(4):
        scrub.press("ArrowRight")
    assert page.see("part.t") == pytest.approx(0.5)
    for name, path in paths.items():
        figure = page.panel(f'[data-way="{name}"]')
        assert_same_digits(
            page.visit.pixels(figure.locator("canvas")), decoded(model, path[[4]])[0]
        )
        expect(figure).to_contain_text(f"distance {np.linalg.norm(path[4]):.2f}")
    play = page.visit.button("play")
    play.click()
    page.wait("part.t > 0.5")
    expect(play).to_have_attribute("aria-pressed", "true")
    play.click()
    assert page.see("part.playing") is None

    n, size = page.frames("Both ways as a film (GIF)", run)
    assert n == 16 and size[0] == 480 and size[1] > 240
    strip = native(page.picture("Line, frames (PNG)", run), 9 * 30 - 2, 28)
    assert_same_digits(
        strip[:, 4 * 30 : 4 * 30 + 28].ravel(), decoded(model, paths["line"][[4]])[0]
    )
    table = page.table("Codes of both ways (CSV)", run)
    assert [row["way"] for row in table] == ["line"] * 9 + ["circle"] * 9
    got = np.array([latents(row) for row in table])
    np.testing.assert_allclose(got, np.concatenate(list(paths.values())), atol=2e-3)
    drawing = ET.fromstring(page.save("Distances (PNG, SVG)", format="svg")[1])
    assert drawing.tag == f"{SVG}svg" and len(list(drawing.iter(f"{SVG}path"))) > 5
    assert run.id in ET.tostring(drawing, encoding="unicode")

    number = page.panel('input[type="number"]')
    number.fill("99")
    number.press("Tab")
    expect(note).to_contain_text("whole number from 2 to 60; showing 60")
    assert page.see("[part.steps, part.frames]") == [60, 60]
    number.fill("3")
    number.press("Enter")
    page.visit.wait_for_link("steps", "3")

    page.visit.button("add").click()
    assert page.see("[part.indexes.length, part.frames]") == [3, 5]
    page.page.locator('button[data-slot="C"]').wait_for()
    page.panel(".picks button").nth(5).click()
    assert held_out.labels[page.see("part.indexes[2]")] == 5
    at = page.visit.at(0.4, 0.6)
    page.page.mouse.click(*at)
    index = page.see("part.indexes[2]")
    place = page.array(f"pad.run.points.slice({2 * index}, {2 * index + 2})")
    box = page.visit.map.bounding_box()
    x, y = page.see(f"pad.map.toScreen([{place[0]}, {place[1]}])")
    assert np.hypot(x - (at[0] - box["x"]), y - (at[1] - box["y"])) < 12, (
        "the digit that lies there"
    )
    page.visit.wait_for_link("walk", f"12,3456,{index}")
    page.visit.button("remove").click()
    page.visit.wait_for_link("walk", "12,3456")
    expect(page.visit.button("remove")).to_be_disabled()
    assert page.visit.errors == []


def test_rows_of_a_plain_ae_go_by_variance_and_it_walks_around_its_codes_mean_by_itself(
    pad, found, models
):
    page = pad(do="traverse", model="stacked_ae", k=2)
    codes = checkpoints.read_tensors(found["stacked_ae", 2], checkpoints.CODES)["codes"]
    np.testing.assert_allclose(
        page.array("part.weights"), codes.astype(np.float64).var(0), rtol=1e-3
    )
    expect(page.panel('[data-traverse="note"]')).to_have_text(WORDS("generate_pad.sorted_variance"))
    expect(page.panel(".lane").first).to_contain_text("variance")
    page.open("walk")
    first = page.see("part.t")
    page.wait(f"Math.abs(part.t - {first}) > 0.01")
    page.visit.button("play").click()
    centre = codes.astype(np.float64).mean(0)
    np.testing.assert_allclose(page.array("part.centre"), centre, rtol=1e-3)
    ends = page.array("part.codes.map((z) => Array.from(z))")
    t = page.see("part.t")
    steps = coding.great_circle(*ends, 1001, page.array("part.centre"))
    near = np.abs(steps - page.array("part.now.circle")).sum(1).argmin()
    assert near == pytest.approx(1000 * t, abs=2)
    expect(page.panel('[data-walk="note"]')).to_contain_text("to the codes' mean")
    shown = page.visit.pixels(page.panel('[data-way="circle"] canvas'))
    model = models("stacked_ae", 2)
    assert_same_digits(shown, decoded(model, [page.array("part.now.circle")])[0])

    playing = page.visit.button("play")
    playing.click()
    page.open("grid")
    assert page.see("pad.parts.walk.player.frame") is None, "a part that is hidden rests"
    assert page.visit.errors == []


# --- Arithmetic ---------------------------------------------------------------------------------


def slants(images: np.ndarray) -> np.ndarray:
    """Tangent of each image's lean to the right."""
    rows, columns = np.mgrid[:28, :28]
    ink = images.sum((1, 2))
    up = -(rows - ((images * rows).sum((1, 2)) / ink)[:, None, None])
    right = columns - ((images * columns).sum((1, 2)) / ink)[:, None, None]
    return (images * right * up).sum((1, 2)) / (images * up**2).sum((1, 2))


@pytest.mark.parametrize(("name", "size"), [("vae", 16), ("stacked_ae", 2)])
def test_arithmetic_of_digits_means_and_traits(pad, found, models, held_out, name, size):
    run, model = found[name, size], models(name, size)
    page = pad(do="arithmetic", model=name, k=size, a=40, b=1200, c=3300, of="digits")
    own = coding.encode(model, held_out.x[[40, 1200, 3300]]).mean
    z = coding.analogy(*own)
    np.testing.assert_allclose(page.array("part.z"), z, atol=2e-3)
    assert_same_digits(
        page.visit.pixels(page.panel(".result canvas")), decoded(model, page.array("[part.z]"))[0]
    )
    kept = checkpoints.read_tensors(run, checkpoints.CODES)["codes"].astype(np.float64)

    page.visit.page.locator('[data-of="means"]').click()
    page.visit.wait_for_link("of", "means")
    means = [kept[held_out.labels == held_out.labels[i]].mean(0) for i in (40, 1200, 3300)]
    np.testing.assert_allclose(page.array("part.z"), coding.analogy(*means), rtol=1e-3, atol=2e-3)

    page.visit.page.locator('[data-of="slant"]').click()
    leans = slants(held_out.x[:, 0] / 255)
    least, most = [], []
    for label in range(10):
        among = np.flatnonzero(held_out.labels == label)
        among = among[np.argsort(leans[among], kind="stable")]
        third = round(len(among) / 3)
        least += among[:third].tolist()
        most += among[-third:].tolist()
    expected = coding.analogy(own[0], kept[least].mean(0), kept[most].mean(0))
    np.testing.assert_allclose(page.array("part.z"), expected, rtol=2e-3, atol=5e-3)

    frames = len(page.visit.frames)
    slider = page.page.get_by_role("slider", name=WORDS("generate_pad.amount"))
    box = slider.bounding_box()
    page.page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    page.page.mouse.up()
    amount = page.see("part.amount")
    assert -1.2 < amount < -0.4
    expected = coding.analogy(own[0], kept[least].mean(0), kept[most].mean(0), amount)
    np.testing.assert_allclose(page.array("part.z"), expected, rtol=2e-3, atol=1e-2)
    shown = page.visit.pixels(page.panel(".result canvas"))
    cell = page.panel('[data-trait="slant"] td').last
    told = float(cell.inner_text())
    assert told == pytest.approx(slants(shown.reshape(1, 28, 28))[0], abs=0.03)
    page.panel(".picks button").nth(3).click()
    page.visit.wait_for_link("a")
    assert held_out.labels[page.see("part.indexes[0]")] == 3
    assert len(page.visit.frames) == frames, "a message left for the server"

    picture = np.asarray(page.picture("a, b, c and the result (PNG)", run))
    first = picture[:, : picture.shape[1] // 4, 0]
    index = page.see("part.indexes[0]")
    ink = (held_out.x[index, 0] > 128).mean()
    assert (first[60:] < 128).mean() == pytest.approx(ink, rel=0.35), "the digit of the first term"
    table = page.table("Codes and measures (CSV)", run)
    assert [row["term"] for row in table] == ["a", "b", "c", "a + t (c - b)"]
    np.testing.assert_allclose(latents(table[3]), page.array("part.z"), rtol=1e-5, atol=1e-5)
    assert page.visit.errors == []


# --- Grid ---------------------------------------------------------------------------------------


def test_the_grid_over_the_range_and_by_equal_probability(pad, found, models):
    page = pad(do="grid", side=6)
    run, model = found["vae", 2], models("vae", 2)
    page.idle()
    points = checkpoints.read_tensors(run, checkpoints.CODES)["codes"].astype(np.float32)
    cut = int(0.001 * len(points))
    points = np.sort(points, axis=0)
    corners = points[cut].astype(np.float64), points[-1 - cut].astype(np.float64)
    expected = decoded(model, coding.grid(*corners, 6))
    np.testing.assert_allclose(page.tiles("part.sheet"), expected, rtol=0, atol=5e-3)
    page.page.locator('[data-spacing="probability"]').click()
    page.visit.wait_for_link("by", "probability")
    page.idle()
    codes = coding.prior_grid(6)
    assert_same_digits(page.tiles("part.sheet"), decoded(model, codes))

    sheet = page.panel('canvas[tabindex="0"]')
    box = sheet.bounding_box()
    page.page.mouse.click(box["x"] + 4.5 / 6 * box["width"], box["y"] + 1.5 / 6 * box["height"])
    np.testing.assert_allclose(page.array("pad.z"), codes[10], atol=1e-5)
    sheet.press("ArrowDown")
    np.testing.assert_allclose(page.array("pad.z"), codes[16], atol=1e-5)
    assert_same_digits(page.visit.pixels(), decoded(model, codes[[16]])[0])

    frames = len(page.visit.frames)
    slider = page.page.get_by_role("slider", name=WORDS("generate_pad.side"))
    slider.press("End")
    page.visit.wait_for_link("side", "60")
    assert page.see("part.done") < 3600, "it comes bit by bit"
    slider.press("Home")
    for _ in range(4):
        slider.press("ArrowRight")
    page.idle()
    assert len(page.visit.frames) == frames, "a message left for the server"
    picture = page.picture("Grid (PNG)", run)
    grey = page.array("part.sheet.grey") / 255
    np.testing.assert_allclose(native(picture, 9 * 28, 9 * 28).ravel(), grey, atol=0.01)
    assert page.visit.errors == []


# --- Links, keyboard, languages, phones, fresh runs ---------------------------------------------


def test_nonsense_in_the_link_gets_one_sentence_each(pad):
    page = pad(
        do="fly", digit="9999999", z="1,2,x", seed="-3", on="heaven", side="61", by="taste",
        walk="1,1000000", steps="1", a="x", b="2", c="3", of="hope",
    )  # fmt: skip
    for sentence in (
        "link's part is none of samples, traverse, walk, arithmetic, grid, so Samples is shown.",
        "The link's digit is not a whole number below 5000",
        "The link's point z is not 2 numbers",
        "The link's seed is not a whole number from 0 to 999999, so it is 0.",
        "The link's sampler on the map is none of prior, mixture, box.",
    ):
        expect(page.message).to_contain_text(sentence)
    for name, sentences in {
        "walk": ["walk is not 2 to 5 whole numbers below 5000", "from 2 to 60; showing 12"],
        "arithmetic": ["a, b and c are not three whole numbers", "none of slant, weight, digits"],
        "grid": ["side is not a whole number from 5 to 60, so it is 15", "none of range, prob"],
    }.items():
        page.open(name)
        for sentence in sentences:
            expect(page.message).to_contain_text(sentence)
    assert page.message.inner_text().count("The link's side") == 1
    assert page.visit.errors == []


def test_by_keyboard_through_the_parts_and_runs_to_a_grid_of_a_plane(pad, found, models):
    page = pad()
    tab = page.page.get_by_role("tab", name="Samples")
    tab.focus()
    for name, key in zip((*PARTS[1:], PARTS[0]), ["ArrowRight"] * 5, strict=True):
        page.page.keyboard.press(key)
        page.visit.wait_for_link("do", name)
        focused = page.page.get_by_role("tab", selected=True)
        expect(focused).to_have_attribute("data-tab", name)
        expect(focused).to_be_focused()
        expect(page.page.locator("[data-panel]:not([hidden])")).to_have_count(1)
    page.page.keyboard.press("End")
    page.visit.wait_for_link("do", "grid")
    page.visit.map.focus()
    before = page.array("pad.z")
    page.page.keyboard.press("ArrowUp")
    after = page.array("pad.z")
    assert after[1] > before[1] and after[0] == pytest.approx(before[0])
    page.visit.wait_for_link("z")
    page.page.get_by_role("combobox", name=WORDS("picker.latent")).click()
    page.page.get_by_role("option", name="16", exact=True).click()
    page.wait(f'pad.run.id === "{found["vae", 16].id}"')
    page.visit.wait_for_link("z", None)
    page.idle()
    assert page.see("[pad.doing, part.sheet.count]") == ["grid", 225]

    page.page.get_by_role("slider", name=WORDS("generate_pad.side")).press("Home")
    page.visit.wait_for_link("side", "5")
    page.wait("part.sheet.count === 25")
    page.idle()
    assert page.page.locator('[data-spacing="probability"]').is_hidden()
    codes = page.array("Array.from({ length: 25 }, (_, i) => Array.from(part.codeAt(i)))")
    assert_same_digits(page.tiles("part.sheet"), decoded(models("vae", 16), codes))
    low, high = page.array("part.corners()")
    places = page.array("[part.placeAt(0), part.placeAt(24)]")
    np.testing.assert_allclose(places, [[low[0], high[1]], [high[0], low[1]]], atol=1e-6)
    assert page.visit.errors == []


def test_both_languages_on_a_phone(pad):
    page = pad(PHONE)
    in_its_language(page, "en")
    page.visit.speak("ko", "한국어")
    in_its_language(page, "ko")
    sheet = page.panel('canvas[tabindex="0"]')
    sheet.scroll_into_view_if_needed()
    page.idle()
    box = sheet.bounding_box()
    page.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 30)
    page.visit.wait_for_link("z")
    np.testing.assert_allclose(page.array("pad.z"), page.array("part.codeAt(part.sheet.selected)"))
    assert page.page.locator(".katex-error").count() == 0
    assert page.visit.torn == []
    assert page.visit.errors == []


def in_its_language(page: Pad, language: str) -> None:
    words = texts(language)
    expect(page.page.get_by_text(words["generate.try"]).filter(visible=True)).to_be_visible()
    page.visit.wait_for_name(page.visit.output, f"^{browser.DECODED[language]}")
    expect(page.root).to_have_count(1)
    for name in PARTS:
        tab = page.page.get_by_role("tab", name=words[f"generate_pad.tab_{name}"], exact=True)
        if tab.get_attribute("aria-selected") != "true":
            tab.tap()
            page.visit.wait_for_link("do", name)
        expect(page.panel(".lead")).to_have_text(words[f"generate_pad.try_{name}"])
        assert page.page.evaluate("document.documentElement.scrollWidth") <= 390, name
        narrow = page.root.evaluate(
            """(e) => [...e.querySelectorAll("button, input, canvas")]
                 .filter((one) => one.offsetParent && one.getBoundingClientRect().right > 391)
                 .map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert narrow == [], name


@pytest.fixture
def fresh(app, held_out):
    """A VAE with K = 3 that was just trained, in the app's own store."""
    some = held_out.subset(np.arange(600), "some")
    config = variant("vae").Config.checked({"latent": 3, "hidden": (8,)})
    request = checkpoints.Request("vae", config, some, TrainConfig(epochs=1, batch_size=200))
    loop.drain(runner.run(request, app.user_store, on_map=held_out))
    run = checkpoints.open_run(app.user_store / request.id)
    yield run
    own_runs.delete(run)


def test_a_freshly_trained_run_has_all_of_it(pad, fresh, judge, held_out):
    page = pad(k=3)
    model = loading.load_model(fresh)
    assert page.see("pad.run.id") == fresh.id
    draw_enough(page, "prior", "mixture")
    assert_counted(page, "prior", model, judge)
    codes = coding.encode(model, held_out.x)
    drawn = page.array("part.sets.mixture.codes").reshape(1000, 3)
    spread = codes.mean.std(0)
    np.testing.assert_allclose(drawn.mean(0), codes.mean.mean(0), atol=5 * spread.max() / 30)
    page.open("traverse")
    page.wait("part.byKl")
    kl = 0.5 * (codes.mean**2 + np.exp(codes.log_var) - 1 - codes.log_var).mean(0)
    np.testing.assert_allclose(page.array("part.weights"), kl, rtol=1e-2, atol=1e-3)
    assert page.visit.errors == []
