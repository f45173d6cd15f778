"""As whom an administrator is told what an office would see."""

from __future__ import annotations

import pytest

from catalog.catalogue import Catalogue
from catalog.directory import Directory, RequesterEntry
from catalog.load import load_catalogue
from catalog.vocabulary import OfficeKind, Role
from gateway.authenticate import office_requester
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.model.requester import Requester

STREET = "310101002"
ADMINISTRATOR = Requester(
    subject="administrator",
    token_id="token-1",
    office="audit-office",
    office_kind=OfficeKind.AUDIT,
    division_code="31",
    roles=frozenset({Role.ADMINISTRATOR}),
    clearance="general-1",
    department=None,
)


def entry(subject: str, *roles: Role, clearance: str, office: str = STREET, disabled: bool = False) -> RequesterEntry:
    return RequesterEntry(
        subject=subject,
        display_name=subject,
        office=office,
        roles=frozenset(roles),
        clearance=clearance,
        disabled=disabled,
    )


DIRECTORY = Directory(
    (
        entry("clerk", Role.CLERK, clearance="general-3"),
        entry("analyst", Role.ANALYST, clearance="general-2"),
        entry("misspelt", Role.CLERK, clearance="genral-4"),
        entry("left", Role.STEWARD, clearance="core", disabled=True),
        entry("neighbour", Role.STEWARD, clearance="core", office="310107014"),
        entry("nowhere", Role.CLERK, clearance="general-1", office="310199999"),
    )
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def seen(catalogue: Catalogue, *, office: str = STREET, role: str = "") -> Requester:
    return office_requester(ADMINISTRATOR, office=office, role=role, directory=DIRECTORY, catalogue=catalogue)


def test_an_office_is_seen_at_its_most(catalogue: Catalogue) -> None:
    """Every role and the highest clearance of those who may ask; who is disabled or of another office adds nothing."""
    requester = seen(catalogue)
    assert requester.roles == {Role.CLERK, Role.ANALYST}
    assert requester.clearance == "general-3"
    assert (requester.office, requester.office_kind, requester.division_code) == (STREET, OfficeKind.STREET, STREET)


def test_one_role_is_seen_without_the_others(catalogue: Catalogue) -> None:
    """With a role, only those who have it count, and only as that."""
    requester = seen(catalogue, role="analyst")
    assert requester.roles == {Role.ANALYST}
    assert requester.clearance == "general-2"


def test_the_administrator_stays_who_asks(catalogue: Catalogue) -> None:
    """Subject and token are the administrator's, so no entry of the log names somebody who did not ask."""
    requester = seen(catalogue)
    assert (requester.subject, requester.token_id) == (ADMINISTRATOR.subject, ADMINISTRATOR.token_id)
    assert requester.department is None


@pytest.mark.parametrize(
    ("office", "role"),
    [
        ("310101003", ""),  # an office without anybody
        ("310199999", ""),  # somebody of an office that the catalogue does not have
        ("", ""),
        ("no such office", ""),
        (STREET, "steward"),  # only the one who is disabled
        (STREET, "no such role"),
    ],
)
def test_an_office_without_requesters_is_a_clear_error(catalogue: Catalogue, office: str, role: str) -> None:
    """Nobody to look as is said so, and nothing is made up."""
    with pytest.raises(InvalidQuery) as refused:
        seen(catalogue, office=office, role=role)
    assert refused.value.reason is Reason.OFFICE_UNKNOWN
    assert f"{office} {role}".strip() in refused.value.message.en
