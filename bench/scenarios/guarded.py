"""A limiter and API keys on, in Casino and in Envoy: what a gateway on the internet has at least.

The limit is per route and never reached, and there is one key: what is measured is the price of asking. Envoy's part
is its own filters `api_key_auth` and `local_ratelimit` (bench/peers/envoy-guards.yaml).
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import yaml

from bench.product import CASINO, PEERS, Entrant, Product
from bench.serving import merge_patch, patched

KEY = "bench-key-of-nobody-in-particular"
KEY_HEADER = {"X-API-Key": KEY}
RATE = "1000000/s"
"""One that nobody reaches."""
KEYED: dict[str, Any] = {
    "consumers": {"bench": {"keys": [{"sha256": hashlib.sha256(KEY.encode()).hexdigest()}]}},
    "routes": {"roll": {"identity": {"by": "key"}}},
}
LIMITED: dict[str, Any] = {"routes": {"roll": {"limits": {"bench": {"rate": RATE}}}}}


def guard_envoy(config: Any) -> Any:
    """Put the guards in front of Envoy's router."""
    (connection,) = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
    guards = yaml.safe_load((PEERS / "envoy-guards.yaml").read_text().replace("@KEY@", KEY))
    connection["typed_config"]["http_filters"][:0] = guards
    return config


EDITS = {"casino": patched(merge_patch(KEYED, LIMITED)), "envoy": guard_envoy}


def guarded(products: Sequence[Product]) -> list[Entrant]:
    """Take those of the products whose guards are written down here, as soon as Casino is among them."""
    if CASINO not in products:
        return []
    return [
        Entrant(product.name, product, EDITS[product.name], headers=KEY_HEADER)
        for product in products
        if product.name in EDITS
    ]
