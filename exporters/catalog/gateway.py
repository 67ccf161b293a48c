"""The gateway's metrics. Labels are bounded: names from the spec, never paths, hosts or addresses of clients."""

from exporters.catalog.metric import Metric

# ---- requests: what objectives, dashboards and releases are computed from
REQUESTS = Metric(
    "gateway_requests",
    "counter",
    "Requests that count for availability, by class (2xx to 5xx, 499) and by who answered (upstream, gateway, client).",
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
FAILURES = Metric("gateway_failures", "counter", "Answers by the name of what went wrong.", ("route", "failure"))
IN_FLIGHT = Metric("gateway_in_flight_requests", "gauge", "Requests begun and not yet answered whole.", ("route",))
RECEIVED = Metric(
    "gateway_received_bytes", "counter", "Bytes of request bodies received from clients.", ("route",), "bytes"
)
SENT = Metric("gateway_sent_bytes", "counter", "Bytes of response bodies sent to clients.", ("route",), "bytes")

# ---- connections
CONNECTIONS = Metric("gateway_connections", "gauge", "Client connections open.", ("worker",))
ACCEPTED = Metric("gateway_connections_accepted", "counter", "Client connections accepted.")
REFUSED = Metric(
    "gateway_connections_refused", "counter", "Client connections closed at once.", ("reason",)
)  # connections, per_address, proxy_protocol

# ---- upstreams
UPSTREAM_REQUESTS = Metric(
    "gateway_upstream_requests",
    "counter",
    "Calls to targets by outcome: success, failure (5xx or no answer), canceled by the client.",
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
    "Connections opened to a target, by result (success, refused, timeout, tls, dns).",
    ("upstream", "version", "target", "result"),
)
UPSTREAM_WAITING = Metric(
    "gateway_upstream_waiting_requests", "gauge", "Requests waiting for a connection to a target.",
    ("upstream", "version", "target"),
)  # fmt: skip
RETRIES = Metric(
    "gateway_retries",
    "counter",
    "Retries by reason, and those the budget refused (result `refused`).",
    ("upstream", "reason", "result"),
)
TARGET_UP = Metric(
    "gateway_target_up",
    "gauge",
    "1 while a target takes traffic by its health check.",
    ("upstream", "version", "target"),
)
HEALTH_CHECKS = Metric(
    "gateway_health_checks", "counter", "Active health checks by result.", ("upstream", "version", "target", "result")
)
EJECTIONS = Metric(
    "gateway_ejections", "counter", "Times a target was ejected as an outlier.", ("upstream", "version", "target")
)
EJECTED = Metric("gateway_target_ejected", "gauge", "1 while a target is ejected.", ("upstream", "version", "target"))
BREAKER_STATE = Metric("gateway_breaker_state", "gauge", "0 closed, 1 half open, 2 open.", ("upstream", "version"))
BREAKER_TRANSITIONS = Metric(
    "gateway_breaker_transitions",
    "counter",
    "Changes of a breaker, by the state entered.",
    ("upstream", "version", "state"),
)
BREAKER_PROBES = Metric(
    "gateway_breaker_probes",
    "counter",
    "Requests let through by a half-open breaker: `started`, and how each ended (success, failure, canceled).",
    ("upstream", "version", "outcome"),
)
DNS_LOOKUPS = Metric("gateway_dns_lookups", "counter", "Look-ups of target names by result.", ("result",))

# ---- the process tree
RELOADS = Metric("gateway_reloads", "counter", "Reloads by result (applied, unchanged, refused).", ("result",))
RELOAD_OK = Metric("gateway_reload_success", "gauge", "1 if the last reload was applied or changed nothing.")
GENERATION = Metric("gateway_generation", "gauge", "The snapshot a worker applies.", ("worker",))
CONFIG_INFO = Metric(
    "gateway_config_info", "gauge", "1 for the content hash of the snapshot each worker applies.", ("worker", "hash")
)
LOOP_LAG = Metric(
    "gateway_loop_lag_seconds", "histogram", "How late a worker's event loop runs its timers.", ("worker",), "seconds"
)
LOG_LINES = Metric("gateway_log_lines", "counter", "Access-log lines handed to the log writer.")
LOG_DROPPED = Metric("gateway_log_dropped", "counter", "Access-log lines lost because the sink was too slow.")
LOG_WRITTEN = Metric("gateway_log_written_bytes", "counter", "Bytes written to the log's sink.", (), "bytes")
PROCESS_STARTS = Metric("gateway_process_starts", "counter", "Starts of each process.", ("process",))
PROCESS_DEATHS = Metric(
    "gateway_process_deaths", "counter", "Processes that died or hung and were replaced.", ("process", "reason")
)
CRASH_LOOP = Metric(
    "gateway_process_backoff_seconds", "gauge", "How long a crash-looping process waits.", ("process",), "seconds"
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
    "Background work of the control process that failed and was begun again.",
    ("task",),
)
OVERFLOW = Metric(
    "gateway_series_overflow", "counter", "Times a new series was refused by the cap and `__overflow__` used instead."
)
BUILD = Metric("casino_build_info", "gauge", "1 for the build that runs.", ("version", "python", "sanic"))

CATALOGUE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
