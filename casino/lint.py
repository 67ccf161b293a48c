"""`casino alerts lint`: reads rule files and what they are judged by, prints what is wrong with them."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import msgspec
import yaml
from prometheus_client.parser import text_string_to_metric_families

from alerts.lint.bundle import Inhibition, inhibitions
from alerts.lint.inventory import Inventory, Kind, Known, catalogue
from alerts.lint.judge import Surroundings
from alerts.lint.judge import lint as judge
from alerts.lint.series import Bounds
from alerts.lint.source import seconds_in
from casino.exits import FINDING, FINE, UNUSABLE

SCRAPE_SECONDS, MOST_BYTES = 10.0, 100_000_000
_KINDS: dict[str, Kind] = {"counter": "counter", "gauge": "gauge", "histogram": "histogram"}


class UnusableError(Exception):
    """What was given cannot be read."""


def lint(
    files: Sequence[Path],
    *,
    metrics: str | None = None,
    alertmanager: Path | None = None,
    bounds: tuple[str, str | None] = ("15s", None),
    as_json: bool = False,
) -> int:
    """Judge rule files and return the exit code: 0 nothing found, 1 something, 2 a file or an option cannot be read."""
    try:
        where = Surroundings(
            inventory=_inventory(metrics), bounds=_bounds(*bounds), inhibits=_inhibitions(alertmanager)
        )
    except UnusableError as unusable:
        _refuse(unusable)
        return UNUSABLE
    texts = dict(_readable(files))
    is_whole = all(str(path) in texts for path in files)
    findings = judge(texts, msgspec.structs.replace(where, is_whole=is_whole))
    if as_json:
        rows = [{**msgspec.structs.asdict(finding), "level": finding.level} for finding in findings]
        print(json.dumps(rows, indent=2))
    else:
        print(*findings, sep="\n", end="\n" if findings else "")
    if not is_whole:
        return UNUSABLE
    return FINDING if findings else FINE


def _readable(files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield each file that can be read, and tell of the others."""
    for path in files:
        try:
            yield str(path), _text(path)
        except UnusableError as unusable:
            _refuse(unusable)


def _refuse(unusable: UnusableError) -> None:
    print(f"casino alerts lint: {unusable}", file=sys.stderr)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError(f"{path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None


def _bounds(scrape: str, retention: str | None) -> Bounds:
    seconds, kept = seconds_in(scrape), None if retention is None else seconds_in(retention)
    if not seconds or (retention is not None and not kept):
        raise UnusableError("a time is written like 15s or 30d")
    return Bounds(seconds, kept)


def _inhibitions(path: Path | None) -> tuple[Inhibition, ...]:
    if path is None:
        return ()
    try:
        config = yaml.safe_load(_text(path))
    except RecursionError:
        raise UnusableError(f"{path}: it is nested too deeply") from None
    except yaml.YAMLError as error:
        raise UnusableError(f"{path}: {getattr(error, 'problem', 'it is no YAML')}") from None
    if not isinstance(config, dict):
        raise UnusableError(f"{path}: it is no configuration of Alertmanager")
    try:
        return inhibitions(config)
    except ValueError as error:
        raise UnusableError(f"{path}: {error}") from None


def _inventory(metrics: str | None) -> Inventory:
    if metrics is None:
        return catalogue()
    text = _fetched(metrics) if metrics.startswith(("http://", "https://")) else _text(Path(metrics))
    try:
        seen = dict(_seen(text))
    except ValueError as error:
        raise UnusableError(f"{metrics}: no metrics: {str(error) or 'a line is no sample'}") from None
    return catalogue().with_more(seen, is_complete=True)


def _fetched(url: str) -> str:
    try:
        with httpx.stream("GET", url, timeout=SCRAPE_SECONDS, headers={"Accept": "text/plain"}) as answer:
            answer.raise_for_status()
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise UnusableError(f"{url}: more than {MOST_BYTES} bytes")
    except httpx.HTTPError as error:
        raise UnusableError(f"{url}: {error}") from None
    return body.decode(errors="replace")


def _seen(text: str) -> dict[str, Known]:
    """Return each sample name with the labels that any of its samples has, and what scraping adds."""
    found: dict[str, Known] = {}
    for family in text_string_to_metric_families(text):
        kind = _KINDS.get(family.type, "unknown")
        for sample in family.samples:
            before = found.get(sample.name, Known(kind, frozenset({"job", "instance"})))
            edges = before.edges | {sample.labels["le"]} if "le" in sample.labels else before.edges
            found[sample.name] = Known(kind, (before.labels or frozenset()) | sample.labels.keys(), edges)
    return found
