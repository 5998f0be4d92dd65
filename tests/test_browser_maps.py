"""What stands around Explore's map, in a real browser: layouts, colours, layers, selections."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect
from sklearn.decomposition import PCA
from torch.distributions import Bernoulli, Normal

from core import data
from core.latent import coding, results
from core.latent.results import Subject
from core.measures import metrics
from core.store import checkpoints, image_sets, loading, result_files
from explorer.language import Words
from explorer.views import frame
from tests import browser as chromium
from tests.browser import PHONE

pytestmark = pytest.mark.browser

WAIT = 120_000  # milliseconds for what a process computes on a busy machine


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist-5k", "all")


@pytest.fixture(scope="module")
def run_of(shipped):
    def find(variant: str, k: int) -> checkpoints.Run:
        return next(
            run
            for run in shipped.values()
            if (run.record.variant, run.record.latent) == (variant, k)
            and frame.network_of(run) == "mlp"
        )

    return find


def wait_in_the_pad(visit, expression: str) -> None:
    visit.wait(
        f"""() => [...document.querySelectorAll("*")].some((element) => {{
          const pad = element.shadowRoot?.latentPad;
          return pad && ({expression});
        }})"""
    )


def lay_out(visit, method: str) -> None:
    button = visit.page.locator(f'button[data-method="{method}"]')
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true", timeout=WAIT)
    wait_in_the_pad(visit, "!pad.map.gliding")


def at_rest(live, **link):
    """A page that several tests go on with, as it opens: the first layout, classes' colours, the
    usual layers, nothing selected."""
    hand = live(**link)
    tools = hand.page.locator(".map-bar")
    first = tools.locator("button[data-method]").first
    lay_out(hand, first.get_attribute("data-method"))
    tools.locator('[data-colour="class"]').click()
    for name in ("rings", "prior", "backdrop"):
        layer = hand.page.locator(f"[data-layer={name}]")
        if layer.is_visible():
            layer.set_checked(name != "backdrop")
    tools.locator('[data-tool="select"]').click()
    hand.map.focus()
    hand.page.keyboard.press("Escape")
    hand.wait_for_link("select", None)
    tools.locator('[data-tool="move"]').click()
    hand.map.blur()
    return hand


def array(visit, expression: str) -> np.ndarray:
    return np.array(visit.see(f"Array.from({expression})"))


def point_in_polygon(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Independent of ours: the angles under which a point sees the edges sum to ±2π inside."""
    seen = polygon[None] - points[:, None]  # (count, corners, 2)
    ahead = np.roll(seen, -1, axis=1)
    cross = seen[..., 0] * ahead[..., 1] - seen[..., 1] * ahead[..., 0]
    turned = np.arctan2(cross, (seen * ahead).sum(-1)).sum(1)
    return np.abs(turned) > np.pi


# --- Layouts ------------------------------------------------------------------------------------


def test_umap_shows_the_kept_map_and_decodes_the_nearest_digits_own_code(visit, run_of):
    run = run_of("stacked_ae", 16)
    hand = visit(model="stacked_ae", k=16)
    lay_out(hand, "umap")
    hand.wait_for_link("map", "umap")
    kept = results.get(Subject(run), "umap")[0]["points"]
    np.testing.assert_allclose(array(hand, "pad.map.points").reshape(-1, 2), kept, rtol=1e-6)
    hand.page.mouse.click(*hand.at(0.45, 0.4))
    place = np.array(hand.see("pad.map.toMap(0.45 * pad.map.width, 0.4 * pad.map.height)"))
    index = ((kept - place) ** 2).sum(1).argmin()
    codes = checkpoints.read_tensors(run, checkpoints.CODES)["codes"][index].astype(np.float32)
    hand.wait_for_link("z")
    np.testing.assert_allclose(array(hand, "pad.z"), codes, atol=1e-6)
    expected = coding.decode(loading.load_model(run), codes[None]).reshape(-1).clip(0, 1)
    np.testing.assert_allclose(hand.pixels(), expected, atol=1e-3 + 1.2 / 255)
    assert "nearest digit" in hand.page.locator('[data-part="map-note"]').inner_text()
    assert (
        hand.page.locator("[data-layer=rings]").is_disabled()
        or not hand.page.locator("[data-layer=rings]").is_visible()
    )
    again = visit(**hand.link)
    wait_in_the_pad(again, "pad.tools.method === 'umap'")
    np.testing.assert_allclose(array(again, "pad.z"), codes, atol=1e-3)
    again.map.focus()
    seen = set()
    for _ in range(8):
        again.page.keyboard.press("Shift+ArrowRight")
        seen.add(again.label)
    assert len(seen) > 3, "steps that end between digits add up"
    assert hand.errors == [] and again.errors == []


