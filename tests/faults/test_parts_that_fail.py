"""A part that fails costs an answer, never a leak: a clear status in time, no partial table passed as whole."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gateway.doors.cli.local_city import PolicyEngine
from tests.cities import UNAVAILABLE, City, running_city
from tests.fakes.connectors import process, replaced_connector
from tests.opa_binary import opa_binary

ELDERLY = "elderly-care-visits"
ENTERPRISES = "SELECT credit_code, name FROM legal_entity.enterprise"
JOINED = "SELECT count(*) FROM legal_entity.enterprise e JOIN legal_entity.licence l ON l.credit_code = e.credit_code"
VISITS = "enterprise-visits"
RESIDENTS = "SELECT count(*) FROM population.resident"
DWELLINGS = "SELECT count(*) FROM housing.dwelling"
ANSWER_SECONDS_MAX = 60.0
RESIDENTS_COUNT = 2_000


@pytest.fixture(scope="module")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with running_city(tmp_path_factory.mktemp("city"), residents=RESIDENTS_COUNT) as city:
        yield city


@pytest.fixture(scope="module")
def opa_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city that is not patient with its policy engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPA_BINARY", opa_binary())
        patch.setenv("SHARING_POLICY__SECONDS_MAX", "10")
        with running_city(tmp_path_factory.mktemp("city"), residents=RESIDENTS_COUNT, policy=PolicyEngine.OPA) as city:
            yield city


def refused_in_time(city: City, sql: str, *, purpose: str) -> str:
    started = time.monotonic()
    error = city.refusal(sql, purpose=purpose)
    assert time.monotonic() - started < ANSWER_SECONDS_MAX
    assert error.status is UNAVAILABLE
    return error.reasons[0].code


@pytest.mark.parametrize("sql", [ENTERPRISES, JOINED], ids=["pass-through", "engine"])
def test_a_connector_that_dies_mid_stream_never_gives_a_whole_table(small_city, sql):
    """Batches had already left the department; the query fails all the same, and the log says so."""
    with replaced_connector(small_city, "market_supervision", batches=5):
        assert refused_in_time(small_city, sql, purpose=VISITS) == "CONNECTOR_UNAVAILABLE"
    receipt = small_city.entries(kind="receipt")[-1]["body"]
    assert (receipt["outcome"], receipt["reason"]) == ("failed", "CONNECTOR_UNAVAILABLE")


def test_twin_the_same_stream_with_its_end_is_an_answer(small_city):
    """Only the missing end makes the difference: with it the five rows are the answer."""
    with replaced_connector(small_city, "market_supervision", batches=-5):
        assert small_city.ask(ENTERPRISES, purpose=VISITS).table.num_rows == 5


def test_a_connector_killed_while_the_query_waits_for_it(small_city):
    """The query waits for a stopped connector; when that is killed, it ends with a clear status."""
    connector = process(small_city, "connectors", "serve", "housing")
    connector.suspend()
    codes: list[str] = []
    asking = threading.Thread(
        target=lambda: codes.append(small_city.refusal(DWELLINGS, purpose=ELDERLY).reasons[0].code)
    )
    asking.start()
    time.sleep(1)
    connector.kill()
    asking.join(ANSWER_SECONDS_MAX)
    assert codes == ["CONNECTOR_UNAVAILABLE"]
    assert refused_in_time(small_city, DWELLINGS, purpose=ELDERLY) == "CONNECTOR_UNAVAILABLE"


def test_the_departments_database_stops(small_city):
    """A connector without its database gives a status, no text of the driver, and no rows."""
    assert small_city.ask(RESIDENTS, purpose=ELDERLY).table.num_rows == 1
    postmasters = [
        p
        for p in psutil.process_iter(["cmdline"])
        if _is_postmaster(p, small_city.data / "databases" / "public_security")
    ]
    assert postmasters
    for postmaster in postmasters:
        postmaster.send_signal(signal.SIGQUIT)
    psutil.wait_procs(postmasters, timeout=ANSWER_SECONDS_MAX)
    assert refused_in_time(small_city, RESIDENTS, purpose=ELDERLY) == "CONNECTOR_UNAVAILABLE"


@pytest.mark.opa
def test_without_an_answer_of_the_policy_engine_nothing_is_released(opa_city):
    """Not knowing is denying; once the engine answers again so does the gateway."""
    assert opa_city.ask(RESIDENTS, purpose=ELDERLY).table.num_rows == 1
    opa = _policy_engine(opa_city)
    opa.suspend()
    assert refused_in_time(opa_city, RESIDENTS, purpose=ELDERLY) == "POLICY_SLOW"
    opa.resume()
    assert opa_city.ask(RESIDENTS, purpose=ELDERLY).table.num_rows == 1


@pytest.mark.opa
def test_without_the_policy_engine_nothing_is_released(opa_city):
    """Nobody else decides."""
    assert opa_city.ask(RESIDENTS, purpose=ELDERLY).table.num_rows == 1
    _policy_engine(opa_city).kill()
    assert refused_in_time(opa_city, RESIDENTS, purpose=ELDERLY) == "POLICY_UNAVAILABLE"


def _policy_engine(city: City) -> psutil.Process:
    """Return the city's own OPA server; other tests of this process may have left theirs."""
    (address,) = re.findall(r'opa_url = "http://([0-9.:]+)"', (city.data / "gateway.toml").read_text("utf-8"))
    (found,) = (
        c
        for c in psutil.process_iter(["cmdline"])
        if address in (c.info["cmdline"] or ()) and "--server" in c.info["cmdline"]
    )
    return found


def _is_postmaster(candidate: psutil.Process, folder: Path) -> bool:
    line = candidate.info["cmdline"] or []
    return bool(line) and line[0].endswith("postgres") and str(folder) in " ".join(line)
