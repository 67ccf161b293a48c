"""The metrics of the two demo services."""

from exporters.catalog.metric import Metric

ANSWERS = Metric("game_answers", "counter", "Answers given, by status code.", ("game", "version", "code"))
ANSWER_SECONDS = Metric(
    "game_answer_seconds",
    "histogram",
    "From a request to its answer, misbehaviour included.",
    ("game", "version"),
    "seconds",
)
FAULTS = Metric("game_faults", "counter", "Requests spoiled on purpose, by how.", ("game", "version", "fault"))
SWITCH = Metric(
    "game_switch", "gauge", "Where each switch stands (seconds, ratio, or 0 and 1).", ("game", "version", "switch")
)

CATALOGUE: tuple[Metric, ...] = (ANSWERS, ANSWER_SECONDS, FAULTS, SWITCH)
