"""GovernanceService through a real server: who may decide what, and what the log says of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.client import RequestError
from gateway.model.audit import EntryKind
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from tests.cities import INVALID_ARGUMENT, PERMISSION_DENIED, UNAVAILABLE
from tests.lone_gateway import lone_gateway
from tests.unit.gateway.doors.governance_doors import (
    ADMINISTRATOR,
    ANALYST,
    AUDITOR,
    CLERK,
    OTHER_CLERK,
    OTHER_STEWARD,
    SIGNERS,
    STEWARD,
    Doors,
    agreement,
)

EVERYBODY = {CLERK, ANALYST, STEWARD, ADMINISTRATOR, AUDITOR}
RESIDENT = "310101199001011234"


def consent(**changes: Any) -> pb.RecordConsentRequest:
    content = {"resident_id": RESIDENT, "purpose": "window-service", "evidence": "form 7, folder 12", "days": 1}
    return pb.RecordConsentRequest(**content | changes)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with lone_gateway(tmp_path_factory.mktemp("gateway")) as (city, gateway):
        yield Doors(city, gateway)


def requests() -> dict[str, tuple[Any, set[str]]]:
    """Return of each method a request that changes nothing, and who may send it."""
    purpose = pb.REVOCATION_KIND_PURPOSE
    return {
        "SignAgreement": (pb.SignAgreementRequest(), {STEWARD}),
        "RevokeAgreement": (pb.RevokeAgreementRequest(id="none", reason="x"), {ADMINISTRATOR}),
        "ListAgreements": (pb.ListAgreementsRequest(), EVERYBODY),
        "DeclareEmergency": (pb.DeclareEmergencyRequest(), {ADMINISTRATOR}),
        "EndEmergency": (pb.EndEmergencyRequest(id="none", reason="x"), {ADMINISTRATOR}),
        "ListEmergencies": (pb.ListEmergenciesRequest(), EVERYBODY),
        "RevokeAccess": (pb.RevokeAccessRequest(), {ADMINISTRATOR}),
        "RestoreAccess": (pb.RestoreAccessRequest(kind=purpose, id="none", reason="x"), {ADMINISTRATOR}),
        "ListRevocations": (pb.ListRevocationsRequest(), {ADMINISTRATOR, AUDITOR}),
        "Stop": (pb.StopRequest(), {STEWARD, ADMINISTRATOR}),
        "LiftStop": (pb.LiftStopRequest(), {STEWARD, ADMINISTRATOR}),
        "ListStops": (pb.ListStopsRequest(), EVERYBODY),
        "RecordConsent": (pb.RecordConsentRequest(), {CLERK}),
        "WithdrawConsent": (pb.WithdrawConsentRequest(), {CLERK}),
        "ListOwedDestructions": (
            pb.ListOwedDestructionsRequest(),
            {CLERK, ANALYST, ADMINISTRATOR, AUDITOR},
        ),
        "RecordDestruction": (pb.RecordDestructionRequest(entry_id="none", method="x"), {CLERK, ANALYST}),
    }


METHODS = [method.name for method in pb.DESCRIPTOR.services_by_name["GovernanceService"].methods]


@pytest.mark.parametrize("method", METHODS)
def test_each_decision_belongs_to_a_role(doors: Doors, method: str) -> None:
    """Whoever has not the role is denied; whoever has it is answered, or told what is wrong with an empty request."""
    request, allowed = requests()[method]
    for who in EVERYBODY:
        try:
            doors.call(method, request, who=who)
            status = None
        except RequestError as error:
            status = error.status
        assert (status is PERMISSION_DENIED) == (who not in allowed), who
        assert status in (None, PERMISSION_DENIED, INVALID_ARGUMENT)


def test_a_stewards_agreement_stands_until_revoked(doors: Doors) -> None:
    """It is of the steward's department whatever the message says, and both changes are in the log."""
    id = doors.sign(controller="housing", signed_by="somebody")
    (found,) = [a for a in doors.call("ListAgreements", pb.ListAgreementsRequest(), who=CLERK).agreements if a.id == id]
    assert (found.controller, found.signed_by, found.HasField("revoked")) == ("health", STEWARD, False)
    assert [a.id for a in doors.gateway.registers.governance.standing_agreements(["health.vaccination"])].count(id) == 1
    doors.call("RevokeAgreement", pb.RevokeAgreementRequest(id=id, reason="滥用"), who=STEWARD)
    assert id not in [a.id for a in doors.gateway.registers.governance.standing_agreements(["health.vaccination"])]
    entries = [body for body in doors.log(EntryKind.GOVERNANCE) if body["target"] == id]
    assert [body["action"] for body in entries] == ["agreement_sign", "agreement_revoke"]
    assert [body["requester"]["subject"] for body in entries] == [STEWARD, STEWARD]
    assert [body["datasets"] for body in entries] == [[{"name": "health.vaccination"}]] * 2
    assert entries[0]["facts"]["recipient"] == "31"
    assert entries[1]["facts"] == {"reason": "滥用"}


