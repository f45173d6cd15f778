"""What happened to the policies that decide."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PolicyAction(StrEnum):
    """What was done with a bundle."""

    ACTIVATED = "activated"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why a bundle was refused."""

    UNREADABLE = "UNREADABLE"
    """There is no file, it is too large, or it is no bundle of `gateway policy build`."""
    SIGNATURE = "SIGNATURE"
    """It is not signed by the key, or what it holds is not what was signed."""
    OTHER_CATALOGUE = "OTHER_CATALOGUE"
    """It was built for another catalogue than the one this gateway serves."""
    OLDER = "OLDER"
    """Its sequence is not above the highest that was ever active."""
    ENGINE = "ENGINE"
    """The policy engine does not take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """A bundle was activated or refused."""

    action: PolicyAction
    revision: str | None
    """None when the bundle could not be read."""
    sequence: int | None
    """Number that its builder gave it; None when the bundle could not be read."""
    sha256: str | None
    """Hex digest of the file; None when there was none."""
    reason: Refusal | None = None
    detail: str = ""
    """For operators, in English."""
