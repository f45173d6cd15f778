"""Who looked at one data subject."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.purpose import Disclosure, LegalBasis
from catalog.vocabulary import IdentifierKind
from connectors.sdk.access_log import EntryIndex
from connectors.sdk.grant_log import FoundSubject
from gateway.audit.log import AuditLog
from gateway.audit.subject_report import WITHHELD_FOR_GOOD, Access, AccessKind, report_subject
from gateway.audit.subjects import SubjectKey
from gateway.errors import GatewayError
from gateway.messages import Reason
from gateway.model.audit import EntryKind
from tests.fakes.department_logs import DepartmentsInMemory
from tests.unit.gateway.audit.conftest import START_MICROS, OpenLog

KEY = SubjectKey(bytes(range(64)))
PERSON = "310101194003070022"
RESIDENT, CODE = "population.resident", "health.health_code"
ASKED_AT = START_MICROS // 1_000_000 + 1
"""The first query's time; the log's own first entry comes a second before."""
NOW = ASKED_AT + 86_400


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The distribution's."""
    return load_catalogue()


@pytest.fixture
def log(open_log: OpenLog) -> Iterator[AuditLog]:
    """An open access log."""
    with open_log() as opened:
        yield opened


def query(
    log: AuditLog,
    decision: str,
    *datasets: str,
    named: str = "",
    purpose: str = "elderly-care-visits",
    people_min: int | None = None,
) -> str:
    """Record a query and return the id of its entry."""
    body: dict[str, Any] = {
        "requester": {"subject": "clerk", "office": "310101002"},
        "purpose": purpose,
        "decision_id": decision,
        "people_min": people_min,
        "datasets": [
            {
                "name": name,
                "columns": [
                    {"name": "sex", "uses": ["selected"], "action": "clear", "mask": None},
                    {"name": "name", "uses": ["selected"], "action": "partial", "mask": "name"},
                ],
                "people": [KEY.token(IdentifierKind.RESIDENT_ID, value=named)] if named else [],
            }
            for name in datasets
        ],
    }
    return log.append(EntryKind.INTENT, body).entry_id


def reported(
    directory: Path, catalogue: Catalogue, *, logs: DepartmentsInMemory | None = None, value: str = PERSON
) -> tuple[tuple[Access, ...], tuple[GatewayError, ...]]:
    """Report one person."""
    with closing(EntryIndex(directory)) as index:
        return report_subject(
            index,
            logs=logs or DepartmentsInMemory(),
            catalogue=catalogue,
            subject_key=KEY,
            identifier=IdentifierKind.RESIDENT_ID,
            value=value,
            now=NOW,
        )


def facts(accesses: tuple[Access, ...]) -> list[tuple[str, str, AccessKind]]:
    return [(access.intent.entry_id, access.dataset, access.kind) for access in accesses]


def left(decision: str, dataset: str = RESIDENT, *, certain: bool = True) -> FoundSubject:
    return FoundSubject(decision_id=decision, dataset=dataset, certain=certain)


def test_a_look_up_is_reported_from_the_access_log_alone(log: AuditLog, directory: Path, catalogue: Catalogue) -> None:
    """Who named this person is listed with every column and its treatment; who named another is not."""
    entry = query(log, "d1", RESIDENT, named=PERSON)
    query(log, "d2", RESIDENT, named="310101194003070030")
    accesses, failures = reported(directory, catalogue)
    assert facts(accesses) == [(entry, RESIDENT, AccessKind.LOOKED_UP)]
    assert accesses[0].columns == ("name: partial name", "sex: clear")
    assert failures == ()


def test_letter_case_of_an_identifier_does_not_hide_a_look_up(
    log: AuditLog, directory: Path, catalogue: Catalogue
) -> None:
    """The last character of an identity number may be written x or X."""
    entry = query(log, "d1", RESIDENT, named="11010519491231002x")
    accesses, _ = reported(directory, catalogue, value="11010519491231002X")
    assert facts(accesses) == [(entry, RESIDENT, AccessKind.LOOKED_UP)]


