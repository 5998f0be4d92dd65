"""core.data.fetching: files that arrive whole, or not at all."""

import gzip
import hashlib
import http.server
import socket
import threading

import numpy as np
import pytest

from core import data
from core.data import DataError, fetching, torchvision_sets
from tests.samples import idx_bytes, left_in, some_images, write_set, zipped


class Server:
    """A local web server of `files`; some are `cut` short, some come `unsized`."""

    def __init__(self):
        self.files, self.cut, self.unsized, self.requests = {}, {}, set(), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                content = outer.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                if self.path not in outer.unsized:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: outer.cut.get(self.path)])

            def log_message(self, *arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/"


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.http.shutdown()
    thread.join()
    running.http.server_close()


@pytest.fixture
def mirrored(monkeypatch, server):
    """torchvision's MNIST, moved to the local server: a dead mirror first, then a good one."""
    from torchvision import datasets

    resources = []
    for images_file, labels_file in torchvision_sets.CLASSIC_FILES.values():
        for file, array in (
            (images_file, some_images(4)),
            (labels_file, np.arange(4, dtype=np.uint8)),
        ):
            content = gzip.compress(idx_bytes(array))
            server.files[f"/good/{file}.gz"] = content
            resources.append((f"{file}.gz", hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    mirrors = [server.address + "dead/", server.address + "good/"]
    monkeypatch.setattr(datasets.MNIST, "mirrors", mirrors)
    return server


def test_download(mirrored, tmp_path):
    steps = []
    folder = data.download("mnist", tmp_path, lambda *step: steps.append(step))
    assert folder == tmp_path / "MNIST" / "raw"
    assert left_in(tmp_path) == sorted(
        file for pair in torchvision_sets.CLASSIC_FILES.values() for file in pair
    )
    assert np.array_equal(data.load("mnist", "train", tmp_path).x[:, 0], some_images(4))
    assert data.describe("mnist", tmp_path).here
    assert {file for file, _, _ in steps} == {path[6:] for path in mirrored.files}
    for file, done, total in steps:
        assert 0 < done <= total == len(mirrored.files[f"/good/{file}"])


def test_download_fetches_only_what_is_missing(mirrored, tmp_path):
    raw = data.download("mnist", tmp_path)
    (raw / "t10k-labels-idx1-ubyte").unlink()
    torn = raw / "train-images-idx3-ubyte"
    torn.write_bytes(torn.read_bytes()[:-1])
    packed = raw / "t10k-images-idx3-ubyte.gz"
    packed.write_bytes(mirrored.files[f"/good/{packed.name}"])
    packed.with_suffix("").unlink()
    assert not data.describe("mnist", tmp_path).here
    mirrored.requests.clear()
    data.download("mnist", tmp_path)
    assert [path for path in mirrored.requests if "good" in path] == [
        "/good/train-images-idx3-ubyte.gz",
        "/good/t10k-labels-idx1-ubyte.gz",
    ]
    assert data.describe("mnist", tmp_path).here


def test_download_of_unknown_length(mirrored, tmp_path):
    mirrored.unsized.update(mirrored.files)
    totals = []
    data.download("mnist", tmp_path, lambda file, done, total: totals.append(total))
    assert set(totals) == {None}
    assert len(data.load("mnist", "test", tmp_path)) == 4


FIRST = "/good/train-images-idx3-ubyte.gz"


def test_download_with_a_wrong_checksum(mirrored, tmp_path):
    mirrored.files[FIRST] = gzip.compress(idx_bytes(some_images(4, seed=1)))
    with pytest.raises(DataError, match="train-images.* could not be downloaded .*its md5 is"):
        data.download("mnist", tmp_path)
    assert left_in(tmp_path) == []


def test_download_that_breaks_off(mirrored, tmp_path):
    mirrored.cut[FIRST] = 1000
    with pytest.raises(DataError, match="the connection .* after 1,000 "):
        data.download("mnist", tmp_path)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_download_that_is_stopped(mirrored, tmp_path, interruption):
    def stop(file, done, total):
        raise interruption

    with pytest.raises(interruption):
        data.download("mnist", tmp_path, stop)
    assert left_in(tmp_path) == []


def test_download_that_never_ends(mirrored, monkeypatch, tmp_path):
    monkeypatch.setattr(fetching, "_LARGEST_BYTES", 1000)
    with pytest.raises(DataError, match="it sends more than 1,000 bytes"):
        data.download("mnist", tmp_path)
    assert left_in(tmp_path) == []


def test_download_without_a_network(monkeypatch, tmp_path):
    from torchvision import datasets

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(datasets.KMNIST, "mirrors", [f"http://127.0.0.1:{port}/"])
    with pytest.raises(DataError, match="refused.*try again with a network, or use mnist-5k"):
        data.download("kmnist", tmp_path)
    assert left_in(tmp_path) == []


def test_download_to_a_place_that_cannot_be_written(mirrored, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(DataError, match="mnist cannot be written to .*file"):
        data.download("mnist", blocked)


def test_download_of_qmnist(monkeypatch, server, tmp_path):
    from torchvision import datasets

    made = tmp_path / "made"
    write_set("qmnist", made)
    resources = {}
    for split, pair in torchvision_sets.SETS["qmnist"].files.items():
        resources[split] = []
        for file in pair:
            content = gzip.compress((made / "QMNIST" / "raw" / file).read_bytes())
            server.files[f"/{file}.gz"] = content
            md5 = hashlib.md5(content).hexdigest()
            resources[split].append((f"{server.address}{file}.gz", md5))
    monkeypatch.setattr(datasets.QMNIST, "resources", resources)
    data.download("qmnist", tmp_path)
    assert data.load("qmnist", "test", tmp_path).labels.tolist() == [0, 1, 2, 3]


@pytest.fixture
def emnist(monkeypatch, server, tmp_path):
    """torchvision's EMNIST archive on the local server, as a dict of its members to change."""
    from torchvision import datasets

    made, members = tmp_path / "made", {}
    for name in ("emnist-letters", "emnist-digits"):
        write_set(name, made)
    for file in (made / "EMNIST" / "raw").iterdir():
        members[f"gzip/{file.name}.gz"] = gzip.compress(file.read_bytes())

    def serve():
        server.files["/gzip.zip"] = zipped(members)
        monkeypatch.setattr(datasets.EMNIST, "url", server.address + "gzip.zip")
        md5 = hashlib.md5(server.files["/gzip.zip"]).hexdigest()
        monkeypatch.setattr(datasets.EMNIST, "md5", md5)

    serve()
    return members, serve


def test_one_download_serves_both_emnist_sets(emnist, server, tmp_path):
    data.download("emnist-letters", tmp_path)
    data.download("emnist-digits", tmp_path)
    assert server.requests == ["/gzip.zip"]
    assert data.load("emnist-digits", "test", tmp_path).labels.tolist() == [0, 1, 2, 3]
    assert not [name for name in left_in(tmp_path / "EMNIST") if "gzip" in name]


def test_emnist_archive_without_its_member(emnist, tmp_path):
    members, serve = emnist
    del members["gzip/emnist-digits-test-labels-idx1-ubyte.gz"]
    serve()
    with pytest.raises(DataError, match=r"gzip\.zip of emnist-letters is not as expected"):
        data.download("emnist-letters", tmp_path)
    assert not [name for name in left_in(tmp_path / "EMNIST") if name.startswith(".")]


def test_downloads_that_are_not_needed(tmp_path):
    assert (data.download("mnist-5k", tmp_path) / "mnist_5k.csv.gz").is_file()
    with pytest.raises(DataError, match="read where it lies"):
        data.download(f"images:{tmp_path}")
