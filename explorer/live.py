"""The app's own route of trainings: where each one is, its frames, and the wish to stop."""

from __future__ import annotations

import ipaddress
import time
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.refusal import Refusal, from_json
from core.store import checkpoints
from core.training import jobs
from core.training.jobs import FRAMES, VISITOR, Job
from explorer import resources, workers
from explorer.language import Words, best

NOW = {"Cache-Control": "no-store"}
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
MINE = {"Cache-Control": "private, max-age=31536000, immutable"}  # what people brought or made
HEADER = "X-Latent-Visitor"  # no form of another site can send it
FRESH = 0.1  # seconds for which one reading of the queue serves everybody
PARTS = {"points": "application/octet-stream", "grid": "image/png"}


def is_owner(address: str | None) -> bool:
    """Whether a visit from this address is the machine's owner's; None is the machine itself."""
    if workers.allowed()[0].owner != "this-machine":
        return False
    if address is None:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if found.version == 6 and found.ipv4_mapped:  # as a server that listens on both is told it
        found = found.ipv4_mapped
    return found.is_loopback


def words_of(request: Request) -> Words:
    """The texts in the language of the page that asks, which its pads say with every request."""
    return Words(best(request.headers.get("Accept-Language")))


def asked_for(request: Request, name: str) -> str | None:
    """A parameter of a request's address, the last of its name; None where there is none."""
    query = request.scope["query_string"].decode("latin-1")
    found = [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]
    return found[-1] if found else None


def number(text: str | None) -> int | None:
    """A whole number of up to nine digits; None of any other text."""
    return int(text) if text and len(text) <= 9 and text.isascii() and text.isdigit() else None


def refused(request: Request, refusal: Refusal, status: int = 404) -> Response:
    """An answer that says in the page's language what was refused and why."""
    return PlainTextResponse(words_of(request).refusal(refusal), status)


@lru_cache(maxsize=1)
def _queued(store: Path, moment: int) -> list[Job]:
    """The queue, read once for all who ask at the same moment."""
    return jobs.jobs(store)


def _state(request: Request) -> Response:
    store, job_id = checkpoints.user_store(), request.path_params["job"]
    queued = _queued(store, int(time.monotonic() / FRESH))
    job = next((job for job in queued if job.id == job_id), None)
    if job is None:
        return JSONResponse(_ended(job_id), headers=NOW)
    since = number(asked_for(request, "since")) or 0
    place = jobs.place(queued, job_id, workers.allowed()[0].workers)
    return JSONResponse(
        _told(job, request.headers.get(HEADER, ""), since)
        | {"message": _message(job, words_of(request))}
        | ({"before": place.before, "begins_in": place.seconds} if place else {}),
        headers=NOW,
    )


def _told(job: Job, visitor: str, since: int) -> dict:
    done = job.progress
    return {
        "id": job.id,
        "status": job.status,
        "mine": visitor in job.askers,
        "askers": len(job.askers),
        "before": 0,
        "begins_in": 0.0,
        "remaining": job.remaining,
        "step": done.step,
        "steps": done.steps,
        "samples": done.samples,
        "seconds": done.seconds,
        "frames": done.frames,
        "history": [entry for entry in done.history if entry["step"] > since],
    }


def _message(job: Job, words: Words) -> str:
    done = job.progress
    return words.refusal(from_json(done.refusal)) if done.refusal else done.message


def _ended(job_id: str) -> dict:
    run = resources.runs().get(job_id)
    status = run.record.status if run else "gone"
    return {"id": job_id, "status": status, "history": [], "message": ""}


def _frame(request: Request) -> Response:
    asked = request.path_params
    job, frame = jobs.find(checkpoints.user_store(), asked["job"]), number(asked["frame"])
    if job is None or frame is None or asked["part"] not in PARTS:
        return PlainTextResponse("There is no such frame.", 404)
    try:
        content = (job.folder / FRAMES / f"{frame:04d}.{asked['part']}").read_bytes()
    except OSError:
        return PlainTextResponse("There is no such frame.", 404)
    return Response(content, media_type=PARTS[asked["part"]], headers=NOW)


def _stop(request: Request) -> Response:
    visitor = request.headers.get(HEADER, "")
    if not VISITOR.fullmatch(visitor):
        return PlainTextResponse(f"A stop needs the header {HEADER}.", 403)
    owner = is_owner(request.client.host if request.client else "")
    job_id = request.path_params["job"]
    stops = jobs.stop(checkpoints.user_store(), job_id, visitor, owner)
    return JSONResponse({"id": job_id, "stops": stops}, headers=NOW)


def routes(root: str) -> list[Route]:
    """The routes to mount below `root`."""
    return [
        Route(f"{root}/jobs/{{job}}", _state),
        Route(f"{root}/jobs/{{job}}/frames/{{frame}}/{{part}}", _frame),
        Route(f"{root}/jobs/{{job}}/stop", _stop, methods=["POST"]),
    ]