def test_pca_of_a_plane_is_scikit_learns_and_a_plain_code_has_no_rate(visit, run_of):
    hand = visit(model="stacked_ae", k=2, select="native:1,2,x")
    says(hand, "selection can't be read")
    expect(hand.page.locator('[data-colour="rate"]')).to_be_hidden()
    expect(hand.page.locator('[data-part="reparam"]')).to_be_hidden()
    lay_out(hand, "pca")
    codes = checkpoints.read_tensors(run_of("stacked_ae", 2), checkpoints.CODES)["codes"]
    ours = array(hand, "pad.map.points").reshape(-1, 2)
    theirs = PCA(2, svd_solver="full").fit_transform(codes.astype(np.float64))
    for axis in range(2):
        sign = np.sign(ours[:, axis] @ theirs[:, axis])
        np.testing.assert_allclose(ours[:, axis], sign * theirs[:, axis], atol=2e-3)
    round_trip = array(hand, "pad.layout.toLatent(pad.layout.toMap([1, -2]), pad.z)")
    np.testing.assert_allclose(round_trip, [1, -2], atol=1e-5)


def test_each_map_has_its_scores_beside_a_random_ones(live, run_of):
    run = run_of("vae", 2)
    hand = at_rest(live, model="vae", k=2, digit=11)
    line = hand.page.locator('[data-part="trust"]')
    random = results.get(Subject(run), "random_scores")[1]
    for method, kind in (("native", "plane"), ("umap", "umap"), ("tsne", "tsne")):
        lay_out(hand, method)
        expect(line).to_have_attribute("data-of", method)
        scores = results.get(Subject(run), f"{kind}_scores")[1]
        found = [float(number) for number in re.findall(r"\d\.\d\d", line.inner_text())]
        expected = [
            part
            for name in ("trustworthiness", "continuity", "agreement")
            for part in (scores[name], random[name])
        ]
        assert found == pytest.approx(expected, abs=0.0051)


def test_two_axes_keep_the_others_and_have_their_scores(visit, app, run_of, own_set, held_out):
    run, some = run_of("vae", 16), np.arange(0, 5000, 21)
    set_id = own_set(some)
    for kind in ("axes_4_9_scores", "axes_1_4_scores", "random_scores"):
        results.get(Subject(run, set_id), kind)
    hand = visit(model="vae", k=16, set=set_id, map="axes", axes="9,4")
    line = hand.page.locator('[data-part="trust"]')
    expect(line).to_have_attribute("data-of", "axes", timeout=WAIT)
    scores = kept(app, run, "axes_4_9_scores", set_id)[1]
    codes = coding.encode(loading.load_model(run), held_out.x[some]).mean[:, [3, 8]]
    expected = metrics.map_scores(codes, held_out.x[some], held_out.labels[some])
    assert scores == pytest.approx(expected | {"count": len(some)}, abs=2e-3)
    found = [float(number) for number in re.findall(r"\d\.\d\d", line.inner_text())]
    names = ("trustworthiness", "continuity", "agreement")
    before = array(hand, "pad.z")
    hand.page.mouse.click(*hand.at(0.6, 0.6))
    after = array(hand, "pad.z")
    place = hand.see("pad.map.toMap(0.6 * pad.map.width, 0.6 * pad.map.height)")
    pixel = hand.see("pad.map.toMap(1, 0)[0] - pad.map.toMap(0, 0)[0]")
    np.testing.assert_allclose(after[[8, 3]], place, atol=pixel)
    np.testing.assert_array_equal(np.delete(after, [8, 3]), np.delete(before, [8, 3]))
    assert found[::2] == pytest.approx([scores[name] for name in names], abs=0.0051)
    hand.page.locator('[data-part="axis-0"]').select_option("0")
    hand.wait_for_link("axes", "1,4")
    expect(line).to_have_attribute("data-of", "axes", timeout=WAIT)
    assert kept(app, run, "axes_1_4_scores", set_id)
    assert hand.errors == []


