"""Bodies of requests. Every route that reads one goes through here.

A body waits for its permit before its first byte is read, lies in a file without a name and not in
memory, and must come whole within a time; what is made of it is made by a process of its own
(`explorer.processes`) and sent from another such file. The permit lasts until the answer has been
sent, so what all visitors together can make the server hold is bounded, and so is what one can.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import IO, Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from core.refusal import Refusal
from explorer.live import HEADER, NOW, number, refused

AT_ONCE = 12  # bodies that are on their way, worked on or answered
EACH = 4  # of them of one address
BYTES = 128 * 2**20  # that all of them may have together; on disk
WAITING, EACH_WAITING = 120, 8  # requests that wait for a permit, in all and of one address
PATIENCE = 20.0  # seconds until one of these gives up
SILENCE = 10.0  # seconds in which something of a body must come
LONGEST = 60.0  # seconds until all of it must be there, and again until its answer is fetched
LINGER = 2.0  # seconds of silence until the rest of a refused body is no longer waited for
PART = 2**18  # bytes that are written, and sent, at a time


class BodyError(Refusal, ValueError):
    """A request that can't be answered as it was sent; a sentence, and the status of the answer."""

    def __init__(self, template: str, *, status: int = 400, **values: Any) -> None:
        super().__init__(template, **values)
        self.status = status


def too_busy() -> BodyError:
    """What is said to who comes while too many others are served."""
    return BodyError("Too much is being saved at this moment; try again soon.", status=503)


class Wanted(NamedTuple):
    """What a request's head asks for.

    Attributes:
        asked: what the route makes of it.
        most: bytes that its body may have.
        too_long: what is said of a longer one.
    """

    asked: Any
    most: int
    too_long: BodyError


class Permits:
    """How many bodies there are, of whom, and how large."""

    def __init__(self) -> None:
        self.changed = asyncio.Condition()
        self.held: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()
        self.bytes = 0

    @contextlib.asynccontextmanager
    async def one(self, visitor: str, size: int) -> AsyncIterator[None]:
        """Wait for one, and hold it.

        Raises:
            BodyError: where too many wait already or it takes too long.
        """
        busy = too_busy()
        if self.waiting[visitor] >= EACH_WAITING or self.waiting.total() >= WAITING:
            raise busy
        self.waiting[visitor] += 1
        try:
            async with asyncio.timeout(PATIENCE), self.changed:
                await self.changed.wait_for(lambda: self._fits(visitor, size))
                self.held[visitor] += 1
                self.bytes += size
        except TimeoutError:
            raise busy from None
        finally:
            self._less(self.waiting, visitor)
        try:
            yield
        finally:
            self._less(self.held, visitor)
            self.bytes -= size
            async with self.changed:
                self.changed.notify_all()

    def _fits(self, visitor: str, size: int) -> bool:
        some = self.held.total() < AT_ONCE and self.held[visitor] < EACH
        return some and (self.bytes + size <= BYTES or not self.bytes)

    def _less(self, counts: Counter[str], visitor: str) -> None:
        counts[visitor] -= 1
        if not counts[visitor]:
            del counts[visitor]


def visitor_of(request: Request) -> str:
    """Who counts as one: an address, or the network that one household has of IPv6."""
    address = request.client.host if request.client else ""
    with contextlib.suppress(ValueError):
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, 64), strict=False))
    return address


class Body:
    """A body that comes; knows whether all of it has."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.whole = False
        self.left = False  # by who sent it

    async def message(self) -> Message:
        """What comes next."""
        message = await self.receive()
        self.left = message["type"] == "http.disconnect"
        self.whole = self.left or not message.get("more_body", False)
        return message

    async def into(self, file: IO[bytes], wanted: Wanted) -> int:
        """Write it to a file; gives its length.

        Raises:
            BodyError: for one that is too long, or does not come.
        """
        size, held = 0, bytearray()
        try:
            async with asyncio.timeout(LONGEST):
                while not self.whole:
                    async with asyncio.timeout(SILENCE):
                        part = (await self.message()).get("body", b"")
                    size += len(part)
                    if size > wanted.most:
                        raise wanted.too_long
                    held += part
                    if len(held) >= PART or self.whole:
                        await run_in_threadpool(file.write, bytes(held))
                        held.clear()
        except TimeoutError:
            raise late(SILENCE, LONGEST) from None
        await run_in_threadpool(file.flush)
        return size

    async def pass_over(self) -> None:
        """Take what is left of it and let it go, for as long as it comes: who still sends when the
        connection is closed never hears why."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST):
                while not self.whole:
                    async with asyncio.timeout(LINGER):
                        await self.message()


