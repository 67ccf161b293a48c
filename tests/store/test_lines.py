import json
import logging
import os

from gateway.store.lines import Lines


def written(log):
    reader, writer = os.pipe()
    handler = Lines("casino.control", writer)
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
    logger.addHandler(Lines("casino.control", writer))
    for _ in range(10_000):
        logger.info("reload_applied")
    kept = os.read(reader, 1 << 20)
    assert kept.endswith(b"\n")
    assert 0 < kept.count(b"\n") < 10_000
    os.close(reader)
    logger.info("nobody_reads")
    os.close(writer)
