import asyncio
from contextlib import asynccontextmanager

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from gateway.control.resolve import HOSTS_SECONDS, MOST_SECONDS, Directory, Names, NotFoundError
from gateway.control.tasks import Tasks
from gateway.core.judge import Address
from gateway.spec.address import parse_target
from tests.control.conftest import DEADLINE_SECONDS


class Zone(asyncio.DatagramProtocol):
    """A name server; `records` is what it knows, `refuses` makes it answer SERVFAIL, to all or to these questions."""

    def __init__(self, records):
        self.records = dict(records)
        self.refuses = False
        self.asked = 0

    def connection_made(self, transport):
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, peer):
        self.asked += 1
        query = dns.message.from_wire(data)
        question = query.question[0]
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        name = question.name.to_text()
        asked = name, dns.rdatatype.to_text(question.rdtype)
        found = self.records.get(asked)
        if self.refuses is True or (self.refuses and asked in self.refuses):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif found:
            ttl, *values = found
            response.answer.append(dns.rrset.from_text(name, ttl, "IN", question.rdtype, *values))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), peer)


@asynccontextmanager
async def zone(records, hosts):
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Zone(records), ("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], server.port
    try:
        yield server, Names(resolver, hosts)
    finally:
        transport.close()


@pytest.fixture
def hosts(tmp_path):
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n10.9.9.9 listed.example Listed # by hand\nnonsense listed\n::1 localhost\n")
    return file


def find(records, hosts, url):
    async def ask():
        async with zone(records, hosts) as (_, names):
            answer = await names.find(parse_target(url))
            return [(one.host, one.port) for one in answer.addresses], answer.seconds

    return asyncio.run(ask())


BOTH = {("dice.example.", "A"): (30, "10.0.0.2", "10.0.0.1"), ("dice.example.", "AAAA"): (20, "fd00::1")}


@pytest.mark.parametrize(
    ("records", "url", "addresses", "seconds"),
    [
        pytest.param(BOTH, "http://dice.example:81", [("10.0.0.1", 81), ("10.0.0.2", 81), ("fd00::1", 81)], 20, id="A and AAAA"),
        pytest.param({("d.example.", "A"): (30, "10.0.0.1")}, "https://d.example", [("10.0.0.1", 443)], 30, id="A alone"),
        pytest.param({("d.example.", "A"): (0, "10.0.0.1")}, "http://d.example", [("10.0.0.1", 80)], 1, id="least"),
        pytest.param(
            {("d.example.", "A"): (86400, "10.0.0.1")}, "http://d.example", [("10.0.0.1", 80)], MOST_SECONDS, id="most"
        ),
        pytest.param({}, "http://listed.example", [("10.9.9.9", 80)], HOSTS_SECONDS, id="hosts file"),
        pytest.param({}, "http://LISTED", [("10.9.9.9", 80)], HOSTS_SECONDS, id="hosts file, any case"),
        pytest.param({}, "http://localhost:8", [("127.0.0.1", 8), ("::1", 8)], HOSTS_SECONDS, id="localhost"),
        pytest.param({}, "http://a.localhost:8", [("127.0.0.1", 8), ("::1", 8)], HOSTS_SECONDS, id="below localhost"),
        pytest.param({}, "http://[::1]:8", [("::1", 8)], MOST_SECONDS, id="literal"),
        pytest.param({}, "unix:/run/dice.sock", [("/run/dice.sock", 0)], MOST_SECONDS, id="socket"),
    ],
)  # fmt: skip
def test_names_lead_to_all_their_addresses_for_as_long_as_said(hosts, records, url, addresses, seconds):
    assert find(records, hosts, url) == (addresses, seconds)


@pytest.mark.parametrize(
    ("records", "url"),
    [
        pytest.param({}, "http://nowhere.example", id="no such name"),
        pytest.param({("dice.example.", "TXT"): (30, "hello")}, "http://dice.example", id="no address"),
        pytest.param({("_http._tcp.d.example.", "SRV"): (30, "0 0 0 .")}, "srv://_http._tcp.d.example", id="service not offered"),
        pytest.param(
            {("_http._tcp.d.example.", "SRV"): (30, "0 0 80 gone.example.")}, "srv://_http._tcp.d.example", id="host gone"
        ),
    ],
)  # fmt: skip
def test_nothing_found_is_said_as_such(hosts, records, url):
    with pytest.raises(NotFoundError):
        find(records, hosts, url)


def test_services_carry_ports_weights_and_priorities(hosts):
    records = {
        ("_http._tcp.d.example.", "SRV"): (30, "10 60 8001 a.example.", "10 0 8002 b.example.", "20 5 8003 c.example."),
        ("a.example.", "A"): (40, "10.0.0.1", "10.0.0.2"),
        ("b.example.", "A"): (10, "10.0.0.3"),
    }

    async def ask():
        async with zone(records, hosts) as (_, names):
            return await names.find(parse_target("srv://_http._tcp.d.example"))

    answer = asyncio.run(ask())
    assert answer.addresses == (
        Address("10.0.0.1", 8001, 30, 10),
        Address("10.0.0.2", 8001, 30, 10),
        Address("10.0.0.3", 8002, 0.1, 10),
    )
    assert answer.seconds == 10


async def wait_for(holds):
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("trouble", ["servfail", "nxdomain"])
def test_the_last_good_answer_stays_until_there_is_a_new_one(hosts, trouble):
    url, results = "http://dice.example", []
    good = {("dice.example.", "A"): (1, "10.0.0.1")}

    async def follow():
        async with zone(good, hosts) as (server, names):
            tasks = Tasks("resolve", lambda: results.append("fault"))
            directory = Directory(names, tasks, results.append)
            directory.keep([url])
            assert not directory.asked([url])
            await wait_for(lambda: directory.addresses(url))
            server.refuses, server.records = trouble == "servfail", {} if trouble == "nxdomain" else good
            await wait_for(lambda: "failure" in results)
            assert directory.addresses(url) == (Address("10.0.0.1", 80),)
            server.refuses, server.records = False, {("dice.example.", "A"): (1, "10.0.0.2")}
            await wait_for(lambda: directory.addresses(url) == (Address("10.0.0.2", 80),))
            await tasks.stop()

    asyncio.run(follow())
    assert "fault" not in results


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        pytest.param("http://dice.example", ("dice.example.", "A"), id="of one family"),
        pytest.param("srv://_http._tcp.d.example", ("dice.example.", "A"), id="of one host of a service"),
    ],
)
def test_one_question_that_fails_takes_no_address_away(hosts, url, refused):
    records = {
        ("dice.example.", "A"): (1, "10.0.0.1"),
        ("dice.example.", "AAAA"): (1, "fd00::1"),
        ("other.example.", "A"): (1, "10.0.0.2"),
        ("_http._tcp.d.example.", "SRV"): (1, "0 0 80 dice.example.", "0 0 80 other.example."),
    }

    async def follow():
        async with zone(records, hosts) as (server, names):
            tasks, results = Tasks("resolve", lambda: None), []
            directory = Directory(names, tasks, results.append)
            directory.keep([url])
            await wait_for(lambda: directory.addresses(url))
            known, told = directory.addresses(url), len(results)
            server.refuses = {refused}
            await wait_for(lambda: len(results) > told)
            assert (results[-1], directory.addresses(url)) == ("failure", known)
            await tasks.stop()

    asyncio.run(follow())


