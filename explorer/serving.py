"""What the server does beside the pages: its own routes, and what is ready before anybody asks.

Reading the code behind takes a third of a second; it is read while the server already answers, so
that the first page does not wait for it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer import addresses, hosts

_log = logging.getLogger(__name__)

WORKERS_AFTER = 15.0  # seconds; a worker loads torch, which would slow the first paint
CATALOGUE_AFTER = 3.0  # so does the catalogue's process, but politely, and Train waits for it
ENTRIES = {  # the module that each page mounts, by the page's address; a test holds it
    "": "pages/explore.js",
    "pca_vs_ae": "pages/compare.js",
    "noise": "pages/noise.js",
    "beta_and_k": "pages/beta.js",
    "generate": "pages/generate.js",
    "family": "pages/family.js",
    "train": "pages/film.js",
}


def routes() -> list[Route]:
    """The routes beside the pages, under the server's base path."""
    ours = _Later()
    return [
        Route(f"{addresses.root()}/{{rest:path}}", ours),
        Route(f"{addresses.base()}/explore", ours),
    ]


class _Later:
    """Answers by `explorer.assets.routes`, read at the first request at the latest."""

    router: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.router is None:
            self.router = await run_in_threadpool(_router)
        await self.router(scope, receive, send)


def _router() -> Router:
    from explorer import assets

    return Router(assets.routes())


class Preload:
    """Says in a page's answer what its pad will ask for, so that the browser fetches it beside
    Streamlit's own files and not after them; and gives a browser that has none a visitor's name,
    so that all its tabs are one visitor."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = scope["path"].rpartition("/")[2] if scope["type"] == "http" else None

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    if f"{addresses.COOKIE}=" not in Headers(scope=scope).get("cookie", ""):
                        headers.append("set-cookie", addresses.new_visitor())
                    if _read.is_set():
                        from explorer import assets

                        headers["link"] = assets.links(ENTRIES[page])
            await send(message)

        await self.app(scope, receive, sending if page in ENTRIES else send)


_read = threading.Event()  # whether the code behind the routes has been read


def _read_ahead() -> None:
    """Read the code of routes and pages, and the digits, while the browser is still opening."""
    from explorer import assets, resources
    from explorer.language import LANGUAGES, texts

    for entry in ENTRIES.values():
        assets.links(entry)
    _read.set()
    for language in LANGUAGES:
        texts(language)
    resources.packed_digits("images")


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict]:
    """Read ahead, and have a worker ready a little later, when the first page is there."""
    for task in (_read_ahead, hosts.ask_the_network):
        threading.Thread(target=told(task), daemon=True).start()
    later = [
        threading.Timer(WORKERS_AFTER, told(_ensure_workers)),
        threading.Timer(CATALOGUE_AFTER, told(_ensure_catalogue)),
    ]
    for timer in later:
        timer.daemon = True
        timer.start()
    try:
        yield {}
    finally:
        for timer in later:
            timer.cancel()
        from explorer import background, catalogue, workers

        workers.close()
        background.close()
        catalogue.close()


def told(task: Callable[[], object]) -> Callable[[], None]:
    """A thread's task that says in the server's log what ended it."""

    def run() -> None:
        try:
            task()
        except Exception:
            _log.exception("%s broke off.", task.__name__)

    return run


def _ensure_catalogue() -> None:
    from explorer import catalogue

    catalogue.start()


def _ensure_workers() -> None:
    from explorer import workers

    workers.ensure()
