"""Whom pages are offered to. Who may do what is the gateway's to decide."""

from __future__ import annotations

from catalog.vocabulary import OVERSIGHT, Role

OFFICE = frozenset({Role.CLERK, Role.ANALYST})
"""Who works with data in an office."""
ASKING = OFFICE | {Role.AUDITOR}
"""Whom purposes are for."""
PROVIDING = OVERSIGHT | {Role.STEWARD}
"""Who sees what departments provide."""
AUDITING = frozenset({Role.AUDITOR})
