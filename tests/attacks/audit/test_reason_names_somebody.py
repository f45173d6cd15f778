"""A reason for revealing a person that would itself keep the person in the log."""

from __future__ import annotations

import pytest

from gateway.doors.subject import checked_reason
from gateway.errors import InvalidQuery
from gateway.messages import Reason

PERSON = "310101199001011234"


@pytest.mark.parametrize(
    "reason",
    [
        f"complaint of {PERSON}",
        "complaint of 310101 1990 0101 1234",
        "投诉人３１０１０１１９９００１０１１２３４",
        "31010-119900-10112-34",
        "3.1.0.1.0.1.1.9.9.0.0.1.0.1.1.2.3.4",
        "310101\u200b19900101\u200b1234",
        "310101\n19900101\n123X",
        "311019900101123",
        "phone 138-1234-5678",
        "phone +86 (138) 1234 5678",
        "٣١٠١٠١١٩٩٠٠١٠١١٢٣٤",
        "entity 91310101-MA1FPX1-23-4",
        "entity 91310101ma1fpx1234",
    ],
)
def test_a_number_of_somebody_is_refused_however_it_is_written(reason: str) -> None:
    """Spaces, dashes, invisible characters, wide digits and small letters do not bring a number into the log."""
    with pytest.raises(InvalidQuery) as caught:
        checked_reason(reason)
    assert caught.value.reason is Reason.REVEAL_REASON_NAMES_SOMEBODY


@pytest.mark.parametrize(
    "reason", ["complaint 2026-114", "沪府复〔2026〕123号", "案号（2026）沪0101行初123号", "court order 77"]
)
def test_twin_a_case_number_is_recorded(reason: str) -> None:
    """Numbers of complaints and cases are what a reason should hold."""
    assert checked_reason(f" {reason} ")


def test_no_reason_is_refused() -> None:
    """White space, also wide, is no reason."""
    with pytest.raises(InvalidQuery) as caught:
        checked_reason(" \u3000\n")
    assert caught.value.reason is Reason.REVEAL_REASON_MISSING
