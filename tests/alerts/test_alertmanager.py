"""Every alert is routed to whom it belongs; what inhibits has what it compares; the servers take their configuration."""

import re
import shutil
import subprocess

import pytest
import trustme
import yaml
from msgspec.structs import replace

from alerts import alertmanager, operator, prometheus
from alerts.lint.bundle import inhibitions
from alerts.lint.judge import Surroundings, lint
from alerts.render import every_alert, render
from alerts.rule import Severity
from alerts.text import labels
from gateway.spec.access import Token
from gateway.spec.bridge import BridgeTls, Callers, Peer
from gateway.spec.load import load
from gateway.spec.secret import Secret
from tests.checkout import ROOT

EXAMPLE = load(ROOT / "examples" / "casino.yaml").spec
SPEC = """
casino: 1
teams: {games: {contact: x}, shop: {contact: y}}
alerts:
  team: games
  mute:
    nights: {times: ["20:00-07:00"], location: Europe/Berlin}
    weekend: {days: ["saturday:sunday"], teams: [shop], severities: [warning, critical]}
"""


@pytest.fixture
def config(tmp_path):
    if not shutil.which("amtool"):
        pytest.skip("amtool is not installed (Debian: prometheus-alertmanager)")

    def write(spec):
        path = tmp_path / "alertmanager.yml"
        path.write_text(alertmanager.render(spec)[alertmanager.PATH])
        return path

    return write


