"""Writes one file of what a page sent, as a process of its own: `python -m explorer.writing JSON`.

What to write is told as JSON, the pixels or the table come by standard input, and the file goes to
standard output. What is refused is told as JSON on standard error, with the exit status 2. It reads
the standard library and Pillow alone, so that it is there in a moment and takes little memory.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from core.refusal import Refusal
from explorer import tables

if TYPE_CHECKING:
    from PIL import Image

MEMORY = 768 * 2**20  # bytes of addresses, most of which no page of memory stands behind
SECONDS = 30  # of a core
REFUSES = 2

Asked = dict[str, Any]


def png(asked: Asked, given: IO[bytes], made: IO[bytes]) -> None:
    """A PNG with the pixels as they are and the text chunks of `asked["told"]`."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for name, text in asked["told"].items():
        info.add_text(name, text)  # what isn't Latin-1 becomes iTXt, in UTF-8
    mode, size = _layout(asked)
    with mmap.mmap(given.fileno(), 0, access=mmap.ACCESS_READ) as pixels:
        image = Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)  # no copy
        image.save(made, "PNG", pnginfo=info)
        del image


def gif(asked: Asked, given: IO[bytes], made: IO[bytes]) -> None:
    """A GIF that repeats forever, with a comment of lines such as `Run: vae-k2-…`.

    Grey pixels stay as they are; with `asked["palette"]` they are numbers of its colours. A
    coloured picture keeps its colours where it has up to 256 of them, else it gets the 256 that fit
    it best; it is laid on white, since GIF knows no half transparency. A picture that equals the
    one before it makes that one stay longer. With `asked["back"]` the pictures come back to the
    first one.
    """
    order = list(range(asked["frames"]))
    if asked["back"]:
        order += order[-2:0:-1]
    ends = (0, asked["frames"] - 1)
    shown = [max(asked["milliseconds"], asked["hold"] if i in ends else 0) for i in order]
    frames = _frames(asked, given, order)
    next(frames).save(
        made,
        "GIF",
        save_all=True,
        append_images=frames,
        duration=[10 * round(time / 10) for time in shown],  # GIF counts in hundredths of a second
        loop=0,
        comment="\n".join(f"{name}: {text}" for name, text in asked["told"].items()).encode(),
    )


def _frames(asked: Asked, given: IO[bytes], order: list[int]) -> Iterator[Image.Image]:
    """A film's pictures, one after the other: grey, or of up to 256 colours."""
    from PIL import Image

    mode, size = _layout(asked)
    palette = bytes.fromhex(asked["palette"]) if mode == "L" else b""
    count = size[0] * size[1] * len(mode)
    white = Image.new("RGBA", size, "white") if mode == "RGBA" else None
    for i in order:
        given.seek(i * count)
        frame = Image.frombytes(mode, size, given.read(count))
        if palette:
            frame.putpalette(palette)
        if white is not None:
            frame = (
                Image.alpha_composite(white, frame)
                .convert("RGB")
                .quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            )
        yield frame


def _layout(asked: Asked) -> tuple[str, tuple[int, int]]:
    return "L" if asked["channels"] == 1 else "RGBA", (asked["width"], asked["height"])


def csv(asked: Asked, given: IO[bytes], made: IO[bytes]) -> None:
    """A table; see `explorer.tables`."""
    tables.write(given.read(), made)


WRITES = {"png": png, "gif": gif, "csv": csv}


def hold(memory: int, seconds: int) -> None:
    """Leave the pages their turn, and take no more than so many bytes and seconds of a core."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        os.nice(10)
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def refuse(refusal: Refusal) -> int:
    """Tell who started this why nothing was done; gives the exit status."""
    sys.stderr.write(json.dumps(refusal.as_json()))
    return REFUSES


def main() -> int:
    """Write what is asked for."""
    hold(MEMORY, SECONDS)
    asked = json.loads(sys.argv[1])
    try:
        WRITES[asked["kind"]](asked, sys.stdin.buffer, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except Refusal as refusal:
        return refuse(refusal)
    return 0


if __name__ == "__main__":
    sys.exit(main())
