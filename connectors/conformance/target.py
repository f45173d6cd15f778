"""The connector that is checked, and the calls to it: what arrives is read as the gateway reads it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

import grpc
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.dataset import Dataset, Text
from catalog.vocabulary import ColumnAction
from connectors.conformance.report import Broken
from connectors.conformance.wire import has_hidden_bytes
from connectors.sdk.batches import BatchCode, BatchRefused, decode_batch
from connectors.sdk.grant import GrantCode, GrantColumn, LookupKeys, ScanGrant, granted_schema, sign_grant
from connectors.sdk.predicates import Predicate, PredicateOp, all_of
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

KEY_ID = "conformance"
"""Id of the kit's key in the connector's key set."""
BATCH_BYTES_MAX = 2 << 20
_MESSAGE_BYTES_MAX = 64 << 20
_GRANT_SECONDS = 120
_CODE = re.compile(r"[A-Z_]{1,40}")
_OLDEST_SECONDS = 631_152_000
"""1990-01-01."""
_SKEW_SECONDS = 60
_BATCH_CLAUSES: Mapping[BatchCode, str] = {BatchCode.TOO_LARGE: "S2", BatchCode.NULLS: "D1"}
_REFUSED_WITH_ID = frozenset(
    {
        GrantCode.DATASET_UNKNOWN,
        GrantCode.COLUMN_UNKNOWN,
        GrantCode.TREATMENT,
        GrantCode.CEILING,
        GrantCode.PREDICATE,
    }
)
"""Refusals that come after the grant could be read and was in force."""

Messages = Iterator[connector_pb2.ScanResponse]
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
    ("grpc.enable_retries", 0),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 64 << 10),
)
"""With a small window, so that a connector feels a slow reader at once."""


class GrantChanges(TypedDict, total=False):
    """Fields in which a grant differs from an ordinary one; see `ScanGrant`."""

    audience: str
    dataset: str
    columns: tuple[GrantColumn, ...]
    row_filter: Predicate
    pushed_filter: Predicate
    lookup: LookupKeys
    rows_max: int
    issued_at: int
    expires_at: int


class CallFailed(Exception):
    """A call ended with an error in good form."""

    def __init__(self, status: grpc.StatusCode, code: str) -> None:
        super().__init__(f"{status.name} {code}")
        self.status = status
        self.code = code

    @property
    def text(self) -> Text:
        """Status and code, for a finding."""
        return Text(zh=f"答复 {self}", en=f"answered {self}")


@dataclass(slots=True)
class Ledger:
    """What the connector served and refused in good form, to compare with its own log."""

    ends: dict[str, connector_pb2.ScanEnd] = field(default_factory=dict)
    """By grant id."""
    refusals: dict[str, str] = field(default_factory=dict)
    """Code by grant id."""
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running connector, and the key with which the kit signs as the gateway would."""

    channel: grpc.Channel
    department: str
    key: Ed25519PrivateKey
    clock: Callable[[], float]
    """Returns seconds since 1970-01-01 UTC."""
    new_bytes: Callable[[int], bytes]
    """Returns so many random bytes."""
    seconds_max: float
    """Deadline of one call."""
    started_at: int
    """When the check began, in seconds since 1970-01-01 UTC."""
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def stub(self) -> connector_pb2_grpc.ConnectorServiceStub:
        """The service."""
        return connector_pb2_grpc.ConnectorServiceStub(self.channel)

    def now(self) -> int:
        """Return seconds since 1970-01-01 UTC."""
        return int(self.clock())

    def new_id(self) -> str:
        """Return an id that was never used."""
        return self.new_bytes(12).hex()

    def grant(self, dataset: Dataset, /, **changes: Unpack[GrantChanges]) -> ScanGrant:
        """Return a grant on no row of one column as nulls, but for the `changes`."""
        now, first = self.now(), GrantColumn(name=dataset.columns[0].name, action=ColumnAction.NULL)
        columns = changes.get("columns", (first,))
        pseudonymised = any(column.action is ColumnAction.PSEUDONYM for column in columns)
        ordinary = ScanGrant(
            grant_id=self.new_id(),
            decision_id=self.new_id(),
            audience=self.department,
            dataset=dataset.name,
            purpose="conformance",
            recipient="conformance",
            columns=columns,
            row_filter=no_row(dataset),
            issued_at=now,
            expires_at=now + _GRANT_SECONDS,
            pseudonym_key=self.new_bytes(32) if pseudonymised else b"",
        )
        return replace(ordinary, **changes)

    def open(
        self, signed: connector_pb2.SignedScanGrant, *, nonce: bytes | None = None, seconds: float | None = None
    ) -> grpc._CallIterator[connector_pb2.ScanResponse]:
        """Start a scan."""
        request = connector_pb2.ScanRequest(grant=signed, nonce=self.new_bytes(16) if nonce is None else nonce)
        return self.stub.Scan(request, timeout=seconds or self.seconds_max)

    def scan(self, grant: ScanGrant, *, dataset: Dataset) -> pa.Table:
        """Return the rows that a grant opens.

        Raises:
            CallFailed: The connector answered with an error.
            Broken: What arrived is not in order.
        """
        schema = granted_schema(grant.columns, dataset)
        return pa.Table.from_batches(list(self.batches(grant, dataset=dataset)), schema=schema)

    def batches(self, grant: ScanGrant, *, dataset: Dataset) -> Iterator[pa.RecordBatch]:
        """Yield the batches of a stream, and see to its end. Raises as `scan` does."""
        schema, digest, rows = granted_schema(grant.columns, dataset), hashlib.sha256(), 0
        call = self.open(sign_grant(grant, key=self.key, key_id=KEY_ID))
        try:
            for message in _answered(call):
                if message.WhichOneof("payload") == "end":
                    self._check_end(message.end, rows=rows, digest=digest.digest())
                    if next(_answered(call), None) is not None:
                        raise Broken("S3", Text(zh="结束消息之后还有消息", en="something comes after the end message"))
                    self.ledger.ends[grant.grant_id] = message.end
                    return
                digest.update(message.record_batch)
                batch = _decoded(message, schema=schema)
                rows += batch.num_rows
                if grant.rows_max is not None and rows > grant.rows_max:
                    raise Broken("F7", Text(zh="行数超过上限", en=f"{rows} rows of at most {grant.rows_max}"))
                yield batch
        except CallFailed as failed:
            self.note_refusal(grant.grant_id, failed)
            raise
        finally:
            call.cancel()
        raise Broken("S3", Text(zh="没有结束消息", en="there is no end message"))

    def note_refusal(self, grant_id: str, failed: CallFailed) -> None:
        """Remember a refusal, which must be in the connector's log."""
        if failed.status is grpc.StatusCode.PERMISSION_DENIED:
            self.ledger.refused += 1
            if failed.code in _REFUSED_WITH_ID:
                self.ledger.refusals[grant_id] = failed.code

    def _check_end(self, end: connector_pb2.ScanEnd, *, rows: int, digest: bytes) -> None:
        if end.rows != rows or end.sha256 != digest:
            wrong = "rows" if end.rows != rows else "sha256"
            raise Broken("S3", Text(zh=f"结束消息与数据流不符：{wrong}", en=f"the end message has another {wrong}"))
        self.check_as_of(end.as_of)

    def check_as_of(self, as_of: int) -> None:
        """Raise Broken unless a time of data is plausible."""
        if as_of and not _OLDEST_SECONDS <= as_of <= self.now() + _SKEW_SECONDS:
            raise Broken("S4", Text(zh="数据时间不可信", en="the time of the data is implausible"))