# --- A knob ---------------------------------------------------------------------------------------


def test_what_was_measured_at_the_usual_value_says_so_and_codes_follow_the_knob(
    visit, app, run_of, held_out, monkeypatch
):
    run = run_of("multirate_vae", 16)
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(app.user_store))
    chance = results.get(Subject(run), "random_scores")[1]  # only that they are there matters here
    name = results.file_name(Subject(run), "axes_1_2_scores")
    result_files.write(app.user_store / result_files.FOLDER, name, {}, chance)
    hand = visit(model="multirate_vae", k=16, map="axes", axes="1,2", colour="error")
    remarks = hand.page.locator("[data-at-usual]")
    expect(hand.page.locator('[data-part="trust"]')).to_have_attribute(
        "data-of", "axes", timeout=WAIT
    )
    expect(remarks).to_have_count(2)
    assert not any(one.is_visible() for one in remarks.all())
    wait_in_the_pad(hand, "pad.tools.colour === 'error' && pad.tools.values")
    hand.see("pad.turn(4)")
    for one in remarks.all():
        expect(one).to_have_text("measured at β = 1")
    wait_in_the_pad(hand, "pad.run.codesKnown && !pad.part('message').textContent")
    some = np.arange(0, 5000, 100)
    expected = coding.encode(loading.load_model(run), held_out.x[some], dial=4.0).mean
    np.testing.assert_allclose(
        array(hand, "pad.run.codes").reshape(-1, 16)[some], expected, atol=2e-3
    )
    np.testing.assert_allclose(
        array(hand, "pad.map.points").reshape(-1, 2)[some], expected[:, :2], atol=2e-3
    )
    lay_out(hand, "umap")
    assert "Laid out once, at β = 1" in hand.page.locator('[data-part="map-note"]').inner_text()
    hand.page.mouse.click(*hand.at(0.45, 0.4))
    index = hand.see("pad.run.nearest(pad.z).index")
    np.testing.assert_allclose(
        array(hand, "pad.z"),
        coding.encode(loading.load_model(run), held_out.x[index : index + 1], dial=4.0).mean[0],
        atol=2e-3,
    )
    with open(
        saved(hand, "Codes and places (CSV)").path(), newline="", encoding="utf-8-sig"
    ) as file:
        rows = list(csv.DictReader(file))
    assert {row["beta"] for row in rows} == {"4"}
    found = np.array([[float(rows[i][f"z{k + 1}"]) for k in range(16)] for i in some])
    np.testing.assert_allclose(found, expected, atol=2e-3)
    hand.see("pad.turn(1)")
    expect(remarks.first).to_be_hidden()
    assert hand.errors == []


