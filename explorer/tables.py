"""A page's table, from the JSON that it sends to a CSV, row by row.

    {"columns": ["index", "error"], "rows": [[1, 0.5], …], "run": ["vae-k2-…"], "title": "", …}

Nothing of it is parsed before its extent is known and bounded: a row is found by a pattern that no
nesting fits, so that what is wrong is refused where it stands, and what is right never lies in
memory as more than one row of values. CSV has no place for metadata, so the run stands in each row,
in a first column `run`; a table that brings such a column keeps its own.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from core.refusal import Refusal

MOST_ROWS, MOST_COLUMNS = 100_000, 1000
LONGEST_NAME, LONGEST_TEXT = 200, 2000  # characters of a column's name and of a cell
LONGEST_ROW = 2**18  # bytes of its JSON, and of any other value beside the rows
LONGEST_GIVEN = 60  # characters of what is refused that its sentence shows
RUN_ID = r"[a-z0-9][a-z0-9_-]{0,79}-[0-9a-f]{10}"  # as in `core.store.schema`; a test holds it

ABOUT = {  # what every saved file says of itself, and what is allowed
    "run": "up to 32 ids of runs",
    "title": "a text of up to 500 characters",
    "page": "an address of up to 4000 characters",
}
ALLOWED = ABOUT | {
    "columns": "1 to 1000 names of up to 200 characters",
    "rows": "up to 100000 rows of numbers and texts of up to 2000 characters",
}
NAMES = ", ".join(ALLOWED)

_JSON = json.JSONDecoder(parse_constant=lambda name: _no_number())

Cell = bool | int | float | str | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how what a spreadsheet runs begins
_STRING = rb'"(?>[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+"'
_PLAIN = re.compile(rb"[-+.0-9A-Za-z]++")  # a number, true, false or null, or nearly one
_TEXT = re.compile(_STRING)
_FLAT = re.compile(rb"\[(?>[-+.0-9A-Za-z,\s]++|" + _STRING + rb")*+\]")
_SPACE = re.compile(rb"[ \t\n\r]*+")
_NESTED = re.compile(rb"\[\s*+(?>(?>[-+.0-9A-Za-z]++|" + _STRING + rb")\s*+,\s*+)*+(?=[\[{])")


class _Head(NamedTuple):
    """What stands beside the rows, and where the first one is."""

    columns: list[str]
    run: list[str]
    rows: int


def write(content: bytes, made: IO[bytes]) -> None:
    """A CSV after RFC 4180, in UTF-8 with the mark by which spreadsheets know it.

    A spreadsheet runs a text that looks like a formula, so such a one begins with an apostrophe.

    Raises:
        Refusal: for the first thing that is wrong; some rows may have been written then.
    """
    head = _head(content)
    text = io.TextIOWrapper(made, encoding="utf-8-sig", newline="", write_through=False)
    try:
        writer = csv.writer(text)
        own = "run" in head.columns
        before = [] if own else [" ".join(head.run)]
        writer.writerow(map(_cell, head.columns if own else ("run", *head.columns)))
        for number, (start, end) in enumerate(_rows(content, head.rows), 1):
            row = _row(content[start:end])
            if len(row) != len(head.columns):
                raise Refusal(
                    "Row {number} has {count} values for {columns} columns.",
                    number=number,
                    count=len(row),
                    columns=len(head.columns),
                )
            writer.writerow([*before, *map(_cell, row)])
    finally:
        text.flush()
        text.detach()


def _cell(value: Cell) -> Cell:
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _row(given: bytes) -> list[Cell]:
    row = _parsed(given, "rows")
    for value in row:
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise _wrong("rows", repr(value))
    return row


# --- What stands where --------------------------------------------------------------------------


def _head(content: bytes) -> _Head:
    found: dict[str, Any] = {"run": [], "title": "", "page": ""}
    at = _after(content, 0, b"{")
    first = True
    while not _is(content, at, b"}"):
        at = at if first else _after(content, at, b",")
        first = False
        name, at = _name(content, at)
        if name not in ALLOWED:
            shown = name if len(name) <= LONGEST_GIVEN else f"{name[: LONGEST_GIVEN - 3]}…"
            raise Refusal("{name} is nothing here; there are {there}.", name=shown, there=NAMES)
        at = _skip(content, _after(content, at, b":"))
        if name == "rows":
            found[name] = at
            at = _past_rows(content, at)
        else:
            found[name], at = _value(content, at, name)
    if _skip(content, _after(content, at, b"}")) != len(content):
        raise _no_json()
    for name in ("columns", "rows"):
        if name not in found:
            raise Refusal(
                "{name} is missing; it must be {allowed}.",
                name=name,
                allowed=Refusal(ALLOWED[name]),
            )
    return _Head(found["columns"], found["run"], found["rows"])


def _name(content: bytes, at: int) -> tuple[str, int]:
    found = _match(_TEXT, content, _skip(content, at))
    if found is None:
        raise _no_json()
    return _parsed(found[0], ""), found.end()


def _value(content: bytes, at: int, name: str) -> tuple[Any, int]:
    """One of the plain values beside the rows, checked."""
    pattern = {b"[": _FLAT, b'"': _TEXT}.get(content[at : at + 1], _PLAIN)
    found = _match(pattern, content, at)
    if found is None:
        raise _wrong_at(content, at, name)
    value = _parsed(found[0], name)
    fits = {
        "columns": lambda: _texts(value, 1, MOST_COLUMNS, LONGEST_NAME),
        "run": lambda: _texts(value, 0, 32, 100) and all(re.fullmatch(RUN_ID, v) for v in value),
        "title": lambda: isinstance(value, str) and len(value) <= 500,
        "page": lambda: isinstance(value, str) and len(value) <= 4000,
    }
    if not fits[name]():
        raise _wrong(name, repr(value))
    return value, found.end()


def _texts(value: Any, fewest: int, most: int, longest: int) -> bool:
    if not isinstance(value, list) or not fewest <= len(value) <= most:
        return False
    return all(isinstance(one, str) and len(one) <= longest for one in value)


def _rows(content: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Where each row begins and ends; the last pair is of the end of all."""
    at = _skip(content, _after(content, at, b"["))
    count = 0
    while not _is(content, at, b"]"):
        if count:
            at = _skip(content, _after(content, at, b","))
        count += 1
        if count > MOST_ROWS:
            raise _wrong("rows", Refusal("more"))
        end = _row_end(content, at)
        yield at, end
        at = _skip(content, end)


