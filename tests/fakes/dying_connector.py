"""A connector that dies in the middle of every scan: `python -m tests.fakes.dying_connector DEPARTMENT BATCHES`.

It answers Describe truthfully, sends as many honest batches as it was told, each of one row inside the grant's row filter, and
then ends its process without a word. With a negative number it sends the end message instead, as an honest connector does; with
0 it goes on sending and never ends.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pyarrow as pa

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from connectors.sdk.batches import encode_batch
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

_VALUES = {
    pa.string(): "x",
    pa.int16(): 1,
    pa.int32(): 1,
    pa.float64(): 1.0,
    pa.bool_(): True,
    pa.date32(): 0,
}


class DyingConnector(connector_pb2_grpc.ConnectorServiceServicer):
    def __init__(self, catalogue: Catalogue, *, department: str, batches: int) -> None:
        self._catalogue = catalogue
        self._department = department
        self._batches = batches

    def Describe(self, request: connector_pb2.DescribeRequest, context: grpc.ServicerContext):
        own = [dataset for dataset in self._catalogue.datasets.values() if dataset.controller == self._department]
        datasets = [
            connector_pb2.DatasetDescription(name=d.name, arrow_schema=d.schema.serialize().to_pybytes()) for d in own
        ]
        return connector_pb2.DescribeResponse(department=self._department, datasets=datasets)

    def Scan(
        self, request: connector_pb2.ScanRequest, context: grpc.ServicerContext
    ) -> Iterator[connector_pb2.ScanResponse]:
        grant = connector_pb2.ScanGrant.FromString(request.grant.payload)
        message = encode_batch(self._row(grant))
        digest = hashlib.sha256()
        while self._batches == 0 and context.is_active():
            time.sleep(0.005)
            yield connector_pb2.ScanResponse(record_batch=message)
        for _ in range(abs(self._batches)):
            digest.update(message)
            yield connector_pb2.ScanResponse(record_batch=message)
        if self._batches > 0:
            time.sleep(0.3)  # let what was sent arrive
            os._exit(9)
        yield connector_pb2.ScanResponse(end=connector_pb2.ScanEnd(rows=abs(self._batches), sha256=digest.digest()))

    def _row(self, grant: connector_pb2.ScanGrant) -> pa.RecordBatch:
        dataset = self._catalogue.datasets[grant.dataset]
        arrays, fields = [], []
        for granted in grant.columns:
            field = dataset.schema.field(granted.name)
            value = grant.row_filter.values[0].text if granted.name == grant.row_filter.column else _VALUES[field.type]
            arrays.append(pa.array([value], type=field.type))
            fields.append(field)
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def main(department: str, batches: int) -> None:
    server = grpc.server(ThreadPoolExecutor(4))
    connector = DyingConnector(load_catalogue(), department=department, batches=batches)
    connector_pb2_grpc.add_ConnectorServiceServicer_to_server(connector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"READY 127.0.0.1:{port}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
