"""Prepared statements: what was allowed when one was prepared says nothing about the run."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import grpc
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalog.load import load_catalogue
from gateway.decide import PolicyBundle, SignedBundle, encode_bundle, load_bundle
from gateway.doors import turns
from gateway.doors.flight_sql import STATEMENTS_PER_REQUESTER_MAX, door, handles
from gateway.doors.flight_sql.commands import pack
from gateway.model.requester import RequestContext
from gateway.wiring import Gateway
from sharing_stubs.arrow.flight import flight_pb2, flight_pb2_grpc
from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from tests.attacks.gateway.test_tickets import ALLOWED, LICENCES, OWNER, PURPOSE, REFUSED, THIEF, last_failure, outcome
from tests.cities import City
from tests.flight_sql_caller import Caller, calling, row
from tests.governing import restore_access, revoke_access, sign_agreement
from tests.lone_gateway import lone_gateway

BY_KIND = LICENCES + " WHERE licence_kind = ?"
WINDOW, RESIDENTS = "window-service", "SELECT name FROM population.resident WHERE resident_id IN ({})"
KEY = ec.generate_private_key(ec.SECP256R1())


class Policy:
    """The policy that a gateway reads from a signed bundle while it runs."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bundle.tar.gz"
        self._sequence = 0
        self.usual = load_bundle(catalogue=load_catalogue())
        name = "sharing/access/purpose/purpose.rego"
        source = self.usual.modules[name]
        for old, new in (("== false", "== unsaid"), ("== true", "== false"), ("== unsaid", "== true")):
            source = source.replace(f"input.context.purpose_revoked {old}", f"input.context.purpose_revoked {new}")
        self.strict = replace(self.usual, modules={**self.usual.modules, name: source})
        """Takes every purpose for revoked."""

    def settings(self, text: str) -> str:
        """Return a gateway's settings with the bundle in them, which is there then."""
        public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self._path.with_name("policy-key.pem").write_bytes(public)
        self._write(self.usual)
        return text.replace("[policy]\n", '[policy]\nbundle = "bundle.tar.gz"\nbundle_key = "policy-key.pem"\n')

    def become(self, bundle: PolicyBundle, *, gateway: Gateway) -> None:
        """Let a running gateway take a newer bundle."""
        self._write(bundle)
        deadline = time.monotonic() + 120
        while gateway.path.pdp.revision != bundle.revision:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _write(self, bundle: PolicyBundle) -> None:
        self._sequence += 1
        content = encode_bundle(SignedBundle(bundle=bundle, sequence=self._sequence, built_at=""), key=KEY)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(content)
        os.replace(fresh, self._path)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[City, Gateway, Policy]]:
    root = tmp_path_factory.mktemp("lone")
    policy = Policy(root)
    with lone_gateway(root, settings=policy.settings) as (city, gateway):
        yield city, gateway, policy


@pytest.fixture(scope="module")
def lone(running: tuple[City, Gateway, Policy]) -> City:
    return running[0]


@pytest.fixture
def owner(lone: City) -> Iterator[Caller]:
    with calling(lone.profile(OWNER), x_sharing_purpose=PURPOSE) as caller:
        yield caller


@contextmanager
def other_policy(running: tuple[City, Gateway, Policy]) -> Iterator[None]:
    _, gateway, policy = running
    policy.become(policy.strict, gateway=gateway)
    yield
    policy.become(policy.usual, gateway=gateway)


def bound(owner: Caller, sql: str = BY_KIND, *values: object) -> bytes:
    handle: bytes = owner.prepare(sql).prepared_statement_handle
    owner.bind(handle, row(*values or ("food",)))
    return handle


