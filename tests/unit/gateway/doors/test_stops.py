"""The stop button through a real server: who may press it, what it holds back, and what the log says of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.model.audit import EntryKind
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from tests.cities import INVALID_ARGUMENT
from tests.lone_gateway import command_line, lone_gateway
from tests.unit.gateway.doors.governance_doors import (
    ADMINISTRATOR,
    ANALYST,
    AUDITOR,
    CLERK,
    OTHER_CLERK,
    OTHER_STEWARD,
    STEWARD,
    Doors,
    agreement,
)

DATASET, COLUMN, OFFICE, AGREEMENT = (
    pb.STOP_KIND_DATASET,
    pb.STOP_KIND_COLUMN,
    pb.STOP_KIND_OFFICE,
    pb.STOP_KIND_AGREEMENT,
)
VACCINATION = "health.vaccination"
DATE = "health.vaccination.vaccinated_date"
REASON = "数据有误 / the data are wrong"


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with lone_gateway(tmp_path_factory.mktemp("gateway")) as (city, gateway):
        yield Doors(city, gateway)


@pytest.fixture(autouse=True)
def agreed(doors: Doors) -> Iterator[str]:
    """The only agreement on vaccinations; afterwards nothing is agreed or stopped."""
    id = doors.sign()
    yield id
    doors.call("RevokeAgreement", pb.RevokeAgreementRequest(id=id, reason="x"), who=STEWARD)
    for stop in stops(doors):
        doors.call("LiftStop", pb.LiftStopRequest(id=stop.id, reason="over"), who=ADMINISTRATOR)


def press(doors: Doors, kind: pb.StopKind, target: str, *, who: str = STEWARD, **changes: Any) -> pb.StopOrder:
    request = pb.StopRequest(**{"kind": kind, "target": target, "reason": REASON} | changes)
    return doors.call("Stop", request, who=who).stop


def stops(doors: Doors, *, who: str = ADMINISTRATOR) -> list[pb.StopOrder]:
    return list(doors.call("ListStops", pb.ListStopsRequest(), who=who).stops)


def test_a_steward_stops_what_is_the_departments_own(doors: Doors, agreed: str) -> None:
    """A dataset, a column, an office and an agreement; whom it concerns sees who, what and why; the log had it first."""
    targets = [(DATASET, VACCINATION), (COLUMN, DATE), (OFFICE, "310101002"), (AGREEMENT, agreed)]
    made = [press(doors, kind, target) for kind, target in targets]
    for who in (CLERK, OTHER_STEWARD, ADMINISTRATOR, AUDITOR):
        assert sorted(stop.id for stop in made) == sorted(stop.id for stop in stops(doors, who=who))
    assert {(s.controller, s.stopped_by, s.reason) for s in made} == {("health", STEWARD, REASON)}
    assert [(s.kind, s.target) for s in made] == targets
    recorded = [body for body in doors.log(EntryKind.GOVERNANCE) if body["action"] == "stop_begin"]
    assert [body["target"] for body in recorded] == [stop.id for stop in made]
    named = [[dataset["name"] for dataset in body["datasets"]] for body in recorded]
    assert named == [[VACCINATION], [VACCINATION], [], [VACCINATION]]
    assert recorded[1]["facts"]["stop"] == {"kind": "column", "controller": "health", "target": DATE}


@pytest.mark.parametrize(
    ("kind", "target", "changes"),
    [
        (DATASET, "housing.dwelling", {}),
        (DATASET, "Health.Vaccination", {}),
        (DATASET, "health.nothing", {}),
        (DATASET, "", {}),
        (COLUMN, "housing.dwelling.address", {}),
        (COLUMN, f"{VACCINATION}.nothing", {}),
        (COLUMN, VACCINATION, {}),
        (OFFICE, "999999", {}),
        (AGREEMENT, "housing-1", {}),
        (AGREEMENT, "revoked", {}),
        (DATASET, VACCINATION, {"reason": " "}),
        (DATASET, VACCINATION, {"reason": "about 11010519491231002X"}),
        (pb.STOP_KIND_UNSPECIFIED, VACCINATION, {}),
    ],
)
def test_a_steward_stops_nothing_else(doors: Doors, kind: pb.StopKind, target: str, changes: dict[str, str]) -> None:
    """What is another department's or does not exist, and a stop without a reason, is refused, recorded and not in force."""
    if target == "housing-1":
        content = {"datasets": ["housing.dwelling"], "purposes": ["grid-inspection"]}
        target = doors.sign(who=OTHER_STEWARD, **content)
    elif target == "revoked":
        target = doors.sign()
        doors.call("RevokeAgreement", pb.RevokeAgreementRequest(id=target, reason="x"), who=STEWARD)
    request = pb.StopRequest(**{"kind": kind, "target": target, "reason": REASON} | changes)
    assert doors.refusal("Stop", request, who=STEWARD).status is INVALID_ARGUMENT
    assert doors.log(EntryKind.FAILURE)[-1]["reason"] == "GOVERNANCE_REFUSED"
    assert stops(doors) == []


