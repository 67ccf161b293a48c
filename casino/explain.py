"""What the gateway would do with one request: the same decisions as the data plane's, made without sending anything."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from casino.edges import Edges
from gateway.core import host, target
from gateway.core.address import Trust, read_address
from gateway.core.conditions import Condition
from gateway.core.cors import asked_method
from gateway.core.explain import Considered, demanded, explain
from gateway.core.failure import MEANING, STATUS, Failure, Refused
from gateway.core.forwarded import Hop
from gateway.core.headers import SPECIAL, folded, without_named
from gateway.core.limit import Rule
from gateway.core.path import normalise
from gateway.core.plan import Plan
from gateway.core.request import Header, Request
from gateway.core.route import Found, Miss, Router
from gateway.spec.address import parse_address, parse_target
from gateway.spec.model import Spec
from gateway.spec.reserved import CLAIMS
from gateway.spec.scalars import write
from gateway.spec.told import told
from gateway.spec.units import Kind

CLIENT = "127.0.0.1"
"""Where the imagined request comes from, unless something else is said."""

_WHOM = {
    "all": "all callers together",
    "address": "each client address",
    "consumer": "each consumer, or address where none is known",
}


class BadRequestLineError(ValueError):
    """The words given are no request; the argument says what is missing."""


class Question(Struct, frozen=True):
    """A request somebody asks about."""

    method: str
    target: str
    headers: tuple[Header, ...]
    peer: str = CLIENT
    """The address at the other end of its connection."""


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What would happen; fields that do not apply are absent."""

    request: str
    considered: tuple[Considered, ...] = ()
    """Routes with this host and path, in the order in which they are tried."""
    route: str | None = None
    client: str | None = None
    """The client's address, where a list judges it, and what the lists say."""
    failure: Failure | None = None
    status: int | None = None
    """Of the gateway's own answer: static, or a failure."""
    meaning: str | None = None
    allow: tuple[str, ...] = ()
    body: str | None = None
    callers: tuple[str, ...] = ()
    """What callers must show; all of it. Absent: nothing."""
    limits: tuple[str, ...] = ()
    """What it is held to, in the order in which it is asked."""
    arm: str | None = None
    """The version, where it is certain."""
    arm_because: str | None = None
    shares: dict[str, float] = {}
    upstream: str | None = None
    targets: dict[str, tuple[str, ...]] = {}
    """By version, those that take requests at all."""
    sends: tuple[str, ...] = ()
    """The request's head as the upstream sees it, one line each."""
    returns: tuple[str, ...] = ()
    """Header lines that the gateway puts on the answer, for pages and browsers."""


def parse_question(line: str, headers: list[str], peer: str = CLIENT) -> Question:
    """Read `GET /roll/6` (or a target alone), headers as curl takes them, and where it comes from.

    Raises:
        BadRequestLineError: it is none.
    """
    words = line.split()
    if len(words) not in {1, 2} or not words[-1].isascii():
        raise BadRequestLineError(f"`{line}` is no request; write `GET /roll/6`")
    if read_address(peer) is None:
        raise BadRequestLineError(f"`{peer}` is no IP address")
    method, where = ("GET", words[0]) if len(words) == 1 else words
    return Question(method, where, tuple(map(_header, headers)), peer)


def _header(text: str) -> Header:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise BadRequestLineError(f"`{text}` is no header; write `Name: value`")
    return name.strip().lower().encode(), value.strip().encode()


def foretell(spec: Spec, question: Question) -> Outcome:
    """Say what would happen to a request."""
    asked = f"{question.method} {question.target}"
    try:
        request, authority = _request(spec, question)
        router = Router(spec)
        announced = router.find_announced(request)
        considered = tuple(explain(router, _announced(request) if announced else request))
        found = announced or router.find(request)
        edges = Edges(spec, None if isinstance(found, Miss) else found.plan, request)
        if not edges.lets_in:
            outcome = replace(_failed(asked, Failure.ADDRESS_DENIED), route=edges.plan.name if edges.plan else None)
        elif isinstance(found, Miss):
            outcome = _failed(asked, found.failure, considered=considered, allow=found.allow)
        elif announced:
            return _preflight(asked, considered, announced.plan, edges)
        elif found.plan.answer is not None:
            outcome = _answered(asked, considered, found.plan)
        else:
            outcome = _forwarded(asked, considered, found, request, authority=authority, spec=spec, peer=question.peer)
        return replace(outcome, client=edges.client, returns=edges.returns)
    except Refused as refused:
        return _failed(asked, refused.failure)