def test_a_steward_decides_for_no_other_department(doors: Doors) -> None:
    """Another department's dataset cannot be shared, nor its agreement revoked; the own can, and by administrators any."""
    error = doors.refusal("SignAgreement", agreement(), who=OTHER_STEWARD)
    assert (error.status, error.reasons[0].code) == (INVALID_ARGUMENT, "GOVERNANCE_REFUSED")
    id = doors.sign()
    revocation = pb.RevokeAgreementRequest(id=id, reason="x")
    assert doors.refusal("RevokeAgreement", revocation, who=OTHER_STEWARD).status is PERMISSION_DENIED
    doors.call("RevokeAgreement", revocation, who=ADMINISTRATOR)


def test_a_refusal_tells_what_to_do_and_is_recorded(doors: Doors) -> None:
    """Both languages say what is wrong; the log keeps who tried."""
    before = len(doors.log(EntryKind.FAILURE))
    error = doors.refusal("SignAgreement", agreement(recipient="320102"), who=STEWARD)
    (reason,) = error.reasons
    assert reason.texts == {
        "message_zh": "拒绝该操作：“320102”不是行政区划代码。",
        "message_en": "The change is refused: '320102' is not a division code.",
        "remedy_zh": "请更正后重试。",
        "remedy_en": "Correct it and try again.",
    }
    (recorded,) = doors.log(EntryKind.FAILURE)[before:]
    assert (recorded["requester"]["subject"], recorded["reason"]) == (STEWARD, "GOVERNANCE_REFUSED")


REFUSED: dict[str, Callable[[Doors], pb.DeclareEmergencyRequest]] = {
    "one signer": lambda doors: doors.signed(signers=SIGNERS[:1]),
    "a foreign area": lambda doors: doors.signed(area="320102"),
    "a purpose of every day": lambda doors: doors.signed(purposes=["elderly-care-visits"]),
    "over": lambda doors: doors.signed(starts_at=1_000_000_000, ends_at=1_000_000_001),
    "too long": lambda doors: doors.signed(ends_at=int(time.time()) + 181 * 86_400),
    "a bad id": lambda doors: pb.DeclareEmergencyRequest(declaration=pb.Declaration(id="../x")),
}


@pytest.mark.parametrize("request_of", REFUSED.values(), ids=REFUSED)
def test_a_doubtful_emergency_is_refused(
    doors: Doors, request_of: Callable[[Doors], pb.DeclareEmergencyRequest]
) -> None:
    """Nothing is in force and nothing but the refusal in the log; with that corrected it is in force."""
    entries, standing = len(doors.log(EntryKind.GOVERNANCE)), doors.gateway.registers.governance.standing_emergencies()
    error = doors.refusal("DeclareEmergency", request_of(doors), who=ADMINISTRATOR)
    assert (error.status, error.reasons[0].code) == (INVALID_ARGUMENT, "GOVERNANCE_REFUSED")
    assert len(doors.log(EntryKind.GOVERNANCE)) == entries
    assert doors.gateway.registers.governance.standing_emergencies() == standing
    assert doors.declare() in [emergency.id for emergency in doors.gateway.registers.governance.standing_emergencies()]


