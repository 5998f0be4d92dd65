"""What the browser tests and the browser benchmarks share: Chromium, the app's server, one visit.

Needs no pytest, so that `python -m benchmarks.drag` can use it too.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from playwright.sync_api import Browser, BrowserContext, Download, Locator, Page, Playwright

REPOSITORY = Path(__file__).resolve().parents[1]
# The first is Chromium without the windows that nobody sees: a visit costs half as much.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
DESKTOP = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
    "locale": "en-GB",
}
DECODED = {"en": "decoded digit", "ko": "디코딩된 숫자"}
PATIENCE = 60  # seconds until something that should happen counts as never happening

# Pixels of a digit's canvas as the page shows them: the red channel, which falls with the ink.
_RED = """canvas => Array.from(
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
    .filter((_, i) => i % 4 === 0))"""
# What Korean stands in any element, the pads' shadow roots included, that breaks inside words, or
# whose line an endless word would leave.
_TORN = """() => {
  const found = [];
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) walk(element.shadowRoot);
      if (["STYLE", "SCRIPT", "TITLE"].includes(element.tagName)) continue;
      const korean = Array.from(element.childNodes).some(
        (node) => node.nodeType === 3 && /[\uac00-\ud7a3]/.test(node.data));
      const { wordBreak, overflowWrap } = getComputedStyle(element);
      if (korean && (wordBreak !== "keep-all" || overflowWrap === "normal")) {
        found.push(`${wordBreak}, ${overflowWrap}: ${element.textContent.slice(0, 40)}`);
      }
    }
  };
  walk(document);
  return found;
}"""
_CHANGE = """(canvas, label) => new Promise((done, failed) => {
  const started = performance.now();
  const look = () => {
    if (canvas.getAttribute("aria-label") !== label) done();
    else if (performance.now() - started > 5000) failed(new Error(`still ${label}`));
    else requestAnimationFrame(look);
  };
  look();
})"""
# The value of a function of what was given, as one text.
_TOLD = """async (...given) => {
  const last = given.length - 1;
  given[last] = JSON.parse(given[last]);
  const value = await (%s)(...given);
  return JSON.stringify(value ?? null, (_, v) =>
    ArrayBuffer.isView(v) ? Array.from(v)
      : typeof v === "number" && !Number.isFinite(v) ? `\\0${v}` : v);
}"""
# What styles move or fade by themselves while a page comes takes a fifth of a visit's time; pads'
# own movements go on.
_AT_REST = """(() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    "*, ::before, ::after { animation: none !important; transition: none !important; }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
})()"""
_PAPER, _INK = 255, 20  # red of the light theme's paper and ink


def told(place: Page | Locator, function: str, argument: object = None) -> Any:
    """What a JavaScript function gives in a page, or of an element there, typed arrays as lists.
    It is sent as one text: of an answer in parts Playwright checks each number, which takes longer
    than what most tests look at."""
    text = place.evaluate(_TOLD % function, json.dumps(argument))
    return json.loads(re.sub(r'"\\u0000(NaN|-?Infinity)"', r"\1", text))


class NoBrowserError(RuntimeError):
    """There is no Chromium on this machine; one sentence that says what to do."""


def saved(menu: Locator, label: str, **choices: str | bool | None) -> Download:
    """What an entry of a menu of saves gives; a picture's is asked how it is to be saved, as
    `choices` say: a title, and values by the names of the dialog's fields."""
    menu.locator(".opens").click()
    with menu.page.expect_download() as download:
        menu.get_by_role("menuitem", name=label, exact=True).click()
        if not re.search("CSV|ONNX", label):
            choose(menu, **choices)
            menu.locator("dialog .first").click()
    return download.value


def choose(menu: Locator, **choices: str | bool | None) -> None:
    """Fill the fields of a dialog that asks how to save."""
    dialog = menu.locator("dialog")
    dialog.locator(".preview canvas").wait_for()
    for name, value in choices.items():
        if name == "title":
            dialog.locator("[name=title]").fill(value)
        elif isinstance(value, bool):
            dialog.locator(f"[name={name}]").set_checked(value)
        else:
            dialog.locator(f'[name={name}][value="{value}"]').evaluate("e => e.click()")


def native(image: Image, width: int, height: int) -> np.ndarray:
    """The ink (height, width) in [0, 1] of a figure of so many pixels, which a picture that was
    saved in light colours and without a title shows enlarged."""
    red = np.asarray(image.convert("RGB"), float)[..., 0]
    margin = round(28 * image.width / 960)
    times = (image.width - 2 * margin) / width
    times = int(times) if int(times) >= 0.85 * times else times
    left = round((image.width - times * width) / 2)
    rows, columns = (
        (start + times * (np.arange(count) + 0.5)).astype(int)
        for start, count in ((margin, height), (left, width))
    )
    return (_PAPER - red[np.ix_(rows, columns)]) / (_PAPER - _INK)