def test_while_one_family_is_silent_the_other_is_followed(hosts):
    records = {("dice.example.", "A"): (1, "10.0.0.1"), ("dice.example.", "AAAA"): (1, "fd00::1")}
    url = "http://dice.example"

    async def follow():
        async with zone(records, hosts) as (server, names):
            tasks = Tasks("resolve", lambda: None)
            directory = Directory(names, tasks, lambda _: None)

            async def leads_to(*found):
                await wait_for(lambda: directory.addresses(url) == tuple(Address(host, 80) for host in found))

            server.refuses = {("dice.example.", "AAAA")}
            directory.keep([url])
            await leads_to("10.0.0.1")
            server.refuses = False
            await leads_to("10.0.0.1", "fd00::1")
            server.refuses = {("dice.example.", "AAAA")}
            server.records["dice.example.", "A"] = (1, "10.0.0.2")
            await leads_to("10.0.0.2", "fd00::1")
            assert [one.host for one in directory.addresses(url)] == ["10.0.0.2", "fd00::1"]
            await tasks.stop()

    asyncio.run(follow())


def test_targets_no_longer_wanted_are_forgotten_and_not_asked_for(hosts):
    async def follow():
        async with zone(BOTH, hosts) as (_, names):
            tasks = Tasks("resolve", lambda: None)
            directory = Directory(names, tasks, lambda _: None)
            directory.keep(["http://dice.example", "http://127.0.0.1:1"])
            await wait_for(lambda: directory.asked(["http://dice.example", "http://127.0.0.1:1"]))
            directory.keep(["http://127.0.0.1:1"])
            assert directory.addresses("http://dice.example") == ()
            assert directory.addresses("http://127.0.0.1:1") == (Address("127.0.0.1", 1),)
            await tasks.stop()

    asyncio.run(follow())


def test_a_name_without_an_answer_counts_as_asked(hosts):
    async def follow():
        async with zone({}, hosts) as (_, names):
            tasks = Tasks("resolve", lambda: None)
            directory = Directory(names, tasks, lambda _: None)
            directory.keep(["http://nowhere.example"])
            await wait_for(lambda: directory.asked(["http://nowhere.example"]))
            assert directory.addresses("http://nowhere.example") == ()
            await tasks.stop()

    asyncio.run(follow())
