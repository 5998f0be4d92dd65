"""The page β and K in a real browser: β is dragged and K switched without the server."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from core import data
from core.latent import coding
from core.measures import losses, metrics
from core.models.signals import Condition
from core.store import loading
from explorer import assets
from explorer.language import texts
from explorer.views import beta as page
from tests.browser import DESKTOP, PHONE, saved

pytestmark = pytest.mark.browser

PAGE = "beta_and_k"
ONE_STEP = 1.2 / 255
DRAWS = 8


@pytest.fixture(scope="module")
def stops(shipped):
    return page.stops(list(shipped.values()))


@pytest.fixture(scope="module")
def models(stops):
    return {k: loading.load_model(run) for k, run in stops.items()}


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist-5k", "all")


def beta(visit):
    return visit.page.get_by_label("β", exact=True)


def stop(visit, k):
    return visit.page.locator(f'button[data-k="{k}"]')


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
    return visit.see(f"((bench) => ({expression}))(pad.bench)")


def wait_in_the_pad(visit, expression):
    visit.wait(
        "() => { for (const host of document.querySelectorAll('*')) {"
        " const pad = host.shadowRoot?.latentPad; if (pad?.bench) {"
        f" const bench = pad.bench; return Boolean({expression}); }} }} return false; }}"
    )


def prefetched(visit):
    wait_in_the_pad(visit, "bench.prefetched")


@torch.no_grad()
def ledger(model, x, value, normals, sigma):
    """Reconstruction and KL of each dimension of one image, by torch, with the given draws."""
    one = coding.to_tensor(x)
    told = model.capabilities.has_dial
    dial = {"dial": torch.full((1,), float(np.log(value)))} if told else {}
    (level,) = model.encode(one, Condition(**dial))
    noise = torch.tensor(normals[: DRAWS * model.config.latent]).reshape(DRAWS, -1)
    z = level.mean + (0.5 * level.log_var).exp() * noise
    many = Condition(**{name: value.expand(DRAWS) for name, value in dial.items()})
    answer = model.decode(z, many)
    target = one.expand(DRAWS, *one.shape[1:])
    if model.config.likelihood == "bernoulli":
        nll = losses.bernoulli_nll(answer, target)
    else:
        nll = losses.gaussian_nll(answer, target, sigma)
    return float(nll), losses.kl_standard_normal_each(level.mean, level.log_var)[0].numpy()


def normals(visit):
    """The fixed draws that the ledger uses."""
    prefetched(visit)
    found = visit.page.evaluate(
        "async (module) => Array.from((await import(module)).fixedNormals(8 * 64))",
        assets.module("engine/ledger.js"),
    )
    assert abs(np.mean(found)) < 0.15 and abs(np.std(found) - 1) < 0.15
    return found


# --- β -------------------------------------------------------------------------------------------


def test_dragging_beta_moves_code_map_digit_and_every_number(visit, models, stops, held_out):
    k = min(stops)
    hand = visit(PAGE, digit=100, beta=0.1, k=k)
    points = np.array(in_the_pad(hand, "Array.from(pad.run.points)"))
    mark = hand.page.locator(".chart .mark").first
    place = mark.get_attribute("transform")
    label, frames = hand.label, len(hand.frames)
    drag(hand, [0.2, 0.3, 0.5, 0.7, 0.9])
    hand.wait_for_change(label)
    assert len(hand.frames) == frames, "a message left for the server during the drag"
    hand.page.mouse.up()
    hand.wait_for_link("beta")
    value = in_the_pad(hand, "pad.run.value")
    assert value > 1
    assert float(hand.link["beta"]) == pytest.approx(value, rel=1e-3)
    moved = np.array(in_the_pad(hand, "Array.from(pad.run.points)"))
    assert np.abs(moved - points).max() > 0.1
    assert mark.get_attribute("transform") != place
    assert "β = " in mark.get_attribute("data-title")

    model, one = models[k], held_out.x[100:101]
    code = coding.encode(model, one, dial=value).mean
    exact = in_the_pad(hand, "Array.from(pad.z)")
    assert exact == pytest.approx(code[0].tolist(), abs=2e-3)
    x_hat = coding.decode(model, np.array([exact], np.float32), dial=value).reshape(-1)
    np.testing.assert_allclose(hand.pixels(), x_hat.clip(0, 1), rtol=0, atol=1e-3 + ONE_STEP)

    # The ledger of this digit, against torch with the same draws of z; below the fold it rests.
    hand.page.wait_for_timeout(300)
    sums = in_the_pad(hand, "({...bench.ledger.sums, kl: Array.from(bench.ledger.sums.kl)})")
    nll, kl = ledger(model, one, value, normals(hand), None)
    np.testing.assert_allclose(sums["kl"], kl, atol=1e-3)
    assert sums["reconstruction"] == pytest.approx(nll, abs=1e-3 * max(1, nll / 100))
    assert sums["elbo"] == pytest.approx(nll + kl.sum(), abs=5e-3)
    assert sums["objective"] == pytest.approx(nll + value * kl.sum(), abs=2e-2)
    rows = hand.page.locator('[data-part="rows"] td')
    assert float(rows.nth(3).inner_text()) == pytest.approx(sums["elbo"], abs=0.051)
    floor = float(rows.nth(1).inner_text())
    assert floor == pytest.approx(metrics.bernoulli_floor(one / 255), abs=0.051)
    assert hand.errors == []

    # The surgery of the rate, once β rests, against numpy on the same posteriors.
    wait_in_the_pad(hand, "bench.cut")
    cut = in_the_pad(hand, "bench.cut")
    sample = in_the_pad(hand, "bench.sample")
    assert len(set(sample)) == 400
    assert (np.bincount(held_out.labels[sample], minlength=10) >= 35).all(), "all ten digits"
    few = coding.encode(model, held_out.x[sample], dial=value)
    whole = coding.rate_each(model, held_out.x, dial=value).sum(1)
    assert abs(cut["rate"] - whole.mean()) < 4 * whole.std() / 20, "as of all 5,000"
    parts = metrics.elbo_surgery(few.mean, few.log_var, draws=10)
    assert cut["rate"] == pytest.approx(parts["rate"], rel=1e-3)
    assert cut["information"] == pytest.approx(parts["information"], abs=0.2)
    assert cut["marginal"] == pytest.approx(parts["marginal_kl"], abs=0.2)

    # At a knot the map is where the encoder puts the digits.
    value = in_the_pad(hand, "Math.exp(pad.run.knots.knots.data[8])")
    points = np.array(
        in_the_pad(
            hand,
            "(pad.run.turn(Math.exp(pad.run.knots.knots.data[8])), Array.from(pad.run.points))",
        )
    ).reshape(-1, 2)
    codes = coding.encode(model, held_out.x[:200], dial=value).mean
    laid = in_the_pad(hand, "pad.run.alignment")  # over the map of the K that the page opens with
    turned = codes @ np.reshape(laid["rotation"], (2, 2))
    np.testing.assert_allclose(points[:200], laid["scale"] * turned + laid["shift"], atol=5e-3)


# --- K -------------------------------------------------------------------------------------------


def test_k_switches_at_once_with_the_same_digit_and_beta_and_no_message(
    visit, models, stops, held_out
):
    first, last = page.opening(stops), max(stops)
    hand = visit(PAGE, digit=321, beta=0.5)
    assert in_the_pad(hand, "pad.run.latent") == first
    for part in ("map", "kl", "dead", "output", "score", "dial"):
        box = hand.page.locator(f'[data-part="{part}"]').bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 800, f"{part} is out of sight"
    prefetched(hand)
    old, frames = np.array(in_the_pad(hand, "Array.from(pad.run.points)")), len(hand.frames)
    gliding, between = in_the_pad(
        hand,
        f"(pad.root.querySelector('[data-k=\"{last}\"]').click(),"
        " [Boolean(pad.map.gliding), Array.from(pad.map.points)])",
    )
    assert gliding
    wait_in_the_pad(hand, "!pad.map.gliding")
    new = np.array(in_the_pad(hand, "Array.from(pad.run.points)"))
    np.testing.assert_array_equal(in_the_pad(hand, "Array.from(pad.map.points)"), new)
    assert np.abs(old - new).max() > 0.1 and np.abs(old - between).max() < 0.1
    assert len(hand.frames) == frames, "a message left for the server"
    assert stop(hand, last).get_attribute("aria-pressed") == "true"
    assert (hand.link["k"], hand.link["digit"]) == (str(last), "321")
    assert in_the_pad(hand, "pad.run.value") == pytest.approx(0.5, rel=1e-6)
    code = coding.encode(models[last], held_out.x[321:322], dial=0.5).mean[0]
    assert in_the_pad(hand, "Array.from(pad.z)") == pytest.approx(code.tolist(), abs=5e-3)
    assert hand.page.locator(".beta .bar").count() == last

    # The maps are laid over one another: no rotation or shift would bring them closer.
    from core.latent import projections

    found = projections.procrustes(new.reshape(-1, 2), old.reshape(-1, 2))
    np.testing.assert_allclose(found.rotation, np.eye(2), atol=0.25)

    # Every dimension has its slider, folded away; dead ones are named in words.
    assert hand.page.locator("details input[type=range]").count() == last
    beta(hand).focus()
    hand.page.keyboard.press("End")
    dead = in_the_pad(hand, "Array.from(pad.run.scoredKl()).filter((v) => v < 0.05).length")
    said = hand.page.locator('[data-part="dead"]').inner_text()
    assert dead in (0, last) or said.count("z") == dead
    assert hand.errors == []

    again = visit(PAGE, **hand.link)
    assert in_the_pad(again, "pad.run.latent") == last
    assert in_the_pad(again, "pad.run.value") == pytest.approx(float(hand.link["beta"]), rel=1e-3)


def test_bad_links_get_a_sentence_each_and_nothing_glides_where_rest_is_asked_for(visit, stops):
    hand = visit(PAGE, options={**DESKTOP, "reduced_motion": "reduce"}, k="7", beta="1e9")
    message = hand.page.locator(".pad .message")
    expect(message).to_contain_text("K is not one of")
    expect(message).to_contain_text("β is not between 0.05 and 10")
    assert in_the_pad(hand, "[pad.run.value, pad.run.latent]") == [1, page.opening(stops)]
    prefetched(hand)
    stop(hand, max(stops)).click()
    assert not in_the_pad(hand, "pad.map.gliding")
    assert in_the_pad(hand, "pad.map.points === pad.run.points && pad.run.latent") == max(stops)
    expect(message).to_be_hidden()


# --- The digit at each β and K, and under two likelihoods ----------------------------------------


def test_each_likelihood_has_its_own_score_and_the_grid_leads_to_its_cells(
    visit, shipped, models, stops, held_out
):
    both = page.pair(list(shipped.values()))
    assert both, "no two shipped VAEs differ in their likelihood alone"
    hand = visit(PAGE, digit=7)
    assert hand.page.locator("[data-cell]").count() == 0, "it waits until it is in view"
    hand.page.locator('[data-part="pair-note"]').scroll_into_view_if_needed()
    wait_in_the_pad(hand, "bench.pair.scores")
    draws = normals(hand)
    x = held_out.x[7:8]
    mean = held_out.x.mean(0, keepdims=True) / 255
    for i, run in enumerate(both):
        found = in_the_pad(hand, f"({{...bench.pair.scores[{i}], output: null}})")
        model = loading.load_model(run)
        sigma = run.record.config["sigma"]
        nll, _ = ledger(model, x, 1.0, draws, sigma)
        assert found["reconstruction"] == pytest.approx(nll, rel=1e-4, abs=1e-2)
        error = metrics.squared_error_each(x / 255, coding.reconstruct(model, x))[0]
        assert found["error"] == pytest.approx(error, abs=1e-3)
        target = torch.from_numpy(x / 255)
        trivial = (
            metrics.bernoulli_cross_entropy(x / 255, mean.clip(1e-6, 1 - 1e-6))
            if found["kind"] == "bernoulli"
            else float(losses.gaussian_nll(torch.from_numpy(mean), target, sigma))
        )
        assert found["trivial"] == pytest.approx(trivial, rel=1e-4)

    # The grid above is decoded when it is seen.
    hand.page.locator('[data-part="grid"]').scroll_into_view_if_needed()
    last, column = max(stops), page.BETAS[-1]
    cell = hand.page.locator(f'[data-cell="{last}:{column}"]')
    hand.wait_for_name(cell, "squared error")
    one = held_out.x[7:8]
    x_hat = coding.reconstruct(models[last], one, dial=column)
    error = metrics.squared_error_each(one / 255, x_hat)[0]
    assert float(cell.locator("small").inner_text()) == pytest.approx(error, abs=0.06)
    wait_in_the_pad(hand, "bench.grid.rows")
    row, place = sorted(stops).index(last), 1 + len(page.BETAS) - 1
    kept = in_the_pad(hand, f"bench.grid.rows[{row}].cells[{place}].picture.pixels")
    np.testing.assert_allclose(np.array(kept) / 255, x_hat.ravel().clip(0, 1), atol=ONE_STEP)
    menu = hand.page.locator(".beta .saves")
    picture = Image.open(saved(menu, "This digit at each β and K (PNG)").path())
    assert picture.width >= 480 and np.asarray(picture.convert("L")).std() > 20
    path = saved(menu, "The ledger of this digit (CSV)").path()
    with open(path, newline="", encoding="utf-8-sig") as file:
        told = {row["part"]: float(row["nats"]) for row in csv.DictReader(file)}
    sums = in_the_pad(hand, "bench.ledger.sums")
    assert list(told.values())[:1] == pytest.approx([sums["reconstruction"]])
    each = [told[f"KL z{k + 1}"] for k in range(len(sums["kl"]))]
    assert each == pytest.approx(sums["kl"], rel=1e-5)
    assert told["−ELBO = reconstruction + KL"] == pytest.approx(
        told["reconstruction, −E log p(x|z)"] + sum(each), rel=1e-4
    )
    cell.click()
    hand.wait_for_link("k", str(last))
    assert in_the_pad(hand, "[pad.run.latent, pad.run.value]") == [last, column]
    expect(cell).to_have_attribute("aria-current", "true")


# --- Languages, phones -------------------------------------------------------------------------


def test_both_languages_and_a_phone(visit):
    hand = visit(PAGE, options=PHONE)
    in_its_language(hand, "en")
    hand.speak("ko", "한국어")
    in_its_language(hand, "ko")
    assert hand.errors == []


def in_its_language(hand, language):
    words = texts(language)
    expect(hand.page.get_by_text(words["beta.title"])).to_be_visible()
    for key in ("beta_pad.curve", "beta_pad.dimensions", "beta_pad.grid", "beta.network_title"):
        expect(hand.page.get_by_role("heading", name=words[key])).to_be_attached()
    hand.wait_for_pad(language)
    hand.page.locator(".katex").last.wait_for()
    assert hand.page.locator(".katex-error").count() == 0
    assert hand.page.locator(".katex .boxed, .katex .fbox").count() > 0
    assert hand.page.locator(".js-plotly-plot").count() == 0
    assert hand.torn == []
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= 390
    knobs = hand.page.locator(".knobs").bounding_box()
    assert knobs["y"] + knobs["height"] <= 844, "β and K are under the thumb"
    for button in hand.page.locator(".stops button").all():
        assert button.bounding_box()["height"] >= 40
