"""What waits for one requester is nobody else's, stands nowhere in the clear, and is destroyed when it is not allowed any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.store import Part
from gateway.client import Denied, InvalidRequest, RequestError, Unavailable, request_errors
from gateway.client.files.formats import FileProblem
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb
from tests.governing import restore_access, revoke_access
from tests.subscribing import ADMINISTRATOR, CLERK, OTHER_CLERK, PURPOSE, SQL, Subscribing, rows_of, subscribing

CODE, CANARY = "310101002001000101", "白鸽路七弄四号"


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, new_postgresql_database: Callable[[], str]
) -> Iterator[Subscribing]:
    with subscribing(tmp_path_factory.mktemp("attacked"), database_url=new_postgresql_database()) as office:
        office.dwell(CODE, address=CANARY)
        yield office


def spool(office: Subscribing) -> Path:
    return office.city.data / "subscriptions"


def test_another_requester_neither_sees_nor_pulls_nor_ends_it(office: Subscribing, tmp_path: Path):
    """Somebody else's subscription is refused like one that does not exist; the twin, whose it is, is served."""
    id, path = office.subscribe(), tmp_path / "dwellings.parquet"
    run = office.shown(id).runs[0].id
    assert office.shown(id, who=OTHER_CLERK) is None
    with office.subscriptions(OTHER_CLERK) as thief:
        acknowledgement = pb.AcknowledgeRunRequest(subscription=id, run=run)
        deeds: list[Callable[[], object]] = [
            lambda: thief.pull(id, path=path),
            lambda: thief.stop(id),
            lambda: thief.pull("no-such-id", path=path),
        ]
        refusals = []
        for deed in deeds:
            with pytest.raises(InvalidRequest) as refused:
                deed()
            refusals.append(refused.value.reasons[0].texts["message_en"].replace(id, "no-such-id"))
        assert len(set(refusals)) == 1
        with pytest.raises(InvalidRequest, match="you have no subscription"), request_errors():
            thief._stub.AcknowledgeRun(acknowledgement, metadata=thief._connection.headers())
    assert office.pull(id, path) is not None
    assert rows_of(path) == office.truth()


def test_an_administrator_sees_and_stops_but_never_gets_the_data(office: Subscribing, tmp_path: Path):
    """Who looks after the gateway sees the query without its literals and may end it; the result is not theirs."""
    id = office.subscribe(sql=f"{SQL} WHERE floors_total < 77")
    assert "77" in office.shown(id).sql
    assert "77" not in office.shown(id, who=ADMINISTRATOR).sql
    with pytest.raises(Denied, match="ROLE_MISSING"):
        office.pull(id, tmp_path / "dwellings.parquet", who=ADMINISTRATOR)
    with office.subscriptions(ADMINISTRATOR) as administrator:
        administrator.stop(id)
    assert office.shown(id).stopped_at > 0
    assert office.pull(id, tmp_path / "dwellings.parquet") is None


def test_nothing_that_waits_stands_in_the_clear(office: Subscribing, tmp_path: Path):
    """Neither files nor database hold a value of the result or a literal of the query; the twin, the pulled file, does."""
    id, path = office.subscribe("dwelling_code", sql=f"{SQL} WHERE floors_total < 78"), tmp_path / "dwellings.parquet"
    waiting = list(spool(office).iterdir())
    assert {file.suffix for file in waiting} >= {".result", ".hashes"}
    kept = b"".join(file.read_bytes() for file in (*waiting, *office.city.data.glob("registry.db*")))
    for secret in (CANARY, CODE, "< 78"):
        assert secret.encode() not in kept
    office.pull(id, path)
    assert rows_of(path) == office.truth()
    assert not list(spool(office).glob(f"{office.shown(id).runs[0].id}.result"))


def test_a_result_whose_purpose_is_revoked_is_refused_and_destroyed(office: Subscribing, tmp_path: Path):
    """Allowed when it was made, revoked before it is pulled: nothing of it comes, then or later, and the subscription is over."""
    id, path = office.subscribe(), tmp_path / "dwellings.parquet"
    run = office.shown(id).runs[0].id
    assert (spool(office) / f"{run}.result").exists()
    revoke_access(office.city, "PURPOSE", PURPOSE)
    with pytest.raises(Denied, match="PURPOSE_REVOKED"):
        office.pull(id, path)
    restore_access(office.city, "PURPOSE", PURPOSE)
    assert not (spool(office) / f"{run}.result").exists()
    assert office.pull(id, path) is None
    assert not path.exists()
    shown = office.shown(id)
    assert (shown.runs[0].state, shown.stopped_at > 0) == (pb.RUN_STATE_DENIED, True)
    assert office.actions()[-2:] == ["subscription_destroy", "subscription_stop"]


