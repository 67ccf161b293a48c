"""How fast and how soon again: closed forms beside what a minute of calls adds up to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.pagerduty.core.answer import MOST_SAID, Kind, Next, after, answer_of, quoted
from alerts.pagerduty.core.pace import backoff, bucket, limited


@given(st.integers(1, 200), st.lists(st.floats(0, 5), min_size=50, max_size=150), st.integers(0, 300))
def test_no_minute_has_more_calls_than_pagerduty_takes(per_minute, pauses, called):
    tokens, now, calls = bucket(per_minute, 0.0, called), 0.0, []
    for pause in pauses:
        now += pause
        tokens = tokens.filled(now)
        while tokens.tokens >= 1:
            tokens = tokens.taken()
            calls.append(now)
    worst = max((sum(1 for each in calls if start <= each < start + 60) for start in calls), default=0)
    assert worst <= max(per_minute, 1 + per_minute * 0.75)


def test_calls_of_the_minute_before_a_restart_count():
    assert bucket(120, 0.0, 30).tokens == 0.0
    assert bucket(120, 0.0, 10).tokens == 20.0


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [(1, 0.5, 1.0), (2, 1.0, 2.0), (5, 8.0, 16.0), (7, 30.0, 60.0), (1_000_000, 30.0, 60.0)],
)
def test_waits_double_up_to_a_minute_and_are_spread(failures, least, most):
    assert backoff(failures, 0.0) == least
    assert backoff(failures, 0.999999) == pytest.approx(most, rel=1e-3)


@pytest.mark.parametrize(
    ("failures", "asked", "seconds"),
    [
        pytest.param(1, 0.0, 7.5, id="nothing asked"),
        pytest.param(1, 30.0, 30.0, id="asked for more"),
        pytest.param(1, 86_400.0, 300.0, id="asked for a day: five minutes are the most"),
        pytest.param(100, 0.0, 150.0, id="again and again"),
    ],
)
def test_a_limit_is_respected_within_bounds(failures, asked, seconds):
    assert limited(failures, 0.0, asked) == seconds


ANSWERS = {
    200: Kind.ACCEPTED, 202: Kind.ACCEPTED, 302: Kind.FAILED, 400: Kind.REFUSED, 401: Kind.FAILED, 402: Kind.FAILED,
    403: Kind.FAILED, 404: Kind.FAILED, 408: Kind.FAILED, 413: Kind.REFUSED, 422: Kind.REFUSED, 429: Kind.LIMITED,
    500: Kind.FAILED, 502: Kind.FAILED, 503: Kind.FAILED, 504: Kind.FAILED,
}  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), ANSWERS.items())
def test_every_status_has_a_meaning(status, kind):
    assert answer_of(status, "", "").kind is kind


@pytest.mark.parametrize(
    ("status", "is_trigger", "is_fallback", "following"),
    [
        pytest.param(202, True, False, Next.DONE, id="accepted"),
        pytest.param(503, True, True, Next.AGAIN, id="an error"),
        pytest.param(429, False, False, Next.AGAIN, id="a limit"),
        pytest.param(400, True, False, Next.FALL_BACK, id="a trigger refused"),
        pytest.param(400, True, True, Next.DIE, id="even the least event refused"),
        pytest.param(400, False, False, Next.DIE, id="a resolve refused"),
    ],
)
def test_what_follows_an_answer(status, is_trigger, is_fallback, following):
    assert after(answer_of(status, "", ""), is_trigger=is_trigger, is_fallback=is_fallback) is following


def test_only_whole_seconds_are_taken_from_retry_after():
    assert answer_of(429, "", "17").wait_seconds == 17
    assert answer_of(429, "", "Fri, 31 Dec 1999 23:59:59 GMT").wait_seconds == 0
    assert answer_of(429, "", "\u00b2").wait_seconds == 0  # isdigit() says that it is one


@pytest.mark.parametrize("before", [0, 100, MOST_SAID - 31, MOST_SAID - 5, MOST_SAID])
def test_no_part_of_a_routing_key_is_quoted_wherever_an_answer_holds_it(before):
    key = "0123456789abcdef" * 2
    said = quoted(answer_of(400, f"{'-' * before}{key} is no key", ""), key).said
    assert len(said) <= MOST_SAID
    assert said.startswith(("-" * before + "***")[:MOST_SAID])
    assert "0" not in said
