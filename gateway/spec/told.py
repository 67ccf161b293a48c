"""Which headers tell services of a caller: the gateway alone writes them, on every route."""

from gateway.spec.model import Spec
from gateway.spec.reserved import folded


def told(spec: Spec) -> frozenset[str]:
    """Give the names, folded, of all headers by which any route tells its service of a caller."""
    demands = [route.identity for route in spec.routes.values() if route.identity is not None]
    own = (spec.identity.consumer_header, spec.identity.subject_header)
    return frozenset(map(folded, (*own, *(name for demand in demands for name in demand.headers))))
