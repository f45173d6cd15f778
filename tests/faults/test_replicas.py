"""A department that runs two connectors does not notice the loss of one; without any, a query fails clearly or is partial."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from gateway.client import RequestError, connect
from tests.cities import INVALID_ARGUMENT, UNAVAILABLE, City, running_city
from tests.fakes.connectors import instances, process, second_config

VISITS, ELDERLY = "enterprise-visits", "elderly-care-visits"
ENTERPRISES = "SELECT credit_code, name FROM legal_entity.enterprise"
JOINED = (
    "SELECT e.name, l.licence_id FROM legal_entity.enterprise e "
    "JOIN legal_entity.licence l ON l.credit_code = e.credit_code"
)
HOMES = (
    "SELECT r.name, d.has_elevator FROM population.resident r "
    "LEFT JOIN housing.dwelling d ON d.dwelling_code = r.dwelling_code"
)
ASKING = 8
CLERKS = ("nanjing-east-road", "changfeng")
FEW = 20
"""Rows of an answer, for the day's quota is 50,000."""
WAIT_SECONDS_MAX = 200


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with running_city(tmp_path_factory.mktemp("city"), residents=2_000) as running:
        yield running


def start(city: City, config: Path) -> psutil.Popen:
    """Start a connector and wait until it listens."""
    log = (city.data / "logs" / f"{config.stem}-again.log").open("w")
    connector = psutil.Popen(
        [sys.executable, "-m", "connectors", "serve", str(config)], stdout=subprocess.PIPE, stderr=log, text=True
    )
    assert connector.stdout.readline().startswith("READY")
    return connector


@contextmanager
def replica(city: City, department: str) -> Iterator[psutil.Popen]:
    """Run a second connector of a department, with its own log and port, over the same database."""
    connector = start(city, second_config(city, department, name=f"{department}-replica"))
    try:
        wait_until(lambda: len(instances(city, department)) == 2)
        yield connector
    finally:
        connector.kill()
        connector.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.2)


class Asking:
    """Clerks who ask again and again until told to stop."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._stopped = threading.Event()
        self.answered = 0
        self.failed_before_a_batch: list[RequestError] = []
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(ASKING)]

    def __enter__(self) -> Asking:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        who, sql = CLERKS[number % 2], f"{(ENTERPRISES, JOINED)[number // 2 % 2]} LIMIT {FEW}"
        connection = connect(self._city.profile(who))
        while not self._stopped.is_set():
            batches = 0
            try:
                for _ in connection.query(sql, purpose=VISITS, case="").batches():
                    batches += 1
                self.answered += 1
            except RequestError as error:
                if batches == 0:
                    self.failed_before_a_batch.append(error)
        connection.close()


def grants_served(city: City, name: str) -> int:
    """Return how many scans a connector's own log says it served, by its size: enough to tell none from many."""
    return sum(file.stat().st_size for file in (city.data / "connectors" / f"{name}-log").glob("segment-*.log"))


def test_the_loss_of_one_of_two_connectors_under_load_fails_no_query(city):
    """Both work; one is killed while clerks ask; no query that had no rows yet fails."""
    with replica(city, "market_supervision") as second:
        before = grants_served(city, "market_supervision-replica")
        with Asking(city) as asking:
            time.sleep(2)
            answered = asking.answered
            second.kill()
            time.sleep(3)
        assert asking.failed_before_a_batch == []
        assert answered > 0
        assert asking.answered > answered
        assert grants_served(city, "market_supervision-replica") > before


def test_without_its_only_connector_a_query_fails_clearly_and_works_again_after_its_return(city):
    """The status names the dataset and what to do; the gateway needs no restart."""
    process(city, "connectors", "serve", "market_supervision.yaml").kill()
    error = city.refusal(ENTERPRISES, purpose=VISITS)
    assert error.status is UNAVAILABLE
    assert [reason.code for reason in error.reasons] == ["CONNECTOR_UNAVAILABLE"]
    assert "legal_entity.enterprise" in error.reasons[0].texts["message_zh"]
    connector = start(city, city.data / "connectors" / "market_supervision.yaml")
    try:
        wait_until(lambda: _answers(city))
    finally:
        connector.kill()
        connector.wait()


def _answers(city: City) -> bool:
    try:
        return city.ask(ENTERPRISES, purpose=VISITS).table.num_rows > 0
    except RequestError:
        return False


def test_a_partial_answer_is_given_on_request_and_says_what_is_missing(city):
    """By default the query fails; on request it comes without the dataset, and result, receipt, log and screen say so."""
    complete = city.ask(HOMES, purpose=ELDERLY, partial=True)
    assert json.loads(complete.table.schema.metadata[b"sharing.missing"]) == []
    process(city, "connectors", "serve", "housing.yaml").kill()
    assert city.refusal(HOMES, purpose=ELDERLY).status is UNAVAILABLE
    answer = city.ask(HOMES, purpose=ELDERLY, partial=True)
    assert answer.table.num_rows == complete.table.num_rows
    assert answer.table.column("has_elevator").null_count == answer.table.num_rows
    assert json.loads(answer.table.schema.metadata[b"sharing.missing"]) == ["housing.dwelling"]
    assert answer.receipt["datasets"]["housing.dwelling"]["missing"]
    assert not answer.receipt["datasets"]["population.resident"]["missing"]
    assert answer.receipt["datasets"]["population.resident"]["as_of"] > 0
    (receipt,) = [e for e in city.entries(kind="receipt") if e["entry_id"] == answer.receipt["receipt"]]
    assert {scan["dataset"]: scan["missing"] for scan in receipt["body"]["scans"]}["housing.dwelling"]
    screen = city.cli("query", HOMES, "--purpose", ELDERLY, "--partial", who="nanjing-east-road")
    assert screen.returncode == 0
    assert "缺少数据集“housing.dwelling”" in screen.stderr


def test_statistics_are_never_partial(city):
    """A number without one of its datasets would be wrong, so it is refused."""
    sql = "SELECT residence_division, count(*) FROM population.resident GROUP BY residence_division"
    with pytest.raises(RequestError) as caught:
        city.ask(sql, purpose="population-statistics", who="district-huangpu", partial=True)
    assert caught.value.status is INVALID_ARGUMENT
    assert [reason.code for reason in caught.value.reasons] == ["PARTIAL_REFUSED"]
