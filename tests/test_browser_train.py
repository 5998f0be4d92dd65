"""The Train page in a real browser: a click trains, all watch, and runs are kept, compared, shared,
deleted, handed out and taken in."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from core import data
from core.config import TrainConfig
from core.models import variant
from core.store import checkpoints, own_runs, transfer
from core.training import jobs, loop, runner
from core.training.film import Film
from explorer.language import Words, texts
from tests import browser as chromium
from tests.browser import PHONE

pytestmark = pytest.mark.browser

EN = Words("en")
SLOW = 30_000  # milliseconds for whatever a loaded machine may take


@pytest.fixture
def opened(visit):
    """Opens the Train page and waits for its form and its film."""

    expect.set_options(timeout=SLOW)

    def go(language="en", options=None, film=True, **link):
        hand = visit("train", None, options=options, lang=language, **link)
        hand.words = texts(language)
        if film:
            pad(hand, "film").first.wait_for()
        hand.page.locator(".shelf tbody tr").first.wait_for()
        return hand

    return go


@pytest.fixture(scope="module")
def short(app):
    """A short run with a film in the app's own store."""
    digits = data.load("mnist-5k", "all")
    config = variant("vae").Config.checked({"hidden": (8,), "beta": 2.0})
    schedule = TrainConfig(epochs=2, batch_size=256)
    request = checkpoints.Request("vae", config, digits.subset(np.arange(2000), "some"), schedule)
    loop.drain(runner.run(request, app.user_store, on_map=digits, film=Film(digits)))
    return request.id


def pad(hand, kind):
    return hand.page.locator(f'.pad.{kind}[aria-busy="false"]')


def button(hand, key):
    return hand.page.get_by_role("button", name=hand.words[key], exact=True)


def fill(hand, key, value):
    field = hand.page.get_by_label(hand.words[key], exact=True)
    field.fill(str(value))
    field.press("Enter")


def live(hand):
    return hand.page.locator(".pad.train[data-reports]")


def row(hand, run_id):
    return hand.page.locator(f'.shelf tr[data-run="{run_id}"]')


def queued(app):
    return jobs.jobs(app.user_store)


