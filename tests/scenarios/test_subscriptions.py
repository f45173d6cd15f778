"""A street office keeps its list of dwellings up to date by subscription, from the department's own PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gateway.doors.cli.user_folder import local_datasets
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb
from tests.governing import restore_access, revoke_access
from tests.lone_gateway import command_line
from tests.subscribing import CLERK, PURPOSE, SQL, Subscribing, rows_of, subscribing

CODES = [f"3101010020010001{number:02}" for number in range(6)]


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, new_postgresql_database: Callable[[], str]
) -> Iterator[Subscribing]:
    with subscribing(tmp_path_factory.mktemp("office"), database_url=new_postgresql_database()) as office:
        for code in CODES[:4]:
            office.dwell(code)
        yield office


def test_an_incremental_dataset_follows_the_departments_database(office: Subscribing, tmp_path: Path):
    """After inserts, changes and deletes only those rows come, and the dataset equals the department's table; then it stops."""
    path = tmp_path / "dwellings.parquet"
    id = office.subscribe("dwelling_code")
    first = office.pull(id, path)
    assert first is not None
    assert (first.changed, first.rows, first.run.builds_on) == (4, 4, "")
    assert rows_of(path) == office.truth()

    office.dwell(CODES[4], floors_total=7)
    office.database.execute("UPDATE dwelling SET floors_total = 6 WHERE dwelling_code = %s", [CODES[1]])
    office.database.execute("DELETE FROM dwelling WHERE dwelling_code = %s", [CODES[3]])
    office.an_hour_passes()
    second = office.pull(id, path)
    assert second is not None
    assert (second.changed, second.rows, second.run.builds_on) == (3, 4, first.run.id)
    assert rows_of(path) == office.truth()
    assert second.entries == (first.run.entry, second.run.entry)

    office.an_hour_passes()
    nothing_new = office.pull(id, path)
    assert nothing_new is not None
    assert (nothing_new.changed, rows_of(path)) == (0, office.truth())
    receipts = [
        entry["body"] for entry in office.city.entries(kind="receipt") if entry["body"]["channel"] == "subscription"
    ]
    assert [(receipt["outcome"], receipt["sent"]["rows"]) for receipt in receipts[-3:]] == [
        ("delivered", 4),
        ("delivered", 3),
        ("delivered", 0),
    ]

    revoke_access(office.city, "PURPOSE", PURPOSE)
    office.an_hour_passes()
    stopped = office.shown(id)
    restore_access(office.city, "PURPOSE", PURPOSE)
    assert stopped is not None
    assert (stopped.runs[0].state, stopped.runs[0].reason) == (pb.RUN_STATE_DENIED, "PURPOSE_REVOKED")
    assert stopped.stopped_at > 0
    assert stopped.stopped_because.en
    assert office.pull(id, path) is None
    office.an_hour_passes()
    assert len(office.shown(id).runs) == 4
    assert office.actions()[-1] == "subscription_stop"


def test_a_dataset_names_the_deliveries_it_is_still_made_of(office: Subscribing, tmp_path: Path):
    """An entry whose rows have all been replaced or deleted is named no longer; every row says under which one it came."""
    path = tmp_path / "dwellings.parquet"
    id = office.subscribe("dwelling_code")
    first = office.pull(id, path)
    office.database.execute("UPDATE dwelling SET floors_total = floors_total + 1 WHERE dwelling_code = %s", [CODES[0]])
    office.an_hour_passes()
    second = office.pull(id, path)
    assert first is not None
    assert second is not None
    assert second.entries == (first.run.entry, second.run.entry)
    named = zip(*pq.read_table(path, columns=["dwelling_code", "sharing_entry"]).to_pydict().values(), strict=True)
    assert {code for code, entry in named if entry == second.run.entry} == {CODES[0]}
    office.database.execute("UPDATE dwelling SET floors_total = floors_total + 1")
    office.an_hour_passes()
    third = office.pull(id, path)
    assert third is not None
    assert third.entries == (third.run.entry,)
    assert rows_of(path) == office.truth()


