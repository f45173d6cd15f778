"""A purpose that rests on a person's consent: asked for, recorded, used, withdrawn, all on the screen."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import serious_faults
from tests.browser.conftest import SignIn
from tests.browser.requests_of_offices import CLERK
from tests.browser.test_query import ALLOWED, DENIED, told

RECORD = {"zh": "登记同意", "en": "Record a consent"}
WITHDRAW = {"zh": "撤回同意", "en": "Withdraw a consent"}
RESIDENT = {"zh": "本人的公民身份号码", "en": "The person's resident ID"}


@pytest.fixture(scope="module")
def somebody(profiles: Path) -> str:
    """Return the ID of a resident of the clerk's street."""
    residents = pq.read_table(
        profiles.parent / "city" / "population.resident.parquet", columns=["resident_id", "residence_division"]
    ).to_pylist()
    return max(one["resident_id"] for one in residents if one["residence_division"].startswith("310101002"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_clerk_records_a_consent_and_withdraws_it(signed_in: SignIn, somebody: str, language: str) -> None:
    """From the denial to the form, back to the query that was not lost, and out again when the person says so."""
    page = signed_in(CLERK, path="/query?purpose=window-service", language=language)
    page.get_by_label("SQL", exact=True).fill(f"SELECT name FROM population.resident WHERE resident_id = '{somebody}'")
    told(page, DENIED[language])
    page.get_by_role("link", name=RECORD[language]).click()
    recording = page.get_by_role("region", name=RECORD[language])
    recording.get_by_label(RESIDENT[language]).fill("31010119500101")
    recording.get_by_label("同意书存放处" if language == "zh" else "Where the consent can be found").fill("desk 3, 12")
    recording.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("格式不正确" if language == "zh" else "malformed")
    expect(recording.get_by_label(RESIDENT[language])).to_have_value("31010119500101")
    recording.get_by_label(RESIDENT[language]).fill(somebody)
    recording.get_by_role("button").click()
    said = page.get_by_role("status")
    expect(said).to_contain_text("同意已登记，有效至" if language == "zh" else "The consent is recorded")
    assert somebody not in page.content()
    assert serious_faults(page) == []
    said.get_by_role("link").click()
    told(page, ALLOWED[language])
    page.get_by_role("navigation").get_by_role("link", name="个人同意" if language == "zh" else "Consents").click()
    withdrawing = page.get_by_role("region", name=WITHDRAW[language])
    withdrawing.get_by_label(RESIDENT[language]).fill(somebody)
    withdrawing.get_by_role("button").click()
    expect(said).to_contain_text("已撤回" if language == "zh" else "is withdrawn")
    other_language = page.get_by_role("link", name="English" if language == "zh" else "中文")
    expect(other_language).to_have_attribute("href", re.compile("to=/consents$"))
    said.get_by_role("link").click()
    told(page, DENIED[language])
