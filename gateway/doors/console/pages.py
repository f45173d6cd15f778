"""Every page and action of the console, and where the navigation shows them."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.dataset import Text
from gateway.doors.console import (
    agreements,
    connectors,
    consents,
    corrections,
    datasets,
    destructions,
    needs,
    overview,
    purposes,
    query,
    reports,
    results,
    saved,
    session_left,
    stops,
    subscriptions,
    use,
)
from gateway.doors.console.audit import anomalies, entry, log, proving, review, subject, verification
from gateway.doors.console.visit import Action, NavigationGroup, Page

_MODULES = (
    overview,
    purposes,
    datasets,
    query,
    results,
    saved,
    reports,
    subscriptions,
    destructions,
    consents,
    needs,
    corrections,
    connectors,
    use,
    stops,
    agreements,
    log,
    entry,
    subject,
    anomalies,
    verification,
    review,
    proving,
    session_left,
)  # fmt: skip
_GROUPS = {
    "overview": Text(zh="总览", en="Overview"),
    "ask": Text(zh="用数", en="Use data"),
    "department": Text(zh="供数", en="Provide data"),
    "audit": Text(zh="审计", en="Audit"),
}
PAGES: tuple[Page, ...] = tuple(page for module in _MODULES for page in module.PAGES)
ACTIONS: tuple[Action, ...] = tuple(action for module in _MODULES for action in module.ACTIONS)


def navigation(roles: Iterable[str]) -> tuple[NavigationGroup, ...]:
    """Return the pages that the navigation offers to somebody with these roles."""
    held = frozenset(roles)
    groups = (
        NavigationGroup(
            title=title,
            pages=tuple(page for page in PAGES if page.group == name and (not page.roles or page.roles & held)),
        )
        for name, title in _GROUPS.items()
    )
    return tuple(group for group in groups if group.pages)
