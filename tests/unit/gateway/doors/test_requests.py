"""RequestsService through a real server: who may ask and answer what, and what nobody gets to see."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from catalog.vocabulary import IdentifierKind
from gateway.client import RequestError, connect, request_errors
from gateway.model.audit import EntryKind
from gateway.wiring import Gateway
from sharing_stubs.sharing.governance.v1 import governance_pb2
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb
from sharing_stubs.sharing.requests.v1 import requests_pb2_grpc
from tests.cities import INVALID_ARGUMENT, City
from tests.governing import govern, lift_stops
from tests.lone_gateway import lone_gateway

CLERK, OTHER_CLERK, ANALYST = "nanjing-east-road", "changfeng", "city-statistics"
STEWARD, OTHER_STEWARD, ADMINISTRATOR, AUDITOR = "department-housing", "department-health", "administrator", "auditor"
OFFICE, DATASET, KEY, CITIZEN = "310101002", "housing.dwelling", "310101002001000101", "11010519491231002X"
CLEAR, MASKED, LOOKED_UP = ("selected", "clear"), ("selected", "pseudonym"), ("looked_up", "lookup")


class Doors:
    """Calls the service as anybody of the city, and writes what was delivered into the log."""

    def __init__(self, city: City, gateway: Gateway) -> None:
        self.city = city
        self.gateway = gateway

    def call(self, method: str, request: Any, *, who: str) -> Any:
        connection = connect(self.city.profile(who))
        try:
            with request_errors():
                stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
                return getattr(stub, method)(request, metadata=connection.headers(), timeout=100)
        finally:
            connection.close()

    def refused(self, method: str, request: Any, *, who: str) -> str:
        with pytest.raises(RequestError) as raised:
            self.call(method, request, who=who)
        assert raised.value.status is INVALID_ARGUMENT
        return raised.value.reasons[0].texts["message_en"]

    def filed(self, **changes: Any) -> pb.Need:
        content = {"dataset": DATASET, "purpose": "fire-safety-inspection", "scenario": "消防检查"}
        content |= {"needed_until": int(time.time()) + 86_400}
        return self.call("FileNeed", pb.FileNeedRequest(**content | changes), who=CLERK).need

    def needs(self, *, who: str) -> dict[str, pb.Need]:
        return {need.id: need for need in self.call("ListNeeds", pb.ListNeedsRequest(), who=who).needs}

    def delivered(
        self,
        columns: Mapping[str, tuple[str, str]],
        *,
        dataset: str = DATASET,
        people: tuple[str, ...] = (),
        people_min: int | None = None,
        outcome: str = "delivered",
        rows: int = 1,
        scan: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        """Record a delivery to the clerk's office and return the id of its intent."""
        used = [{"name": name, "uses": [use], "action": action} for name, (use, action) in columns.items()]
        requester = {"subject": CLERK, "office": OFFICE}
        intent = {"requester": requester, "people_min": people_min}
        intent["datasets"] = [{"name": dataset, "columns": used, "people": list(people)}]
        entry = self.gateway.path.log.append(EntryKind.INTENT, intent)
        receipt = {"requester": requester, "intent": entry.entry_id, "outcome": outcome, "sent": {"rows": rows}}
        receipt["scans"] = [{"dataset": dataset, "rows": 1, "missing": False, **scan}]
        self.gateway.path.log.append(EntryKind.RECEIPT, receipt)
        return entry.entry_id


def correction(receipt: str, **changes: Any) -> pb.FileCorrectionRequest:
    content = {"dataset": DATASET, "entity_key": KEY, "columns": ["floors_total"], "remark": "现场为六层"}
    return pb.FileCorrectionRequest(receipt_entry=receipt, **content | changes)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with lone_gateway(tmp_path_factory.mktemp("requests")) as (city, gateway):
        yield Doors(city, gateway)


def test_needs_are_seen_by_those_they_concern(doors: Doors):
    """The office that asked, the controller, administrators and auditors see a need; other offices and departments do not."""
    need = doors.filed()
    for who in (CLERK, STEWARD, ADMINISTRATOR, AUDITOR):
        assert need.id in doors.needs(who=who)
    for who in (OTHER_CLERK, ANALYST, OTHER_STEWARD):
        assert need.id not in doors.needs(who=who)


