"""What a connector writes into the department's own log, and what the gateway's auditors can ask of it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.vocabulary import ColumnAction, IdentifierKind, Mask
from connectors.sdk import grant_log
from connectors.sdk.config import ParquetSettings
from connectors.sdk.enforce import plan_scan
from connectors.sdk.grant import GrantColumn, LookupKeys, sign_grant
from connectors.sdk.grant_log import GRANTED, INQUIRY, REFUSED, SERVED, SUBJECTS, FoundSubject
from connectors.sdk.inquiry import Inquiry, sign_inquiry
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.source import Source
from connectors.sdk.subject_sets import subject_columns
from connectors.sdk.tlog.entry import Entry, decode_entry
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.pending import LogUnavailable, Pending
from connectors.sdk.tlog.reading import read_entries
from connectors.sdk.tlog.tombstone import live_segments
from connectors.sources.opening import open_source
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from tests.unit.connectors.conftest import DATASET, ROWS, make_dataset, mapped
from tests.unit.connectors.sdk.serving import (
    KEY,
    NOW,
    SEES_ALL,
    BrokenSource,
    call,
    grant,
    open_grant_log,
    refusal,
    serving,
    signed,
)

PEOPLE = make_dataset(
    *(c.model_copy(update={"identifier": IdentifierKind.RESIDENT_ID}) if c.name == "id" else c for c in DATASET.columns)
)
EVERY_KIND = frozenset({GRANTED, SUBJECTS, SERVED, REFUSED, INQUIRY})
DIVISION = (GrantColumn(name="division", action=ColumnAction.GENERALISE, mask=Mask.DIVISION_TOWNSHIP),)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """`ROWS`, whose `id` identifies a person."""
    folder = tmp_path_factory.mktemp("people")
    pq.write_table(pa.Table.from_batches([ROWS]), folder / "t.parquet")
    return open_source(ParquetSettings(kind="parquet", path=folder), tables=mapped(PEOPLE, table="t"))


@pytest.fixture
def grants(tmp_path: Path) -> Path:
    """Folder of the department's log."""
    return tmp_path / "grants"


@pytest.fixture
def channel(people: Source, grants: Path) -> Iterator[grpc.Channel]:
    """A connector that serves `people` and keeps its log in `grants`."""
    with serving(people, PEOPLE, grants=grants) as address, grpc.insecure_channel(address) as opened:
        yield opened


def inquiry(**changes: Any) -> Inquiry:
    complete = Inquiry(inquiry_id=os.urandom(8).hex(), audience="testing", issued_at=NOW - 1, expires_at=NOW + 60)
    return replace(complete, **changes)


def about(value: str, **changes: Any) -> Inquiry:
    return inquiry(identifier="resident_id", value=value, **changes)


def read(channel: grpc.Channel, question: Inquiry, *, key: Ed25519PrivateKey = KEY) -> list[Entry]:
    request = connector_pb2.ReadGrantLogRequest(inquiry=sign_inquiry(question, key=key, key_id="k1"))
    answers = connector_pb2_grpc.ConnectorServiceStub(channel).ReadGrantLog(request, timeout=200)
    return [decode_entry(answer.leaf) for answer in answers]


def find(channel: grpc.Channel, question: Inquiry, *, key: Ed25519PrivateKey = KEY) -> list[tuple[str, str]]:
    """Return the grants that certainly hold the data subject."""
    request = connector_pb2.FindSubjectRequest(inquiry=sign_inquiry(question, key=key, key_id="k1"))
    answers = connector_pb2_grpc.ConnectorServiceStub(channel).FindSubject(request, timeout=200)
    return [(answer.decision_id, answer.dataset) for answer in answers if answer.certain]


def entries(folder: Path, *kinds: str) -> list[Entry]:
    return list(read_entries(live_segments(folder), kinds=frozenset(kinds) or EVERY_KIND))


def recorded(channel: grpc.Channel, *kinds: str) -> list[Entry]:
    """Return what was recorded so far, by a question: entries before it are durable when it is answered."""
    return [entry for entry in read(channel, inquiry()) if entry.kind in kinds]


