"""A compromised connector cannot get past the gateway's re-check. Each attack has a twin: the honest stream passes, and with
the one check off the attack passes too."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import grpc
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.load import load_catalogue
from catalog.registry import NotServed
from catalog.vocabulary import ColumnAction, Mask, OfficeKind, Role
from connectors.sdk.batches import encode_batch
from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.errors import GatewayError, TooSlow, Unavailable
from gateway.messages import Reason
from gateway.model.decision import Decision
from gateway.model.plan import EnforcedPlan, PlannedScan, ScanColumn
from gateway.model.requester import RequestContext, Requester
from gateway.scan import ConnectorChannels, GrantIssuer, Replicas, scan
from gateway.scan import scan as scan_stage
from sharing_stubs.sharing.connector.v1 import connector_pb2
from tests.fakes.directory import FixedDirectory, instance
from tests.fakes.faulty_connector import Script, serving, stream

CATALOGUE = load_catalogue()
WIRE = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("phone", pa.string()),
        pa.field("residence_division", pa.string(), nullable=False),
    ]
)
OWN, OTHER = "310101002003", "310104014001"
STALLED_SECONDS = 30.0
PLANNED = PlannedScan(
    name="scan_0",
    dataset="population.resident",
    controller="public_security",
    columns=(
        ScanColumn(name="name", action=ColumnAction.CLEAR, mask=None, check_only=False),
        ScanColumn(name="phone", action=ColumnAction.PARTIAL, mask=Mask.PHONE, check_only=False),
        ScanColumn(name="residence_division", action=ColumnAction.CLEAR, mask=None, check_only=True),
    ),
    schema=pa.schema([WIRE.field("name"), WIRE.field("phone")]),
    row_filter=Predicate(op=PredicateOp.PREFIX, column="residence_division", values=("310101002",)),
    pushed_filter=None,
    lookup_column=None,
    lookup_values=(),
    rows_max=None,
    read_once=True,
)
REQUESTER = Requester(
    subject="clerk",
    token_id="t",
    office="310101002",
    office_kind=OfficeKind.STREET,
    division_code="310101002",
    roles=frozenset({Role.CLERK}),
    clearance="general-3",
    department=None,
)
CONTEXT = RequestContext(purpose="grid-inspection", case="", channel="flight_sql", time=1_800_000_000)


def batch(*, names=("王五", "李四"), phones=("138****5678", None), divisions=(OWN, OWN), schema=WIRE) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(names), pa.array(phones), pa.array(divisions)], schema=schema)


def plan(planned: PlannedScan = PLANNED) -> EnforcedPlan:
    decision = Decision(
        decision_id="d",
        allow=True,
        datasets={},
        people_min=None,
        obligations=None,
        denials=(),
        determined_by=(),
        policy_revision="r",
        standing=None,  # type: ignore[arg-type]
        policy_input={},
        answer_sha256="0" * 64,
    )
    return EnforcedPlan(
        resolved=None,  # type: ignore[arg-type]
        decision=decision,
        scans=(planned,),
        sql=None,
        projection=(),
        rows_max=10,
    )


@pytest.fixture
def channels() -> Iterator[ConnectorChannels]:
    made = ConnectorChannels(files=None)
    yield made
    made.close()


GRANTS = GrantIssuer(
    key=Ed25519PrivateKey.generate(),
    key_id="k",
    pseudonym_secret=bytes(32),
    clock_seconds=time.time,
    new_id=lambda: "g",
)


def receive(
    script: Script,
    channels: ConnectorChannels,
    *,
    planned=PLANNED,
    seconds_max=60.0,
    drifts: list | None = None,
    described: pa.Schema | None = None,
) -> list[pa.RecordBatch]:
    with serving(script, described={} if described is None else {planned.dataset: described}) as endpoint:
        directory = FixedDirectory(instance("i", endpoint=endpoint))
        directory.drifts = directory.drifts if drifts is None else drifts
        scanned = scan(
            plan(planned),
            requester=REQUESTER,
            context=CONTEXT,
            catalogue=CATALOGUE,
            replicas=Replicas(directory=directory, channels=channels, record=str, monotonic=time.monotonic),
            grants=GRANTS,
            nonce=bytes(16),
            seconds_max=seconds_max,
        )
        return list(scanned.tables["scan_0"].batches)


def honest(*batches: pa.RecordBatch) -> Script:
    messages = [encode_batch(b) for b in batches]
    rows = sum(b.num_rows for b in batches)
    return lambda request, context: stream(*messages, rows=rows)


def refused(script: Script, channels: ConnectorChannels, **options) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        receive(script, channels, **options)
    return caught.value


def test_an_honest_stream_arrives_without_the_check_only_column(channels):
    """What was granted arrives; what only the re-check needed does not go on."""
    (received,) = receive(honest(batch()), channels)
    assert received.to_pydict() == {"name": ["王五", "李四"], "phone": ["138****5678", None]}


HOSTILE_BATCHES = {
    "row of another street": batch(divisions=(OWN, OTHER)),
    "row of a street whose code only looks alike": batch(divisions=(OWN, "31010100")),
    "phone in clear": batch(phones=("13812345678", None)),
    "phone in clear after a masked one": batch(phones=("138****5678", "13812345678")),
    "an extra column": pa.RecordBatch.from_pydict(batch().to_pydict() | {"resident_id": ["1", "2"]}),
    "a missing column": batch().select([0, 1]),
    "columns in another order": batch().select([1, 0, 2]),
    "a retyped column": pa.RecordBatch.from_arrays(
        [pa.array(["王五", "李四"]), pa.array([13812345678, None]), pa.array([OWN, OWN])],
        names=["name", "phone", "residence_division"],
    ),
    "null where the catalogue has none": pa.RecordBatch.from_arrays(
        [pa.array(["王五", None]), pa.array(["138****5678", None]), pa.array([OWN, OWN])],
        schema=pa.schema([pa.field(f.name, f.type) for f in WIRE]),
    ),
}


@pytest.mark.parametrize("name", HOSTILE_BATCHES)
@pytest.mark.parametrize("after_honest", [0, 2])
def test_a_batch_that_was_not_granted_stops_the_query(name, after_honest, channels):
    """Rows outside the filter, unmasked values and other schemas are never released, whatever came before them."""
    error = refused(honest(*[batch()] * after_honest, HOSTILE_BATCHES[name]), channels)
    assert type(error) is Unavailable
    assert error.reason is Reason.CONNECTOR_UNTRUSTWORTHY


@pytest.mark.parametrize(
    ("check", "replacement", "name"),
    [
        ("evaluate", lambda predicate, b: pa.array([True] * b.num_rows), "row of another street"),
        ("is_treated", lambda values, *, action, mask, buckets: True, "phone in clear"),
    ],
)
def test_twin_with_the_check_off_the_attack_passes(check, replacement, name, channels, monkeypatch):
    """The attacks are real: without the re-check the rows arrive."""
    monkeypatch.setattr(sys.modules["gateway.scan.scan"], check, replacement)
    (received,) = receive(honest(HOSTILE_BATCHES[name]), channels)
    assert received.num_rows == 2


@pytest.mark.parametrize(("number", "arrives"), [(10, True), (11, False), (-1, False)])
def test_a_number_that_is_no_bound_of_its_bucket_stops_the_query(number, arrives, channels):
    """The catalogue says which numbers mask `bucket` leaves; a bound itself arrives, which is the twin."""
    wire = pa.schema([pa.field("employees", pa.int32()), pa.field("division_code", pa.string(), nullable=False)])
    planned = replace(
        PLANNED,
        dataset="legal_entity.enterprise",
        columns=(
            ScanColumn(name="employees", action=ColumnAction.GENERALISE, mask=Mask.BUCKET, check_only=False),
            ScanColumn(name="division_code", action=ColumnAction.CLEAR, mask=None, check_only=True),
        ),
        schema=pa.schema([wire.field("employees")]),
        row_filter=Predicate(op=PredicateOp.PREFIX, column="division_code", values=("310101002",)),
    )
    sent = honest(pa.RecordBatch.from_pydict({"employees": [number], "division_code": [OWN]}, schema=wire))
    if arrives:
        assert receive(sent, channels, planned=planned)[0].to_pydict() == {"employees": [number]}
    else:
        assert refused(sent, channels, planned=planned).reason is Reason.CONNECTOR_UNTRUSTWORTHY


def encoded(**changes) -> bytes:
    return encode_batch(batch(**changes))


HOSTILE_STREAMS = {
    "no end message": lambda request, context: stream(encoded(), rows=2, end=False),
    "nothing at all": lambda request, context: [],
    "end says more rows": lambda request, context: stream(encoded(), rows=3),
    "end says fewer rows": lambda request, context: stream(encoded(), rows=1),
    "end hash of another stream": lambda request, context: [
        *stream(encoded(), rows=2, end=False),
        stream(encoded(names=("甲", "乙")), rows=2)[-1],
    ],
    "an empty message": lambda request, context: [connector_pb2.ScanResponse()],
    "bytes that are no batch": lambda request, context: stream(b"\xff" * 64, rows=0),
    "a batch cut in half": lambda request, context: stream(encoded()[: len(encoded()) // 2], rows=2),
}


@pytest.mark.parametrize("name", HOSTILE_STREAMS)
def test_a_stream_that_does_not_end_as_it_should_is_a_failure(name, channels):
    """A cut or forged stream is a failure, never a short table."""
    assert refused(HOSTILE_STREAMS[name], channels).reason is Reason.CONNECTOR_UNTRUSTWORTHY


def test_more_rows_than_granted_are_refused(channels):
    """The row bound of the grant holds on arrival."""
    error = refused(honest(batch()), channels, planned=replace(PLANNED, rows_max=1))
    assert error.reason is Reason.CONNECTOR_UNTRUSTWORTHY
    assert receive(honest(batch()), channels, planned=replace(PLANNED, rows_max=2))


def test_a_compressed_batch_is_refused_before_it_expands(channels):
    """33 KB of zstd that stand for a gigabyte are refused by their header."""
    bomb = batch(names=["王" * 1_000_000] * 2)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, WIRE, options=options) as writer:
        writer.write_batch(bomb)
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    reader.read_next_message()
    message = reader.read_next_message().serialize().to_pybytes()
    assert len(message) < 10_000
    error = refused(lambda request, context: stream(message, rows=2), channels)
    assert error.reason is Reason.CONNECTOR_UNTRUSTWORTHY


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, Reason.CONNECTOR_REFUSED),
        (grpc.StatusCode.UNAVAILABLE, Reason.CONNECTOR_UNAVAILABLE),
        (grpc.StatusCode.INTERNAL, Reason.CONNECTOR_UNAVAILABLE),
        (grpc.StatusCode.OK, Reason.CONNECTOR_UNTRUSTWORTHY),
    ],
)
def test_error_text_of_a_connector_never_leaves(status, reason, channels):
    """A connector cannot smuggle values through its error text, not even into the operator's log."""

    def script(request, context):
        yield from stream(encoded(), rows=2, end=False)
        if status is not grpc.StatusCode.OK:
            context.abort(status, "canary 11010519491231002X")

    error = refused(script, channels)
    assert error.reason is reason
    assert "canary" not in error.message.zh + error.message.en + error.remedy.en + error.internal


