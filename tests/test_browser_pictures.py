"""The pictures on toys in a real browser, in one visit: asked for only when somebody scrolls to
them, by pointer, keys and link, in both languages."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from core.store import checkpoints
from explorer.language import texts
from explorer.views import pictures
from tests.browser import told

pytestmark = pytest.mark.browser


def pad(hand, name, language="en"):
    """A pad's element, in sight and ready."""
    place = f".st-key-pad-{name}-{language} .pad"
    hand.page.locator(place).scroll_into_view_if_needed()
    found = hand.page.locator(f"{place}.{name}")
    found.wait_for()
    return found


def see(found, name, expression):
    return told(
        found, f"(root) => {{ const pad = root.getRootNode().{name}Pad; return {expression}; }}"
    )


def until(hand, found, name, condition):
    """Until an expression of a pad is true."""
    handle = found.element_handle()
    hand.wait(
        f"(root) => {{ const pad = root.getRootNode().{name}Pad; return {condition}; }}", handle
    )


def middle(canvas):
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(hand, canvas, start, end):
    x, y = middle(canvas)
    hand.page.mouse.move(x + start[0], y + start[1])
    hand.page.mouse.down()
    hand.page.mouse.move(x + end[0], y + end[1], steps=4)
    hand.page.mouse.up()


