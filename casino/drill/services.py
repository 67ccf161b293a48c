"""Faults of services and gateways: on a ground with two gateways, `a` that serves everybody and `b` that most faults hit."""

from collections.abc import Callable, Iterator

from casino.drill.fault import Fault, Ground, Told, Trial
from casino.drill.key import Key
from gateway.spec.model import Spec
from gateway.spec.upstream import Upstream

MINUTE, FIVE = 60.0, 300.0
NOTICED_SECONDS = 5.0
"""Until the gateway's health checks take a dead target out: two checks, two seconds apart."""
RESET_RATIO = 0.6
"""Above the half at which targets are ejected."""
ERRORS_RATIO = 0.3
"""Below the half at which a breaker opens, which would keep calls away."""
ALERTING_SHARE = 0.05


def of_upstream(name: str, upstream: Upstream) -> Iterator[Fault]:
    """Yield what can be broken between the gateway and one game."""

    def fault(what: str, text: str, *trials: Trial) -> Fault:
        return Fault(
            name=f"{name}-{what}", what=text, ground=Ground.SERVICES, touches=(name,), trials=trials, subject=name
        )

    down = _of("GatewayTargetDown", name, effect_seconds=NOTICED_SECONDS, window_seconds=2 * MINUTE)
    yield fault("target-dead", f"one target of {name} is killed", down)
    # A breaker that opens keeps calls away: in a window that is shorter than in production, fewer than ten are left.
    unconnected = _of(
        "GatewayUpstreamConnectFailures", name, effect_seconds=1, window_seconds=FIVE * ALERTING_SHARE,
        clears_seconds=FIVE, told=Told.AFTERWARDS,
    )  # fmt: skip
    gone = _of("GatewayUpstreamDown", name, effect_seconds=NOTICED_SECONDS)
    yield fault("dead", f"all targets of {name} are killed", gone, *(() if upstream.breaker else (unconnected,)))
    yield from _failing(name, upstream, fault)
    saturated = _of(
        "GatewayUpstreamSaturated", name, effect_seconds=2, window_seconds=2.5 * MINUTE, clears_seconds=FIVE
    )
    yield fault("slow", f"{name} takes 0.8 s for each answer, over two connections", saturated)


def _failing(name: str, upstream: Upstream, fault: Callable[..., Fault]) -> Iterator[Fault]:
    window = FIVE * ALERTING_SHARE / ERRORS_RATIO
    failing = _of("GatewayUpstreamFailures", name, effect_seconds=2, window_seconds=window, clears_seconds=FIVE)
    if upstream.breaker is not None:
        opened = _of("GatewayBreakerOpen", name, effect_seconds=5, clears_seconds=FIVE)
        yield fault("errors", f"{name} answers {ERRORS_RATIO:.0%} of calls with 500", failing)
        yield fault("fails", f"{name} answers every call with 500", opened)
        return
    more = []
    if upstream.ejection is not None:
        more.append(_of("GatewayTargetEjected", name, effect_seconds=5, clears_seconds=FIVE))
    if upstream.retry is not None:
        more.append(_of("GatewayRetryStorm", name, effect_seconds=2, window_seconds=FIVE / 2, clears_seconds=FIVE))
    yield fault("resets", f"{name} resets {RESET_RATIO:.0%} of its connections", failing, *more)


def of_gateway(spec: Spec) -> Iterator[Fault]:
    """Yield what can be broken in gateways."""
    yield from _processes(("a", "b", *spec.upstreams))
    yield from _clients()
    yield from _stored(spec)
    yield from _certified(spec)


