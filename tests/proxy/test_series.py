"""Counts that rules read are there at 0 before the first event: of a series that begins at 1, `rate` does not see the 1."""

import pytest

from exporters.catalog.gateway import FAILURES, RETRIES

READ = ("overload", "unauthenticated", "rate_limited", "concurrency_limited", "quota_exceeded", "too_many_tokens")


@pytest.mark.parametrize("failure", READ)
def test_refusals_that_rules_read_are_there_from_the_start(gateway, failure):
    assert (FAILURES.name, frozenset({("route", "static"), ("failure", failure)})) in shown(gateway)


def test_retries_are_there_for_each_reason_of_the_policy(configure, gateway):
    configure(policies="retry: {on: [connect, '503']}")
    kept = {tuple(value for _, value in sorted(pairs)) for name, pairs in shown(gateway) if name == RETRIES.name}
    assert kept >= {(why, result, "game") for why in ("connect", "503") for result in ("allowed", "refused")}


def shown(gateway) -> set:
    return {(name, frozenset(pairs)) for name, pairs in gateway.totals().counters}
