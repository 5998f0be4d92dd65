"""Under which address other machines reach this server, for whoever came by one that only this
machine understands."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache

import streamlit as st

from explorer.addresses import base

_ELSEWHERE = "10.254.254.254", 9  # asked of the routing table alone; nothing is sent there


def address() -> str:
    """Address of the app's first page for others, such as `http://192.168.1.5:8501/`; empty where
    the server listens to this machine alone, or the machine stands in no network."""
    bound = st.get_option("server.address") or ""
    host = st.get_option("browser.serverAddress") if _is_set("browser.serverAddress") else ""
    if not host:
        host = _own_address() if bound in ("", "0.0.0.0", "::") else bound
    if not host or is_here(host):
        return ""
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}:{st.get_option('server.port')}{base()}/"


def is_here(host: str) -> bool:
    """Whether a host's name or address means the machine that says it."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified


def _is_set(option: str) -> bool:
    from streamlit import config

    return config.is_manually_set(option)


@lru_cache(maxsize=1)
def _own_address() -> str:
    """This machine's address in its network; empty where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(_ELSEWHERE)
        except OSError:
            return ""
        found: str = asking.getsockname()[0]
    return found
