"""`pyarrow.flight`'s own server without any governance: what bulk delivery is held against.

`python -m tests.benchmarks.plain_server memory FILE` serves the batches of an Arrow stream file from memory, `… files FILE` reads,
filters and masks a Parquet file of enterprises itself. Prints `READY <port>`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as flight
import pyarrow.parquet as pq

from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.masks import treat
from tests.benchmarks.deployment import OFFICE

ENTERPRISE_COLUMNS = {
    "credit_code": {"action": "clear"},
    "name": {"action": "clear"},
    "enterprise_kind": {"action": "clear"},
    "legal_representative": {"action": "partial", "mask": "name"},
    "industry": {"action": "clear"},
    "status": {"action": "clear"},
    "division_code": {"action": "clear"},
    "address": {"action": "clear"},
    "phone": {"action": "partial", "mask": "phone"},
}
"""What the benchmark's purpose releases."""
_BATCH_ROWS = 16_384


class PlainServer(flight.FlightServerBase):
    """Answers every question with the same rows."""

    def __init__(self, *, in_memory: pa.Table | None, file: Path) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self._in_memory = in_memory
        self._file = file

    def get_flight_info(self, context: object, descriptor: flight.FlightDescriptor) -> flight.FlightInfo:
        endpoint = flight.FlightEndpoint(flight.Ticket(b"all"), [])
        return flight.FlightInfo(pa.schema([]), descriptor, [endpoint])

    def do_get(self, context: object, ticket: flight.Ticket) -> flight.FlightDataStream:
        if self._in_memory is not None:
            return flight.RecordBatchStream(self._in_memory)
        batches = _released(self._file)
        first = next(batches)
        return flight.GeneratorStream(first.schema, _again(first, batches))


def _released(file: Path) -> Iterator[pa.RecordBatch]:
    for batch in pq.ParquetFile(file).iter_batches(_BATCH_ROWS, columns=list(ENTERPRISE_COLUMNS)):
        kept = batch.filter(pc.starts_with(batch.column("division_code"), OFFICE))
        yield pa.RecordBatch.from_arrays(
            [
                treat(
                    kept.column(name),
                    action=ColumnAction(treatment["action"]),
                    mask=Mask(treatment["mask"]) if "mask" in treatment else None,
                    pseudonym_key=b"",
                )
                for name, treatment in ENTERPRISE_COLUMNS.items()
            ],
            names=list(ENTERPRISE_COLUMNS),
        )


def _again(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


if __name__ == "__main__":
    path = Path(sys.argv[2])
    table = pa.ipc.open_stream(path.read_bytes()).read_all() if sys.argv[1] == "memory" else None
    server = PlainServer(in_memory=table, file=path)
    print(f"READY {server.port}", flush=True)
    server.serve()