def find_browser() -> str:
    """Path of Chromium: the one in LATENT_EXPLORER_BROWSER, else the first on PATH.

    Raises:
        NoBrowserError: where there is none.
    """
    named = os.environ.get("LATENT_EXPLORER_BROWSER")
    for name in (named,) if named else NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise NoBrowserError(
        f"No browser was found ({named or ', '.join(NAMES)}): install Chromium, or name one in "
        "LATENT_EXPLORER_BROWSER."
    )


def launch(playwright: Playwright) -> Browser:
    """Headless Chromium.

    Raises:
        NoBrowserError: where there is none.
    """
    return playwright.chromium.launch(executable_path=find_browser(), args=list(ARGUMENTS))


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def context(browser: Browser, options: dict) -> BrowserContext:
    """A visitor's browser of its own, in which nothing is animated by a page's styles."""
    found = browser.new_context(**options)
    found.add_init_script(_AT_REST)
    return found


@dataclass(frozen=True)
class Served:
    """A running app."""

    url: str
    user_store: Path
    log: Path

    def link(self, page: str = "", **parameters: object) -> str:
        """Address of a page with link parameters."""
        query = urlencode({name: str(value) for name, value in parameters.items()}, safe=",")
        return f"{self.url}/{page}" + (f"?{query}" if query else "")


@contextlib.contextmanager
def streamlit(script: Path, log: Path, *interpreter: str, **environment: str) -> Iterator[int]:
    """`streamlit run script` on a free port, without waiting for it; gives the port."""
    port = free_port()
    command = [sys.executable, *interpreter, "-m", "streamlit", "run", str(script)]
    command += ["--server.headless", "true", "--server.port", str(port)]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=REPOSITORY, env=os.environ | environment, stdout=output, stderr=output
        ) as server,
    ):
        try:
            yield port
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Served]:
    """The app itself, with an empty user store, once it answers."""
    store, log = folder / "runs", folder / "server.log"
    script = REPOSITORY / "explorer" / "app.py"
    with streamlit(script, log, LATENT_EXPLORER_RUNS=str(store)) as port:
        url = f"http://127.0.0.1:{port}"
        wait_until_healthy(url, log)
        yield Served(url, store, log)


def wait_until(page: Page, condition: str, argument: object = None) -> None:
    """Return as soon as a JavaScript function of the argument, or an expression, is true in a page,
    looked at every 20 ms. (`page.wait_for_function` evaluates a text in the page, which the
    pages' policy for scripts forbids.)"""
    from playwright.sync_api import Error

    program = f"""([argument, patience]) => new Promise((done, failed) => {{
      const end = performance.now() + patience;
      const look = async () => {{
        const found = ({condition});
        if (await (typeof found === "function" ? found(argument) : found)) done();
        else if (performance.now() > end) failed(new Error("still not so"));
        else setTimeout(() => look().catch(failed), 20);
      }};
      look().catch(failed);
    }})"""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return page.evaluate(program, [argument, 1000 * PATIENCE])
        except Error as error:  # of a page that another takes the place of meanwhile
            if "context was destroyed" not in str(error) or time.monotonic() > end:
                raise


def wait_until_healthy(url: str, log: Path) -> None:
    """Return as soon as the server answers; raise with the end of its log where it never does."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=5).close()
            return
        time.sleep(0.02)
    raise RuntimeError(f"The app did not answer in {PATIENCE} s:\n{log.read_text()[-2000:]}")


class Tabs:
    """Tabs that serve again, which takes a third less of the processor than new ones: what one
    page's scripts compiled to is there for the next. The app keeps nothing of a visit in the
    browser, so a page that is loaded anew is a new visit.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.contexts: dict[str, BrowserContext] = {}  # by what a visitor's browser is like
        self.spare: dict[str, list[Page]] = {}

    def take(self, options: dict) -> Page:
        """A tab of a browser that is like this; of its own if there is no spare one."""
        key = json.dumps(options, sort_keys=True)
        if self.spare.get(key):
            return self.spare[key].pop()
        if key not in self.contexts:
            self.contexts[key] = context(self.browser, options)
        return self.contexts[key].new_page()

    def give_back(self, page: Page, options: dict) -> None:
        """A tab is as it came, and blank."""
        if page.is_closed():
            return
        page.goto("about:blank")
        page.mouse.up()
        page.mouse.move(0, 0)
        if page.viewport_size != options["viewport"]:
            page.set_viewport_size(options["viewport"])
        self.spare.setdefault(json.dumps(options, sort_keys=True), []).append(page)