def test_a_stalled_connector_ends_at_the_deadline(channels):
    """A connector that stops sending costs the deadline, not more."""
    given_up = threading.Event()

    def script(request, context):
        context.add_callback(given_up.set)
        yield from stream(encoded(), rows=2, end=False)
        given_up.wait(STALLED_SECONDS)

    started = time.monotonic()
    error = refused(script, channels, seconds_max=0.5)
    assert type(error) is TooSlow
    assert error.reason is Reason.CONNECTOR_SLOW
    assert time.monotonic() - started < STALLED_SECONDS / 2


@pytest.mark.parametrize(
    ("because", "reason"),
    [
        (NotServed.NO_CONNECTOR, Reason.CONNECTOR_UNAVAILABLE),
        (NotServed.NOT_APPROVED, Reason.CONNECTOR_UNAVAILABLE),
        (NotServed.NO_LEASE, Reason.CONNECTOR_UNAVAILABLE),
        (NotServed.SUSPENDED, Reason.CONNECTOR_SUSPENDED),
        (NotServed.DRIFTED, Reason.CONNECTOR_DRIFTED),
    ],
)
def test_a_dataset_without_a_connector_is_unavailable(because, reason, channels):
    """Nothing is asked when no connector may serve, and the requester learns why."""
    with pytest.raises(Unavailable) as caught:
        scan_stage(
            plan(),
            requester=REQUESTER,
            context=CONTEXT,
            catalogue=CATALOGUE,
            replicas=Replicas(
                directory=FixedDirectory(because=because), channels=channels, record=str, monotonic=time.monotonic
            ),
            grants=GRANTS,
            nonce=bytes(16),
            seconds_max=1,
        )
    assert caught.value.reason is reason


