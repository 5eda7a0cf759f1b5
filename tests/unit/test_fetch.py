"""Downloads from a local server: verified, retried, resumed, one error each."""

import gzip
import hashlib
import runpy
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from iactflow.campaign import fetch
from iactflow.campaign.atomic import temporary_name
from iactflow.campaign.closure import closure_digest
from iactflow.errors import InputError

CARDS = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   = 0", "END")
EMPTY_FITS = "".join(card.ljust(80) for card in CARDS).ljust(2880).encode()
FILES = {
    "obs-index.fits.gz": b"index of observations",
    "hdu-index.fits.gz": gzip.compress(EMPTY_FITS, mtime=1),
    "data/run 1.fits.gz": bytes(range(256)) * 9000,
}
CHECKSUMS = {
    name: {"sha256": hashlib.sha256(body).hexdigest(), "size_bytes": len(body)}
    for name, body in FILES.items()
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        name = self.path.removeprefix("/release/").replace("%20", " ")
        server.asked.append(name)
        action = server.actions.get(name, [])
        action = action.pop(0) if action else "good"
        if isinstance(action, int):
            self.send_error(action)
            return
        body = server.files.get(name)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        if action != "cut":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if action in ("cut", "broken") else body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(fetch, "BACKOFF_S", 0.001)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.actions, server.asked = dict(FILES), {}, []
        server.url = f"http://127.0.0.1:{server.server_port}/release"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(root, url, *, names=FILES, checksums=CHECKSUMS, place=lambda path: path):
    outputs = SimpleNamespace(files=[str(place(root / name)) for name in names])
    params = SimpleNamespace(url=url, root=str(root), checksums=checksums)
    fetch.fetch_dl3(SimpleNamespace(), outputs, params, SimpleNamespace())
    return outputs.files


def contents(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_files_arrive_and_nothing_else(server, tmp_path):
    run(tmp_path / "root", server.url + "/")
    assert contents(tmp_path / "root") == FILES
    assert sorted(server.asked) == sorted(FILES)


def test_temporary_names_of_a_job_are_understood(server, tmp_path):
    files = run(tmp_path, server.url, place=temporary_name)
    assert [Path(f).read_bytes() for f in files] == list(FILES.values())
    assert all(".tmp-" in f for f in files)


def test_the_rule_leaves_the_bytes_alone(server, tmp_path, repository, monkeypatch):
    monkeypatch.chdir(tmp_path)
    snakemake = SimpleNamespace(
        rule="fetch_dl3",
        input={},
        output={"files": [str(tmp_path / "root" / name) for name in FILES]},
        params={
            "url": server.url,
            "root": str(tmp_path / "root"),
            "checksums": CHECKSUMS,
            "code": closure_digest("iactflow.campaign.fetch"),
        },
        wildcards={},
        log=["fetch.log"],
    )
    script = repository / "workflow" / "scripts" / "fetch_dl3.py"
    runpy.run_path(str(script), init_globals={"snakemake": snakemake})
    assert contents(tmp_path / "root") == FILES


def test_a_file_address_is_read_too(tmp_path):
    for name, body in FILES.items():
        (tmp_path / "release" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "release" / name).write_bytes(body)
    run(tmp_path / "root", (tmp_path / "release").as_uri())
    assert contents(tmp_path / "root") == FILES


def test_verified_files_are_not_fetched_again(server, tmp_path):
    run(tmp_path, server.url)
    server.asked.clear()
    run(tmp_path, server.url)
    assert server.asked == []


def test_a_damaged_local_file_is_replaced(server, tmp_path):
    (tmp_path / "obs-index.fits.gz").write_bytes(b"Index of observations")
    run(tmp_path, server.url)
    assert contents(tmp_path) == FILES


def test_a_failed_job_resumes_where_it_stopped(server, tmp_path):
    server.actions["data/run 1.fits.gz"] = [404]
    with pytest.raises(InputError, match="404"):
        run(tmp_path, server.url)
    # None of the outputs is there yet: what Snakemake would remove does not exist.
    assert not any((tmp_path / name).exists() for name in FILES)
    server.asked.clear()
    run(tmp_path, server.url)
    assert server.asked == ["data/run 1.fits.gz"]
    assert contents(tmp_path) == FILES


@pytest.mark.parametrize("failure", [503, "cut", "broken"])
def test_passing_failures_are_retried(server, tmp_path, failure):
    server.actions["data/run 1.fits.gz"] = [failure, failure]
    run(tmp_path, server.url)
    assert contents(tmp_path) == FILES
    assert server.asked.count("data/run 1.fits.gz") == 3


@pytest.mark.parametrize(
    ("failure", "attempts", "message"),
    [
        (404, 1, "HTTP status 404"),
        (403, 1, "HTTP status 403"),
        (500, 4, "HTTP status 500"),
        ("cut", 4, "of 2304000 bytes"),
        ("broken", 4, "of 2304000 bytes"),
    ],
)
def test_lasting_failures_give_one_error(server, tmp_path, failure, attempts, message):
    server.actions["data/run 1.fits.gz"] = [failure] * 9
    with pytest.raises(InputError) as caught:
        run(tmp_path, server.url)
    assert message in str(caught.value)
    assert f"{server.url}/data/run 1.fits.gz" in str(caught.value)
    assert server.asked.count("data/run 1.fits.gz") == attempts
    assert not any(".tmp-" in name for name in contents(tmp_path))


@pytest.mark.parametrize("body", [b"Index of observations", b"index of observations and more"])
def test_another_file_than_expected_is_refused_at_once(server, tmp_path, body):
    server.files["obs-index.fits.gz"] = body
    with pytest.raises(InputError, match=r"obs-index\.fits\.gz: (sha256|size)"):
        run(tmp_path, server.url)
    assert server.asked == ["obs-index.fits.gz"]
    assert contents(tmp_path) == {}


def test_an_unreachable_host_gives_one_error(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "BACKOFF_S", 0.001)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/release"
    with pytest.raises(InputError, match="refused"):
        run(tmp_path, url)


def test_a_missing_file_address_gives_one_error(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        run(tmp_path / "root", (tmp_path / "release").as_uri())


def test_a_file_without_checksum_is_refused(server, tmp_path):
    known = {k: v for k, v in CHECKSUMS.items() if k != "hdu-index.fits.gz"}
    with pytest.raises(InputError, match="hdu-index"):
        run(tmp_path, server.url, checksums=known)
    assert server.asked == []


def test_an_output_outside_the_root_is_refused(server, tmp_path):
    with pytest.raises(InputError, match="a path below"):
        run(tmp_path / "root", server.url, place=lambda path: tmp_path / "elsewhere")


def test_a_full_disk_is_no_matter_of_the_address(server, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch, "_download", full)
    with pytest.raises(OSError, match="No space left") as caught:
        run(tmp_path, server.url)
    assert not isinstance(caught.value, InputError)