@dataclass
class Visit:
    """One page of the app in one browser tab, and all that it said and asked for."""

    page: Page
    console: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    frames: list[float] = field(default_factory=list)  # when a message left for the server

    def __post_init__(self) -> None:
        self._listens = {
            "console": self._hear,
            "pageerror": lambda error: self.console.append(f"pageerror: {error.stack}"),
            "request": self._ask,
            "websocket": self._talk,
        }

    @classmethod
    def open(cls, page: Page, url: str, language: str | None = "en") -> Visit:
        """Open a link in a tab and wait for the pad's first digit; None waits for nothing."""
        visit = cls(page)
        page.set_default_timeout(1000 * PATIENCE)
        for event, listener in visit._listens.items():
            page.on(event, listener)
        page.goto(url, wait_until="commit")
        if language:
            visit.wait_for_pad(language)
        return visit

    def go(self, page: str | None = None, **link: object) -> None:
        """To another state of the page that is there, or to another page, as its history would
        bring it: the server hears of it, and nothing is loaded anew, so a pad that stays reads no
        place of its own."""
        self.page.evaluate(
            """([page, query]) => {
              const path = page === null ? location.pathname : `/${page}`;
              history.pushState(history.state, "", path + query);
              dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
            }""",
            [page, "?" + urlencode(link, safe=",")],
        )

    def speak(self, language: str, name: str) -> None:
        """Choose a language by its name."""
        self.page.get_by_text(name, exact=True).click()
        self.wait_for_link("lang", language)
        self.wait("(language) => document.documentElement.lang === language", language)

    def leave(self) -> None:
        """The visit ends; the tab may serve another."""
        for event, listener in self._listens.items():
            self.page.remove_listener(event, listener)

    def _hear(self, message) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _ask(self, request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss"):
            self.hosts.add(address.netloc)

    def _talk(self, websocket) -> None:
        self.hosts.add(urlsplit(websocket.url).netloc)
        websocket.on("framesent", lambda _: self.frames.append(time.monotonic()))

    def wait_for_pad(self, language: str = "en") -> None:
        """Until the Explore pad shows a decoded digit and every picture has come."""
        self.page.locator(f'canvas[role=img][aria-label^="{DECODED[language]}"]').first.wait_for()
        self.page.locator('.pad[aria-busy="false"]').wait_for()
        self.wait_for_name(self.input, r"\d$")

    def wait_for_name(self, element: Locator, pattern: str) -> None:
        """Until an element's accessible name matches."""
        from playwright.sync_api import expect

        expect(element).to_have_attribute(
            "aria-label", re.compile(pattern), timeout=1000 * PATIENCE
        )

    @property
    def errors(self) -> list[str]:
        """Console errors and uncaught exceptions."""
        return [line for line in self.console if not line.startswith("warning")]

    @property
    def torn(self) -> list[str]:
        """Korean texts whose lines may break inside a word."""
        return self.page.evaluate(_TORN)

    @property
    def output(self) -> Locator:
        """The decoded digit's canvas."""
        return self.page.locator('canvas[data-part="output"]')

    @property
    def input(self) -> Locator:
        """The input digit's canvas."""
        return self.page.locator('canvas[data-part="input"]')

    @property
    def map(self) -> Locator:
        """The focusable map."""
        return self.page.locator('.map-view canvas[tabindex="0"]').first

    @property
    def label(self) -> str:
        """The decoded digit's accessible name."""
        return self.output.get_attribute("aria-label")

    @property
    def z(self) -> list[float]:
        """The latent that the decoded digit's accessible name states, to two decimals."""
        return [float(part) for part in self.label.split("(")[1].rstrip(")").split(",")]

    @property
    def link(self) -> dict[str, str]:
        """The address bar's parameters."""
        return dict(parse_qsl(self.page.evaluate("location.search").lstrip("?")))

    @property
    def linked_z(self) -> list[float]:
        """The point in the address bar."""
        return [float(part) for part in self.link["z"].split(",")]

    def button(self, action: str) -> Locator:
        """One of the pad's buttons by its `data-action`."""
        return self.page.locator(f'button[data-action="{action}"]')

    def slider(self, k: int) -> Locator:
        """The slider of dimension k, counted from 1."""
        return self.page.locator(f'input[type=range][aria-label="z{k}"]')

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Screen place of a share of the map: (0, 0) top left, (1, 1) bottom right."""
        box = self.map.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def pixels(self, canvas: Locator | None = None) -> np.ndarray:
        """A digit's pixel values (784,) in [0, 1], read back from its canvas in the light theme."""
        red = np.array(told(canvas or self.output, _RED), np.float32)
        return (_PAPER - red) / (_PAPER - _INK)

    def see(self, expression: str) -> Any:
        """The value of a JavaScript expression of the pad, `pad`, that shows the decoded digit."""
        return told(
            self.output,
            f"(canvas) => {{ const pad = canvas.getRootNode().latentPad; return {expression}; }}",
        )

    def wait(self, condition: str, argument: object = None) -> None:
        """Until a JavaScript function of the argument gives true."""
        wait_until(self.page, condition, argument)

    def wait_for_change(self, label: str, canvas: Locator | None = None) -> None:
        """Until a digit's accessible name is no longer this one; raises after five seconds."""
        (canvas or self.output).evaluate(_CHANGE, label)

    def wait_for_link(self, name: str, value: str | None = "") -> None:
        """Until the address bar has a parameter: any value (""), this one, or None for none."""
        self.wait(
            """([name, value]) => {
              const now = new URLSearchParams(location.search).get(name);
              return value === "" ? now !== null : now === value;
            }""",
            [name, value],
        )
