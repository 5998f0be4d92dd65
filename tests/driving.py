"""Two browsers other than Chromium behind one way to drive them: Firefox by WebDriver BiDi, which
it speaks itself, and WebKitGTK's MiniBrowser, whose engine is Safari's, by WebDriver.

Each is found on this machine or said to be missing; nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from tests.browser import NoBrowserError, free_port

PATIENCE = 60.0  # seconds until something that should happen counts as never happening
WIDTH, HEIGHT = 1280, 800
FIREFOX = ("firefox-esr", "firefox")
MINI_BROWSERS = "/usr/lib/*/webkit2gtk-4.?/MiniBrowser"

# WebKit's driver tells nothing of the console, so the document keeps it once it has come.
_HEAR = """
  window.heard = [];
  const said = console.error;
  console.error = (...all) => {
    heard.push(`console: ${all.map(String).join(" ")}`);
    said(...all);
  };
  addEventListener("error", (event) => heard.push(`javascript: ${event.message}`));
  addEventListener("unhandledrejection", (event) => heard.push(`promise: ${event.reason}`));
"""

Actions = list[dict[str, Any]]


class Driven(Protocol):
    """A browser with one page.

    Attributes:
        name: of the browser, with its version.
        errors: what its console said of errors, and uncaught exceptions, so far.
        downloads: the folder where it saves.
    """

    name: str
    errors: list[str]
    downloads: Path

    def open(self, url: str) -> None:
        """Go to an address; returns when the document has come."""

    def run(self, body: str, *arguments: Any) -> Any:
        """The value of an asynchronous JavaScript function's body, called with `given`."""

    def hand(self, actions: Actions) -> None:
        """Let the mouse do what WebDriver's pointer actions say, and let go of nothing."""

    def back(self) -> None:
        """What the button does."""


class Firefox:
    """Firefox without a window, by WebDriver BiDi on a socket."""

    def __init__(self, folder: Path, program: str) -> None:
        from websockets.sync.client import connect

        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        profile = folder / "profile"
        profile.mkdir()
        preferences = {
            "browser.download.folderList": 2,
            "browser.download.dir": str(self.downloads),
            "browser.download.useDownloadDir": True,
            "browser.download.always_ask_before_handling_new_types": False,
            "browser.shell.checkDefaultBrowser": False,
            "datareporting.policy.dataSubmissionEnabled": False,
            "app.normandy.enabled": False,
            "network.captive-portal-service.enabled": False,
            "network.connectivity-service.enabled": False,
            "intl.accept_languages": "en-GB, en",
            "remote.active-protocols": 1,
        }
        lines = (f"user_pref({json.dumps(n)}, {json.dumps(v)});" for n, v in preferences.items())
        (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
        self.errors: list[str] = []
        self._count = 0
        self._open = contextlib.ExitStack()
        port = free_port()
        command = [
            program,
            "--headless",
            "--no-remote",
            "--new-instance",
            "--profile",
            str(profile),
        ]
        command += ["--width", str(WIDTH), "--height", str(HEIGHT)]
        command += ["--remote-debugging-port", str(port)]
        self._log = (folder / "firefox.log").open("wb")
        self._process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            env=os.environ | {"HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
        )
        try:
            address = f"ws://127.0.0.1:{port}/session"
            self._socket = _again(lambda: self._open.enter_context(connect(address, max_size=None)))
            told = self._ask("session.new", capabilities={})["capabilities"]
            self.name = f"Firefox {told['browserVersion']}"
            self._ask("session.subscribe", events=["log.entryAdded"])
            (page,) = self._ask("browsingContext.getTree")["contexts"]
            self._page = page["context"]
            size = {"width": WIDTH, "height": HEIGHT}
            self._ask("browsingContext.setViewport", context=self._page, viewport=size)
        except BaseException:
            self.close()
            raise

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        number = self._count
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=PATIENCE + 10))
            if told.get("method") == "log.entryAdded":
                self._hear(told["params"])
            if told.get("id") == number:
                if told["type"] == "error":
                    raise RuntimeError(f"{method}: {told['error']}: {told['message']}")
                return told["result"]

    def _hear(self, entry: dict[str, Any]) -> None:
        if entry["level"] == "error":
            self.errors.append(f"{entry['type']}: {entry['text']}")

    def open(self, url: str) -> None:
        self._ask("browsingContext.navigate", context=self._page, url=url, wait="interactive")

    def run(self, body: str, *arguments: Any) -> Any:
        program = f"""async (all) => JSON.stringify(
          await (async (...given) => {{ {body} }})(...JSON.parse(all)) ?? null)"""
        found = self._ask(
            "script.callFunction",
            functionDeclaration=program,
            arguments=[{"type": "string", "value": json.dumps(arguments)}],
            target={"context": self._page},
            awaitPromise=True,
        )
        if found["type"] == "exception":
            raise RuntimeError(found["exceptionDetails"]["text"])
        return json.loads(found["result"]["value"])

    def hand(self, actions: Actions) -> None:
        pointer = {"type": "pointer", "id": "mouse", "actions": actions}
        self._ask("input.performActions", context=self._page, actions=[pointer])

    def back(self) -> None:
        self._ask("browsingContext.traverseHistory", context=self._page, delta=-1)

    def close(self) -> None:
        with contextlib.suppress(AttributeError, OSError, RuntimeError):
            self._ask("browser.close")
        self._open.close()
        _end(self._process)
        self._log.close()


