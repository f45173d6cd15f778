"""A clerk's result: rows while they come, pictures, files, and nobody else's."""

from __future__ import annotations

from playwright.sync_api import Page, expect

SQL = "SELECT name, sex, birth_date, residence_division, phone, household_id FROM population.resident"


def ask(
    page: Page, *, sql: str = SQL, purpose: str = "grid-inspection", title: str = "走访名单", case: str = ""
) -> None:
    """Ask as the editor does, and wait for the result's page."""
    page.evaluate(
        """async (form) => {
          const { provenFetch } = await import("/static/proof.js");
          await provenFetch("/-/results", { method: "POST", body: new URLSearchParams(form) });
        }""",
        {"sql": sql, "purpose": purpose, "title": title, "case": case},
    )
    page.wait_for_url("**/results/*")


def test_rows_are_shown(signed_in):
    page = signed_in("nanjing-east-road")
    ask(page)
    expect(page.get_by_role("grid")).to_be_visible()
    expect(page.get_by_text("已完成")).to_be_visible()
    page.screenshot(path="/tmp/w/c4_1.png", full_page=True)