def test_a_selection_and_scores_follow_the_knob(visit, run_of):
    hand = visit(model="multirate_vae", k=2, select="native:-2,-2,0,-2,0,0,-2,0")
    wait_in_the_pad(hand, "pad.tools.gallery.chosen.length")
    before = array(hand, "pad.tools.gallery.chosen").tolist()
    hand.see("pad.turn(8)")
    wait_in_the_pad(hand, f"pad.tools.gallery.chosen.length !== {len(before)}")
    polygon = np.array(hand.see("pad.tools.lasso.polygon"))
    points = array(hand, "pad.map.points").reshape(-1, 2)
    inside = np.flatnonzero(point_in_polygon(points, polygon))
    np.testing.assert_array_equal(array(hand, "pad.tools.gallery.chosen"), inside)
    hand.see("pad.turn(1)")

    run = run_of("multirate_vae", 2)
    names = ("trustworthiness", "continuity", "agreement")
    usual = results.get(Subject(run), "plane_scores")[1]
    along = results.get(Subject(run), "knot_scores")[0]
    knots = checkpoints.read_tensors(run, checkpoints.CODES)["knots"]
    wait_in_the_pad(hand, "pad.tools.trust.scores?.knots")

    def shown() -> list[float]:
        line = hand.page.locator('[data-part="trust"]')
        return [float(line.locator(f'[data-score="{name}"]').inner_text()) for name in names]

    assert shown() == pytest.approx([usual[name] for name in names], abs=0.0051)
    for at in (1, len(knots) - 1):
        hand.see(f"pad.turn({math.exp(knots[at])})")
        assert shown() == pytest.approx([along[name][at] for name in names], abs=0.0052)
    assert not hand.page.locator("[data-at-usual]").first.is_visible()
    assert hand.errors == []


# --- Colours and layers -------------------------------------------------------------------------


def test_colour_by_error_and_rate_above_a_backdrop_of_what_places_decode_to(visit, run_of):
    each = results.get(Subject(run_of("vae", 2)), "each")[0]
    hand = visit(model="vae", k=2, colour="error", layers="rings,prior,backdrop")
    wait_in_the_pad(hand, "pad.tools.colour === 'error' && pad.tools.values")
    legend = hand.page.locator('[data-part="legend"]')
    for name in ("error", "rate"):
        hand.page.locator(f'[data-colour="{name}"]').click()
        wait_in_the_pad(hand, f"pad.tools.colour === '{name}' && pad.tools.values")
        np.testing.assert_array_equal(array(hand, "pad.tools.values"), each[name])
        found = [float(number) for number in re.findall(r"\d+\.\d", legend.inner_text())]
        expected = np.percentile(each[name], [1, 99, 50])
        assert found == pytest.approx(expected, abs=0.3)
        levels = array(hand, "pad.map.shade.levels")
        assert levels[each[name].argmax()] == 63 and levels[each[name].argmin()] == 0
    hand.page.locator('[data-colour="class"]').click()
    expect(legend).to_be_hidden()
    assert hand.see("pad.map.shade") is None

    wait_in_the_pad(hand, "pad.tools.backdrop.done === pad.tools.backdrop.order?.length")
    model = loading.load_model(run_of("vae", 2))
    columns = hand.see("pad.tools.backdrop.columns")
    cell = 3 * columns + 7
    place = hand.see("pad.map.toMap(7 * 28 + 14, 3 * 28 + 14)")
    found = array(hand, f"pad.tools.backdrop.values.subarray({cell * 784}, {(cell + 1) * 784})")
    expected = 255 * coding.decode(model, np.array([place], np.float32)).reshape(-1).clip(0, 1)
    np.testing.assert_allclose(found, expected, atol=1.01)
    assert hand.see("pad.tools.backdrop.near").__len__() > 0
    hand.page.locator("[data-layer=backdrop]").uncheck()
    hand.wait_for_link("layers", None)
    hand.page.locator("[data-layer=prior]").uncheck()
    hand.wait_for_link("layers", "rings")


def test_the_priors_rings_are_one_two_and_three_standard_deviations(visit):
    hand = visit(model="vae", k=16, map="axes", axes="1,17")
    expect(hand.page.locator('[data-part="message"]')).to_contain_text("from 1 to 16")
    lay_out(hand, "pca")
    rings = hand.see(
        """(() => {
          const drawn = [];
          let path = [];
          const spy = new Proxy(document.createElement("canvas").getContext("2d"), {
            set: () => true,
            get: (target, name) => (...given) => {
              if (name === "beginPath") path = [];
              if (name === "moveTo" || name === "lineTo") path.push(given);
              if (name === "closePath") drawn.push(path);
            },
          });
          const view = { toScreen: (point) => point, width: 0, height: 0, colours: pad.colours };
          pad.map.backing.paint(spy, view);
          return drawn;
        })()""",
    )
    centre = np.array(hand.see("pad.layout.toMap(new Float32Array(16))"))
    radii = [np.hypot(*(np.array(ring) - centre).T) for ring in rings]
    assert len(radii) == 3
    for factor, radius in enumerate(radii, 1):  # an orthonormal plane keeps N(0, I) round
        np.testing.assert_allclose(radius, factor, rtol=1e-3)


