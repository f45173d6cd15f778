"""Each faulty connector fails exactly the clause that it breaks, and the connector it is made from fails none."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest

from connectors.conformance.report import Outcome
from connectors.conformance.target import KEY_ID
from connectors.sdk.server import ConnectorServicer
from sharing_stubs.sharing.connector.v1 import connector_pb2
from tests.conformance.faults import (
    Aborting,
    AnsweringTwice,
    Faulty,
    Forgetful,
    LeakingCancelled,
    LeakingExpired,
    Narrow,
    Replaying,
    Unfinished,
    Unlogged,
    answering,
    batches_of,
    is_good,
    is_treatable,
    rebatched,
    regranting,
    signed,
    stream_of,
)
from tests.conformance.served import LONG, PERSON, check, in_memory, servicer, serving

Op = connector_pb2.PredicateOp


def describing(change: Callable[[connector_pb2.DescribeResponse], None]) -> type[Faulty]:
    """A connector that says something else of itself."""

    class Describing(Faulty):
        def Describe(self, request, context):
            described = self.real.Describe(request, context)
            change(described)
            return described

    return Describing


def profiling(change: Callable[[connector_pb2.ProfileResponse], None]) -> type[Faulty]:
    """A connector with other numbers."""

    class Profiling(Faulty):
        def Profile(self, request, context):
            told = self.real.Profile(request, context)
            change(told)
            return told

    return Profiling


class Blabbing(Faulty):
    """Says in its errors what it was asked."""

    def Scan(self, request, context):
        yield from self.real.Scan(request, Aborting(context, says=lambda code: f"{code}: id = 310101194001010009"))


def retyped(described: connector_pb2.DescribeResponse) -> None:
    index = PERSON.schema.get_field_index("members")
    schema = PERSON.schema.set(index, pa.field("members", pa.int64()))
    described.datasets[0].arrow_schema = schema.serialize().to_pybytes()


def nodes(predicate: connector_pb2.Predicate) -> Iterator[connector_pb2.Predicate]:
    yield predicate
    for operand in predicate.operands:
        yield from nodes(operand)


def less_is_less_or_equal(grant: connector_pb2.ScanGrant) -> None:
    for node in nodes(grant.row_filter):
        node.op = Op.PREDICATE_OP_LE if node.op == Op.PREDICATE_OP_LT else node.op


def three_valued(grant: connector_pb2.ScanGrant) -> None:
    """Lose the nulls under NOT, as SQL does."""
    for node in list(nodes(grant.row_filter)):
        if node.op == Op.PREDICATE_OP_NOT and node.operands[0].values:
            null = connector_pb2.Predicate(op=Op.PREDICATE_OP_IS_NULL, column=node.operands[0].column)
            known = connector_pb2.Predicate(op=Op.PREDICATE_OP_NOT, operands=[null])
            negation = connector_pb2.Predicate.FromString(node.SerializeToString())
            node.CopyFrom(connector_pb2.Predicate(op=Op.PREDICATE_OP_AND, operands=[negation, known]))


def everything(grant: connector_pb2.ScanGrant) -> None:
    null = connector_pb2.Predicate(op=Op.PREDICATE_OP_IS_NULL, column="id")
    grant.row_filter.CopyFrom(connector_pb2.Predicate(op=Op.PREDICATE_OP_NOT, operands=[null]))


def catalogue_order(grant: connector_pb2.ScanGrant) -> None:
    grant.columns.sort(
        key=lambda column: PERSON.schema.names.index(column.name) if column.name in PERSON.schema.names else 0
    )


def untreated(action: str) -> type[Faulty]:
    def change(grant: connector_pb2.ScanGrant) -> None:
        for column in grant.columns:
            if column.action == action:
                column.action, column.mask = "clear", ""
        if action == "pseudonym":
            grant.pseudonym_key = b""

    return regranting(change, when=lambda request: is_treatable(request) and not is_pushed(request))


def is_pushed(request: connector_pb2.ScanRequest) -> bool:
    return connector_pb2.ScanGrant.FromString(request.grant.payload).HasField("pushed_filter")


def own_key(grant: connector_pb2.ScanGrant) -> None:
    grant.pseudonym_key = bytes(32) if grant.pseudonym_key else b""


def without_hidden(grant: connector_pb2.ScanGrant) -> None:
    hidden = {column.name for column in grant.columns if column.action != "clear"}
    if {node.column for node in nodes(grant.pushed_filter)} & hidden:
        grant.ClearField("pushed_filter")


def without_pushed(grant: connector_pb2.ScanGrant) -> None:
    if all(column.action == "clear" for column in grant.columns):
        grant.ClearField("pushed_filter")


def known_columns(grant: connector_pb2.ScanGrant) -> None:
    for column in grant.columns:
        column.name = column.name if column.name in PERSON.schema.names else "id"


def clear_where_unfit(grant: connector_pb2.ScanGrant) -> None:
    for column in grant.columns:
        is_text = column.name in PERSON.schema.names and pa.types.is_string(PERSON.schema.field(column.name).type)
        if column.mask == ("date_year" if is_text else "name"):
            column.action, column.mask = "clear", ""


def in_force(grant: connector_pb2.ScanGrant) -> None:
    grant.issued_at, grant.expires_at = int(time.time()), int(time.time()) + 60


def field_cleared(name: str) -> Callable[[connector_pb2.ScanGrant], None]:
    return lambda grant: grant.ClearField(name)  # type: ignore[arg-type]


def audience_taken(grant: connector_pb2.ScanGrant) -> None:
    grant.audience = "testing"


def unknown_fields_dropped(grant: connector_pb2.ScanGrant) -> None:
    grant.DiscardUnknownFields()


def no_change(_: object) -> None:
    pass


class SmallKeys(Faulty):
    """Takes no large look-ups."""

    def Scan(self, request, context):
        if is_good(request) and len(connector_pb2.ScanGrant.FromString(request.grant.payload).lookup.values) > 500:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "MALFORMED")
        yield from self.real.Scan(request, context)


def with_extra_column(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return [batch.append_column("extra", pa.nulls(len(batch), pa.string())) for batch in batches]


def widened(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return [
        pa.RecordBatch.from_pydict(
            {
                n: c.cast(pa.int64()) if c.type == pa.int32() else c
                for n, c in zip(b.schema.names, b.columns, strict=True)
            }
        )
        for b in batches
    ]


def in_one_batch(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return [pa.concat_batches(batches)] if batches else []


def without_last_row(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return [*batches[:-1], batches[-1].slice(0, len(batches[-1]) - 1)] if batches else []


def compressed(grant: connector_pb2.ScanGrant, responses: Any) -> Any:
    if not grant.grant_id:
        return responses
    batches, _ = batches_of(grant, responses)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    messages = [_message(batch, options) for batch in batches]
    return [connector_pb2.ScanResponse(record_batch=one) for one in messages] + list(stream_of([]))


def _message(batch: pa.RecordBatch, options: pa.ipc.IpcWriteOptions) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    reader.read_next_message()
    return reader.read_next_message().serialize().to_pybytes()


def ending(change: Callable[[connector_pb2.ScanEnd], None]) -> type[Faulty]:
    def stream(_: connector_pb2.ScanGrant, responses: Any) -> Any:
        for response in responses:
            if response.HasField("end"):
                change(response.end)
            yield response

    return answering(stream)


def cut(_: connector_pb2.ScanGrant, responses: Any) -> Any:
    return (response for response in responses if not response.HasField("end"))


def going_on(_: connector_pb2.ScanGrant, responses: Any) -> Any:
    for response in responses:
        yield response
        if response.HasField("end"):
            yield response


def set_to(name: str, value: Any) -> Callable[[Any], None]:
    return lambda message: setattr(message, name, value)


SIGNED_BY_ANYBODY = regranting(no_change, when=lambda request: not is_good(request) and _is_forged(request))


def _is_forged(request: connector_pb2.ScanRequest) -> bool:
    """Tell whether only the signature is wrong."""
    good = connector_pb2.SignedScanGrant(**signed(request.grant.payload))
    resigned = connector_pb2.ScanRequest(grant=good, nonce=request.nonce)
    return is_good(resigned) and (request.grant.signature, request.grant.key_id) != (good.signature, KEY_ID)


def _is_signed(request: connector_pb2.ScanRequest) -> bool:
    good = connector_pb2.SignedScanGrant(**signed(request.grant.payload))
    return request.grant == good


FAULTS: list[tuple[str, str, type[Faulty]]] = [
    ("C1", "names another department", describing(set_to("department", "other"))),
    ("C2", "claims another dataset", describing(lambda said: said.datasets.add(name="other.dataset"))),
    ("C3", "retypes a column in its description", describing(retyped)),
    ("C4", "confirms any registration", describing(set_to("confirms_registration", True))),
    ("G1", "takes any signature", SIGNED_BY_ANYBODY),
    ("G2", "drops what it does not know", regranting(unknown_fields_dropped, when=_is_signed)),
    ("G3", "takes grants for others", regranting(audience_taken, when=_is_signed)),
    ("G4", "takes grants at any time", regranting(in_force, when=_is_signed)),
    ("G5", "takes grants twice", Replaying),
    ("G6", "sends another column than an unknown one", regranting(known_columns)),
    ("G7", "sends clear what it cannot mask", regranting(clear_where_unfit)),
    ("G8", "ignores what it should refuse to filter", regranting(without_hidden)),
    ("G9", "takes no large look-ups", SmallKeys),
    ("F1", "leaks rows outside the filter", regranting(everything)),
    ("F2", "loses the last row", rebatched(without_last_row)),
    ("F3", "mixes up two operators", regranting(less_is_less_or_equal)),
    ("F4", "compares nulls as SQL does", regranting(three_valued)),
    ("F5", "ignores the pushed filter", regranting(without_pushed)),
    ("F6", "ignores the look-up keys", regranting(field_cleared("lookup"))),
    ("F7", "ignores the limit", regranting(field_cleared("rows_max"))),
    ("V1", "sends its own order of columns", regranting(catalogue_order)),
    ("V2", "sends values where nulls are due", untreated("null")),
    ("V3", "sends identifiers where pseudonyms are due", untreated("pseudonym")),
    ("V3", "uses a key of its own for pseudonyms", regranting(own_key)),
    ("V4", "ignores masks", untreated("partial")),
    ("V5", "does not generalise", untreated("generalise")),
    ("S1", "adds a column", rebatched(with_extra_column)),
    ("S1", "retypes a column", rebatched(widened)),
    ("S1", "compresses", answering(compressed)),
    ("S3", "cuts the stream early", answering(cut)),
    ("S3", "has a wrong hash", ending(set_to("sha256", bytes(32)))),
    ("S3", "counts wrong", ending(set_to("rows", 7))),
    ("S3", "goes on after the end", answering(going_on)),
    ("S4", "has data from the future", ending(set_to("as_of", 4_000_000_000))),
    ("S5", "never ends", Unfinished),
    ("E1", "tells data in its errors", Blabbing),
    ("E2", "serves two at once", Narrow),
    ("L1", "does not log what it served", Unlogged),
    ("L2", "answers a question twice", AnsweringTwice),
    ("L3", "finds nobody", Forgetful),
    ("Q1", "counts rows wrong", profiling(set_to("rows", 7))),
    ("Q2", "has a sketch of something else", profiling(set_to("sketch", bytes(256)))),
]
LONG_FAULTS: list[tuple[str, str, type[Faulty]]] = [
    ("S2", "sends everything in one batch", rebatched(in_one_batch)),
    ("E3", "keeps the slots of cancelled scans", LeakingCancelled),
    ("E4", "keeps the slots of expired scans", LeakingExpired),
]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[ConnectorServicer]:
    with servicer(tmp_path, source=in_memory()) as made:
        yield made


@pytest.fixture
def real_long(tmp_path: Path) -> Iterator[ConnectorServicer]:
    with servicer(tmp_path, source=in_memory(LONG)) as made:
        yield made


@pytest.mark.parametrize(("clause", "does", "fault"), FAULTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_fault_fails_its_clause(real: ConnectorServicer, clause: str, does: str, fault: type[Faulty]) -> None:
    """A connector that breaks one promise fails that clause and no other."""
    with serving(fault(real)) as endpoint:
        report = check(endpoint, seconds_max=1 if fault is Unfinished else 60)
    assert report.failed == (clause,), report.to_markdown()


@pytest.mark.parametrize(
    ("clause", "does", "fault"), LONG_FAULTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_fault_of_long_streams_fails_its_clause(
    real_long: ConnectorServicer, clause: str, does: str, fault: type[Faulty]
) -> None:
    """What only long streams show fails its clause and no other."""
    with serving(fault(real_long)) as endpoint:
        report = check(endpoint)
    assert report.failed == (clause,), report.to_markdown()


def test_the_real_connector_fails_nothing(real_long: ConnectorServicer) -> None:
    """Without a fault every clause passes but two: the connector speaks plaintext, and its data are too small to fill memory."""
    with serving(Faulty(real_long)) as endpoint:
        report = check(endpoint, pid=os.getpid())
    open_clauses = {r.clause for r in report.results if r.outcome is not Outcome.PASSED}
    assert open_clauses == {"C5", "E5"}, report.to_markdown()
