"""The records of the registry of connectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from catalog.dataset import Text

CONNECTOR_NAME = "main"
"""Name of a department's connector that gives itself none."""


class RegistrationState(StrEnum):
    """Where a registration stands in its life cycle."""

    REQUESTED = "requested"
    """A connector asked, but did not pass the checks."""
    CHECKED = "checked"
    """The connector answered and its schemas match the catalogue; waits for approval."""
    APPROVED = "approved"
    """Serves as soon as a connector runs."""
    ACTIVE = "active"
    """Queries are served from it."""
    SUSPENDED = "suspended"
    """Stopped until resumed."""
    WITHDRAWN = "withdrawn"
    """Ended for good."""


class RegistrationAction(StrEnum):
    """What people decide about a registration."""

    APPROVE = "approve"
    SUSPEND = "suspend"
    RESUME = "resume"
    WITHDRAW = "withdraw"


class NotServed(StrEnum):
    """Why a dataset cannot be scanned now."""

    NO_CONNECTOR = "no_connector"
    """Nobody registered it."""
    NOT_APPROVED = "not_approved"
    """Its registration waits for checks or approval."""
    SUSPENDED = "suspended"
    """Its registration is stopped or withdrawn."""
    DRIFTED = "drifted"
    """What the connector serves is not what the catalogue says."""
    NO_LEASE = "no_lease"
    """No connector of the registration runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorInstance:
    """One running connector; several with the same datasets are replicas."""

    department: str
    connector: str
    """Name within the department."""
    instance_id: str
    endpoint: str
    """host:port."""
    generation: int
    """Rises with every instance the registration has had."""
    lease_expires_at: int
    """Seconds since 1970-01-01 UTC."""
    certificate_sha256: str = ""
    """Hex; empty over plaintext."""
    software: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A dataset that is stopped because it is not as catalogued."""

    dataset: str
    instance_id: str
    """The connector in which it was found."""
    text: Text
    """Names columns and types, never values."""
    found_at: int
    """Seconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One connector of one department, with its replicas."""

    department: str
    connector: str
    datasets: tuple[str, ...]
    """Sorted."""
    state: RegistrationState
    changed_at: int
    """Seconds since 1970-01-01 UTC."""
    changed_by: str
    reason: str
    instances: tuple[ConnectorInstance, ...] = ()
    """Those whose lease has not ended, by generation."""
    drifts: tuple[Drift, ...] = ()
    """Of these instances, by dataset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One step of a registration's history."""

    state: RegistrationState
    at: int
    """Seconds since 1970-01-01 UTC."""
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A connector that answered as its department's and wants to serve."""

    department: str
    connector: str
    instance_id: str
    endpoint: str
    """host:port."""
    certificate_sha256: str
    """Hex; empty over plaintext."""
    software: str
    datasets: tuple[str, ...]
    """Sorted; each is the department's."""
    drifts: Mapping[str, Text]
    """Why a dataset is not as catalogued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRegistration:
    """Where the access log last saw a registration."""

    department: str
    connector: str
    datasets: tuple[str, ...]
    """Sorted."""
    state: RegistrationState
    at: int
    """Time of the entry, in seconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Whether and from where a dataset can be scanned now."""

    instances: tuple[ConnectorInstance, ...]
    """At least one when `because` is None."""
    because: NotServed | None = None


class RegistrationRefused(Exception):
    """A registration, heartbeat or decision that is not accepted.

    Args:
        zh: Why, for who asked.
        en: The same.
        recorded: Why, in English, for the log, when who asked is not told all of it.
    """

    def __init__(self, zh: str, en: str, *, recorded: str = "") -> None:
        super().__init__(en)
        self.text = Text(zh=zh, en=en)
        self.recorded = recorded or en
