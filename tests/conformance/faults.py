"""Connectors with one fault each, wrapped around the real one."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grpc
import pyarrow as pa

from connectors.conformance.target import KEY_ID
from connectors.sdk.batches import encode_batch
from connectors.sdk.grant import GrantRefused, ScanGrant, granted_schema, verify_grant
from connectors.sdk.tlog.entry import read_header
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from tests.conformance.served import KEY, PERSON

_CONTEXTS = {"grant": b"sharing-scan-grant-v1\n", "inquiry": b"sharing-inquiry-v1\n"}
_SLOTS = 16

Responses = Iterable[connector_pb2.ScanResponse]


class Faulty(connector_pb2_grpc.ConnectorServiceServicer):
    """Hands every call on to the real connector; a fault overrides one method."""

    def __init__(self, real: connector_pb2_grpc.ConnectorServiceServicer) -> None:
        self.real = real

    def Describe(self, request, context):
        return self.real.Describe(request, context)

    def Check(self, request, context):
        return self.real.Check(request, context)

    def Scan(self, request, context):
        yield from self.real.Scan(request, context)

    def ReadGrantLog(self, request, context):
        yield from self.real.ReadGrantLog(request, context)

    def FindSubject(self, request, context):
        yield from self.real.FindSubject(request, context)

    def Profile(self, request, context):
        return self.real.Profile(request, context)


def signed(payload: bytes, *, kind: str = "grant") -> dict[str, Any]:
    """Return the payload as the gateway would have signed it."""
    return {"payload": payload, "signature": KEY.sign(_CONTEXTS[kind] + payload), "key_id": KEY_ID}


def read_grant(request: connector_pb2.ScanRequest) -> ScanGrant | None:
    """Return the grant when it is well formed and in force."""
    try:
        keys = {KEY_ID: KEY.public_key()}
        return verify_grant(request.grant, keys=keys, audience="testing", now=int(time.time()))
    except GrantRefused:
        return None


def is_good(request: connector_pb2.ScanRequest) -> bool:
    """Tell whether the connector may go on to look at columns and predicates."""
    return read_grant(request) is not None and len(request.nonce) == 16


def is_treatable(request: connector_pb2.ScanRequest) -> bool:
    """Tell whether every column can be treated as granted."""
    grant = read_grant(request)
    try:
        return grant is not None and bool(granted_schema(grant.columns, PERSON))
    except GrantRefused:
        return False


def regranting(
    change: Callable[[connector_pb2.ScanGrant], None], *, when: Callable[[connector_pb2.ScanRequest], bool] = is_good
) -> type[Faulty]:
    """A connector that carries out another grant than the one that was signed."""

    class Regranting(Faulty):
        def Scan(self, request, context):
            if when(request):
                grant = connector_pb2.ScanGrant.FromString(request.grant.payload)
                change(grant)
                other = connector_pb2.SignedScanGrant(**signed(grant.SerializeToString()))
                request = connector_pb2.ScanRequest(grant=other, nonce=request.nonce)
            yield from self.real.Scan(request, context)

    return Regranting


def answering(change: Callable[[connector_pb2.ScanGrant, Responses], Responses]) -> type[Faulty]:
    """A connector that sends another stream than the real one."""

    class Answering(Faulty):
        def Scan(self, request, context):
            grant = connector_pb2.ScanGrant()
            if is_good(request):
                grant.ParseFromString(request.grant.payload)
            yield from change(grant, self.real.Scan(request, context))

    return Answering


def batches_of(grant: connector_pb2.ScanGrant, responses: Responses) -> tuple[list[pa.RecordBatch], int]:
    """Return what a stream holds, and the time of its data."""
    messages = list(responses)
    fields = [PERSON.schema.field(column.name) for column in grant.columns]
    sent = zip(fields, grant.columns, strict=True)
    schema = pa.schema([field.with_nullable(field.nullable or column.action == "null") for field, column in sent])
    batches = [pa.ipc.read_record_batch(pa.py_buffer(one.record_batch), schema) for one in messages[:-1]]
    return batches, messages[-1].end.as_of


def stream_of(batches: Iterable[pa.RecordBatch], *, as_of: int = 0) -> Iterator[connector_pb2.ScanResponse]:
    """Return a stream of these batches, each as one message, with a truthful end."""
    digest, rows = hashlib.sha256(), 0
    for batch in batches:
        message = encode_batch(batch)
        digest.update(message)
        rows += batch.num_rows
        yield connector_pb2.ScanResponse(record_batch=message)
    yield connector_pb2.ScanResponse(end=connector_pb2.ScanEnd(rows=rows, sha256=digest.digest(), as_of=as_of))


def rebatched(change: Callable[[list[pa.RecordBatch]], Iterable[pa.RecordBatch]]) -> type[Faulty]:
    """A connector that sends other batches than the real one."""
    return answering(
        lambda grant, responses: stream_of(change(batches_of(grant, responses)[0])) if grant.grant_id else responses
    )


class Aborting:
    """A call's context whose errors say something else."""

    def __init__(self, context: grpc.ServicerContext, *, says: Callable[[str], str]) -> None:
        self._context = context
        self._says = says

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        self._context.abort(code, self._says(details))


