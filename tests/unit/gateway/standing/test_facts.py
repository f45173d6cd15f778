"""What the policy is told beside the query itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from catalog.cases import CaseRegister
from catalog.catalogue import Catalogue
from catalog.governance import AgreementRecord, RevocationKind, Stop, StopKind, StopRecord
from catalog.governance.register import GovernanceRegister
from catalog.load import load_catalogue
from catalog.store import StoreWatch, open_store
from catalog.vocabulary import OfficeKind, Role
from connectors.sdk.access_log import EntryIndex
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.query import ResolvedQuery
from gateway.model.requester import CaseState, RequestContext, Requester, Usage
from gateway.parse import EngineParser, parse
from gateway.resolve import resolve
from gateway.standing import StandingFacts, UsageCounter

NOW = 1_750_046_400
WINDOW, CHECK = "window-service", "social-assistance-check"
REQUESTER = Requester(
    subject="clerk",
    token_id="t",
    office="310101002",
    office_kind=OfficeKind.STREET,
    division_code="310101002",
    roles=frozenset({Role.CLERK}),
    clearance="general-3",
    department=None,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def engine_parser():
    parser = EngineParser()
    yield parser
    parser.close()


@pytest.fixture
def governance(tmp_path: Path):
    store = StoreWatch(open_store(f"sqlite:///{tmp_path / 'registry.db'}"))
    register = GovernanceRegister(store, signers={}, secret=b"k" * 32, clock_seconds=lambda: NOW)
    store.poll()
    yield register
    store.close()


@pytest.fixture
def facts(tmp_path: Path, catalogue: Catalogue, governance: GovernanceRegister) -> StandingFacts:
    usage = UsageCounter(EntryIndex(tmp_path / "log"), clock_seconds=lambda: NOW)
    return StandingFacts(catalogue=catalogue, governance=governance, cases=None, usage=usage)


def asked(purpose: str, *, case: str = "") -> RequestContext:
    return RequestContext(purpose=purpose, case=case, channel="flight_sql", time=NOW)


def witness(change: object = None) -> None:
    """Takes the place of the audit log."""


@pytest.fixture
def resolved(catalogue: Catalogue, engine_parser: EngineParser):
    def resolved_(sql: str) -> ResolvedQuery:
        return resolve(parse(sql, engine_parser=engine_parser), catalogue=catalogue)

    return resolved_


AGREED = AgreementRecord(
    id="public_security-base",
    controller="public_security",
    recipient="31",
    datasets=("population.resident",),
    purposes=(WINDOW,),
    valid_from=NOW - 1,
    valid_until=NOW + 1,
    signed_by="steward",
    signed_at=NOW,
)
RESIDENT = "SELECT name FROM population.resident WHERE resident_id = '11010519491231002X'"


def test_nothing_stands_in_empty_registers(facts, resolved):
    """No agreement, no emergency, no revocation, no case register, nothing used."""
    standing = facts.collect(resolved(RESIDENT), requester=REQUESTER, context=asked(WINDOW))
    assert (standing.requester_revoked, standing.purpose_revoked) == (False, False)
    assert (standing.emergencies, standing.agreements) == ((), ())
    assert standing.case_state is CaseState.UNCHECKED
    assert standing.consents == {"population.resident": 0}
    assert standing.usage == Usage(rows=0, lookups=0)


def test_only_agreements_about_the_querys_datasets_are_told(facts, governance, resolved):
    """The policy does not need to see the others."""
    for controller, dataset in (("public_security", "population.resident"), ("housing", "housing.lease")):
        governance.sign_agreement(
            AgreementRecord(
                id=f"{controller}-base",
                controller=controller,
                recipient="31",
                datasets=(dataset,),
                purposes=(WINDOW,),
                valid_from=NOW - 1,
                valid_until=NOW + 1,
                signed_by="steward",
                signed_at=NOW,
            ),
            witness=witness,
        )
    standing = facts.collect(resolved(RESIDENT), requester=REQUESTER, context=asked(WINDOW))
    assert [agreement.id for agreement in standing.agreements] == ["public_security-base"]


def test_only_stops_that_concern_the_query_are_told(facts, governance, resolved):
    """Its datasets and their columns, the requester's office, its agreements: no other dataset, office or agreement."""
    governance.sign_agreement(AGREED, witness=witness)
    told = [
        (StopKind.AGREEMENT, "public_security", AGREED.id),
        (StopKind.COLUMN, "public_security", "population.resident.phone"),
        (StopKind.DATASET, "public_security", "population.resident"),
        (StopKind.OFFICE, "housing", "310101002"),
    ]
    others = [
        (StopKind.AGREEMENT, "housing", "housing-base"),
        (StopKind.COLUMN, "housing", "housing.lease.lessee_name"),
        (StopKind.DATASET, "public_security", "population.household"),
        (StopKind.OFFICE, "public_security", "310107014"),
    ]
    for number, (kind, controller, target) in enumerate(told + others):
        record = StopRecord(
            id=str(number),
            stop=Stop(kind=kind, controller=controller, target=target),
            reason="r",
            stopped_by="steward",
            by_administrator=False,
            stopped_at=NOW,
        )
        governance.stop(record, witness=witness)
    standing = facts.collect(resolved(RESIDENT), requester=REQUESTER, context=asked(WINDOW))
    assert sorted((stop.kind, stop.controller, stop.target) for stop in standing.stops) == told


