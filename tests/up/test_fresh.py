"""What a newcomer and what production does: `make up` in a clean checkout, and a wheel in an empty environment."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.checkout import ROOT, files

PATH = "/usr/local/bin:/usr/bin:/bin"
SPEC = """
casino: 1
workers: 1
listen: {{public: ["127.0.0.1:{public}"], control: "127.0.0.1:{control}"}}
drain: {{grace: 0, deadline: 2s}}
routes:
  hello: {{match: GET /hello, answer: {{status: 200, body: hello}}}}
"""

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(400)]


@contextmanager
def running(
    words: list[str], folder: Path, output: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with output.open("wb") as file:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(holds, process: subprocess.Popen[bytes], output: Path, seconds: float):
    deadline = time.monotonic() + seconds
    while not (result := holds()):
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    return result


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def checkout(tmp_path) -> Path:
    """What a clone of the work tree would hold."""
    for path in files():
        target = tmp_path / "casino" / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path / "casino"


@pytest.mark.proves("3.1 make up answers on both games from a clean checkout in an empty environment")
def test_make_up_serves_both_games_from_a_clean_checkout_in_an_empty_environment(checkout, tmp_path):
    output = tmp_path / "output"
    environment = {"HOME": str(tmp_path), "PATH": PATH}
    with running(["make", "up"], checkout, output, environment) as process:
        url = wait_until(
            lambda: re.search(r"^  gateway +(http://\S+)", output.read_text(), re.MULTILINE), process, output, 300
        )[1]
        assert httpx.get(f"{url}/roll/6").json()["sides"] == 6
        assert httpx.get(f"{url}/cards/5").json()["count"] == 5
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)
        assert not answers(f"{url}/roll/6")


@pytest.mark.proves("3.1 casino serve runs from a wheel in an empty environment")
def test_a_wheel_serves_from_an_empty_environment(checkout, tmp_path):
    environment = {"HOME": str(tmp_path), "PATH": PATH, "RUNTIME_DIRECTORY": str(tmp_path / "run")}
    python = tmp_path / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=60)
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, checkout], check=True, timeout=120, env=environment
    )
    [wheel] = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", wheel], check=True, timeout=200, env=environment)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        public, control = one.getsockname()[1], other.getsockname()[1]
    (tmp_path / "casino.yaml").write_text(SPEC.format(public=public, control=control))
    output = tmp_path / "output"
    with running([str(python.parent / "casino"), "serve", "casino.yaml"], tmp_path, output, environment) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{control}/ready"), process, output, 30)
        assert httpx.get(f"http://127.0.0.1:{public}/hello").text == "hello"
        process.terminate()
        assert process.wait(timeout=20) == 0
    paths = [json.loads(line)["url.path"] for line in output.read_text().splitlines() if '"/hello"' in line]
    assert paths == ["/hello"]
