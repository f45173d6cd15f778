"""As whom the gateway acts on a standing order."""

from __future__ import annotations

import pytest

from catalog.load import load_catalogue
from catalog.vocabulary import OfficeKind
from gateway.authenticate import standing_requester
from gateway.errors import Unauthenticated
from gateway.messages import Reason
from gateway.model.requester import Requester
from tests.unit.gateway.authenticate.credentials import make_directory

STREET = "310101002"


def acting_for(subject: str, *, office: str = STREET) -> Requester:
    return standing_requester(
        subject, office=office, acting="subscription:s-1", directory=make_directory(), catalogue=load_catalogue()
    )


def test_an_order_is_carried_out_as_the_directory_has_its_requester_now():
    """Office, division, roles and clearance are those of today; where a token's id stands, the log names the order."""
    requester = acting_for("clerk")
    assert (requester.subject, requester.office, requester.office_kind) == ("clerk", STREET, OfficeKind.STREET)
    assert (requester.token_id, requester.seen_by) == ("subscription:s-1", None)


@pytest.mark.parametrize(
    ("subject", "office"),
    [("disabled", STREET), ("nobody", STREET), ("misplaced", "no-such-office"), ("clerk", "310107014")],
)
def test_nobody_acts_for_somebody_who_is_gone_or_elsewhere(subject: str, office: str):
    """Disabled, unknown, of an unknown office, or of another office than when the order was given: refused alike."""
    with pytest.raises(Unauthenticated) as refused:
        acting_for(subject, office=office)
    assert refused.value.reason is Reason.REQUESTER_UNKNOWN
