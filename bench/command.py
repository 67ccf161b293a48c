"""What `casino bench` does: run the benchmark, write the report to build/bench, say which targets are reached."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import msgspec

from bench.machine import UnfitError, choose_cores, raise_open_files
from bench.plot import draw
from bench.product import HERE, PRODUCTS
from bench.profile import profile
from bench.report import markdown
from bench.results import Results
from bench.run import Run, encode, installed, say, scenarios
from bench.scenarios.scenario import Setting
from bench.targets import Verdict, judge_all

CHECKOUT = HERE.parent
SECONDS, QUICK_SECONDS = 6.0, 2.0
ROUNDS = 3
FINE, FINDING, UNUSABLE = 0, 1, 2


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for; `casino bench --help` says what each means."""

    only: tuple[str, ...] = ()
    peers: tuple[str, ...] | None = None
    without_casino: bool = False
    rounds: int | None = None
    seconds: float | None = None
    quick: bool = False
    out: Path | None = None
    publish: bool = False
    results: tuple[Path, ...] = ()
    as_json: bool = False
    list: bool = False
    profile: bool = False


def bench(wish: Wish) -> int:
    """Do what was asked for; 1 when a target was missed or nothing was measured, 2 when it cannot be done."""
    signal.signal(signal.SIGTERM, stop)
    try:
        check(wish)
        if wish.list:
            return show(wish)
        if wish.profile:
            return profile(seconds=wish.seconds or SECONDS)
        return judge(put_together(wish.results) if wish.results else measure(wish), wish)
    except UnfitError as reason:
        say(f"casino bench: {reason}")
        return UNUSABLE


def check(wish: Wish) -> None:
    """Refuse names that nothing has.

    Raises:
        UnfitError: there is one.

    """
    known(wish.only, [scenario.name for scenario in scenarios()])
    known(wish.peers or (), [product.name for product in PRODUCTS[1:]])


def known(given: Sequence[str], names: Sequence[str]) -> None:
    for name in given:
        if name not in names:
            raise UnfitError(f"unknown: {name}; one of {', '.join(names)}")


def stop(number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that every child is stopped on the way out."""
    raise SystemExit(128 + number)


class Offering(msgspec.Struct, frozen=True):
    """What can be measured here."""

    scenarios: dict[str, str]
    """Titles by name."""
    products: dict[str, str]
    """Why one cannot run, by name; empty when it can."""


def show(wish: Wish) -> int:
    """Print what `--only` and `--peers` may name. Nothing is built for that: who can be built counts as there."""
    offering = Offering(
        scenarios={scenario.name: scenario.title for scenario in scenarios()},
        products={product.name: "" if product.recipe else product.missing() for product in PRODUCTS},
    )
    if wish.as_json:
        sys.stdout.write(msgspec.json.encode(offering).decode() + "\n")
        return FINE
    lines = ["scenarios:", *(f"  {name:<12} {title}" for name, title in offering.scenarios.items())]
    lines += ["products:", *(f"  {name:<12} {reason}".rstrip() for name, reason in offering.products.items())]
    sys.stdout.write("\n".join(lines) + "\n")
    return FINE


def wanted(wish: Wish) -> list[str]:
    peers = wish.peers if wish.peers is not None else [product.name for product in PRODUCTS[1:]]
    return [*([] if wish.without_casino else ["casino"]), *peers]


def measure(wish: Wish) -> Results:
    """Run what was asked for; what was measured before Ctrl-C is kept.

    Raises:
        UnfitError: this machine cannot.

    """
    setting = Setting(
        cores=choose_cores(),
        seconds=wish.seconds or (QUICK_SECONDS if wish.quick else SECONDS),
        quick=wish.quick,
    )
    raise_open_files()
    products, missing = installed(wanted(wish), PRODUCTS)
    for name, reason in missing.items():
        say(f"{name} is left out: {reason}")
    chosen = [scenario for scenario in scenarios() if not wish.only or scenario.name in wish.only]
    run = Run(setting, products, rounds=wish.rounds or (1 if wish.quick else ROUNDS))
    try:
        run.measure(chosen)
    except KeyboardInterrupt:
        say("stopped: the report holds what was measured so far")
    return run.results()


def read(file: Path) -> Results:
    """Take what an earlier run found, so that an hour of measuring need not be repeated to be published.

    Raises:
        UnfitError: it is no such file.

    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as error:
        raise UnfitError(f"{file}: {error}") from None


def put_together(files: Sequence[Path]) -> Results:
    """Let what was measured again stand for what a disturbed run found; the report says so.

    Raises:
        UnfitError: one is no such file, or of another machine.
    """
    results = read(files[0])
    for file in files[1:]:
        try:
            results = results.then(read(file))
        except ValueError as other:
            raise UnfitError(f"{file}: {other}") from None
    return results


def judge(results: Results, wish: Wish) -> int:
    """Write and print what was found."""
    out = wish.out or CHECKOUT / "build" / "bench"
    publish(results, out, "report")
    (out / "results.json").write_bytes(encode(results))
    if wish.publish:
        publish(results, CHECKOUT / "docs", "benchmarks")
    sys.stdout.write(encode(results).decode() if wish.as_json else markdown(results))
    say(f"report: {out / 'report.md'}")
    missed = any(line.verdict is Verdict.FAIL for line in judge_all(results))
    return FINDING if missed or not results.samples else FINE


def publish(results: Results, folder: Path, name: str) -> None:
    """Write report and picture side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"{name}.svg"
    shown = draw(results, picture, *([] if name == "benchmarks" else [folder / f"{name}.png"]))
    (folder / f"{name}.md").write_text(markdown(results, plot=picture.name if shown else None))
