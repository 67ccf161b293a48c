"""The way to the REST API: bounded tries and waits, pages, and errors that hold no secret."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from alerts.pagerduty.provision.api import ApiError, PdpyrasApi
from tests.alerts.pagerduty.running import TOKEN, running


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def api(standin, pauses) -> PdpyrasApi:
    return PdpyrasApi(TOKEN, standin.url, pause=pauses.append)


TEAM = {"type": "team", "name": "games"}


def calls(standin) -> list[int]:
    return [call["status"] for call in standin.timeline(what="rest")]


def test_a_read_is_tried_four_times_with_growing_pauses(api, standin, pauses):
    standin.fail({"kind": "503", "on": "rest"})
    with pytest.raises(ApiError, match=r"^GET /teams: PagerDuty said 503$"):
        api.list("teams")
    assert calls(standin) == [503] * 4
    assert pauses == [0.5, 1.0, 2.0]


def test_a_read_succeeds_once_pagerduty_is_back(api, standin, pauses):
    standin.fail({"kind": "500", "on": "rest", "times": 2})
    assert api.list("teams") == []
    assert len(pauses) == 2


@pytest.mark.parametrize("kind", ["500", "503", "taken_500"])
def test_a_write_that_may_have_had_an_effect_is_not_repeated(api, standin, kind):
    standin.fail({"kind": kind, "on": "rest"})
    with pytest.raises(ApiError):
        api.make("/teams", "team", TEAM)
    assert len(calls(standin)) == 1


def test_a_call_too_many_waits_as_long_as_pagerduty_says(pauses):
    with running("--rest-per-minute", "1") as strict:
        api = PdpyrasApi(TOKEN, strict.url, pause=pauses.append)
        api.make("/teams", "team", TEAM)
        with pytest.raises(ApiError, match="429, Rate Limit Exceeded"):
            api.make("/teams", "team", {**TEAM, "name": "other"})
        assert len(pauses) == 3
        assert all(50 <= pause <= 60 for pause in pauses)


def test_no_pause_is_longer_than_a_minute_whatever_pagerduty_says(pauses):
    with running("--rest-per-minute", "1", "--scale", "0.1") as strict:
        api = PdpyrasApi(TOKEN, strict.url, pause=pauses.append)
        api.list("teams")
        with pytest.raises(ApiError, match="429"):
            api.list("teams")
        assert pauses == [60.0] * 3


def test_a_429_that_says_nothing_is_waited_for_all_the_same(api, standin, pauses):
    standin.fail({"kind": "429", "on": "rest", "times": 1})
    assert api.make("/teams", "team", TEAM)["name"] == "games"
    assert pauses == [0.5]


def test_a_collection_of_many_pages_is_read_whole(api, standin):
    for number in range(230):
        standin.make("team", name=f"team {number}")
    assert len({team["id"] for team in api.list("teams")}) == 230


@pytest.mark.parametrize("kind", ["empty", "html"])
def test_an_answer_that_says_nothing_is_an_error(api, standin, kind):
    standin.fail({"kind": kind, "on": "rest"})
    with pytest.raises(ApiError, match="POST /teams: PagerDuty said 202"):
        api.make("/teams", "team", TEAM)


def test_what_cannot_be_reached_is_an_error_without_the_address_of_anything():
    with pytest.raises(ApiError, match=r"^GET /teams: PagerDuty cannot be reached \(ConnectionError\)$"):
        PdpyrasApi(TOKEN, "http://127.0.0.1:1").list("teams")


def test_pagerdutys_own_words_are_told(api):
    with pytest.raises(ApiError, match="400, Invalid Input Provided: type must be team"):
        api.make("/teams", "team", {"name": "games"})


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"teams": 5}', b'{"teams": [5]}', b'{"teams": [{}]}', b'{"teams": null, "more": true}'],
)
def test_an_answer_of_another_shape_is_an_error(answering, body):
    with pytest.raises(ApiError, match=r"^GET /teams: the answer holds no list of teams"):
        answering(200, body).list("teams")
    with pytest.raises(ApiError, match=r"^GET /teams/X: the answer holds no team:"):
        answering(200, body).read("/teams/X", "team")


def test_a_page_with_nothing_is_the_last_one_whatever_it_says(answering):
    assert answering(200, b'{"teams": [], "more": true}').list("teams") == []


def test_what_pagerduty_says_is_told_without_the_token(answering):
    for body in (
        b'{"error": {"message": "%s is bad", "errors": null}}',
        b'{"error": {"message": "", "errors": ["%s"]}}',
    ):
        with pytest.raises(ApiError, match=r"\*\*\*") as told:
            answering(403, body % TOKEN.encode()).list("teams")
        assert TOKEN not in str(told.value)


@pytest.mark.parametrize("token", ["\u65e5\u672c", "a\nb", "\xe9"])
def test_a_token_that_fits_no_header_is_an_error_that_does_not_hold_it(token):
    with pytest.raises(ApiError, match="the token cannot stand in a header") as told:
        PdpyrasApi(token)
    assert token not in str(told.value)


@pytest.fixture
def answering(pauses):
    """Make an API that gives every question one answer."""
    servers = []

    def make(status: int, body: bytes) -> PdpyrasApi:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return PdpyrasApi(TOKEN, f"http://127.0.0.1:{server.server_port}", pause=pauses.append)

    yield make
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()
