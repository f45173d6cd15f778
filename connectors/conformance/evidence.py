"""Sections L and Q: the department's log says what was served, and its profile says what a scan says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import grpc
import pyarrow as pa

from catalog.dataset import Text
from connectors.conformance.report import Broken, Findings
from connectors.conformance.survey import Survey
from connectors.conformance.target import KEY_ID, CallFailed, Target, failure
from connectors.sdk.grant import GrantCode
from connectors.sdk.inquiry import SKETCH_KEY_BYTES, Inquiry, sign_inquiry
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.profile import every_row, take_profile
from connectors.sdk.tlog.entry import Entry, decode_entry
from sharing_stubs.sharing.connector.v1 import connector_pb2

_INQUIRY_SECONDS = 120
_SKEW_SECONDS = 60
_PROFILED_ROWS_MAX = 200_000
_NOT_OFFERED = Text(zh="未实现", en="not implemented")

Signed = connector_pb2.SignedInquiry
Ask = Callable[[Signed], Iterable[Any]]


def check_log(target: Target, *, surveys: tuple[Survey, ...], findings: Findings) -> None:
    """Check L1 to L3, after everything that was served."""

    def ask(signed: Signed) -> Iterable[Any]:
        return target.stub.ReadGrantLog(connector_pb2.ReadGrantLogRequest(inquiry=signed), timeout=target.seconds_max)

    try:
        leaves = [answer.leaf for answer in _answers(ask, _sign(target, _inquiry(target)))]
    except CallFailed as failed:
        if failed.status is grpc.StatusCode.UNIMPLEMENTED:
            for clause in ("L1", "L2", "L3"):
                findings.not_offered(clause, detail=_NOT_OFFERED)
            return
        findings.failed(Broken("L1", failed.text))
        return
    checks: tuple[tuple[str, Callable[[], None]], ...] = (
        ("L1", lambda: _check_entries(leaves, target=target)),
        ("L2", lambda: _check_questions(target, ask=ask)),
    )
    for clause, check in checks:
        try:
            check()
        except Broken as broken:
            findings.failed(broken)
        else:
            findings.passed(clause)
    _check_subjects(target, surveys=surveys, findings=findings)


def _inquiry(target: Target) -> Inquiry:
    """Return a question about the whole log, but for what is older than the check."""
    now = target.now()
    return Inquiry(
        inquiry_id=target.new_id(),
        audience=target.department,
        from_time=target.started_at - _SKEW_SECONDS,
        issued_at=now,
        expires_at=now + _INQUIRY_SECONDS,
    )


def _sign(target: Target, inquiry: Inquiry) -> Signed:
    return sign_inquiry(inquiry, key=target.key, key_id=KEY_ID)


def _answers(ask: Ask, signed: Signed) -> list[Any]:
    try:
        return list(ask(signed))
    except grpc.RpcError as error:
        raise failure(error) from None


def _check_entries(leaves: list[bytes], *, target: Target) -> None:
    try:
        entries = [decode_entry(leaf) for leaf in leaves]
    except ValueError:
        raise Broken("L1", Text(zh="日志条目格式不符", en="an entry has another form")) from None

    def by_grant(kind: str) -> dict[Any, Entry]:
        return {entry.body.get("grant_id"): entry for entry in entries if entry.kind == kind}

    granted, served, refused = by_grant("granted"), by_grant("served"), by_grant("refused")
    wrong = [
        grant_id
        for grant_id, end in target.ledger.ends.items()
        if grant_id not in granted or not _agrees(served.get(grant_id), end=end)
    ]
    unrefused = [
        grant_id
        for grant_id, code in target.ledger.refusals.items()
        if grant_id not in refused or refused[grant_id].body.get("code") != code
    ]
    if wrong or unrefused:
        counts = (len(wrong), len(target.ledger.ends), len(unrefused), len(target.ledger.refusals))
        zh = "日志不符：提供 {}/{}，拒绝 {}/{}".format(*counts)
        en = "missing or different: {} of {} served, {} of {} refused".format(*counts)
        raise Broken("L1", Text(zh=zh, en=en))


def _agrees(entry: Entry | None, *, end: connector_pb2.ScanEnd) -> bool:
    if entry is None:
        return False
    told = tuple(entry.body.get(name) for name in ("rows", "sha256", "complete"))
    return told == (end.rows, end.sha256.hex(), True)


def _check_questions(target: Target, *, ask: Ask) -> None:
    good = _sign(target, _inquiry(target))
    _answers(ask, good)
    for signed, code in (
        (good, GrantCode.REPLAYED),
        (Signed(payload=good.payload, signature=bytes(64), key_id=KEY_ID), GrantCode.SIGNATURE),
        (_sign(target, replace(_inquiry(target), audience=f"{target.department}x")), GrantCode.AUDIENCE),
        (_sign(target, replace(_inquiry(target), issued_at=1, expires_at=2)), GrantCode.EXPIRED),
    ):
        try:
            _answers(ask, signed)
        except CallFailed as failed:
            if (failed.status, failed.code) != (grpc.StatusCode.PERMISSION_DENIED, code):
                raise Broken(
                    "E1", Text(zh=f"应为 {code}，{failed.text.zh}", en=f"{failed.text.en}, {code} was due")
                ) from None
        else:
            raise Broken("L2", Text(zh=f"应拒绝（{code}）却作了答复", en=f"answered, where {code} was due"))


def _check_subjects(target: Target, *, surveys: tuple[Survey, ...], findings: Findings) -> None:
    """Read the rows of two data subjects, and look for one of them."""

    def ask(signed: Signed) -> Iterable[Any]:
        return target.stub.FindSubject(connector_pb2.FindSubjectRequest(inquiry=signed), timeout=target.seconds_max)

    for looked in surveys:
        key = looked.dataset.column(looked.dataset.entity_key)
        if key is None or key.identifier is None or looked.key != key.name or len(looked.keys) < 2:
            continue
        decisions = [_decision_about(looked, str(subject)) for subject in looked.keys[:2]]
        inquiry = replace(_inquiry(target), identifier=str(key.identifier), value=str(looked.keys[0]))
        try:
            found = {answer.decision_id for answer in _answers(ask, _sign(target, inquiry))}
        except CallFailed as failed:
            if failed.status is grpc.StatusCode.UNIMPLEMENTED:
                findings.not_offered("L3", detail=_NOT_OFFERED)
            else:
                findings.failed(Broken("L3", failed.text), dataset=looked.dataset.name)
            return
        if decisions[0] not in found or decisions[1] in found:
            text = Text(zh="查得的授权不符", en="other grants are found than those with a row of the data subject")
            findings.failed(Broken("L3", text), dataset=looked.dataset.name)
            return
        findings.passed("L3", dataset=looked.dataset.name)
        return
    findings.not_checked("L3", detail=Text(zh="没有两个可读的主体", en="there are no two readable data subjects"))


def _decision_about(looked: Survey, subject: str) -> str:
    about = Predicate(op=PredicateOp.EQ, column=looked.key, values=(subject,))
    grant = looked.grant(columns=looked.clear(looked.key), row_filter=about)
    looked.read(grant, clause="F3")
    return grant.decision_id


def check_profile(looked: Survey, *, findings: Findings) -> None:
    """Check Q1 and Q2 on one dataset."""
    target, dataset = looked.target, looked.dataset
    sketch_key = target.new_bytes(SKETCH_KEY_BYTES)
    signed = _sign(target, replace(_inquiry(target), from_time=0, dataset=dataset.name, sketch_key=sketch_key))
    try:
        told = target.stub.Profile(connector_pb2.ProfileRequest(inquiry=signed), timeout=target.seconds_max)
    except grpc.RpcError as error:
        _note_profile_failure(error, dataset=dataset.name, findings=findings)
        return
    if not looked.readable or told.rows > _PROFILED_ROWS_MAX:
        text = Text(zh="行数过多或没有可读的列", en="there are too many rows, or no readable column")
        for clause in ("Q1", "Q2"):
            findings.not_checked(clause, dataset=dataset.name, detail=text)
        return
    grant = looked.grant(columns=looked.clear(), row_filter=every_row(dataset.primary_key[0]))
    batches = (_with_every_column(batch, looked=looked) for batch in target.batches(grant, dataset=dataset))
    due = take_profile(batches, dataset=dataset, sketch_key=sketch_key)
    wrong = _other_numbers(told, due, looked=looked)
    if wrong:
        text = Text(zh=f"数字不符：{wrong}", en=f"other numbers than a scan's: {wrong}")
        findings.failed(Broken("Q1", text), dataset=dataset.name)
    else:
        findings.passed("Q1", dataset=dataset.name, detail=Text(zh=f"{due.rows} 行", en=f"{due.rows} rows"))
    if not set(dataset.primary_key) <= set(looked.readable):
        text = Text(zh="主键不可读", en="the primary key is not readable")
        findings.not_checked("Q2", dataset=dataset.name, detail=text)
    elif told.sketch != due.sketch:
        findings.failed(Broken("Q2", Text(zh="草图不符", en="the sketch differs")), dataset=dataset.name)
    else:
        findings.passed("Q2", dataset=dataset.name)


def _note_profile_failure(error: grpc.RpcError, *, dataset: str, findings: Findings) -> None:
    failed = failure(error)
    if failed.status is not grpc.StatusCode.UNIMPLEMENTED:
        findings.failed(Broken("Q1", failed.text), dataset=dataset)
        return
    for clause in ("Q1", "Q2"):
        findings.not_offered(clause, dataset=dataset, detail=_NOT_OFFERED)


def _with_every_column(batch: pa.RecordBatch, *, looked: Survey) -> pa.RecordBatch:
    """Put nulls where a column may not be read."""
    columns = [
        batch.column(column.name) if column.name in looked.readable else pa.nulls(batch.num_rows, column.arrow_type)
        for column in looked.dataset.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=looked.dataset.schema.names)


def _other_numbers(told: connector_pb2.ProfileResponse, due: connector_pb2.ProfileResponse, *, looked: Survey) -> str:
    wrong = [] if told.rows == due.rows else ["rows"]
    if looked.dataset.entity_key in looked.readable and told.duplicate_keys != due.duplicate_keys:
        wrong.append("duplicate_keys")
    by_name = {column.name: column for column in told.columns}
    wrong += [c.name for c in due.columns if c.name in looked.readable and by_name.get(c.name) != c]
    if [column.name for column in told.columns] != looked.dataset.schema.names:
        wrong.append("(columns)")
    return ", ".join(wrong)