def _row_end(content: bytes, at: int) -> int:
    """Where a flat list ends that begins here."""
    end = content.find(b"]", at, at + LONGEST_ROW) + 1
    if end and content.startswith(b"[", at):
        row = content[at:end]
        if b'"' not in row and b"{" not in row and row.count(b"[") == 1:
            return end
    found = _match(_FLAT, content, at)
    if found is None:
        raise _wrong_at(content, at, "rows")
    return found.end()


def _past_rows(content: bytes, at: int) -> int:
    if not _is(content, at, b"["):
        raise _wrong_at(content, at, "rows")
    end = _after(content, at, b"[")
    for _, last in _rows(content, at):
        end = last
    return _after(content, end, b"]")


# --- Bytes --------------------------------------------------------------------------------------


def _match(pattern: re.Pattern[bytes], content: bytes, at: int) -> re.Match[bytes] | None:
    """What a pattern finds here within the longest row; a pattern's own memory grows with what it
    passes over."""
    return pattern.match(content, at, at + LONGEST_ROW)


def _skip(content: bytes, at: int) -> int:
    return _SPACE.match(content, at).end()  # type: ignore[union-attr]  # it matches nothing too


def _is(content: bytes, at: int, sign: bytes) -> bool:
    return content.startswith(sign, _skip(content, at))


def _after(content: bytes, at: int, sign: bytes) -> int:
    at = _skip(content, at)
    if not content.startswith(sign, at):
        raise _no_json()
    return at + 1


def _parsed(given: bytes, name: str) -> Any:
    """A plain value or a flat list of bounded length."""
    try:
        return _JSON.decode(given.decode("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise _no_json() from None
    except ValueError:  # a number of more digits than Python reads
        raise _wrong(name, _shown(given)) from None


def _no_number() -> None:
    raise _no_json()


def _no_json() -> Refusal:
    return Refusal("That is no JSON of {there}.", there=NAMES)


def _wrong_at(content: bytes, at: int, name: str) -> Refusal:
    """What is said of a value that is none of the right kind: of a list's first nested part."""
    nested = _match(_NESTED, content, at)
    if nested is None and len(content) - at > LONGEST_ROW:
        most = LONGEST_ROW >> 10
        return Refusal("{name} has a part of more than {most} KiB.", name=name, most=most)
    return _wrong(name, _shown(content[nested.end() if nested else at :][: 4 * LONGEST_GIVEN]))


def _wrong(name: str, given: str | Refusal) -> Refusal:
    if isinstance(given, str) and len(given) > LONGEST_GIVEN:
        given = f"{given[: LONGEST_GIVEN - 3]}…"
    return Refusal(
        "{name} must be {allowed}; got {given}.",
        name=name,
        allowed=Refusal(ALLOWED[name]),
        given=given,
    )


def _shown(given: bytes) -> str:
    """The beginning of what was sent; of what is nested, its first closed part."""
    text = given[: 4 * LONGEST_GIVEN].decode("utf-8", "replace")
    closed = re.match(r"\{[^{}\[\]]*\}|\[[^{}\[\]]*\]", text)
    return closed[0] if closed else text
