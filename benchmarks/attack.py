"""An attack on the app, bounded and on loopback: what it answers, what it costs it, who waits.

`python -m benchmarks.attack [NAME …]`; five minutes. Each attack is a function of `ATTACKS`, which
sends to the app as it is served to a class while somebody else asks for something small all the
time. Ends with 1 where an answer is missing or says that the server broke, where memory grows by
more than LARGEST or where the other one's p95 is above SLOWEST.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import os
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.store import checkpoints
from explorer import assets
from tests import browser as chromium
from tests import odd

LARGEST = 64.0  # MiB by which one attack may make the server grow
SLOWEST = 0.25  # seconds, p95, that somebody else waits for an answer meanwhile
EVERY = 0.05  # seconds between that one's questions
LOOKS = 0.02  # seconds between looks at the memory
AT_ONCE = 8  # requests of one attack, unless it says otherwise
SETTLES = 30.0  # seconds in which the server starts what it starts by itself
PATIENCE = 300.0  # seconds until an answer counts as missing
SAVE = {"X-Latent-Visitor": "attacker-1"}
PART = 2**16


@dataclass
class Tally:
    """What one attack came to."""

    name: str
    answers: dict[int, int] = field(default_factory=dict)  # by status; 0 is none at all
    waits: list[float] = field(default_factory=list)  # seconds, of somebody else
    server: float = 0.0  # MiB by which the serving process grew at most
    helper: float = 0.0  # MiB that one process had that a request started
    broken: list[str] = field(default_factory=list)

    def add(self, status: int, what: str) -> None:
        self.answers[status] = self.answers.get(status, 0) + 1
        if status == 0 or (status >= 500 and status != 503):
            self.broken.append(f"{status}: {what[:120]}")

    @property
    def p95(self) -> float:
        """Seconds that somebody else waits."""
        return float(np.percentile(self.waits, 95)) if self.waits else 0.0

    @property
    def kept(self) -> bool:
        """Whether every limit is."""
        return not self.broken and max(self.server, self.helper) <= LARGEST and self.p95 <= SLOWEST


@dataclass
class Target:
    """The served app."""

    host: str
    port: int
    pid: int
    runs: dict[str, checkpoints.Run]

    async def send(
        self,
        tally: Tally,
        target: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        length: int | None = None,
        stalls: float = 0.0,
    ) -> bytes:
        """One request over a connection of its own; its answer's body. One that `stalls` says that
        more of its body comes, and waits so many seconds for an answer."""
        given = {"Host": f"{self.host}:{self.port}", "Connection": "close"} | (headers or {})
        if body or length is not None:
            given.setdefault("Content-Length", str(len(body) if length is None else length))
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        status, content = 0, b""
        with contextlib.suppress(OSError, TimeoutError, ValueError, IndexError):
            async with asyncio.timeout(stalls or PATIENCE):
                reader, writer = await asyncio.open_connection(self.host, self.port, limit=2**26)
                try:
                    start = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1")
                    writer.write(start)
                    with contextlib.suppress(OSError):  # it may answer and hang up before all came
                        for at in range(0, len(body), PART):
                            writer.write(body[at : at + PART])
                            await writer.drain()
                    status = int((await reader.readline()).split()[1])
                    content = await reader.read()
                finally:
                    writer.close()
        tally.add(status, f"{method} {target}")
        return content

    def resident(self) -> tuple[float, float]:
        """MiB of the serving process, and of the largest process that a request has started;
        workers and the catalogue, which the server has by itself, are left out."""
        own = Path(f"/proc/{self.pid}/cmdline").read_bytes()
        parents: dict[int, int] = {}
        sizes: dict[int, float] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                pid, command = int(folder.name), (folder / "cmdline").read_bytes()
                if b"core.training" in command:
                    continue
                told = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[pid] = int(told[1])
                if command != own or pid == self.pid:  # else it shares the server's memory still
                    sizes[pid] = int(told[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        ours, more = {self.pid}, True
        while more:
            new = {pid for pid, parent in parents.items() if parent in ours} - ours
            ours, more = ours | new, bool(new)
        helpers = [sizes[pid] for pid in ours - {self.pid} if pid in sizes]
        return sizes.get(self.pid, 0.0), max(helpers, default=0.0)


Attack = Callable[[Target, Tally], Awaitable[None]]
ATTACKS: dict[str, Attack] = {}


def attack(name: str) -> Callable[[Attack], Attack]:
    """Put a function into the table."""

    def put(found: Attack) -> Attack:
        ATTACKS[name] = found
        return found

    return put


async def together(tasks: list[Callable[[], Awaitable[object]]], at_once: int = AT_ONCE) -> None:
    """Run them, so many at a time."""
    left = iter(tasks)

    async def one() -> None:
        for task in left:
            await task()

    await asyncio.gather(*(one() for _ in range(at_once)))


# --- The attacks --------------------------------------------------------------------------------


@attack("nothing, for ten seconds")
async def nothing(target: Target, tally: Tally) -> None:
    """What somebody waits for on this machine anyway."""
    await asyncio.sleep(10)


@attack("odd requests to every route")
async def odd_requests(target: Target, tally: Tally) -> None:
    choose = random.Random(5)
    # Neither a decoder nor new scores: those take torch and scikit-learn, one process at a time.
    known = odd.usual(target.runs) | {"part": ("labels", "points"), "kind": ("umap",)}
    tasks = []
    for address in odd.addresses(assets.routes(), known):
        method = choose.choice(("GET", "POST", choose.choice(odd.METHODS)))
        headers, body = choose.choice(odd.HEADERS), choose.choice(odd.BODIES)
        tasks.append(functools.partial(target.send, tally, address, method, headers, body))
    choose.shuffle(tasks)
    await together(tasks)


def table(cell: str, count: int, columns: int = 1) -> bytes:
    row = "[" + ",".join([cell] * columns) + "]"
    names = json.dumps([f"c{n}" for n in range(columns)])
    return f'{{"columns":{names},"rows":[{",".join([row] * count)}]}}'.encode()


async def saves(target: Target, tally: Tally, kind: str, body: bytes, times: int = 1) -> None:
    one = functools.partial(target.send, tally, f"/latent/save/{kind}", "POST", SAVE, body)
    await together([one] * times, times)


@attack("tables of bad cells, 0.6 to 15 MiB")
async def bad_tables(target: Target, tally: Tally) -> None:
    for cells in (200_000, 5_000_000):
        await saves(target, tally, "csv", table("{}", 1, cells))
    for content in (b"[" * 15_000_000, b'"' * 15_000_000, b'"\\' * 7_500_000, b'"",' * 5_000_000):
        await saves(target, tally, "csv", b'{"columns":["a"],"rows":[[' + content)
    await saves(target, tally, "csv", b'{"columns":' + b"[" * 15_000_000)
    await saves(target, tally, "csv", b'{"' + b"\\u0041" * 2_500_000)


@attack("a table of 15 MiB, four at once")
async def large_tables(target: Target, tally: Tally) -> None:
    await saves(target, tally, "csv", table("0.1234567", 30_000, 50), 4)


@attack("pictures and films of 32 MiB, two at once")
async def large_pictures(target: Target, tally: Tally) -> None:
    pixels = os.urandom(2**25)
    await saves(target, tally, "png?width=4096&height=2048&channels=4", pixels, 2)
    await saves(target, tally, "png?width=4096&height=2048&channels=4", bytes(2**25), 2)
    film = "gif?width=704&height=704&frames=67&milliseconds=20&channels=1"
    await saves(target, tally, film, pixels[: 704 * 704 * 67], 2)


@attack("60 bodies of 31 MiB that stall")
async def stalled(target: Target, tally: Tally) -> None:
    length, body = 31 * 2**20, bytes(31 * 2**20 - 1)
    path = "/latent/save/png?width=2048&height=3968&channels=4"
    one = functools.partial(target.send, tally, path, "POST", SAVE, body, length)
    await together([one] * 60, 60)


@attack("200 bodies of one byte that stall")
async def stalled_small(target: Target, tally: Tally) -> None:
    path = "/latent/save/csv"
    one = functools.partial(target.send, tally, path, "POST", SAVE, b"{", 2**24)
    await together([one] * 200, 200)


@attack("other hosts, origins and proxies")
async def other_names(target: Target, tally: Tally) -> None:
    here = f"{target.host}:{target.port}"
    tasks = []
    for n in range(300):
        name = f"{n}.evil.example"
        for headers in (
            {"Host": name, "Origin": f"http://{name}"},
            {"Host": here, "Origin": f"http://{name}"},
            {"Host": here, "X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
        ):
            path = f"/latent/jobs/{n}/stop"
            tasks.append(functools.partial(target.send, tally, path, "POST", SAVE | headers))
    await together(tasks)


@contextlib.asynccontextmanager
async def session(target: Target) -> AsyncIterator[tuple[websockets.ClientConnection, str, str]]:
    """A visit's websocket, its session's id and the token by which its page may upload."""
    address = f"ws://{target.host}:{target.port}/_stcore/stream"
    token = "2|00000000|" + "00" * 16 + "|0"
    async with websockets.connect(
        address,
        subprotocols=["streamlit", token],
        additional_headers={"Cookie": f"_streamlit_xsrf={token}"},
        max_size=2**26,
    ) as socket:
        message = BackMsg()
        message.rerun_script.query_string = "lang=en"
        await socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(socket.recv(), PATIENCE))
            if answer.WhichOneof("type") == "new_session":
                yield socket, answer.new_session.initialize.session_id, token
                return


@attack("uploads: 5 of 47 MiB, one too large, one that stalls")
async def uploads(target: Target, tally: Tally) -> None:
    async with session(target) as (_, session_id, token):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("a.png", os.urandom(47 * 2**20))
        headers = {
            "Content-Type": "multipart/form-data; boundary=b",
            "Cookie": f"_streamlit_xsrf={token}",
            "X-Xsrftoken": token,
        }

        def form(content: bytes) -> bytes:
            head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.zip"\r\n\r\n'
            return head + content + b"\r\n--b--\r\n"

        put = functools.partial(target.send, tally, method="PUT", headers=headers)
        for n in range(5):
            path = f"/_stcore/upload_file/{session_id}/file-{n}"
            await put(target=path, body=form(stream.getvalue()))
        await put(target=f"/_stcore/upload_file/{session_id}/large", body=form(bytes(60 * 2**20)))
        body = form(bytes(2**20))
        path = f"/_stcore/upload_file/{session_id}/late"
        await put(target=path, body=body[:-9], length=len(body))


# --- The measurement ----------------------------------------------------------------------------


async def measured(target: Target, name: str) -> Tally:
    """One attack, with somebody else asking and the memory watched meanwhile."""
    tally, ended = Tally(name), asyncio.Event()
    before = await asyncio.to_thread(target.resident)

    async def watch() -> None:
        while not ended.is_set():
            now = await asyncio.to_thread(target.resident)
            tally.server = max(tally.server, now[0] - before[0])
            tally.helper = max(tally.helper, now[1])
            await asyncio.sleep(LOOKS)

    async def somebody() -> None:
        apart = Tally("somebody else")
        paths = (
            "/_stcore/health",
            f"/latent/jobs/{next(iter(target.runs))}",
            assets.digits_spec()["labels"],
        )
        turn = 0
        while not ended.is_set():
            began = time.monotonic()
            await target.send(apart, paths[turn % len(paths)])
            tally.waits.append(time.monotonic() - began)
            turn += 1
            await asyncio.sleep(EVERY)
        tally.broken += [f"somebody else: {one}" for one in apart.broken]

    others = [asyncio.create_task(watch()), asyncio.create_task(somebody())]
    try:
        await ATTACKS[name](target, tally)
    finally:
        ended.set()
        await asyncio.gather(*others)
    return tally


def server_of(port: int) -> int:
    """Process of the server at a port."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if b"streamlit" in command and str(port).encode() in command:
                return int(folder.name)
    raise RuntimeError(f"No server was found at port {port}.")


