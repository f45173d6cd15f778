"""Which connector serves which dataset."""

from catalog.registry.checks import check_datasets, drift_of
from catalog.registry.records import (
    CONNECTOR_NAME,
    Candidate,
    ConnectorInstance,
    Drift,
    LoggedRegistration,
    NotServed,
    Registration,
    RegistrationAction,
    RegistrationRefused,
    RegistrationState,
    Serving,
    StateChange,
)
from catalog.registry.registry import Registry
from catalog.store import RegistryUnavailable

__all__ = [
    "CONNECTOR_NAME",
    "Candidate",
    "ConnectorInstance",
    "Drift",
    "LoggedRegistration",
    "NotServed",
    "Registration",
    "RegistrationAction",
    "RegistrationRefused",
    "RegistrationState",
    "Registry",
    "RegistryUnavailable",
    "Serving",
    "StateChange",
    "check_datasets",
    "drift_of",
]
