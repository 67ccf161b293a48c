"""What every call of the REST API has in common."""

import pytest

from tests.alerts.pagerduty.running import TOKEN, running


@pytest.mark.parametrize("authorization", [None, "", TOKEN, f"Bearer {TOKEN}", "Token token=short"], ids=repr)
def test_a_call_without_a_token_is_refused(standin, authorization):
    answer = standin.http.get("/teams", headers={"authorization": authorization} if authorization else {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 2006)


def test_the_961st_call_within_a_minute_is_refused_and_the_headers_count_down():
    with running("--rest-per-minute", "3") as strict:
        left = [strict.rest("GET", "/teams").headers["ratelimit-remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = strict.rest("GET", "/teams")
        assert (refused.status_code, refused.json()) == (
            429,
            {"error": {"message": "Rate Limit Exceeded", "code": 2020}},
        )
        assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == ("3", "0")
        assert 0 < int(refused.headers["ratelimit-reset"]) <= 60
        strict.pace(forward_seconds=60)
        assert strict.rest("GET", "/teams").status_code == 200


def test_the_limit_is_960_a_minute(standin):
    assert standin.rest("GET", "/teams").headers["ratelimit-limit"] == "960"


def test_a_collection_comes_in_pages(standin):
    for number in range(30):
        standin.make("team", name=f"team {number}")
    first = standin.rest("GET", "/teams").json()
    assert (len(first["teams"]), first["limit"], first["offset"], first["more"], first["total"]) == (
        25,
        25,
        0,
        True,
        None,
    )
    rest = standin.rest("GET", "/teams", offset=25, total="true").json()
    assert (len(rest["teams"]), rest["more"], rest["total"]) == (5, False, 30)
    assert standin.rest("GET", "/teams", limit=1000).json()["limit"] == 100
    assert [each["name"] for each in standin.rest("GET", "/teams", query="TEAM 29").json()["teams"]] == ["team 29"]


@pytest.mark.parametrize("params", [{"offset": 9990, "limit": 25}, {"offset": -1}, {"limit": "many"}])
def test_a_page_that_cannot_be_is_refused(standin, params):
    assert standin.rest("GET", "/teams", **params).status_code == 400


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({}, 2003, id="no wrapper"),
        pytest.param({"team": []}, 2001, id="no object"),
        pytest.param({"team": {"name": "a"}}, 2001, id="no type"),
        pytest.param({"team": {"type": "team", "name": ""}}, 2001, id="blank name"),
        pytest.param({"team": {"type": "team", "name": "a", "colour": "red"}}, 2001, id="a field nobody knows"),
    ],
)
def test_a_body_that_is_wrong_is_refused_with_a_code(standin, body, code):
    answer = standin.rest("POST", "/teams", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert standin.rest("GET", "/teams").json()["teams"] == []


def test_faults_spoil_the_rest_api_too(standin):
    standin.fail({"kind": "503", "on": "rest", "times": 1}, {"kind": "taken_500", "on": "rest", "times": 1})
    team = {"team": {"type": "team", "name": "a"}}
    assert [standin.rest("POST", "/teams", team).status_code for _ in range(3)] == [503, 500, 400]
    assert [call["status"] for call in standin.timeline(what="rest", action="POST /teams")] == [503, 500, 400]


def test_what_is_not_there_is_not_found(standin):
    codes = {path: standin.rest("GET", f"/{path}/PNONE").json()["error"]["code"] for path in CODES}
    assert codes == CODES
    assert standin.rest("GET", "/nothing").status_code == 404


CODES = {
    "teams": 6001, "users": 2013, "schedules": 3004, "escalation_policies": 5001, "services": 5002,
    "maintenance_windows": 5001, "incidents": 5001,
}  # fmt: skip
