"""Results of subscriptions: pulled, applied to the dataset that is kept, and then acknowledged."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gateway.client.connection import Connection, OnCall
from gateway.client.errors import request_errors
from gateway.client.files.cover_sheet import Terms, terms_of
from gateway.client.files.formats import FileProblem, Replacing, check_file_name, write_result, write_rows
from gateway.client.files.held import ENTRIES
from gateway.client.result import OnProgress, Result, open_result
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2_grpc

SUBSCRIPTION: Final = "sharing.subscription"
"""Metadata, JSON: of changes and of a dataset that is kept by them, which subscription and run."""
_CHANGE, _KEY, _ENTRY, _DELETE = "sharing_change", "sharing_key", "sharing_entry", "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A dataset as it stands after a run."""

    run: pb.Run
    changed: int
    """Rows that came: of an incremental run those inserted, updated and deleted."""
    rows: int
    """Rows of the dataset now."""
    entries: tuple[str, ...]
    """Audit entries of all that it is made of, the newest last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivingRun:
    """A run whose rows arrive."""

    run: pb.Run
    result: Result


class Subscriptions:
    """The subscriptions of one recipient. Every method raises RequestError.

    Args:
        connection: The recipient's.
    """

    def __init__(self, connection: Connection) -> None:
        self._stub = subscriptions_pb2_grpc.SubscriptionsServiceStub(connection.channel)
        self._connection = connection

    def create(self, request: pb.CreateSubscriptionRequest, *, purpose: str, case: str) -> pb.Subscription:
        """Save a query; its first run begins at once."""
        headers = self._connection.headers(purpose=purpose, case=case)
        with request_errors():
            return self._stub.CreateSubscription(request, metadata=headers).subscription

    def all(self) -> list[pb.Subscription]:
        """Return those that the recipient may see, newest first."""
        with request_errors():
            answer = self._stub.ListSubscriptions(pb.ListSubscriptionsRequest(), metadata=self._connection.headers())
            return list(answer.subscriptions)

    def stop(self, id: str) -> None:
        """End a subscription."""
        with request_errors():
            request = pb.StopSubscriptionRequest(subscription=id)
            self._stub.StopSubscription(request, metadata=self._connection.headers())

    def pull(
        self,
        id: str,
        *,
        path: Path,
        begun: Callable[[Terms], None] = lambda terms: None,
        replacing: Replacing = lambda path: None,
    ) -> Pulled | None:
        """Bring the dataset at `path` up to date with the run that waits, and acknowledge it; None when none waits.

        What stands under `path` is replaced at once or not at all. A run that was applied but not acknowledged, because the
        machine or network failed in between, is applied again to the same effect.

        Args:
            id: The subscription.
            path: The file.
            begun: Is told the terms of the result before any of it is written.
            replacing: Is told of the file before it is replaced.

        Raises:
            FileProblem: The file has no known format, or does not hold the dataset that the changes build on.
            OSError: It cannot be written.
        """
        check_file_name(path)
        arriving = self.open(id)
        if arriving is None:
            return None
        run = arriving.run
        with arriving.result as result:
            begun(terms_of(result.schema))
            if SUBSCRIPTION in terms_of(result.schema):
                pulled = _apply(result, run=run, path=path, replacing=replacing)
            else:
                rows = write_result(result, path=path, replacing=replacing)
                pulled = Pulled(run=run, changed=rows, rows=rows, entries=(run.entry,))
        self.acknowledge(id, run=run.id)
        return pulled

    def open(
        self, id: str, *, on_progress: OnProgress | None = None, on_call: OnCall | None = None
    ) -> ArrivingRun | None:
        """Open the run that waits, as the gateway keeps it; None when none waits. It waits until it is acknowledged.

        Args:
            id: The subscription.
            on_progress: Is told rows and bytes so far.
            on_call: Is told how to cancel it from another thread.
        """
        with request_errors():
            call = self._stub.PullRun(pb.PullRunRequest(subscription=id), metadata=self._connection.headers())
            if on_call is not None:
                on_call(call.cancel)
            first = next(call, None)
        return None if first is None else ArrivingRun(run=first.run, result=_result(call, on_progress=on_progress))

    def acknowledge(self, id: str, *, run: str) -> None:
        """Say that a run is kept; the gateway destroys its copy."""
        with request_errors():
            request = pb.AcknowledgeRunRequest(subscription=id, run=run)
            self._stub.AcknowledgeRun(request, metadata=self._connection.headers())


def _result(call: Any, *, on_progress: OnProgress | None) -> Result:  # noqa: ANN401 - which grpc does not type
    messages = (flight_pb2.FlightData.FromString(response.flight_data) for response in call)
    return open_result(messages, cancel=call.cancel, on_progress=on_progress)


def _apply(result: Result, *, run: pb.Run, path: Path, replacing: Replacing) -> Pulled:
    """Write the dataset anew with the changes of a run: old rows whose keys are not among them, then the new rows."""
    if path.suffix != ".parquet":
        raise FileProblem(
            "带键列的订阅只能保存为 .parquet 文件", "a subscription with key columns is kept in a .parquet file"
        )
    about = json.loads((result.schema.metadata or {})[SUBSCRIPTION.encode()])
    before = _before(path, about=about) if about["builds_on"] else None
    changes = result.to_arrow()
    rows_now = changes.filter(pc.not_equal(changes[_CHANGE], _DELETE)).drop_columns([_CHANGE])
    rows_now = rows_now.append_column(_ENTRY, pa.repeat(run.entry, rows_now.num_rows))
    entries = (*_entries(before, changes[_KEY]), run.entry)
    metadata = {**(changes.schema.metadata or {}), ENTRIES.encode(): json.dumps(entries).encode()}
    schema = rows_now.schema.with_metadata(metadata)
    batches = itertools.chain(_unchanged(before, changes[_KEY]), rows_now.to_batches())
    dataset = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in batches)
    rows = write_rows(dataset, schema=schema, path=path, replacing=replacing)
    return Pulled(run=run, changed=changes.num_rows, rows=rows, entries=entries)


def _before(path: Path, *, about: dict[str, str]) -> pq.ParquetFile:
    """Open the dataset that changes are applied to: that of the run before, or of this one, applied already."""
    try:
        file = pq.ParquetFile(path)
        held = json.loads((file.schema_arrow.metadata or {})[SUBSCRIPTION.encode()])
    except (OSError, pa.ArrowInvalid, KeyError, ValueError):
        held = {}
    if held.get("subscription") != about["subscription"] or held["run"] not in (about["builds_on"], about["run"]):
        raise FileProblem(
            f"{path} 不是该订阅上一期的数据，无法并入本期变更；请用原来的文件名，文件已丢失时请停止订阅并重新创建",
            f"{path} does not hold the dataset that these changes build on; use the file of the earlier runs, and when it "
            "is lost stop the subscription and create it anew",
        )
    return file


def _entries(file: pq.ParquetFile | None, changed_keys: pa.ChunkedArray) -> list[str]:
    """Return the audit entries of the rows that stay."""
    if file is None:
        return []
    rows = file.read([_KEY, _ENTRY])
    stay = rows.filter(pc.invert(pc.is_in(rows[_KEY], value_set=changed_keys)))
    entries: list[str] = stay[_ENTRY].unique().to_pylist()
    return entries


def _unchanged(file: pq.ParquetFile | None, changed_keys: pa.ChunkedArray) -> Iterator[pa.RecordBatch]:
    if file is None:
        return
    with file:
        for batch in file.iter_batches():
            yield batch.filter(pc.invert(pc.is_in(batch[_KEY], value_set=changed_keys)))
