"""The app's own route: what a browser needs of a run, as immutable, content-addressed files.

Every id is checked against the store's own list, and every file against the run's own record,
so that no path from outside ever reaches the file system.
"""

from __future__ import annotations

import gzip
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from core.data import known_factors
from core.data.dataset import DataError
from core.judge import classifier
from core.refusal import Refusal
from core.store import checkpoints, maps
from core.store.checkpoints import CODES, FILM, PICTURES, WEIGHTS, CheckpointError, Run
from explorer import background, downloads, exporting, linker, live, resources
from explorer.addresses import MODULES, PAD, base, module, pad_version, root
from explorer.aside import of_run
from explorer.live import FOREVER, MINE, refused


@of_run
def network_spec(run: Run) -> dict:
    """What a pad must be told of a run of which it needs the networks alone, whose files were seen
    to hold what the pad will read."""
    _check(run)
    return {"id": run.id, "weights": _address(run, WEIGHTS), "program": run.record.browser}


@of_run
def run_spec(run: Run) -> dict:
    """What a pad must be told of a run: ids, addresses, layers and capabilities."""
    return network_spec(run) | {
        "codes": _address(run, CODES),
        "derive": f"{root()}/derive/{run.id}",
        "derived": {
            kind: f"{root()}/derived/{name}" if name else None
            for kind, name in background.spec(run).items()
        },
        "film": _address(run, FILM) if FILM in run.record.files else None,
        "posterior": run.record.capabilities.get("has_posterior", False),
    }


@lru_cache(maxsize=512)
def _check(run: Run) -> None:
    checkpoints.check_arrays(run)


def digits_spec(set_id: str | None = None, run: Run | None = None) -> dict:
    """Addresses of the labels and images of what a run is shown on, by default the held-out digits
    that all maps share, or of a set of own images.

    Raises:
        DataError: a set that is not there or is damaged.
        CheckpointError: a run whose own images are torn.
    """
    held_out = f"{root()}/digits/{resources.digits().fingerprint[:16]}"
    told = {}
    if run is not None and not resources.on_digits(run):
        held_out = f"{root()}/maps/{run.id}/{maps.fingerprint(run)[:16]}"
        told = {"class_names": list(resources.shown(run).class_names)}
        told |= _factors(run, held_out)
    if set_id is not None:
        found = resources.own_set(set_id)
        folder = f"{root()}/sets/{set_id}"
        own = {"id": set_id, "name": found.name, "class_names": list(found.class_names)}
        parts = {part: f"{folder}/{part}" for part in ("labels", "images")}
        return parts | {"mean": f"{held_out}/mean", "own": own}
    return {part: f"{held_out}/{part}" for part in ("labels", "images")} | told


def _factors(run: Run, held_out: str) -> dict:
    """The factors that made the images, where they are known: names, levels and where they are."""
    name = resources.shown(run).name
    if resources.shown(run).factors is None:
        return {}
    of = known_factors.factors(name)
    return {
        "factors": {
            "names": [factor.name for factor in of],
            "levels": [list(factor.levels) for factor in of],
            "values": f"{held_out}/factors",
            "sweeps": f"{held_out}/sweeps",
        }
    }


def classifier_spec() -> dict:
    """What a pad must be told of the classifier that says what is a digit.

    Raises:
        ClassifierError: where none ships.
    """
    found = classifier.facts()
    address = f"{root()}/classifier/{classifier.fingerprint()[:16]}"
    return {"weights": address} | found.model_dump(mode="json")


def job_address(job_id: str) -> str:
    """Address of a training in the queue."""
    return f"{root()}/jobs/{job_id}"


def in_browser(run: Run) -> bool:
    """Whether a pad can show this run: it has layers for the browser, a map, and is of images."""
    record = run.record
    return record.browser is not None and CODES in record.files and record.data.kind == "images"


def showable(run: Run) -> bool:
    """Whether there is anything to see of this run: live, or as pictures that it kept."""
    return in_browser(run) or PICTURES in run.record.files


def _address(run: Run, file: str) -> str:
    return f"{root()}/runs/{run.id}/{run.record.files[file].sha256[:16]}/{file}"


@lru_cache(maxsize=len(MODULES))
def links(module_name: str) -> str:
    """The value of a header `Link`: what the pad of this module asks for first."""
    found = [f"<{module(module_name)}>; rel=modulepreload"]
    for address in digits_spec().values():
        found.append(f"<{address}>; rel=preload; as=fetch; crossorigin")
    return ", ".join(found)


