from datetime import UTC, datetime

import pytest

from gateway.core.period import period_of


def unix(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "length", "name", "ends"),
    [
        pytest.param("2026-11-22T00:00:00", "day", "2026-11-22", "2026-11-23", id="a day begins at midnight"),
        pytest.param("2026-11-22T23:59:59.999", "day", "2026-11-22", "2026-11-23", id="and lasts until the next"),
        pytest.param("2026-12-31T12:00:00", "day", "2026-12-31", "2027-01-01", id="the last of a year"),
        pytest.param("2026-11-30T23:59:59", "month", "2026-11", "2026-12-01", id="a month of 30 days"),
        pytest.param("2026-12-01T00:00:00", "month", "2026-12", "2027-01-01", id="December"),
        pytest.param("2026-01-31T12:00:00", "month", "2026-01", "2026-02-01", id="January"),
        pytest.param("2028-02-29T12:00:00", "month", "2028-02", "2028-03-01", id="February of a leap year"),
    ],
)
def test_a_moment_lies_in_the_period_of_utc(moment, length, name, ends):
    period = period_of(unix(moment), length)
    assert (period.name, period.ends) == (name, unix(ends))