def _request(spec: Spec, question: Question) -> tuple[Request, bytes]:
    authority, path, query = target.split(question.target, question.method)
    named = [value for name, value in question.headers if name == b"host"]
    if len(named) > 1:
        raise Refused(Failure.BAD_HOST)
    if authority is None:
        authority = named[0].decode() if named else _own_authority(spec)
    if path != "*":
        path = normalise(path)
    headers = [header for header in question.headers if header[0] != b"host"]
    client = _hop(spec, question.peer).origin(authority.encode(), _claims(headers)).client
    return Request(question.method, host.parse(authority).name, path, query, headers, client), authority.encode()


def _hop(spec: Spec, peer: str) -> Hop:
    """Imagine a connection to the first listener that does more than redirect."""
    listener = next((each for each in spec.listen.public if each.redirect is None), spec.listen.public[0])
    port = parse_address(listener.address).port
    return Hop(peer, scheme="https" if listener.tls else "http", port=port, trust=Trust(spec.listen.trusted))


def _claims(headers: list[Header]) -> list[Header]:
    return [header for header in headers if header[0].decode(errors="replace") in CLAIMS]


def _own_authority(spec: Spec) -> str:
    first = spec.listen.public[0].address
    return "localhost" if parse_address(first).family == "unix" else first


def _failed(asked: str, failure: Failure, **details: tuple[Considered, ...] | tuple[str, ...]) -> Outcome:
    return Outcome(request=asked, failure=failure, status=STATUS[failure], meaning=MEANING[failure], **details)  # type: ignore[arg-type]  # named by the callers above


def _answered(asked: str, considered: tuple[Considered, ...], plan: Plan) -> Outcome:
    answer = plan.answer
    assert answer is not None
    kind = "maintenance" if answer.maintenance else "a fixed answer"
    body = answer.body.decode()
    return Outcome(
        request=asked,
        considered=considered,
        route=plan.name,
        status=answer.status,
        meaning=kind,
        body=body,
        callers=_demanded(plan),
        limits=tuple(map(_limit, plan.limits)),
    )


def _announced(request: Request) -> Request:
    method = asked_method(request) or request.method
    return Request(method, request.host, request.path, request.query, request.headers, request.client)


def _preflight(asked: str, considered: tuple[Considered, ...], plan: Plan, edges: Edges) -> Outcome:
    return Outcome(
        request=asked,
        considered=considered,
        route=plan.name,
        client=edges.client,
        status=204,
        meaning="to the preflight, given by the gateway",
        returns=edges.preflight,
    )


def _forwarded(
    asked: str,
    considered: tuple[Considered, ...],
    found: Found,
    request: Request,
    *,
    authority: bytes,
    spec: Spec,
    peer: str,
) -> Outcome:
    plan = found.plan
    split, upstream = plan.split, plan.upstream
    assert split is not None
    assert upstream is not None
    rule = split.rule(request)
    shares = split.shares()
    certain = split.choose(request, 0.0) if rule is not None or len(shares) == 1 else None
    versions = [certain] if certain else list(shares)
    targets = {
        version: tuple(each.url for each in upstream.versions[version].targets if each.weight) for version in versions
    }
    urls = [url for version in versions for url in targets[version]]
    return Outcome(
        request=asked,
        considered=considered,
        route=plan.name,
        callers=_demanded(plan),
        limits=tuple(map(_limit, plan.limits)),
        arm=certain,
        arm_because=_because(rule, certain),
        shares={} if certain else {version: round(share, 6) for version, share in shares.items()},
        upstream=plan.upstream_name,
        targets=targets,
        sends=tuple(_sent(plan, found, request, authority=authority, spec=spec, urls=urls, peer=peer)),
    )


