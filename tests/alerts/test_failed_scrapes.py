"""A scrape that fails leaves a gauge out for a moment: an alert that waits for an hour must not begin to wait anew."""

import pytest
import yaml

from alerts.render import render
from gateway.spec.load import load
from tests.checkout import ROOT

DAY = 86_400
CERTIFICATE = (
    'gateway_certificate_expiry_timestamp_seconds{job="casino",instance="a:9080",certificate="/c.pem",worker="1"}'
)
CONFIG = 'gateway_config_info{job="casino",instance="a:9080",worker="%s",hash="%s"}'

CASES = [
    pytest.param("GatewayCertificateEnds", {CERTIFICATE: 10 * DAY}, 60, id="an hour"),
    pytest.param("GatewayCertificateEndsSoon", {CERTIFICATE: DAY}, 5, id="five minutes"),
    pytest.param("GatewayConfigDrift", {CONFIG % ("1", "x"): 1, CONFIG % ("2", "y"): 1}, 20, id="twenty minutes"),
]


@pytest.mark.parametrize(("alert", "series", "wait_minutes"), CASES)
def test_a_failed_scrape_does_not_begin_the_wait_anew(promtool, alert, series, wait_minutes):
    spec = load(ROOT / "examples" / "casino.yaml", None).spec
    rules = render(spec)["prometheus/rules/gateway.yaml"]
    before = 4 * wait_minutes - 5
    values = {name: f"{value}x{before} stale {value}x20" for name, value in series.items()}
    test = {
        "rule_files": ["gateway.yaml"],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": name, "values": text} for name, text in values.items()],
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                        "eval_time": f"{wait_minutes + 1}m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                ],
            }
        ],
    }
    said = promtool({"gateway.yaml": rules, "test.yaml": yaml.safe_dump(test)}, "test", "rules", "test.yaml")
    assert "SUCCESS" in said