# --- Many digits at once ------------------------------------------------------------------------


def test_a_selection_shows_real_and_reconstructed_digits_and_is_in_the_link(
    visit, live, run_of, held_out
):
    run = run_of("vae", 2)
    hand = at_rest(live, model="vae", k=2, digit=11)
    hand.page.locator('[data-tool="select"]').click()
    frames = len(hand.frames)
    mouse = hand.page.mouse
    corners = [(0.45, 0.3), (0.62, 0.35), (0.6, 0.62), (0.43, 0.55)]
    mouse.move(*hand.at(*corners[0]))
    mouse.down()
    for corner in corners[1:]:
        mouse.move(*hand.at(*corner), steps=6)
    mouse.up()
    hand.wait_for_link("select")
    assert len(hand.frames) == frames, "nothing was told to the server"
    polygon = np.array(hand.see("pad.tools.lasso.polygon"))
    points = array(hand, "pad.map.points").reshape(-1, 2)
    mask = point_in_polygon(points, polygon)
    np.testing.assert_array_equal(array(hand, "pad.map.mask"), mask)
    assert 50 < mask.sum() < 4000
    title = hand.page.locator('[data-part="chosen"]').inner_text()
    assert title.startswith(f"{mask.sum():,} of 5,000 digits")
    tiles = hand.page.locator(".tiles button")
    expect(tiles).to_have_count(24)
    first = int(mask.argmax())
    assert tiles.first.get_attribute("data-digit") == str(first)
    x = held_out.x[first : first + 1]
    x_hat = coding.reconstruct(loading.load_model(run), x)
    error = metrics.squared_error_each(x / 255, x_hat)[0]
    assert float(tiles.first.inner_text()) == pytest.approx(error, abs=0.3)  # of float16 codes
    np.testing.assert_allclose(
        hand.pixels(tiles.first.locator("canvas").first), x.ravel() / 255, atol=1.2 / 255
    )
    hand.page.locator(".gallery .more button").click()
    expect(tiles).to_have_count(48)

    again = visit(**hand.link)
    wait_in_the_pad(again, "pad.tools.gallery.chosen.length")
    np.testing.assert_array_equal(array(again, "pad.map.mask"), mask)
    again.page.locator(".tiles button").nth(2).click()
    again.wait_for_link("digit", tiles.nth(2).get_attribute("data-digit"))
    again.map.focus()
    again.page.keyboard.press("Escape")
    again.wait_for_link("select", None)
    expect(again.page.locator(".gallery")).to_be_hidden()

    again.page.locator('button[data-tool="select"]').click()
    again.map.focus()
    again.page.keyboard.press("Shift+ArrowUp")
    for _ in range(5):
        again.page.keyboard.press("Shift+ArrowRight")
        again.page.keyboard.press("Shift+ArrowUp")
    again.wait_for_link("select")
    expect(again.page.locator(".tiles button").first).to_be_visible()
    assert hand.errors == [] and again.errors == []


# --- The reparameterisation ---------------------------------------------------------------------


def numbers(row) -> list[float]:
    text = row.inner_text().replace("−", "-").replace("(", "").replace(")", "")
    return [float(part) for part in re.findall(r"-?\d+\.\d\d", text)]