def _demanded(plan: Plan) -> tuple[str, ...]:
    return () if plan.route.identity is None else tuple(demanded(plan.route.identity))


def _limit(rule: Rule) -> str:
    limit = rule.limit
    if limit.rate_per_second is not None:
        number = f"{write(Kind.RATE, limit.rate_per_second)}, up to {rule.size} at once"
    elif limit.concurrent is not None:
        number = f"{limit.concurrent} under way"
    else:
        number = f"{limit.quota} in a {limit.period} (UTC)"
    return f"{rule.name}: {number}, for {_WHOM[limit.by]}"


def _because(rule: tuple[Condition, ...] | None, certain: str | None) -> str:
    if rule is not None:
        return " and ".join(condition.text for condition in rule)
    return "it takes all of it" if certain else "by weight"


def _sent(
    plan: Plan, found: Found, request: Request, *, authority: bytes, spec: Spec, urls: list[str], peer: str
) -> Iterator[str]:
    yield f"{request.method} {plan.rewrite.target(request, found.fields).decode()} HTTP/1.1"
    upstream = plan.upstream
    assert upstream is not None
    host_line = plan.rewrite.host or authority
    if plan.rewrite.host is None and upstream.host == "target" and urls:
        host_line = parse_target(urls[0]).authority.encode()
    yield f"host: {host_line.decode()}"
    connection = b",".join(value for name, value in request.headers if name == b"connection")
    never = SPECIAL.union([name.encode() for name in told(spec)])
    passed = [(name, value) for name, value in without_named(request.headers, connection) if folded(name) not in never]
    if plan.gate is not None:
        passed = plan.gate.screened(passed, _scheme(request))
    for name, value in plan.request_headers.apply(passed):
        yield f"{name.decode()}: {value.decode(errors='replace')}"
    if plan.gate is not None:
        yield f"{spec.identity.consumer_header.lower()}: (who calls)"
    yield from _hop(spec, peer).origin(authority, _claims(request.headers)).lines.decode().splitlines()
    yield "x-request-id: (new for each request)"
    yield "traceparent: (new for each request)"


def _scheme(request: Request) -> bytes | None:
    value = request.header("authorization")
    return None if value is None else value.partition(" ")[0].lower().encode()


def in_words(outcome: Outcome) -> str:
    """Return an outcome as lines for people."""
    return "\n".join(f"{label:<10} {text}".rstrip() for label, text in _lines(outcome))


def _lines(outcome: Outcome) -> Iterator[tuple[str, str]]:
    yield "request", outcome.request
    for label, considered in zip(_labels("routes"), outcome.considered, strict=False):
        yield label, f"{considered.route}: {considered.match} ({considered.verdict})"
    if outcome.route is not None:
        yield "route", outcome.route
    if outcome.client is not None:
        yield "client", outcome.client
    if outcome.status is not None:
        name = f" {outcome.failure}" if outcome.failure else ""
        yield "answer", f"{outcome.status}{name}: {outcome.meaning}"
    if outcome.allow:
        yield "allow", ", ".join(outcome.allow)
    if outcome.body:
        yield "body", outcome.body
    if outcome.upstream is not None:
        yield "upstream", outcome.upstream
        yield "version", _version(outcome)
        for version, urls in outcome.targets.items():
            yield "targets", f"{version}: {', '.join(urls) or 'none with a weight'}"
    parts = {
        "callers": outcome.callers,
        "limits": outcome.limits,
        "sends": outcome.sends,
        "returns": outcome.returns,
    }
    for first, lines in parts.items():
        yield from zip(_labels(first), lines, strict=False)


def _labels(first: str) -> Iterator[str]:
    yield first
    while True:
        yield ""


def _version(outcome: Outcome) -> str:
    if outcome.arm is not None:
        return f"{outcome.arm}, because {outcome.arm_because}"
    return ", ".join(f"{version} {write(Kind.SHARE, share)}" for version, share in outcome.shares.items())