@pytest.mark.parametrize("field", ["area", "ends_at", "title"])
def test_a_declaration_changed_on_the_way_is_refused(doors: Doors, field: str) -> None:
    """Twin: the request as it was signed is accepted."""
    request = doors.signed()
    changed = pb.DeclareEmergencyRequest()
    changed.CopyFrom(request)
    changed.declaration.MergeFrom(
        pb.Declaration(
            **{field: {"area": "31", "ends_at": request.declaration.ends_at + 1, "title": pb.Text(en="x")}[field]}
        )
    )
    assert doors.refusal("DeclareEmergency", changed, who=ADMINISTRATOR).status is INVALID_ARGUMENT
    doors.call("DeclareEmergency", request, who=ADMINISTRATOR)


def test_an_emergency_ends_for_good(doors: Doors) -> None:
    """Ended by the administrator with a reason, it is listed as ended, and its declaration cannot be used again."""
    request = doors.signed()
    doors.call("DeclareEmergency", request, who=ADMINISTRATOR)
    id = request.declaration.id
    doors.call("EndEmergency", pb.EndEmergencyRequest(id=id, reason="解除"), who=ADMINISTRATOR)
    listed = doors.call("ListEmergencies", pb.ListEmergenciesRequest(), who=CLERK).emergencies
    (found,) = [emergency for emergency in listed if emergency.declaration.id == id]
    assert (found.ended.by, found.ended.reason, list(found.signers)) == (ADMINISTRATOR, "解除", list(SIGNERS))
    assert found.declaration == request.declaration
    assert doors.refusal("DeclareEmergency", request, who=ADMINISTRATOR).status is INVALID_ARGUMENT
    entries = [body for body in doors.log(EntryKind.GOVERNANCE) if body["target"] == id]
    assert [body["action"] for body in entries] == ["emergency_declare", "emergency_end"]
    assert [signature["signer"] for signature in entries[0]["facts"]["signatures"]] == list(SIGNERS)


@pytest.mark.parametrize(
    ("kind", "id"),
    [(pb.REVOCATION_KIND_REQUESTER, OTHER_CLERK), (pb.REVOCATION_KIND_PURPOSE, "venue-verification")],
)
def test_what_is_revoked_can_be_restored(doors: Doors, kind: pb.RevocationKind, id: str) -> None:
    """Both are in the log with their reasons; the list shows what is revoked now."""
    doors.call("RevokeAccess", pb.RevokeAccessRequest(kind=kind, id=id, reason="why"), who=ADMINISTRATOR)
    (found,) = doors.call("ListRevocations", pb.ListRevocationsRequest(), who=AUDITOR).revocations
    assert (found.kind, found.id, found.reason, found.revoked_by) == (kind, id, "why", ADMINISTRATOR)
    doors.call("RestoreAccess", pb.RestoreAccessRequest(kind=kind, id=id, reason="because"), who=ADMINISTRATOR)
    assert not doors.call("ListRevocations", pb.ListRevocationsRequest(), who=AUDITOR).revocations
    entries = [body for body in doors.log(EntryKind.GOVERNANCE) if body["target"] == id]
    assert [(body["action"], body["facts"]["reason"]) for body in entries] == [
        ("access_revoke", "why"),
        ("access_restore", "because"),
    ]