def test_a_stream_of_another_schema_stops_the_dataset(channels):
    """Drift is noticed in every stream and told to the registry; a row outside the filter is no drift."""
    drifts: list[tuple[str, str]] = []
    refused(honest(HOSTILE_BATCHES["row of another street"]), channels, drifts=drifts)
    assert drifts == []
    refused(honest(HOSTILE_BATCHES["a missing column"]), channels, drifts=drifts)
    assert drifts == [("population.resident", "i")]


RESIDENTS = CATALOGUE.datasets["population.resident"].schema


@pytest.mark.parametrize(
    ("described", "found"), [(RESIDENTS, []), (RESIDENTS.remove(1), [("population.resident", "i")]), (None, [])]
)
def test_a_connector_that_says_drift_is_asked_what_it_describes(described, found, channels):
    """One clerk's query cannot stop a dataset for everybody: only a description that differs does, and no answer does not.

    The second case is the twin.
    """
    drifts: list[tuple[str, str]] = []

    def script(request, context):
        yield from stream(encoded(), rows=2, end=False)
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "SCHEMA_DRIFT")

    error = refused(script, channels, drifts=drifts, described=described)
    assert (error.reason, drifts) == (Reason.CONNECTOR_DRIFTED, found)


@pytest.mark.parametrize(("as_of", "arrives"), [(CONTEXT.time, True), (CONTEXT.time + 86_400, False), (-1, False)])
def test_data_of_the_future_is_refused(as_of, arrives, channels):
    """A connector cannot make its data look fresh with a time that has not come."""
    end = stream(encoded(), rows=2)
    end[-1].end.as_of = as_of
    if arrives:
        assert receive(lambda request, context: end, channels)
    else:
        assert refused(lambda request, context: end, channels).reason is Reason.CONNECTOR_UNTRUSTWORTHY
