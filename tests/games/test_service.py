import signal
import subprocess
import sys

import httpx
import pytest


def test_a_roll_is_json_with_its_version(dice):
    answer = dice.http.get("/roll/6")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["result"] in range(1, 7)
    assert answer.json().items() >= {"sides": 6, "version": "v1"}.items()


def test_a_head_request_gets_the_head(dice):
    answer = dice.http.head("/roll/6")
    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/roll/one", 400, id="a foul"),
        pytest.param("GET", "/cards/5", 404, id="another game's path"),
        pytest.param("POST", "/roll/6", 405, id="another method"),
    ],
)
def test_what_is_refused_is_told_as_a_problem(dice, method, path, status):
    answer = dice.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_its_address_alone_lists_what_is_there(dice):
    listed = dice.http.get("/").json()
    assert {dice.http.get(path).status_code for path in listed} == {200}
    assert list(listed) == ["/roll/6", "/health", "/switches", "/metrics"]
    assert dice.http.get("/rol/6").json()["detail"] == "Nothing is here; / lists what is."


def test_health_says_who_answers(dice):
    answer = dice.http.get("/health")
    assert answer.json() == {"status": "ok", "game": "dice", "version": "v1"}
    assert answer.headers["cache-control"] == "no-store"


def test_the_same_seed_gives_the_same_rolls_after_each_start(start):
    rounds = []
    for _ in range(2):
        with start("dice", "--version", "v2", "--seed", "42") as game:
            rounds.append([game.http.get("/roll/1000?dice=3").json() for _ in range(3)])
    assert rounds[0] == rounds[1]


def test_cards_come_as_poker_and_as_pokemon(start):
    with start("cards", "--version", "poker") as poker, start("cards", "--version", "pokemon") as pokemon:
        assert poker.http.get("/cards/5").json()["worth"]
        assert "worth" not in poker.http.get("/cards/2").json()
        assert pokemon.http.get("/cards/5").json()["cards"][0]["element"]


def test_latency_waits_before_the_answer(dice):
    dice.turn(latency="200ms")
    assert dice.http.get("/roll/6").elapsed.total_seconds() >= 0.19


def test_errors_come_in_their_share(dice):
    dice.turn(errors="50%")
    codes = [dice.http.get("/roll/6").status_code for _ in range(40)]
    assert set(codes) == {200, 500}


def test_a_hanging_game_says_nothing_but_still_tells_its_health(dice):
    dice.turn(hangs="100%")
    with pytest.raises(httpx.ReadTimeout):
        dice.http.get("/roll/6", timeout=0.2)
    assert dice.http.get("/health").status_code == 200


def test_a_reset_connection_is_seen_as_one(dice):
    dice.turn(resets="100%")
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        dice.http.get("/roll/6")


def test_a_wrong_body_has_the_right_keys_and_no_values(dice):
    dice.turn(wrong_bodies="100%")
    assert dice.http.get("/roll/6").json() == {"result": None, "sides": None, "version": None}


def test_a_wrong_length_promises_more_than_comes(dice):
    dice.turn(wrong_lengths="100%")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        dice.http.get("/roll/6")


def test_a_dripping_body_arrives_whole(dice):
    dice.turn(drip="5ms")
    answer = dice.http.get("/roll/6")
    assert answer.json()["sides"] == 6
    assert answer.elapsed.total_seconds() >= 0.004 * len(answer.content)


def test_an_unhealthy_game_still_plays(dice):
    dice.turn(unhealthy=True)
    assert dice.http.get("/health").status_code == 503
    assert dice.http.get("/roll/6").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'{"latancy": "1s"}', 422, id="unknown switch"),
        pytest.param(b'{"errors": "60%", "hangs": "60%"}', 422, id="more than all"),
        pytest.param(b'{"errors"', 400, id="no JSON"),
        pytest.param(b"\xff", 400, id="no UTF-8"),
    ],
)
def test_a_setting_that_is_refused_changes_nothing(dice, body, status):
    dice.turn(latency="1ms")
    before = dice.http.get("/switches").json()
    answer = dice.http.put("/switches", content=body)
    assert answer.status_code == status
    assert dice.http.get("/switches").json() == before


def test_metrics_count_answers_and_faults_and_show_the_switches(dice):
    errors = 'game_faults_total{fault="error",game="dice",version="v1"}'
    failed = 'game_answers_total{code="500",game="dice",version="v1"}'
    dice.turn(errors="100%")
    dice.http.get("/roll/6")
    faults, answers = dice.series(errors), dice.series(failed)
    dice.http.get("/roll/6")
    assert dice.series(errors) == faults + 1
    assert dice.series(failed) == answers + 1
    assert dice.series('game_switch{game="dice",switch="errors",version="v1"}') == 1


def test_switches_can_be_set_at_the_start(start):
    with start("dice", "--version", "v1", "--latency", "1ms", "--wrong-bodies", "100%") as game:
        settings = game.http.get("/switches").json()
    assert settings["latency"] == "1ms"
    assert settings["wrong_bodies"] == "100%"


def test_a_game_told_to_stop_stops_within_seconds_even_with_a_hanging_request(start):
    with start("dice", "--version", "v1", "--hangs", "100%") as game:
        with pytest.raises(httpx.ReadTimeout):
            game.http.get("/roll/6", timeout=0.2)
        game.process.send_signal(signal.SIGTERM)
        assert game.process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("roulette", "--version", "v1"), id="unknown game"),
        pytest.param(("dice", "--version", "poker"), id="another game's version"),
        pytest.param(("dice", "--version", "v1", "--errors", "lots"), id="unusable switch"),
    ],
)
def test_an_unusable_command_line_says_why(words):
    done = subprocess.run(
        [sys.executable, "-m", "casino.games", *words], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("python -m casino.games: error: ")
