"""Stage 6 of 10: EnforcedPlan → AuditEntry, and the receipt that closes it."""

from connectors.sdk.tlog.note import VerificationKey
from connectors.sdk.tlog.problems import Verification
from connectors.sdk.tlog.verify import verify
from gateway.audit.decisions import recorded_decisions
from gateway.audit.department_logs import DepartmentLogs
from gateway.audit.destruction import KeptResult, OwedDestruction, kept_result, owed_destructions
from gateway.audit.lifted_stops import LiftedStop, lifted_stops
from gateway.audit.log import AuditLog, LogState
from gateway.audit.policy_history import highest_activated
from gateway.audit.receipts import find_receipt, recipients_receipt
from gateway.audit.received import ReceivedDataset, received_dataset
from gateway.audit.reconcile import Difference, DifferenceKind, RecordedScan, reconcile
from gateway.audit.record import record_denial, record_failure, record_intent, record_receipt
from gateway.audit.record_change import (
    record_administration,
    record_audit_query,
    record_destruction,
    record_governance,
    record_policy_change,
    record_refused_registration,
    record_registration,
    record_request,
)
from gateway.audit.restrictions import put_back_from_log
from gateway.audit.sealer import Sealer
from gateway.audit.search import SearchFilters, find_entry, readable, search
from gateway.audit.subject_report import Access, AccessKind, report_subject
from gateway.audit.subjects import SUBJECT_KEY_BYTES, SubjectKey, named_people
from gateway.audit.summary import Dimension, Grouped, summarise
from gateway.audit.today import Scope, ScopeKind, Today, TodaysUse, UseCounts
from gateway.audit.trace import checked_marks, marks_sha256, recipients, trace
from gateway.audit.witnesses import RemoteWitness

AUDIT_KEY_NAME = "sharing-gateway/audit"
"""Name under which a gateway signs its checkpoints."""

__all__ = [
    "AUDIT_KEY_NAME",
    "SUBJECT_KEY_BYTES",
    "Access",
    "AccessKind",
    "AuditLog",
    "DepartmentLogs",
    "Difference",
    "DifferenceKind",
    "Dimension",
    "Grouped",
    "KeptResult",
    "LiftedStop",
    "LogState",
    "OwedDestruction",
    "ReceivedDataset",
    "RecordedScan",
    "RemoteWitness",
    "Scope",
    "ScopeKind",
    "Sealer",
    "SearchFilters",
    "SubjectKey",
    "Today",
    "TodaysUse",
    "UseCounts",
    "Verification",
    "VerificationKey",
    "checked_marks",
    "find_entry",
    "find_receipt",
    "highest_activated",
    "kept_result",
    "lifted_stops",
    "marks_sha256",
    "named_people",
    "owed_destructions",
    "put_back_from_log",
    "readable",
    "received_dataset",
    "recipients",
    "recipients_receipt",
    "reconcile",
    "record_administration",
    "record_audit_query",
    "record_denial",
    "record_destruction",
    "record_failure",
    "record_governance",
    "record_intent",
    "record_policy_change",
    "record_receipt",
    "record_refused_registration",
    "record_registration",
    "record_request",
    "recorded_decisions",
    "report_subject",
    "search",
    "summarise",
    "trace",
    "verify",
]
