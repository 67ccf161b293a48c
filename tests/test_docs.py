"""Every command in the documentation works and says what the page says; every link leads somewhere."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("**/*.md"))]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """One `$ ` line of a page, and the output shown below it (`...` stands for anything)."""

    page: str
    line: str
    shown: tuple[str, ...]


def commands() -> Iterator[Command]:
    for page in PAGES:
        for block in CONSOLE.findall(page.read_text()):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, *shown = part.rstrip("\n").split("\n")
                yield Command(str(page.relative_to(ROOT)), line, tuple(shown))


def of_kind(*starts: str) -> list:
    return [
        pytest.param(command, id=f"{command.page}: {command.line}")
        for command in dict.fromkeys(commands())
        if command.line.startswith(starts)
    ]


KINDS = ("make ", "curl ", "casino check", "casino schema", "casino key new", "printf ")


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}


ANY_LINES, ANY_TEXT = "(?:.*\n)*?", "[^\n]*"


def agrees(output: str, shown: tuple[str, ...]) -> bool:
    """Compare line by line; `...` alone stands for any number of lines, within a line for any text."""
    patterns = (
        ANY_LINES if line == "..." else re.escape(line).replace(re.escape("..."), ANY_TEXT) + "\n" for line in shown
    )
    return re.fullmatch("".join(patterns), output.rstrip("\n") + "\n") is not None


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """`casino up` on free ports: what the pages call 8080, 8443, 9080, 7001, 7002 and 7011 is wherever it listens."""
    folder = tmp_path_factory.mktemp("stack")
    places = {"TMPDIR": str(folder), "RUNTIME_DIRECTORY": str(folder / "run")}
    with (folder / "output").open("w+") as output:
        up = subprocess.Popen(
            [sys.executable, "-m", "casino", "up", "--free-ports", "--only", "games,gateway", "examples/casino.yaml"],
            cwd=ROOT, env=environment() | places, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield ports(up, output)
            up.send_signal(signal.SIGINT)
            assert up.wait(timeout=20) == 0
        finally:
            up.kill()
            up.wait()


def ports(up: subprocess.Popen, output) -> dict[str, str]:
    deadline = time.monotonic() + 60
    while True:
        output.seek(0)
        said = output.read()
        if "https:" in said:
            break
        assert up.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    found = {
        word: re.findall(r":(\d+)", re.search(rf"^  {word} +(http://.+)", said, re.MULTILINE)[1])
        for word in ("gateway", "control", "dice v1", "dice v2")
    }
    (public,), (control,), (one, other), (new,) = found.values()
    secure = re.search(r"https://127\.0\.0\.1:(\d+)", said)[1]
    return {"8080": public, "8443": secure, "9080": control, "7001": one, "7002": other, "7011": new}


@pytest.fixture
def tidy(stack):
    """The stack, with every switch off again afterwards."""
    yield stack
    for dice in ("7001", "7002", "7011"):
        httpx.put(f"http://127.0.0.1:{stack[dice]}/switches", json={}).raise_for_status()


@pytest.mark.xdist_group("stack")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", of_kind("curl "))
def test_a_request_is_answered_as_the_page_says(command, tidy):
    line = re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda port: tidy[port[0]], command.line)
    done = subprocess.run(
        ["curl", "--silent", "--verbose", "--fail", "--max-time", "10", *shlex.split(line)[1:]],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert agrees(done.stdout, command.shown), done.stdout


@pytest.mark.parametrize("command", of_kind("casino check", "casino schema", "casino key new", "printf "))
def test_a_command_says_what_the_page_says(command):
    done = subprocess.run(
        command.line, shell=True, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert agrees(done.stdout, command.shown), done.stdout


@pytest.mark.parametrize("command", of_kind("make "))
def test_a_target_of_make_exists(command):
    """What `make up` and the targets do is tested in tests/up; the rest would run these tests again."""
    subprocess.run(
        ["make", "--dry-run", *shlex.split(command.line)[1:]], cwd=ROOT, capture_output=True, timeout=30, check=True
    )


def test_no_command_of_a_page_goes_untested():
    assert [command for command in commands() if not command.line.startswith(KINDS)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    lost = []
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        place, _, anchor = link.partition("#")
        target = (page.parent / place) if place else page
        if not link.startswith(("http://", "https://")) and not (
            target.exists() and (not anchor or anchor in anchors(target))
        ):
            lost.append(link)
    assert lost == []


def anchors(page: Path) -> set[str]:
    """As GitHub makes them: lower case, punctuation gone, spaces to hyphens."""
    headings = HEADING.findall(FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text()
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").glob("**/*.md")} - {"index.md"}
    assert {page for page in pages if f"]({page})" not in index} == set()
