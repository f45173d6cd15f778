"""A connector that dies in the middle of every scan: `python -m tests.fakes.dying_connector CONFIG BATCHES`.

It is the real connector in everything else: certificate, registration, description. It sends as many honest batches as it was told,
each of one row inside the grant's row filter, and then ends its process without a word. With a negative number it sends the end
message instead, as an honest connector does; with 0 it goes on sending and never ends.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc

import connectors.__main__
import connectors.serving
from connectors.sdk.batches import encode_batch
from connectors.sdk.server import ConnectorServicer
from sharing_stubs.sharing.connector.v1 import connector_pb2
from tests.fakes.endless_scans import endless, granted_row

BATCHES = int(sys.argv[2]) if len(sys.argv) > 2 else 0


class DyingServicer(ConnectorServicer):
    """Answers every scan in the way it was told."""

    def Scan(
        self, request: connector_pb2.ScanRequest, context: grpc.ServicerContext
    ) -> Iterator[connector_pb2.ScanResponse]:
        grant = connector_pb2.ScanGrant.FromString(request.grant.payload)
        message = encode_batch(granted_row(grant))
        digest = hashlib.sha256()
        if BATCHES == 0:
            yield from endless(message, context)
        for _ in range(abs(BATCHES)):
            digest.update(message)
            yield connector_pb2.ScanResponse(record_batch=message)
        if BATCHES > 0:
            time.sleep(0.3)  # let what was sent arrive
            os._exit(9)
        yield connector_pb2.ScanResponse(end=connector_pb2.ScanEnd(rows=abs(BATCHES), sha256=digest.digest()))


if __name__ == "__main__":
    connectors.serving.ConnectorServicer = DyingServicer  # type: ignore[misc]
    connectors.__main__.serve(Path(sys.argv[1]))
