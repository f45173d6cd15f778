"""Ask the connectors for what the plan allows and let in nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial

import grpc
import pyarrow as pa

from catalog.catalogue import Catalogue
from catalog.dataset import Dataset, Text
from catalog.freshness import due_at
from catalog.registry import ConnectorInstance
from connectors.sdk.batches import BatchCode, BatchRefused, decode_batch
from connectors.sdk.grant import ScanGrant, granted_schema
from connectors.sdk.masks import is_treated
from connectors.sdk.predicates import evaluate
from gateway.errors import Bug, DatasetUnavailable, GatewayError, TooSlow, Unavailable
from gateway.messages import Reason
from gateway.model.plan import EnforcedPlan, PlannedScan
from gateway.model.requester import RequestContext, Requester
from gateway.model.result import BatchStream, ReceivedScan, ScannedTables
from gateway.scan.connectors import BATCH_BYTES_MAX
from gateway.scan.grants import GrantIssuer
from gateway.scan.replicas import Replicas
from sharing_stubs.sharing.connector.v1 import connector_pb2

_CONNECTOR_CODE = re.compile(r"[A-Z_]{1,40}")
_DRIFT = "SCHEMA_DRIFT"
CLOCK_SECONDS_MAX = 3_600
"""So far a department's clock may be ahead, and a query may run."""

_Issued = tuple[ScanGrant, connector_pb2.SignedScanGrant]


def scan(
    plan: EnforcedPlan,
    *,
    requester: Requester,
    context: RequestContext,
    catalogue: Catalogue,
    replicas: Replicas,
    grants: GrantIssuer,
    nonce: bytes,
    seconds_max: float,
    failed: Collection[str] = (),
    missing: Collection[str] = (),
) -> ScannedTables:
    """Open one stream for each planned scan.

    Args:
        plan: What may be scanned.
        requester: Whose office receives the result.
        context: Holds the purpose, and the time against which a dataset is late.
        catalogue: Knows the datasets' types.
        replicas: The connectors.
        grants: Signs the permissions.
        nonce: Random bytes, at least 16, used for no other call.
        seconds_max: Deadline of each stream.
        failed: Ids of connectors that are not asked.
        missing: Datasets that nobody is asked for; their tables are empty.

    Returns:
        Streams of exactly the planned schema without check-only columns, rows inside the row filter, values as treated.

    Raises:
        DatasetUnavailable: No connector serves one of the datasets; the streams raise it as well.
    """
    arrivals: dict[str, _Arrival | _Missing] = {}
    issue = partial(grants.issue, plan=plan, purpose=context.purpose, recipient=requester.office)
    try:
        for i, planned in enumerate(plan.scans):
            if planned.dataset in missing:
                arrivals[planned.name] = _Missing(planned=planned)
                continue
            dataset = catalogue.datasets[planned.dataset]
            arrival = _Arrival(planned=planned, dataset=dataset, replicas=replicas, now=context.time)
            arrivals[planned.name] = arrival
            arrival.ask(issue, failed=failed, nonce=_nonce_of(i, nonce=nonce), seconds_max=seconds_max)
    except BaseException:
        for begun in arrivals.values():
            begun.stream.cancel()
        raise
    streams = {name: arrival.stream for name, arrival in arrivals.items()}
    return ScannedTables(plan=plan, tables=streams, received=tuple(a.received for a in arrivals.values()))


def _nonce_of(index: int, *, nonce: bytes) -> bytes:
    return hashlib.sha256(nonce + index.to_bytes(2)).digest()[:16]


@dataclass(slots=True, kw_only=True)
class _Missing:
    """A dataset that cannot be had now."""

    planned: PlannedScan
    received: ReceivedScan = field(init=False)

    def __post_init__(self) -> None:
        self.received = ReceivedScan(dataset=self.planned.dataset, controller=self.planned.controller, missing=True)

    @property
    def stream(self) -> BatchStream:
        return BatchStream(schema=self.planned.schema, batches=iter(()), cancel=lambda: None)


