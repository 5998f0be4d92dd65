"""The app's own route of saved files: pictures, films and tables that a page sends.

Pixels and rows come from the page as it shows them, and go back to it as a file of a well-known
format that says which run made it. Nothing of them is kept here.

    POST /save/png?width&height&channels&…         raw pixels → PNG with text chunks
    POST /save/gif?…&frames&milliseconds           raw pixels → GIF with a comment
    POST /save/csv  {columns, rows, …}             → CSV with a column `run`
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

import core
from core.refusal import Refusal
from core.store.checkpoints import RUN_ID
from explorer.live import HEADER, NOW, refused

SOFTWARE = f"Latent Explorer {core.__version__}"
LARGEST_SIDE = 4096  # pixels
MOST_FRAMES = 600
MOST_PIXELS = 32 * 2**20  # bytes of a picture or of all pictures of a film
LARGEST_TABLE = 16 * 2**20  # bytes of a table's JSON
AT_ONCE = 4  # files that are written at the same time, so that a class leaves the pages their turn


class SaveError(Refusal, ValueError):
    """What can't be saved as it was sent; one sentence, and the status of the answer."""

    def __init__(self, template: str, *, status: int = 400, **values: Any) -> None:
        super().__init__(template, **values)
        self.status = status


class _About(BaseModel):
    """What every saved file says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    run: tuple[Annotated[str, Field(pattern=f"^{RUN_ID.pattern}$")], ...] = Field(
        (), max_length=32, description="up to 32 ids of runs"
    )
    title: str = Field("", max_length=500, description="a text of up to 500 characters")
    page: str = Field("", max_length=4000, description="an address of up to 4000 characters")


class _Picture(_About):
    """Size of what is sent as raw bytes: grey (1 channel, 0 is black) or RGBA, row by row."""

    width: int = Field(ge=1, le=LARGEST_SIDE, description=f"1 to {LARGEST_SIDE} pixels")
    height: int = Field(ge=1, le=LARGEST_SIDE, description=f"1 to {LARGEST_SIDE} pixels")
    channels: Literal["1", "4"] = Field(description="1 (grey) or 4 (RGBA)")

    @property
    def frame_bytes(self) -> int:
        return self.width * self.height * int(self.channels)

    @property
    def bytes(self) -> int:
        """Exact length of the body."""
        return self.frame_bytes

    @property
    def needed(self) -> Refusal:
        return Refusal("{size:,} bytes", size=self.bytes)


class _Film(_Picture):
    """Several pictures of one size, one after the other, each shown for so long."""

    frames: int = Field(ge=1, le=MOST_FRAMES, description=f"1 to {MOST_FRAMES} pictures")
    milliseconds: float = Field(ge=20, le=10_000, description="20 to 10000 milliseconds")

    @property
    def bytes(self) -> int:
        return self.frames * self.frame_bytes

    @property
    def needed(self) -> Refusal:
        return Refusal("{size:,} bytes for {count} pictures", size=self.bytes, count=self.frames)


_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how what a spreadsheet runs begins
_Cell = bool | int | float | Annotated[str, Field(max_length=2000)] | None


class _Table(_About):
    """Names of columns and rows of plain values."""

    columns: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        min_length=1, max_length=1000, description="1 to 1000 names of up to 200 characters"
    )
    rows: tuple[tuple[_Cell, ...], ...] = Field(
        max_length=100_000,
        description="up to 100000 rows of numbers and texts of up to 2000 characters",
    )


def _checked(kind: type[_About], given: Any) -> Any:
    try:
        asked = (
            kind.model_validate_json(given)
            if isinstance(given, bytes)
            else kind.model_validate(given)
        )
    except ValidationError as error:
        raise _refused(error, kind) from None
    if isinstance(asked, _Picture) and asked.bytes > MOST_PIXELS:
        raise SaveError(
            "A picture or film may have up to {most} MiB of pixels; this one has {size:.1f} MiB.",
            status=413,
            most=MOST_PIXELS >> 20,
            size=asked.bytes / 2**20,
        )
    if isinstance(asked, _Table):
        for number, row in enumerate(asked.rows, 1):
            if len(row) != len(asked.columns):
                raise SaveError(
                    "Row {number} has {count} values for {columns} columns.",
                    number=number,
                    count=len(row),
                    columns=len(asked.columns),
                )
    return asked


def _refused(error: ValidationError, kind: type[_About]) -> SaveError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    there = ", ".join(kind.model_fields)
    if not name:
        return SaveError("That is no JSON of {there}.", there=there)
    if name not in kind.model_fields:
        return SaveError("{name} is nothing here; there are {there}.", name=name, there=there)
    allowed = Refusal(kind.model_fields[name].description)
    if first["type"] == "missing":
        return SaveError("{name} is missing; it must be {allowed}.", name=name, allowed=allowed)
    given = repr(first["input"])
    given = given if len(given) <= 60 else f"{given[:57]}…"
    return SaveError(
        "{name} must be {allowed}; got {given}.", name=name, allowed=allowed, given=given
    )


# --- Files of what a page shows -----------------------------------------------------------------


def png(asked: _Picture, pixels: bytes) -> bytes:
    """A PNG with the pixels as they are and text chunks Title, Run, Software and Page."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for name, text in _told(asked).items():
        info.add_text(name, text)  # what isn't Latin-1 becomes iTXt, in UTF-8
    stream = io.BytesIO()
    Image.frombytes(*_layout(asked), pixels).save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