def test_a_steward_never_stops_in_the_name_of_another_department(doors: Doors) -> None:
    """The controller is that of the token, whatever the request says; an administrator names it."""
    assert press(doors, OFFICE, "310101002", controller="housing").controller == "health"
    by_administrator = {"who": ADMINISTRATOR, "controller": "housing"}
    assert press(doors, OFFICE, "310101002", **by_administrator).controller == "housing"
    assert press(doors, COLUMN, DATE, **by_administrator).controller == "health"
    request = pb.StopRequest(kind=OFFICE, target="310101002", reason=REASON)
    assert doors.refusal("Stop", request, who=ADMINISTRATOR).status is INVALID_ARGUMENT


def test_a_stop_is_lifted_by_who_may(doors: Doors) -> None:
    """The department's steward lifts its own, no other's and no administrator's; an administrator lifts any."""
    own = press(doors, DATASET, VACCINATION)
    others = press(doors, DATASET, "housing.dwelling", who=OTHER_STEWARD)
    ordered = press(doors, DATASET, VACCINATION, who=ADMINISTRATOR)
    for stop in (others, ordered, pb.StopOrder(id="none")):
        request = pb.LiftStopRequest(id=stop.id, reason="over")
        assert doors.refusal("LiftStop", request, who=STEWARD).status is INVALID_ARGUMENT
    doors.refusal("LiftStop", pb.LiftStopRequest(id=own.id), who=STEWARD)
    doors.call("LiftStop", pb.LiftStopRequest(id=own.id, reason="over"), who=STEWARD)
    assert doors.log(EntryKind.GOVERNANCE)[-1]["action"] == "stop_lift"
    assert {stop.id for stop in stops(doors)} == {others.id, ordered.id}
    doors.call("LiftStop", pb.LiftStopRequest(id=others.id, reason="over"), who=ADMINISTRATOR)
    assert [stop.id for stop in stops(doors)] == [ordered.id]


def test_what_was_stopped_stays_known(doors: Doors) -> None:
    """Who lifted a stop, when and why: to the department's steward, administrators and auditors; reading it is recorded."""

    def lifted(who: str) -> list[tuple[str, str, str, str]]:
        found = doors.call("ListStops", pb.ListStopsRequest(with_lifted=True), who=who).lifted
        assert all(stop.stopped_at <= stop.lifted.at for stop in found)
        return [(stop.id, stop.reason, stop.lifted.by, stop.lifted.reason) for stop in found]

    first, second = press(doors, COLUMN, DATE), press(doors, DATASET, VACCINATION)
    standing = press(doors, OFFICE, "310101002")
    for stop in (first, second):
        doors.call("LiftStop", pb.LiftStopRequest(id=stop.id, reason="over"), who=STEWARD)
    expected = [(stop.id, REASON, STEWARD, "over") for stop in (second, first)]
    assert lifted(STEWARD)[:2] == lifted(AUDITOR)[:2] == lifted(ADMINISTRATOR)[:2] == expected
    asked = {
        body["requester"]["subject"] for body in doors.log(EntryKind.AUDIT_QUERY) if body["action"] == "lifted_stops"
    }
    assert asked == {STEWARD, AUDITOR, ADMINISTRATOR}
    assert not {stop.id for stop in (first, second)} & {id for id, *_ in lifted(OTHER_STEWARD)}
    assert lifted(CLERK) == []
    assert standing.id not in {id for id, *_ in lifted(STEWARD)}


def test_a_clerk_sees_no_stop_of_what_the_catalogue_hides(doors: Doors) -> None:
    """Neither datasets and columns that no purpose opens, nor other offices and their agreements; whom it concerns does (twin)."""
    for_others = [
        press(doors, DATASET, "health.health_code"),
        press(doors, COLUMN, f"{VACCINATION}.institution"),
        press(doors, OFFICE, "310107014"),
        press(doors, AGREEMENT, doors.sign(recipient="310107")),
        press(doors, AGREEMENT, doors.sign(recipient="31", office="310107014")),
    ]
    seen = {who: {stop.id for stop in stops(doors, who=who)} for who in (CLERK, OTHER_CLERK, ANALYST, AUDITOR)}
    assert seen[CLERK] == seen[ANALYST] == set()
    assert seen[OTHER_CLERK] == {stop.id for stop in for_others[2:]}
    assert seen[AUDITOR] == {stop.id for stop in for_others}
    emergency = doors.declare()
    assert [stop.id for stop in stops(doors, who=CLERK)] == [for_others[0].id]
    doors.call("EndEmergency", pb.EndEmergencyRequest(id=emergency, reason="over"), who=ADMINISTRATOR)


