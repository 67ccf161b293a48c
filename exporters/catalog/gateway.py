"""The gateway's metrics. Labels are bounded: names from the spec, never paths, hosts or addresses of clients.

Beyond `metrics.series` a worker counts new series of a family in one whose labels all read `__overflow__`.
"""

from exporters.catalog.metric import Metric

# ---- requests: what objectives, dashboards and releases are computed from
REQUESTS = Metric(
    "gateway_requests",
    "counter",
    "Requests that count for availability, by class (2xx to 5xx, 499) and by whose doing the answer is.",
    ("route", "arm", "class", "source"),
)
FIRST_BYTE = Metric(
    "gateway_first_byte_seconds",
    "histogram",
    "From the end of the request head to the first byte of the answer.",
    ("route", "arm"),
    "seconds",
)
DURATION = Metric(
    "gateway_request_duration_seconds",
    "histogram",
    "From the end of the request head to the last byte of the answer.",
    ("route", "arm"),
    "seconds",
)
RESPONSES = Metric(
    "gateway_responses",
    "counter",
    "Every answer, those that count for no objective too; one for each access-log line written or dropped.",
    ("route", "method", "code"),
)
FAILURES = Metric(
    "gateway_failures",
    "counter",
    "Failed requests, by the name that log and header give the failure.",
    ("route", "failure"),
)
IN_FLIGHT = Metric("gateway_in_flight_requests", "gauge", "Requests begun and not yet answered whole.", ("route",))
RECEIVED = Metric(
    "gateway_received_bytes", "counter", "Bytes of request bodies received from clients.", ("route",), "bytes"
)
SENT = Metric("gateway_sent_bytes", "counter", "Bytes of response bodies sent to clients.", ("route",), "bytes")
PREFLIGHTS = Metric(
    "gateway_cors_preflights",
    "counter",
    "CORS preflights answered by the gateway: granted, or refused (a foreign origin, a method or header not listed).",
    ("route", "result"),
)

# ---- who calls
IDENTITY = Metric(
    "gateway_identity",
    "counter",
    "Requests to routes that demand a caller, by means and result; shown to callers, all but `good` look alike.",
    ("route", "means", "result"),
)
PASSWORD_HASHES = Metric(
    "gateway_password_hashes", "counter", "Passwords hashed: credentials of HTTP Basic that were not remembered."
)

# ---- connections
CONNECTIONS = Metric("gateway_connections", "gauge", "Client connections open.", ("worker",))
ACCEPTED = Metric("gateway_connections_accepted", "counter", "Client connections accepted.")
REFUSED = Metric(
    "gateway_connections_refused",
    "counter",
    "Client connections closed at once, because of a bound (connections, per_address) or a bad preface (proxy_protocol).",
    ("reason",),
)

# ---- TLS with clients
HANDSHAKES = Metric(
    "gateway_tls_handshakes",
    "counter",
    "Handshakes by result: full, resumed; refused (no common version or cipher, not TLS), certificate (the client's is "
    "missing or not trusted), timeout, left (by the client), crowded (too many under way).",
    ("result", "version"),
)
CERTIFICATE_EXPIRY = Metric(
    "gateway_certificate_expiry_timestamp_seconds",
    "gauge",
    "When the certificate that a worker shows ends, in Unix time.",
    ("certificate", "worker"),
    "seconds",
)
CERTIFICATE_RELOADS = Metric(
    "gateway_certificate_reloads",
    "counter",
    "Times a worker read a changed certificate, key or authority, by result (applied, refused: the last good one stays).",
    ("certificate", "result"),
)