def test_z_is_mean_plus_sigma_times_the_epsilon_that_is_shown(live, run_of, held_out):
    hand = at_rest(live, model="vae", k=2, digit=11)
    hand.page.locator('[data-part="reparam"]').scroll_into_view_if_needed()
    rows = hand.page.locator(".equations > div")
    expect(rows).to_have_count(2)
    codes = coding.encode(loading.load_model(run_of("vae", 2)), held_out.x[11:12])
    sigma = np.exp(0.5 * codes.log_var[0])
    for k in range(2):
        assert numbers(rows.nth(k)) == pytest.approx(
            [codes.mean[0, k], sigma[k], 0, codes.mean[0, k]], abs=0.0051
        )
    drawn = []
    for _ in range(5):
        hand.page.locator('[data-sampling="draw"]').click()
        for k in range(2):
            mu, spread, epsilon, z = numbers(rows.nth(k))
            exact = hand.see(f"(pad.z[{k}] - pad.own[{k}]) / pad.posterior.sigma[{k}]")
            assert epsilon == pytest.approx(exact, abs=0.0051)
            assert z == pytest.approx(mu + spread * epsilon, abs=0.04)
            drawn.append(exact)
    many = hand.see(
        """Array.from({ length: 40 }, () => {
          pad.root.querySelector('[data-sampling="draw"]').click();
          return [0, 1].map((k) => (pad.z[k] - pad.own[k]) / pad.posterior.sigma[k]);
        }).flat()""",
    )
    assert abs(np.mean(many)) < 4 / np.sqrt(80)
    assert abs(np.var(many) - 1) < 4 * np.sqrt(2 / 80)
    assert len({round(one, 6) for one in [*drawn, *many]}) == 90
    hand.page.locator('[data-sampling="mean"]').click()
    np.testing.assert_allclose(array(hand, "pad.z"), codes.mean[0], atol=1e-4)
    hand.slider(1).evaluate(
        "(input) => { input.value = input.max; input.dispatchEvent(new Event('input')); }"
    )
    far = array(hand, "pad.z")[0]
    assert numbers(rows.first)[2] == pytest.approx((far - codes.mean[0, 0]) / sigma[0], abs=0.3)
    expect(rows.first).to_have_class(re.compile("far"))
    assert hand.page.locator('[data-part="draws"] canvas').count() == 8


def test_the_bounds_are_those_of_the_draws(live, run_of, held_out):
    hand = at_rest(live, model="vae", k=2, digit=11)
    hand.page.locator('[data-part="reparam"]').scroll_into_view_if_needed()
    line = hand.page.locator('[data-part="bounds"]')
    expect(line).to_contain_text("log p(x)")
    # Both at once: another digit has its own draws coming, and the line is then an older one.
    # One look both waits and reads: the page draws anew whenever the lines come into sight.
    wait_in_the_pad(
        hand,
        """pad.sampling.noise?.length === 1000 && (pad.told = {
             line: pad.part("bounds").textContent, bounds: pad.sampling.bounds,
             curve: Array.from(pad.part("bound-curve").querySelectorAll("text.end"),
               (text) => text.textContent),
             noise: pad.sampling.noise.map((one) => Array.from(one)) })""",
    )
    told = hand.see("pad.told")
    shown = [float(number) for number in re.findall(r"(-?\d+\.\d) ±", told["line"])]
    errors = [float(number) for number in re.findall(r"± (\d+\.\d+)", told["line"])]
    noise = np.array(told["noise"])
    assert noise.shape == (1000, 2)
    model = loading.load_model(run_of("vae", 2))
    x = torch.from_numpy((held_out.x[11:12] > 127).astype(np.float32))
    with torch.no_grad():
        (level,) = model.encode(x)
        sigma = (0.5 * level.log_var).exp()
        z = level.mean + sigma * torch.from_numpy(noise.astype(np.float32))
        pixels = Bernoulli(logits=model.decode(z)).log_prob(x).flatten(1).sum(1)
        ratio = (Normal(0, 1).log_prob(z) - Normal(level.mean, sigma).log_prob(z)).sum(1)
        weights = pixels + ratio
        groups = [weights.unflatten(0, (-1, k)).logsumexp(1) - math.log(k) for k in (1, 5, 50)]
    bounds = [group.mean().item() for group in groups]
    assert shown == pytest.approx(bounds, abs=0.06)
    assert errors == pytest.approx(
        [group.std().item() / math.sqrt(len(group)) for group in groups], abs=0.006
    )
    assert bounds == sorted(bounds)
    most = (weights.unflatten(0, (-1, 100)).logsumexp(1) - math.log(100)).mean().item()
    assert [float(one) for one in told["curve"]] == pytest.approx([bounds[0], most], abs=0.06)


