"""What nobody sends by accident: odd addresses, headers and bodies for every route that there is.

Needs no pytest, so that `python -m benchmarks.attack` can use it too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.routing import Route

from core.latent import results
from core.store.checkpoints import Run
from explorer import live
from explorer.addresses import pad_version

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
ODD = (  # as they stand in an address
    *("%00", "a%00b", "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%5c%5chost%5cshare", "C:%5c"),
    *(
        "%ff%fe",
        "%ed%a0%80",
        "%f0%9f%92%a9",
        "%ec%88%ab%ec%9e%90",
        "%d9%a3%d9%a3",
        "%25",
        "%0d%0aa:b",
    ),
    *(
        "-1",
        "0",
        "00",
        "1e999",
        "NaN",
        "null",
        "{}",
        "[]",
        "{run}",
        "%s%n",
        "'%22%3c%3e",
        "%20",
        ".",
    ),
    *("9" * 30, "9" * 4301, "x" * 20_000, "%00" * 3000, "a-" + "0" * 10, "%c2%b2", "1_0", "%2b1"),
)
QUERIES = (
    *("set=", "set=%00", "set=%ed%a0%80", "set=" + "0" * 24, "set=..%2f..", "set=" + "9" * 4301),
    *("since=", "since=" + "9" * 4301, "since=%d9%a3", "since=%c2%b2", "since=-1", "since=1e9"),
    *(
        "&" * 5000,
        "=" * 5000,
        "%",
        "width=%00&height=1&channels=1",
        "width=" + "9" * 4301,
        "run=%00",
    ),
    *("width=1&height=1&channels=1&title=%ed%a0%80", "width=1&height=1&channels=1&page=%00"),
    "width=1e1&height=1&channels=4&frames=" + "9" * 400 + "&milliseconds=nan",
)
HEADERS = (
    {},
    {live.HEADER: "visitor-a"},
    {live.HEADER: "\xff\x00"[:1] * 40, "Accept-Language": "ko;q=\xe9" + "," * 3000},
    {live.HEADER: "visitor-a", "Content-Length": "9" * 4301, "Content-Type": "\xff/;charset=x"},
    {live.HEADER: "visitor-a", "Content-Length": "-1", "Range": "bytes=9-1,-" + "9" * 400},
)
BODIES = (
    b"",
    b"\x00",
    b"{" * 5000,
    b"[" * 5000,
    b'{"columns":["a"],"rows":[[' + b"9" * 5000 + b"]]}",
)


def usual(shipped: Mapping[str, Run]) -> dict[str, tuple[str, ...]]:
    """What routes ask for, by the name that a part of an address has there."""
    run = next(run for run in shipped.values() if results.possible(run))
    return {
        "run": (run.id,),
        "job": (run.id,),
        "kind": ("umap", "axes_1_2_scores", "axes_" + "9" * 4301 + "_1_scores"),
        "file": ("weights.safetensors", "run.json"),
        "sha": (run.record.files["weights.safetensors"].sha256[:16],),
        "version": (pad_version(),),
        "name": ("pages/explore.js", results.file_name(results.Subject(run), "umap")),
        "part": ("labels", "decoder", "points"),
        "frame": ("1",),
        "set": ("0" * 24,),
    }


def addresses(routes: list[Route], known: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Every route with each part of its address in turn an odd one, and once as it is meant."""
    found = []
    for route in routes:
        plain = re.sub(r":\w+\}", "}", route.path)
        names = re.findall(r"\{(\w+)\}", plain)
        assert set(names) <= set(known), f"say in `usual` what {route.path} is asked for"
        first = {name: known[name][0] for name in names}
        found.append(plain.format(**first))
        for name in names:
            found += [plain.format(**(first | {name: one})) for one in (*known[name], *ODD)]
        found += [f"{plain.format(**first)}?{query}" for query in QUERIES]
    return found
