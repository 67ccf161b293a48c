import asyncio
import logging

from gateway.control import tasks
from gateway.control.tasks import Tasks


def test_work_that_fails_is_told_counted_and_begun_again(caplog, monkeypatch):
    monkeypatch.setattr(tasks, "PAUSE_SECONDS", 0)
    faults, done = [], []

    async def run():
        async def work():
            if len(faults) < 2:
                raise ZeroDivisionError
            done.append(True)

        kept = Tasks("check", lambda: faults.append(True))
        kept.keep({"a": work})
        async with asyncio.timeout(5):
            while not done:
                await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert (len(faults), len(done)) == (2, 1)
    assert "ZeroDivisionError" in caplog.text


def test_only_what_is_wanted_goes_on_and_what_goes_on_is_not_begun_again():
    begun, ended = [], []

    def work(name):
        async def forever():
            begun.append(name)
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(name)

        return forever

    async def run():
        kept = Tasks("check", lambda: None)
        kept.keep({"a": work("a"), "b": work("b")})
        await asyncio.sleep(0)
        kept.keep({"b": work("b"), "c": work("c")})
        await asyncio.sleep(0)
        await kept.stop()

    asyncio.run(run())
    assert sorted(begun) == ["a", "b", "c"]
    assert sorted(ended) == ["a", "b", "c"]
