"""Needs that become agreements, needs that are refused, and a correction, over the Spring Festival of 2026, by command line."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator

import pytest

from gateway.wiring import Gateway
from tests.cities import City
from tests.housing_connector import housing_connector
from tests.lone_gateway import command_line, lone_gateway

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
CLERK, OTHER_CLERK = "nanjing-east-road", "changfeng"
STEWARD, ADMINISTRATOR = "department-housing", "administrator"
PURPOSE = "fire-safety-inspection"
SQL = "SELECT dwelling_code, floors_total FROM housing.dwelling ORDER BY dwelling_code"
WRONG, RIGHT = "310101002001000101", "310101002001000102"
COLUMNS = ("--column", "dwelling_code", "--column", "division_code", "--column", "floors_total")


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, text: str) -> None:
        self.set(text)

    def set(self, text: str) -> None:
        self._now = datetime.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)

    def __call__(self) -> float:
        return self._now.timestamp()


class Story:
    """What people type in a city at a clock of its own."""

    def __init__(self, city: City, gateway: Gateway, clock: Clock, register: Callable[[], None]) -> None:
        self.city = city
        self.gateway = gateway
        self.clock = clock
        self.register = register
        """Has the department's connector register; its lease is short, and the clock of a story makes long steps."""

    def run(self, *arguments: str, who: str, exit_code: int = 0) -> str:
        """Run a command, see it end as expected, and return everything it printed."""
        ended = command_line(self.city, *arguments, "--language", "en", who=who)
        assert ended.exit_code == exit_code, ended.output
        return ended.output

    def id_of(self, output: str) -> str:
        found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", output)
        assert found is not None, output
        return found.group()

    def reference(self, id: str) -> str:
        """Return how a correction names its record."""
        shown = self.run("correction", "show", id, who=STEWARD)
        return next(line for line in shown.splitlines() if "record:" in line)

    def actions(self, prefix: str) -> list[str]:
        return [
            entry["body"]["action"]
            for entry in self.city.entries(kind="governance")
            if entry["body"]["action"].startswith(prefix)
        ]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    clock = Clock("2026-02-13 10:00")
    dwellings = [{"dwelling_code": WRONG}, {"dwelling_code": RIGHT, "floor": 3}]
    with (
        lone_gateway(tmp_path_factory.mktemp("story"), clock_seconds=clock) as (city, gateway),
        housing_connector(city, gateway, dwellings=dwellings, clock_seconds=clock) as register,
    ):
        yield Story(city, gateway, clock, register)


def test_a_need_becomes_an_agreement_and_then_a_query_works(story: Story):
    """Due after the festival, answered on the Saturday before it: a need opens what was needed, and nothing before that."""
    story.register()
    story.run("registry", "approve", "housing", who=ADMINISTRATOR)
    assert "AGREEMENT_MISSING" in story.run("query", SQL, "--purpose", PURPOSE, who=CLERK, exit_code=3)
    filed = story.run(
        "need", "file", "--dataset", "housing.dwelling", "--purpose", PURPOSE, *COLUMNS,
        "--scenario", "检查老旧住宅消防通道", "--until", "2026-12-31", who=CLERK,
    )  # fmt: skip
    assert "10 working days, 2026-03-05" in filed
    id = story.id_of(filed)
    assert id in story.run("need", "list", who=STEWARD)
    assert "检查老旧住宅消防通道" in story.run("need", "show", id, who=STEWARD)
    story.clock.set("2026-02-14 09:00")
    terms = ("--agreement", "housing-fire", "--terms", "仅限本街道消防检查")
    assert "housing-fire is in force" in story.run("need", "accept", id, *terms, who=STEWARD)
    assert "accepted" in story.run("need", "list", who=CLERK)
    story.register()
    rows = story.run("query", SQL, "--purpose", PURPOSE, who=CLERK)
    assert WRONG in rows
    assert "2 rows" in rows
    assert story.actions("need_") == ["need_file", "need_accept"]
    assert story.actions("agreement_") == ["agreement_sign"]


