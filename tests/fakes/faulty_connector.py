"""A connector that sends whatever a test tells it to, over real gRPC."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import MappingProxyType

import grpc
import pyarrow as pa

from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

Script = Callable[[connector_pb2.ScanRequest, grpc.ServicerContext], Iterable[connector_pb2.ScanResponse]]


class FaultyConnector(connector_pb2_grpc.ConnectorServiceServicer):
    """Plays a script for every scan, and describes itself when it is told how."""

    def __init__(self, script: Script, *, described: Mapping[str, pa.Schema]) -> None:
        self._script = script
        self._described = described

    def Describe(self, request: connector_pb2.DescribeRequest, context: grpc.ServicerContext):
        if not self._described:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "SCHEMA_DRIFT")
        datasets = [
            connector_pb2.DatasetDescription(name=name, arrow_schema=schema.serialize().to_pybytes())
            for name, schema in self._described.items()
        ]
        return connector_pb2.DescribeResponse(datasets=datasets, instance_id="i")

    def Scan(self, request: connector_pb2.ScanRequest, context: grpc.ServicerContext):
        yield from self._script(request, context)


@contextmanager
def serving(script: Script, *, described: Mapping[str, pa.Schema] = MappingProxyType({})) -> Iterator[str]:
    """Serve the script on loopback and give host:port."""
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    connector_pb2_grpc.add_ConnectorServiceServicer_to_server(FaultyConnector(script, described=described), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def stream(*messages: bytes, rows: int, end: bool = True) -> list[connector_pb2.ScanResponse]:
    """Return a stream of batch messages with a truthful end."""
    responses = [connector_pb2.ScanResponse(record_batch=message) for message in messages]
    if end:
        digest = hashlib.sha256(b"".join(messages)).digest()
        responses.append(connector_pb2.ScanResponse(end=connector_pb2.ScanEnd(rows=rows, sha256=digest)))
    return responses
