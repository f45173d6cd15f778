"""A department that is down: what is left can be asked for, and says what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from gateway.client import connect
from sharing_stubs.sharing.registry.v1 import registry_pb2 as pb
from sharing_stubs.sharing.registry.v1 import registry_pb2_grpc
from tests.browser.conftest import SignIn
from tests.browser.requests_of_offices import CLERK
from tests.browser.test_results import ask

SQL = "SELECT r.name, d.floors_total FROM population.resident r LEFT JOIN housing.dwelling d ON d.dwelling_code = r.dwelling_code"
WORDS = {
    "zh": ("已被停用", "先取其余数据", "已完成", "房屋基本信息"),
    "en": ("suspended", "Ask for the rest", "Complete", "Dwellings"),
}


@pytest.fixture
def without_housing(profiles: Path) -> Iterator[None]:
    """Suspend the connector of the housing department, until the end."""
    with connect(profiles / "department-housing.json") as connection:
        stub, headers = registry_pb2_grpc.RegistryServiceStub(connection.channel), connection.headers()
        stub.Suspend(pb.SuspendRequest(department="housing", reason="test"), metadata=headers)
        yield
        stub.Resume(pb.ResumeRequest(department="housing", reason="test"), metadata=headers)


@pytest.mark.usefixtures("without_housing")
@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_left_can_be_asked_for(signed_in: SignIn, language: str) -> None:
    """The failure says why, one click asks without the department, and the result names what is missing."""
    why, button, complete, missing = WORDS[language]
    page = signed_in(CLERK, language=language)
    ask(page, sql=SQL, purpose="elderly-care-visits")
    expect(page.get_by_role("alert")).to_contain_text(why)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_text(complete, exact=True)).to_be_visible()
    expect(page.locator(".notice.warn")).to_contain_text(missing)
    expect(page.get_by_role("button", name=button)).to_have_count(0)
