"""What single members' own pictures show on Explore, in a real browser."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from core import data
from core.latent import coding
from core.store import loading

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