@dataclass(slots=True, kw_only=True)
class _Arrival:
    """One stream as it arrives."""

    planned: PlannedScan
    dataset: Dataset
    replicas: Replicas
    now: int
    received: ReceivedScan = field(init=False)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    grant: ScanGrant = field(init=False)
    instance: ConnectorInstance = field(init=False)
    call: grpc._CallIterator[connector_pb2.ScanResponse] | None = None

    def __post_init__(self) -> None:
        self.received = ReceivedScan(dataset=self.planned.dataset, controller=self.planned.controller)

    def ask(
        self, issue: Callable[[PlannedScan], _Issued], *, failed: Collection[str], nonce: bytes, seconds_max: float
    ) -> None:
        """Choose a connector and call it."""
        self.instance = self.replicas.begin(self.planned.dataset, failed=failed)
        try:
            self.grant, signed = issue(self.planned)
            request = connector_pb2.ScanRequest(grant=signed, nonce=nonce)
            self.call = self.replicas.stub(self.instance).Scan(request, timeout=seconds_max)
        except BaseException:
            self.replicas.end(self.instance, failed=False)
            raise
        self.call.add_done_callback(self._ended)  # type: ignore[attr-defined]  # grpc's stubs leave it out

    @property
    def stream(self) -> BatchStream:
        return BatchStream(schema=self.planned.schema, batches=self.batches(), cancel=self.cancel)

    def cancel(self) -> None:
        if self.call is not None:
            self.call.cancel()

    def _ended(self, call: grpc.Call) -> None:
        failed = call.code() not in (grpc.StatusCode.OK, grpc.StatusCode.CANCELLED, grpc.StatusCode.PERMISSION_DENIED)
        self.replicas.end(self.instance, failed=failed)

    def batches(self) -> Iterator[pa.RecordBatch]:
        wire_schema = granted_schema(self.grant.columns, self.dataset)
        kept = [i for i, column in enumerate(self.planned.columns) if not column.check_only]
        call = self.call
        if call is None:
            raise Bug("a scan is read that was not begun")
        try:
            for response in call:
                if response.WhichOneof("payload") == "end":
                    self._check_end(response.end)
                    return
                self.digest.update(response.record_batch)
                batch = decode_batch(response.record_batch, schema=wire_schema, bytes_max=BATCH_BYTES_MAX)
                self._check(batch)
                yield batch if len(kept) == batch.num_columns else batch.select(kept)
        except BatchRefused as error:
            if error.code in (BatchCode.SCHEMA, BatchCode.NULLS):
                self._report_drift(Text(zh="收到的数据与目录不符", en="what arrived is not as catalogued"))
            raise self._untrustworthy(str(error)) from error
        except grpc.RpcError as error:
            raise self._error_of(error) from error
        finally:
            call.cancel()
        raise self._untrustworthy("the stream has no end message")

    def _check(self, batch: pa.RecordBatch) -> None:
        """Verify what the signature asked for: rows inside the filter, values in their masked form, not too many."""
        self.received.rows += batch.num_rows
        if self.planned.rows_max is not None and self.received.rows > self.planned.rows_max:
            raise self._untrustworthy("more rows than granted")
        if evaluate(self.planned.row_filter, batch).true_count != batch.num_rows:
            raise self._untrustworthy("rows outside the row filter")
        buckets = {column.name: column.buckets for column in self.dataset.columns}
        for column, values in zip(self.planned.columns, batch.columns, strict=True):
            if not is_treated(values, action=column.action, mask=column.mask, buckets=buckets[column.name]):
                raise self._untrustworthy(f"column {column.name} is not treated as granted")

    def _check_end(self, end: connector_pb2.ScanEnd) -> None:
        if end.rows != self.received.rows or end.sha256 != self.digest.digest():
            raise self._untrustworthy("the end message does not match the stream")
        self.received.sha256 = end.sha256.hex()
        if not 0 <= end.as_of <= self.now + CLOCK_SECONDS_MAX:
            raise self._untrustworthy("the data is of the future")
        self.received.as_of = end.as_of
        due = due_at(self.dataset.update_cycle, end.as_of) if end.as_of else None
        self.received.late = due is not None and due <= self.now

    def _untrustworthy(self, internal: str) -> Unavailable:
        return Unavailable(Reason.CONNECTOR_UNTRUSTWORTHY, self.planned.dataset, internal=internal)

    def _error_of(self, error: grpc.RpcError) -> GatewayError:
        code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
        said = (error.details() or "") if isinstance(error, grpc.Call) else ""
        details = f"{code.name} {said if _CONNECTOR_CODE.fullmatch(said) else ''}"  # other text may hold values
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return TooSlow(Reason.CONNECTOR_SLOW, self.planned.dataset, internal=details)
        if code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED):
            return Unavailable(Reason.CONNECTOR_REFUSED, self.planned.dataset, internal=details)
        if said == _DRIFT:
            self._look_for_drift()
        return DatasetUnavailable(
            Reason.CONNECTOR_DRIFTED if said == _DRIFT else Reason.CONNECTOR_UNAVAILABLE,
            self.planned.dataset,
            instance_id=self.instance.instance_id,
            internal=details,
        )

    def _look_for_drift(self) -> None:
        """Stop the dataset when its description differs too: one query's literals may be all that went wrong."""
        text = self.replicas.described_drift(self.dataset, instance=self.instance)
        if text is not None:
            self._report_drift(text)

    def _report_drift(self, text: Text) -> None:
        self.replicas.report_drift(self.planned.dataset, instance=self.instance, text=text)
