"""The document in which Streamlit draws: what must be there before Streamlit's own code runs.

Streamlit sends one document for every page, in English, without a way past its menu, and its code
looks for the server below the page's address first, which is two answers 404 on every page but the
first. This puts the page's keeper into the document's head, which says where the server is (see
`explorer/pad/pages/keeper.js`), and into its body how pages look, so that nothing moves when they
come, and a link that leads past the menu. Where Streamlit should ever send another kind of
document, it goes out as it is.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer import addresses
from explorer.language import LANGUAGES, Words, best
from explorer.link import LANGUAGE, read

STYLE = Path(__file__).parent / "pad" / "pages" / "keeper.css"
_HEAD, _BODY, _TAG = b"<head>", b'<div id="root">', b'<html lang="en">'
_ASKED_AGAIN = {b"if-none-match", b"if-modified-since", b"accept-encoding"}


def language(query: str, headers: Mapping[str, str]) -> str:
    """The language of a document: its link's, else the browser's."""
    asked = read(f"?{query}").get(LANGUAGE)
    return asked if asked in LANGUAGES else best(headers.get("accept-language"))


def furnish(document: bytes, language: str) -> bytes:
    """The document with its language, the keeper, the style, and the link past the menu."""
    keeper = f'<script type="module" src="{html.escape(addresses.module("pages/keeper.js"))}">'
    past = html.escape(Words(language)("app.skip"))
    # In the body, since of two rules that weigh the same the later one holds, and Streamlit's
    # are in the head.
    link = f'<style>{_style()}</style><a class="past-menu" href="#root">{past}</a>'
    document = document.replace(_TAG, f'<html lang="{language}">'.encode(), 1)
    document = document.replace(_HEAD, _HEAD + f"{keeper}</script>".encode(), 1)
    return document.replace(_BODY, link.encode() + _BODY, 1)


@lru_cache(maxsize=1)
def _style() -> str:
    return STYLE.read_text(encoding="utf-8")


class Entrance:
    """Furnishes the documents of some pages; all else passes.

    Args:
        app: what answers.
        pages: the pages' addresses below the server's base path; the first page's is empty.
    """

    def __init__(self, app: ASGIApp, pages: frozenset[str]) -> None:
        self.app = app
        self.paths = {f"{addresses.base()}/{page}" for page in pages}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in self.paths:
            await self.app(scope, receive, send)
            return
        code = language(scope["query_string"].decode("latin-1"), Headers(scope=scope))
        # A document that the browser has is asked for anew: it depends on more than Streamlit's.
        asked = [pair for pair in scope["headers"] if pair[0].lower() not in _ASKED_AGAIN]
        start: Message = {}
        body = bytearray()

        async def sending(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                found = Headers(raw=message["headers"]).get("content-type", "")
                if found.startswith("text/html"):
                    return
                start = {}
            if not start or message["type"] != "http.response.body":
                await send(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            document = furnish(bytes(body), code)
            headers = MutableHeaders(raw=start["headers"])
            headers["content-length"] = str(len(document))
            headers.add_vary_header("Accept-Language")
            for name in ("etag", "last-modified"):
                if name in headers:
                    del headers[name]
            await send({**start, "headers": headers.raw})
            await send({"type": "http.response.body", "body": document})

        await self.app({**scope, "headers": asked}, receive, sending)
