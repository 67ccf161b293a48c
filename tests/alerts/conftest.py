"""Specs small enough to see through, and promtool."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from gateway.spec.bridge import Peer
from gateway.spec.consumer import Issuer
from gateway.spec.limit import Store
from gateway.spec.listen import ListenerTls
from gateway.spec.load import load
from gateway.spec.model import Spec
from tests.alerts.jury import Jury
from tests.proof import FULL

SPEC = """
casino: 1
teams: {{games: {{contact: "#games"}}, platform: {{contact: "#platform"}}}}
alerts: {{team: platform}}
upstreams: {{dice: {{versions: {{v1: ["http://127.0.0.1:7001"]}}}}}}
routes:
  roll: {{match: GET /roll, to: dice, team: games, objectives: {objectives}}}
"""


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[[str], Spec]:
    """Load a spec whose only route has these objectives."""

    def load_with(objectives: str) -> Spec:
        path = tmp_path / "casino.yaml"
        path.write_text(SPEC.format(objectives=objectives))
        return load(path).spec

    return load_with


@pytest.fixture
def whole(spec_of):
    """A spec that has everything there are alerts for."""
    spec = spec_of("{availability: 99%, latency: 99% within 100ms}")
    (listener,) = spec.listen.public
    tls = replace(listener, tls=ListenerTls(certificates=()))
    return replace(
        spec,
        listen=replace(spec.listen, public=(tls,)),
        issuers={"i": Issuer(issuer="i", audiences=(), algorithms=())},
        store=Store(url="redis://r"),
        bridge=replace(spec.bridge, peer=Peer(url="http://10.0.0.2:9082")),
    )


@pytest.fixture
def promtool(tmp_path: Path) -> Callable[..., str]:
    """Run a promtool command in a folder with these files and return what it says; fail with that if it finds fault."""
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian: prometheus)")

    def run(files: dict[str, str], *command: str) -> str:
        for name, text in files.items():
            path = tmp_path / "build" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run(
            ["promtool", *command], cwd=tmp_path / "build", capture_output=True, text=True, check=False, timeout=110
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[:4000]
        return done.stdout + done.stderr

    return run


@pytest.fixture
def judge(promtool: Callable[..., str]) -> Callable[..., bool]:
    """Say whether promtool finds true, of series by name, what expressions must give at which minute."""

    def run(
        rules: dict[str, str],
        series: dict[str, str],
        expected: list[tuple[str, str, list[dict]]],
        *,
        every: str,
        scraped: str = "1m",
    ) -> bool:
        if not FULL:
            asked = [expr for expr, *_ in expected]
            rules = {name: Jury(text).asked_of(asked) for name, text in rules.items()}
        test = {
            "rule_files": list(rules),
            "evaluation_interval": every,
            "group_eval_order": [group["name"] for text in rules.values() for group in yaml.safe_load(text)["groups"]],
            "tests": [
                {
                    "interval": scraped,
                    "input_series": [{"series": name, "values": values} for name, values in series.items()],
                    "promql_expr_test": [
                        {"expr": expr, "eval_time": at, "exp_samples": samples} for expr, at, samples in expected
                    ],
                }
            ],
        }
        return "SUCCESS" in promtool({**rules, "test.yaml": yaml.safe_dump(test)}, "test", "rules", "test.yaml")

    return run
