"""What stands before every route and page, Streamlit's own and the websocket among them: who may
ask, whom nobody may pass for, and what each answer says of how it may be used."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from functools import lru_cache
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.refusal import Refusal
from explorer import hosts

SAFE = ("GET", "HEAD", "OPTIONS")  # methods that change nothing
POLICY = 1008  # why a websocket is closed: it breaks a rule of ours

_log = logging.getLogger(__name__)
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@lru_cache(maxsize=1)
def _scripts() -> str:
    """Which scripts a page may run: files of this server, what Streamlit gives to the browser as a
    blob (a component's starter), and the very lines that stand in Streamlit's own page."""
    page = Path(st.__file__).parent / "static" / "index.html"
    inline = _INLINE.findall(page.read_text(encoding="utf-8")) if page.is_file() else []
    known = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inline]
    return " ".join(["'self'", "blob:", *(f"'sha256-{one}'" for one in known)])


def content_policy(host: str) -> str:
    """What a page may load and run: what comes from this server.

    Args:
        host: as the page's address names it, with its port; some browsers take `'self'` for no
            websocket.
    """
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src {_scripts()} 'wasm-unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",  # Streamlit writes its styles into the page
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self' {f'ws://{host} wss://{host} ' if host else ''}data: blob:",
            "worker-src 'self' blob:",
            "frame-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


def answer_headers(host: str) -> dict[str, str]:
    """What every answer says, whatever it is."""
    return {
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
        "referrer-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        "content-security-policy": content_policy(host),
    }


class Guard:
    """Answers to this machine's names alone, and makes the address of a visit that somebody passed
    on one that is nobody's, so that it is never taken for the owner's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        given = Headers(scope=scope)
        named = hosts.host_of(given.get("host", "")) is not None

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in answer_headers(given["host"] if named else "").items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = await self._refused(scope, given)
        if refusal is not None:
            _log.debug("Refused: %s", refusal)
            await _refuse(refusal, scope, receive, sending)
            return
        await self.app(_as_it_came(scope, given), receive, sending)

    async def _refused(self, scope: Scope, given: Headers) -> Refusal | None:
        found = hosts.host_of(given.get("host", ""))
        if found is None:
            return Refusal("A request names the server that it asks; this one names none.")
        if not hosts.is_ours(found.name):
            named = await run_in_threadpool(_named)
            if not hosts.is_ours(found.name, named):
                return Refusal(
                    "This server does not answer to the name {host!r}; whoever runs it can add it "
                    "to `hosts` in the configuration.",
                    host=found.name,
                )
        origin = given.get("origin")
        acts = scope["type"] == "websocket" or scope["method"] not in SAFE
        if not acts or origin is None or hosts.is_own_page(origin, found):
            return None
        if hosts.is_own_page(origin, found, await run_in_threadpool(_named)):
            return None
        return Refusal(
            "Only a page of this server may ask for that; {page!r} is none.", page=origin[:300]
        )


def _as_it_came(scope: Scope, given: Headers) -> Scope:
    """A request whose address is nobody's where somebody may have passed it on, and whose host is
    its page's own, since Streamlit's websocket asks for that."""
    client, origin = scope.get("client"), given.get("origin")
    address, host = (client[0] if client else ""), hosts.host_of(given["host"])
    from_here = host is not None and (origin is None or hosts.is_own_page(origin, host))
    if not from_here or not hosts.may_own(address, given["host"]) or hosts.is_proxied(given):
        # What a proxy says of where a visit came from tells visitors apart, and no more.
        elsewhere = bool(address) and not hosts.is_loopback(address)
        scope = {**scope, "client": client if elsewhere else (hosts.PROXIED, 0)}
    if origin is not None and not from_here and scope["type"] == "websocket":
        page = origin.partition("://")[2].encode("latin-1")
        rest = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope = {**scope, "headers": [*rest, (b"host", page)]}
    return scope


def _named() -> tuple[str, ...]:
    """Names that the owner's configuration adds; read anew, so that no restart is needed."""
    from explorer import workers

    return workers.allowed()[0].hosts


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY, "reason": ""})
        return

    def said() -> Response:
        from explorer import live

        answer = live.refused(Request(scope), refusal, 403)
        answer.headers["connection"] = "close"  # a body that is on its way is not read
        return answer

    await (await run_in_threadpool(said))(scope, receive, send)
