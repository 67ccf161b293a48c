"""The bridge's metrics. `key` is the name of a routing key, never the key itself."""

from exporters.catalog.metric import Metric

WEBHOOKS = Metric(
    "bridge_webhooks", "counter", "Webhooks answered, by status; 503 is tried again by Alertmanager.", ("code",)
)
WEBHOOK_SECONDS = Metric(
    "bridge_webhook_seconds", "histogram", "From a webhook's head to its answer, stored on disk.", (), "seconds"
)
RECEIVED = Metric(
    "bridge_received",
    "counter",
    "Alerts received, by what became of them: opened, closed, repeated, stale, doubtful, healed, heartbeat.",
    ("verdict",),
)
TRUNCATED = Metric(
    "bridge_truncated_alerts", "counter", "Alerts that Alertmanager cut off a webhook (`max_alerts`, which must be 0)."
)
COMMIT_SECONDS = Metric("bridge_commit_seconds", "histogram", "Commits to disk, each of many changes.", (), "seconds")
STORE_FAULTS = Metric("bridge_store_faults", "counter", "Commits that failed: no room, no rights, a broken disk.")
STORE_UP = Metric("bridge_store_up", "gauge", "1 while the last commit succeeded.")
QUEUED = Metric("bridge_queue_events", "gauge", "Events that wait for PagerDuty.", ("key",))
OLDEST = Metric(
    "bridge_queue_oldest_seconds", "gauge", "Age of the oldest event that waits; 0 if none does.", ("key",), "seconds"
)
SENT = Metric("bridge_sent", "counter", "Events that PagerDuty accepted.", ("key", "action"))
FAILED = Metric(
    "bridge_failed_calls",
    "counter",
    "Calls to PagerDuty that did not get an event through: a status, or timeout, network, tls, secret.",
    ("key", "reason"),
)
DELIVERY_SECONDS = Metric(
    "bridge_delivery_seconds", "histogram", "From an event's receipt to PagerDuty's acceptance.", ("key",), "seconds"
)
PAUSED = Metric(
    "bridge_paused_seconds", "gauge", "How long a routing key is still left alone after failures.", ("key",), "seconds"
)
DEAD = Metric("bridge_dead_letters", "gauge", "Events set aside, by reason: refused, expired, unreadable.", ("reason",))
OPEN = Metric("bridge_open_incidents", "gauge", "Incidents that are open as Alertmanager last said.", ("key",))
STORM = Metric("bridge_storm", "gauge", "1 while so much waits for a key that one summary goes before it.", ("key",))
RECONCILED = Metric(
    "bridge_reconciled",
    "counter",
    "Incidents set right: orphaned (resolved), untold (triggered), lost (triggered again), over (told for the record).",
    ("what",),
)
ALERTMANAGER_UP = Metric(
    "bridge_alertmanager_up", "gauge", "1 if the Alertmanager answered the bridge's last question.", ("alertmanager",)
)
MISMATCHES = Metric(
    "bridge_mismatches", "gauge", "Open incidents that no Alertmanager lists, or alerts the bridge was not told of."
)
WATCHDOG_AGE = Metric(
    "bridge_watchdog_age_seconds", "gauge", "Time since the Watchdog was heard of, or since the start.", (), "seconds"
)
SENDING = Metric("bridge_sending", "gauge", "1 on the bridge that sends; of a pair, the other one stores.")
PEER_UP = Metric("bridge_peer_up", "gauge", "1 if the other bridge of the pair answers.")
FAULTS = Metric("bridge_faults", "counter", "Background work that failed and was begun again.", ("task",))

LABELS = {
    "code": "the status",
    "verdict": "what an alert means, given what is known of its incident",
    "key": "the name of a routing key in `pagerduty.keys`",
    "action": "`trigger`, `resolve` or `change`",
    "reason": "why",
    "what": "what was wrong",
    "alertmanager": "its URL",
    "task": "a kind of background work",
}
"""What each label holds."""

CATALOGUE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
