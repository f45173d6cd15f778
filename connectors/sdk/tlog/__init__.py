"""A transparency log: append-only, durable before acknowledged, verifiable by anybody (RFC 9162, C2SP tlog-checkpoint).

The gateway's access log and every department's log of grants are such logs.
"""

from connectors.sdk.tlog.cosigning import Witnessing
from connectors.sdk.tlog.entry import Entry, decode_entry, read_header
from connectors.sdk.tlog.evidence import Evidence, EvidenceProblem, EvidenceRefused
from connectors.sdk.tlog.note import Checkpoint, VerificationKey, read_checkpoint
from connectors.sdk.tlog.pending import LogUnavailable, Pending
from connectors.sdk.tlog.problems import Problem, ProblemKind, Verification
from connectors.sdk.tlog.reading import read_entries
from connectors.sdk.tlog.segments import Segment, list_segments, read_leaves
from connectors.sdk.tlog.tombstone import live_segments
from connectors.sdk.tlog.verify import read_checkpoint_file, verify
from connectors.sdk.tlog.writer import LogWriter

__all__ = [
    "Checkpoint",
    "Entry",
    "Evidence",
    "EvidenceProblem",
    "EvidenceRefused",
    "LogUnavailable",
    "LogWriter",
    "Pending",
    "Problem",
    "ProblemKind",
    "Segment",
    "Verification",
    "VerificationKey",
    "Witnessing",
    "decode_entry",
    "list_segments",
    "live_segments",
    "read_checkpoint",
    "read_checkpoint_file",
    "read_entries",
    "read_header",
    "read_leaves",
    "verify",
]
