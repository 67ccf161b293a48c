import json
import logging
import os

from gateway.control.logs import Lines
from tests.waiting import until

SPEC = "casino: 1\nroutes: {closed: {match: /**, answer: {status: 404}}}\n"


def written(log):
    reader, writer = os.pipe()
    handler = Lines(writer)
    logger = logging.Logger("test")  # noqa: LOG001 - of its own, for this test alone
    logger.addHandler(handler)
    log(logger)
    os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        return [json.loads(line) for line in lines]


def test_an_event_is_one_line_of_json_in_ecs_names():
    (event,) = written(lambda logger: logger.warning("target_down", extra={"fields": {"casino.target": "http://a\nb"}}))
    assert event["event.action"] == "target_down"
    assert event["log.level"] == "warning"
    assert event["event.dataset"] == "casino.control"
    assert event["casino.target"] == "http://a\nb"


def test_a_fault_brings_its_traceback():
    def fail(logger):
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            logger.exception("task_failed")

    (event,) = written(fail)
    assert (event["error.type"], event["error.message"]) == ("ZeroDivisionError", "division by zero")
    assert "_ = 1 / 0" in event["error.stack_trace"]


def test_a_long_line_is_shortened_and_still_one_line_of_json():
    fields = {"error.message": "x" * 10_000}
    (event,) = written(lambda logger: logger.error("reload_refused", extra={"fields": fields}))
    assert event["error.message"] == "x" * 500


def test_a_reader_that_stands_still_is_not_waited_for():
    reader, writer = os.pipe()
    logger = logging.Logger("test")  # noqa: LOG001 - of its own, for this test alone
    logger.addHandler(Lines(writer))
    for _ in range(10_000):
        logger.info("reload_applied")
    kept = os.read(reader, 1 << 20)
    assert kept.endswith(b"\n")
    assert 0 < kept.count(b"\n") < 10_000
    os.close(reader)
    logger.info("nobody_reads")
    os.close(writer)


def test_a_refused_reload_is_told_with_its_mistakes(rig, caplog):
    control = rig(SPEC).start()
    control.write_spec(SPEC + "wokers: 3\n")
    with caplog.at_level(logging.INFO, "casino.control"):
        control.ask("POST", "/reload")
        control.write_spec(SPEC.replace("404", "403"))
        control.ask("POST", "/reload")
        until(lambda: "reload_applied" in caplog.messages)
    refused = next(record for record in caplog.records if record.message == "reload_refused")
    assert "casino.yaml:3:1" in refused.fields["error.message"]
