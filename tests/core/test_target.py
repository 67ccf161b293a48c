import pytest

from gateway.core.failure import Failure, Refused
from gateway.core.target import split


@pytest.mark.parametrize(
    ("target", "method", "parts"),
    [
        pytest.param("/roll/6", "GET", (None, "/roll/6", ""), id="path"),
        pytest.param("/roll?a=1&b=%20", "GET", (None, "/roll", "a=1&b=%20"), id="path and query"),
        pytest.param("/roll?", "GET", (None, "/roll", ""), id="an empty query is none"),
        pytest.param("/roll?a?b=//;", "GET", (None, "/roll", "a?b=//;"), id="what a query may hold"),
        pytest.param("//evil/x", "GET", (None, "//evil/x", ""), id="a path that begins like an authority"),
        pytest.param("http://a.example/x?y", "GET", ("a.example", "/x", "y"), id="absolute form"),
        pytest.param("HTTPS://A.example:8443", "GET", ("A.example:8443", "/", ""), id="absolute form without a path"),
        pytest.param("http://a.example?y", "GET", ("a.example", "/", "y"), id="absolute form with a query only"),
        pytest.param("*", "OPTIONS", (None, "*", ""), id="asterisk form"),
    ],
)
def test_a_target_has_three_parts(target: str, method: str, parts: tuple[str | None, str, str]) -> None:
    assert split(target, method) == parts


@pytest.mark.parametrize(
    ("target", "method", "failure"),
    [
        pytest.param("*", "GET", Failure.BAD_REQUEST, id="only OPTIONS may ask for `*`"),
        pytest.param("", "GET", Failure.BAD_REQUEST, id="empty"),
        pytest.param("roll", "GET", Failure.BAD_REQUEST, id="a relative path"),
        pytest.param("a.example:80", "GET", Failure.BAD_REQUEST, id="authority form"),
        pytest.param("a.example:80", "CONNECT", Failure.NOT_IMPLEMENTED, id="tunnels are not offered"),
        pytest.param("ftp://a.example/x", "GET", Failure.BAD_REQUEST, id="another scheme"),
        pytest.param("http:///x", "GET", Failure.BAD_REQUEST, id="absolute form without a host"),
        pytest.param("http://user@a.example/", "GET", Failure.BAD_REQUEST, id="a user"),
        pytest.param("http://a.example/x#y", "GET", Failure.BAD_REQUEST, id="absolute form with a fragment"),
        pytest.param("/x?y#z", "GET", Failure.BAD_REQUEST, id="a fragment behind the query (CVE-2023-47106)"),
        pytest.param("/x?y z", "GET", Failure.BAD_REQUEST, id="a space in the query"),
        pytest.param("/x?y\r\nHost: z", "GET", Failure.BAD_REQUEST, id="a line break in the query"),
        pytest.param("/x?y\xe9", "GET", Failure.BAD_REQUEST, id="a query beyond ASCII"),
    ],
)
def test_what_is_no_target_is_refused(target: str, method: str, failure: Failure) -> None:
    with pytest.raises(Refused) as refused:
        split(target, method)

    assert refused.value.failure is failure
