"""The control process: an event loop, the control plane, and its Sanic app on the inherited socket.

It ends when the supervisor says so; whatever kills it before is made good by its successor.
"""

import asyncio

import uvloop
from sanic import Sanic

from gateway.control.app import build_app
from gateway.control.logs import set_up
from gateway.control.plane import ControlPlane
from gateway.control.resolve import Names
from gateway.store.process import Phase, Process


def main(process: Process) -> None:
    """Run until the build stops."""
    set_up()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(process, Names()))


async def serve(process: Process, names: Names) -> None:
    """Serve the control port; a draining build goes on answering until it is told to accept no more."""
    plane = ControlPlane(process, names)
    app = build_app(plane, f"casino-{process.build.id}")
    server = await app.create_server(sock=process.control_socket)
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.after_start()
    await plane.start()
    await plane.reached(Phase.CLOSING)
    server.close()
    await plane.reached(Phase.STOP)
    await plane.stop()
    Sanic.unregister_app(app)
