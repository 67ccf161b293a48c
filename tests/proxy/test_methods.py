"""The methods `casino check` takes for served are those whose heads the gateway reads."""

import pytest

from gateway.core.failure import Failure, Refused
from gateway.proxy.head import RequestReader
from gateway.spec.rules.methods import SERVED


def read(method):
    return RequestReader().read(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode())


@pytest.mark.parametrize("method", sorted(SERVED))
def test_a_method_that_check_takes_for_served_is_read(method):
    assert read(method).verb == method


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "BREW", "DESCRIBE", "DELTE"])
def test_a_method_that_check_warns_of_is_refused(method):
    assert method not in SERVED
    with pytest.raises(Refused) as refused:
        read(method)
    assert refused.value.failure is Failure.NOT_IMPLEMENTED
