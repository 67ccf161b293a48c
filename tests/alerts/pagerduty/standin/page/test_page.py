"""The page of incidents: what it shows, that nothing sent to it runs in it, and its two buttons."""

import re

import pytest


def incident(standin) -> str:
    return standin.timeline(what="incident_triggered")[0]["incident"]


def test_the_page_says_what_is_open_and_who_was_told(standin):
    assert "Nothing is open." in standin.http.get("/").text
    standin.send()
    standin.pace(forward_seconds=300)
    shown = standin.http.get("/").text
    assert "<title>1 triggered" in shown
    for words in ("dice fail", "level 2", "The second on call", "5 min 0 s ago"):
        assert words in shown


def test_low_urgency_faults_changes_and_a_fast_clock_are_shown(standin):
    standin.send(payload={"severity": "info"})
    change = {"routing_key": "0" * 32, "payload": {"summary": "Reload of generation 7"}}
    standin.http.post("/v2/change/enqueue", json=change)
    standin.fail({"kind": "503"})
    standin.pace(scale=60)
    shown = standin.http.get("/").text
    for words in (">low<", "503 on events", "Reload of generation 7", "60 times as fast"):
        assert words in shown


def test_what_was_sent_is_text_and_a_link_leads_to_a_page_only(standin):
    evil = "<script>alert(1)</script>\"'"
    links = [{"href": "javascript:alert(1)", "text": "bad"}, {"href": 'https://x/"><b>', "text": "good"}]
    standin.send(
        dedup_key=evil, payload={"summary": evil, "component": evil, "custom_details": {evil: evil}}, links=links
    )
    for path in ("/", f"/standin/incidents/{incident(standin)}"):
        shown = standin.http.get(path).text
        assert "alert(1)&lt;/script&gt;" in shown
        assert re.findall(r"<script[^>]*>", shown) == ['<script src="/standin/page.js" defer>']
    assert "javascript:" not in shown
    assert 'href="https://x/&quot;&gt;&lt;b&gt;"' in shown


@pytest.mark.parametrize("path", ["/", "/standin/page.css", "/standin/page.js"])
def test_a_browser_may_load_nothing_from_elsewhere_and_run_nothing_inline(standin, path):
    policy = standin.http.get(path).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
    assert "unsafe" not in policy


def test_without_javascript_the_page_refreshes_itself(standin):
    assert re.search(r'<noscript><meta http-equiv="refresh" content="5"></noscript>', standin.http.get("/").text)


def test_the_buttons_acknowledge_and_resolve(standin):
    standin.send()
    path = f"/standin/incidents/{incident(standin)}"
    assert re.findall(r"<button class=\"(\w+)\"", standin.http.get(path).text) == ["acknowledge", "resolve"]
    answer = standin.http.post(f"{path}/acknowledge")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert re.findall(r"<button class=\"(\w+)\"", standin.http.get(path).text) == ["resolve"]
    standin.http.post(f"{path}/resolve")
    standin.http.post(f"{path}/resolve")
    assert standin.whats().count("incident_resolved") == 1
    assert "<button" not in standin.http.get(path).text
    assert "Resolved lately" in standin.http.get("/").text


def test_another_sites_page_may_press_no_button(standin):
    standin.send()
    path = f"/standin/incidents/{incident(standin)}/resolve"
    assert standin.http.post(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert standin.state()["open_incidents"] == 1


def test_a_page_that_is_not_there_is_not_found(standin):
    assert standin.http.get("/standin/incidents/QNONE").status_code == 404
