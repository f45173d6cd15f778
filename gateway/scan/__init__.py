"""Stage 7 of 10: EnforcedPlan → ScannedTables. Asks the connectors and verifies every batch on arrival."""

from gateway.scan.connectors import ConnectorChannels, ConnectorDirectory
from gateway.scan.department_logs import ConnectorLogs
from gateway.scan.grants import GrantIssuer
from gateway.scan.scan import scan

__all__ = ["ConnectorChannels", "ConnectorDirectory", "ConnectorLogs", "GrantIssuer", "scan"]
