"""A result as it arrives."""

from __future__ import annotations

import datetime
import importlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import pyarrow as pa

from gateway.client.errors import IncompleteResult, Unavailable, request_errors
from gateway.client.stream import FlightStream
from sharing_stubs.arrow.flight import flight_pb2

OnProgress = Callable[[int, int], None]
"""Is told rows and bytes so far, with every batch."""


class Result:
    """A result as it arrives: its batches are read once, in order. Closing it, or leaving its `with`, cancels the rest.

    Args:
        stream: What arrives.
        arrow: Reads it.
        cancel: Ends the call.
        on_progress: Is told rows and bytes so far.
    """

    def __init__(
        self,
        stream: FlightStream,
        *,
        arrow: pa.RecordBatchReader,
        cancel: Callable[[], object],
        on_progress: OnProgress | None = None,
    ) -> None:
        self._stream = stream
        self._arrow = arrow
        self._cancel = cancel
        self._on_progress = on_progress

    def __enter__(self) -> Result:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema with the `sharing.*` metadata."""
        return self._arrow.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches that have rows.

        Raises:
            RequestError: The stream did not end complete; what was read is not the whole result.
        """
        rows = size = 0
        for batch in self._arriving():
            if batch.num_rows:
                rows, size = rows + batch.num_rows, size + batch.nbytes
                if self._on_progress is not None:
                    self._on_progress(rows, size)
                yield batch
        if rows != self.receipt["rows"]:
            raise IncompleteResult(grpc.StatusCode.DATA_LOSS, f"{rows} rows came of {self.receipt['rows']}")

    def reader(self) -> pa.RecordBatchReader:
        """Return the batches as a stream that other Arrow libraries read, of constant memory.

        Reading from it raises what `batches` raises, or what the other library makes of it.
        """
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())

    def to_arrow(self) -> pa.Table:
        """Read all of it. Raises RequestError."""
        return pa.Table.from_batches(self.batches(), schema=self.schema)

    def to_pandas(self) -> Any:  # noqa: ANN401 - pandas is not required
        """Return a `pandas.DataFrame`; pandas must be installed. Raises RequestError."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:  # noqa: ANN401 - polars is not required
        """Return a `polars.DataFrame`; polars must be installed. Raises RequestError."""
        return importlib.import_module("polars").from_arrow(self.to_arrow())

    def to_dataset(self, directory: Path | str) -> Any:  # noqa: ANN401 - it takes long to import
        """Write it to a new folder, batch by batch, and return the `pyarrow.dataset.Dataset`; the receipt is in its file.

        `gateway query --output FOLDER` can be taken up after a cut; this cannot.

        Raises:
            RequestError: Like `batches`; nothing is under the folder's name then.
            OSError: It cannot be written.
        """
        write = importlib.import_module("gateway.client.files.directory").write_directory
        path = Path(directory)
        write((_Whole(result=self),), path=path, request={"entry": self.entry}, now=0, begun=lambda _: None)
        return importlib.import_module("pyarrow.dataset").dataset(path)

    @property
    def receipt(self) -> dict[str, Any]:
        """The gateway's receipt.

        Raises:
            IncompleteResult: The last batch has not been read yet.
        """
        if not self._stream.receipt:
            raise IncompleteResult(grpc.StatusCode.FAILED_PRECONDITION, "the receipt comes after the last batch")
        return self._stream.receipt

    @property
    def entry(self) -> str:
        """Id of the audit entry."""
        return self._metadata()["sharing.entry"]

    @property
    def treatment(self) -> Mapping[str, Mapping[str, str]]:
        """What was done to the columns of each dataset: `clear`, a mask's name, `pseudonym`, `null` or `lookup`."""
        treatment: dict[str, dict[str, str]] = json.loads(self._metadata()["sharing.treatment"])
        return treatment

    @property
    def missing(self) -> tuple[str, ...]:
        """Datasets that a partial answer lacks."""
        return tuple(json.loads(self._metadata()["sharing.missing"]))

    @property
    def as_of(self) -> Mapping[str, datetime.datetime | None]:
        """As of when each dataset was, UTC; None when it is missing or not known. Raises IncompleteResult like `receipt`."""
        datasets = self.receipt["datasets"]
        return {name: _time(facts["as_of"]) if facts["as_of"] else None for name, facts in datasets.items()}

    @property
    def expires_at(self) -> datetime.datetime:
        """When the recipient must have destroyed it, UTC."""
        return _time(int(self._metadata()["sharing.expires_at"]))

    def close(self) -> None:
        """Cancel what has not arrived yet."""
        self._cancel()

    def _metadata(self) -> Mapping[str, str]:
        return {key.decode(): value.decode() for key, value in (self.schema.metadata or {}).items()}

    def _arriving(self) -> Iterator[pa.RecordBatch]:
        try:
            with request_errors():
                yield from self._arrow
        except Unavailable as error:
            if error.reasons:
                raise
            raise IncompleteResult(error.status, error.text) from error
        except pa.ArrowInvalid as error:
            raise IncompleteResult(grpc.StatusCode.DATA_LOSS, str(error)) from error


def open_result(
    messages: Iterator[flight_pb2.FlightData],
    *,
    cancel: Callable[[], object],
    on_progress: OnProgress | None = None,
) -> Result:
    """Return the result that a call delivers, when its first batch is there.

    Args:
        messages: Of the call.
        cancel: Ends it.
        on_progress: Is told rows and bytes so far.

    Raises:
        RequestError: The call failed before.
    """
    with request_errors():
        head = list(itertools.islice(messages, 2))  # the schema, and the first batch
    stream = FlightStream(itertools.chain(head, messages))
    try:
        arrow = pa.ipc.open_stream(stream)
    except pa.ArrowInvalid as error:
        raise IncompleteResult(grpc.StatusCode.DATA_LOSS, str(error)) from error
    return Result(stream, arrow=arrow, cancel=cancel, on_progress=on_progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    """A result as the only part of itself."""

    result: Result
    key: str = ""

    def open(self) -> Result:
        return self.result


def _time(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
