"""Stage 6 of 10: EnforcedPlan → AuditEntry, and the receipt that closes it."""

from gateway.audit.checkpoint import VerificationKey, read_checkpoint
from gateway.audit.destruction import OwedDestruction, owed_destructions
from gateway.audit.log import AuditLog
from gateway.audit.policy_history import highest_activated
from gateway.audit.problems import Verification
from gateway.audit.record import record_denial, record_failure, record_intent, record_receipt
from gateway.audit.record_change import (
    record_administration,
    record_audit_query,
    record_destruction,
    record_governance,
    record_policy_change,
    record_registration,
)
from gateway.audit.search import SearchFilters, search
from gateway.audit.segments import read_checkpoint_file, read_log
from gateway.audit.verify import verify, verify_lines

AUDIT_KEY_NAME = "sharing-gateway/audit"
"""Name under which a gateway signs its checkpoints."""

__all__ = [
    "AUDIT_KEY_NAME",
    "AuditLog",
    "OwedDestruction",
    "SearchFilters",
    "Verification",
    "VerificationKey",
    "highest_activated",
    "owed_destructions",
    "read_checkpoint",
    "read_checkpoint_file",
    "read_log",
    "record_administration",
    "record_audit_query",
    "record_denial",
    "record_destruction",
    "record_failure",
    "record_governance",
    "record_intent",
    "record_policy_change",
    "record_receipt",
    "record_registration",
    "search",
    "verify",
    "verify_lines",
]
