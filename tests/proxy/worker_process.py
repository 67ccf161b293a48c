"""One real worker, without supervisor or control: `python -m tests.proxy.worker_process RUN_DIR BUILD_ID LISTENERS`.

LISTENERS are descriptors it inherits, each with `=` and a `Listener` in JSON behind it.
"""

import signal
import socket
import sys
from pathlib import Path

import msgspec

from gateway.proxy import worker
from gateway.spec.listen import Listener
from gateway.store.keyring import Keyring
from gateway.store.process import Process
from gateway.store.rundir import RunDir
from gateway.store.slot import Slot

if __name__ == "__main__":
    path, build_id, *listeners = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = RunDir(Path(path))
    build = run.build(build_id)
    slot = Slot.open(build.slot("worker-1"), writable=True)
    slot.own()
    opened = []
    for text in listeners:
        number, _, kind = text.partition("=")
        opened.append((msgspec.json.decode(kind, type=Listener), socket.socket(fileno=int(number))))
    worker.main(
        Process(
            name="worker-1",
            number=1,
            build=build,
            run=run,
            slot=slot,
            supervisor=Slot.open(build.slot("supervisor")),
            control=Slot.open(build.slot("control")),
            workers=(slot.path,),
            listeners=tuple(opened),
            keyrings={listener.address: Keyring(listener.tls) for listener, _ in opened if listener.tls},
            control_socket=socket.socket(),
            spec_path=run.path / "casino.yaml",
            stage=None,
        )
    )