@pytest.mark.parametrize("kind", [pb.REVOCATION_KIND_REQUESTER, pb.REVOCATION_KIND_PURPOSE])
def test_a_typing_error_revokes_nothing(doors: Doors, kind: pb.RevocationKind) -> None:
    """A name that nobody has is refused, so that nobody believes it was stopped."""
    request = pb.RevokeAccessRequest(kind=kind, id="no-such", reason="x")
    assert doors.refusal("RevokeAccess", request, who=ADMINISTRATOR).status is INVALID_ARGUMENT


def test_nobody_revokes_themselves(doors: Doors) -> None:
    """So one administrator is always left to restore; the refusal says who can do it."""
    request = pb.RevokeAccessRequest(kind=pb.REVOCATION_KIND_REQUESTER, id=ADMINISTRATOR, reason="x")
    error = doors.refusal("RevokeAccess", request, who=ADMINISTRATOR)
    assert error.status is INVALID_ARGUMENT
    assert error.reasons[0].texts["message_zh"] == "拒绝该操作：不能停用本人，请由另一位管理员办理。"
    assert error.reasons[0].texts["message_en"].endswith("nobody revokes themselves; ask another administrator.")
    assert not doors.call("ListRevocations", pb.ListRevocationsRequest(), who=AUDITOR).revocations


def test_an_auditor_finds_what_was_done_to_somebody(doors: Doors) -> None:
    """A revocation is found by the revoked requester, an agreement by its purpose; the table names the target."""
    kind = pb.REVOCATION_KIND_REQUESTER
    doors.call("RevokeAccess", pb.RevokeAccessRequest(kind=kind, id=ANALYST, reason="x"), who=ADMINISTRATOR)
    doors.call("RestoreAccess", pb.RestoreAccessRequest(kind=kind, id=ANALYST, reason="x"), who=ADMINISTRATOR)
    id = doors.sign()
    shown = doors.city.cli("audit", "search", "--requester", ANALYST, "--kind", "governance", who=AUDITOR).stdout
    assert (shown.count(f"→ {ANALYST}"), "access_revoke" in shown) == (2, True), shown
    arguments = ("--purpose", "vaccination-outreach", "--kind", "governance")
    assert f"→ {id}" in doors.city.cli("audit", "search", *arguments, who=AUDITOR).stdout


def test_a_consent_is_the_offices_own(doors: Doors) -> None:
    """It counts for the clerk's office only, and only that office can withdraw it."""
    expires_at = doors.call("RecordConsent", consent(), who=CLERK).expires_at
    assert 0 < expires_at - time.time() <= 86_400

    def counted(office: str) -> int:
        register, now = doors.gateway.registers.governance, int(time.time())
        return register.consented([RESIDENT], purpose="window-service", office=office, now=now)

    assert (counted("310101002"), counted("310107014")) == (1, 0)
    withdrawal = pb.WithdrawConsentRequest(resident_id=RESIDENT, purpose="window-service")
    assert doors.refusal("WithdrawConsent", withdrawal, who=OTHER_CLERK).status is INVALID_ARGUMENT
    assert counted("310101002") == 1
    doors.call("WithdrawConsent", withdrawal, who=CLERK)
    assert counted("310101002") == 0


@pytest.mark.parametrize("change", [{}, {"evidence": f"form of {RESIDENT}"}, {"days": 99}, {"purpose": "no-such"}])
def test_nothing_that_is_kept_names_the_person(doors: Doors, change: dict[str, Any]) -> None:
    """Accepted or refused, no file of the gateway holds the resident ID; twin: the evidence is found."""
    with suppress(RequestError):
        doors.call("RecordConsent", consent(**change), who=CLERK)
    kept = b"".join(_contents(doors.city.data))
    assert RESIDENT.encode() not in kept
    assert b"form 7, folder 12" in kept