def test_a_result_decided_otherwise_now_is_destroyed_but_the_subscription_goes_on(office: Subscribing, tmp_path: Path):
    """What waits was made under other terms than now: it is not given out; the next run is made under the new ones."""
    id, path = office.subscribe(), tmp_path / "dwellings.parquet"
    with office.gateway.registers.store.change(Part.SUBSCRIPTIONS) as (connection, _):
        connection.exec_driver_sql("UPDATE subscription_runs SET terms = 'other' WHERE state = 'ready'")
    with pytest.raises(Denied, match="ACCESS_REVOKED"):
        office.pull(id, path)
    office.an_hour_passes()
    assert office.pull(id, path) is not None
    assert rows_of(path) == office.truth()


def test_a_revoked_requester_gets_no_run_any_more(office: Subscribing):
    """The gateway acts as nobody whose access is revoked: the run is denied, recorded, and the subscription is over."""
    id = office.subscribe()
    revoke_access(office.city, "REQUESTER", CLERK)
    office.an_hour_passes()
    restore_access(office.city, "REQUESTER", CLERK)
    shown = office.shown(id)
    assert (shown.runs[0].state, shown.runs[0].reason) == (pb.RUN_STATE_DENIED, "REQUESTER_REVOKED")
    assert shown.stopped_at > 0
    denials = [entry["body"] for entry in office.city.entries(kind="denial", requester=CLERK)]
    assert ("subscription", f"subscription:{id}") in [(one["channel"], one["requester"]["token_id"]) for one in denials]


def test_an_expired_result_is_destroyed(office: Subscribing, tmp_path: Path):
    """What nobody pulls by the end of its retention is destroyed, also when no run takes its place."""
    id = office.subscribe()
    with office.gateway.registers.store.change(Part.SUBSCRIPTIONS) as (connection, _):
        connection.exec_driver_sql("UPDATE subscription_runs SET expires_at = 1 WHERE state = 'ready'")
    assert office.pull(id, tmp_path / "dwellings.parquet") is None
    shown = office.shown(id)
    assert shown.runs[0].state == pb.RUN_STATE_EXPIRED
    assert not (spool(office) / f"{shown.runs[0].id}.result").exists()


def test_a_damaged_result_is_never_taken_for_the_whole(office: Subscribing, tmp_path: Path):
    """A file that was cut ends the pull with an error, and nothing stands under the final name."""
    id, path = office.subscribe(), tmp_path / "dwellings.parquet"
    file = spool(office) / f"{office.shown(id).runs[0].id}.result"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(Unavailable, match="RUN_LOST"):
        office.pull(id, path)
    assert list(tmp_path.iterdir()) == []


def test_changes_are_applied_to_the_dataset_they_build_on_only(office: Subscribing, tmp_path: Path):
    """Another subscription's file, a file of something else, and none at all are refused and left as they are."""
    path, other = tmp_path / "dwellings.parquet", tmp_path / "other.parquet"
    id, other_id = office.subscribe("dwelling_code"), office.subscribe("dwelling_code")
    office.pull(id, path)
    office.pull(other_id, other)
    office.an_hour_passes()
    (tmp_path / "text.parquet").write_text("not a dataset")
    for wrong in (other, tmp_path / "text.parquet", tmp_path / "missing.parquet", tmp_path / "table.csv"):
        before = wrong.read_bytes() if wrong.exists() else None
        with pytest.raises(FileProblem):
            office.pull(id, wrong)
        assert (wrong.read_bytes() if wrong.exists() else None) == before
    assert office.pull(id, path) is not None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sql": "DELETE FROM housing.dwelling"}, "QUERY_NOT_READ_ONLY"),
        ({"sql": "SELECT owner_resident_id FROM housing.dwelling"}, "NOT_AVAILABLE"),
        ({"cycle": pb.CYCLE_UNSPECIFIED}, "GOVERNANCE_REFUSED"),
        ({"minute_of_day": 1_440}, "GOVERNANCE_REFUSED"),
        ({"minute_of_day": -1}, "GOVERNANCE_REFUSED"),
        ({"key_columns": ["nowhere"]}, "SUBSCRIPTION_KEY_INVALID"),
        ({"key_columns": ["floors_total"] * 2}, "SUBSCRIPTION_KEY_INVALID"),
    ],
)
def test_what_cannot_be_had_cannot_be_subscribed_to(office: Subscribing, changes: dict[str, object], why: str):
    """A subscription is decided when it is made, as a query is; schedules and keys that make no sense are refused."""
    content: dict[str, object] = {"sql": SQL, "cycle": pb.CYCLE_HOURLY, **changes}
    with office.subscriptions() as subscriptions, pytest.raises(RequestError, match=why):
        subscriptions.create(pb.CreateSubscriptionRequest(**content), purpose=PURPOSE, case="")


def test_keys_that_repeat_make_the_run_fail_and_say_why(office: Subscribing):
    """A key that does not tell rows apart is found when the rows are there: the run fails, and nothing of it waits."""
    office.dwell("310101002001000199", floors_total=5)
    id = office.subscribe("floors_total")
    office.database.execute("DELETE FROM dwelling WHERE dwelling_code = '310101002001000199'")
    run = office.shown(id).runs[0]
    assert (run.state, run.reason) == (pb.RUN_STATE_FAILED, "SUBSCRIPTION_KEY_INVALID")
    assert not list(spool(office).glob(f"{run.id}.*"))
