"""A control port that is not on loopback asks `casino up` for a token, too."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from casino.cli import _control_token, main
from casino.stack import fetch

TOKEN = "t" * 40


@contextmanager
def guarded():
    """A server that answers only those who show the token."""

    class Guarded(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.headers["Authorization"] == f"Bearer {TOKEN}" else 401)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/ready"
        server.shutdown()
        thread.join()


def test_the_token_is_shown():
    with guarded() as url:
        assert fetch(url, TOKEN) == b"ok"
        assert fetch(url) is None
        assert fetch(url, "another") is None


def test_it_comes_from_a_file_or_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CASINO_CONTROL_TOKEN", "from the environment")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert _control_token(tmp_path / "token") == TOKEN
    assert _control_token(None) == "from the environment"
    monkeypatch.delenv("CASINO_CONTROL_TOKEN")
    assert _control_token(None) is None


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_ends_with_2(capsys, tmp_path, content):
    if content:
        (tmp_path / "token").write_bytes(content)
    assert main(["up", "--token-file", str(tmp_path / "token")]) == 2
    assert "casino up: " in capsys.readouterr().err