class WebKit:
    """WebKitGTK's MiniBrowser on a screen of its own, by WebDriver."""

    def __init__(self, folder: Path, driver: str, program: str, screen: str | None) -> None:
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        settings = folder / ".config"
        settings.mkdir()
        (settings / "user-dirs.dirs").write_text(f'XDG_DOWNLOAD_DIR="{self.downloads}"\n')
        environment = os.environ | {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(settings),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_DATA_HOME": str(folder / "data"),
            "LANGUAGE": "en_GB:en",
            "NO_AT_BRIDGE": "1",
            "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
            "WEBKIT_SKIA_ENABLE_CPU_RENDERING": "1",
        }
        self._output = (folder / "webkit.log").open("wb")
        self._screen = None
        self._session = ""
        self._before: list[str] = []  # what documents before this one said
        self._opened = False
        if screen:
            self._screen, environment["DISPLAY"] = _screen(screen, self._output)
        port = free_port()
        self._base = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [driver, f"--port={port}"], stdout=self._output, stderr=self._output, env=environment
        )
        try:
            _again(lambda: self._ask("GET", "/status"))
            options = {
                "binary": program,
                "args": ["--automation", f"--geometry={WIDTH}x{HEIGHT + 60}"],
            }
            wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
            made = self._ask("POST", "/session", {"capabilities": wanted})
            self._session = f"/session/{made['sessionId']}"
            self.name = f"WebKitGTK {made['capabilities']['browserVersion']}"
            self._ask("POST", f"{self._session}/timeouts", {"script": int(1000 * PATIENCE)})
            self._ask(
                "POST", f"{self._session}/window/rect", {"width": WIDTH, "height": HEIGHT + 60}
            )
        except BaseException:
            self.close()
            raise

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE + 10) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.read().decode()[:400]}") from error

    @property
    def errors(self) -> list[str]:
        return self._before + self.run("return window.heard ?? []")

    def open(self, url: str) -> None:
        if self._opened:
            self._before = self.errors
        self._ask("POST", f"{self._session}/url", {"url": url})
        self._opened = True
        self.run(_HEAR)

    def run(self, body: str, *arguments: Any) -> Any:
        script = f"""const all = Array.from(arguments), done = all.pop();
          (async (...given) => {{ {body} }})(...all).then(
            (value) => done(JSON.stringify([value ?? null])),
            (error) => done(JSON.stringify({{ error: String(error) }})));"""
        found = self._ask(
            "POST", f"{self._session}/execute/async", {"script": script, "args": list(arguments)}
        )
        found = json.loads(found)
        if isinstance(found, dict):
            raise RuntimeError(found["error"])
        return found[0]

    def hand(self, actions: Actions) -> None:
        pointer = {"type": "pointer", "id": "mouse", "actions": actions}
        self._ask("POST", f"{self._session}/actions", {"actions": [pointer]})

    def back(self) -> None:
        self._ask("POST", f"{self._session}/back", {})

    def close(self) -> None:
        if self._session:
            with contextlib.suppress(OSError, RuntimeError):
                self._ask("DELETE", self._session)
        _end(self._process)
        if self._screen:
            _end(self._screen)
        self._output.close()


def _screen(program: str, output: Any) -> tuple[subprocess.Popen, str]:
    """A screen that nobody sees, and its name."""
    reading, writing = os.pipe()
    size = f"{WIDTH}x{HEIGHT + 100}x24"
    process = subprocess.Popen(
        [program, "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp"],
        stdout=output,
        stderr=output,
        pass_fds=[writing],
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        return process, f":{told.readline().strip()}"


def _again(ask: Any) -> Any:
    """What a server says as soon as it listens."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (OSError, RuntimeError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def firefox(folder: Path) -> Iterator[Driven]:
    """Firefox, until the end.

    Raises:
        NoBrowserError: where there is none.
    """
    program = next(filter(None, map(shutil.which, FIREFOX)), None)
    if program is None:
        raise NoBrowserError("No Firefox was found: apt-get install firefox-esr.")
    driven = Firefox(folder, program)
    try:
        yield driven
    finally:
        driven.close()


@contextlib.contextmanager
def webkit(folder: Path) -> Iterator[Driven]:
    """WebKitGTK's MiniBrowser, until the end.

    Raises:
        NoBrowserError: where there is none, no driver of it, or no screen.
    """
    driver = shutil.which("WebKitWebDriver")
    programs = sorted(Path("/").glob(MINI_BROWSERS.lstrip("/")))
    screen = shutil.which("Xvfb")
    if not driver or not programs or not (screen or os.environ.get("DISPLAY")):
        raise NoBrowserError("No WebKitGTK was found: apt-get install webkit2gtk-driver xvfb.")
    driven = WebKit(folder, driver, str(programs[-1]), screen)
    try:
        yield driven
    finally:
        driven.close()


BROWSERS = {"firefox": firefox, "webkit": webkit}
