"""Under which address others reach the server."""

from __future__ import annotations

import pytest
import streamlit as st

from explorer import reach


@pytest.fixture
def options(monkeypatch):
    """The server's options, and the machine's own address: `options(own, **named)`."""

    def give(own="192.168.1.5", **named):
        found = {
            "server.address": None,
            "server.port": 8501,
            "server.baseUrlPath": "",
            "server.sslCertFile": None,
            "browser.serverAddress": "localhost",
            **{name.replace("_", ".", 1): value for name, value in named.items()},
        }
        monkeypatch.setattr(st, "get_option", found.get)
        monkeypatch.setattr(reach, "_is_set", lambda name: name.replace(".", "_", 1) in named)
        monkeypatch.setattr(reach, "_own_address", lambda: own)
        return reach.address()

    return give


def test_a_server_for_all_is_reached_by_the_machine_s_address(options):
    assert options() == options(server_address="0.0.0.0") == "http://192.168.1.5:8501/"
    assert options(server_sslCertFile="a.pem", server_port=1) == "https://192.168.1.5:1/"
    assert options(server_baseUrlPath="/demo/") == "http://192.168.1.5:8501/demo/"
    assert options(own="fd00::5") == "http://[fd00::5]:8501/"


@pytest.mark.parametrize("bound", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_a_server_for_this_machine_alone_is_reached_by_nobody(options, bound):
    assert options(server_address=bound) == ""


def test_without_a_network_there_is_no_address(options):
    assert options(own="") == options(own="127.0.0.1") == ""


def test_a_name_that_the_configuration_gives_counts(options):
    assert options(browser_serverAddress="class.example") == "http://class.example:8501/"
    assert options(server_address="10.1.1.1") == "http://10.1.1.1:8501/"


def test_the_machine_s_own_address_is_one_or_none():
    found = reach._own_address()
    assert found == "" or not reach.is_here("localhost.example") and found.count(".") == 3
