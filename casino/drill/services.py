"""Faults of services and gateways: on a ground with two gateways, `a` that serves everybody and `b` that most faults hit."""

from collections.abc import Iterator

from casino.drill.fault import Fault, Ground, Told, Trial
from casino.drill.key import Key
from gateway.spec.model import Spec
from gateway.spec.upstream import Upstream

MINUTE = 60.0
NOTICED_SECONDS = 5.0
"""Until the gateway's health checks take a dead target out: two checks, two seconds apart."""
RESET_RATIO = 0.6
"""Above the half at which targets are ejected."""
ERRORS_RATIO = 0.3
"""Below the half at which a breaker opens, which would keep calls away."""
ALERTING_SHARE = 0.05


def of_upstream(name: str, upstream: Upstream) -> Iterator[Fault]:
    """Yield what can be broken between the gateway and one game."""

    def key(alert: str) -> Key:
        return Key(alert, (("upstream", name),))

    def fault(what: str, text: str, *trials: Trial, touches: tuple[str, ...] = ()) -> Fault:
        touched = (name, *touches)
        return Fault(
            name=f"{name}-{what}", what=text, ground=Ground.SERVICES, touches=touched, trials=trials, subject=name
        )

    yield fault(
        "target-dead", f"one target of {name} is killed",
        Trial(key=key("GatewayTargetDown"), effect_seconds=NOTICED_SECONDS, window_seconds=2 * MINUTE, clears_seconds=0),
    )  # fmt: skip
    unconnected = Trial(
        key=key("GatewayUpstreamConnectFailures"),
        effect_seconds=1,
        window_seconds=5 * MINUTE * ALERTING_SHARE,
        clears_seconds=5 * MINUTE,
        told=Told.AFTERWARDS,
    )
    # A breaker that opens keeps calls away: in a window that is shorter than in production, fewer than ten are left.
    yield fault(
        "dead",
        f"all targets of {name} are killed",
        Trial(key=key("GatewayUpstreamDown"), effect_seconds=NOTICED_SECONDS),
        *(() if upstream.breaker else (unconnected,)),
    )
    failing = Trial(
        key=key("GatewayUpstreamFailures"), effect_seconds=2, window_seconds=5 * MINUTE * ALERTING_SHARE / ERRORS_RATIO,
        clears_seconds=5 * MINUTE,
    )  # fmt: skip
    more = []
    if upstream.ejection is not None:
        more.append(Trial(key=key("GatewayTargetEjected"), effect_seconds=5, clears_seconds=5 * MINUTE))
    if upstream.retry is not None:
        more.append(
            Trial(
                key=key("GatewayRetryStorm"),
                effect_seconds=2,
                window_seconds=5 * MINUTE * 0.5,
                clears_seconds=5 * MINUTE,
            )
        )
    if upstream.breaker is None:
        yield fault("resets", f"{name} resets {RESET_RATIO:.0%} of its connections", failing, *more)
    else:
        yield fault("errors", f"{name} answers {ERRORS_RATIO:.0%} of calls with 500", failing)
        yield fault(
            "fails", f"{name} answers every call with 500",
            Trial(key=key("GatewayBreakerOpen"), effect_seconds=5, clears_seconds=5 * MINUTE),
        )  # fmt: skip
    yield fault(
        "slow", f"{name} takes 0.8 s for each answer, over two connections",
        Trial(key=key("GatewayUpstreamSaturated"), effect_seconds=2, window_seconds=2.5 * MINUTE, clears_seconds=5 * MINUTE),
    )  # fmt: skip


def of_gateway(spec: Spec) -> Iterator[Fault]:
    """Yield what can be broken in gateways."""

    def fault(name: str, what: str, *trials: Trial, touches: tuple[str, ...] = ("b",)) -> Fault:
        return Fault(name=name, what=what, ground=Ground.SERVICES, touches=touches, trials=trials)

    def trial(alert: str, **more: object) -> Trial:
        return Trial(key=Key(alert), **more)  # type: ignore[arg-type]  # each caller names fields of a trial

    yield fault(
        "gateways-dead", "every gateway is killed", trial("GatewayDown"), touches=("a", "b", *spec.upstreams)
    )  # fmt: skip
    yield fault("gateway-dead", "one of two gateways is killed", trial("GatewayInstanceDown"))
    yield fault(
        "crash-loop", "a worker is killed as often as it comes back",
        trial("GatewayCrashLoop", effect_seconds=6, clears_seconds=2 * MINUTE),
        trial("GatewayProcessDeaths", effect_seconds=3, clears_seconds=15 * MINUTE, told=Told.AFTERWARDS),
    )  # fmt: skip
    yield fault(
        "supervisor-stopped", "a worker and the supervisor that would replace it are stopped",
        trial("GatewayProcessSilent", effect_seconds=5, window_seconds=MINUTE),
    )  # fmt: skip
    yield fault(
        "reload-refused", "a spec with a mistake is put in the place of the good one",
        trial("GatewayReloadFailed", effect_seconds=1, window_seconds=5 * MINUTE),
    )  # fmt: skip
    yield fault(
        "nameless", "targets get names that nobody knows",
        trial("GatewayDnsFailures", effect_seconds=2, clears_seconds=5 * MINUTE),
    )  # fmt: skip
    yield fault(
        "late-loop", "a worker is stopped for 0.4 s again and again",
        trial("GatewayLoopLag", effect_seconds=1, window_seconds=MINUTE, clears_seconds=5 * MINUTE),
    )  # fmt: skip
    yield fault(
        "flood", "more requests than a worker can do",
        trial("GatewayOverload", effect_seconds=2, window_seconds=MINUTE, clears_seconds=5 * MINUTE),
        touches=("a", "b", *spec.upstreams),
    )  # fmt: skip
    yield fault(
        "crowd", "as many clients stay as may, and others knock",
        trial("GatewayConnectionsNearLimit", effect_seconds=1, clears_seconds=2 * MINUTE),
        trial("GatewayConnectionsRefused", effect_seconds=2, clears_seconds=5 * MINUTE),
        touches=("b/clients",),
    )  # fmt: skip
    yield fault(
        "log-blocked", "nobody reads the access log any more",
        trial("GatewayLogDropped", effect_seconds=8, clears_seconds=5 * MINUTE), touches=("b/log",),
    )  # fmt: skip
    yield fault(
        "beyond-limit", "one caller asks for twice what its limit allows",
        trial("GatewayLimitsRefuse", effect_seconds=2, window_seconds=MINUTE, clears_seconds=5 * MINUTE),
        touches=("b/limits",),
    )  # fmt: skip
    yield fault(
        "bad-keys", "callers show keys that nobody has",
        trial("GatewayIdentityRefusals", effect_seconds=1, window_seconds=5 * MINUTE, clears_seconds=10 * MINUTE, told=Told.NOBODY),
        touches=("b/identity",),
    )  # fmt: skip
    yield from _stored(spec)
    yield from _certified(spec)


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