def test_a_run_is_decided_under_the_policy_of_its_moment(
    running: tuple[City, Gateway, Policy], lone: City, owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prepared, bound, even with a ticket in hand under one revision: denied under the next, allowed under the first again.

    The twin at the end runs with the decision of before, so it is the new one that denies.
    """
    path, handle = running[1].path, bound(owner)
    ticket = owner.prepared_info(handle).endpoints[0].ticket
    before = path.plan(
        LICENCES + " WHERE licence_kind = 'food'",
        requester=path.authenticate(f"Bearer {lone.profile(OWNER).token}"),
        context=RequestContext(purpose=PURPOSE, case="", channel="flight_sql", time=int(time.time())),
    ).decision
    with other_policy(running):
        assert outcome(lambda: owner.fetch(ticket)) == "PURPOSE_REVOKED"
        assert outcome(lambda: owner.execute(handle)) == "PURPOSE_REVOKED"
        assert outcome(lambda: owner.prepare(BY_KIND)) == "PURPOSE_REVOKED"
        denials = lone.entries(kind="denial", requester=OWNER)[-3:]
        with monkeypatch.context() as forgetful:
            forgetful.setattr(type(path), "_decide", lambda self, resolved, **_: before)
            assert outcome(lambda: owner.execute(handle)) == ALLOWED
    assert {denial["body"]["policy_revision"] for denial in denials} == {running[2].strict.revision}
    assert outcome(lambda: owner.execute(handle)) == ALLOWED


def test_a_statement_does_not_outlive_the_right(lone: City, owner: Caller) -> None:
    """A revoked requester binds and runs nothing; the statement is there again when the access is."""
    handle = bound(owner)
    revoke_access(lone, "REQUESTER", OWNER)
    assert outcome(lambda: owner.execute(handle)) == "REQUESTER_REVOKED"
    assert outcome(lambda: owner.prepare(BY_KIND)) == "REQUESTER_REVOKED"
    restore_access(lone, "REQUESTER", OWNER)
    assert outcome(lambda: owner.execute(handle)) == ALLOWED


def uses(caller: Caller, handle: bytes) -> list[str]:
    command = flight_sql_pb2.CommandPreparedStatementQuery(prepared_statement_handle=handle)
    calls: list[Callable[[], object]] = [
        lambda: caller.bind(handle, row("smuggled")),
        lambda: caller.prepared_info(handle),
        lambda: caller.schema(command),
    ]
    return [outcome(call) for call in calls]


def test_a_stolen_statement_is_refused(lone: City, owner: Caller) -> None:
    """Binding, running and describing somebody else's; closing it changes nothing for its owner."""
    handle = bound(owner)
    with calling(lone.profile(THIEF), x_sharing_purpose=PURPOSE) as thief:
        assert uses(thief, handle) == [REFUSED] * 3
        assert last_failure(lone, THIEF) == REFUSED
        request = flight_sql_pb2.ActionClosePreparedStatementRequest(prepared_statement_handle=handle)
        thief.act("ClosePreparedStatement", pack(request))
    assert outcome(lambda: owner.execute(handle)) == ALLOWED
    owner.act("ClosePreparedStatement", pack(request))
    assert uses(owner, handle) == [REFUSED] * 3


def test_twin_without_the_check_a_stolen_statement_runs(
    lone: City, owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the comparison of requesters that refuses it."""
    handle = bound(owner)
    monkeypatch.setattr(handles, "_as_decided", lambda requester: None)
    with calling(lone.profile(THIEF), x_sharing_purpose=PURPOSE) as thief:
        assert uses(thief, handle) == [""] * 3


@pytest.mark.parametrize(
    "value",
    ["' OR '1'='1", "food'; DROP TABLE licence; --", "food\0", "fo\u200bod", "x" * 70_000, float("nan"), float("inf")],
    ids=["quotes", "comment", "NUL", "zero width", "huge", "NaN", "infinite"],
)
def test_values_are_values(lone: City, owner: Caller, value: object) -> None:
    """They run as one literal, or are refused; nothing of them stands in the log."""
    handle = owner.prepare(BY_KIND).prepared_statement_handle
    ended = outcome(lambda: owner.execute(handle, value))
    assert ended in (ALLOWED, "QUERY_NOT_SUPPORTED", "QUERY_TOO_COMPLEX", "PARAMETERS_INVALID")
    if ended == ALLOWED:
        intent = lone.entries(kind="intent", requester=OWNER)[-1]["body"]
        assert intent["sql"].endswith('"licence_kind" = ?')


@pytest.mark.parametrize(
    "values",
    [
        pa.table({"a": ["food", "fire"]}),
        pa.table({"a": ["food"], "b": ["fire"]}),
        pa.table({"a": pa.array([], pa.string())}),
        pa.table({"a": [["food", "fire"]]}),
        pa.table({"a": [{"x": 1}]}),
        pa.table({"a": [b"food"]}),
        pa.table({}),
    ],
    ids=["rows", "columns", "no row", "array", "struct", "bytes", "nothing"],
)
def test_what_is_not_one_row_of_values_is_refused(lone: City, owner: Caller, values: pa.Table) -> None:
    """And recorded; what was bound before stays bound."""
    handle = bound(owner)
    assert outcome(lambda: owner.bind(handle, values)) == "PARAMETERS_INVALID"
    assert last_failure(lone, OWNER) == "PARAMETERS_INVALID"
    assert outcome(lambda: owner.execute(handle)) == ALLOWED


def people(lone: City) -> list[str]:
    """Return the tokens of people whom the newest denial names."""
    (dataset,) = lone.entries(kind="denial", requester=OWNER)[-1]["body"]["datasets"]
    return list(dataset["people"])


def test_look_ups_by_parameter_count(lone: City) -> None:
    """Two people are too many whether written or bound; of one, the consent is asked for when the person is known."""
    sign_agreement(lone, "residents", controller="public_security", dataset="population.resident", purpose=WINDOW)
    with calling(lone.profile(OWNER), x_sharing_purpose=WINDOW) as clerk:
        assert outcome(lambda: clerk.prepare(RESIDENTS.format("?, ?"))) == "LOOKUP_TOO_MANY"
        assert people(lone) == []
        handle = clerk.prepare(RESIDENTS.format("?")).prepared_statement_handle
        assert outcome(lambda: clerk.execute(handle, "11010519491231002X")) == "CONSENT_MISSING"
    assert len(people(lone)) == 1


def test_a_flood_of_statements_is_bounded(lone: City, owner: Caller) -> None:
    """One requester keeps a bounded number; others go on, and closing makes room."""
    with calling(lone.profile(THIEF), x_sharing_purpose=PURPOSE) as flooder:
        held: list[bytes] = []
        while not (ended := outcome(lambda: held.append(flooder.prepare(LICENCES).prepared_statement_handle))):
            assert len(held) <= STATEMENTS_PER_REQUESTER_MAX
        assert ended == "BUSY"
        assert owner.prepare(LICENCES)
        for handle in held:
            request = flight_sql_pb2.ActionClosePreparedStatementRequest(prepared_statement_handle=handle)
            flooder.act("ClosePreparedStatement", pack(request))
        assert flooder.prepare(LICENCES)


@pytest.mark.parametrize("name", ["CommandStatementUpdate", "CommandPreparedStatementUpdate", "CommandStatementIngest"])
def test_what_writes_is_refused_and_recorded(lone: City, owner: Caller, name: str) -> None:
    """Whichever command says it."""
    stub_type = flight_sql_pb2.DESCRIPTOR.package + "." + name
    command = b"\x0a" + bytes([len(stub_type) + 20]) + b"type.googleapis.com/" + stub_type.encode()
    with grpc.insecure_channel(lone.profile(OWNER).endpoint.removeprefix("grpc://")) as channel:
        stub = flight_pb2_grpc.FlightServiceStub(channel)
        descriptor = flight_pb2.FlightDescriptor(type=flight_pb2.FlightDescriptor.CMD, cmd=command)
        headers = [("authorization", f"Bearer {lone.profile(OWNER).token}")]
        for call in (
            lambda: stub.GetFlightInfo(descriptor, metadata=headers),
            lambda: list(stub.DoPut(iter([flight_pb2.FlightData(flight_descriptor=descriptor)]), metadata=headers)),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                call()
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert last_failure(lone, OWNER) == "QUERY_NOT_READ_ONLY"


@contextmanager
def silent_binds(lone: City, *, count: int) -> Iterator[Sequence[grpc.Call]]:
    """Calls of the owner's that bind values and never send them."""
    never = threading.Event()

    def values() -> Iterator[flight_pb2.FlightData]:
        never.wait(60)
        yield flight_pb2.FlightData()

    with grpc.insecure_channel(lone.profile(OWNER).endpoint.removeprefix("grpc://")) as channel:
        stub = flight_pb2_grpc.FlightServiceStub(channel)
        headers = (("authorization", f"Bearer {lone.profile(OWNER).token}"),)
        try:
            yield [stub.DoPut(values(), metadata=headers, timeout=50) for _ in range(count)]
        finally:
            never.set()


def test_a_client_that_never_sends_its_values_is_cut_off(
    lone: City, owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds a thread for seconds, is told why in both languages, and leaves nothing behind."""
    handle = owner.prepare(BY_KIND).prepared_statement_handle
    with monkeypatch.context() as hurried:
        hurried.setattr(door, "BIND_SECONDS_MAX", 0.2)
        for _ in range(door.BINDS_MAX + 1):
            with silent_binds(lone, count=1) as (call,):
                assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
                assert "值未在 0.2 秒内送达" in call.details()
                assert "did not arrive within 0.2 s" in call.details()
    assert last_failure(lone, OWNER) == "PARAMETERS_INVALID"
    assert outcome(lambda: owner.bind(handle, row("food"))) == ""


def test_silent_binds_of_one_requester_leave_others_theirs(
    lone: City, owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The requester is told to wait; somebody else binds. In the twin the requester takes them all."""
    monkeypatch.setattr(door, "BIND_SECONDS_MAX", 60)
    handle = owner.prepare(BY_KIND).prepared_statement_handle
    with calling(lone.profile(THIEF), x_sharing_purpose=PURPOSE) as other:
        others = other.prepare(BY_KIND).prepared_statement_handle
        with silent_binds(lone, count=door.BINDS_MAX) as calls:
            deadline = time.monotonic() + 120
            while sum(call.is_active() for call in calls) > door.REQUESTER_BINDS_MAX:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert outcome(lambda: owner.bind(handle, row("food"))) == "BUSY"
            assert outcome(lambda: other.bind(others, row("food"))) == ""
            monkeypatch.setattr(turns.Turns, "take", lambda self, owner: nullcontext())
            assert outcome(lambda: owner.bind(handle, row("food"))) == ""
