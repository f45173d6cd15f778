"""From a bearer token to a requester."""

from __future__ import annotations

from catalog.catalogue import Catalogue
from catalog.directory import Directory
from gateway.authenticate.tokens import TokenVerifier
from gateway.errors import Unauthenticated
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
    entry = directory.find(claims.subject)
    office = catalogue.offices.get(entry.office) if entry else None
    if entry is None or office is None:
        raise Unauthenticated(Reason.REQUESTER_UNKNOWN, internal=f"subject {claims.subject!r}")
    return Requester(
        subject=entry.subject,
        token_id=claims.token_id,
        office=office.id,
        office_kind=office.kind,
        division_code=office.division_code,
        roles=entry.roles,
        clearance=entry.clearance,
        department=entry.department,
    )