# ---- upstreams
UPSTREAM_REQUESTS = Metric(
    "gateway_upstream_requests",
    "counter",
    "Calls to targets by outcome: success, failure (a 5xx or no answer), canceled (the client left, or no descriptor was left).",
    ("upstream", "version", "target", "outcome"),
)
UPSTREAM_SECONDS = Metric(
    "gateway_upstream_first_byte_seconds",
    "histogram",
    "From the call sent to the first byte of the target's answer.",
    ("upstream", "version"),
    "seconds",
)
UPSTREAM_IN_FLIGHT = Metric(
    "gateway_upstream_in_flight_requests", "gauge", "Calls to a target under way.", ("upstream", "version", "target")
)
UPSTREAM_CONNECTIONS = Metric(
    "gateway_upstream_connections", "gauge", "Open connections to a target.", ("upstream", "version", "target")
)
UPSTREAM_CONNECTS = Metric(
    "gateway_upstream_connects",
    "counter",
    "Connections opened to a target, by result (success, refused, timeout, tls).",
    ("upstream", "version", "target", "result"),
)
UPSTREAM_WAITING = Metric(
    "gateway_upstream_waiting_requests", "gauge", "Requests waiting for a connection to a target.",
    ("upstream", "version", "target"),
)  # fmt: skip
RETRIES = Metric(
    "gateway_retries",
    "counter",
    "Retries by reason, allowed by the budget or refused.",
    ("upstream", "reason", "result"),
)
TARGET_UP = Metric(
    "gateway_target_up",
    "gauge",
    "1 while an address of the target takes traffic by its health check, or has none; 0 too while its name has no address.",
    ("upstream", "version", "target"),
)
HEALTH_CHECKS = Metric(
    "gateway_health_checks",
    "counter",
    "Active health checks by result (good, status, timeout, connect, tls, protocol).",
    ("upstream", "version", "target", "result"),
)
EJECTIONS = Metric(
    "gateway_ejections", "counter", "Times a target was ejected as an outlier.", ("upstream", "version", "target")
)
EJECTED = Metric("gateway_target_ejected", "gauge", "1 while a target is ejected.", ("upstream", "version", "target"))
BREAKER_STATE = Metric("gateway_breaker_state", "gauge", "0 closed, 1 half open, 2 open.", ("upstream", "version"))
BREAKER_TRANSITIONS = Metric(
    "gateway_breaker_transitions",
    "counter",
    "Changes of a breaker, by the state entered (closed, half_open, open).",
    ("upstream", "version", "state"),
)
BREAKER_PROBES = Metric(
    "gateway_breaker_probes",
    "counter",
    "Requests let through by a half-open breaker: `started`, and how each ended (success, failure, canceled).",
    ("upstream", "version", "outcome"),
)
DNS_LOOKUPS = Metric(
    "gateway_dns_lookups", "counter", "Look-ups of target names by result (success, failure).", ("result",)
)

# ---- tokens and the keys they are verified with
TOKENS = Metric(
    "gateway_tokens",
    "counter",
    "Tokens by verdict: cached or good; why refused (malformed, wrong_algorithm, wrong_issuer, wrong_audience, expired, "
    "not_yet_valid, unknown_key, bad_signature); not looked at (throttled_client, throttled_time).",
    ("issuer", "result"),
)
KEY_MISSES = Metric(
    "gateway_key_misses", "counter", "Times a worker asked for an issuer's keys because a token named an unknown one.",
    ("issuer",),
)  # fmt: skip
KEY_FETCHES = Metric(
    "gateway_key_fetches",
    "counter",
    "Key sets asked for by result: good, unreachable, timeout, status, too_large, garbage, empty, private, too_many.",
    ("issuer", "result"),
)
KEYS = Metric(
    "gateway_issuer_keys", "gauge", "Keys of an issuer in its last good set; 0 if there was none.", ("issuer",)
)
KEYS_AGE = Metric(
    "gateway_issuer_keys_age_seconds",
    "gauge",
    "Time since an issuer's key set was last fetched and found good.",
    ("issuer",),
    "seconds",
)

# ---- limits
LIMITED = Metric("gateway_limited", "counter", "Requests refused by a limit.", ("route", "limit"))
LIMIT_KEYS = Metric(
    "gateway_limit_keys", "gauge", "Callers a worker keeps count of, once for each limit; 73,728 at most.", ("worker",)
)
LIMIT_EVICTIONS = Metric(
    "gateway_limit_evictions",
    "counter",
    "Callers a worker forgot before their time, or did not count, because too many others were counted.",
)
DEBITS_DROPPED = Metric(
    "gateway_debits_dropped", "counter", "Requests that were not told to the store because too many keys waited for it."
)

# ---- what gateways share
STORE_UP = Metric("gateway_store_up", "gauge", "1 while the store answers, 0 while limits are this gateway's own.")
STORE_EXCHANGES = Metric(
    "gateway_store_exchanges",
    "counter",
    "Exchanges with the store by result (ok, timeout, unreachable, denied, refused).",
    ("result",),
)
STORE_SECONDS = Metric("gateway_store_seconds", "histogram", "How long an exchange with the store took.", (), "seconds")
STORE_UNSENT = Metric(
    "gateway_store_unsent_requests", "gauge", "Requests let through that the store has not heard of yet."
)