def test_bulk_results_and_statistics_are_reported_as_the_departments_know_them(
    log: AuditLog, directory: Path, catalogue: Catalogue
) -> None:
    """Whose rows left for a result or a statistic is reported for exactly the datasets of which they left, oldest first."""
    bulk = query(log, "bulk", RESIDENT, CODE)
    query(log, "others", RESIDENT)
    statistic = query(log, "statistic", RESIDENT, people_min=10)
    named = query(log, "named", RESIDENT, named=PERSON)
    logs = DepartmentsInMemory(
        found={"public_security": [left("statistic"), left("named"), left("bulk")], "health": [left("other", CODE)]}
    )
    accesses, _ = reported(directory, catalogue, logs=logs)
    assert facts(accesses) == [
        (bulk, RESIDENT, AccessKind.DELIVERED),
        (statistic, RESIDENT, AccessKind.COUNTED),
        (named, RESIDENT, AccessKind.LOOKED_UP),
    ]


def test_every_department_is_asked_that_may_have_sent_something_of_the_person(
    log: AuditLog, directory: Path, catalogue: Catalogue
) -> None:
    """A resident's number may also stand beside another's row: as a legal representative, a lessor, a head of household."""
    logs = DepartmentsInMemory()
    reported(directory, catalogue, logs=logs)
    with_number = {
        dataset.controller
        for dataset in catalogue.datasets.values()
        if any(column.identifier is IdentifierKind.RESIDENT_ID for column in dataset.columns)
    }
    assert {department for department, _, _ in logs.asked} == with_number
    assert catalogue.datasets["legal_entity.enterprise"].controller in with_number
    assert "audit_office" not in with_number


def test_what_may_have_left_is_reported_as_possible(log: AuditLog, directory: Path, catalogue: Catalogue) -> None:
    """Of a grant without an end the report says that it is not certain; a certain finding of the same decision wins."""
    broken = query(log, "broken", RESIDENT)
    both = query(log, "both", RESIDENT)
    found = [left("broken", certain=False), left("both", certain=True), left("both", certain=False)]
    accesses, _ = reported(directory, catalogue, logs=DepartmentsInMemory(found={"public_security": found}))
    assert facts(accesses) == [(broken, RESIDENT, AccessKind.POSSIBLE), (both, RESIDENT, AccessKind.DELIVERED)]


def test_a_department_cannot_speak_for_another(log: AuditLog, directory: Path, catalogue: Catalogue) -> None:
    """What a department claims of datasets that it does not control, or that nobody has, makes no access."""
    query(log, "d1", RESIDENT)
    claims = [left("d1"), left("d1", "no.such"), left("d1", "x" * 10_000)]
    accesses, failures = reported(directory, catalogue, logs=DepartmentsInMemory(found={"health": claims}))
    assert (accesses, failures) == ((), ())


def test_twin_a_department_is_believed_about_its_own(log: AuditLog, directory: Path, catalogue: Catalogue) -> None:
    """The same claim from the dataset's controller is an access."""
    entry = query(log, "d1", RESIDENT)
    accesses, _ = reported(directory, catalogue, logs=DepartmentsInMemory(found={"public_security": [left("d1")]}))
    assert facts(accesses) == [(entry, RESIDENT, AccessKind.DELIVERED)]


def test_a_department_that_does_not_answer_is_named_and_the_rest_is_reported(
    log: AuditLog, directory: Path, catalogue: Catalogue
) -> None:
    """A report is never silently incomplete."""
    entry = query(log, "bulk", RESIDENT)
    logs = DepartmentsInMemory(found={"public_security": [left("bulk")], "health": None})
    accesses, failures = reported(directory, catalogue, logs=logs)
    assert facts(accesses) == [(entry, RESIDENT, AccessKind.DELIVERED)]
    assert [(failure.reason, failure.detail) for failure in failures] == [(Reason.CONNECTOR_UNAVAILABLE, "health")]


@pytest.mark.parametrize(
    ("disclosure", "withheld_until"),
    [
        (None, 0),
        ({"delay_days": 30}, ASKED_AT + 30 * 86_400),
        ({"delay_days": 1}, 0),
        ({"withheld": True}, WITHHELD_FOR_GOOD),
    ],
)
def test_what_the_law_keeps_back_is_marked(
    log: AuditLog, directory: Path, catalogue: Catalogue, disclosure: dict[str, Any] | None, withheld_until: int
) -> None:
    """An access is withheld until its purpose's delay is over, or for good; without a rule it is told at once."""
    basis = LegalBasis(instrument={"zh": "法", "en": "Law"}, article="35")
    purpose = catalogue.purposes["elderly-care-visits"].model_copy(
        update={"disclosure": disclosure and Disclosure(**disclosure, basis=(basis,))}
    )
    changed = replace(catalogue, purposes={purpose.id: purpose})
    query(log, "d1", RESIDENT, named=PERSON)
    [access], _ = reported(directory, changed)
    assert access.withheld_until == withheld_until
