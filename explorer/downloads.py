"""The app's own route of saved files: pictures, films and tables that a page sends.

Pixels and rows come from the page as it shows them, and go back to it as a file of a well-known
format that says which run made it. Nothing of them is kept here; `explorer.bodies` takes what is
sent, and `explorer.writing` makes the file, in a process of its own.

    POST /save/png?width&height&channels&…         raw pixels → PNG with text chunks
    POST /save/gif?…&frames&milliseconds&…         raw pixels → GIF with a comment
    POST /save/csv  {columns, rows, …}             → CSV with a column `run`
"""

from __future__ import annotations

from typing import IO, Annotated, Any, Literal
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.routing import Route

import core
from core.refusal import Refusal
from core.store.checkpoints import RUN_ID
from explorer import bodies, processes, tables
from explorer.bodies import BodyError, Permits, Wanted

SOFTWARE = f"Latent Explorer {core.__version__}"
LARGEST_SIDE = 4096  # pixels
MOST_FRAMES = 600
MOST_PIXELS = 32 * 2**20  # bytes of a picture or of all pictures of a film
LARGEST_TABLE = 16 * 2**20  # bytes of a table's JSON
LARGEST_FRAME = 2**19  # pixels of one picture of a film
WRITING = "explorer.writing"


class _About(BaseModel):
    """What every saved file says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    run: tuple[Annotated[str, Field(pattern=f"^{RUN_ID.pattern}$")], ...] = Field(
        (), max_length=32, description=tables.ABOUT["run"]
    )
    title: str = Field("", max_length=500, description=tables.ABOUT["title"])
    page: str = Field("", max_length=4000, description=tables.ABOUT["page"])


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
    hold: float = Field(
        0, ge=0, le=10_000, description="how long the first and the last stay: up to 10000"
    )
    back: bool = Field(False, description="0 or 1: whether it goes back as it came")
    palette: str = Field(
        "",
        pattern="^([0-9a-f]{6}){0,256}$",
        description="up to 256 colours of six hexadecimal digits each, for 1 channel",
    )

    @property
    def bytes(self) -> int:
        return self.frames * self.frame_bytes

    @property
    def needed(self) -> Refusal:
        return Refusal("{size:,} bytes for {count} pictures", size=self.bytes, count=self.frames)


def _checked(kind: type[_Picture], given: dict[str, Any]) -> Any:
    try:
        asked = kind.model_validate(given)
    except ValidationError as error:
        raise _refused(error, kind) from None
    if asked.bytes > MOST_PIXELS:
        raise BodyError(
            "A picture or film may have up to {most} MiB of pixels; this one has {size:.1f} MiB.",
            status=413,
            most=MOST_PIXELS >> 20,
            size=asked.bytes / 2**20,
        )
    if isinstance(asked, _Film) and asked.width * asked.height > LARGEST_FRAME:
        raise BodyError(
            "A picture of a film may have up to {most:,} pixels; these have {count:,}.",
            status=413,
            most=LARGEST_FRAME,
            count=asked.width * asked.height,
        )
    return asked


def _refused(error: ValidationError, kind: type[_Picture]) -> BodyError:
    first = error.errors()[0]
    name = str(first["loc"][0])
    there = ", ".join(kind.model_fields)
    if name not in kind.model_fields:
        return BodyError("{name} is nothing here; there are {there}.", name=name, there=there)
    allowed = Refusal(kind.model_fields[name].description)
    if first["type"] == "missing":
        return BodyError("{name} is missing; it must be {allowed}.", name=name, allowed=allowed)
    given = repr(first["input"])
    given = given if len(given) <= 60 else f"{given[:57]}…"
    return BodyError(
        "{name} must be {allowed}; got {given}.", name=name, allowed=allowed, given=given
    )


def _told(asked: _About) -> dict[str, str]:
    told = {"Title": asked.title, "Run": " ".join(asked.run), "Software": SOFTWARE}
    return {name: text for name, text in (told | {"Page": asked.page}).items() if text}


def _picture(request: Request, kind: type[_Picture]) -> Wanted:
    """What a request's address asks for."""
    query = request.scope["query_string"].decode("latin-1")
    given = parse_qs(query, keep_blank_values=True)
    runs = given.pop("run", [])
    asked = _checked(kind, {name: values[-1] for name, values in given.items()} | {"run": runs})
    return Wanted(asked, asked.bytes, _misses(asked, Refusal("more")))


def _misses(asked: _Picture, there: Refusal | str) -> BodyError:
    """What is said of pixels that are not as many as were announced."""
    one = asked.channels == "1"
    return BodyError(
        "A size of {width} × {height} pixels with {channels} needs {needed}; there are {there}.",
        width=asked.width,
        height=asked.height,
        channels=Refusal("1 channel") if one else Refusal("{count} channels", count=asked.channels),
        needed=asked.needed,
        there=there,
    )


def routes(root: str) -> list[Route]:
    """The routes to mount below `root`."""
    permits, turns = Permits(), processes.Turns()

    async def pixels(asked: _Picture, given: IO[bytes], size: int) -> IO[bytes]:
        if size != asked.bytes:
            raise _misses(asked, f"{size:,}")
        kind = "gif" if isinstance(asked, _Film) else "png"
        plain = asked.model_dump(exclude={"run", "title", "page"}) | {"told": _told(asked)}
        plain |= {"kind": kind, "channels": int(asked.channels)}
        return await turns.done(WRITING, plain, given)

    async def rows(asked: None, given: IO[bytes], size: int) -> IO[bytes]:
        return await turns.done(WRITING, {"kind": "csv"}, given)

    def table(request: Request) -> Wanted:
        most = LARGEST_TABLE
        too_long = BodyError("A table may have up to {most} MiB.", status=413, most=most >> 20)
        return Wanted(None, most, too_long)

    return [
        bodies.route(permits, f"{root}/save/{name}", check, make, media_type)
        for name, check, make, media_type in (
            ("png", lambda request: _picture(request, _Picture), pixels, "image/png"),
            ("gif", lambda request: _picture(request, _Film), pixels, "image/gif"),
            ("csv", table, rows, "text/csv"),
        )
    ]
