"""The stock `pyarrow.flight` client."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.flight as flight

from tests.benchmarks.deployment import PURPOSE, Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What arrived, without the batches: a client that keeps nothing."""

    rows: int
    bytes: int


class FlightClient:
    """Asks the gateway, or the server that the gateway is compared with."""

    def __init__(self, endpoint: str, *, token: str = "") -> None:
        self._client = flight.FlightClient(endpoint)
        headers = {"authorization": f"Bearer {token}", "x-sharing-purpose": PURPOSE} if token else {}
        self._options = flight.FlightCallOptions(headers=[(k.encode(), v.encode()) for k, v in headers.items()])

    @classmethod
    def of(cls, deployment: Deployment) -> FlightClient:
        """Return a client of the gateway."""
        return cls(deployment.endpoint, token=deployment.token)

    def batches(self, sql: str) -> Generator[pa.RecordBatch]:
        """Ask, and yield what arrives; closing it cancels the rest."""
        info = self._client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()), self._options)
        reader = self._client.do_get(info.endpoints[0].ticket, self._options)
        try:
            for chunk in reader:
                yield chunk.data
        finally:
            reader.cancel()

    def receive(self, sql: str) -> Received:
        """Ask, and count what arrives."""
        rows = size = 0
        for batch in self.batches(sql):
            rows += batch.num_rows
            size += batch.nbytes
        return Received(rows=rows, bytes=size)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
