import os
import socket
import stat
import subprocess
import sys
from functools import partial

import pytest

from gateway.serve.listeners import ListenError, Offer, bound_to, inherited, listen, open_all, unlink
from gateway.spec.listen import Listen, Listener
from tests.serve.running import PROGRAM, ROOT, ask
from tests.waiting import until


def opened(address, offers=(), mode=0o666):
    return listen(address, backlog=16, mode=mode, offers=offers)


def test_ipv4_and_ipv6_wildcards_stand_side_by_side():
    with opened("0.0.0.0:0") as four:
        port = four.getsockname()[1]
        with opened(f"[::]:{port}") as six:
            for address, listener in (("127.0.0.1", four), ("::1", six)):
                with socket.create_connection((address, port), 5):
                    assert until(partial(accepted, listener))


def accepted(listener):
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_where_a_socket_is_bound_reads_as_in_a_spec(tmp_path):
    with opened("127.0.0.1:0") as four, opened("[::1]:0") as six, opened(f"unix:{tmp_path}/a.sock") as unix:
        assert bound_to(four) == f"127.0.0.1:{four.getsockname()[1]}"
        assert bound_to(six) == f"[::1]:{six.getsockname()[1]}"
        assert bound_to(unix) == f"unix:{tmp_path}/a.sock"


@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_a_unix_socket_gets_its_mode(tmp_path, mode):
    with opened(f"unix:{tmp_path}/a.sock", mode=mode):
        assert stat.S_IMODE((tmp_path / "a.sock").stat().st_mode) == mode


def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(tmp_path):
    address = f"unix:{tmp_path}/a.sock"
    opened(address).close()
    with opened(address), pytest.raises(ListenError, match=r"cannot listen on unix:.*Address already in use"):
        opened(address)


def test_a_file_where_the_socket_should_be_is_left_alone(tmp_path):
    (tmp_path / "a.sock").write_text("precious")
    with pytest.raises(ListenError):
        opened(f"unix:{tmp_path}/a.sock")
    assert (tmp_path / "a.sock").read_text() == "precious"


def test_a_port_in_use_is_named():
    with opened("127.0.0.1:0") as taken, pytest.raises(ListenError, match="Address already in use"):
        opened(bound_to(taken))


def test_a_port_that_becomes_free_in_time_is_taken():
    holder = subprocess.Popen(
        [sys.executable, "-c", "import socket; s=socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with holder:
        port = int(holder.stdout.readline())
        holder.stdin.write("\n")
        holder.stdin.flush()
        with listen(f"127.0.0.1:{port}", backlog=1, mode=0, offers=(), wait_seconds=10) as listener:
            assert listener.getsockname() == ("127.0.0.1", port)


def test_the_file_of_a_unix_socket_is_removed_at_the_end(tmp_path):
    with opened(f"unix:{tmp_path}/a.sock") as listener:
        unlink(listener)
    assert not (tmp_path / "a.sock").exists()


def test_an_offered_socket_is_taken_by_the_name_of_the_spec_or_by_where_it_is_bound():
    with socket.create_server(("127.0.0.1", 0)) as offered:
        assert opened("127.0.0.1:9", [Offer("127.0.0.1:9", offered)]) is offered
        assert opened(bound_to(offered), [Offer("casino.socket", offered)]) is offered


NAMED = """
import os, sys
from gateway.serve.listeners import inherited
os.environ["LISTEN_PID"] = str(os.getpid())
os.dup2(int(sys.argv[1]), 3)
print([offer.address for offer in inherited(os.environ)], "LISTEN_FDNAMES" in os.environ)
"""


def test_an_inherited_socket_may_be_named_by_an_address_of_the_spec():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        named = subprocess.run(
            [sys.executable, "-c", NAMED, str(listener.fileno())],
            env=os.environ | {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "%5B%3A%3A1%5D%3A0"},
            pass_fds=[listener.fileno()], cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert named.stdout == "['[::1]:0'] False\n"


def test_an_offer_nobody_wants_is_closed(tmp_path):
    unwanted = socket.create_server(("127.0.0.1", 0))
    wanted = Listen(public=(Listener(address="127.0.0.1:0"),), control=f"unix:{tmp_path}/c.sock")
    sockets = open_all(wanted, [Offer("casino.socket", unwanted)])
    assert unwanted.fileno() == -1
    for _, each in sockets.named():
        each.close()


def test_one_word_for_two_addresses_chosen_by_the_kernel_means_two_sockets():
    wanted = Listen(public=(Listener(address="127.0.0.1:0"),), control="127.0.0.1:0")
    first = open_all(wanted, [])
    handed_over = [Offer(address, opened) for address, opened in first.named()]
    assert [offer.address for offer in handed_over] == ["127.0.0.1:0"] * 2
    again = open_all(wanted, handed_over)
    assert [opened.fileno() for _, opened in again.named()] == [opened.fileno() for _, opened in first.named()]
    for _, each in again.named():
        each.close()


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="none"),
        pytest.param({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, id="meant for another process"),
        pytest.param({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"}, id="no number"),
    ],
)
def test_sockets_not_meant_for_us_are_not_touched(environ):
    assert inherited(environ) == []
    assert environ == {}


INHERIT = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "casino.socket"}
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def test_a_socket_of_systemd_is_served(gateway):
    """Nobody else could have bound the port: the inherited socket still holds it."""
    with gateway.stderr.open("ab") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", INHERIT, str(gateway.port), PROGRAM, gateway.spec, gateway.run.path],
            stderr=stderr, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    gateway.started.append(process)
    until(lambda: gateway.events("ready") or process.poll() is not None)
    gateway.get()
    assert not gateway.events("listener_unused")


def test_every_kind_of_address_is_served_at_once(gateway):
    path = gateway.place / "public.sock"
    gateway.write_spec(public=f'["127.0.0.1:{gateway.port}", "[::1]:{gateway.port}", "unix:{path}"]')
    gateway.start()
    build = gateway.newest().id
    assert gateway.get()[0] == build
    with socket.create_connection(("::1", gateway.port), 5) as connection:
        assert ask(connection)[0] == build
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        assert ask(connection)[0] == build


def test_a_start_that_cannot_listen_ends_with_one_line_and_leaves_nothing(gateway):
    with socket.create_server(("127.0.0.1", gateway.port)):
        process = gateway.launch()
        assert process.wait(20) == 1
    assert f"cannot listen on 127.0.0.1:{gateway.port}: Address already in use" in gateway.stderr.read_text()
    assert gateway.run.builds() == []