# --- What is computed -------------------------------------------------------------------------


@pytest.fixture
def fresh(app, run_of):
    """A run in the user's store of which nothing was derived: other codes than a shipped one's."""
    like = run_of("stacked_ae", 2)
    tensors = {name: dict(checkpoints.read_tensors(like, name)) for name in like.record.files}
    codes = tensors[checkpoints.CODES]
    codes["codes"] = codes["codes"] + np.float16(0.125)
    record = like.record.model_copy(update={"id": "stacked_ae-k2-0000000001"})
    made = checkpoints.save(app.user_store, record, tensors)
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture
def own_set(app, monkeypatch, held_out):
    """Keeps images of the held-out digits as a set of the user's: `own_set(indices)` → its id."""
    monkeypatch.setenv("LATENT_EXPLORER_RUNS", str(app.user_store))

    def keep(indices) -> str:
        some = dataclasses.replace(
            held_out, name="mine", x=held_out.x[indices], labels=held_out.labels[indices]
        )
        return image_sets.keep(some)

    return keep


def kept(app, run, kind: str, set_id: str | None = None):
    """Arrays and notes of a result in the app's own store, None while it is not there."""
    name = results.file_name(Subject(run, set_id), kind)
    return result_files.read(app.user_store / result_files.FOLDER / name)


def test_a_map_of_own_images_is_computed_in_the_background(visit, app, run_of, own_set):
    run, some = run_of("stacked_ae", 2), np.arange(0, 5000, 40)
    set_id = own_set(some)
    hand = visit(model="stacked_ae", k=2, set=set_id)
    wait = hand.page.locator('[data-part="wait"]')
    hand.page.locator('button[data-method="tsne"]').click()
    expect(wait).to_be_visible()
    assert hand.see("pad.tools.method") == "native", "what was shown stays meanwhile"
    lay_out(hand, "tsne")
    expect(wait).to_be_hidden()
    points = array(hand, "pad.map.points").reshape(-1, 2)
    np.testing.assert_array_equal(points, kept(app, run, "tsne", set_id)[0]["points"])
    assert points.shape == (len(some), 2)
    assert hand.errors == []


def test_a_projection_is_cancelled_and_another_goes_on_when_its_page_is_left(
    visit, ask, fresh, run_of, own_set
):
    hand = visit(model="stacked_ae", k=2, run=fresh.id)
    hand.page.locator('button[data-method="tsne"]').click()
    wait = hand.page.locator('[data-part="wait"]')
    expect(wait).to_be_visible()
    wait_in_the_pad(hand, "pad.part('wait').querySelector('progress').value > 0")
    wait.locator("button").click()
    expect(wait).to_be_hidden()
    assert hand.see("pad.tools.method") == "native"
    assert hand.page.locator('[data-part="message"]').inner_text() == ""

    run, set_id = run_of("stacked_ae", 2), own_set(np.arange(0, 5000, 25))
    left = visit(model="stacked_ae", k=2, set=set_id)
    left.page.locator('button[data-method="tsne"]').click()
    expect(left.page.locator('[data-part="wait"]')).to_be_visible()
    left.page.close()
    hand.page.wait_for_timeout(500)

    def state(of, query=""):
        return json.loads(ask(f"/derive/{of.id}/tsne{query}")[2])["status"]

    assert state(run, f"?set={set_id}") in ("waiting", "working", "ready"), "its page was left"
    assert state(fresh) == "absent", "and what was cancelled is not computed"


