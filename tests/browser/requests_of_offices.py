"""What offices and departments ask of each other through the gateway itself, for the tests of the console."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from gateway.client import connect
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb
from sharing_stubs.sharing.requests.v1 import requests_pb2_grpc

CLERK = "nanjing-east-road"
VACCINATION = "health.vaccination"
OUTREACH = "vaccination-outreach"


def open_page(page: Page, name: str) -> None:
    """Follow the navigation to a page."""
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()


def file_need(profiles: Path, *, scenario: str, dataset: str = VACCINATION, purpose: str = OUTREACH) -> str:
    """File a need as a clerk; return its id."""
    request = pb.FileNeedRequest(
        dataset=dataset, purpose=purpose, scenario=scenario, needed_until=int(time.time()) + 90 * 86_400
    )
    with connect(profiles / f"{CLERK}.json") as connection:
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        return stub.FileNeed(request, metadata=connection.headers()).need.id


def dwelling(profiles: Path) -> tuple[str, str]:
    """Receive dwellings as a clerk; return the audit entry, and the code of one of them."""
    with connect(profiles / f"{CLERK}.json") as connection:
        result = connection.query(
            "SELECT dwelling_code, floors_total FROM housing.dwelling LIMIT 1", purpose="fire-safety-inspection"
        )
        (row,) = result.to_arrow().to_pylist()
        return str(result.receipt["entry"]), str(row["dwelling_code"])


def correct_dwelling(profiles: Path) -> None:
    """Report as a clerk that a dwelling has another number of floors."""
    entry, code = dwelling(profiles)
    request = pb.FileCorrectionRequest(
        dataset="housing.dwelling", entity_key=code, columns=["floors_total"], remark="现场为六层", receipt_entry=entry
    )
    with connect(profiles / f"{CLERK}.json") as connection:
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        stub.FileCorrection(request, metadata=connection.headers())


@contextmanager
def nothing_stays_stopped(profiles: Path, *, department: str = "health") -> Iterator[None]:
    """Lift whatever a department's steward has stopped by the end."""
    try:
        yield
    finally:
        with connect(profiles / f"department-{department}.json") as connection:
            stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
            listed = stub.ListStops(governance_pb2.ListStopsRequest(), metadata=connection.headers())
            for stop in listed.stops:
                if stop.controller == department:
                    request = governance_pb2.LiftStopRequest(id=stop.id, reason="over")
                    stub.LiftStop(request, metadata=connection.headers())
