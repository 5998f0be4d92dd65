"""explorer.serving, guard and hosts: what a page's answer says, routes that are there at once, whom
the server answers, and who is taken for its owner."""

import logging
import socket
import time
import urllib.request

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from core.training import jobs
from core.training.limits import Limits
from explorer import addresses, assets, guard, hosts, live, serving, workers
from tests.asking import HERE, ask, waited


def link_of(app, page: str) -> str | None:
    with urllib.request.urlopen(f"{app.url}/{page}", timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/html")
        return answer.headers["Link"]


@pytest.mark.parametrize("page", serving.ENTRIES)
def test_a_page_s_answer_names_what_its_pad_asks_for(app, page):
    end = time.monotonic() + 30
    while (link := link_of(app, page)) is None:  # the server answers before it has read its code
        assert time.monotonic() < end
        time.sleep(0.05)
    assert f"<{assets.module(serving.ENTRIES[page])}>; rel=modulepreload" in link
    for address in assets.digits_spec().values():
        assert f"<{address}>; rel=preload; as=fetch; crossorigin" in link


@pytest.mark.parametrize(
    ("cookie", "kind", "named"),
    [
        (None, "text/html; charset=utf-8", True),
        ("other=1", "text/html", True),
        ("other=1; latent_visitor=0123456789ab", "text/html", False),
        (None, "text/css", False),
    ],
)
def test_a_browser_without_a_name_gets_one_with_its_first_page(cookie, kind, named):
    """So that all its tabs are one visitor, whose runs and images they show."""

    async def page(scope, receive, send):
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def sent(message):
        answers.append(dict(message["headers"]))

    answers: list[dict[bytes, bytes]] = []
    given = [(b"cookie", cookie.encode())] if cookie else []
    scope = {"type": "http", "path": "/train", "headers": given, "method": "GET"}
    for _ in range(2):
        waited(serving.Preload(page)(scope, None, sent))
    cookies = [answer.get(b"set-cookie", b"").decode() for answer in answers]
    if not named:
        assert cookies == ["", ""]
        return
    names = [one.partition(";")[0].removeprefix(f"{addresses.COOKIE}=") for one in cookies]
    assert all(jobs.VISITOR.fullmatch(name) for name in names) and names[0] != names[1]
    assert all("Path=/; Max-Age=31536000; SameSite=Lax" in one for one in cookies)


def test_other_answers_name_nothing(app):
    address = app.url + assets.module("pages/explore.js")
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert answer.headers["Link"] is None


# --- Whom the server answers --------------------------------------------------------------------

NAME = socket.gethostname().lower().partition(".")[0]


@pytest.fixture
def guarded(monkeypatch):
    """An application behind the guard; says whether a visit is the owner's, its websocket too."""
    monkeypatch.setattr(
        workers, "allowed", lambda: (Limits(hosts=("lab.example", "*.uni.kr")), None)
    )

    def page(request):
        return PlainTextResponse(str(live.is_owner(request.client.host)))

    async def stream(websocket):
        await websocket.accept()
        await websocket.close(1000 if live.is_owner(websocket.client.host) else 1001)

    routes = [Route("/", page, methods=["GET", "POST"]), WebSocketRoute("/stream", stream)]
    return Starlette(routes=routes, middleware=[Middleware(guard.Guard)])


def answered(app, host, client="192.168.1.9", **headers):
    """Whether GET, POST and the websocket answer, which must agree."""
    headers = {"Host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    got = ask(app, "/", headers=headers, client=client)
    posted = ask(app, "/", "POST", headers=headers, client=client)
    talked = ask(app, "/stream", "WEBSOCKET", headers=headers, client=client)
    assert (posted.status == 200) == talked.accepted
    assert {got.status, posted.status} <= {200, 403} and (talked.accepted or talked.closed == 1008)
    return got.status == 200, posted.status == 200


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost:8501",
            "LOCALHOST",
            "127.0.0.1:8501",
            "127.8.8.8",
            "[::1]:8501",
            "a.localhost:1",
        ),
        *("192.168.1.5:8501", "10.0.0.7", "[fd00::1]:8501", "169.254.3.4", "0.0.0.0:8501"),
        *(f"{NAME}:8501", f"{NAME}.local:8501", f"{NAME}.LOCAL.", f"{NAME}-2.local", f"{NAME}.lan"),
        *("lab.example", "Lab.Example:443", "x.uni.kr", "a.b.uni.kr:8501"),
    ],
)
def test_names_that_are_this_server_s(guarded, host):
    assert answered(guarded, host) == (True, True)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8501", "localhost.evil.example", "127.0.0.1.evil.example"),
        *("1.1.1.1", "8.8.8.8:8501", "[2606:4700::1111]", f"{NAME}.evil.example", f"{NAME}x.local"),
        *(
            "uni.kr",
            "xuni.kr",
            "notlab.example",
            "other.local",
            "localhost@evil.example",
            "a b",
            "",
        ),
        *("localhost:99999", "localhost:x", "[::1", "::1", "localhost/evil", "localhost#", "\xe9"),
    ],
)
def test_other_names_are_refused_at_every_door(guarded, host):
    assert answered(guarded, host, client=HERE, Origin=f"http://{host}") == (False, False)


def test_who_is_refused_is_told_in_the_page_s_language(guarded):
    told = ask(
        guarded, "/", headers={"Host": "evil.example", "Accept-Language": "ko"}
    ).body.decode()
    assert "evil.example" in told and "hosts" in told and "서버" in told
    assert (
        "`hosts` in the configuration" in ask(guarded, "/", headers={"Host": "e.x"}).body.decode()
    )


