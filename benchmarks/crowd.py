"""Thirty visitors at once: dragging, switching stops and pages, five of them training.

`python -m benchmarks.crowd [SECONDS]`; two minutes. Most visitors are websocket clients that speak
Streamlit's protocol and fetch what a browser would; the others are tabs of headless Chromium. Ends
with 1 where anything fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import websockets
from playwright.async_api import Browser, async_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.store import checkpoints
from explorer.language import texts
from tests import browser as chromium

CLIENTS, TABS = 26, 4
CLIENTS_TRAIN = ("stacked_ae", "denoising_ae", "basic_ae")  # one model each, so no two are alike
TABS_TRAIN = ("vae", "linear_ae")
WANTED = len(CLIENTS_TRAIN) + len(TABS_TRAIN)
PAGES = ("explore", "pca_vs_ae", "noise", "beta_and_k")
ASKED = "/latent/derive/"  # what a page asks when it needs it, no file
PATIENCE = 60  # seconds for one answer; a person would have left long before


@dataclass
class Tally:
    """What all visitors together saw; times in seconds."""

    times: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter = field(default_factory=Counter)
    lost: int = 0
    frames: list[float] = field(default_factory=list)  # ms of a dragged frame in the tabs
    trained: set[str] = field(default_factory=set)

    def add(self, what: str, seconds: float) -> None:
        self.times.setdefault(what, []).append(seconds)


class Client:
    """One visitor without a screen: a websocket, and the state of the page's widgets."""

    def __init__(self, number: int, url: str, tally: Tally) -> None:
        self.number = number
        self.url = url
        self.tally = tally
        self.choose = random.Random(number)
        self.page = ""
        self.query = ""
        self.wanted: set[str] = set()
        self.pickers: dict[str, list[str]] = {}  # widget id → options
        self.values: dict[str, str] = {}
        self.buttons: dict[str, str] = {}  # widget id → label
        self.fetched: set[str] = set()

    async def live(self, until: float, trains: str | None) -> None:
        """Visit until the time is over; who trains a model does so first."""
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        try:
            async with websockets.connect(
                address, subprotocols=["streamlit"], max_size=2**26, open_timeout=PATIENCE
            ) as self.socket:
                if trains is not None:
                    await self._train(trains)
                else:
                    self.tally.add("first page", await self._run())
                await self._fetch()
                while time.monotonic() < until:
                    await asyncio.sleep(self.choose.uniform(1, 4))
                    await self._act()
        except (websockets.ConnectionClosed, OSError, TimeoutError) as error:
            self.tally.lost += 1
            self.tally.errors[f"{type(error).__name__}: {error}"] += 1

    async def _act(self) -> None:
        if self.pickers and self.choose.random() < 0.5:
            widget = self.choose.choice(list(self.pickers))
            self.values[widget] = self.choose.choice(self.pickers[widget])
            self.tally.add("switch a stop", await self._run())
        else:
            self.page = self.choose.choice(PAGES)
            self.pickers, self.values = {}, {}
            self.tally.add("switch the page", await self._run())
        await self._fetch()

    async def _train(self, model: str) -> None:
        self.page, self.query = "train", f"&model={model}"
        self.tally.add("train page", await self._run())
        label = texts("en")["train.go"]
        button = next((one for one, text in self.buttons.items() if text == label), None)
        if button is None:
            self.tally.errors["no button to train"] += 1
            return
        self.tally.add("ask to train", await self._run(button))

    async def _run(self, button: str | None = None) -> float:
        """Run the page's script on the server; seconds until it has finished."""
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string = "lang=en" + self.query
        asked.page_name = self.page
        asked.context_info.locale = "en-GB"
        for widget, value in self.values.items():
            state = asked.widget_states.widgets.add()
            state.id, state.string_value = widget, value
        if button is not None:
            state = asked.widget_states.widgets.add()
            state.id, state.trigger_value = button, True
        started = time.monotonic()
        await self.socket.send(message.SerializeToString())
        begun = False
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(self.socket.recv(), PATIENCE))
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                begun = True
            elif kind == "delta":
                self._see(answer.delta.new_element)
            elif kind == "script_finished" and begun:
                return time.monotonic() - started

    def _see(self, element) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.tally.errors[f"{element.exception.type}: {element.exception.message}"] += 1
        elif kind == "selectbox" and len(element.selectbox.options) > 1:
            self.pickers[element.selectbox.id] = list(element.selectbox.options)
        elif kind == "button":
            self.buttons[element.button.id] = element.button.label
        elif kind == "bidi_component":
            found = re.findall(r'"(/latent/[^"]+)"', str(element).replace('\\"', '"'))
            self.wanted = {path for path in found if not path.startswith(ASKED)}

    async def _fetch(self) -> None:
        """What a browser would fetch for the pad, each file once."""
        for path in self.wanted - self.fetched:
            self.fetched.add(path)
            started = time.monotonic()
            try:
                await asyncio.to_thread(_get, self.url + path)
            except OSError as error:
                self.tally.errors[f"{path.split('/')[2]}: {error}"] += 1
            self.tally.add("fetch a file", time.monotonic() - started)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return answer.read()