def _contents(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_destruction_is_owed_and_recorded_by_the_recipient(doors: Doors) -> None:
    """The recipient's office sees and settles its own; the auditor sees all; every look is in the log."""
    id = doors.declare()
    entry = _delivered(doors, emergency=id, office="310101002")
    doors.call("EndEmergency", pb.EndEmergencyRequest(id=id, reason="over"), who=ADMINISTRATOR)

    def owed(who: str) -> list[str]:
        answer = doors.call("ListOwedDestructions", pb.ListOwedDestructionsRequest(), who=who)
        return [one.entry_id for one in answer.owed]

    assert [owed(who) for who in (CLERK, AUDITOR, ADMINISTRATOR, OTHER_CLERK, ANALYST)] == [[entry]] * 3 + [[]] * 2
    assert doors.log(EntryKind.AUDIT_QUERY)[-1]["action"] == "owed_destructions"
    request = pb.RecordDestructionRequest(entry_id=entry, method="磁盘擦除，两人见证")
    assert doors.refusal("RecordDestruction", request, who=OTHER_CLERK).status is INVALID_ARGUMENT
    doors.call("RecordDestruction", request, who=CLERK)
    assert doors.log(EntryKind.DESTRUCTION)[-1]["method"] == "磁盘擦除，两人见证"
    assert (owed(CLERK), owed(AUDITOR)) == ([], [])


def test_all_that_an_emergency_leaves_is_recorded_at_once(doors: Doors) -> None:
    """One call settles what the own office owes for that emergency, with an entry for each result, and nothing else."""
    id, other = doors.declare(), doors.declare()
    entries = [_delivered(doors, emergency=id, office="310101002") for _ in range(3)]
    kept = [
        _delivered(doors, emergency=id, office="310107014"),
        _delivered(doors, emergency=other, office="310101002"),
    ]
    for ended in (id, other):
        doors.call("EndEmergency", pb.EndEmergencyRequest(id=ended, reason="over"), who=ADMINISTRATOR)
    request = pb.RecordDestructionRequest(emergency=id, method="磁盘擦除，两人见证")
    receipts = doors.call("RecordDestruction", request, who=CLERK).entry_ids
    recorded = doors.log(EntryKind.DESTRUCTION)[-3:]
    assert (len(set(receipts)), [body["intent"] for body in recorded]) == (3, entries)
    assert {(body["emergency"], body["method"]) for body in recorded} == {(id, request.method)}
    answer = doors.call("ListOwedDestructions", pb.ListOwedDestructionsRequest(), who=AUDITOR)
    assert [one.entry_id for one in answer.owed] == kept
    nothing = pb.RecordDestructionRequest(method=request.method)
    for refused in (request, nothing):
        assert doors.refusal("RecordDestruction", refused, who=CLERK).status is INVALID_ARGUMENT

    record = ("destruction", "record", "--method", "shredded")
    both = doors.city.cli(*record, kept[1], "--emergency", other, who=CLERK)
    neither = doors.city.cli(*record, who=CLERK)
    assert [("--emergency" in ended.stderr, ended.returncode) for ended in (both, neither)] == [(True, 2)] * 2
    assert doors.city.cli(*record, "--emergency", other, who=CLERK).stderr.count("✓") == 1
    doors.city.cli(*record, kept[0], who=OTHER_CLERK)
    assert not doors.call("ListOwedDestructions", pb.ListOwedDestructionsRequest(), who=AUDITOR).owed


def test_any_result_of_the_own_office_can_be_recorded_as_destroyed_once(doors: Doors) -> None:
    """Also one that no emergency opened; another office cannot, a second report adds nothing, no rows leave no entry."""
    entry = _delivered(doors, emergency=None, office="310101002")
    request = pb.RecordDestructionRequest(entry_id=entry, method="到期删除文件")
    refused = doors.refusal("RecordDestruction", request, who=OTHER_CLERK)
    assert (refused.status, "received nothing under this audit entry" in refused.text) == (INVALID_ARGUMENT, True)
    first = doors.call("RecordDestruction", request, who=CLERK).entry_ids
    written = doors.log(EntryKind.DESTRUCTION)
    assert (written[-1]["intent"], written[-1]["emergency"]) == (entry, None)
    assert doors.call("RecordDestruction", request, who=CLERK).entry_ids == first
    empty = pb.RecordDestructionRequest(
        entry_id=_delivered(doors, emergency=None, office="310101002", rows=0), method=request.method
    )
    assert not doors.call("RecordDestruction", empty, who=CLERK).entry_ids
    assert doors.log(EntryKind.DESTRUCTION) == written


def test_two_reports_at_once_leave_one_entry(doors: Doors) -> None:
    """Whoever comes second gets the id that the first wrote."""
    request = pb.RecordDestructionRequest(
        entry_id=_delivered(doors, emergency=None, office="310101002"), method="到期删除文件"
    )
    with ThreadPoolExecutor(8) as callers:
        calls = [callers.submit(doors.call, "RecordDestruction", request, who=CLERK) for _ in range(8)]
    assert len({tuple(call.result().entry_ids) for call in calls}) == 1
    assert [body["intent"] for body in doors.log(EntryKind.DESTRUCTION)].count(request.entry_id) == 1


def _delivered(doors: Doors, *, emergency: str | None, office: str, rows: int = 3) -> str:
    """Write the entries of a delivered result and return the id that the recipient knows it by."""
    log = doors.gateway.path.log
    body = {
        "requester": {"subject": "clerk", "office": office},
        "purpose": "epidemic-control",
        "datasets": [],
        "obligations": {"emergency": emergency},
    }
    intent = log.append(EntryKind.INTENT, body)
    sent = {"intent": intent.entry_id, "purpose": "epidemic-control", "sent": {"rows": rows}}
    log.append(EntryKind.RECEIPT, sent)
    return intent.entry_id


def test_the_command_line_does_it_all(doors: Doors, tmp_path: Path) -> None:
    """Signers sign offline, the administrator declares, everybody sees it, in both languages."""
    declaration = tmp_path / "declaration.yaml"
    declaration.write_text(
        "id: drill-1\ntitle: {zh: 演练, en: Drill}\narea: '310107'\npurposes: [epidemic-control]\n"
        "starts_at: 2026-01-01T00:00:00+08:00\nends_at: 2026-01-02T00:00:00+08:00\n",
        "utf-8",
    )
    for signer in SIGNERS:
        key = doors.city.data / "keys" / f"{signer}.pem"
        ended = doors.city.cli("emergency", "sign", str(declaration), "--key", str(key), "--signer", signer)
        assert (ended.returncode, '"area": "310107"' in ended.stdout) == (0, True), ended.stderr
    signatures = [str(tmp_path / f"declaration.{signer}.sig.json") for signer in SIGNERS]
    late = doors.city.cli("emergency", "declare", str(declaration), *signatures, who=ADMINISTRATOR)
    assert (late.returncode, "the emergency is already over" in late.stderr) == (4, True), late.stderr
    doors.declare(title=pb.Text(zh="演练", en="Drill"))
    for language, words in (("zh", ("演练", "有效")), ("en", ("Drill", "in force"))):
        listed = doors.city.cli("emergency", "list", "--language", language, who=CLERK).stdout
        assert all(word in listed for word in words), listed


def test_nothing_is_decided_while_the_log_is_down(tmp_path: Path) -> None:
    """Without a log no agreement comes into force and no emergency is declared."""
    with lone_gateway(tmp_path / "gateway") as (city, gateway):
        own = Doors(city, gateway)
        gateway.path.log.close()
        requests = {"SignAgreement": (agreement(), STEWARD), "DeclareEmergency": (own.signed(), ADMINISTRATOR)}
        for method, (request, who) in requests.items():
            error = own.refusal(method, request, who=who)
            assert (error.status, error.reasons[0].code) == (UNAVAILABLE, "AUDIT_UNAVAILABLE")
        assert (gateway.registers.governance.agreements, gateway.registers.governance.emergencies) == ((), ())