def gif(asked: _Film, pixels: bytes) -> bytes:
    """A GIF that repeats forever, with a comment of lines such as `Run: vae-k2-…`.

    Grey pixels stay as they are. A coloured picture keeps its colours where it has up to 256 of
    them, else it gets the 256 that fit it best; it is laid on white, since GIF knows no half
    transparency. A picture that equals the one before it makes that one stay longer.
    """
    from PIL import Image

    size = asked.frame_bytes
    frames = [
        Image.frombytes(*_layout(asked), pixels[n * size : (n + 1) * size])
        for n in range(asked.frames)
    ]
    if asked.channels == "4":
        white = Image.new("RGBA", frames[0].size, "white")
        frames = [
            Image.alpha_composite(white, frame)
            .convert("RGB")
            .quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            for frame in frames
        ]
    stream = io.BytesIO()
    frames[0].save(
        stream,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=10 * round(asked.milliseconds / 10),  # GIF counts in hundredths of a second
        loop=0,
        comment="\n".join(f"{name}: {text}" for name, text in _told(asked).items()).encode(),
    )
    return stream.getvalue()


def table(asked: _Table) -> bytes:
    """A CSV after RFC 4180, in UTF-8 with the mark by which spreadsheets know it.

    CSV has no place for metadata, so the run stands in each row, in a first column `run`; a table
    that brings such a column keeps its own. A spreadsheet runs a text that looks like a formula,
    so such a one begins with an apostrophe.
    """
    own = "run" in asked.columns
    run = " ".join(asked.run)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(_cell, asked.columns if own else ("run", *asked.columns)))
    writer.writerows(map(_cell, row if own else (run, *row)) for row in asked.rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(value: _Cell) -> _Cell:
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _layout(asked: _Picture) -> tuple[str, tuple[int, int]]:
    return "L" if asked.channels == "1" else "RGBA", (asked.width, asked.height)


def _told(asked: _About) -> dict[str, str]:
    told = {"Title": asked.title, "Run": " ".join(asked.run), "Software": SOFTWARE}
    return {name: text for name, text in (told | {"Page": asked.page}).items() if text}


async def _picture(request: Request, kind: type[_Picture], make: Callable) -> bytes:
    given = parse_qs(request.url.query, keep_blank_values=True)
    runs = given.pop("run", [])
    asked = _checked(kind, {name: values[-1] for name, values in given.items()} | {"run": runs})
    pixels = await _body(request, asked.bytes)
    if len(pixels) != asked.bytes:
        raise SaveError(
            "A size of {width} × {height} pixels with {channels} needs {needed}; there are "
            "{there}.",
            width=asked.width,
            height=asked.height,
            channels=Refusal(
                "1 channel" if asked.channels == "1" else "{count} channels", count=asked.channels
            ),
            needed=asked.needed,
            there=Refusal("more") if len(pixels) > asked.bytes else f"{len(pixels):,}",
        )
    return await _written(make, asked, pixels)


async def _rows(request: Request) -> bytes:
    body = await _body(request, LARGEST_TABLE)
    if len(body) > LARGEST_TABLE:
        raise SaveError("A table may have up to {most} MiB.", status=413, most=LARGEST_TABLE >> 20)
    return await _written(lambda: table(_checked(_Table, body)))


_at_once = asyncio.Semaphore(AT_ONCE)


async def _written(make: Callable, *arguments: Any) -> bytes:
    async with _at_once:
        return await run_in_threadpool(make, *arguments)


async def _body(request: Request, most: int) -> bytes:
    """The body, or as soon as it is longer than it may be the part of it that has come."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            break
    return bytes(content)


def _route(path: str, media_type: str, make: Callable) -> Route:
    async def answer(request: Request) -> Response:
        try:
            if HEADER not in request.headers:
                raise SaveError("To save needs the header {header}.", status=403, header=HEADER)
            return Response(await make(request), media_type=media_type, headers=NOW)
        except SaveError as error:
            return refused(request, error, error.status)
        except ClientDisconnect:  # the page was left; nobody hears the answer
            return Response(status_code=400)

    return Route(path, answer, methods=["POST"])


def routes(root: str) -> list[Route]:
    """The routes to mount below `root`."""
    return [
        _route(f"{root}/save/png", "image/png", lambda asked: _picture(asked, _Picture, png)),
        _route(f"{root}/save/gif", "image/gif", lambda asked: _picture(asked, _Film, gif)),
        _route(f"{root}/save/csv", "text/csv", _rows),
    ]
