"""`casino serve`: puts the gateway's processes together."""

from pathlib import Path

from gateway.control import main as control
from gateway.proxy import worker
from gateway.serve import writer
from gateway.serve.supervisor import Mains, serve


def run(path: Path, *, stage: str | None, run_dir: Path | None, upgrade: bool) -> int:
    """Run a gateway until it is told to stop; return the exit code."""
    mains = Mains(worker=worker.main, control=control.main, writer=writer.main)
    return serve(path, mains=mains, stage=stage, run_dir=run_dir, upgrade=upgrade)