def test_only_the_controller_answers_and_only_the_office_withdraws(doors: Doors):
    """A need of somebody else is refused like one that does not exist; the twin, whose it is, is served."""
    need = doors.filed()
    refusal = pb.RefuseNeedRequest(id=need.id, basis="beyond-duty", answer="超出职责")
    unknown = doors.refused("RefuseNeed", pb.RefuseNeedRequest(id="x", basis="beyond-duty", answer="a"), who=STEWARD)
    assert doors.refused("RefuseNeed", refusal, who=OTHER_STEWARD) == unknown.replace("'x'", f"'{need.id}'")
    acceptance = pb.AcceptNeedRequest(id=need.id, agreement="health-takes-it", terms="无")
    assert "no need" in doors.refused("AcceptNeed", acceptance, who=OTHER_STEWARD)
    assert "no need" in doors.refused("WithdrawNeed", pb.WithdrawNeedRequest(id=need.id), who=OTHER_CLERK)
    doors.call("WithdrawNeed", pb.WithdrawNeedRequest(id=need.id), who=CLERK)
    assert "answered before" in doors.refused("RefuseNeed", refusal, who=STEWARD)


def test_a_need_and_its_agreement_are_stored_together_or_not_at_all(doors: Doors):
    """An agreement whose id was used leaves the need open, and a need that was answered brings no agreement."""
    first, second = doors.filed(), doors.filed()
    for need in (first, second):
        acceptance = pb.AcceptNeedRequest(id=need.id, agreement="housing-once", terms="仅限消防检查")
        if need is first:
            doors.call("AcceptNeed", acceptance, who=STEWARD)
        else:
            assert "was used before" in doors.refused("AcceptNeed", acceptance, who=STEWARD)
    assert doors.needs(who=STEWARD)[second.id].state == pb.NEED_STATE_FILED
    again = pb.AcceptNeedRequest(id=first.id, agreement="housing-twice", terms="仅限消防检查")
    assert "answered before" in doors.refused("AcceptNeed", again, who=STEWARD)
    agreements = {agreement.id: agreement for agreement in doors.gateway.registers.governance.agreements}
    assert agreements["housing-once"].office == OFFICE
    assert "housing-twice" not in agreements


def test_a_promise_for_uncatalogued_data_is_no_agreement(doors: Doors):
    """Accepting such a need opens nothing, and an agreement about it is refused."""
    need = doors.filed(dataset="", controller="housing")
    with_agreement = pb.AcceptNeedRequest(id=need.id, agreement="housing-lifts", terms="四月编目")
    assert "not catalogued" in doors.refused("AcceptNeed", with_agreement, who=STEWARD)
    answered = doors.call("AcceptNeed", pb.AcceptNeedRequest(id=need.id, terms="四月编目"), who=STEWARD).need
    assert (answered.state, answered.agreement) == (pb.NEED_STATE_ACCEPTED, "")


def test_a_need_is_for_a_purpose_of_the_requester(doors: Doors):
    """A clerk cannot file for a purpose of analysts, nor an analyst for one of clerks."""
    request = pb.FileNeedRequest(
        dataset=DATASET, purpose="fire-safety-inspection", scenario="统计", needed_until=int(time.time()) + 86_400
    )
    assert "not open to your office" in doors.refused("FileNeed", request, who=ANALYST)


def test_a_need_tells_nothing_of_what_the_purpose_does_not_use(doors: Doors):
    """Datasets of other purposes and offices are refused like one that does not exist; twin: what its emergencies use is filed."""

    def answer(dataset: str, purpose: str) -> str:
        request = pb.FileNeedRequest(
            dataset=dataset, purpose=purpose, scenario="核查", needed_until=int(time.time()) + 86_400
        )
        return doors.refused("FileNeed", request, who=CLERK).replace(dataset, "…").replace(purpose, "…")

    for hidden in ("health.health_code", "health.vaccination", "audit.access_log"):
        assert answer(hidden, "fire-safety-inspection") == answer("health.nothing", "fire-safety-inspection")
        assert answer(hidden, "audit-supervision") == answer("health.nothing", "no-such-purpose")
    filed = doors.filed(dataset="health.health_code", purpose="epidemic-control")
    doors.call("WithdrawNeed", pb.WithdrawNeedRequest(id=filed.id), who=CLERK)


