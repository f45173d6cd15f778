"""Scans that go on sending honest batches and never end."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import pyarrow as pa

from catalog.load import load_catalogue
from connectors.sdk.batches import encode_batch
from connectors.sdk.server import ConnectorServicer
from sharing_stubs.sharing.connector.v1 import connector_pb2

_DATASETS = load_catalogue().datasets
_VALUES = {
    pa.string(): "x",
    pa.int16(): 1,
    pa.int32(): 1,
    pa.float64(): 1.0,
    pa.bool_(): True,
    pa.date32(): 0,
}


class EndlessServicer(ConnectorServicer):
    """The real connector in everything but its scans."""

    def Scan(
        self, request: connector_pb2.ScanRequest, context: grpc.ServicerContext
    ) -> Iterator[connector_pb2.ScanResponse]:
        message = encode_batch(granted_row(connector_pb2.ScanGrant.FromString(request.grant.payload)))
        yield from endless(message, context)


def endless(message: bytes, context: grpc.ServicerContext) -> Iterator[connector_pb2.ScanResponse]:
    """Send a batch again and again while somebody listens."""
    while context.is_active():
        time.sleep(0.005)
        yield connector_pb2.ScanResponse(record_batch=message)


def granted_row(grant: connector_pb2.ScanGrant) -> pa.RecordBatch:
    """Return one row inside the grant's row filter."""
    dataset = _DATASETS[grant.dataset]
    arrays, fields = [], []
    for granted in grant.columns:
        field = dataset.schema.field(granted.name)
        value = grant.row_filter.values[0].text if granted.name == grant.row_filter.column else _VALUES[field.type]
        arrays.append(pa.array([value], type=field.type))
        fields.append(field)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