def is_null(column: str) -> Predicate:
    """Return the predicate that holds on nulls."""
    return Predicate(op=PredicateOp.IS_NULL, column=column)


def negated(predicate: Predicate) -> Predicate:
    """Return the predicate that holds where the other does not."""
    return Predicate(op=PredicateOp.NOT, operands=(predicate,))


def no_row(dataset: Dataset) -> Predicate:
    """Return a predicate that holds on no row."""
    null = is_null(dataset.primary_key[0])
    return all_of(null, negated(null))


def _answered(call: grpc._CallIterator[connector_pb2.ScanResponse]) -> Messages:
    try:
        yield from call
    except grpc.RpcError as error:
        raise failure(error) from None


def failure(error: grpc.RpcError) -> CallFailed:
    """Return the error in good form.

    Raises:
        Broken: Its text is more than a code; or the deadline passed, which is the caller's own.
    """
    status = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    details = (error.details() or "") if isinstance(error, grpc.Call) else ""
    if _CODE.fullmatch(details):
        return CallFailed(status, details)
    if status is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise Broken("S5", Text(zh="时限内未结束", en="it does not end in time"))
    if status is grpc.StatusCode.UNIMPLEMENTED:
        return CallFailed(status, "")
    if status is grpc.StatusCode.UNAVAILABLE:
        raise Broken("S5", Text(zh="连接中断", en="the connection is lost"))
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
        raise Broken("S2", Text(zh="消息过大", en="a message is too large"))
    raise Broken("E1", Text(zh=f"状态 {status.name} 的说明不是代码", en=f"the text of {status.name} is not a code"))


def _decoded(message: connector_pb2.ScanResponse, *, schema: pa.Schema) -> pa.RecordBatch:
    try:
        batch = decode_batch(message.record_batch, schema=schema, bytes_max=BATCH_BYTES_MAX)
    except BatchRefused as refused:
        detail = Text(zh=f"批次不合规：{refused.code}", en=f"a batch is wrong: {refused.code}")
        raise Broken(_BATCH_CLAUSES.get(refused.code, "S1"), detail) from None
    if has_hidden_bytes(batch):
        raise Broken("S1", Text(zh="批次中有行以外的内容", en="a batch holds more than its rows"))
    return batch
