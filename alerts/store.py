"""What may be wrong with the store that gateways share. Only for specs that name one."""

from alerts.gateway import DASHBOARD, MINUTE
from alerts.rule import Alert, Owner
from exporters.catalog.gateway import DEBITS_DROPPED, STORE_UP
from exporters.promql import aggregate, increase, over_time, select, total
from gateway.spec.model import Spec


def alerts(spec: Spec, team: str, scale: float = 1.0) -> tuple[Alert, ...]:
    """Return the alerts of the store; none without one."""
    if spec.store is None:
        return ()
    owner, minute = Owner(team, DASHBOARD), MINUTE * scale
    up = over_time("max", select(STORE_UP), 2 * minute)
    return (
        owner.ticket(
            name="GatewayStoreDown",
            expr=aggregate("max", up, by=("instance",)).op("==", 0),
            for_seconds=5 * minute,
            summary="The store does not answer, so limits are each gateway's own.",
            description="{{ $labels.instance }} shares no limits and no quotas: all gateways together let more through.",
        ),
        owner.ticket(
            name="GatewayDebitsDropped",
            expr=total(increase(select(DEBITS_DROPPED), 15 * minute), "instance") > 0,
            summary="The store was not told of some requests.",
            description="{{ $value | humanize }} requests on {{ $labels.instance }} count for no shared limit or quota.",
        ),
    )
