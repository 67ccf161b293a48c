import asyncio
from contextlib import ExitStack

import pytest

from tests.store.servers import Client, RedisServer, SqliteFile


@pytest.fixture
def ends():
    """Where tests leave what must end with them."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def connect(ends):
    """Open clients of a store on one event loop."""
    runner = ends.enter_context(asyncio.Runner())

    def open_client(store, session="one"):
        client = Client(runner, store, session)
        ends.callback(client.close)
        return client

    return open_client


@pytest.fixture
def redis(tmp_path, ends):
    server = RedisServer(tmp_path)
    ends.callback(server.end)
    return server


@pytest.fixture(params=[RedisServer, SqliteFile], ids=["redis", "sqlite"])
def site(request, tmp_path, ends):
    """A real store of each kind."""
    place = request.param(tmp_path)
    ends.callback(place.end)
    return place