def test_changes_that_were_not_received_come_with_the_next_run(office: Subscribing, tmp_path: Path):
    """A run that nobody pulled is destroyed, and its changes are in the next one, which builds on what the office holds."""
    path = tmp_path / "dwellings.parquet"
    id = office.subscribe("dwelling_code")
    assert office.pull(id, path) is not None
    office.database.execute("UPDATE dwelling SET floors_total = 9 WHERE dwelling_code = %s", [CODES[0]])
    office.an_hour_passes()
    office.database.execute("UPDATE dwelling SET floors_total = 8 WHERE dwelling_code = %s", [CODES[2]])
    office.an_hour_passes()
    pulled = office.pull(id, path)
    assert pulled is not None
    assert (pulled.changed, rows_of(path)) == (2, office.truth())
    states = [run.state for run in office.shown(id).runs]
    assert states == [pb.RUN_STATE_ACKNOWLEDGED, pb.RUN_STATE_DISCARDED, pb.RUN_STATE_ACKNOWLEDGED]


def test_a_run_applied_but_not_acknowledged_is_applied_again(office: Subscribing, tmp_path: Path):
    """A machine that fails between writing and acknowledging pulls the same run again, to the same effect."""
    path, copy = tmp_path / "dwellings.parquet", tmp_path / "copy.parquet"
    id = office.subscribe("dwelling_code")
    office.pull(id, path)
    copy.write_bytes(path.read_bytes())
    office.database.execute("UPDATE dwelling SET floors_total = 3 WHERE dwelling_code = %s", [CODES[0]])
    office.an_hour_passes()
    with office.subscriptions() as subscriptions:
        call = subscriptions._stub.PullRun  # what a client does that is killed before it acknowledges
        list(call(pb.PullRunRequest(subscription=id), metadata=subscriptions._connection.headers()))
    assert office.pull(id, path).changed == 1
    assert office.pull(id, path) is None
    assert rows_of(path) == office.truth()


def test_a_whole_dataset_comes_as_it_was_delivered(office: Subscribing, tmp_path: Path):
    """Without key columns every run is the whole result, and the file proves by its receipt what was delivered."""
    path = tmp_path / "dwellings.parquet"
    id = office.subscribe()
    pulled = office.pull(id, path)
    assert (pulled.changed, rows_of(path)) == (len(office.truth()), office.truth())
    metadata = pq.read_metadata(path).metadata
    assert json.loads(metadata[b"sharing.receipt"])["entry"] == pulled.run.entry
    assert b"sharing.treatment" in pq.read_schema(path).metadata


def test_what_fails_is_tried_again_and_the_dataset_stays(office: Subscribing, tmp_path: Path):
    """A department that is down makes one run fail; the next one is delivered."""
    path = tmp_path / "dwellings.parquet"
    id = office.subscribe("dwelling_code")
    office.pull(id, path)
    office.database.execute("ALTER TABLE dwelling RENAME TO away")
    office.an_hour_passes()
    office.database.execute("ALTER TABLE away RENAME TO dwelling")
    assert office.shown(id).runs[0].state == pb.RUN_STATE_FAILED
    assert office.pull(id, path) is None
    office.an_hour_passes()
    assert office.pull(id, path).changed == 0


def test_subscriptions_by_command_line(office: Subscribing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A clerk creates, lists, pulls and stops a subscription; what was received is in the list of local datasets."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "dwellings.parquet"

    def run(*arguments: str) -> str:
        ended = command_line(office.city, "subscription", *arguments, "--language", "en", who=CLERK)
        assert ended.exit_code == 0, ended.output
        return ended.output

    created = run("create", SQL, "--purpose", PURPOSE, "--every", "daily", "--at", "06:30", "--key", "dwelling_code")
    id = created.split()[2].rstrip(":")
    assert "nothing waits" in run("pull", id, "--output", str(path))
    office.runs_done()
    assert "ready to pull" in run("list")
    assert f"{len(office.truth())} rows" in run("pull", id, "--output", str(path))
    assert rows_of(path) == office.truth()
    shown = run("show", id)
    assert "daily 06:30" in shown
    assert "received" in shown
    (local,) = local_datasets().datasets()
    assert (local.path, local.rows, local.request.purpose) == (path, len(office.truth()), PURPOSE)
    assert local.expires_at == office.shown(id).runs[0].expires_at
    run("stop", id)
    assert "stopped by nanjing-east-road" in run("show", id)
