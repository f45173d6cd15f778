"""Stage 6 of 10: EnforcedPlan → AuditEntry, and the receipt that closes it."""

from gateway.audit.checkpoint import VerificationKey, read_checkpoint
from gateway.audit.log import AuditLog
from gateway.audit.problems import Verification
from gateway.audit.record import (
    record_audit_query,
    record_denial,
    record_failure,
    record_intent,
    record_receipt,
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
    "SearchFilters",
    "Verification",
    "VerificationKey",
    "read_checkpoint",
    "read_checkpoint_file",
    "read_log",
    "record_audit_query",
    "record_denial",
    "record_failure",
    "record_intent",
    "record_receipt",
    "record_registration",
    "search",
    "verify",
    "verify_lines",
]