class Leaking(Faulty):
    """Does not give back the slot of a scan that `is_leak`."""

    def __init__(self, real: connector_pb2_grpc.ConnectorServiceServicer) -> None:
        super().__init__(real)
        self.leaked = 0

    def is_leak(self, context: grpc.ServicerContext) -> bool:
        raise NotImplementedError

    def Scan(self, request, context):
        if self.leaked >= _SLOTS:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "BUSY")
        try:
            yield from self.real.Scan(request, context)
        finally:
            self.leaked += not context.is_active() and self.is_leak(context)


class LeakingCancelled(Leaking):
    """Never ends the query of a cancelled scan."""

    def is_leak(self, context):
        return context.time_remaining() > 0


class LeakingExpired(Leaking):
    """Never ends the query of a scan whose deadline has passed."""

    def is_leak(self, context):
        return context.time_remaining() <= 0


class Narrow(Faulty):
    """Serves two scans at once only."""

    def __init__(self, real: connector_pb2_grpc.ConnectorServiceServicer) -> None:
        super().__init__(real)
        self.slots = threading.BoundedSemaphore(2)

    def Scan(self, request, context):
        if not self.slots.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "BUSY")
        try:
            yield from self.real.Scan(request, context)
        finally:
            self.slots.release()


class Hoarding(Faulty):
    """Reads the whole result before it sends anything."""

    def Scan(self, request, context):
        yield from list(self.real.Scan(request, context))


class Replaying(Faulty):
    """Serves a grant and a nonce as often as they come."""

    def __init__(self, real: connector_pb2_grpc.ConnectorServiceServicer) -> None:
        super().__init__(real)
        self.used: set[bytes] = set()

    def Scan(self, request, context):
        grant = connector_pb2.ScanGrant()
        if is_good(request):
            grant.ParseFromString(request.grant.payload)
            keys = {grant.grant_id.encode(), request.nonce}
            if keys & self.used:
                grant.grant_id = os.urandom(8).hex()
                again = connector_pb2.SignedScanGrant(**signed(grant.SerializeToString()))
                request = connector_pb2.ScanRequest(grant=again, nonce=os.urandom(16))
            self.used |= keys
        yield from self.real.Scan(request, context)


class AnsweringTwice(Faulty):
    """Answers the same question again."""

    def ReadGrantLog(self, request, context):
        inquiry = connector_pb2.Inquiry.FromString(request.inquiry.payload)
        if inquiry.audience == "testing" and inquiry.expires_at > time.time() and any(request.inquiry.signature):
            inquiry.inquiry_id = os.urandom(8).hex()
            again = connector_pb2.SignedInquiry(**signed(inquiry.SerializeToString(), kind="inquiry"))
            request = connector_pb2.ReadGrantLogRequest(inquiry=again)
        yield from self.real.ReadGrantLog(request, context)


class Unlogged(Faulty):
    """Leaves what was served out of the log."""

    def ReadGrantLog(self, request, context):
        for entry in self.real.ReadGrantLog(request, context):
            if read_header(entry.leaf).kind != "served":
                yield entry


class Forgetful(Faulty):
    """Finds nobody."""

    def FindSubject(self, request, context):
        list(self.real.FindSubject(request, context))
        yield from ()


class Unfinished(Faulty):
    """Never ends a stream."""

    def Scan(self, request, context):
        for response in self.real.Scan(request, context):
            if response.HasField("end"):
                while context.is_active():
                    time.sleep(0.05)
            yield response
