import logging
import os
import threading

import pytest

from gateway.core.snapshot import SNAPSHOT
from gateway.store.slot import Word
from tests.waiting import until

FIRST = """
casino: 1
upstreams:
  dice: {versions: {v1: ["http://127.0.0.1:7001"]}}
routes:
  roll: {match: "GET /roll/{sides}", to: dice}
"""
CLOSED = "casino: 1\nroutes: {closed: {match: /**, answer: {status: 404}}}\n"
SECOND = FIRST.replace("7001", "7002")
BROKEN = FIRST.replace("to: dice", "to: dise").replace("casino: 1", "casino: 1\nwokers: 3")


@pytest.fixture
def control(rig):
    return rig(FIRST).start().settle()


def metric(control, name):
    lines = control.ask("GET", "/metrics").body.decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)}


def targets(worker):
    return [one.url for one in worker.snapshot.spec.upstreams["dice"].versions["v1"].targets]


def test_a_changed_spec_is_applied_by_every_worker_before_the_answer(control):
    control.write_spec(SECOND)
    answer = control.ask("POST", "/reload")
    assert answer.status == 200
    assert answer.json["result"] == "applied"
    assert answer.json["generation"] == 2
    assert answer.json["applied"] == ["worker-1", "worker-2"]
    assert [targets(worker) for worker in control.workers] == [["http://127.0.0.1:7002"]] * 2
    assert control.ask("GET", "/config").json["digest"] == answer.json["digest"] == control.workers[0].snapshot.digest


def test_new_targets_are_known_before_the_snapshot_that_uses_them_and_old_ones_until_after(control):
    control.write_spec(SECOND)
    control.ask("POST", "/reload")
    until(lambda: list(control.ups()) == ["http://127.0.0.1:7002"])
    for worker in control.workers:
        needed = {1: "http://127.0.0.1:7001", 2: "http://127.0.0.1:7002"}
        for generation, endpoints in worker.history:
            known = {one.target for one in endpoints.versions["dice", "v1"].endpoints}
            assert generation == 0 or needed[generation] in known
        assert {"http://127.0.0.1:7001", "http://127.0.0.1:7002"} in [
            {one.target for one in endpoints.versions["dice", "v1"].endpoints} for _, endpoints in worker.history
        ]


def test_a_broken_spec_changes_nothing_and_every_mistake_is_told(control):
    control.write_spec(BROKEN)
    answer = control.ask("POST", "/reload")
    assert answer.status == 422
    assert answer.json["result"] == "refused"
    assert {problem["id"] for problem in answer.json["problems"]} >= {"unknown-key", "unknown-name"}
    assert all(problem["line"] > 0 for problem in answer.json["problems"])
    assert answer.json["generation"] == 1
    assert control.control.words[Word.GENERATION] == 1
    assert control.ask("GET", "/config").json["last_reload"]["problems"] == answer.json["problems"]
    assert metric(control, "gateway_reload_success")["gateway_reload_success"] == 0
    control.write_spec(FIRST)
    assert control.ask("POST", "/reload").json["result"] == "unchanged"
    assert metric(control, "gateway_reload_success")["gateway_reload_success"] == 1
    assert metric(control, "gateway_reloads_total")['gateway_reloads_total{result="refused"}'] >= 1


def test_a_spec_that_cannot_be_written_is_a_failed_reload_and_is_applied_once_there_is_room(control):
    full = control.build.path / f".{SNAPSHOT}.{os.getpid()}"
    full.symlink_to("/dev/full")
    control.write_spec(SECOND)
    answer = control.ask("POST", "/reload")
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"{control.build.path} cannot be written: No space left on device" in answer.json["detail"]
    assert metric(control, "gateway_reload_success")["gateway_reload_success"] == 0
    assert metric(control, "gateway_reloads_total")['gateway_reloads_total{result="failed"}'] >= 1
    told = control.ask("GET", "/config").json
    assert told["generation"] == 1
    assert told["last_reload"]["result"] == "failed"
    assert "No space left" in told["last_reload"]["reason"]
    full.unlink()
    until(lambda: control.workers[0].snapshot and targets(control.workers[0]) == ["http://127.0.0.1:7002"])
    until(lambda: metric(control, "gateway_reload_success")["gateway_reload_success"] == 1)


