"""Where what watches the local stack listens, and whom it tells."""

import shutil
import socket
from contextlib import closing

import pytest

from casino.claims import Claims
from casino.supervision import HOST, MissingError, Supervision, supervise
from gateway.spec.bridge import Callers
from gateway.spec.load import load

SPEC = """
casino: 1
teams: {{games: {{contact: x, pages: games}}}}
alerts: {{prometheus: "http://10.0.0.1:{prometheus}", alertmanagers: ["https://am.example:{alertmanager}", "http://am2"]}}
pagerduty: {{keys: {{games: {{env: PD_OF_NOBODY}}, tables: {{file: /nowhere/key}}}}}}
bridge:
  listen: "0.0.0.0:{bridge}"
  url: https://bridge.example
  tls: {{certificate: c, key: k}}
  callers: {{ca: c, certificate: c}}
  tokens: {{am: {{env: T}}}}
  peer: {{url: "http://10.0.0.9:9082"}}
  ping: {{env: P}}
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Programs that are there, under the names that Debian gives them; nothing runs them."""
    for name in ("prometheus", "prometheus-alertmanager"):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.fixture
def supervised(tmp_path, programs):
    made: list[Supervision] = []
    claims = Claims()

    def make(*, free_ports: bool = False, **ports: int) -> Supervision:
        path = tmp_path / "casino.yaml"
        path.write_text(SPEC.format(**{"prometheus": free(), "alertmanager": free(), "bridge": free()} | ports))
        made.append(supervise(load(path).spec, claims, free_ports=free_ports))
        return made[-1]

    yield make
    claims.close()
    for each in made:
        if each.standin:
            each.standin.close()


def free() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


def test_it_listens_on_this_machine_alone_at_the_specs_ports(supervised):
    prometheus, alertmanager, bridge = free(), free(), free()
    spec = supervised(prometheus=prometheus, alertmanager=alertmanager, bridge=bridge).spec
    assert spec.alerts.prometheus == f"http://127.0.0.1:{prometheus}"
    assert spec.alerts.alertmanagers == (f"http://127.0.0.1:{alertmanager}",)
    assert spec.bridge.listen == f"127.0.0.1:{bridge}"


def test_a_taken_port_is_replaced_wherever_it_is_named(supervised):
    with closing(socket.create_server((HOST, 0))) as listener:
        taken = listener.getsockname()[1]
        supervision = supervised(alertmanager=taken)
    (url,) = supervision.spec.alerts.alertmanagers
    assert url != f"http://127.0.0.1:{taken}"
    assert url.removeprefix("http://") in supervision.files["prometheus/prometheus.yml"]
    assert supervision.spec.alerts.alertmanager == url


def test_free_ports_are_none_of_the_specs(supervised):
    wanted = free()
    assert supervised(free_ports=True, prometheus=wanted).spec.alerts.prometheus != f"http://127.0.0.1:{wanted}"


def test_its_door_asks_for_nothing_and_it_tells_no_other_bridge(supervised):
    supervision = supervised()
    bridge = supervision.spec.bridge
    assert (bridge.url, bridge.tls, bridge.tokens, bridge.peer, bridge.ping) == (None, None, {}, None, None)
    assert bridge.callers == Callers()
    assert f"http://{bridge.listen}/alertmanager" in supervision.files["alertmanager/alertmanager.yml"]


def test_a_stand_in_is_paged_where_no_routing_key_is_set(supervised, monkeypatch):
    supervision = supervised()
    assert supervision.standin_url == f"http://127.0.0.1:{supervision.standin.getsockname()[1]}"
    monkeypatch.setenv("PD_OF_NOBODY", "0" * 32)
    real = supervised()
    assert (real.standin, real.standin_url) == (None, None)


def test_what_is_not_installed_is_named_as_debian_does(supervised, programs):
    (programs / "prometheus-alertmanager").rename(programs / "alertmanager")
    assert supervised().alertmanager == str(programs / "alertmanager")
    (programs / "alertmanager").unlink()
    with pytest.raises(MissingError, match=r"^prometheus-alertmanager$"):
        supervised()
    shutil.rmtree(programs)
    programs.mkdir()
    with pytest.raises(MissingError, match=r"^prometheus, prometheus-alertmanager$"):
        supervised()