async def tab(browser: Browser, app: chromium.Served, until: float, trains: str, tally: Tally):
    """One visitor with a screen, dragging; the pages' errors count."""
    context = await browser.new_context(**chromium.DESKTOP)
    page = await context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.on("pageerror", lambda error: tally.errors.update([f"pageerror: {error}"]))
    choose = random.Random(trains)
    if trains:
        await page.goto(app.link("train", model=trains))
        await page.get_by_role("button", name=texts("en")["train.go"], exact=True).click()
        await page.locator(".pad.train[data-status]").wait_for()
        await asyncio.sleep(5)
    while time.monotonic() < until:
        name = choose.choice(("explore", "beta_and_k"))
        started = time.monotonic()
        await page.goto(app.link(name))
        await page.locator('.pad[aria-busy="false"]').first.wait_for()
        tally.add("open a page in a tab", time.monotonic() - started)
        box = await page.locator('.map-view canvas[tabindex="0"]').first.bounding_box()
        await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await page.mouse.down()
        for _ in range(40):
            await page.mouse.move(
                box["x"] + choose.uniform(0.2, 0.8) * box["width"],
                box["y"] + choose.uniform(0.2, 0.8) * box["height"],
            )
        await page.mouse.up()
        tally.frames += await page.locator('canvas[data-part="output"]').evaluate(
            "canvas => canvas.getRootNode().latentPad.timings"
        )
        await asyncio.sleep(choose.uniform(1, 3))
    await context.close()


def padded(models: tuple, count: int, other) -> list:
    """The models, and `other` for the rest of so many visitors."""
    return [*models, *[other] * (count - len(models))]


def memory(port: int) -> dict[str, int]:
    """Resident MiB of the server and of each of its workers, told by their command lines."""
    found: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            told = re.search(r"VmRSS:\s+(\d+)", (folder / "status").read_text())
            if told is None:
                continue  # a process of the system's own
            if "core.training.worker" in command:
                found[f"worker {folder.name}"] = int(told[1]) // 1024
            elif "streamlit" in command and str(port) in command:
                found["server"] = int(told[1]) // 1024
    return found


async def crowd(app: chromium.Served, seconds: float) -> tuple[Tally, dict, dict]:
    """All visitors at once; returns what they saw and the memory before and at its highest."""
    tally = Tally()
    port = urlsplit(app.url).port
    _get(app.url)
    before, most = memory(port), {}
    until = time.monotonic() + seconds

    async def watch() -> None:
        while time.monotonic() < until:
            for name, size in memory(port).items():
                most[name] = max(size, most.get(name, 0))
            await asyncio.sleep(2)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.find_browser(), args=list(chromium.ARGUMENTS)
        )
        await asyncio.gather(
            watch(),
            *(
                Client(n, app.url, tally).live(until, trains)
                for n, trains in enumerate(padded(CLIENTS_TRAIN, CLIENTS, None))
            ),
            *(tab(browser, app, until, trains, tally) for trains in padded(TABS_TRAIN, TABS, "")),
        )
        await browser.close()
    end = time.monotonic() + PATIENCE
    while len(tally.trained) < WANTED and time.monotonic() < end:
        tally.trained = set(checkpoints.list_runs(app.user_store).runs)
        await asyncio.sleep(1)
    return tally, before, most


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    with tempfile.TemporaryDirectory() as folder, chromium.serve(Path(folder)) as app:
        tally, before, most = asyncio.run(crowd(app, seconds))
    print(
        f"{CLIENTS} websocket clients and {TABS} tabs for {seconds:.0f} s, "
        f"{WANTED} of them training."
    )
    print()
    print("| what | times | median, s | p95, s |")
    print("|---|--:|--:|--:|")
    for what, times in sorted(tally.times.items()):
        print(
            f"| {what} | {len(times)} | {np.median(times):.2f} | {np.percentile(times, 95):.2f} |"
        )
    print()
    if tally.frames:
        print(
            f"A dragged frame in a tab: median {np.median(tally.frames):.1f} ms, p95 "
            f"{np.percentile(tally.frames, 95):.1f} ms ({len(tally.frames)} frames)."
        )
    print(f"Memory before: {before}; at most: {most} (MiB).")
    print(f"Trainings finished: {len(tally.trained)} of {WANTED}; sockets lost: {tally.lost}.")
    for error, count in tally.errors.items():
        print(f"Error, {count} times: {error}")
    failed = bool(tally.errors) or tally.lost or len(tally.trained) < WANTED
    print("Failed." if failed else "No error, no lost socket.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
