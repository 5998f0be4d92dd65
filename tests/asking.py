"""Asking the app's own routes without a server: what a browser would send, byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.types import ASGIApp

HOST = "localhost:8501"
HERE = "127.0.0.1"
T = TypeVar("T")


@dataclass
class Answer:
    """What came of a request; a status of 0 is none at all."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    raised: BaseException | None = None
    closed: int | None = None  # a websocket's code
    accepted: bool = False


def scope_of(
    method: str, target: str | bytes, headers: dict[str, str], client: str | None
) -> dict[str, Any]:
    """What a server tells an application of a request; uvicorn's own way of reading a path."""
    raw = target.encode("ascii") if isinstance(target, str) else target
    path, _, query = raw.partition(b"?")
    return {
        "type": "websocket" if method == "WEBSOCKET" else "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers.items()],
        "client": (client, 50000) if client is not None else None,
        "server": (HERE, 8501),
        "subprotocols": [],
    }


async def asked(
    app: ASGIApp,
    target: str | bytes,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    parts: Iterable[bytes] = (b"",),
    client: str | None = HERE,
    stalls: bool = False,
    every: float = 0.0,
) -> Answer:
    """Ask an application; a body that `stalls` never ends, and a part comes `every` so many
    seconds."""
    answer = Answer()
    left = list(parts)
    body = bytearray()

    async def receive() -> dict[str, Any]:
        if answer.accepted or (method == "WEBSOCKET" and not left):
            return {"type": "websocket.disconnect", "code": 1001}
        if method == "WEBSOCKET":
            left.clear()
            return {"type": "websocket.connect"}
        if left:
            await asyncio.sleep(every)
            part = left.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(left) or stalls}
        if stalls:
            await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            answer.status = message["status"]
            answer.headers = Headers(raw=message["headers"])
        elif kind == "http.response.body":
            body.extend(message.get("body", b""))
        elif kind == "websocket.accept":
            answer.accepted = True
        elif kind == "websocket.close":
            answer.closed = message.get("code", 1000)

    try:
        await app(scope_of(method, target, {"Host": HOST} | (headers or {}), client), receive, send)
    except Exception as error:  # what a server would make a 500 of
        answer.raised = error
        answer.status = answer.status or 500
    answer.body = bytes(body)
    return answer


def ask(app: ASGIApp, target: str | bytes, method: str = "GET", **more: Any) -> Answer:
    """`asked` where nothing else waits."""
    return waited(asked(app, target, method, **more))


def waited(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in a thread of its own: a browser may hold this thread's event loop."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(asyncio.run, coroutine).result()
