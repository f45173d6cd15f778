"""Section G: grants that must be refused, each with exactly one thing wrong, and large ones that must not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.dataset import Text
from catalog.vocabulary import ColumnAction, ColumnType
from connectors.conformance.report import Broken, Findings
from connectors.conformance.survey import Survey
from connectors.conformance.target import KEY_ID, failure, is_null
from connectors.sdk.grant import GrantCode, LookupKeys, ScanGrant, sign_grant
from connectors.sdk.predicates import Predicate, PredicateOp
from sharing_stubs.sharing.connector.v1 import connector_pb2

_CONTEXT = b"sharing-scan-grant-v1\n"
_DEPTH = 17
_LOOKUP_KEYS, _FILTER_VALUES = 1_000, 10_000
_UNKNOWN_FIELD = b"\xf8\x7f\x01"
"""Field 2047, varint 1."""

Signed = connector_pb2.SignedScanGrant


def check_refusals(looked: Survey, *, findings: Findings) -> None:
    """Check G1 to G9 with one dataset."""
    checks = (
        ("G1", _signatures),
        ("G2", _malformed),
        ("G3", _foreign),
        ("G4", _untimely),
        ("G6", _unknown),
        ("G7", _untreatable),
        ("G8", _unfit),
    )
    for clause, wrong in checks:
        try:
            count = 0
            for signed, code in wrong(looked):
                _expect(looked, signed, code=code, clause=clause)
                count += 1
        except Broken as broken:
            findings.failed(broken)
        else:
            findings.passed(clause, detail=Text(zh=f"拒绝 {count} 个", en=f"{count} refused"))
    for clause, check in (("G2", _check_nonce), ("G5", _check_replay), ("G9", _check_large)):
        try:
            check(looked)
        except Broken as broken:
            findings.failed(broken)
        else:
            findings.passed(clause)


def _sign(looked: Survey, payload: bytes) -> Signed:
    return Signed(payload=payload, signature=looked.target.key.sign(_CONTEXT + payload), key_id=KEY_ID)


def _signed(looked: Survey, grant: ScanGrant) -> Signed:
    return sign_grant(grant, key=looked.target.key, key_id=KEY_ID)


def _expect(looked: Survey, signed: Signed, *, code: GrantCode, clause: str, nonce: bytes | None = None) -> None:
    """Raise Broken unless the grant is refused with that code."""
    call = looked.target.open(signed, nonce=nonce)
    try:
        served = next(call, None) is not None
    except grpc.RpcError as error:
        failed = failure(error)
    else:
        call.cancel()
        what = "served" if served else "answered without an end"
        raise Broken(clause, Text(zh=f"应拒绝（{code}）却提供了数据", en=f"{what}, where {code} was due"))
    if (failed.status, failed.code) != (grpc.StatusCode.PERMISSION_DENIED, code):
        raise Broken("E1", Text(zh=f"应为 {code}，{failed.text.zh}", en=f"{failed.text.en}, where {code} was due"))
    looked.target.note_refusal(connector_pb2.ScanGrant.FromString(signed.payload).grant_id, failed)


def _signatures(looked: Survey) -> Iterator[tuple[Signed, GrantCode]]:
    good = _signed(looked, looked.grant())
    yield Signed(payload=good.payload, signature=good.signature, key_id="nobody"), GrantCode.KEY_UNKNOWN
    stranger = Ed25519PrivateKey.from_private_bytes(looked.target.new_bytes(32))
    forged = (
        b"",
        bytes(64),
        _signed(looked, looked.grant()).signature,
        looked.target.key.sign(good.payload),
        stranger.sign(_CONTEXT + good.payload),
    )
    for signature in forged:
        yield Signed(payload=good.payload, signature=signature, key_id=KEY_ID), GrantCode.SIGNATURE


def _malformed(looked: Survey) -> Iterator[tuple[Signed, GrantCode]]:
    payload = _signed(looked, looked.grant()).payload
    deep = connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_IS_NULL, column=looked.dataset.primary_key[0])
    for _ in range(_DEPTH):
        deep = connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_NOT, operands=[deep])
    empty_value = connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_EQ, column="x", values=[connector_pb2.Value()])
    changes: tuple[dict[str, Any], ...] = (
        {"grant_id": ""},
        {"decision_id": ""},
        {"purpose": ""},
        {"row_filter": None},
        {"row_filter": connector_pb2.Predicate(column="x")},
        {"row_filter": connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_AND)},
        {"row_filter": empty_value},
        {"row_filter": deep},
        {"rows_max": -1},
        {"columns": []},
        {"columns": [connector_pb2.ColumnGrant(name="x", action="null")] * 2},
        *(
            {"columns": [connector_pb2.ColumnGrant(name="x", action=action, mask=mask)]}
            for action, mask in (("", ""), ("deny", ""), ("lookup", ""), ("shuffle", ""), ("partial", ""))
        ),
        *(
            {"columns": [connector_pb2.ColumnGrant(name="x", action=action, mask=mask)]}
            for action, mask in (("partial", "shuffle"), ("partial", "age_band"), ("clear", "name"))
        ),
        {"columns": [connector_pb2.ColumnGrant(name="x", action="pseudonym")]},
        {"pseudonym_key": bytes(32)},
        {"lookup": connector_pb2.LookupKeys(column="x")},
    )
    for change in changes:
        message = connector_pb2.ScanGrant.FromString(payload)
        for name, value in change.items():
            message.ClearField(name)
            if value is not None:
                message.MergeFrom(connector_pb2.ScanGrant(**{name: value}))
        message_payload = message.SerializeToString()
        yield _sign(looked, message_payload), GrantCode.MALFORMED
    yield _sign(looked, payload + _UNKNOWN_FIELD), GrantCode.MALFORMED


def _foreign(looked: Survey) -> Iterator[tuple[Signed, GrantCode]]:
    for audience in (f"{looked.target.department}x", looked.target.department.upper()):
        yield _signed(looked, looked.grant(audience=audience)), GrantCode.AUDIENCE


def _untimely(looked: Survey) -> Iterator[tuple[Signed, GrantCode]]:
    now = looked.target.now()
    for issued_at, expires_at, code in (
        (now - 300, now - 60, GrantCode.EXPIRED),
        (now + 120, now + 180, GrantCode.NOT_YET_VALID),
        (now - 10, now + 3_600, GrantCode.LIFETIME),
    ):
        yield _signed(looked, looked.grant(issued_at=issued_at, expires_at=expires_at)), code


def _unknown(looked: Survey) -> Iterator[tuple[Signed, GrantCode]]:
    yield _signed(looked, looked.grant(dataset="no_such.dataset")), GrantCode.DATASET_UNKNOWN
    columns = (replace(looked.grant().columns[0], name="no_such_column"),)
    yield _signed(looked, looked.grant(columns=columns)), GrantCode.COLUMN_UNKNOWN


def _untreatable(looked: Survey) -> Iterator[tuple[Signed, GrantCode]]:
    """Ask for masks of text on other columns, and the other way round."""
    for column in looked.dataset.columns:
        is_text = column.type is ColumnType.STRING
        action, mask = ("generalise", "date_year") if is_text else ("partial", "name")
        message = connector_pb2.ScanGrant.FromString(_signed(looked, looked.grant()).payload)
        del message.columns[:]
        message.columns.add(name=column.name, action=action, mask=mask)
        yield _sign(looked, message.SerializeToString()), GrantCode.TREATMENT


def _unfit(looked: Survey) -> Iterator[tuple[Signed, GrantCode]]:
    for predicate in (is_null("no_such_column"), *_wrong_literals(looked)):
        yield _signed(looked, looked.grant(row_filter=predicate)), GrantCode.PREDICATE
    hidden = looked.grant().columns[0].name
    yield _signed(looked, looked.grant(pushed_filter=is_null(hidden))), GrantCode.PREDICATE


def _wrong_literals(looked: Survey) -> Iterator[Predicate]:
    for column in looked.dataset.columns:
        if column.type is ColumnType.STRING:
            yield Predicate(op=PredicateOp.EQ, column=column.name, values=(1,))
        else:
            yield Predicate(op=PredicateOp.EQ, column=column.name, values=("no such value",))
            yield Predicate(op=PredicateOp.PREFIX, column=column.name, values=("1",))


def _check_nonce(looked: Survey) -> None:
    for length in (0, 15, 17):
        signed = _signed(looked, looked.grant())
        _expect(looked, signed, code=GrantCode.MALFORMED, clause="G2", nonce=bytes(length))


def _check_replay(looked: Survey) -> None:
    target, grant, other = looked.target, looked.grant(), looked.grant()
    nonce, signed = target.new_bytes(16), _signed(looked, grant)
    try:
        list(target.open(signed, nonce=nonce))
    except grpc.RpcError as error:
        raise Broken("S5", failure(error).text) from None
    for again, used in ((signed, nonce), (signed, None), (_signed(looked, other), nonce)):
        _expect(looked, again, code=GrantCode.REPLAYED, clause="G5", nonce=used)


def _check_large(looked: Survey) -> None:
    name = next((column.name for column in looked.dataset.columns if column.type is ColumnType.STRING), None)
    if name is None:
        return
    words = tuple(f"no-such-value-{number:06}" for number in range(_FILTER_VALUES))
    looked.read(looked.grant(row_filter=Predicate(op=PredicateOp.IN, column=name, values=words)), clause="G9")
    if looked.permitted.get(name) is ColumnAction.CLEAR:
        lookup = LookupKeys(column=name, values=words[:_LOOKUP_KEYS])
        looked.read(looked.grant(lookup=lookup), clause="G9")
