"""Prove with the auditor's own key that an entry is in the log."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from catalog.dataset import Text
from connectors.sdk.tlog.entry import leaf_hash
from connectors.sdk.tlog.evidence import Evidence, EvidenceProblem, EvidenceRefused
from connectors.sdk.tlog.note import MalformedCheckpointError, parse_checkpoint
from gateway.doors.console.audit.verifying import Cosignature, cosignatures_of
from gateway.doors.console.audit.work import KEY_BYTES_MAX, AuditWork, KeyRefused, Keys
from gateway.doors.console.visit import Action, Page, Visit

_PROBLEMS = {
    EvidenceProblem.MALFORMED: Text(
        zh="网关送来的证据自相矛盾。请重试；再次出现时请下载证据并报告。",
        en="The evidence contradicts itself. Try again; if it stays so, download and report it.",
    ),
    EvidenceProblem.CHECKPOINT_FORGED: Text(
        zh="检查点不是用这把公钥对应的密钥签名的。请先核对公钥；公钥无误时，请下载证据、保全现场并立即报告。",
        en="The checkpoint is not signed with this log's key. Check the key; if it is right, download the evidence and report it.",
    ),
    EvidenceProblem.NOT_INCLUDED: Text(
        zh="签名的日志里，这个位置不是这条记录：记录或证明被改动过。请下载证据、保全现场，并到“验证日志”验证整个日志。",
        en="The signed log does not hold this entry at this place: entry or proof was changed. "
        "Download the evidence, keep it, and verify the whole log.",
    ),
}
_KEY_REFUSED = Text(
    zh="这不是日志验证公钥文件：应恰有一行日志公钥（名称+哈希+公钥）。请向网关运维索取 audit-verification-key.txt。",
    en="This is no file of verification keys: it holds exactly one line with a log's key (name+hash+key). "
    "Ask the gateway's operator for audit-verification-key.txt.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whether an entry is in the log, with the numbers that show it."""

    evidence: Evidence
    passed: bool | None
    """None when there is no key to verify with."""
    problem: Text | None
    leaf_sha256: str
    root: str
    """Hex; empty when the checkpoint cannot be read."""
    cosignatures: tuple[Cosignature, ...]
    key: str
    """The key that it was verified with; empty for none."""


def give_key(visit: Visit) -> Response:
    """Take the auditor's key for this session, and show again what asked for it."""
    problem: Text | None = None
    try:
        visit.session.audit.use(Keys.read(uploaded(visit, "key")))
    except KeyRefused:
        problem = _KEY_REFUSED
    back = visit.text("back")
    if problem is None:
        return visit.go(back if back.startswith("/log/") or back == "/verify" else "/verify")
    return visit.render("audit/key.html", keys=visit.session.audit.keys, back=back, problem=problem)


def prove(evidence: Evidence, *, work: AuditWork) -> Proof:
    """Verify an entry with the key of this session, if there is one."""
    passed, problem = None, None
    if work.keys is not None:
        try:
            evidence.verify(work.keys.log)
            passed = True
        except EvidenceRefused as refused:
            passed, problem = False, _PROBLEMS[refused.problem]
    try:
        checkpoint, _ = parse_checkpoint(evidence.checkpoint)
        cosignatures = cosignatures_of(
            evidence.checkpoint, log=checkpoint.origin, witnesses=work.keys.witnesses if work.keys else ()
        )
        root = checkpoint.root.hex()
    except MalformedCheckpointError:
        root, cosignatures = "", ()
    return Proof(
        evidence=evidence,
        passed=passed,
        problem=problem,
        leaf_sha256=leaf_hash(evidence.leaf).hex(),
        root=root,
        cosignatures=cosignatures,
        key=work.keys.log.to_text() if work.keys else "",
    )


def uploaded(visit: Visit, name: str) -> str:
    """Return the text of a small file of the form; empty when there is none, or it is too large."""
    given = visit.form.get(name)
    if given is None or isinstance(given, str):
        return ""
    data: bytes = given.file.read(KEY_BYTES_MAX + 1)
    return data.decode("utf-8", "replace") if len(data) <= KEY_BYTES_MAX else ""


PAGES: tuple[Page, ...] = ()
ACTIONS = (Action(method="POST", path="/audit-key", call=give_key),)