def test_a_wrong_record_is_flagged_found_and_put_right(story: Story):
    """The office flags what it received without naming it anywhere; the controller has it revealed, and that is recorded."""
    story.clock.set("2026-02-14 11:00")
    story.register()
    answered = story.run("query", SQL, "--purpose", PURPOSE, who=CLERK)
    receipt = story.id_of(answered.rpartition("audit entry")[2])
    flagged = (
        "correction",
        "file",
        "--dataset",
        "housing.dwelling",
        "--column",
        "floors_total",
        "--remark",
        "现场为六层",
    )
    assert "no such receipt" in story.run(*flagged, "--key", WRONG, "--receipt", receipt, who=OTHER_CLERK, exit_code=4)
    filed = story.run(*flagged, "--key", WRONG, "--receipt", receipt, who=CLERK)
    assert "10 working days, 2026-03-06" in filed
    id = story.id_of(filed)
    again = story.id_of(story.run(*flagged, "--key", f" {WRONG} ", "--receipt", receipt, who=CLERK))
    references = [story.reference(one) for one in (id, again)]
    assert references[0] == references[1]
    assert story.run("correction", "reveal", id, who=STEWARD).startswith(WRONG)
    story.run("correction", "answer", id, "--finding", "corrected", "--answer", "已改为六层", who=STEWARD)
    shown = story.run("correction", "show", id, who=CLERK)
    assert "corrected" in shown
    assert "已改为六层" in shown
    story.clock.set("2026-03-07 00:00")
    assert story.gateway.escalation.escalate() == 1
    overdue = story.run("correction", "list", "--overdue", who=ADMINISTRATOR)
    assert again in overdue
    assert id not in overdue
    steps = ["correction_file"] * 2 + ["correction_reveal", "correction_answer", "correction_escalate"]
    assert story.actions("correction_") == steps
    recorded = [entry for entry in story.city.entries(kind="governance") if "correction" in entry["body"]["action"]]
    assert WRONG not in str(recorded)


def test_a_need_for_uncatalogued_data_is_escalated_and_then_refused_on_the_negative_list(story: Story):
    """Fifteen working days over the festival end on 13 March; then administrators see it, until the controller says why not."""
    story.clock.set("2026-02-14 16:00")
    filed = story.run(
        "need", "file", "--controller", "housing", "--purpose", PURPOSE,
        "--scenario", "需要电梯维保记录", "--until", "2026-12-31", who=CLERK,
    )  # fmt: skip
    assert "15 working days, 2026-03-13" in filed
    id = story.id_of(filed)
    story.clock.set("2026-03-13 23:59")
    story.gateway.escalation.escalate()
    assert story.actions("need_escalate") == []
    story.clock.set("2026-03-14 00:00")
    assert [story.gateway.escalation.escalate() for _ in range(2)] == [1, 0]
    assert story.actions("need_escalate") == ["need_escalate"]
    overdue = story.run("need", "list", "--overdue", who=ADMINISTRATOR)
    assert id in overdue
    assert "overdue, escalated 2026-03-" in " ".join(overdue.split())
    ground = ("--answer", "电梯维保由市场监管部门主管")
    story.run("need", "refuse", id, "--basis", "we-do-not-want-to", *ground, who=STEWARD, exit_code=4)
    assert "not-of-this-department" in story.run("need", "negative-list", who=CLERK)
    story.run("need", "refuse", id, "--basis", "not-of-this-department", *ground, who=STEWARD)
    shown = story.run("need", "show", id, who=CLERK)
    assert "not-of-this-department" in shown
    assert "电梯维保由市场监管部门主管" in shown
    assert id not in story.run("need", "list", "--overdue", who=ADMINISTRATOR)
    assert story.actions("need_")[-3:] == ["need_file", "need_escalate", "need_refuse"]
