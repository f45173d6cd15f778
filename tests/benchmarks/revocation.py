"""How soon a running delivery ends when what it rests on is revoked or stopped, against a recipient who hangs up."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.client import Connection, connect
from tests.benchmarks.measure import Latency, Line, Setting
from tests.cities import City, running_city
from tests.fakes.connectors import replaced_connector
from tests.governing import lift_stops, restore_access, revoke_access, stop

_CLERK, _PURPOSE = "nanjing-east-road", "enterprise-visits"
_ENDLESS = "SELECT credit_code, name FROM legal_entity.enterprise"
_CONTROLLER, _DATASET = "market_supervision", "legal_entity.enterprise"
_SECONDS_MAX = 1.0


def run(setting: Setting) -> list[Line]:
    """Measure."""
    count = setting.size(20, quick=3)
    revoked: list[float] = []
    stopped: list[float] = []
    hung_up: list[float] = []
    with (
        running_city(setting.folder, residents=2_000) as city,
        replaced_connector(city, _CONTROLLER, batches=0),
    ):
        for _ in range(count):
            revoked.append(_seconds_until_closed(city, lambda connection: revoke_access(city, "REQUESTER", _CLERK)))
            restore_access(city, "REQUESTER", _CLERK)
            stopped.append(
                _seconds_until_closed(city, lambda _: stop(city, "DATASET", _DATASET, controller=_CONTROLLER))
            )
            lift_stops(city)
            hung_up.append(_seconds_until_closed(city, Connection.close))
    baseline = Latency.of(hung_up)
    return [
        _line(f"{what} → receipt `revoked`, while rows stream", Latency.of(seconds), baseline=baseline, setting=setting)
        for what, seconds in (("revocation of the requester", revoked), ("stop of the dataset", stopped))
    ]


def _line(what: str, taken: Latency, *, baseline: Latency, setting: Setting) -> Line:
    return Line(
        what=what,
        measured=str(taken),
        baseline=f"recipient hangs up → receipt `cancelled`: {baseline}",
        ratio=taken.p50_ms / baseline.p50_ms,
        bar=f"≤ {_SECONDS_MAX:.0f} s",
        reached=None if setting.quick else taken.p99_ms <= _SECONDS_MAX * 1000,
        numbers={"p50_ms": taken.p50_ms, "p99_ms": taken.p99_ms, "baseline_p50_ms": baseline.p50_ms},
    )


def _seconds_until_closed(city: City, end: Callable[[Connection], object]) -> float:
    """Start a delivery, end it, and return the seconds until its receipt is in the log."""
    connection = connect(city.profile(_CLERK))
    result = connection.query(_ENDLESS, purpose=_PURPOSE, case="")  # kept: a result that nobody holds is hung up
    next(result.batches())
    before = len(city.entries(kind="receipt", purpose=_PURPOSE))
    started = time.time()
    end(connection)
    while len(receipts := city.entries(kind="receipt", purpose=_PURPOSE)) == before:
        time.sleep(0.02)
    connection.close()
    seconds: float = receipts[-1]["time_micros"] / 1e6 - started
    return seconds
