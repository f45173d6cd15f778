"""Profiling on schedule."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.quality import ColumnQuality, Quality, QualityRegister
from catalog.registry import NotServed, Serving
from catalog.store import RegistryUnavailable, StoreWatch, open_store
from connectors.sdk.inquiry import Topic, verify_inquiry
from gateway.quality import QualitySchedule
from gateway.scan import CLOCK_SECONDS_MAX, ConnectorChannels, GrantIssuer
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from tests.fakes.directory import FixedDirectory, instance

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
RESIDENT, PERIOD, START = "population.resident", 3_600, 1_800_000_000


class Connector(connector_pb2_grpc.ConnectorServiceServicer):
    """Answers with the numbers that a test sets, and takes down for what it was asked."""

    def __init__(self) -> None:
        self.profile = connector_pb2.ProfileResponse(rows=1)
        self.asked: list[str] = []
        self.fails: grpc.StatusCode | None = None

    def Profile(
        self, request: connector_pb2.ProfileRequest, context: grpc.ServicerContext
    ) -> connector_pb2.ProfileResponse:
        keys = {"gateway": KEY.public_key()}
        inquiry = verify_inquiry(
            request.inquiry, keys=keys, audience="public_security", about=Topic.DATASET, now=START + 10 * PERIOD
        )
        self.asked.append(inquiry.dataset)
        if self.fails:
            context.abort(self.fails, "SCHEMA_DRIFT")
        return self.profile


@pytest.fixture
def catalogue() -> Catalogue:
    found = load_catalogue()
    return dataclasses.replace(found, datasets={RESIDENT: found.datasets[RESIDENT]})


@pytest.fixture
def connector() -> Connector:
    return Connector()


@pytest.fixture
def directory(connector: Connector) -> Iterator[FixedDirectory]:
    server = grpc.server(ThreadPoolExecutor(2))
    connector_pb2_grpc.add_ConnectorServiceServicer_to_server(connector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield FixedDirectory(instance("one", endpoint=f"127.0.0.1:{port}"))
    server.stop(0).wait()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreWatch]:
    watch = StoreWatch(open_store(f"sqlite:///{tmp_path}/store.db"))
    yield watch
    watch.close()


@pytest.fixture
def register(store: StoreWatch) -> QualityRegister:
    register = QualityRegister(store)
    store.poll()
    return register


class Clock:
    """Stands still until it is set."""

    now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def schedule(
    catalogue: Catalogue, directory: FixedDirectory, register: QualityRegister, clock: Callable[[], float]
) -> Iterator[QualitySchedule]:
    channels = ConnectorChannels(files=None)
    numbers = iter(range(100))
    grants = GrantIssuer(
        key=KEY,
        key_id="gateway",
        pseudonym_secret=bytes(32),
        clock_seconds=lambda: START + 10 * PERIOD,
        new_id=lambda: str(next(numbers)),
    )
    schedule = QualitySchedule(
        catalogue=catalogue,
        directory=directory,
        channels=channels,
        grants=grants,
        register=register,
        period_seconds=PERIOD,
        clock_seconds=clock,
    )
    yield schedule
    schedule.close()
    channels.close()


def test_each_dataset_is_profiled_once_in_each_period(
    schedule: QualitySchedule, connector: Connector, register: QualityRegister, clock: Clock
) -> None:
    """The numbers are stored with their time, without columns that have nothing to tell."""
    connector.profile = connector_pb2.ProfileResponse(
        rows=10,
        duplicate_keys=2,
        as_of=START - 60,
        columns=[
            connector_pb2.ColumnProfile(name="phone", nulls=3, malformed=1),
            connector_pb2.ColumnProfile(name="name"),
            connector_pb2.ColumnProfile(name="no_such_column", nulls=3),
        ],
    )
    schedule.round()
    schedule.round()
    clock.now += PERIOD - 1
    schedule.round()
    assert connector.asked == [RESIDENT]
    phone = ColumnQuality(name="phone", nulls=3, malformed=1, outside_codes=0)
    assert register.profiles(RESIDENT) == (Quality(at=START, rows=10, duplicate_keys=2, columns=(phone,)),)
    assert register.as_of(RESIDENT) == START - 60
    clock.now += 1
    schedule.round()
    assert connector.asked == [RESIDENT, RESIDENT]


def test_what_is_not_served_is_not_asked_for(
    schedule: QualitySchedule, connector: Connector, directory: FixedDirectory
) -> None:
    """A suspended or drifted dataset is profiled as soon as it is served again."""
    directory.because = NotServed.SUSPENDED
    schedule.round()
    assert connector.asked == []
    directory.because = None
    schedule.round()
    assert connector.asked == [RESIDENT]


def test_a_failed_profile_is_tried_again_in_the_next_period(
    schedule: QualitySchedule, connector: Connector, register: QualityRegister, clock: Clock
) -> None:
    """A connector that cannot answer is not asked all the time, and nothing is stored."""
    connector.fails = grpc.StatusCode.FAILED_PRECONDITION
    schedule.round()
    schedule.round()
    assert connector.asked == [RESIDENT]
    connector.fails = None
    clock.now += PERIOD
    schedule.round()
    assert [profile.at for profile in register.profiles(RESIDENT)] == [START + PERIOD]


def test_nonsense_of_a_connector_is_not_believed(
    schedule: QualitySchedule, connector: Connector, register: QualityRegister
) -> None:
    """Numbers below none count as none, and data from the future does not hide that it is late."""
    connector.profile = connector_pb2.ProfileResponse(rows=-1, duplicate_keys=-1, as_of=START + CLOCK_SECONDS_MAX + 1)
    schedule.round()
    (profile,) = register.profiles(RESIDENT)
    assert (profile.rows, profile.duplicate_keys, register.as_of(RESIDENT)) == (0, 0, 0)


def test_a_column_that_is_told_twice_counts_once(
    schedule: QualitySchedule, connector: Connector, register: QualityRegister
) -> None:
    """A hostile answer does not fill the register, and what it says first counts."""
    columns = [connector_pb2.ColumnProfile(name="phone", nulls=n, malformed=-1) for n in range(1, 1_000)]
    connector.profile = connector_pb2.ProfileResponse(rows=1, columns=columns)
    schedule.round()
    (profile,) = register.profiles(RESIDENT)
    assert profile.columns == (ColumnQuality(name="phone", nulls=1, malformed=0, outside_codes=0),)


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        (grpc.StatusCode.DEADLINE_EXCEEDED, [RESIDENT]),
        (grpc.StatusCode.UNAVAILABLE, [RESIDENT, "population.household"]),
    ],
)
def test_a_stalling_department_holds_a_round_up_only_once(
    schedule: QualitySchedule, connector: Connector, catalogue: Catalogue, code: grpc.StatusCode, asked: list[str]
) -> None:
    """Its other datasets wait for the next round; one that fails at once holds nobody up."""
    household = load_catalogue().datasets["population.household"]
    catalogue.datasets[household.name] = household
    connector.fails = code
    schedule.round()
    assert connector.asked == asked
    schedule.round()
    assert connector.asked == [RESIDENT, "population.household"]


def test_no_mishap_ends_the_schedule(
    schedule: QualitySchedule, directory: FixedDirectory, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a round raises is logged, and the next one is as good as ever."""
    serving, asked = directory.serving, threading.Event()
    mishaps = [KeyError("a bug")]

    def at_first_none(dataset: str) -> Serving:
        if mishaps:
            raise mishaps.pop()
        asked.set()
        return serving(dataset)

    monkeypatch.setattr(directory, "serving", at_first_none)
    monkeypatch.setattr("gateway.quality._PERIOD_SECONDS", 0.01)
    schedule.start()
    assert asked.wait(100)
    assert mishaps == []


def test_a_lost_database_ends_the_round(schedule: QualitySchedule, tmp_path: Path) -> None:
    """Nothing is stored anywhere else."""
    (tmp_path / "store.db").unlink()
    with pytest.raises(RegistryUnavailable):
        schedule.round()