def asked(method: Any, channel: grpc.Channel, question: Inquiry, **keywords: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        method(channel, question, **keywords)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    return str(caught.value.details())


def test_a_scan_leaves_what_was_granted_and_what_was_sent(channel: grpc.Channel) -> None:
    """The log says for whom, for what, which columns in which form, and exactly what the end message says."""
    *_, last = call(
        channel, signed(grant(grant_id="g", columns=DIVISION, lookup=LookupKeys(column="id", values=(1, 2))))
    )
    [granted, served] = recorded(channel, GRANTED, SERVED)
    assert granted.body == {
        "grant_id": "g",
        "decision_id": "decision",
        "dataset": "testing.thing",
        "purpose": "elderly-care-visits",
        "recipient": "310101002",
        "columns": [{"name": "division", "action": "generalise", "mask": "division_township"}],
        "lookup_values": 2,
        "rows_max": None,
        "identifiers": ["resident_id"],
    }
    assert served.body == {
        **granted.body,
        "rows": last.end.rows,
        "sha256": last.end.sha256.hex(),
        "complete": True,
    }


def test_a_scan_that_breaks_is_not_called_complete(grants: Path) -> None:
    """A grant whose source fails is closed all the same, and says so."""
    with serving(BrokenSource(), PEOPLE, grants=grants) as address, grpc.insecure_channel(address) as channel:
        refusal(channel, signed(grant()))
        [served] = recorded(channel, SERVED)
    assert (served.body["rows"], served.body["complete"]) == (0, False)


def test_a_refused_grant_leaves_its_reason(channel: grpc.Channel) -> None:
    """What the gateway signed and the department refused stands in the log with the code, and with its ids once they are read."""
    refusal(channel, signed(grant(audience="housing")))
    unknown = grant(columns=(GrantColumn(name="nothing", action=ColumnAction.CLEAR),), grant_id="refused")
    refusal(channel, signed(unknown))
    assert [entry.body for entry in recorded(channel, GRANTED, SERVED, REFUSED)] == [
        {"code": "AUDIENCE"},
        {"code": "COLUMN_UNKNOWN", "grant_id": "refused", "decision_id": "decision", "dataset": "testing.thing"},
    ]


def test_nobody_without_the_gateways_key_can_fill_the_log(channel: grpc.Channel) -> None:
    """Grants with a wrong signature or an unknown key are refused and leave no entry."""
    refusal(channel, sign_grant(grant(), key=Ed25519PrivateKey.generate(), key_id="k1"))
    refusal(channel, sign_grant(grant(), key=KEY, key_id="k2"))
    assert [entry.kind for entry in read(channel, inquiry())] == [INQUIRY]


class FullDisk(OsFiles):
    """Every fsync of a file of the log fails once it is switched on."""

    def __init__(self) -> None:
        self.full = False

    def sync(self, descriptor: int) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        super().sync(descriptor)


def _messages_with_a_full_disk(people: Source, grants: Path) -> list[str]:
    """Return what a scan sends when its grant cannot be recorded; its last element is the status."""
    disk, sent = FullDisk(), []
    with serving(people, PEOPLE, grants=grants, files=disk) as address, grpc.insecure_channel(address) as channel:
        disk.full = True
        try:
            for message in call(channel, signed(grant(row_filter=SEES_ALL))):
                sent.append(message.WhichOneof("payload"))
        except grpc.RpcError as error:
            sent.append(f"{error.code().name} {error.details()}")
    return sent


def test_no_row_leaves_before_its_grant_is_durable(people: Source, grants: Path) -> None:
    """When the department's log cannot be written, not one batch leaves, and the gateway learns why."""
    assert _messages_with_a_full_disk(people, grants) == ["UNAVAILABLE LOG_UNAVAILABLE"]


def test_twin_without_waiting_rows_leave_unrecorded(
    people: Source, grants: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connector that did not wait for its log would send rows that no log has."""
    monkeypatch.setattr(Pending, "wait", lambda self: [])
    assert "record_batch" in _messages_with_a_full_disk(people, grants)


class SlowDisk(OsFiles):
    """After the first commit, a commit waits until it is let go."""

    def __init__(self) -> None:
        self.commits_left: int | None = None
        self.let_go = threading.Event()

    def sync(self, descriptor: int) -> None:
        if self.commits_left is not None:
            if self.commits_left == 0:
                self.let_go.wait()
            self.commits_left -= self.commits_left > 0
        super().sync(descriptor)


def test_a_lookup_waits_for_one_commit_only(people: Source, grants: Path) -> None:
    """The complete answer arrives although the disk never finishes the commit after `granted`."""
    disk = SlowDisk()
    with serving(people, PEOPLE, grants=grants, files=disk) as address, grpc.insecure_channel(address) as channel:
        list(call(channel, signed(grant())))
        assert len(recorded(channel, SERVED)) == 1
        disk.commits_left = 1
        try:
            *_, last = call(channel, signed(grant(lookup=LookupKeys(column="id", values=(1,)), row_filter=SEES_ALL)))
            assert last.end.rows == 1
        finally:
            disk.let_go.set()


def test_whose_rows_left_can_be_asked_though_the_identifier_was_not_sent(channel: grpc.Channel) -> None:
    """A person is found under exactly the decisions for which his or her row left, and nobody else is."""
    inside = ROWS.filter(pa.compute.starts_with(ROWS.column("division"), "310101002")).column("id").to_pylist()
    outside = sorted(set(ROWS.column("id").to_pylist()) - set(inside))
    list(call(channel, signed(grant(columns=DIVISION, decision_id="street"))))
    list(call(channel, signed(grant(columns=DIVISION, decision_id="city", row_filter=SEES_ALL))))
    assert find(channel, about(str(inside[0]))) == [("street", "testing.thing"), ("city", "testing.thing")]
    assert find(channel, about(str(outside[0]))) == [("city", "testing.thing")]
    assert find(channel, about("99999")) == []
    assert find(channel, replace(about(str(inside[0])), identifier="credit_code")) == []


def test_the_log_holds_nobody_that_can_be_read(channel: grpc.Channel, grants: Path) -> None:
    """Neither a looked-up identifier nor the value of a question stands in the log's files; the question itself does."""
    canary = 123_456_789_012_345
    list(call(channel, signed(grant(lookup=LookupKeys(column="id", values=(canary,))))))
    assert find(channel, about(str(canary))) == []
    written = b"".join(path.read_bytes() for path in grants.iterdir())
    assert str(canary).encode() not in written
    [question] = entries(grants, INQUIRY)
    assert (question.body["identifier"], "value" in question.body) == ("resident_id", False)


def test_auditors_read_the_log_of_a_period_without_its_data_subjects(channel: grpc.Channel) -> None:
    """Grants, ends, refusals and questions come in order; sets of data subjects never leave the department."""
    list(call(channel, signed(grant())))
    refusal(channel, signed(grant(audience="housing")))
    found = read(channel, inquiry())
    assert [entry.kind for entry in found] == [GRANTED, SERVED, REFUSED, INQUIRY]
    assert read(channel, inquiry(from_time=NOW + 1)) == []
    assert read(channel, inquiry(until_time=NOW)) == []


def test_a_question_serves_once_and_only_whom_it_was_signed_for(channel: grpc.Channel, grants: Path) -> None:
    """A repeated, foreign, expired or forged question, and one that was signed for the other call, is refused unanswered."""
    once = inquiry()
    read(channel, once)
    before = len(entries(grants))
    assert asked(read, channel, once) == "REPLAYED"
    assert asked(read, channel, inquiry(audience="housing")) == "AUDIENCE"
    assert asked(read, channel, inquiry(issued_at=NOW - 60, expires_at=NOW)) == "EXPIRED"
    assert asked(read, channel, inquiry(), key=Ed25519PrivateKey.generate()) == "SIGNATURE"
    assert asked(read, channel, about("1")) == "MALFORMED"
    assert asked(find, channel, inquiry()) == "MALFORMED"
    assert len(entries(grants)) == before


def test_a_grant_is_no_question(channel: grpc.Channel) -> None:
    """A captured signature of a grant does not open the log, because each is signed in its own context."""
    one = signed(grant())
    request = connector_pb2.ReadGrantLogRequest(
        inquiry=connector_pb2.SignedInquiry(payload=one.payload, signature=one.signature, key_id=one.key_id)
    )
    with pytest.raises(grpc.RpcError) as caught:
        list(connector_pb2_grpc.ConnectorServiceStub(channel).ReadGrantLog(request, timeout=200))
    assert caught.value.details() == "SIGNATURE"


OTHERS = make_dataset(
    *(
        column.model_copy(update={"identifier": IdentifierKind.CREDIT_CODE if column.name == "label" else None})
        if column.name != "id"
        else column.model_copy(update={"identifier": IdentifierKind.LEASE_ID})
        for column in DATASET.columns
    )
)
"""A row is a lease, and `label` is an entity that is party to it."""


@pytest.mark.parametrize(
    ("changes", "collected"),
    [
        ({"columns": (GrantColumn(name="label", action=ColumnAction.CLEAR),)}, True),
        ({"columns": (GrantColumn(name="label", action=ColumnAction.PSEUDONYM),)}, True),
        ({"lookup": LookupKeys(column="label", values=("a",))}, True),
        ({"pushed_filter": Predicate(op=PredicateOp.EQ, column="label", values=("a",))}, True),
        ({"row_filter": Predicate(op=PredicateOp.EQ, column="label", values=("a",))}, True),
        ({"columns": (GrantColumn(name="label", action=ColumnAction.NULL),)}, False),
        ({}, False),
    ],
)
def test_people_who_are_not_the_entity_key_count_where_the_grant_tells_of_them(
    changes: dict[str, Any], collected: bool
) -> None:
    """Whoever stands in another column is collected when that is released in any form but nulls, or bound; else not even read."""
    one = replace(grant(columns=DIVISION), **changes)
    expected = {"id": IdentifierKind.LEASE_ID} | ({"label": IdentifierKind.CREDIT_CODE} if collected else {})
    assert subject_columns(one, dataset=OTHERS) == expected
    assert ("label" in plan_scan(one, dataset=OTHERS, ceiling={}).columns) == collected


def test_a_party_of_a_lease_is_found_by_its_own_kind_of_identifier(tmp_path: Path) -> None:
    """The set of another column is asked under that column's identifier, and the entity key's under its own."""
    log = open_grant_log(tmp_path)
    one = grant(columns=(GrantColumn(name="label", action=ColumnAction.PARTIAL, mask=Mask.NAME),))
    rows = pa.record_batch({"id": pa.array([7]), "label": pa.array(["91310000MA1FL0XX2A"])})
    with contextlib.closing(log):
        served = log.granted(one, dataset=OTHERS)
        served.sending(rows)
        served.close(rows=1, sha256=bytes(32), complete=True)
        found = FoundSubject(decision_id="decision", dataset="testing.thing", certain=True)
        assert list(log.find(inquiry(identifier="credit_code", value="91310000ma1fl0xx2a"))) == [found]
        assert list(log.find(inquiry(identifier="lease_id", value="7"))) == [found]
        assert list(log.find(inquiry(identifier="credit_code", value="7"))) == []


def _killed_while_sending(folder: Path) -> None:
    """Send two batches in another process, which is killed before the end."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_send_and_die, args=(folder,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _send_and_die(folder: Path) -> None:
    served = open_grant_log(folder).granted(grant(columns=DIVISION), dataset=PEOPLE)
    served.sending(pa.record_batch({"id": pa.array([1, 2])}))
    served.sending(pa.record_batch({"id": pa.array([3, 4])}))
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_connector_killed_in_the_middle_of_a_scan_still_knows_who_may_be_concerned(tmp_path: Path) -> None:
    """The first batch's people are certain; everybody else may have left; another kind of identifier cannot have."""
    _killed_while_sending(tmp_path)
    with contextlib.closing(open_grant_log(tmp_path)) as log:
        assert [found.certain for found in log.find(about("2"))] == [True]
        assert [found.certain for found in log.find(about("3"))] == [False]
        assert [found.certain for found in log.find(about("99"))] == [False]
        assert list(log.find(inquiry(identifier="credit_code", value="3"))) == []


def test_twin_without_looking_for_ends_a_killed_connector_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search of the sets alone would tell those of the second batch that nothing of theirs left."""
    _killed_while_sending(tmp_path)
    with contextlib.closing(open_grant_log(tmp_path)) as log:
        monkeypatch.setattr(grant_log, "GRANTED", "no_such_kind")
        assert list(log.find(about("3"))) == []


def test_the_people_of_the_last_batches_are_durable_before_the_end_message(grants: Path) -> None:
    """When the disk fails after the first batch, no end message is sent, so the gateway does not count the scan as complete."""
    disk = FullDisk()
    log = open_grant_log(grants, files=disk)
    served = log.granted(grant(columns=DIVISION), dataset=PEOPLE)
    served.sending(pa.record_batch({"id": pa.array([1, 2])}))
    served.sending(pa.record_batch({"id": pa.array([3, 4])}))
    disk.full = True
    with pytest.raises(LogUnavailable):
        served.close(rows=4, sha256=bytes(32), complete=True)
    log.close()
