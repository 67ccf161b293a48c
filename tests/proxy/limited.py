"""Routes with limits, and requests to them, for the tests of limits."""

import itertools

SLOW = "rate: 1/m, burst: 3"
"""A limit that gives three requests and then, as far as a test lasts, none."""
OTHER = "{connect: 10s, first_byte: 30s, idle: 30s, total: 50s}"
"""Timeouts that differ from the usual ones: a reload for them leaves limits alone."""

_NUMBERS = itertools.count()


def new_name():
    """Name a limit: what was used of one stays used."""
    return f"fair-{next(_NUMBERS)}"


def parts(name, limit, *, everywhere):
    """Serve `/limited/**` here and all else upstream, under one limit of each route or of all."""
    limits = f"limits: {{{name}: {{{limit}}}}}"
    own = "" if everywhere else f", {limits}"
    return {
        "top": limits if everywhere else "",
        "routes": f"  here: {{match: /limited/**, answer: {{status: 200, body: here}}{own}}}\n"
        f"  echo: {{match: /echo, to: game, upgrades: [echo]{own}}}\n"
        "  free: {match: /free, answer: {status: 200, body: free}}",
        "rest": f"  all: {{match: /**, to: game, body: 1kB{own}}}",
    }


def get(target=b"/limited/x", *lines, method=b"GET", host=b"a"):
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (
        method,
        target,
        host,
        b"".join(b"%b\r\n" % each for each in lines),
    )


def statuses(client, requests):
    return [client.ask(request).status for request in requests]


def exhaust(client, request=None, count=3):
    assert statuses(client, [request or get()] * count) == [200] * count
