"""`pyarrow.flight`'s own server, serving the batches of one Arrow stream file from memory: what bulk delivery is held against.

`python -m tests.benchmarks.memory_server FILE` prints `READY <port>`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight


class MemoryServer(flight.FlightServerBase):
    """Answers every question with the same table."""

    def __init__(self, table: pa.Table) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self._table = table

    def get_flight_info(self, context: object, descriptor: flight.FlightDescriptor) -> flight.FlightInfo:
        endpoint = flight.FlightEndpoint(flight.Ticket(b"table"), [])
        return flight.FlightInfo(self._table.schema, descriptor, [endpoint])

    def do_get(self, context: object, ticket: flight.Ticket) -> flight.RecordBatchStream:
        return flight.RecordBatchStream(self._table)


if __name__ == "__main__":
    server = MemoryServer(pa.ipc.open_stream(Path(sys.argv[1]).read_bytes()).read_all())
    print(f"READY {server.port}", flush=True)
    server.serve()
