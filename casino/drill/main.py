"""`casino drill`: reads what is wanted, runs it on stacks of its own, prints what came of it."""

import asyncio
import sys
import time
from pathlib import Path

from msgspec import Struct

from casino.drill.drill import Drill, Say, Waves
from casino.drill.fault import Fault, Ground, Undrilled
from casino.drill.faults import faults, undrilled
from casino.drill.ground import Site, missing, scale_of
from casino.drill.key import listed
from casino.drill.plan import by_ground, chosen
from casino.drill.report import as_json, listing, table
from casino.layout import PortlessError, SeatError
from casino.paint import Paint
from casino.stack import Failed, Stack, Stopped
from gateway.spec.load import load
from gateway.spec.model import Spec
from gateway.spec.problem import SpecErrors

FINE, FINDING, UNUSABLE, INTERRUPTED = 0, 1, 2, 130


class Wish(Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    path: Path
    stage: str | None = None
    names: tuple[str, ...] = ()
    """Faults and alerts; none: all."""
    scale: float | None = None
    """Of all grounds but the clock's; None: each ground's own."""
    as_json: bool = False
    list: bool = False


def drill(wish: Wish) -> int:
    """Run a drill; return the exit code."""
    try:
        spec = load(wish.path, wish.stage).spec
    except SpecErrors as refused:
        print(*refused.problems, sep="\n", file=sys.stderr)
        return UNUSABLE
    every, left = faults(spec), undrilled(spec)
    wanted, unknown = (every, ()) if not wish.names else chosen(every, wish.names)
    if unknown:
        return _unknown(unknown, left)
    if wish.list:
        print(listing(wanted, left))
        return FINE
    if lacking := missing():
        print(
            f"casino drill: this machine lacks {', '.join(lacking)} ",
            file=sys.stderr,
        )
        return UNUSABLE
    return _run(spec, wanted, () if wish.names else left, wish)


def _unknown(names: tuple[str, ...], left: tuple[Undrilled, ...]) -> int:
    reasons = {str(each.key): each.reason for each in left} | {each.key.name: each.reason for each in left}
    for name in names:
        why = reasons.get(name, "there is no such fault or alert; see `casino drill --list`")
        print(f"casino drill: {name}: {why}", file=sys.stderr)
    return UNUSABLE


def _run(spec: Spec, wanted: tuple[Fault, ...], left: tuple[Undrilled, ...], wish: Wish) -> int:
    stack = Stack()
    alerts = {each.key: each.alert for each in listed(spec)}
    work = Drill(stack, alerts, _progress(quiet=wish.as_json))
    code = FINDING
    try:
        waves = by_ground(wanted, alerts)
        sites = {ground: _site(ground, spec, waves[ground], stack, wish.scale) for ground in waves}
        asyncio.run(work.run(waves, sites))
        code = FINE if all(each.verdict.is_proof for each in work.outcomes) else FINDING
    except (PortlessError, SeatError) as error:
        print(error, file=sys.stderr)
        code = UNUSABLE
    except Stopped:
        print("\nStopping.", file=sys.stderr, flush=True)
        code = INTERRUPTED
    except Failed as failure:
        print(f"casino drill: {failure}. All output: {stack.folder}", file=sys.stderr)
    finally:
        stack.stop()
    outcomes = sorted(work.outcomes, key=lambda each: (each.alert, -each.scale))
    print(as_json(outcomes, left) if wish.as_json else table(outcomes, left, Paint(sys.stdout)))
    if code in {FINE, INTERRUPTED}:
        stack.forget()
    else:
        print(f"All output: {stack.folder}", file=sys.stderr)
    return code


def _site(ground: Ground, spec: Spec, waves: Waves, stack: Stack, scale: float | None) -> Site:
    keys = frozenset(trial.key for wave in waves for fault in wave for trial in fault.trials)
    return Site(ground, spec, scale=scale_of(ground, scale), stack=stack, keys=keys)


def _progress(*, quiet: bool) -> Say:
    began = time.monotonic()

    def say(text: str) -> None:
        if not quiet:
            minutes, seconds = divmod(int(time.monotonic() - began), 60)
            print(f"{minutes:02}:{seconds:02}  {text}", flush=True)

    return say