def amtool(*words: str) -> str:
    done = subprocess.run(["amtool", *words], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def muted(tmp_path):
    path = tmp_path / "casino.yaml"
    path.write_text(SPEC)
    return load(path).spec


def test_alertmanager_takes_it(config, muted, whole):
    for spec in (EXAMPLE, muted, whole):
        assert "SUCCESS" in amtool("check-config", str(config(spec)))


def test_every_alert_goes_where_its_severity_says(config, whole):
    path = config(whole)
    ways = {Severity.NONE: "heartbeat", Severity.INFO: "nobody"}
    seen = {(alert.severity, alert.team): alert for alert in every_alert(whole)}
    for (severity, _), alert in seen.items():
        words = [f"{name}={value}" for name, value in {"alertname": alert.name, **labels(alert)}.items()]
        assert amtool("config", "routes", "test", f"--config.file={path}", *words).strip() == ways.get(
            severity, "bridge"
        )


def test_an_alert_of_an_unknown_team_still_reaches_the_bridge(config):
    words = ("severity=critical", "team=strangers")
    assert amtool("config", "routes", "test", f"--config.file={config(EXAMPLE)}", *words).strip() == "bridge"


def test_no_tier_of_an_objective_waits_for_the_group_of_another(whole):
    """What joins a group that was told of waits for group_interval, and a slow page may come before the fast one."""
    together = {*alertmanager.configuration(whole)["route"]["group_by"]}
    labels_of_tiers = {name for alert in every_alert(whole) for name in alert.labels}
    assert labels_of_tiers
    assert labels_of_tiers <= together


def test_a_list_of_alerts_is_never_cut():
    hooks = [
        hook for each in alertmanager.configuration(EXAMPLE)["receivers"] for hook in each.get("webhook_configs", [])
    ]
    assert [hook["max_alerts"] for hook in hooks] == [0, 0]
    assert [hook["send_resolved"] for hook in hooks] == [True, False]


def test_only_tickets_are_inhibited():
    for rule in alertmanager.configuration(EXAMPLE)["inhibit_rules"]:
        assert 'severity="warning"' in rule["target_matchers"]


def test_what_is_inhibited_has_the_labels_that_are_compared(whole):
    for spec in (EXAMPLE, whole):
        where = Surroundings(inhibits=inhibitions(alertmanager.configuration(spec)))
        assert len(where.inhibits) > 4
        assert lint(render(spec), where) == []


def test_names_in_inhibition_are_names_of_alerts(whole):
    names = {alert.name for alert in every_alert(whole)}
    for rule in alertmanager.configuration(whole)["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            if matcher.startswith("alertname"):
                words = alternatives(matcher.split('"')[1])
                assert words <= names


def alternatives(pattern: str) -> set[str]:
    """Write out `A|B(C|D)`."""
    whole = re.sub(r"(\w+)\(([\w|]+)\)", lambda m: "|".join(m[1] + each for each in m[2].split("|")), pattern)
    return set(whole.split("|"))


def test_mute_times_hold_for_whom_they_are_meant(muted):
    routes = alertmanager.configuration(muted)["route"]["routes"]
    told = {
        (team["matchers"][0], route["matchers"][0]): route.get("mute_time_intervals", [])
        for team in routes if "routes" in team
        for route in team["routes"]
    }  # fmt: skip
    assert told == {
        ('team="games"', 'severity="critical"'): [],
        ('team="games"', 'severity="warning"'): ["nights"],
        ('team="shop"', 'severity="critical"'): ["weekend"],
        ('team="shop"', 'severity="warning"'): ["nights", "weekend"],
    }


def test_prometheus_takes_its_configuration_and_finds_its_rules(promtool):
    promtool({**render(EXAMPLE), **prometheus.render(EXAMPLE)}, "check", "config", prometheus.PATH)


def test_the_operator_gets_the_same_rules():
    rules = render(EXAMPLE)
    files = operator.render(rules, EXAMPLE)
    for path, text in rules.items():
        document = yaml.safe_load(files[f"operator/rules/{path.rpartition('/')[2]}"])
        assert document["spec"] == yaml.safe_load(text)
        assert document["kind"] == "PrometheusRule"
    for name, job in (("servicemonitor", "casino"), ("servicemonitor-bridge", "bridge")):
        monitor = yaml.safe_load(files[f"operator/{name}.yaml"])
        assert monitor["spec"]["selector"]["matchLabels"][monitor["spec"]["jobLabel"]] == job


@pytest.mark.parametrize("render", [alertmanager.render, prometheus.render])
def test_the_example_gives_this_configuration(golden, render):
    for path, text in render(EXAMPLE).items():
        assert golden(f"alerts/{path}", text) == text


def test_days_and_nights_are_written_as_alertmanager_reads_them(muted):
    nights, weekend = (each["time_intervals"][0] for each in alertmanager.configuration(muted)["time_intervals"])
    assert nights["times"] == [
        {"start_time": "20:00", "end_time": "24:00"}, {"start_time": "00:00", "end_time": "07:00"},
    ]  # fmt: skip
    assert nights["location"] == "Europe/Berlin"
    assert weekend["weekdays"] == ["saturday", "sunday"]


def with_control(address: str, **tokens: Token):
    listen = replace(EXAMPLE.listen, control=address)
    return replace(EXAMPLE, listen=listen, control=replace(EXAMPLE.control, tokens=tokens))


READS = Token(token=Secret(file="/run/secrets/reads"))
OPERATES = Token(token=Secret(file="/run/secrets/operates"), role="operate")
VARIABLE = Token(token=Secret(env="CONTROL_TOKEN"))


@pytest.mark.parametrize(
    ("spec", "target", "file"),
    [
        pytest.param(EXAMPLE, "127.0.0.1:9080", None, id="on loopback nobody is asked"),
        pytest.param(with_control("127.0.0.1:9080", a=READS), "127.0.0.1:9080", None, id="on loopback, though there are tokens"),
        pytest.param(with_control("10.0.0.5:9080", a=READS), "10.0.0.5:9080", "/run/secrets/reads", id="elsewhere"),
        pytest.param(with_control("10.0.0.5:9080", a=OPERATES, b=READS), "10.0.0.5:9080", "/run/secrets/reads", id="who may only read"),
        pytest.param(with_control("10.0.0.5:9080", a=VARIABLE, prometheus=READS), "10.0.0.5:9080", "/run/secrets/reads", id="its own name"),
        pytest.param(with_control("10.0.0.5:9080", a=OPERATES), "10.0.0.5:9080", "/run/secrets/operates", id="there is no other"),
        pytest.param(with_control("0.0.0.0:9080", a=VARIABLE), "127.0.0.1:9080", "casino-token", id="a variable; every address"),
        pytest.param(with_control("[::]:9080", a=READS), "[::1]:9080", "/run/secrets/reads", id="every address of IPv6"),
        pytest.param(with_control("unix:/run/casino.sock"), None, None, id="a socket that Prometheus cannot reach"),
    ],
)  # fmt: skip
def test_control_is_scraped_with_its_token(spec, target, file):
    job = jobs(spec)["casino"]
    assert job["static_configs"] == [{"targets": [target] if target else []}]
    assert job.get("authorization") == ({"credentials_file": file} if file else None)
    (endpoint,) = yaml.safe_load(operator.render({}, spec)["operator/servicemonitor.yaml"])["spec"]["endpoints"]
    assert ("authorization" in endpoint) is (file is not None)


def test_prometheus_takes_a_token_from_a_file(promtool):
    spec = with_control("10.0.0.5:9080", a=VARIABLE)
    files = {**render(spec), **prometheus.render(spec), "prometheus/casino-token": "x" * 32}
    promtool(files, "check", "config", prometheus.PATH)


def jobs(spec) -> dict[str, dict]:
    config = yaml.safe_load(prometheus.render(spec)[prometheus.PATH])
    return {job["job_name"]: job for job in config["scrape_configs"]}


def test_both_bridges_of_a_pair_are_told_and_scraped(whole):
    hooks = [each["url"] for each in alertmanager.configuration(whole)["receivers"][0]["webhook_configs"]]
    assert hooks == ["http://127.0.0.1:9082/alertmanager", "http://10.0.0.2:9082/alertmanager"]
    assert jobs(whole)["bridge"]["static_configs"] == [{"targets": ["127.0.0.1:9082", "10.0.0.2:9082"]}]


def test_a_bridge_behind_tls_is_scraped_so():
    spec = replace(EXAMPLE, bridge=replace(EXAMPLE.bridge, url="https://bridge.example"))
    (targets,) = jobs(spec)["bridge"]["static_configs"]
    assert targets == {"targets": ["bridge.example:443"], "labels": {"__scheme__": "https"}}


def with_bridge(**changes):
    return replace(EXAMPLE, bridge=replace(EXAMPLE.bridge, **changes))


FILE, NAMED = Secret(file="/run/secrets/first"), Secret(file="/run/secrets/alertmanager")
VARIABLE_OF_BRIDGE = Secret(env="BRIDGE_TOKEN")
TLS = BridgeTls(certificate="/c", key="/k", clients="/clients.pem")
CALLERS = Callers(ca="/ca.pem", certificate="/am.pem", key="/am.key")
OVER_TLS = {"ca_file": "/ca.pem", "cert_file": "/am.pem", "key_file": "/am.key"}
PEER = Peer(url="https://10.0.0.2:9082", token=Secret(env="PEER_TOKEN"), ca="/peer-ca.pem")


@pytest.mark.parametrize(
    ("spec", "http"),
    [
        pytest.param(with_bridge(), None, id="nobody is asked"),
        pytest.param(with_bridge(tokens={"a": FILE, "b": NAMED}), {"authorization": {"credentials_file": FILE.file}}, id="the first token"),
        pytest.param(with_bridge(tokens={"a": FILE, "alertmanager": NAMED}), {"authorization": {"credentials_file": NAMED.file}}, id="its own"),
        pytest.param(with_bridge(tokens={"a": VARIABLE_OF_BRIDGE}), {"authorization": {"credentials_file": "casino-bridge-token"}}, id="a variable"),
        pytest.param(with_bridge(tls=TLS), None, id="over TLS, with the system's authorities"),
        pytest.param(with_bridge(tls=TLS, callers=Callers(ca="/ca.pem")), {"tls_config": {"ca_file": "/ca.pem"}}, id="an authority of its own"),
        pytest.param(with_bridge(tls=TLS, callers=Callers(certificate="/both.pem")), {"tls_config": {"cert_file": "/both.pem", "key_file": "/both.pem"}}, id="a certificate with its key"),
        pytest.param(with_bridge(tls=TLS, callers=CALLERS, tokens={"a": FILE}), {"authorization": {"credentials_file": FILE.file}, "tls_config": OVER_TLS}, id="everything"),
    ],
)  # fmt: skip
def test_alertmanager_shows_the_bridge_what_it_asks_for(config, spec, http):
    for receiver in alertmanager.configuration(spec)["receivers"][:2]:
        assert [hook.get("http_config") for hook in receiver["webhook_configs"]] == [http]
    assert jobs(spec)["bridge"].get("tls_config") == (http or {}).get("tls_config")
    assert "authorization" not in jobs(spec)["bridge"]
    amtool("check-config", str(config(spec)))


def test_a_peer_is_shown_its_own_token_and_judged_by_its_own_authority(config, promtool, tmp_path):
    spec = with_bridge(tls=TLS, callers=CALLERS, tokens={"a": FILE}, peer=PEER)
    hooks = alertmanager.configuration(spec)["receivers"][0]["webhook_configs"]
    theirs = OVER_TLS | {"ca_file": "/peer-ca.pem"}
    assert [hook["http_config"]["tls_config"] for hook in hooks] == [OVER_TLS, theirs]
    assert [hook["http_config"]["authorization"]["credentials_file"] for hook in hooks] == [
        FILE.file,
        "casino-peer-token",
    ]
    amtool("check-config", str(config(spec)))
    own, peer = jobs(spec)["bridge"], jobs(spec)["bridge-peer"]
    assert (own["tls_config"], peer["tls_config"]) == (OVER_TLS, theirs)
    assert own["static_configs"] == [{"targets": ["127.0.0.1:9082"], "labels": {"__scheme__": "https"}}]
    assert peer["static_configs"] == [
        {"targets": ["10.0.0.2:9082"], "labels": {"__scheme__": "https", "job": "bridge"}}
    ]


def test_prometheus_takes_the_certificates_of_a_bridge_and_its_peer(promtool, tmp_path):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    ca.issue_cert("callers.example").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "am.pem"))
    callers = Callers(ca=str(tmp_path / "ca.pem"), certificate=str(tmp_path / "am.pem"))
    spec = with_bridge(tls=TLS, callers=callers, peer=replace(PEER, ca=None))
    assert "bridge-peer" in jobs(spec)
    promtool({**render(spec), **prometheus.render(spec)}, "check", "config", prometheus.PATH)


def test_the_operator_scrapes_a_bridge_over_tls_with_what_a_secret_holds():
    spec = with_bridge(tls=TLS, callers=CALLERS, url="https://bridge.example:9082")
    (endpoint,) = yaml.safe_load(operator.render({}, spec)["operator/servicemonitor-bridge.yaml"])["spec"]["endpoints"]
    held = {
        "ca": {"secret": {"name": "casino-bridge", "key": "ca.crt"}},
        "cert": {"secret": {"name": "casino-bridge", "key": "tls.crt"}},
    }
    key = {"name": "casino-bridge", "key": "tls.key"}
    assert endpoint["scheme"] == "https"
    assert endpoint["tlsConfig"] == {"serverName": "bridge.example", "keySecret": key, **held}