class Taking:
    """What answers at a route that takes a body."""

    def __init__(
        self,
        permits: Permits,
        check: Callable[[Request], Wanted],
        make: Callable[[Any, IO[bytes], int], Awaitable[IO[bytes]]],
        media_type: str,
    ) -> None:
        self.permits = permits
        self.check = check
        self.make = make
        self.media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":  # of a route that is no function Starlette checks none
            await Response(status_code=405, headers={"Allow": "POST"})(scope, receive, send)
            return
        request, body, began = Request(scope, receive), Body(receive), False

        async def sending(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            if HEADER not in request.headers:
                raise BodyError("To save needs the header {header}.", status=403, header=HEADER)
            wanted = self.check(request)
            size = declared(request, wanted)
            async with self.permits.one(visitor_of(request), size):
                await self._answer(request, body, wanted, sending)
        except BodyError as error:
            await refuse(request, body, error, send)
        except OSError as error:
            if began:
                raise
            reason = error.strerror or type(error).__name__
            full = BodyError("The server has no room for it ({reason}).", status=507, reason=reason)
            await refuse(request, body, full, send)

    async def _answer(self, request: Request, body: Body, wanted: Wanted, send: Send) -> None:
        with tempfile.TemporaryFile() as file:
            size = await body.into(file, wanted)
            if body.left:
                return  # nobody hears the answer
            made = await self.make(wanted.asked, file, size)
        with made:
            async with asyncio.timeout(LONGEST):
                await _sent(made, self.media_type)(request.scope, body.receive, send)


def late(silence: float, longest: float) -> BodyError:
    """What is said of a body that does not come."""
    return BodyError(
        "What was sent did not arrive: nothing came for {silence:g} seconds, or not all within "
        "{longest:g}.",
        status=408,
        silence=silence,
        longest=longest,
    )


async def refuse(request: Request, body: Body, error: BodyError, send: Send) -> None:
    """Say why, after what is left of the body has gone by."""
    await body.pass_over()
    answer = refused(request, error, error.status)
    if not body.whole:
        answer.headers["Connection"] = "close"
    await answer(request.scope, body.receive, send)


def declared(request: Request, wanted: Wanted) -> int:
    """How long a body says that it is, else how long it may be.

    Raises:
        BodyError: for one that says that it is too long, or says nonsense.
    """
    said = request.headers.get("content-length")
    if said is None:
        return wanted.most
    if not (said.isascii() and said.isdigit()):
        raise BodyError("The length of what is sent must be a whole number of bytes.")
    size = number(said.lstrip("0") or "0")
    if size is None or size > wanted.most:
        raise wanted.too_long
    return size


def _sent(file: IO[bytes], media_type: str) -> Response:
    size = file.seek(0, 2)
    file.seek(0)

    async def parts() -> AsyncIterator[bytes]:
        while part := await run_in_threadpool(file.read, PART):
            yield part

    return StreamingResponse(
        parts(), media_type=media_type, headers=NOW | {"Content-Length": str(size)}
    )


def route(
    permits: Permits,
    path: str,
    check: Callable[[Request], Wanted],
    make: Callable[[Any, IO[bytes], int], Awaitable[IO[bytes]]],
    media_type: str,
) -> Route:
    """A route that takes a body.

    Args:
        permits: that it shares with others.
        path: its address.
        check: what a request's head asks for; raises BodyError.
        make: from what was asked, a file with the body and its length, the file of the answer;
            raises BodyError.
        media_type: of the answer.
    """
    return Route(path, Taking(permits, check, make, media_type))
