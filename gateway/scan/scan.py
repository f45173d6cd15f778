"""Ask the connectors for what the plan allows and let in nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc
import pyarrow as pa

from catalog.catalogue import Catalogue
from catalog.dataset import Dataset
from connectors.sdk.batches import BatchRefused, decode_batch
from connectors.sdk.grant import ScanGrant, granted_schema
from connectors.sdk.masks import is_treated
from connectors.sdk.predicates import evaluate
from gateway.errors import GatewayError, TooSlow, Unavailable
from gateway.messages import Reason
from gateway.model.plan import EnforcedPlan, PlannedScan
from gateway.model.requester import RequestContext, Requester
from gateway.model.result import BatchStream, ReceivedScan, ScannedTables
from gateway.scan.connectors import BATCH_BYTES_MAX, ConnectorChannels, ConnectorDirectory
from gateway.scan.grants import GrantIssuer
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

_CONNECTOR_CODE = re.compile(r"[A-Z_]{1,40}")


def scan(
    plan: EnforcedPlan,
    *,
    requester: Requester,
    context: RequestContext,
    catalogue: Catalogue,
    directory: ConnectorDirectory,
    channels: ConnectorChannels,
    grants: GrantIssuer,
    nonce: bytes,
    seconds_max: float,
) -> ScannedTables:
    """Open one stream for each planned scan.

    Args:
        plan: What may be scanned.
        requester: Whose office receives the result.
        context: Holds the purpose.
        catalogue: Knows the datasets' types.
        directory: Knows which connector serves a dataset.
        channels: To the connectors.
        grants: Signs the permissions.
        nonce: Random bytes, at least 16, used for no other query.
        seconds_max: Deadline of each stream.

    Returns:
        Streams whose batches have exactly the planned schema, rows inside the row filter and masked values in masked form.
        Check-only columns are dropped.

    Raises:
        Unavailable: No connector serves one of the datasets.
    """
    arrivals: dict[str, _Arrival] = {}
    try:
        for index, planned in enumerate(plan.scans):
            endpoint = directory.endpoint(planned.dataset)
            if endpoint is None:
                raise Unavailable(Reason.CONNECTOR_UNAVAILABLE, planned.dataset)
            grant, signed = grants.issue(planned, plan=plan, purpose=context.purpose, recipient=requester.office)
            stub = connector_pb2_grpc.ConnectorServiceStub(channels.to(endpoint))
            scan_nonce = hashlib.sha256(nonce + index.to_bytes(2)).digest()[:16]
            call = stub.Scan(connector_pb2.ScanRequest(grant=signed, nonce=scan_nonce), timeout=seconds_max)
            dataset = catalogue.datasets[planned.dataset]
            arrivals[planned.name] = _Arrival(planned=planned, grant=grant, dataset=dataset, call=call)
    except BaseException:
        for arrival in arrivals.values():
            arrival.cancel()
        raise
    tables = {name: arrival.stream for name, arrival in arrivals.items()}
    return ScannedTables(plan=plan, tables=tables, received=tuple(a.received for a in arrivals.values()))


@dataclass(slots=True, kw_only=True)
class _Arrival:
    """One stream as it arrives."""

    planned: PlannedScan
    grant: ScanGrant
    dataset: Dataset
    call: grpc._CallIterator[connector_pb2.ScanResponse]
    received: ReceivedScan = field(init=False)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self.received = ReceivedScan(dataset=self.planned.dataset, controller=self.planned.controller)

    @property
    def stream(self) -> BatchStream:
        return BatchStream(schema=self.planned.schema, batches=self.batches(), cancel=self.cancel)

    def cancel(self) -> None:
        self.call.cancel()

    def batches(self) -> Iterator[pa.RecordBatch]:
        wire_schema = granted_schema(self.grant.columns, self.dataset)
        kept = [i for i, column in enumerate(self.planned.columns) if not column.check_only]
        try:
            for response in self.call:
                if response.WhichOneof("payload") == "end":
                    self._check_end(response.end)
                    return
                self.digest.update(response.record_batch)
                batch = decode_batch(response.record_batch, schema=wire_schema, bytes_max=BATCH_BYTES_MAX)
                self._check(batch)
                yield batch if len(kept) == batch.num_columns else batch.select(kept)
        except BatchRefused as error:
            raise self._untrustworthy(str(error)) from error
        except grpc.RpcError as error:
            raise self._error_of(error) from error
        finally:
            self.call.cancel()
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
        return Unavailable(Reason.CONNECTOR_UNAVAILABLE, self.planned.dataset, internal=details)