def test_pictures_on_toys(visit):
    asked = []
    hand = visit("pca_vs_ae", language=None, bend="arc,1,6,tanh,2,0.1,0.9", lang="en")
    hand.page.on("request", lambda request: asked.append(request.url))
    hand.page.locator('.pad.compare[aria-busy="false"]').wait_for()
    assert not [url for url in asked if "manifold" in url], "before anybody sees it"

    # PCA and an AE, trained here, through the points of an arc; a hand takes the point.
    found = pad(hand, "manifold")
    assert see(found, "manifold", "pad.chosen") == {
        "name": "arc", "latent": 1, "width": 6, "bent": True, "seed": 2}  # fmt: skip
    assert see(found, "manifold", "pad.probe") == [0.1, 0.9]
    until(hand, found, "manifold", "pad.learner.trained")
    flat, bent = see(found, "manifold", "[pad.flatErrors, pad.bentErrors]")
    assert sum(bent) < 0.1 * sum(flat)
    expect(found.locator('[data-part="bent-all"]')).to_have_text(f"{sum(bent) / len(bent):.4f}")
    canvas = found.locator('[data-part="picture"]')
    drag(hand, canvas, (20, -20), (-60, 90))
    x, y = see(found, "manifold", "pad.probe")
    assert x < -0.2 and y < -0.3
    assert hand.link["bend"] == f"arc,1,6,tanh,2,{x:.3f},{y:.3f}"
    canvas.focus()
    hand.page.keyboard.press("ArrowRight")
    assert see(found, "manifold", "pad.probe[0]") == pytest.approx(x + 0.02)
    # Stopped in the same breath in which it began, it stands still, and goes on where it stood.
    see(found, "manifold", "['anew', 'stop'].map((name) => pad.part(name).click())")
    state = "[pad.chosen.seed, pad.learner.trained, pad.wanted]"
    assert see(found, "manifold", state) == [3, False, None]
    done = see(found, "manifold", "pad.learner.done")
    assert see(found, "manifold", "pad.learner.done") == done < 2000
    found.locator('[data-part="stop"]').click()
    until(hand, found, "manifold", "pad.learner.trained && pad.ends.length === 2")
    found.locator('[data-bend="roll"]').click()
    found.locator('[data-latent="2"]').click()
    turn = see(found, "manifold", "pad.turn")
    drag(hand, canvas, (-60, 0), (60, 30))
    assert see(found, "manifold", "pad.turn[0]") > turn[0] + 0.5

    # A q over a posterior: by a handle, by keys, and by steps up its gradient.
    hand.go("beta_and_k", q="tilted,field,0.3,0.4,0.5,0.5,0")
    found = pad(hand, "inference")
    canvas = found.locator('[data-part="picture"]')
    together = see(found, "inference", "pad.logEvidence")
    size = see(found, "inference", "pad.width")
    assert see(found, "inference", "[pad.full, pad.q.mean, pad.q.correlation]") == [
        False, [0.3, 0.4], 0]  # fmt: skip
    unit = size / 6.4  # pixels of one
    drag(hand, canvas, (0.3 * unit, -0.4 * unit), (1.0 * unit, -0.4 * unit))
    assert see(found, "inference", "pad.q.mean") == pytest.approx([1, 0.4], abs=0.03)
    drag(hand, canvas, (1.5 * unit, -0.4 * unit), (2 * unit, -0.4 * unit))
    assert see(found, "inference", "pad.q.deviation[0]") == pytest.approx(1, abs=0.03)
    assert see(found, "inference", "pad.elbo + pad.kl") == pytest.approx(together, abs=1e-3)
    before = see(found, "inference", "pad.kl")
    found.locator('[data-part="run"]').click()
    until(hand, found, "inference", "pad.steps >= 30")
    found.locator('[data-part="run"]').click()
    assert see(found, "inference", "pad.kl") < 0.8 * before
    found.locator('[data-family="full"]').click()
    until(hand, found, "inference", "pad.spread.variances.length === 5")
    assert hand.link["q"].startswith("tilted,full,")

    # What was measured beforehand is what ships.
    hand.go("family", fit="latent,1,2", flow="rings,2,1,1.5,0.4,-0.6")
    found = pad(hand, "overfitting")
    shipped = json.loads((checkpoints.shipped_store() / pictures.MEASURED).read_text("utf-8"))
    row = see(found, "overfitting", "pad.rows[pad.at]")
    assert row in shipped["rows"] and row["latent"] == sorted(
        row["latent"] for row in see(found, "overfitting", "pad.rows"))[1]  # fmt: skip
    cells = found.locator("tr.chosen td")
    parts = ("seen", "held_out", "bias", "variance")
    assert cells.all_inner_texts() == [f"{row[part][2]:.1f}" for part in parts]
    found.locator("tbody tr button").first.click()
    expect(found.locator('[data-part="head"]')).to_contain_text("K = 2")

    # A flow's two sides: whichever point a hand moves, the other is its partner.
    found = pad(hand, "flow")
    assert see(found, "flow", "[pad.chosen, pad.until, pad.probe]") == [
        {"name": "rings", "couplings": 2, "seed": 1}, 1.5, [0.4, -0.6]]  # fmt: skip
    until(hand, found, "flow", "pad.flow.trained")
    assert see(found, "flow", "pad.before.density.length") == see(
        found, "flow", "pad.moved.density.length")  # fmt: skip
    mass = [float(found.locator(f'[data-part="{part}"]').inner_text())
            for part in ("mass", "mass-after")]  # fmt: skip
    assert mass == pytest.approx([1, 1], abs=0.03)
    after, edge = found.locator('[data-part="after"]'), see(found, "flow", "pad.moved.edge")
    unit = see(found, "flow", "pad.side") / 2 / edge
    drag(hand, after, (0, 0), (0.5 * unit, -1 * unit))
    partner = "pad.flow.forward(pad.probe, pad.until).place"
    assert see(found, "flow", partner) == pytest.approx([0.5, 1], abs=0.05)
    probe = see(found, "flow", "pad.probe")
    after.press("ArrowRight")
    assert see(found, "flow", partner) == pytest.approx([0.55, 1], abs=0.05)
    drag(hand, found.locator('[data-part="before"]'), (0, 0), (20, 0))
    assert see(found, "flow", "pad.probe") != probe
    found.locator('[data-part="until"]').press("Home")
    assert see(found, "flow", partner) == see(found, "flow", "pad.probe")
    assert hand.link["flow"].startswith("rings,2,1,0.00,")

    hand.speak("ko", "한국어")
    expect(hand.page.get_by_role("heading", name=texts("ko")["overfitting.title"])).to_be_visible()
    pad(hand, "overfitting", "ko")
    assert hand.torn == [] and hand.errors == []