@pytest.mark.parametrize(
    ("kind", "id", "field"),
    [(RevocationKind.REQUESTER, "clerk", "requester_revoked"), (RevocationKind.PURPOSE, WINDOW, "purpose_revoked")],
)
def test_a_revocation_is_told(facts, governance, resolved, kind, id, field):
    """For this requester or purpose only."""
    query = resolved(RESIDENT)
    governance.revoke(kind, "another", by="a", reason="r", witness=witness)
    assert getattr(facts.collect(query, requester=REQUESTER, context=asked(WINDOW)), field) is False
    governance.revoke(kind, id, by="a", reason="r", witness=witness)
    assert getattr(facts.collect(query, requester=REQUESTER, context=asked(WINDOW)), field) is True


@pytest.fixture
def cases(tmp_path: Path):
    path = tmp_path / "cases.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE cases (case_number TEXT, purpose TEXT, office TEXT, closed_at TEXT)")
        database.executemany(
            "INSERT INTO cases VALUES (?, ?, ?, ?)",
            [
                ("SA-2026-000001", CHECK, "310101002", None),
                ("SA-2026-000002", CHECK, "310101002", "2026-01-01"),
                ("SA-2026-000003", CHECK, "310107014", None),
            ],
        )
    register = CaseRegister(f"sqlite:///{path}")
    yield register
    register.close()


@pytest.mark.parametrize(
    ("case", "state"),
    [
        ("SA-2026-000001", CaseState.OPEN),
        ("SA-2026-000002", CaseState.CLOSED),
        ("SA-2026-000003", CaseState.UNKNOWN),
        ("", CaseState.UNCHECKED),
    ],
)
def test_the_case_register_is_asked_for_the_case_of_this_office(facts, cases, resolved, case, state):
    """A case of another office is as unknown as one that nobody has."""
    connected = StandingFacts(catalogue=facts.catalogue, governance=facts.governance, cases=cases, usage=facts.usage)
    standing = connected.collect(resolved(RESIDENT), requester=REQUESTER, context=asked(CHECK, case=case))
    assert standing.case_state is state


def test_a_case_register_that_is_down_denies(facts, tmp_path, resolved):
    """Not knowing is denying."""
    cases = CaseRegister(f"sqlite:///{tmp_path / 'nothing' / 'cases.db'}")
    down = StandingFacts(catalogue=facts.catalogue, governance=facts.governance, cases=cases, usage=facts.usage)
    with pytest.raises(Unavailable) as refused:
        down.collect(resolved(RESIDENT), requester=REQUESTER, context=asked(CHECK, case="SA-2026-000001"))
    assert refused.value.reason is Reason.CASE_REGISTER_UNAVAILABLE
    cases.close()


def test_a_query_is_not_stopped_by_its_own_usage(facts, resolved):
    """Asked again, everything is new but what was used when it was decided."""
    query = resolved(RESIDENT)
    first = facts.collect(query, requester=REQUESTER, context=asked(WINDOW))
    facts.usage._totals["clerk", WINDOW].lookups = 99
    again = facts.collect_again(first, resolved=query, requester=REQUESTER, context=asked(WINDOW))
    assert again.usage == first.usage
