"""A bridge that asks for a token and a certificate, and the real servers with what is generated for them."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import httpx
import pytest
import trustme

from alerts import alertmanager, prometheus
from alerts.doors import TOKEN, put_by_hand
from gateway.spec.load import load
from tests.alerts.pagerduty.alertmanagers import Alertmanager, fires, needs_alertmanager
from tests.ports import free_port
from tests.waiting import until

SECRET = "a-token-that-nobody-guesses"
QUICK = 0.01
"""Scales every wait of the servers."""


class Guarded:
    """A bridge, the files that let its callers in, and how to look at it."""

    def __init__(self, bridge_of, folder, events_url: str) -> None:
        authority = trustme.CA()
        for name in ("127.0.0.1", "callers.example"):
            authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.pem"))
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        own, shown = folder / "127.0.0.1.pem", folder / "callers.example.pem"
        port = free_port()
        self.process = bridge_of(
            events_url=events_url, port=port,
            bridge=f"watchdog: 0s, listen: '127.0.0.1:{port}', tokens: {{other: {{env: OTHER}}, alertmanager: {{env: AM}}}}, "
            f"tls: {{certificate: {own}, key: {own}, clients: {folder}/ca.pem}}, "
            f"callers: {{ca: {folder}/ca.pem, certificate: {shown}}}",
        )  # fmt: skip
        self.process.environment |= {"AM": SECRET, "OTHER": "quite-another-token"}
        self.process.begin()
        context = trustme_context(authority, shown)
        self.http = httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=context, timeout=10)
        until(self.answers)
        self.spec = load(self.process.spec).spec

    def answers(self) -> bool:
        assert self.process.process.poll() is None, self.process.log.read_text()
        try:
            return self.http.get("/health").status_code == 200
        except httpx.HTTPError:
            return False

    def webhooks(self, code: str) -> float:
        start = f'bridge_webhooks_total{{code="{code}"}} '
        return sum(
            float(line.removeprefix(start))
            for line in self.http.get("/metrics").text.splitlines()
            if line.startswith(start)
        )


def trustme_context(authority, shown):
    context = httpx.create_ssl_context(verify=False)
    authority.configure_trust(context)
    context.load_cert_chain(shown)
    return context


@pytest.fixture
def guarded(bridge_of, tmp_path, standin):
    bridge = Guarded(bridge_of, tmp_path, standin.url)
    yield bridge
    bridge.http.close()


@contextmanager
def told_by(guarded, folder, token: str):
    """A real Alertmanager with the generated configuration, and beside it the file that its reader is asked to write."""
    config = alertmanager.render(guarded.spec, time_scale=QUICK)[alertmanager.PATH]
    assert put_by_hand(guarded.spec) == {TOKEN: "AM"}
    folder.mkdir()
    (folder / TOKEN).write_text(f"{token}\n")
    server = Alertmanager(folder, config=config)
    try:
        server.post(fires("DiceFail"))
        yield server
    finally:
        server.close()


@needs_alertmanager
def test_alertmanager_is_let_in_with_what_is_generated_for_it(guarded, tmp_path, standin):
    with told_by(guarded, tmp_path / "alertmanager", SECRET):
        until(lambda: standin.state()["open_alerts"] == 1)
    assert guarded.webhooks("200") >= 1
    assert guarded.webhooks("401") == 0


@needs_alertmanager
def test_the_token_that_is_shown_is_that_of_the_file(guarded, tmp_path):
    with told_by(guarded, tmp_path / "alertmanager", "some-token-of-last-year"):
        until(lambda: guarded.webhooks("401") >= 1)
    assert guarded.webhooks("200") == 0


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
def test_prometheus_is_let_in_with_what_is_generated_for_it(guarded, tmp_path):
    port = free_port()
    folder = tmp_path / "prometheus"
    folder.mkdir()
    (folder / "prometheus.yml").write_text(prometheus.render(guarded.spec, time_scale=QUICK)[prometheus.PATH])
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log, env={**os.environ, "GOMAXPROCS": "1"},
        )  # fmt: skip
    try:
        assert until(lambda: up(port) == "1")
    finally:
        server.kill()
        server.wait()


def up(port: int) -> str | None:
    """What Prometheus holds of the bridge: 1 once it was scraped."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": 'up{job="bridge"}'})
        answer.raise_for_status()  # it says 503 while it starts
    except httpx.HTTPError:
        return None
    found = answer.json().get("data", {}).get("result", [])
    return found[0]["value"][1] if found else None