def test_images_that_cannot_be_laid_out_get_a_sentence(visit, own_set):
    hand = visit(language="ko", lang="ko", model="stacked_ae", k=2, set=own_set(np.zeros(50, int)))
    hand.page.locator('button[data-method="tsne"]').click()
    message = hand.page.locator('[data-part="message"]')
    sentence = Words("ko")("mapspad.failed_same", name="t-SNE", count=50)
    expect(message).to_have_text(sentence, timeout=WAIT)
    assert hand.see("pad.tools.method") == "native"
    assert hand.errors == []


# --- Links and saves ----------------------------------------------------------------------------


def says(hand, sentence) -> None:
    """What the link asked for in vain; the digits lie where they do by themselves."""
    expect(hand.page.locator('[data-part="message"]')).to_contain_text(sentence)
    assert hand.see("pad.tools.method") == "native"
    assert hand.errors == []


def test_a_link_with_a_layer_that_is_none_gets_a_sentence(visit):
    hand = visit(model="vae", k=2, layers="prior,snow")
    says(
        hand, "prior,snow, but there is only rings, prior, backdrop"
    )  # two axes' is where rings are


def saved(visit, label: str, **choices):
    return chromium.saved(visit.page.locator(".actions .saves"), label, **choices)


def test_the_map_the_digit_and_the_codes_are_saved(visit, run_of):
    run = run_of("vae", 2)
    hand = visit(model="vae", k=2, digit=5, map="sphere")
    says(hand, "map = sphere, but there is only native, pca, umap, tsne")
    picture = Image.open(saved(hand, "Decoded digit (PNG)", title="").path())
    expected = coding.decode(loading.load_model(run), array(hand, "pad.z")[None]).reshape(28, 28)
    np.testing.assert_allclose(chromium.native(picture, 28, 28), expected.clip(0, 1), atol=0.01)
    assert run.id in picture.text.values()
    map_picture = Image.open(saved(hand, "Map (PNG)", side="dark", width="1920").path())
    assert map_picture.width == 1920 and map_picture.getpixel((3, 3))[:3] == (18, 21, 31), "dark"
    # It is drawn anew at this size: where nothing is blurred, many pixels differ from their next.
    grey = np.asarray(map_picture.convert("L"), float)
    assert (np.abs(np.diff(grey, axis=1)) > 40).mean() > 0.01
    assert run.id in map_picture.text.values()
    with open(
        saved(hand, "Codes and places (CSV)").path(), newline="", encoding="utf-8-sig"
    ) as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    codes = checkpoints.read_tensors(run, checkpoints.CODES)["codes"]
    assert len(rows) == 5000 and {row["run"] for row in rows} == {run.id}
    found = np.array([[float(row["z1"]), float(row["z2"])] for row in rows])
    np.testing.assert_allclose(found, codes, rtol=1e-6)
    np.testing.assert_allclose(
        [[float(row["map_x"]), float(row["map_y"])] for row in rows], found, atol=1e-6
    )


def test_on_a_phone_in_korean(visit):
    hand = visit(
        language="ko", lang="ko", options=PHONE | {"locale": "ko-KR"}, model="vae", k=2, map="umap"
    )
    wait_in_the_pad(hand, "pad.tools.method === 'umap'")
    words = Words("ko")
    for key in ("method_native", "colour_class", "tool_select"):
        expect(hand.page.get_by_text(words(f"mapspad.{key}"), exact=True).first).to_be_visible()
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= 390
    hand.page.locator('[data-tool="select"]').tap()
    box = hand.map.bounding_box()
    client = hand.page.context.new_cdp_session(hand.page)
    corners = [(0.2, 0.2), (0.8, 0.25), (0.75, 0.8), (0.25, 0.7)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    for kind, place in [("touchStart", places[0]), *(("touchMove", place) for place in places)]:
        points = [{"x": place[0], "y": place[1]}]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    hand.wait_for_link("select")
    assert hand.see("pad.tools.gallery.chosen.length") > 10
    assert hand.errors == []