def until(found, seconds=20):
    """What a function gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
    return result


def test_a_click_trains_and_all_of_it_is_seen(opened, app):
    hand = opened("ko", PHONE)  # in English, at a screen: the tests below
    words = Words("ko")
    budget = hand.page.get_by_text(re.compile(r"80,000"))
    expect(budget.first).to_be_visible()
    fill(hand, "knob.epochs.label", 2.5)
    expect(hand.page.get_by_text("9,984").first).to_be_visible()
    button(hand, "train.go").click()
    live(hand).wait_for()
    expect(hand.page.locator(".pad svg[data-term=kl]").first).to_have_attribute(
        "aria-label", re.compile(re.escape(words("train.unit_nats")))
    )
    pad(hand, "film").wait_for()
    hand.wait_for_link("run")
    run = checkpoints.open_run(app.user_store / hand.link["run"])
    assert run.record.status == "complete" and run.record.train["epochs"] == 2.5
    expect(row(hand, run.id)).to_be_visible()
    assert hand.torn == []
    expect(button(hand, "train.show")).to_be_visible()

    grid = hand.page.locator('[data-part="grid"]')
    label = grid.get_attribute("aria-label")
    slider = hand.page.get_by_label(hand.words["train_pad.scrub"])
    slider.focus()
    hand.page.keyboard.press("Home")
    expect(hand.page.locator('[data-part="moment-0"]')).to_contain_text(re.compile(r"\b0\b"))
    assert grid.get_attribute("aria-label") != label
    hand.page.keyboard.press("End")
    expect(grid).to_have_attribute("aria-label", label)
    button(hand, "train_pad.play").click()
    expect(button(hand, "train_pad.pause")).to_be_visible()
    button(hand, "train_pad.pause").click()
    link = hand.page.get_by_label(hand.words["train_pad.link"]).input_value()
    here = urlsplit(app.url)  # by an address that others reach, where there is one
    assert urlsplit(link).port == here.port and urlsplit(link).path == "/train"
    assert dict(parse_qsl(urlsplit(link).query))["run"] == run.id
    width = hand.page.viewport_size["width"]
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= width
    assert hand.errors == []


def test_two_tabs_share_one_training_and_stop_keeps_its_work(opened, app):
    one, two = opened(fresh=True), opened(fresh=True)
    for hand in (one, two):
        fill(hand, "knob.epochs.label", 777)
        expect(hand.page.get_by_text("3,107,968").first).to_be_visible()
    button(one, "train.go").click()
    live(one).wait_for()
    button(two, "train.go").click()
    live(two).wait_for()
    (job,) = queued(app)
    assert len(job.askers) == 2
    expect(one.page.locator(".train .message")).to_contain_text("2 visitors")

    job_id = one.link["run"]
    one.page.reload()
    live(one).wait_for()  # the cookie says who it is, so it may still stop
    assert queued(app)[0].askers == job.askers
    started = time.monotonic()
    stop = one.page.locator('.train button[data-action="stop"]')  # Streamlit has a Stop too
    assert stop.inner_text() == EN("train_pad.stop")
    stop.click()  # a visit from this machine is its owner's
    stops = app.user_store / jobs.QUEUE / job_id / jobs.STOP
    until(lambda: stops.exists() or queued(app) == [])
    for hand in (one, two):
        pad(hand, "film").wait_for()
    assert time.monotonic() - started < 20
    run = checkpoints.open_run(app.user_store / job_id)
    assert run.record.status == "stopped" and 0 < run.record.samples < 3_107_968
    assert queued(app) == []
    expect(row(two, job_id)).to_contain_text(EN("train.stopped"))
    assert one.errors == two.errors == []


def test_names_links_two_films_in_step_and_a_run_deleted_while_another_tab_shows_it(
    opened, app, short
):
    hand = opened(run=short)
    menu = hand.page.locator(".film .saves")
    download = chromium.saved(menu, EN("savespad.save_gif"), side="dark", pace="fast")
    with Image.open(download.path()) as film:
        assert film.n_frames > 20 and film.width == 480 and film.height > 240
        assert f"Run: {short}" in film.info["comment"].decode()
        assert film.convert("RGB").getpixel((2, 2)) == (18, 21, 31)
    table = chromium.saved(menu, EN("train_pad.save_terms")).path().read_text("utf-8").splitlines()
    history = checkpoints.open_run(app.user_store / short).record.history
    told = [line.split(",") for line in table if line.startswith(f"{short},")]
    assert [float(line[1]) for line in told] == [entry["samples"] for entry in history]
    with Image.open(
        chromium.saved(menu, EN("train_pad.save_curves"), side="light").path()
    ) as curves:
        assert curves.width > curves.height > 100
    button(hand, "train.rename").click()
    hand.page.get_by_label(EN("train.new_name")).fill("<b>β is two</b>")
    naming = hand.page.get_by_test_id("stPopoverBody")
    naming.get_by_role("button", name=EN("train.save"), exact=True).click()
    expect(row(hand, short)).to_contain_text("<b>β is two</b>")
    other = hand.page.locator(".shelf tr:not([hidden]):has(.compare:enabled)").last.get_attribute(
        "data-run"
    )
    row(hand, other).locator("button.compare").click()
    two = hand.page.locator('.film.two[aria-busy="false"]')
    two.wait_for()
    hand.wait_for_link("beside", other)
    two.locator(".saves .opens").click()
    entries = two.get_by_role("menuitem")
    expect(entries.first).to_have_attribute("aria-disabled", "false")  # one of both has a film
    hand.page.keyboard.press("Escape")
    moments = two.locator('[data-part^="moment"]')
    two.get_by_role("slider").focus()
    hand.page.keyboard.press("Home")
    for moment in moments.all():
        expect(moment).to_contain_text(re.compile(r"^0 of"))
    two.locator('[data-mode="samples"]').click()
    hand.page.keyboard.press("Tab")
    expect(hand.page.get_by_text(EN("train.differ"))).to_be_visible()

    link = {name: value for name, value in hand.link.items() if name != "lang"}
    again = opened(**link)
    again.page.locator('.film.two[aria-busy="false"]').wait_for()
    expect(again.page.locator(".film h2").first).to_have_text("<b>β is two</b>")
    model = again.page.get_by_role("link", name=EN("train.explore")).get_attribute("href")
    assert f"run={short}" in model
    assert hand.errors == again.errors == []
    deleted_in_one_tab(hand, again, app, short)


def deleted_in_one_tab(one, two, app, run_id):
    """While another shows the run."""
    archive = transfer.export_run(checkpoints.open_run(app.user_store / run_id))
    button(two, "train.delete").click()
    button(two, "train.delete_yes").click()
    expect(two.page.get_by_text(EN("train.deleted", id=run_id))).to_be_visible()
    assert not (app.user_store / run_id).exists()
    fill(one, "knob.epochs.label", 4)  # whatever is done there next
    gone = EN("train.missing", id=run_id)
    expect(one.page.get_by_text(gone)).to_be_visible()
    expect(button(one, "train.go")).to_be_enabled()
    assert one.errors == two.errors == []
    transfer.import_run(archive, app.user_store)


def test_links_get_one_sentence_and_a_hostile_zip_too_and_a_good_one_is_taken_and_explored(
    opened, app, short
):
    good = transfer.export_run(checkpoints.open_run(app.user_store / short))
    hand = opened(run="../../etc", beside="none")
    expect(hand.page.get_by_text(EN("train.missing", id="../../etc"))).to_be_visible()
    expect(hand.page.get_by_text(EN("train.missing_beside", id="none"))).to_be_visible()
    expect(button(hand, "train.go")).to_be_enabled()
    hand.go(lang="en", run=short)
    expect(hand.page.get_by_text(EN("train.missing", id="../../etc"))).to_have_count(0)
    hand.page.locator('[data-test-script-state="notRunning"]').wait_for(state="attached")
    expect(button(hand, "train.export")).to_have_count(1)  # none is left of the drawing before
    with hand.page.expect_download() as download:
        button(hand, "train.export").click()
    assert download.value.suggested_filename == f"{short}.zip"
    assert Path(download.value.path()).read_bytes() == good
    before = sorted(entry.name for entry in app.user_store.iterdir())
    button(hand, "train.import").click()
    chooser = hand.page.locator('input[type="file"]')
    send(chooser, "evil.zip", good[:-9])
    expect(hand.page.get_by_text("evil.zip is not a whole zip archive.")).to_be_visible()
    assert sorted(entry.name for entry in app.user_store.iterdir()) == before
    own_runs.delete(checkpoints.open_run(app.user_store / short))
    send(chooser, "good.zip", good)
    expect(hand.page.get_by_text(EN("train.imported", id=short))).to_be_visible()
    assert checkpoints.open_run(app.user_store / short)
    explore_opens_the_very_run(hand, short)
    assert hand.errors == []


def explore_opens_the_very_run(hand, run_id):
    hand.go("", model="vae", k=2, run="vae-k2-0000000000")
    expect(hand.page.get_by_text("vae-k2-0000000000")).to_be_visible()
    hand.go(model="vae", k=2, run=run_id)
    expect(hand.page.get_by_text("vae-k2-0000000000")).to_have_count(0)
    hand.wait(
        "id => [...document.querySelectorAll('*')].some("
        "e => e.shadowRoot?.latentPad?.run?.id === id)",
        run_id,
    )
    assert hand.link["run"] == run_id


def send(chooser, name, content):
    chooser.set_input_files({"name": name, "mimeType": "application/zip", "buffer": content})
