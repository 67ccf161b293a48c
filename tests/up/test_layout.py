import re
import socket
from contextlib import closing

import pytest

from casino.claims import Claims
from casino.layout import KERNELS, LOWEST_PORT, Layout, PortlessError, SeatError, arrange, unclaimed
from gateway.spec.load import load


@pytest.fixture
def taken():
    """A port somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


also_taken = taken


@pytest.fixture
def free():
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    return f"http://127.0.0.1:{number}"


@pytest.fixture
def claims():
    with Claims() as made:
        yield made


@pytest.fixture
def arranged(tmp_path, claims):
    layouts: list[Layout] = []

    def lay_out(text: str, *, free_ports: bool = False, seats: bool = True) -> Layout:
        file = tmp_path / "casino.yaml"
        file.write_text(text)
        layouts.append(arrange(load(file).spec, claims, free_ports=free_ports, seats=seats))
        return layouts[-1]

    yield lay_out
    for layout in layouts:
        for seat in layout.seats:
            seat.listener.close()


def spec(*, public: str, control: str, dice: str) -> str:
    return f"""
casino: 1
listen: {{public: [{public}], control: "{control}"}}
upstreams:
  dice: {{versions: {{v1: [{dice}]}}}}
  elsewhere: {{versions: {{v1: ["http://192.0.2.7:80"]}}}}
routes:
  roll: {{match: "GET /roll/{{sides}}", to: dice}}
  other: {{match: /other, to: elsewhere}}
"""


def test_a_free_port_is_used_as_the_spec_says(arranged, free):
    layout = arranged(spec(public='"127.0.0.1:0"', control="[::1]:0", dice=f'"{free}"'))
    assert [(seat.game, seat.version, seat.url) for seat in layout.seats] == [("dice", "v1", free)]
    assert free not in layout.moved


def test_a_taken_port_is_replaced_wherever_the_spec_names_it(arranged, taken, also_taken):
    layout = arranged(
        spec(public=f'"127.0.0.1:{taken}"', control=f"127.0.0.1:{also_taken}", dice=f'"http://127.0.0.1:{taken}"')
    )
    [target] = layout.spec.upstreams["dice"].versions["v1"].targets
    assert target.url == layout.seats[0].url != f"http://127.0.0.1:{taken}"
    assert layout.spec.listen.public[0].address == layout.moved[f"127.0.0.1:{taken}"] != f"127.0.0.1:{taken}"
    assert layout.spec.listen.control == layout.moved[f"127.0.0.1:{also_taken}"] != f"127.0.0.1:{also_taken}"


def test_a_game_at_an_address_this_machine_lacks_is_named(arranged):
    url = "http://[::1%nosuch]:7001"
    with pytest.raises(SeatError, match=re.escape(url)):
        arranged(spec(public='"127.0.0.1:0"', control="[::1]:0", dice=f'"{url}"'))


def test_a_game_can_be_reached_as_soon_as_it_has_its_seat(arranged, taken):
    layout = arranged(spec(public='"127.0.0.1:0"', control="127.0.0.1:0", dice=f'"http://127.0.0.1:{taken}"'))
    port = int(layout.seats[0].url.rpartition(":")[2])
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connected:
        assert connected.getpeername()[1] == port != taken


def test_an_address_this_machine_lacks_is_left_out(arranged):
    layout = arranged(
        spec(public='"127.0.0.1:0", "192.0.2.1:8080"', control="127.0.0.1:0", dice='"http://127.0.0.1:1"'),
        free_ports=True,
    )
    assert layout.moved["192.0.2.1:8080"] is None
    assert len(layout.spec.listen.public) == 1


def test_a_service_that_is_no_game_stays_where_it_is(arranged):
    layout = arranged(spec(public='"127.0.0.1:0"', control="127.0.0.1:0", dice='"http://127.0.0.1:1"'), free_ports=True)
    assert [seat.game for seat in layout.seats] == ["dice"]
    assert layout.spec.upstreams["elsewhere"].versions["v1"].targets[0].url == "http://192.0.2.7:80"


@pytest.mark.parametrize(
    ("public", "control"),
    [
        pytest.param('"127.0.0.1:0"', "unix:/run/casino.sock", id="control is a file"),
        pytest.param('"unix:/run/casino.sock"', "127.0.0.1:0", id="public is a file"),
        pytest.param('"192.0.2.1:80"', "127.0.0.1:0", id="no public address is here"),
    ],
)
def test_a_gateway_nobody_could_look_at_is_refused(arranged, public, control):
    with pytest.raises(PortlessError):
        arranged(spec(public=public, control=control, dice='"http://192.0.2.7:80"'))


def test_games_that_are_not_wanted_take_no_port(arranged, free):
    with closing(socket.create_server(("127.0.0.1", int(free.rpartition(":")[2])))):
        layout = arranged(spec(public='"127.0.0.1:0"', control="127.0.0.1:0", dice=f'"{free}"'), seats=False)
    assert layout.seats == ()
    assert free not in layout.moved


def test_a_server_that_is_handed_no_socket_gets_the_port_it_wants(free, claims):
    port = int(free.rpartition(":")[2])
    assert unclaimed("127.0.0.1", port, claims) == port


def test_a_port_chosen_instead_is_one_that_no_caller_is_given(taken, claims):
    assert LOWEST_PORT <= unclaimed("127.0.0.1", taken, claims) < int(KERNELS.read_text().split()[0])
    assert LOWEST_PORT <= unclaimed("127.0.0.1", 0, claims) < int(KERNELS.read_text().split()[0])


def test_no_port_is_found_where_the_machine_is_not(claims):
    with pytest.raises(OSError, match="assign"):
        unclaimed("192.0.2.1", 9090, claims)


def test_a_port_that_another_stack_has_chosen_is_left_to_it_before_anything_listens(free, claims):
    port = int(free.rpartition(":")[2])
    with Claims() as others:
        assert unclaimed("127.0.0.1", port, others) == port
        assert unclaimed("::1", port, claims) != port
    assert unclaimed("127.0.0.1", port, claims) == port


def test_one_stack_may_have_a_port_on_two_addresses(free, claims):
    port = int(free.rpartition(":")[2])
    assert (unclaimed("127.0.0.1", port, claims), unclaimed("::1", port, claims)) == (port, port)
