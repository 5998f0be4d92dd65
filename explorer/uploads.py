"""Streamlit's own route of uploads, held to what our routes are held to (`explorer.bodies`).

Streamlit keeps what was uploaded in the server's memory for as long as its page is open, under any
name that the page gives it; so what one page and all pages together keep has a bound too.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from explorer.bodies import Body, Permits

MIB = 2**20
LARGEST = 48 * MIB  # as `server.maxUploadSize` in .streamlit/config.toml; a test holds it
AROUND = MIB  # of the form that a file comes in
OF_ONE, IN_ALL = 64 * MIB, 384 * MIB  # that one page and all pages may keep
LONGEST = 300.0  # seconds until a file must be there, over a slow network too
_PLACE = re.compile(r"/_stcore/upload_file/([^/]{1,200})/[^/]{1,200}\Z")


class Uploads:
    """Lets an upload wait for its permit, and ends one that does not come."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.permits: Permits | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = None
        if scope["type"] == "http" and scope["method"] in ("PUT", "POST"):
            place = _PLACE.search(scope["path"])
        if place is None:
            await self.app(scope, receive, send)
            return
        from explorer import bodies  # which reads more than the first page may wait for

        self.permits = self.permits or bodies.Permits()
        request, body, began = Request(scope), bodies.Body(receive), False

        async def sending(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            too_long = bodies.BodyError(
                "A file may have up to {most} MiB.", status=413, most=LARGEST // MIB
            )
            size = bodies.declared(request, bodies.Wanted(None, LARGEST + AROUND, too_long))
            _room(place[1], size)
            async with self.permits.one(bodies.visitor_of(request), size):
                await self.app(scope, _in_time(body), sending)
        except bodies.BodyError as error:
            if not began:
                await bodies.refuse(request, body, error, send)


def _in_time(body: Body) -> Receive:
    """What a body's route hears of it; BodyError where it stalls."""
    from explorer import bodies

    last = asyncio.get_running_loop().time() + LONGEST

    async def receive() -> Message:
        if body.whole:
            return await body.receive()
        left = last - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(0.0, min(bodies.SILENCE, left))):
                return await body.message()
        except TimeoutError:
            raise bodies.late(bodies.SILENCE, LONGEST) from None

    return receive


def _room(session_id: str, size: int) -> None:
    """That there is room for one more file.

    Raises:
        BodyError: where there is none.
    """
    from explorer.bodies import BodyError

    kept = _kept()
    if kept.get(session_id, 0) + size > OF_ONE + AROUND:
        raise BodyError(
            "The files of one page may have up to {most} MiB; take some out, or reload the page.",
            status=413,
            most=OF_ONE // MIB,
        )
    if sum(kept.values()) + size > IN_ALL:
        raise BodyError("Too many files are open at this moment; try again soon.", status=503)


def _kept() -> dict[str, int]:
    """Bytes that Streamlit keeps, by session."""
    from streamlit import runtime

    if not runtime.exists():
        return {}
    found = getattr(runtime.get_instance().uploaded_file_mgr, "file_storage", {})
    return {
        session: sum(len(file.data) for file in list(files.values()))
        for session, files in list(found.items())
    }