def test_signing_again_does_not_undo_what_an_administrator_stopped(
    doors: Doors, agreed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steward is refused until an administrator has lifted the stop; without the check (twin) the query would go on."""

    def reasons() -> set[str]:
        error = doors.city.refusal(f"SELECT vaccinated_date FROM {VACCINATION}", purpose="vaccination-outreach")
        return {reason.code for reason in error.reasons}

    for standing in doors.gateway.registers.governance.agreements:
        if standing.revoked is None and standing.id != agreed:
            who = f"department-{standing.controller}"
            doors.call("RevokeAgreement", pb.RevokeAgreementRequest(id=standing.id, reason="x"), who=who)
    ordered = press(doors, AGREEMENT, agreed, who=ADMINISTRATOR)
    again = agreement()
    assert doors.refusal("SignAgreement", again, who=STEWARD).status is INVALID_ARGUMENT
    assert reasons() == {"AGREEMENT_STOPPED"}
    with monkeypatch.context() as without:
        without.setattr("catalog.governance.register.check_not_stopped", lambda *_, **__: None)
        undone = doors.sign()
    assert reasons() == {"CONNECTOR_UNAVAILABLE"}
    doors.call("RevokeAgreement", pb.RevokeAgreementRequest(id=undone, reason="x"), who=STEWARD)
    doors.call("LiftStop", pb.LiftStopRequest(id=ordered.id, reason="over"), who=ADMINISTRATOR)
    doors.call("SignAgreement", again, who=STEWARD)
    doors.call("RevokeAgreement", pb.RevokeAgreementRequest(id=again.agreement.id, reason="x"), who=STEWARD)


@pytest.mark.parametrize(
    ("press_it", "code"),
    [
        (("dataset", VACCINATION), "DATASET_STOPPED"),
        (("column", DATE), "COLUMN_STOPPED"),
        (("office", "310101002"), "OFFICE_STOPPED"),
        (("agreement", None), "AGREEMENT_STOPPED"),
    ],
)
def test_the_command_line_stops_and_lifts(
    doors: Doors, agreed: str, press_it: tuple[str, str | None], code: str
) -> None:
    """What is stopped is denied with its code, in both languages, and another column goes on; lifted, it is allowed again."""
    kind, target = press_it[0], press_it[1] or agreed

    def explained(column: str, *, language: str = "zh") -> str:
        sql = f"SELECT {column} FROM {VACCINATION}"
        told = ("explain", sql, "--purpose", "vaccination-outreach", "--language", language)
        return command_line(doors.city, *told, who=CLERK).stdout

    assert "_STOPPED" not in explained("vaccinated_date")
    pressed = command_line(doors.city, "stop", kind, target, "--reason", REASON, who=STEWARD)
    assert pressed.exit_code == 0, pressed.output
    for language, word in (("zh", "停用解除"), ("en", "the stop is lifted")):
        shown = explained("vaccinated_date", language=language)
        assert (code in shown, word in shown) == (True, True), shown
    assert ("year and month only" in shown) == (kind != "column")
    assert (code in explained("residence_division")) == (kind != "column")
    listed = command_line(doors.city, "stop", "list", "--language", "en", who=CLERK).stdout
    assert all(word in listed for word in (kind, "health", STEWARD)), listed
    command_line(doors.city, "stop", "lift", pressed.stdout.strip(), "--reason", "over", who=STEWARD)
    assert "_STOPPED" not in explained("vaccinated_date")


COLUMN_USES = [
    "SELECT vaccinated_date FROM health.vaccination",
    "SELECT residence_division FROM health.vaccination WHERE vaccinated_date > DATE '2026-01-01'",
    "SELECT residence_division FROM health.vaccination ORDER BY vaccinated_date",
    "SELECT VACCINATED_DATE FROM Health.Vaccination",
    'SELECT residence_division FROM (SELECT v."vaccinated_date" AS residence_division FROM health.vaccination v)',
    "WITH v AS (SELECT vaccinated_date AS d FROM health.vaccination) SELECT count(*) FROM v GROUP BY d",
    "SELECT a.residence_division FROM health.vaccination a JOIN health.vaccination b ON a.vaccinated_date = b.vaccinated_date",
]


@pytest.mark.parametrize("sql", COLUMN_USES)
def test_no_query_goes_around_a_stopped_column(doors: Doors, sql: str) -> None:
    """However it is written, a query that reads the column is denied; the twin reads the others."""
    press(doors, COLUMN, DATE)
    error = doors.city.refusal(sql, purpose="vaccination-outreach")
    assert "COLUMN_STOPPED" in {reason.code for reason in error.reasons}
    twin = doors.city.refusal("SELECT residence_division FROM health.vaccination", purpose="vaccination-outreach")
    assert [reason.code for reason in twin.reasons] == ["CONNECTOR_UNAVAILABLE"]