def test_accepting_a_need_does_not_undo_what_an_administrator_stopped(doors: Doors):
    """While the stop of an agreement like it stands, the need stays open; once it is lifted the need is accepted (twin)."""
    for id in ("housing-stopped", "housing-again"):
        acceptance = pb.AcceptNeedRequest(id=doors.filed().id, agreement=id, terms="仅限消防检查")
        if id == "housing-stopped":
            doors.call("AcceptNeed", acceptance, who=STEWARD)
            kind = governance_pb2.STOP_KIND_AGREEMENT
            govern(doors.city, "Stop", governance_pb2.StopRequest(kind=kind, target=id, reason="核查"))
    assert "stopped agreement 'housing-stopped'" in doors.refused("AcceptNeed", acceptance, who=STEWARD)
    assert doors.needs(who=CLERK)[acceptance.id].state == pb.NEED_STATE_FILED
    lift_stops(doors.city)
    doors.call("AcceptNeed", acceptance, who=STEWARD)


def test_a_record_is_flagged_by_who_received_it(doors: Doors):
    """The key was delivered unmasked, or the record was looked up by it; the reference is the same each time."""
    received = doors.delivered({"dwelling_code": CLEAR, "floors_total": CLEAR})
    token = doors.gateway.path.subject_key.token(IdentifierKind.DWELLING_CODE, value=KEY)
    looked_up = doors.delivered({"dwelling_code": LOOKED_UP, "floors_total": CLEAR}, people=(token,))
    filed = [
        doors.call("FileCorrection", correction(receipt), who=CLERK).correction for receipt in (received, looked_up)
    ]
    assert filed[0].row_reference == filed[1].row_reference
    assert KEY not in str(filed)
    other = doors.call("FileCorrection", correction(received, entity_key=f"{KEY}1"), who=CLERK).correction
    assert other.row_reference != filed[0].row_reference


def test_nobody_flags_what_the_office_did_not_receive(doors: Doors):
    """Another office's, unfinished, empty, statistical or unknown deliveries, other columns and masked keys do not count."""
    columns = {"dwelling_code": CLEAR, "floors_total": CLEAR}
    received = doors.delivered(columns)
    token = doors.gateway.path.subject_key.token(IdentifierKind.DWELLING_CODE, value=f"{KEY}9")
    for receipt in (
        str(uuid.uuid4()),
        doors.delivered(columns, people_min=10),
        doors.delivered(columns, outcome="failed"),
        doors.delivered(columns, rows=0),
        doors.delivered(columns, scan={"rows": 0}),
        doors.delivered(columns, scan={"rows": 0, "missing": True}),
        doors.delivered(columns, scan={"dataset": "housing.lease"}),
    ):
        assert "no such receipt" in doors.refused("FileCorrection", correction(receipt), who=CLERK)
    assert "no such receipt" in doors.refused("FileCorrection", correction(received), who=OTHER_CLERK)
    elsewhere = correction(received, dataset="population.resident")
    assert "no such receipt" in doors.refused("FileCorrection", elsewhere, who=CLERK)
    assert "no column" in doors.refused("FileCorrection", correction(received, columns=["owner_name"]), who=CLERK)
    for columns in ({"dwelling_code": MASKED}, {"dwelling_code": LOOKED_UP}):
        receipt = doors.delivered({"floors_total": CLEAR, **columns}, people=(token,))
        assert "neither holds" in doors.refused("FileCorrection", correction(receipt), who=CLERK)
    doors.call("FileCorrection", correction(received), who=CLERK)


def test_only_the_controller_learns_which_record_is_meant(doors: Doors):
    """Reveal and answer are for the controller's steward; the key stands neither in the log nor in the database."""
    receipt = doors.delivered({"resident_id": CLEAR, "name": CLEAR}, dataset="population.resident")
    request = correction(receipt, dataset="population.resident", entity_key=CITIZEN, columns=["name"])
    id = doors.call("FileCorrection", request, who=CLERK).correction.id
    reveal = pb.RevealCorrectionRequest(id=id)
    answer = pb.AnswerCorrectionRequest(id=id, state=pb.CORRECTION_STATE_CONFIRMED, answer="核对无误")
    for method, message in (("RevealCorrection", reveal), ("AnswerCorrection", answer)):
        assert "has no correction" in doors.refused(method, message, who=STEWARD)
    police = "department-public_security"
    assert doors.call("RevealCorrection", reveal, who=police).entity_key == CITIZEN
    unsaid = pb.AnswerCorrectionRequest(id=id, answer="核对无误")
    assert "corrected or confirmed" in doors.refused("AnswerCorrection", unsaid, who=police)
    doors.call("AnswerCorrection", answer, who=police)
    kept = b"".join(path.read_bytes() for path in doors.city.data.rglob("*") if path.is_file())
    assert CITIZEN.encode() not in kept
    assert id.encode() in kept
    last = doors.city.entries(kind="governance")[-2]["body"]
    assert (last["action"], last["requester"]["subject"]) == ("correction_reveal", police)