def _run_file(request: Request) -> Response:
    asked = request.path_params
    run = resources.runs().get(asked["run"])
    if run is None:
        return refused(request, Refusal("There is no run {run!r}.", run=asked["run"]))
    try:
        path = run.path(asked["file"])
    except CheckpointError as error:
        return refused(request, error)
    if run.record.files[asked["file"]].sha256[:16] != asked["sha"]:
        changed = Refusal("Run {run} has changed; load the page again.", run=run.id)
        return refused(request, changed)
    keep = MINE if resources.is_own(run) else FOREVER
    return FileResponse(path, media_type="application/octet-stream", headers=keep)


def _digits(request: Request) -> Response:
    asked = request.path_params
    if asked["part"] not in ("labels", "images", "mean"):
        return PlainTextResponse("There are labels, images and their mean.", 404)
    if resources.digits().fingerprint[:16] != asked["sha"]:
        return refused(request, Refusal("The digits have changed; load the page again."))
    return Response(
        resources.packed_digits(asked["part"]),
        media_type="application/octet-stream",
        headers=FOREVER | {"Content-Encoding": "gzip"},
    )


def _map(request: Request) -> Response:
    asked = request.path_params
    if asked["part"] not in ("labels", "images", "mean", "factors", "sweeps"):
        return PlainTextResponse("There are labels, images and their mean.", 404)
    run = resources.runs().get(asked["run"])
    if run is None:
        return refused(request, Refusal("There is no run {run!r}.", run=asked["run"]))
    if maps.fingerprint(run)[:16] != asked["sha"]:
        return refused(request, Refusal("Run {run} has changed; load the page again.", run=run.id))
    try:
        if asked["part"] in ("factors", "sweeps") and resources.shown(run).factors is None:
            return PlainTextResponse("The factors of these images are not known.", 404)
        content = resources.packed_map(run, asked["part"])
    except CheckpointError as error:
        return refused(request, error)
    return Response(
        content,
        media_type="application/octet-stream",
        headers=MINE | {"Content-Encoding": "gzip"},
    )


def _set(request: Request) -> Response:
    asked = request.path_params
    if asked["part"] not in ("labels", "images"):
        return PlainTextResponse("There are labels and images.", 404)
    try:
        content = resources.packed_set(asked["set"], asked["part"])
    except DataError as error:
        return refused(request, error)
    return Response(
        content,
        media_type="application/octet-stream",
        headers=MINE | {"Content-Encoding": "gzip"},
    )


def _classifier(request: Request) -> Response:
    try:
        current = classifier.fingerprint()[:16]
    except OSError:
        none = Refusal("No classifier ships with this copy of the software.")
        return refused(request, none)
    if request.path_params["sha"] != current:
        return refused(request, Refusal("The classifier has changed; load the page again."))
    return FileResponse(classifier.file(), media_type="application/octet-stream", headers=FOREVER)


@lru_cache(maxsize=1)
def sources() -> dict[str, str]:
    """The text of each module by its path below the pads' folder, without its ending."""
    return {name.removesuffix(".js"): (PAD / name).read_text(encoding="utf-8") for name in MODULES}


@lru_cache(maxsize=len(MODULES))
def _packed_module(name: str) -> bytes:
    """A module and all that it imports, gzipped."""
    return gzip.compress(linker.link(name.removesuffix(".js"), sources()).encode(), 6, mtime=0)


def _module(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in MODULES or request.path_params["version"] != pad_version():
        return PlainTextResponse("There is no such module; load the page again.", 404)
    packed = FOREVER | {"Content-Encoding": "gzip"}
    return Response(_packed_module(name), media_type="text/javascript", headers=packed)


def _first_page(request: Request) -> Response:
    query = request.url.query
    return RedirectResponse(f"./?{query}" if query else "./")


def routes() -> list[Route]:
    """The routes to mount beside the pages, under the server's base path."""
    return [
        Route(f"{base()}/explore", _first_page),  # Explore stands at the root
        Route(f"{root()}/runs/{{run}}/{{sha}}/{{file}}", _run_file),
        Route(f"{root()}/digits/{{sha}}/{{part}}", _digits),
        Route(f"{root()}/maps/{{run}}/{{sha}}/{{part}}", _map),
        Route(f"{root()}/sets/{{set}}/{{part}}", _set),
        Route(f"{root()}/classifier/{{sha}}", _classifier),
        Route(f"{root()}/pad/{{version}}/{{name:path}}", _module),
        *live.routes(root()),
        *background.routes(root()),
        *downloads.routes(root()),
        *exporting.routes(root()),
    ]
