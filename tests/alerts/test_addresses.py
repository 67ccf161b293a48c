"""Who is told where whom is: each address stands in the spec once, and leads wherever it is needed."""

import pytest
import yaml

from alerts import alertmanager, prometheus
from alerts.doors import doors
from gateway.spec.load import load


@pytest.fixture
def spec_with(tmp_path):
    def write(text: str):
        path = tmp_path / "casino.yaml"
        path.write_text(f"casino: 1\n{text}\n")
        return load(path).spec

    return write


@pytest.mark.parametrize(
    ("bridge", "urls"),
    [
        pytest.param("{}", ("http://127.0.0.1:9082",), id="as it listens"),
        pytest.param('{listen: "[::1]:9000"}', ("http://[::1]:9000",), id="over IPv6"),
        pytest.param("{tls: {certificate: c, key: k}}", ("https://127.0.0.1:9082",), id="over TLS"),
        pytest.param(
            '{listen: "0.0.0.0:9082", url: "https://bridge.example", tokens: {am: {env: T}}}',
            ("https://bridge.example",),
            id="as it says",
        ),
        pytest.param(
            '{peer: {url: "http://10.0.0.9:9082"}}', ("http://127.0.0.1:9082", "http://10.0.0.9:9082"), id="a pair"
        ),
    ],
)
def test_alertmanager_tells_every_bridge(spec_with, bridge, urls):
    spec = spec_with(f"bridge: {bridge}")
    assert tuple(door.url for door in doors(spec)) == urls
    for receiver in alertmanager.configuration(spec)["receivers"][:2]:
        assert [hook["url"] for hook in receiver["webhook_configs"]] == [f"{url}/alertmanager" for url in urls]


def test_prometheus_scrapes_and_tells_those_the_spec_names(spec_with, promtool):
    spec = spec_with(
        'alerts: {prometheus: "http://p:9090", alertmanagers: ["http://a:9093", "https://b/am", "http://c:9093"]}'
    )
    text = prometheus.render(spec)[prometheus.PATH]
    config = yaml.safe_load(text)
    jobs = {job["job_name"]: job["static_configs"] for job in config["scrape_configs"]}
    plain, other = {"targets": ["a:9093", "c:9093"]}, {"targets": ["b:443"]}
    assert jobs == {
        "casino": [{"targets": ["127.0.0.1:9080"]}],
        "prometheus": [{"targets": ["p:9090"]}],
        "alertmanager": [plain, other | {"labels": {"__scheme__": "https", "__metrics_path__": "/am/metrics"}}],
        "bridge": [{"targets": ["127.0.0.1:9082"]}],
    }
    assert config["alerting"]["alertmanagers"] == [
        {"static_configs": [plain]}, {"scheme": "https", "path_prefix": "/am", "static_configs": [other]},
    ]  # fmt: skip
    (rules,) = config["rule_files"]
    promtool(
        {prometheus.PATH: text, f"prometheus/{rules.replace('*', 'none')}": "groups: []\n"},
        "check",
        "config",
        prometheus.PATH,
    )
