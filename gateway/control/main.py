"""The control process: an event loop, the control plane, and its Sanic app on the inherited socket.

It ends when the supervisor says so; whatever kills it before is made good by its successor.
"""

import asyncio

import uvloop
from sanic import Sanic
from sanic.server.async_server import AsyncioServer

from gateway.control.app import build_app
from gateway.control.door import Door
from gateway.control.plane import ControlPlane
from gateway.control.resolve import Names
from gateway.control.waiting import until
from gateway.store.lines import set_up
from gateway.store.process import Phase, Process

TAKE_OVER_SECONDS = 5.0
"""What lies in the run directory may also be left by a build that died: then nobody else answers."""
LAST_REQUEST_SECONDS = 0.5
"""Time for the request of a connection that was accepted just before."""


def main(process: Process) -> None:
    """Run until the build stops."""
    set_up("casino.control")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(process, Names()))


async def serve(process: Process, names: Names) -> None:
    """Serve the control port.

    Two builds share its socket during an upgrade. Whoever asks must never meet the one that is not in charge: the new
    one waits until it is ready, and the old one, once replaced, lets go of its connections. A build that ends without
    a successor answers to the last.
    """
    plane = ControlPlane(process, names)
    door = Door(process, lambda: plane.spec.control)
    app = build_app(plane, door, f"casino-{process.build.id}")
    server = await app.create_server(sock=process.control_socket, asyncio_server_kwargs={"start_serving": False})
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.after_start()
    await plane.start()
    if process.run.builds()[0].id != process.build.id:
        await until(lambda: plane.readiness().ready, TAKE_OVER_SECONDS)
    await server.start_serving()
    await plane.reached(Phase.CLOSING)
    if plane.is_replaced:
        server.close()
        await asyncio.sleep(LAST_REQUEST_SECONDS)
        _close_idle(server)
    await plane.reached(Phase.STOP)
    server.close()
    _close_idle(server)
    await plane.stop()
    door.close()
    Sanic.unregister_app(app)


def _close_idle(server: AsyncioServer) -> None:
    for connection in list(server.connections):
        connection.close_if_idle()