def test_a_comment_changes_nothing(control):
    control.write_spec(FIRST + "\n# only words\n")
    assert control.ask("POST", "/reload").json["result"] == "unchanged"


def test_settings_that_need_an_upgrade_are_listed_and_the_others_applied(control):
    control.write_spec(SECOND + "workers: 3\nlog: {to: /tmp/x.log}\n")
    answer = control.ask("POST", "/reload")
    assert (answer.json["result"], answer.json["needs_upgrade"]) == ("applied", ["workers", "log.to"])
    assert targets(control.workers[0]) == ["http://127.0.0.1:7002"]
    assert control.ask("GET", "/config").json["spec"]["workers"] == 0
    assert control.ask("GET", "/config").json["last_reload"]["needs_upgrade"] == ["workers", "log.to"]


def test_a_changed_file_is_noticed(control):
    control.write_spec(SECOND)
    until(lambda: control.workers[0].snapshot.generation == 2)
    assert targets(control.workers[0]) == ["http://127.0.0.1:7002"]


def test_a_changed_file_behind_swapped_symlinks_is_noticed(rig):
    control = rig(FIRST)
    mounted = control.spec_path.parent / "mounted"
    for name, text in (("..1", FIRST), ("..2", SECOND)):
        (mounted / name).mkdir(parents=True)
        (mounted / name / "casino.yaml").write_text(text)
    (mounted / "..data").symlink_to("..1")
    control.spec_path.unlink()
    control.spec_path.symlink_to("mounted/..data/casino.yaml")
    control.start()
    until(lambda: control.ask("GET", "/ready").status == 200)
    (mounted / "..new").symlink_to("..2")
    (mounted / "..new").rename(mounted / "..data")
    until(lambda: control.workers[0].snapshot.generation == 2)
    assert targets(control.workers[0]) == ["http://127.0.0.1:7002"]


def test_a_signal_is_obeyed_and_its_end_is_told(control):
    control.supervisor.words[Word.RELOADS] += 1
    until(lambda: control.control.words[Word.RELOADS] == 1)
    assert metric(control, "gateway_reloads_total")['gateway_reloads_total{result="unchanged"}'] >= 1


def test_a_worker_that_does_not_follow_is_named(control):
    control.workers[1].turn = control.workers[1].slot.beat
    control.write_spec(SECOND)
    answer = control.ask("POST", "/reload")
    assert (answer.json["applied"], answer.json["waiting"]) == (["worker-1"], ["worker-2"])


def test_reloads_asked_for_at_once_are_done_one_after_the_other(control):
    control.write_spec(SECOND)
    answers = []
    askers = [threading.Thread(target=lambda: answers.append(control.ask("POST", "/reload").json)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert sorted(answer["result"] for answer in answers) in (
        ["applied"] + ["unchanged"] * 7,
        ["unchanged"] * 8,  # the file watcher was first
    )
    assert {answer["generation"] for answer in answers} == {2}


def test_the_generation_goes_on_after_a_restart_even_if_the_document_was_lost_sight_of(control):
    control.write_spec(SECOND)
    control.ask("POST", "/reload")
    control.stop()
    control.workers[1].slot.words[Word.GENERATION] = 7
    control.start()
    control.write_spec(FIRST)
    assert until(lambda: control.control.words[Word.GENERATION] == 8)


def test_what_changed_while_control_was_away_is_applied_at_its_start(control):
    control.stop()
    control.write_spec(SECOND)
    control.start()
    until(lambda: control.workers[0].snapshot.generation == 2)
    assert targets(control.workers[0]) == ["http://127.0.0.1:7002"]


def test_a_refused_reload_is_told_with_its_mistakes(rig, caplog):
    control = rig(CLOSED).start()
    control.write_spec(CLOSED + "wokers: 3\n")
    with caplog.at_level(logging.INFO, "casino.control"):
        control.ask("POST", "/reload")
        control.write_spec(CLOSED.replace("404", "403"))
        control.ask("POST", "/reload")
        until(lambda: "reload_applied" in caplog.messages)
    refused = next(record for record in caplog.records if record.message == "reload_refused")
    assert "casino.yaml:3:1" in refused.fields["error.message"]
