"""Under which names this server answers, and who may be taken for the machine's owner.

A page of any site can have its own name resolve to this machine a moment after it was loaded (DNS
rebinding), and then ask as if it were one of ours. So a request must name this machine: a loopback
name, one of its own names or addresses, or what the owner's configuration names under `hosts`; and
what acts must come from a page of that very name. A private network's address is taken too, since a
container or a virtual machine does not know the address of the machine it is on, and an address,
unlike a name, can't be made to lead elsewhere.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple

PROXIED = "behind-a-proxy"  # stands for the address of a visit that came by way of a proxy
LOCAL = ("local", "lan", "home", "home.arpa", "internal", "localdomain")  # nobody can register them

_HOST = re.compile(r"(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,253}))(?::(\d{1,5}))?", re.ASCII)
_ORIGIN = re.compile(r"(https?)://(.{1,300})", re.ASCII)
_PROXY = re.compile(
    r"forwarded|via|x-forwarded(?:-.*)?|x-original-(?:for|host|proto|forwarded-for)|x-real-ip|"
    r"(?:x-|true-|x-cluster-|fastly-|fly-)client-ip|cf-(?:connecting-ip|ray|visitor)|"
    r"x-envoy-.*|x-proxyuser-ip|x-arr-.*|cdn-loop|client-ip"
)
_PORTS = {"http": 80, "https": 443}


class Host(NamedTuple):
    """Whom a request or an origin names."""

    name: str  # lower case, without a last dot; an address without brackets
    port: int | None


def host_of(text: str) -> Host | None:
    """What a header `Host` names; None where it is none."""
    found = _HOST.fullmatch(text.lower())
    if found is None:
        return None
    port = int(found[3]) if found[3] else None
    if port is not None and port > 65535:
        return None
    return Host(found[1] or found[2].rstrip("."), port)


def address_of(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A name that is an address; an IPv4 one in IPv6 as the former."""
    try:
        found = ipaddress.ip_address(name)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def is_loopback(name: str) -> bool:
    """Whether a name or an address leads nowhere but to the machine that asks."""
    address = address_of(name)
    if address is None:
        return name == "localhost" or name.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def is_own_address(name: str) -> bool:
    """Whether an address is one of this machine's: whether a socket can have it."""
    address = address_of(name)
    if address is None or address.is_multicast:
        return False
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def own_names() -> frozenset[str]:
    """What this machine calls itself, with the endings by which local networks know it."""
    full = socket.gethostname().lower().rstrip(".")
    short = full.partition(".")[0]
    return frozenset({full, short, *(f"{short}.{end}" for end in LOCAL), *_known})


_known: set[str] = set()  # what the network calls this machine, once it was asked


def ask_the_network() -> None:
    """Learn by which full name the network knows this machine; may take seconds."""
    with contextlib.suppress(OSError, UnicodeError):
        _known.add(socket.getfqdn().lower().rstrip("."))


def is_named(name: str, named: Iterable[str]) -> bool:
    """Whether a configuration's list holds a name: itself, by `*.ending`, or by `*` for all."""
    for one in named:
        pattern = one.lower().rstrip(".")
        if pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])):
            return True
    return False


def is_ours(name: str, named: Iterable[str] = ()) -> bool:
    """Whether this server answers to a name or an address."""
    if is_loopback(name):
        return True
    address = address_of(name)
    if address is None:
        return name in own_names() or _is_renamed(name) or is_named(name, named)
    return not address.is_global or is_own_address(name) or is_named(name, named)


def _is_renamed(name: str) -> bool:
    """Whether it is this machine's name with the number that mDNS gives to the second of a name."""
    found = re.fullmatch(r"(.+)-\d{1,2}\.local", name)
    return found is not None and f"{found[1]}.local" in own_names()


def is_own_page(origin: str, host: Host, named: Iterable[str] = ()) -> bool:
    """Whether an origin is the very host that is asked, or one that a configuration names, as where
    a proxy gives this server another host than the page has."""
    found = _ORIGIN.fullmatch(origin)
    asking = host_of(found[2]) if found else None
    if found is None or asking is None:
        return False
    if is_named(asking.name, named):
        return True
    # Of what the page came by, TLS included, the server sees nothing, so either usual port is none.
    ports = {None, *_PORTS.values()}
    same = asking.port == host.port or {asking.port, host.port} <= ports
    return asking.name == host.name and same


def is_proxied(names: Iterable[str]) -> bool:
    """Whether a request's headers, by their names, say that somebody passed it on."""
    return any(_PROXY.fullmatch(name.lower()) for name in names)


def may_own(address: str, host: str) -> bool:
    """Whether a visit may be the owner's: from this machine, to a name that only it has."""
    found = host_of(host)
    if found is None or not is_loopback(address):
        return False
    own = socket.gethostname().lower().rstrip(".")
    return is_loopback(found.name) or found.name in (own, own.partition(".")[0])