# ---- the process tree
RELOADS = Metric(
    "gateway_reloads",
    "counter",
    "Reloads by result (applied, unchanged, refused, failed: it could not be written).",
    ("result",),
)
RELOAD_OK = Metric("gateway_reload_success", "gauge", "1 if the last reload was applied or changed nothing.")
GENERATION = Metric(
    "gateway_generation", "gauge", "Generation of the snapshot a worker applies; it never falls.", ("worker",)
)
CONFIG_INFO = Metric(
    "gateway_config_info", "gauge", "1 for the content hash of the snapshot each worker applies.", ("worker", "hash")
)
NOT_APPLIED = Metric(
    "gateway_documents_not_applied",
    "counter",
    "Times a worker could not apply what control published, and went on with what it had.",
    ("document",),
)
LOOP_LAG = Metric(
    "gateway_loop_lag_seconds", "histogram", "How late a worker's event loop runs its timers.", ("worker",), "seconds"
)
LOG_LINES = Metric("gateway_log_lines", "counter", "Access-log lines handed to the log writer.")
LOG_DROPPED = Metric(
    "gateway_log_dropped",
    "counter",
    "Answers without a line in the access log: the sink was too slow (sink), or it was one of many refusals (overload).",
    ("reason",),
)
LOG_WRITTEN = Metric("gateway_log_written_bytes", "counter", "Bytes written to the log's sink.", (), "bytes")
PROCESS_STARTS = Metric("gateway_process_starts", "counter", "Starts of each process.", ("process",))
PROCESS_DEATHS = Metric(
    "gateway_process_deaths",
    "counter",
    "Processes that died (exited, killed) or hung (stopped, blocked, busy, silent) and were replaced.",
    ("process", "reason"),
)
CRASH_LOOP = Metric(
    "gateway_process_backoff_seconds", "gauge", "How long a crash-looping process waits.", ("process",), "seconds"
)
RUN_DIR_LOST = Metric(
    "gateway_run_directory_lost",
    "gauge",
    "1 while the run directory is deleted, until it is back or the gateway has started anew.",
)
UPGRADES_ABANDONED = Metric(
    "gateway_upgrades_abandoned",
    "counter",
    "New builds that did not replace the one that serves: they ended before they were ready, or said nothing and were killed.",
)
HEARTBEAT_AGE = Metric(
    "gateway_process_heartbeat_age_seconds",
    "gauge",
    "Time since a process last said that its loop turns.",
    ("process",),
    "seconds",
)
CONTROL_FAULTS = Metric(
    "gateway_control_faults",
    "counter",
    "Work of the control process (loop, check, resolve, keys) that failed and was begun again.",
    ("task",),
)
CONTROL_REQUESTS = Metric(
    "gateway_control_requests",
    "counter",
    "Calls to the control port by the role they need, and by what became of them at the door (allowed, ambiguous, "
    "foreign, unauthenticated, forbidden, limited).",
    ("role", "result"),
)
CONTROL_AUDIT_LINES = Metric(
    "gateway_control_audit_lines", "counter", "Lines of the audit log that its sink took (written), or did not (lost).",
    ("result",),
)  # fmt: skip
OVERFLOW = Metric(
    "gateway_series_overflow", "counter", "Times a new series was refused by the cap and `__overflow__` used instead."
)
BUILD = Metric("casino_build_info", "gauge", "1 for the build that runs.", ("version", "python", "sanic"))

LABELS = {
    "route": "a route of the spec; `-` for requests that match none",
    "arm": "the version a request was sent to; `-` if it was sent nowhere",
    "class": "of the status: `2xx`, `3xx`, `4xx`, `5xx`; `499` for a client that left",
    "source": "whose doing the answer is: `upstream`, `gateway` or `client`",
    "means": "how a caller proves who it is: `key`, `jwt`, `basic`, `certificate`; `-` if nothing was shown",
    "method": "of the request; `-` if it is none that HTTP knows",
    "code": "the status",
    "failure": "one name for each way to fail, the same in the log and in the header Casino-Failure",
    "worker": "the worker's number, from 1",
    "process": "`worker-1` and so on, `control`, `writer`, `supervisor`",
    "upstream": "an upstream of the spec",
    "version": "a version of it; of `casino_build_info`: the release that runs; of a handshake: `1.2`, `1.3`, `-` if it failed",
    "certificate": "the file, as an absolute path",
    "target": "a target's URL as the spec writes it",
    "outcome": "how a call ended",
    "result": "how an attempt ended",
    "reason": "why",
    "role": "what a call to control needs: `read` or `operate`",
    "state": "of a breaker",
    "issuer": "an issuer of the spec; `-` if a token names none, or was not looked at",
    "limit": "a limit of the spec",
    "hash": "content hash of a snapshot",
    "document": "what control publishes: `snapshot`, `endpoints`, `keysets`",
    "task": "a kind of background work",
    "python": "the interpreter that runs",
    "sanic": "the framework that runs",
}
"""What each label holds."""

CATALOGUE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
