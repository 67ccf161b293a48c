"""A spec with all that PagerDuty can be set up with, and an account that has its people."""

from pathlib import Path

import pytest
from msgspec import Struct

from casino.cli import main
from tests.alerts.pagerduty.running import TOKEN, Running

SPEC = """\
casino: 1
teams:
  games: {contact: games@casino.example, pages: games-primary}
pagerduty:
  api_token: {file: token}
  schedules:
    games-primary:
      time_zone: Europe/Berlin
      team: games
      layers:
        nights: {users: [bob@x.example], turn: 1d}
        days:
          users: [ann@x.example, bob@x.example]
          turn: 7d
          during: {days: [mon, tue, wed, thu, fri], from: "08:00", to: "20:00"}
  policies:
    games:
      team: games
      levels:
        - {tell: games-primary, after: 5m}
        - {tell: [games-primary, ann@x.example], after: 15m}
      repeat: 2
  services:
    games: {policy: games, team: games, acknowledged: 30m}
    tables: {policy: games, urgency: low, integrations: [casino, probe]}
"""


class Provisioner(Struct):
    """`casino pagerduty`, with a spec that a test may change."""

    standin: Running
    folder: Path
    capsys: pytest.CaptureFixture

    def run(self, action: str, *words: str, code: int = 0) -> str:
        """Run one action; returns what it printed, errors last."""
        got = main(["pagerduty", action, str(self.spec), "--api-url", self.standin.url, *words])
        printed = self.capsys.readouterr()
        assert TOKEN not in printed.out + printed.err
        assert got == code, printed.out + printed.err
        return printed.out + printed.err

    @property
    def spec(self) -> Path:
        return self.folder / "casino.yaml"

    def edit(self, old: str, new: str) -> None:
        text = self.spec.read_text()
        assert old in text
        self.spec.write_text(text.replace(old, new))

    def writes(self) -> list[str]:
        """Every call so far that changed something."""
        calls = [call["action"] for call in self.standin.timeline(what="rest")]
        return [call for call in calls if not call.startswith("GET")]

    def found(self, many: str, name: str) -> dict:
        """Read an object from the account by its name."""
        listed = self.standin.rest("GET", f"/{many}", limit=100).json()[many]
        [id_] = [each["id"] for each in listed if each["name"] == name]
        one = "escalation_policy" if many == "escalation_policies" else many.removesuffix("s")
        return self.standin.rest("GET", f"/{many}/{id_}").json()[one]


@pytest.fixture
def people(standin) -> Running:
    """An account that has Ann and Bob."""
    for name in ("ann", "bob"):
        standin.make("user", name=name.title(), email=f"{name}@x.example")
    return standin


@pytest.fixture
def provisioner(people, tmp_path, capsys) -> Provisioner:
    (tmp_path / "casino.yaml").write_text(SPEC)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return Provisioner(people, tmp_path, capsys)