def _processes(everything: tuple[str, ...]) -> Iterator[Fault]:
    yield _fault("gateways-dead", "every gateway is killed", _of("GatewayDown"), touches=everything)
    yield _fault("gateway-dead", "one of two gateways is killed", _of("GatewayInstanceDown"))
    yield _fault(
        "crash-loop", "a worker is killed as often as it comes back",
        _of("GatewayCrashLoop", effect_seconds=6, clears_seconds=2 * MINUTE),
        _of("GatewayProcessDeaths", effect_seconds=3, clears_seconds=15 * MINUTE, told=Told.AFTERWARDS),
    )  # fmt: skip
    yield _fault(
        "supervisor-stopped", "a worker and the supervisor that would replace it are stopped",
        _of("GatewayProcessSilent", effect_seconds=5, window_seconds=MINUTE),
    )  # fmt: skip
    yield _fault(
        "run-directory-lost", "the run directory is deleted while the spec has a mistake",
        _of("GatewayRunDirectoryLost", effect_seconds=2, clears_seconds=2 * MINUTE),
    )  # fmt: skip
    yield _fault(
        "reload-refused", "a spec with a mistake is put in the place of the good one",
        _of("GatewayReloadFailed", effect_seconds=1, window_seconds=FIVE),
    )  # fmt: skip
    yield _fault(
        "out-of-files", "a worker can open no file while there is a new spec to read",
        _of("GatewayDocumentNotApplied", effect_seconds=2, clears_seconds=15 * MINUTE),
    )  # fmt: skip
    yield _fault(
        "nameless", "targets get names that nobody knows",
        _of("GatewayDnsFailures", effect_seconds=2, clears_seconds=FIVE),
    )  # fmt: skip
    yield _fault(
        "late-loop", "a worker is stopped for a third of a second again and again",
        _of("GatewayLoopLag", effect_seconds=1, window_seconds=MINUTE, clears_seconds=FIVE),
    )  # fmt: skip


def _clients() -> Iterator[Fault]:
    yield _fault(
        "crowd", "as many clients stay as may, and others knock",
        _of("GatewayConnectionsNearLimit", effect_seconds=1, clears_seconds=2 * MINUTE),
        _of("GatewayConnectionsRefused", effect_seconds=2, clears_seconds=FIVE),
        touches=("b/clients",),
    )  # fmt: skip
    yield _fault(
        "log-blocked", "nobody reads the access log any more",
        _of("GatewayLogDropped", effect_seconds=8, clears_seconds=FIVE), touches=("b/log",),
    )  # fmt: skip
    yield _fault(
        "beyond-limit", "one caller asks for twice what its limit allows",
        _of("GatewayLimitsRefuse", effect_seconds=2, window_seconds=MINUTE, clears_seconds=FIVE), touches=("b/limits",),
    )  # fmt: skip
    refused = _of(
        "GatewayIdentityRefusals", effect_seconds=1, window_seconds=FIVE, clears_seconds=2 * FIVE, told=Told.NOBODY
    )
    yield _fault("bad-keys", "callers show keys that nobody has", refused, touches=("b/identity",))


def _fault(name: str, what: str, *trials: Trial, touches: tuple[str, ...] = ("b",)) -> Fault:
    return Fault(name=name, what=what, ground=Ground.SERVICES, touches=touches, trials=trials)


def _of(
    alert: str, upstream: str | None = None, *, effect_seconds: float = 0.0, window_seconds: float = 0.0,
    clears_seconds: float = 0.0, told: Told = Told.ITSELF,
) -> Trial:  # fmt: skip
    return Trial(
        key=Key(alert, (("upstream", upstream),) if upstream else ()), effect_seconds=effect_seconds,
        window_seconds=window_seconds, clears_seconds=clears_seconds, told=told,
    )  # fmt: skip


def _stored(spec: Spec) -> Iterator[Fault]:
    if spec.store is not None and spec.store.url.startswith("sqlite:"):
        yield Fault(
            name="store-locked", what="somebody locks the store's file", ground=Ground.SERVICES, touches=("b/store",),
            trials=(Trial(key=Key("GatewayStoreDown"), effect_seconds=2, window_seconds=2 * MINUTE),),
        )  # fmt: skip


def _certified(spec: Spec) -> Iterator[Fault]:
    if any(listener.tls for listener in spec.listen.public):
        for name, days, alert in (
            ("ends", 10, "GatewayCertificateEnds"),
            ("ends-soon", 1, "GatewayCertificateEndsSoon"),
        ):
            yield Fault(
                name=f"certificate-{name}", what=f"a certificate is replaced by one that ends in {days} days",
                ground=Ground.SERVICES, touches=(f"b/certificate-{name}",),
                trials=(Trial(key=Key(alert), effect_seconds=3),),
            )  # fmt: skip
        yield Fault(
            name="certificate-broken", what="a certificate's file is overwritten with something else",
            ground=Ground.SERVICES, touches=("b/certificate-broken",),
            trials=(Trial(key=Key("GatewayCertificateRefused"), effect_seconds=3, clears_seconds=15 * MINUTE),),
        )  # fmt: skip
        yield Fault(
            name="no-tls", what="the gateways come back without their TLS listener",
            ground=Ground.SERVICES, touches=("a", "b", *spec.upstreams),
            trials=(Trial(key=Key("GatewayCertificateUnknown"), effect_seconds=3),),
        )  # fmt: skip