@pytest.mark.parametrize(
    ("host", "origin", "acts"),
    [
        ("192.168.1.5:8501", "http://192.168.1.5:8501", True),
        (f"{NAME}.local:8501", f"http://{NAME.upper()}.local:8501", True),
        ("lab.example", "https://lab.example", True),
        ("127.0.0.1:8501", "https://lab.example", True),  # a proxy that gives it another host
        ("[::1]:8501", "http://[::1]:8501", True),
        ("localhost:8501", "http://evil.example", False),
        ("localhost:8501", "http://localhost:3000", False),
        ("localhost:8501", "http://127.0.0.1:8501", False),
        ("192.168.1.5:8501", "http://192.168.1.6:8501", False),
        ("localhost:8501", "null", False),
        ("localhost:8501", "file://", False),
        ("localhost:8501", "http://localhost:8501@evil.example", False),
        ("localhost:8501", "", False),
    ],
)
def test_only_a_page_of_this_server_acts(guarded, host, origin, acts):
    assert answered(guarded, host, Origin=origin) == (True, acts)


@pytest.mark.parametrize(
    ("client", "host", "more", "owner"),
    [
        (HERE, "localhost:8501", {}, True),
        ("::1", "[::1]:8501", {}, True),
        (HERE, "127.0.0.1", {}, True),
        ("127.0.1.1", f"{NAME}:8501", {}, True),
        ("192.168.1.9", "localhost:8501", {}, False),
        (HERE, "192.168.1.5:8501", {}, False),  # passed on: nobody here asks by such a name
        (HERE, "lab.example", {}, False),
        (None, "localhost", {}, False),
        (HERE, "localhost:8501", {"Origin": "http://localhost:8501"}, True),
        (HERE, "127.0.0.1:8501", {"Origin": "https://lab.example"}, False),
        *(
            (HERE, "localhost:8501", {name: value}, False)
            for name, value in (
                ("Forwarded", "for=192.0.2.60"),
                ("Forwarded", ""),
                ("X-Real-IP", "127.0.0.1"),
                ("x-real-ip", "::1"),
                ("X-Forwarded-For", "127.0.0.1"),
                ("X-Forwarded-Host", "localhost"),
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded", "1"),
                ("Via", "1.1 proxy"),
                ("CF-Connecting-IP", "127.0.0.1"),
                ("True-Client-IP", "127.0.0.1"),
                ("X-Original-Forwarded-For", "127.0.0.1"),
            )
        ),
    ],
)
def test_who_is_the_owner(guarded, client, host, more, owner):
    headers = {"Host": host} | more
    assert ask(guarded, "/", headers=headers, client=client).body == str(owner).encode()
    talked = ask(guarded, "/stream", "WEBSOCKET", headers=headers, client=client)
    assert talked.closed == (1000 if owner else 1001)


def test_a_proxy_that_renames_the_host_has_its_own_page_s_websocket(monkeypatch):
    """Streamlit answers a page of the very host that is asked, and no other."""
    monkeypatch.setattr(workers, "allowed", lambda: (Limits(hosts=("lab.example",)), None))
    seen = []

    async def stream(websocket):
        seen.append(websocket.headers.getlist("host"))
        await websocket.accept()

    app = Starlette(routes=[WebSocketRoute("/", stream)], middleware=[Middleware(guard.Guard)])
    for origin in ("https://lab.example", "http://10.0.0.7", "https://other.example"):
        ask(app, "/", "WEBSOCKET", headers={"Host": "10.0.0.7", "Origin": origin})
    assert seen == [["lab.example"], ["10.0.0.7"]]


def test_a_proxy_s_word_tells_visitors_apart_and_makes_none_the_owner(guarded):
    seen = []

    async def page(request):
        seen.append(request.client.host)
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/", page)], middleware=[Middleware(guard.Guard)])
    for client in ("203.0.113.7", HERE, "::1", None):
        ask(app, "/", headers={"Host": "lab.example", "X-Forwarded-For": "a"}, client=client)
    assert seen == ["203.0.113.7", hosts.PROXIED, hosts.PROXIED, hosts.PROXIED]


def test_every_answer_says_how_it_may_be_used(guarded):
    asked = (
        ("/", "GET", "localhost"),
        ("/none", "GET", "localhost:8501"),
        ("/", "PUT", "10.0.0.7"),
        ("/", "GET", "evil.example"),
    )
    for target, method, host in asked:
        headers = ask(guarded, target, method, headers={"Host": host}).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        rules = dict(one.split(" ", 1) for one in headers["Content-Security-Policy"].split("; "))
        assert rules["frame-ancestors"] == "'self'" and rules["default-src"] == "'self'"
        assert "'unsafe-inline'" not in rules["script-src"] and "http" not in rules["script-src"]
        assert f"ws://{host} " in rules["connect-src"] and "*" not in str(rules)
    broken = ask(guarded, "/", headers={"Host": "x; script-src *"}).headers
    assert "*" not in broken["Content-Security-Policy"]


def test_a_thread_that_breaks_off_says_so(caplog):
    def read_ahead():
        raise ValueError("why it broke")

    with caplog.at_level(logging.ERROR):
        serving.told(read_ahead)()
    assert "read_ahead broke off." in caplog.text and "why it broke" in caplog.text
