"""Metrics of the watchers themselves, as Prometheus 2.42 and Alertmanager 0.25 and their successors name them."""

from exporters.catalog.metric import Metric

UP = Metric("up", "gauge", "1 if the last scrape of a target went well.")
RELOADED = Metric("prometheus_config_last_reload_successful", "gauge", "1 if Prometheus took its configuration.")
RULE_FAILURES = Metric(
    "prometheus_rule_evaluation_failures", "counter", "Rule evaluations that failed.", ("rule_group",)
)
RULES_MISSED = Metric(
    "prometheus_rule_group_iterations_missed", "counter", "Evaluations left out, the last one taking too long.", ("rule_group",)
)  # fmt: skip
ALERTMANAGERS = Metric("prometheus_notifications_alertmanagers_discovered", "gauge", "Alertmanagers that are told.")
NOTIFICATION_ERRORS = Metric(
    "prometheus_notifications_errors", "counter", "Alerts not delivered to an Alertmanager.", ("alertmanager",)
)
NOTIFICATIONS_SENT = Metric("prometheus_notifications_sent", "counter", "Alerts sent.", ("alertmanager",))
NOTIFICATIONS_DROPPED = Metric("prometheus_notifications_dropped", "counter", "Alerts given up.")
SAMPLE_LIMIT = Metric(
    "prometheus_target_scrapes_exceeded_sample_limit", "counter", "Scrapes refused for having too many samples."
)
ALERTMANAGER_RELOADED = Metric(
    "alertmanager_config_last_reload_successful", "gauge", "1 if Alertmanager took its configuration."
)
ALERTMANAGER_FAILED = Metric(
    "alertmanager_notifications_failed", "counter", "Notifications that failed.", ("integration",)
)
ALERTMANAGER_NOTIFIED = Metric("alertmanager_notifications", "counter", "Notifications tried.", ("integration",))

CATALOGUE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
