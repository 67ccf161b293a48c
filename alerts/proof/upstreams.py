"""What each alert of an upstream is expected to do, written by hand."""

from msgspec import Struct

from alerts.proof.case import AT, Case, Feed, counter


class _Series(Struct, frozen=True):
    """An upstream's series and what its alerts carry."""

    name: str
    team: str

    @property
    def here(self) -> str:
        return f'upstream="{self.name}"'

    @property
    def version(self) -> str:
        return f'{self.here},version="v1"'

    @property
    def target(self) -> str:
        return f'{self.version},target="http://t:1"'

    @property
    def ticket(self) -> dict[str, str]:
        return {"severity": "warning", "team": self.team, "upstream": self.name}

    def calls(self, outcome: str) -> str:
        return f'gateway_upstream_requests_total{{{self.target},{AT},outcome="{outcome}"}}'

    def connects(self, result: str) -> str:
        return f'gateway_upstream_connects_total{{{self.target},{AT},result="{result}"}}'

    def retries(self, result: str) -> str:
        return f'gateway_retries_total{{{self.here},{AT},reason="connect",result="{result}"}}'


def upstream(name: str, team: str) -> tuple[Case, ...]:
    """Return the cases of one upstream."""
    of = _Series(name, team)
    return (*_targets(of), *_load(of), *_calls(of), *_few(of), *_quiet(of))


def _targets(of: _Series) -> tuple[Case, ...]:
    return (
        Case(
            alert="GatewayUpstreamDown",
            labels={**of.ticket, "severity": "critical"},
            feeds=(
                Feed(f"gateway_target_up{{{of.target},{AT}}}", 1, 0, 0),
                Feed(f'gateway_target_up{{{of.version},target="http://t:2",{AT}}}', 1, 1, 0),
            ),
            wait_minutes=1,
        ),
        Case(
            alert="GatewayTargetDown",
            labels={**of.ticket, "version": "v1", "target": "http://t:1"},
            feeds=(
                Feed(f"gateway_target_up{{{of.target},{AT}}}", 1, 0, 0),
                Feed(f'gateway_target_up{{{of.target},{AT},part="2"}}', 1, 1, 0),
            ),
            wait_minutes=5,
            range_minutes=2,
            sees_minutes=2,
        ),
        Case(
            alert="GatewayTargetEjected",
            labels={**of.ticket, "version": "v1", "target": "http://t:1"},
            feeds=(
                Feed(f"gateway_target_ejected{{{of.target},{AT}}}", 0, 0, 1),
                Feed(f'gateway_target_ejected{{{of.target},{AT},part="2"}}', 0, 0, 0),
            ),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=0,
        ),
    )


def _load(of: _Series) -> tuple[Case, ...]:
    return (
        Case(
            alert="GatewayBreakerOpen",
            labels={**of.ticket, "version": "v1"},
            feeds=(
                Feed(f"gateway_breaker_state{{{of.version},{AT}}}", 0, 1, 2),
                Feed(f'gateway_breaker_state{{{of.version},job="casino",instance="b:9080"}}', 0, 0, 0),
            ),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="GatewayUpstreamSaturated",
            labels=of.ticket,
            feeds=(
                Feed(f"gateway_upstream_waiting_requests{{{of.target},{AT}}}", 0, 0.45, 0.55),
                Feed(f'gateway_upstream_waiting_requests{{{of.target},{AT},part="2"}}', 0, 0.45, 0.55),
            ),
            wait_minutes=5,
            range_minutes=5,
        ),
        Case(
            alert="GatewayUpstreamSaturated",
            labels=of.ticket,
            feeds=(
                Feed(f"gateway_upstream_waiting_requests{{{of.target},{AT}}}", 0, 0.5, 0.55),
                Feed(f'gateway_upstream_waiting_requests{{{of.target},{AT},part="2"}}', 0, 0.5, 0.55),
            ),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=0,
        ),
    )


def _calls(of: _Series) -> tuple[Case, ...]:
    return (
        Case(
            alert="GatewayUpstreamFailures",
            labels=of.ticket,
            feeds=(
                counter(of.calls("success"), 6000, 5720, 5680),
                counter(of.calls("failure"), 0, 280, 320),
                counter(of.calls("canceled"), 100_000, 100_000, 100_000),
            ),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayUpstreamConnectFailures",
            labels=of.ticket,
            feeds=(counter(of.connects("success"), 6000, 5720, 5680), counter(of.connects("tls"), 0, 280, 320)),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayRetryStorm",
            labels=of.ticket,
            feeds=(
                counter(of.calls("success"), 6000, 6000, 6000),
                counter(of.retries("allowed"), 0, 560, 640),
                counter(of.retries("refused"), 0, 6000, 6000),
            ),
            wait_minutes=10,
            range_minutes=5,
        ),
    )


def _few(of: _Series) -> tuple[Case, ...]:
    return (
        Case(
            alert="GatewayUpstreamFailures",
            labels=of.ticket,
            feeds=(counter(of.calls("failure"), 0, 1.75, 2.25),),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayUpstreamConnectFailures",
            labels=of.ticket,
            feeds=(counter(of.connects("refused"), 0, 1.75, 2.25),),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayRetryStorm",
            labels=of.ticket,
            feeds=(
                counter(of.calls("failure"), 3, 3, 3),
                counter(of.retries("allowed"), 0, 1.75, 2.25),
            ),
            wait_minutes=10,
            range_minutes=5,
        ),
    )


def _quiet(of: _Series) -> tuple[Case, ...]:
    """Much traffic of which a little fails, then little of which all fails: the share is of the same minutes.

    T minutes after the change the last five hold 40 (5 - T) + 10 T failures of 1000 (5 - T) + 10 T calls: a twentieth
    at 2.56 minutes; of retries 90 (5 - T) + 10 T, a tenth at 2.63.
    """
    return (
        Case(
            alert="GatewayUpstreamFailures",
            labels=of.ticket,
            feeds=(counter(of.calls("success"), 1000, 960, 0), counter(of.calls("failure"), 0, 40, 10)),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=2.56,
        ),
        Case(
            alert="GatewayUpstreamConnectFailures",
            labels=of.ticket,
            feeds=(counter(of.connects("success"), 1000, 960, 0), counter(of.connects("timeout"), 0, 40, 10)),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=2.56,
        ),
        Case(
            alert="GatewayRetryStorm",
            labels=of.ticket,
            feeds=(counter(of.calls("success"), 1000, 1000, 10), counter(of.retries("allowed"), 0, 90, 10)),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=2.63,
        ),
    )