async def warm(target: Target) -> None:
    """Have every kind of request answered once, so that code is loaded before memory is counted."""
    apart = Tally("before")
    for address in odd.addresses(assets.routes(), odd.usual(target.runs))[:40]:
        await target.send(apart, address)
    await saves(target, apart, "csv", table("1", 2))
    await saves(target, apart, "png?width=1&height=1&channels=1", b"x")
    async with session(target):
        await asyncio.sleep(5)


async def run(app: chromium.Served, names: list[str]) -> list[Tally]:
    """All attacks, one after the other."""
    parts = urlsplit(app.url)
    runs = dict(checkpoints.list_runs(checkpoints.shipped_store()).runs)
    target = Target(parts.hostname, parts.port, server_of(parts.port), runs)
    await asyncio.sleep(SETTLES)
    await warm(target)
    found = []
    for name in names:
        found.append(await measured(target, name))
        print(row(found[-1]), flush=True)
    return found


def row(tally: Tally) -> str:
    answers = ", ".join(f"{tally.answers[one]}× {one}" for one in sorted(tally.answers))
    return (
        f"| {tally.name} | {sum(tally.answers.values()):,} | {answers} | {len(tally.broken)} | "
        f"{tally.server:.0f} | {tally.helper:.0f} | {1000 * tally.p95:.0f} |"
    )


def main() -> int:
    wanted = [name for name in ATTACKS if not sys.argv[1:] or any(w in name for w in sys.argv[1:])]
    print("| attack | requests | answers | failures | server, MiB | a helper, MiB | p95, ms |")
    print("|---|--:|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder, chromium.serve(Path(folder)) as app:
        found = asyncio.run(run(app, wanted))
    print()
    for tally in found:
        for line in sorted(set(tally.broken))[:10]:
            print(f"{tally.name}: {line}")
    kept = all(tally.kept for tally in found)
    print(
        f"Most: {max(max(one.server, one.helper) for one in found):.0f} MiB (limit {LARGEST:.0f}), "
        f"{1000 * max(one.p95 for one in found):.0f} ms (limit {1000 * SLOWEST:.0f}): "
        f"{'kept' if kept else 'missed'}."
    )
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
