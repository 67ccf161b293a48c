"""Certificates and keys: what ends on a known day, and what cannot be fetched. Only for specs that use them."""

from alerts.gateway import DASHBOARD, DAY, MINUTE
from alerts.rule import Alert, Owner
from exporters.catalog.gateway import CERTIFICATE_EXPIRY, CERTIFICATE_RELOADS, KEYS
from exporters.promql import absent, aggregate, increase, over_time, seconds_until, select, total
from gateway.spec.model import Spec


def alerts(spec: Spec, team: str, scale: float = 1.0) -> tuple[Alert, ...]:
    """Return what applies: alerts of certificates with a TLS listener, alerts of keys with an issuer."""
    has_tls = any(listener.tls is not None for listener in spec.listen.public)
    owner = Owner(team, DASHBOARD)
    return (*(_certificates(owner, scale) if has_tls else ()), *(_keys(owner, scale) if spec.issuers else ()))


def _certificates(owner: Owner, scale: float) -> tuple[Alert, ...]:
    minute = MINUTE * scale
    # A scrape that fails must not begin an hour's wait anew.
    left = aggregate("min", seconds_until(select(CERTIFICATE_EXPIRY), 5 * minute), by=("certificate",))
    refused = total(increase(select(CERTIFICATE_RELOADS, {"result": "refused"}), 15 * minute), "certificate")
    return (
        owner.ticket(
            name="GatewayCertificateEnds",
            expr=left < 21 * DAY,
            for_seconds=60 * minute,
            summary="A certificate ends within three weeks.",
            description="{{ $labels.certificate }} ends in {{ $value | humanizeDuration }}.",
        ),
        owner.page(
            name="GatewayCertificateEndsSoon",
            expr=left < 3 * DAY,
            for_seconds=5 * minute,
            summary="A certificate ends within three days.",
            description="{{ $labels.certificate }} ends in {{ $value | humanizeDuration }}; then no client can connect.",
        ),
        owner.ticket(
            name="GatewayCertificateUnknown",
            expr=absent(select(CERTIFICATE_EXPIRY)),
            for_seconds=10 * minute,
            summary="Nobody knows when the certificates end.",
            description="TLS is spoken, but no worker says which certificate it shows.",
        ),
        owner.ticket(
            name="GatewayCertificateRefused",
            expr=refused > 0,
            summary="A new certificate was refused.",
            description="{{ $labels.certificate }} changed and cannot be used; the last good one stays.",
        ),
    )


def _keys(owner: Owner, scale: float) -> tuple[Alert, ...]:
    keys = aggregate("max", over_time("max", select(KEYS), 5 * MINUTE * scale), by=("issuer",))
    return (
        owner.page(
            name="GatewayIssuerWithoutKeys",
            expr=keys.op("==", 0),
            for_seconds=5 * MINUTE * scale,
            summary="No token of an issuer can be verified.",
            description="There is no key of {{ $labels.issuer }}: its key set was never fetched, or is empty.",
        ),
    )
