"""Stage 7 of 10: EnforcedPlan → ScannedTables. Asks the connectors and verifies every batch on arrival."""

from gateway.scan.connectors import ConnectorChannels, ConnectorDirectory, drift_in
from gateway.scan.department_logs import ConnectorLogs
from gateway.scan.grants import GrantIssuer
from gateway.scan.nothing import scan_nothing
from gateway.scan.replicas import Replicas
from gateway.scan.scan import CLOCK_SECONDS_MAX, scan

__all__ = [
    "CLOCK_SECONDS_MAX",
    "ConnectorChannels",
    "ConnectorDirectory",
    "ConnectorLogs",
    "GrantIssuer",
    "Replicas",
    "drift_in",
    "scan",
    "scan_nothing",
]
