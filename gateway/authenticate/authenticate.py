"""From a bearer token to a requester."""

from __future__ import annotations

from catalog.catalogue import Catalogue
from catalog.directory import Directory
from catalog.vocabulary import Role
from gateway.authenticate.tokens import TokenVerifier
from gateway.errors import InvalidQuery, Unauthenticated
from gateway.messages import Reason
from gateway.model.requester import Requester


def authenticate(
    authorization: str | None, *, verifier: TokenVerifier, directory: Directory, catalogue: Catalogue
) -> Requester:
    """Return the requester whom an `authorization` header stands for.

    Args:
        authorization: The header's value, `Bearer <token>`; None when the call had none.
        verifier: Verifies the token.
        directory: Says which office, roles and clearance the subject has.
        catalogue: Knows the offices.

    Raises:
        Unauthenticated: No token, an invalid one, or a requester the directory does not know.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(Reason.TOKEN_MISSING)
    claims = verifier.verify(token.strip())
    return _listed(claims.subject, token_id=claims.token_id, directory=directory, catalogue=catalogue)


def standing_requester(
    subject: str, *, office: str, acting: str, directory: Directory, catalogue: Catalogue
) -> Requester:
    """Return a requester as whom the gateway acts on a standing order, as the directory has it now.

    Args:
        subject: Who gave the order.
        office: Of which office the requester was then.
        acting: Names the order in the log, where the id of a token stands otherwise.
        directory: Says which office, roles and clearance the subject has.
        catalogue: Knows the offices.

    Raises:
        Unauthenticated: The directory does not know the requester any more, or in another office.
    """
    requester = _listed(subject, token_id=acting, directory=directory, catalogue=catalogue)
    if requester.office != office:
        raise Unauthenticated(Reason.REQUESTER_UNKNOWN, internal=f"subject {subject!r} has moved")
    return requester


def _listed(subject: str, *, token_id: str, directory: Directory, catalogue: Catalogue) -> Requester:
    entry = directory.find(subject)
    office = catalogue.offices.get(entry.office) if entry else None
    if entry is None or office is None:
        raise Unauthenticated(Reason.REQUESTER_UNKNOWN, internal=f"subject {subject!r}")
    return Requester(
        subject=entry.subject,
        token_id=token_id,
        office=office.id,
        office_kind=office.kind,
        division_code=office.division_code,
        roles=entry.roles,
        clearance=entry.clearance,
        department=entry.department,
    )


def office_requester(
    administrator: Requester, *, office: str, role: str, directory: Directory, catalogue: Catalogue
) -> Requester:
    """Return a requester of an office as whom an administrator may be told what that office would see.

    An upper bound: it has every role and the highest clearance that the directory gives to anybody of the office. Subject and
    token stay the administrator's, so the log never names somebody who did not ask.

    Args:
        administrator: Who looks; its role is checked before.
        office: Office id of the catalogue.
        role: Only those of the office who have this role, and as nothing else; empty for everybody.
        directory: Says who is of the office.
        catalogue: Knows the offices and ranks the grades.

    Raises:
        InvalidQuery: The directory has nobody of the office, or of the role there.
    """
    entries = [entry for entry in directory.of_office(office) if not role or role in entry.roles]
    known = catalogue.offices.get(office)
    if known is None or not entries:
        raise InvalidQuery(Reason.OFFICE_UNKNOWN, f"{office} {role}".strip())
    ranks = {grade.id: grade.rank for grade in catalogue.grades.grades}
    roles = frozenset[Role]().union(*(entry.roles for entry in entries))
    return Requester(
        subject=administrator.subject,
        token_id=administrator.token_id,
        office=known.id,
        office_kind=known.kind,
        division_code=known.division_code,
        roles=frozenset({Role(role)}) if role else roles,
        clearance=max((entry.clearance for entry in entries), key=lambda grade: ranks.get(grade, 0)),
        department=None,
        seen_by=administrator.subject,
    )
