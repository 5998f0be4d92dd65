"""The app and the browser that the tests share, and what a test needs that may be missing."""

from __future__ import annotations

import functools
import http.client
import os
import shutil
import sys
from urllib.parse import urlsplit

import pytest

# The suite starts hundreds of processes. Where Python is told to write no bytecode, each of them
# would compile all of its libraries anew: torch and scikit-learn take 15 s instead of 5.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Two workers share two cores, so threads of one computation would wait for each other's turn most
# of the time; before anything reads it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from core.store import checkpoints
from tests import browser as chromium
from tests import trials


def pytest_collection_modifyitems(items):
    """Files with a browser come first: they are few tests and much time, and what is long at the
    end leaves a worker without work. Tests that need CUDA run wherever it is, and say so where it
    is not. In CI one that needs a browser has a second try, and is listed if it took it: on a
    machine whose cores come and go, one visit in some thousands meets a pause that no wait is made
    for."""
    items.sort(key=lambda item: "browser" not in item.path.name)
    if in_ci():
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.flaky(reruns=1))
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs CUDA, and torch finds none here"))


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true")


def missing(reason: str):
    """Skip where something is missing, but fail in CI, where nothing may be."""
    if in_ci():
        pytest.fail(f"{reason} In CI the tests that need it must run.", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def components_of_others():
    """Streamlit looks through every installed package for components whenever a test draws a page:
    a quarter of a second each time. What is installed does not change, so it looks once."""
    if "streamlit" not in sys.modules:
        yield  # none of these tests draws a page
        return
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture
def on_trial(monkeypatch):
    """The variants of tests/trials, each registered by one line as any other."""
    from core import models

    for name, place in trials.CLASSES.items():
        monkeypatch.setitem(models._CLASSES, name, f"tests.trials.{place}")


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node, which runs the pads' engine without a browser."""
    found = shutil.which("node")
    if found is None:
        missing("There is no Node (`apt-get install nodejs`).")
    return found


@pytest.fixture(scope="session")
def shipped() -> dict[str, checkpoints.Run]:
    """The runs that come with the software, by id; the longest trained first, as on screen."""
    listing = checkpoints.list_runs(checkpoints.shipped_store())
    if listing.problems:
        pytest.fail("Shipped runs can't be read: " + " ".join(listing.problems), pytrace=False)
    if not listing.runs:
        pytest.fail(
            f"No run ships in {checkpoints.shipped_store()}; `python -m core bank` makes them.",
            pytrace=False,
        )
    by_samples = sorted(listing.runs.values(), key=lambda run: -run.record.samples)
    return {run.id: run for run in by_samples}


@pytest.fixture(scope="session")
def app(shipped, tmp_path_factory):
    """The real app under `streamlit run`, with a user store of its own."""
    with chromium.serve(tmp_path_factory.mktemp("app")) as served:
        yield served


@pytest.fixture
def ask(app):
    """Asks the running app's own routes: `ask(path, visitor=None, method="GET", language="en")`
    gives status, headers and body."""
    from explorer import addresses, live

    def ask(path, visitor=None, method="GET", language="en"):
        connection = http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=60)
        try:
            headers = {"Accept-Language": language} | ({live.HEADER: visitor} if visitor else {})
            connection.request(method, addresses.PREFIX + path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    return ask


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright is not installed.")

    with sync_playwright() as playwright:
        try:
            found = chromium.launch(playwright)
        except chromium.NoBrowserError as error:
            missing(str(error))
        yield found
        found.close()


@pytest.fixture(scope="session")
def tabs(browser):
    """The tabs of all visits."""
    return chromium.Tabs(browser)


@pytest.fixture
def visit(browser, tabs, app):
    """Opens the app: `visit(page="", language="en", options=None, fresh=False, **link)`.

    `options` are of the visitor's browser, DESKTOP where nothing is said. A `fresh` visit has
    one of its own, with nothing loaded before and no history.
    """
    opened, own = [], []

    def go(page="", language="en", options=None, fresh=False, **link):
        options = options or chromium.DESKTOP
        if fresh:
            own.append(chromium.context(browser, options))
            return chromium.Visit.open(own[-1].new_page(), app.link(page, **link), language)
        tab = tabs.take(options)
        opened.append((tab, options))
        found = chromium.Visit.open(tab, app.link(page, **link), language)
        opened[-1] += (found,)
        return found

    yield go
    for tab, options, *found in opened:
        if found:
            found[0].leave()
            tabs.give_back(tab, options)
        else:  # it could not be opened
            tab.close()
    for context in own:
        context.close()


@pytest.fixture(scope="module")
def live(tabs, app):
    """Pages that a file's tests go on with, as the one before left it: `live(page="", **link)`.
    What was chosen by hand is given up, and nothing is said or sent yet."""
    kept = {}

    def go(page="", **link):
        key = (page, *link.items())
        if key not in kept:
            tab = tabs.take(chromium.DESKTOP)
            kept[key] = chromium.Visit.open(tab, app.link(page, **link))
        hand = kept[key]
        hand.page.mouse.up()
        hand.page.mouse.move(0, 0)
        hand.button("reset").click()
        hand.wait_for_link("z", None)
        hand.page.locator(".stMain").evaluate("main => main.scrollTo(0, 0)")
        hand.console.clear()
        hand.frames.clear()
        return hand

    yield go
    for hand in kept.values():
        hand.leave()
        tabs.give_back(hand.page, chromium.DESKTOP)
