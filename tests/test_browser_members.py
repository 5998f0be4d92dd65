"""What single members' own pictures show on Explore, in a real browser."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from core import data
from core.latent import coding, results
from core.measures import metrics
from core.models.conditions import quadrant_mask
from core.models.signals import Condition
from core.store import loading
from tests.browser import told

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def vamp(shipped):
    runs = [r for r in shipped.values() if r.record.browser and "inputs" in str(r.record.browser)]
    return next(run for run in runs if run.record.latent == 2)


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+\.\d+", text)]


def test_pseudo_inputs_their_places_and_what_a_code_costs(visit, vamp):
    hand = visit(model=vamp.record.variant, k=2, digit=11)
    model = loading.load_model(vamp)
    section = hand.page.locator('[data-part="pseudo"]')
    section.scroll_into_view_if_needed()
    tiles = section.locator(".tiles button")
    expect(tiles).to_have_count(20)
    section.get_by_role("button", name="Show more").click()
    expect(tiles).to_have_count(40)

    with torch.no_grad():
        images = model.inputs.clamp(0, 1)
        mean, _ = model.components()
        image = torch.from_numpy(data.load("mnist-5k", "all").x[11:12].astype(np.float32) / 255)
        (level,) = model.encode(image)
        generator = torch.Generator().manual_seed(0)
        draws = model.encode(image.expand(2000, -1, -1, -1), generator=generator)
        rates = model.rate_each(draws)
        standard = 0.5 * (level.mean**2 + level.log_var.exp() - 1 - level.log_var).sum().item()
    shown = hand.see("pad.run.prior.images.map((image) => Array.from(image))")
    np.testing.assert_allclose(np.array(shown), images.flatten(1), atol=1e-6)

    cost = section.locator('[data-part="prior-cost"]')
    expect(cost).to_contain_text("nats under N(0, I)")
    own, error, beside = numbers(cost.text_content())[:3]
    assert own == pytest.approx(rates.mean().item(), abs=5 * error + 0.06)
    assert error == pytest.approx(rates.std().item() / 20, rel=0.3, abs=0.006)
    assert beside == pytest.approx(standard, abs=0.06)

    tiles.nth(33).hover()
    assert hand.see("pad.ghost.map(Number)") == pytest.approx(mean[33].tolist(), abs=1e-3)
    tiles.nth(33).click()
    hand.wait_for_link("z")
    assert hand.see("Array.from(pad.z)") == pytest.approx(mean[33].tolist(), abs=1e-3)
    assert not hand.errors


def test_the_changes_that_a_code_follows(visit, shipped):
    hand = visit(model="contractive_ae", k=2, digit=11)
    section = hand.page.locator('[data-part="sensitivity"]')
    section.scroll_into_view_if_needed()
    figures = section.locator("figure")
    expect(figures).to_have_count(2)
    run_id = hand.see("pad.run.id")
    image = data.load("mnist-5k", "all").x[11:12]
    model = loading.load_model(shipped[run_id])
    x = coding.to_tensor(image)
    jacobian = torch.autograd.functional.jacobian(model.encoder, x).reshape(2, -1).numpy()
    z = model.encode(x)[0].z.detach()
    sheet = torch.autograd.functional.jacobian(lambda one: model.mean(model.decode(one)), z)
    basis, _ = np.linalg.qr(sheet.reshape(-1, 2).numpy())
    along = np.sqrt(((jacobian @ basis) ** 2).sum() / 2)
    off = np.sqrt(((jacobian - jacobian @ basis @ basis.T) ** 2).sum() / 782)
    found = section.locator('[data-part="gains"] b').all_text_contents()
    assert [float(one) for one in found] == pytest.approx([along, off], rel=0.06)
    values = np.linalg.svd(jacobian, compute_uv=False)
    captions = section.locator("figcaption").all_text_contents()
    assert [float(one) for one in captions] == pytest.approx(values, rel=0.06)
    assert along > 3 * off  # what contraction is for
    assert not hand.errors


def test_one_code_under_every_label_and_what_an_image_costs_as_each(visit, shipped):
    hand = visit(model="conditional_vae", k=2, digit=33)
    section = hand.page.locator('[data-part="styles"]')
    section.scroll_into_view_if_needed()
    tiles = section.locator(".tellings button")
    expect(tiles).to_have_count(50)  # the shown style and four of the prior, each as ten digits
    model = loading.load_model(shipped[hand.see("pad.run.id")])
    found = data.load("mnist-5k", "all")
    label, image = int(found.labels[33]), found.x[33:34]
    assert hand.see("[pad.run.label, pad.run.introduced]") == [label, label]
    code = coding.encode(model, image, found.labels[33:34])
    assert hand.see("pad.z") == pytest.approx(code.mean[0].tolist(), abs=1e-3)

    def drawn(row):
        return np.stack([hand.pixels(tiles.nth(10 * row + i).locator("canvas")) for i in range(10)])

    every = np.arange(10)
    under = coding.decode(model, np.repeat(code.mean, 10, 0), every).reshape(10, -1)
    np.testing.assert_allclose(drawn(0), under, atol=0.01)

    # What the image costs as each digit, by as many draws of z as it takes to know.
    expect(tiles.nth(9).locator("small")).not_to_be_empty()
    told = [float(tiles.nth(i).locator("small").inner_text()) for i in every]
    x = coding.to_tensor(np.repeat(image, 10, 0))
    condition = model.condition(x, torch.from_numpy(every))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        nats = torch.zeros(10)
        for _ in range(200):
            levels = model.encode(x, condition, generator)
            distortion = model.likelihood.nll_each(model.decode(levels[0].z, condition), x)
            nats += (distortion + model.rate_each(levels).sum(1)) / 200
    assert told == pytest.approx(nats.tolist(), rel=0.12)
    least = section.locator(".least")
    expect(least).to_have_count(1)
    assert int(least.locator("b").inner_text()) == int(nats.argmin()) == label

    # Told another label, the same code is another digit; the link says so.
    tiles.nth(7).click()
    hand.wait_for_link("told", "7")
    expect(tiles.nth(7)).to_have_attribute("aria-pressed", "true")
    np.testing.assert_allclose(hand.pixels(), under[7], atol=0.01)
    # A style of the prior, as a digit.
    before = drawn(2)
    tiles.nth(24).click()
    hand.wait_for_link("told", "4")
    np.testing.assert_allclose(hand.pixels(), before[4], atol=0.01)
    z = hand.see("pad.z")
    here = coding.decode(model, np.array([z], np.float32), np.array([4])).ravel()
    np.testing.assert_allclose(before[4], here, atol=0.01)
    section.get_by_role("button", name="Other styles").click()
    assert np.abs(drawn(2) - before).max() > 0.1
    again = visit(**hand.link)
    np.testing.assert_allclose(again.pixels(), here, atol=0.02)
    again.button("reset").click()
    again.wait_for_link("told", None)
    assert not hand.errors and not again.errors


def test_a_drawing_is_told_the_label_that_explains_it_best(visit):
    """Nobody says of a drawing which digit it is; here it is a held-out one, by its pixels."""
    hand = visit(model="conditional_vae", k=2, digit=33)
    labels = data.load("mnist-5k", "all").labels
    right = 0
    for index in range(40):
        hand.see(f"pad.take(Float32Array.from(pad.digits.image({index})), 'a drawing')")
        right += hand.see("pad.run.introduced") == labels[index]
    assert right >= 36  # of 40; by chance 4
    assert not hand.errors


# The codes of the completions that are shown.
WAYS = "Array.from({ length: 10 }, (_, i) => pad.completions.way(i))"


def test_what_is_seen_stays_and_the_rest_is_made_up(visit, shipped):
    hand = visit(model="completing_vae", k=16, digit=33)
    section = hand.page.locator('[data-part="completions"]')
    section.scroll_into_view_if_needed()
    model = loading.load_model(shipped[hand.see("pad.run.id")])
    image = coding.to_tensor(data.load("mnist-5k", "all").x[33:34])
    quarters, ways = section.locator(".quarters button"), section.locator(".tellings button")
    expect(ways).to_have_count(10)

    def seen(flags, count=1):
        mask = quadrant_mask(torch.tensor([flags]) > 0, image)
        sides = (count, 1, 1, 1)
        return Condition(image=(image * mask).repeat(sides), seen=mask.repeat(sides))

    def assert_goes_on(flags):
        expect(quarters.nth(0)).to_have_attribute("aria-pressed", str(flags[0] > 0).lower())
        condition = seen(flags)
        with torch.no_grad():
            code = model.encode(image, condition)[0].mean[0]
            z = torch.tensor([hand.see("pad.z"), *hand.see(WAYS)])
            expected = model.mean(model.decode(z, seen(flags, len(z)))).flatten(1)
        assert hand.see("pad.own") == pytest.approx(code.tolist(), abs=1e-3)
        np.testing.assert_allclose(hand.pixels(), expected[0], atol=0.01)
        for i in (0, 4, 9):
            found = hand.pixels(ways.nth(i).locator("canvas"))
            np.testing.assert_allclose(found, expected[1 + i], atol=0.01)
            kept = condition.seen.flatten().bool().numpy()
            np.testing.assert_allclose(found[kept], image.flatten()[kept], atol=0.01)
        part = hand.pixels(section.locator('[data-part="seen-part"]'))
        np.testing.assert_allclose(part, condition.image.flatten(), atol=0.01)

    assert_goes_on([1, 1, 0, 0])
    quarters.nth(0).click()
    hand.wait_for_link("seen", "2")
    assert_goes_on([0, 1, 0, 0])
    expect(quarters.nth(1)).to_be_disabled()  # nothing at all is never seen
    quarters.nth(2).click()
    quarters.nth(3).click()
    hand.wait_for_link("seen", "2,3,4")
    assert_goes_on([0, 1, 1, 1])
    expect(quarters.nth(0)).to_be_disabled()
    ways.nth(4).click()
    hand.wait_for_link("z")
    taken = hand.see("pad.z")
    assert taken == pytest.approx(hand.see(WAYS)[4], abs=1e-6)
    assert_goes_on([0, 1, 1, 1])
    other = hand.see(WAYS)
    section.get_by_role("button", name="Other completions").click()
    assert np.abs(np.array(hand.see(WAYS)) - other).max() > 0.1

    again = visit(**hand.link)
    again.wait_for_link("seen", "2,3,4")
    np.testing.assert_allclose(again.pixels(), hand.pixels(), atol=0.02)
    assert again.see("pad.run.flags") == [0, 1, 1, 1]
    assert not hand.errors and not again.errors


@pytest.mark.parametrize("seen", ["5", "1,2,3,4", "2,1", "x", ""])
def test_a_link_with_quadrants_that_there_are_none_of(visit, seen):
    hand = visit(model="completing_vae", k=16, seen=seen)
    expect(hand.page.locator('[data-part="message"]')).to_contain_text("one to three of 1, 2, 3, 4")
    assert hand.see("pad.run.flags") == [1, 1, 0, 0]
    assert not hand.errors


def test_a_wide_code_s_units_and_what_becomes_of_noise(visit, shipped):
    run = next(run for run in shipped.values() if run.record.variant == "sparse_ae")
    model, digits = loading.load_model(run), data.load("mnist-5k", "all")
    codes = coding.encode(model, digits.x).mean
    active = model.activity(torch.from_numpy(codes)).numpy()

    hand = visit(model="sparse_ae", k=run.record.latent, digit=11)
    root = hand.page.locator(".pad.explore")
    expect(root.locator(".sliders input")).to_have_count(8)  # of so many, the largest
    section = root.locator('[data-part="units"]')
    section.scroll_into_view_if_needed()
    said = section.locator('[data-part="activity-said"]')
    expect(said).to_contain_text("ρ̂", timeout=60_000)
    dead = int((active.max(0) < 0.5).sum())
    expect(said).to_contain_text(f"{100 * active.mean():.1f} % on average; dead: {dead}.")
    kept = np.array(hand.see("Array.from(pad.run.codes.subarray(0, 20 * pad.run.latent))"))
    np.testing.assert_allclose(kept, codes[:20].ravel(), atol=2e-3)

    largest = np.argsort(-np.abs(codes[11]))
    tiles = section.locator(".unit-parts button")
    expect(tiles.first).to_have_attribute("data-unit", str(largest[0]))
    tiles.nth(1).click()
    unit = int(largest[1])
    hand.wait_for_link("unit", str(unit + 1))
    tops = [numbers(text)[0] for text in section.locator(".tiles button").all_text_contents()]
    assert tops == pytest.approx(sorted(codes[:, unit], reverse=True)[: len(tops)], abs=0.06)
    section.get_by_label(f"Activity z{unit + 1}").press("End")
    z = codes[11].copy()
    z[unit] = codes[:, unit].max()
    hand.wait_for_link("z", f"{unit + 1}:{hand.see(f'pad.z[{unit}]'):.3f}")
    expected = coding.decode(model, z[None]).ravel()
    np.testing.assert_allclose(hand.pixels(), expected.clip(0, 1), atol=0.02)

    passed = root.locator('[data-part="passed"]')
    passed.scroll_into_view_if_needed()
    wide = [one for one in shipped.values() if one.record.latent == run.record.latent]
    figures = passed.locator("figure")
    expect(figures).to_have_count(1 + len(wide))
    expect(passed.get_by_text("passes on")).to_have_count(len(wide))
    share = {
        figure.locator("figcaption").text_content().partition(",")[0]: int(
            re.search(r"(\d+) %", figure.text_content())[1]
        )
        for figure in figures.all()[1:]
    }
    assert share["Overcomplete AE"] > 1.5 * share["Sparse AE"] > 0
    assert not hand.errors


def test_samples_of_what_is_told_labels_are_of_all_in_turn(visit, shipped):
    hand = visit("generate", None, model="conditional_vae", k=2, digit=33)
    root = hand.page.locator('.pad.generate[aria-busy="false"]')
    expect(root.locator("[data-panel]:not([hidden]) .lead")).to_contain_text("labels in turn")

    def see(expression):
        inside = f"((pad) => ({expression}))(element.getRootNode().latentPad)"
        return told(root, f"(element) => {inside}")

    hand.wait(
        """() => [...document.querySelectorAll("*")].some((element) =>
          element.shadowRoot?.latentPad?.parts.samples.sets.prior?.done >= 64)"""
    )
    model = loading.load_model(shipped[see("pad.run.id")])
    codes = np.array(see("pad.parts.samples.sets.prior.codes"), np.float32).reshape(-1, 2)[:64]
    shown = np.array(see("pad.parts.samples.sheets.prior.grey")) / 255
    expected = coding.decode(model, codes, np.arange(64) % 10)
    tiles = shown.reshape(8, 28, 8, 28).swapaxes(1, 2).reshape(64, 784)
    np.testing.assert_allclose(tiles, expected.reshape(64, -1).clip(0, 1), atol=0.01)
    canvas = root.locator('[data-sampler="prior"] canvas[role=application]')
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 4.5 / 8, "y": box["height"] * 3.5 / 8})  # the 29th
    assert see("pad.run.label") == 28 % 10
    np.testing.assert_allclose(hand.pixels(), expected[28].ravel(), atol=0.01)
    assert not hand.errors


def test_a_code_of_entries_is_put_together_by_hand(visit, shipped):
    hand = visit(model="vq_vae", k=4, digit=11)
    section = hand.page.locator('[data-part="code-grid"]')
    section.scroll_into_view_if_needed()
    model = loading.load_model(shipped[hand.see("pad.run.id")])
    found = data.load("mnist-5k", "all")
    entries = coding.entries(model, found.x)
    cells = section.locator(".code-cells button")
    book = section.locator(".code-entries button")
    expect(cells).to_have_count(49)
    expect(book).to_have_count(len(model.codebook()))
    expect(section.locator('[data-part="code-numbers"]')).not_to_be_empty()

    # What each place holds, what that stands for, and what the code costs.
    own = [int(cell.get_attribute("aria-label").rpartition(" ")[2]) - 1 for cell in cells.all()]
    assert np.mean(np.array(own) == entries[11]) > 0.95  # a tie may fall to either
    padded = np.pad(found.x[:, 0] / 255, ((0, 0), (2, 2), (2, 2)))
    entry = np.bincount(entries.ravel()).argsort()[-3]
    patches = [
        padded[i, 4 * (p // 7) : 4 * (p // 7) + 8, 4 * (p % 7) : 4 * (p % 7) + 8]
        for i, p in zip(*np.nonzero(entries == entry), strict=True)
    ]
    shown = hand.pixels(book.nth(entry).locator("canvas"))
    np.testing.assert_allclose(shown, np.mean(patches, 0).ravel(), atol=0.02)
    with torch.no_grad():
        bits = -model.log_prior(model.look_up(torch.tensor([own]))).item() / np.log(2)
    told = section.locator('[data-part="code-numbers"] b').all_inner_texts()
    counts = np.bincount(entries.ravel(), minlength=len(model.codebook()))
    assert int(told[0]) == np.count_nonzero(counts)
    assert float(told[1]) == pytest.approx(metrics.perplexity(counts), rel=0.02)
    assert int(told[3]) == pytest.approx(bits, abs=1)

    # Another entry at one place changes what looks at it, and the link says so.
    cells.nth(24).click()
    expect(cells.nth(24)).to_have_attribute("aria-pressed", "true")
    put = (own[24] + 7) % len(model.codebook())
    before = hand.pixels()
    book.nth(put).click()
    changed = [*own[:24], put, *own[25:]]
    hand.wait_for_link("z", "e" + ".".join(map(str, changed)))
    expect(cells.nth(24)).to_have_class(re.compile("changed"))
    after = coding.decode(model, model.look_up(torch.tensor([changed])).numpy()).ravel()
    np.testing.assert_allclose(hand.pixels(), after, atol=0.01)
    off = np.abs(after - before).reshape(28, 28)
    assert off[12:16, 12:16].mean() > 5 * off[:4].mean()
    again = visit(**hand.link)
    np.testing.assert_allclose(again.pixels(), after, atol=0.02)

    # By keys; then what comes after it is drawn, and all is as it was encoded.
    book.nth(put).focus()
    hand.page.keyboard.press("ArrowRight")
    hand.page.keyboard.press("Enter")
    hand.wait_for_link("z", "e" + ".".join(map(str, [*own[:24], put + 1, *own[25:]])))
    section.get_by_role("button", name="Draw what comes after").click()
    drawn = hand.see("Array.from(pad.run.book.height ? pad.z : [])")
    with torch.no_grad():
        index = model.book.nearest(model._grid(torch.tensor([drawn])))[0].tolist()
    assert index[:25] == [*own[:24], put + 1] and index[25:] != own[25:]
    section.get_by_role("button", name="As encoded").click()
    hand.wait_for_link("z", None)
    assert not hand.errors and not again.errors


def test_levels_are_drawn_anew_one_by_one(visit, shipped):
    hand = visit(model="ladder_vae", k=8, digit=11)
    section = hand.page.locator('[data-part="code-levels"]')
    section.scroll_into_view_if_needed()
    run = shipped[hand.see("pad.run.id")]
    model = loading.load_model(run)
    top, low = section.locator(".level").all()
    cut = model.widths[0]

    def code(of="z"):
        return np.array(hand.see(f"Array.from(pad.{of})"), np.float32)

    def off(z):
        """How far each number of the bottom level is from what the top one expects of it."""
        with torch.no_grad():
            mean, log_var = model.levels.expected(0, torch.from_numpy(z[None, cut:]), None).gaussian
        return (z[:cut] - mean[0].numpy()) / np.exp(log_var[0].numpy() / 2)

    # What each level costs.
    kl = results.get(results.Subject(run), "each")[0]["kl"]
    for row, part in ((top, kl[cut:]), (low, kl[:cut])):
        expect(row.locator("p.hint")).to_contain_text(f"{part.sum():.1f} nats a digit on average")
        expect(row.locator("p.hint")).to_contain_text("This digit:")
    bars = low.locator(".costs i")
    tall = [
        float(bar.evaluate("(bar) => bar.style.getPropertyValue('--nats')")) for bar in bars.all()
    ]
    np.testing.assert_allclose(tall, kl[:cut] / kl.max(), atol=2e-3)

    # Another top, which the bottom follows; then one beside which it stays; then another bottom.
    own = code()
    top.locator(".tiles button").nth(2).click()
    hand.wait_for_link("z")
    followed = code()
    assert np.abs(followed[cut:] - own[cut:]).min() > 1e-3
    np.testing.assert_allclose(off(followed), off(own), atol=2e-3)
    expected = coding.decode(model, followed[None]).ravel()
    np.testing.assert_allclose(hand.pixels(), expected, atol=0.01)
    section.get_by_role("button", name="stay").press("Enter")
    hand.wait_for_link("below", "stay")
    top.get_by_role("button", name="Draw the top anew, keep the bottom").click()
    top.locator(".tiles button").nth(5).press("Enter")
    stayed = code()
    assert np.array_equal(stayed[:cut], followed[:cut]) and stayed[cut] != followed[cut]
    low.locator(".tiles button").nth(0).click()
    redrawn = code()
    assert np.array_equal(redrawn[cut:], stayed[cut:]) and redrawn[0] != stayed[0]

    # By the map of the top level, and by sliders, the top ones first.
    hand.page.locator('[data-method="top"]').click()
    expect(hand.page.locator('[data-part="trust"]')).to_have_attribute("data-of", "top")
    names = hand.page.locator(".sliders input").evaluate_all(
        "(all) => all.map((one) => one.getAttribute('aria-label'))"
    )
    assert names[0] == f"z{cut + 1}" and names[-1] == f"z{cut}"
    section.get_by_role("button", name="follow").click()
    before = code()
    hand.map.press("ArrowRight")
    pushed = code()
    assert (pushed != before).all()
    np.testing.assert_allclose(off(pushed), off(before), atol=2e-3)
    hand.slider(cut + 1).press("ArrowRight")
    slid = code()
    assert slid[cut] > pushed[cut] and np.allclose(slid[cut + 1 :], pushed[cut + 1 :], atol=1e-6)
    np.testing.assert_allclose(off(slid), off(pushed), atol=2e-3)
    assert not hand.errors


@pytest.mark.parametrize("z", ["e1.2.3", "e" + ".".join(["9999"] * 49), "1,2", ""])
def test_a_link_with_entries_that_there_are_none_of(visit, z):
    hand = visit(model="vq_vae", k=4, digit=11, z=z)
    expect(hand.page.locator(".pad .message").first).not_to_be_empty()
    assert hand.see("pad.z.every((v, k) => v === pad.own[k])")
