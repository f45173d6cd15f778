"""What the page of agreements suggests."""

from __future__ import annotations

from gateway.doors.console.agreements import suggested_id

NOON = 1_767_240_000
"""2026-01-01 12:00 in Shanghai."""


def test_an_id_is_suggested_that_no_agreement_has_had() -> None:
    """Of the department and the day; numbered from the second on."""
    first, second = "health-20260101", "health-20260101-2"
    assert suggested_id("health", now=NOON, used=()) == first
    assert suggested_id("health", now=NOON, used={first}) == second
    assert suggested_id("health", now=NOON, used={first, second}) == "health-20260101-3"
